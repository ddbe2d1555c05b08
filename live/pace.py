"""How a show stands against its plan. `docs/console.md` has the rule and worked examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from live.models import Airing

_NONE = timedelta()


@dataclass(frozen=True, slots=True)
class Aired:
    """One airing: which item, from when, until when; None while it lasts."""

    item_id: int
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Pace:
    """A show against its plan at `at`.

    `on` is how long the item that is on has been on, all its airings together, and `plan` how long
    it may be. `others` is what the items that were on before took more (+) or less (-) than
    planned, `to_come` what is planned for those that were not on yet.
    """

    at: datetime
    on: timedelta
    plan: timedelta
    others: timedelta
    to_come: timedelta

    @property
    def since(self) -> datetime:
        """Since when the item would have been on, had it been on without a break."""
        return self.at - self.on

    @property
    def behind(self) -> timedelta:
        """How much later (+) or earlier (-) the show will be over than planned."""
        return self.others + max(_NONE, self.on - self.plan)

    @property
    def over_at(self) -> datetime:
        """When the show will be over if everything that is left takes what is planned for it."""
        return self.at + max(_NONE, self.plan - self.on) + self.to_come

    @property
    def text(self) -> str:
        """Whole minutes, in words."""
        minutes = int(abs(self.behind).total_seconds()) // 60
        if not minutes:
            return "准点"
        return f"慢 {minutes} 分钟" if self.behind > _NONE else f"快 {minutes} 分钟"

    @property
    def on_text(self) -> str:
        """ "3:12 / 5:00"."""
        return f"{clock(self.on)} / {clock(self.plan)}"


def pace(minutes: Mapping[int, int], airings: Sequence[Aired], now: datetime) -> Pace | None:
    """The pace of a show whose line-up plans `minutes` by item id; None while nothing is on.

    Time between two spans on air does not count: a show that was ended by mistake and taken up
    again is no later for it.
    """
    on = next((airing.item_id for airing in airings if airing.ended_at is None), None)
    if on is None or on not in minutes:
        return None
    aired: dict[int, timedelta] = {}
    for airing in airings:
        span = (airing.ended_at or now) - airing.started_at
        aired[airing.item_id] = aired.get(airing.item_id, _NONE) + max(_NONE, span)
    planned = {item_id: timedelta(minutes=count) for item_id, count in minutes.items()}
    over = [item_id for item_id in aired if item_id != on and item_id in planned]
    ahead = [item_id for item_id in planned if item_id not in aired]
    return Pace(
        at=now,
        on=aired[on],
        plan=planned[on],
        others=sum((aired[item_id] - planned[item_id] for item_id in over), _NONE),
        to_come=sum((planned[item_id] for item_id in ahead), _NONE),
    )


async def aired(session: AsyncSession, show_id: int) -> list[Aired]:
    """The airings of a show in their order."""
    query = select(Airing.line_up_item_id, Airing.started_at, Airing.ended_at)
    query = query.where(Airing.show_id == show_id).order_by(Airing.started_at, Airing.id)
    return [Aired(*row) for row in await session.execute(query)]


def clock(span: timedelta) -> str:
    """Minutes and seconds, "3:12"; hours stay in the minutes, as a speaker counts them."""
    seconds = max(0, int(span.total_seconds()))
    return f"{seconds // 60}:{seconds % 60:02d}"
