"""What an examination says: one finding for each thing looked at, with its faults."""

from dataclasses import dataclass, field

from shop.troubles import TroubleKind

# How many faults are named in one line.
NAMED = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """One row that is not as it must be. `subject` is as a trouble's: "product:3"."""

    station_id: int | None
    subject: str
    text: str
    order_id: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `kind` is the trouble that each of its faults is for the desk."""

    what: str
    well: str
    badly: str
    kind: TroubleKind | None = None
    faults: list[Fault] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.faults

    @property
    def text(self) -> str:
        """One line for whoever looks after the program."""
        if self.ok:
            return self.well
        names = [fault.subject.rpartition(":")[2] for fault in self.faults[:NAMED]]
        more = len(self.faults) - len(names)
        return f"{self.badly}: {', '.join(names)}{f' and {more} more' if more else ''}"
