"""What the rehearsal service is told, and what it can be asked to do wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

KEY_PREFIX = "sk_test_rehearsal"


class NotARehearsalKey(ValueError):
    """The key may open a real Stripe account, so it has no business here."""


class Behaviour(StrEnum):
    """How one payment goes. Chosen on the pay page, or by `metadata[rehearsal]`."""

    SUCCEED = "succeed"
    FAIL = "fail"  # declined, money unmoved, the session stays open
    SILENT = "silent"  # paid, but no event and no redirect: only asking finds out
    UNREACHABLE = "unreachable"  # the same, and for two minutes asking gets no answer
    TWICE = "twice"  # the event is delivered twice
    LATE = "late"  # the event comes LATE_SECONDS after the redirect
    EARLY = "early"  # the event is delivered before the redirect
    REFUSE_REFUND = "refuse_refund"  # paid; a refund is refused at once
    REFUND_LATER = "refund_later"  # paid; a refund is pending, then succeeds
    REFUND_FAILS = "refund_fails"  # paid; a refund is pending, then fails


@dataclass(frozen=True, slots=True)
class RehearsalConfig:
    """`base_url` is where browsers and programs reach the service, its mount path included.

    Several processes may share one `store_path`. Raises NotARehearsalKey for any key that is
    not marked as a rehearsal key, a live one above all.
    """

    store_path: Path
    api_key: str = field(repr=False)
    webhook_url: str
    webhook_secret: str = field(repr=False)
    base_url: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __post_init__(self) -> None:
        if not self.api_key.startswith(KEY_PREFIX):
            raise NotARehearsalKey(f"a rehearsal takes only keys that begin with {KEY_PREFIX}")

    def pay_url(self, session_id: str) -> str:
        return f"{self.base_url.rstrip('/')}/pay/{session_id}"
