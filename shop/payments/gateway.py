"""What a payment gateway does for us, without HTTP and without tables.

The other side may be Stripe, the rehearsal service, or people at the station who count the money
themselves; callers cannot tell. All amounts are whole fen, all times aware UTC. Callers choose the idempotency keys, so a call that was cut
short may be repeated with the same key and moves money once.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

METHODS = ("card", "alipay", "wechat_pay")
"""What a buyer may pay with at a gateway, as Stripe names it."""


class SessionState(StrEnum):
    """Where a payment session stands; `OPEN` is the only state in which a buyer can pay."""

    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


class RefundState(StrEnum):
    """Where a refund stands; `SUCCEEDED`, `FAILED` and `CANCELED` are final."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """One payment to be made. `expires_at` lies 30 minutes to 24 hours ahead (Stripe's rule).

    `cancel_url` is the order's own page. `methods` are those of METHODS that can succeed where the
    buyer is; a repeated request names the same ones, or its key is refused.
    """

    payment_id: int
    order_code: str
    amount_fen: int
    description: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    idempotency_key: str
    methods: tuple[str, ...] = METHODS


@dataclass(frozen=True, slots=True)
class GatewaySession:
    """A payment session as the gateway tells it.

    `url` is the page where the buyer pays, present only while the session is open. `intent_id`
    names the money for refunds, present once a payment was made. `payment_id` is ours, None
    when the session was not made by us.
    """

    id: str
    url: str | None
    state: SessionState
    paid: bool
    amount_fen: int
    intent_id: str | None
    payment_id: int | None


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Money to give back from one payment, in part or whole."""

    intent_id: str
    amount_fen: int
    idempotency_key: str
    payment_id: int


@dataclass(frozen=True, slots=True)
class GatewayRefund:
    """A refund as the gateway tells it; `payment_id` is ours, None when not made by us."""

    id: str
    state: RefundState
    amount_fen: int
    intent_id: str | None
    payment_id: int | None


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """A verified message from the gateway. It shows the past: fetch before moving money.

    At most one of `session` and `refund` is set; neither for a type we do not use.
    """

    id: str
    type: str
    session: GatewaySession | None
    refund: GatewayRefund | None
    created: datetime


class GatewayUnavailable(Exception):
    """No usable answer: network, timeout, 5xx, too many requests. The same call may be repeated."""


class GatewayRefused(Exception):
    """A final no; carries the provider's own message."""


class SessionNotOpen(Exception):
    """The session is complete or expired already. Fetch it to see which."""


class BadSignature(Exception):
    """A message that did not come from the gateway, or came too late to be believed."""


class Gateway(Protocol):
    """A way to be paid. Every method that talks raises GatewayUnavailable or GatewayRefused."""

    name: str

    async def create_session(self, request: SessionRequest) -> GatewaySession: ...

    async def fetch_session(self, session_id: str) -> GatewaySession: ...

    async def expire_session(self, session_id: str) -> GatewaySession:
        """Close an open session, so that no money can arrive. Raises SessionNotOpen."""
        ...

    async def refund(self, request: RefundRequest) -> GatewayRefund: ...

    async def fetch_refund(self, refund_id: str) -> GatewayRefund: ...

    def verify_event(self, payload: bytes, signature: str, now: datetime) -> GatewayEvent:
        """Read the raw body of a webhook call. Raises BadSignature."""
        ...

    async def aclose(self) -> None: ...


@runtime_checkable
class Listing(Protocol):
    """A gateway that can be asked for all that was paid, not only for what we know of."""

    async def paid_since(self, since: datetime) -> list[GatewaySession]:
        """The sessions paid since then, newest first. Raises GatewayUnavailable, GatewayRefused."""
        ...
