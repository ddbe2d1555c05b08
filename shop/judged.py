"""Orders whose payments are being judged: locked, read with all that the judge needs, written back.

Many are read and written together, with one statement for each table.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.db import table
from catalog.models import Kind, Product
from catalog.one_of import one_of
from shop.models import (
    Hold,
    HoldState,
    Order,
    OrderLine,
    OrderState,
    Payment,
    PaymentState,
    WorkOrder,
)
from shop.payments.gateway import GatewaySession, SessionState
from shop.payments.offline_gateway import OFFLINE
from shop.refund_window import refund_until, shortest

_orders, _payments, _holds = table(Order), table(Payment), table(Hold)
_parts, _lines, _products = table(WorkOrder), table(OrderLine), table(Product)

_CONCERNED = (
    select(_payments.c.order_id).where(one_of(_payments.c.id, "payments")).scalar_subquery()
)
# An order's row stands for all its payments: two of them are judged one after the other.
_LOCK_ORDERS = (
    select(
        _orders.c.id,
        _orders.c.station_id,
        _orders.c.hold_id,
        _orders.c.token,
        _orders.c.state,
        _orders.c.total_fen,
        _orders.c.buyer_name,
        _orders.c.city,
        # Told with the order, for it only changes while the order's row is locked.
        _holds.c.state.label("hold_state"),
    )
    .join(_holds, _holds.c.id == _orders.c.hold_id)
    .where(_orders.c.id.in_(_CONCERNED))
    .order_by(_orders.c.id)
    .with_for_update(of=_orders)
)
_THEIR_PAYMENTS = (
    select(
        _payments.c.order_id,
        _payments.c.id,
        _payments.c.station_id,
        _payments.c.gateway,
        _payments.c.state,
        _payments.c.amount_fen,
        _payments.c.methods,
        _payments.c.session_id,
        _payments.c.intent_id,
        _payments.c.kept,
        _payments.c.settled_at,
    )
    .where(one_of(_payments.c.order_id, "orders"))
    .order_by(_payments.c.id)
)
_THEIR_LINES = (
    select(
        _parts.c.order_id,
        _parts.c.id,
        _parts.c.workshop_id,
        _parts.c.goods_fen,
        _parts.c.shipping_fen,
        _lines.c.product_id,
        _lines.c.line_up_item_id,
        _lines.c.quantity,
        _lines.c.unit_fen,
        _lines.c.fee_fen,
        _products.c.kind,
    )
    .join(_lines, _lines.c.work_order_id == _parts.c.id)
    .join(_products, _products.c.id == _lines.c.product_id)
    .where(one_of(_parts.c.order_id, "orders"))
    .order_by(_parts.c.id, _lines.c.id)
)
_WRITE_PAYMENT = (
    update(_payments)
    .where(_payments.c.id == bindparam("payment"))
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in (
                "state",
                "session_id",
                "intent_id",
                "kept",
                "method",
                "refund_until",
                "settled_at",
            )
        }
    )
)


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What a gateway told about one of our payments, and when we heard it.

    `gateway` is the one that told by itself; what we asked was asked at the payment's own.
    """

    payment_id: int
    session: GatewaySession
    now: datetime
    gateway: str | None = None


@dataclass(slots=True)
class JudgedPayment:
    """A payment as it stands after the judgement."""

    id: int
    station_id: int
    gateway: str
    state: PaymentState
    amount_fen: int
    methods: list[str]
    session_id: str | None
    intent_id: str | None
    kept: bool
    settled_at: datetime | None

    @property
    def method(self) -> str:
        """How it was paid, where there was but one way."""
        return self.methods[0] if len(self.methods) == 1 else ""

    @property
    def refund_until(self) -> date | None:
        """The last day on which money can surely go back this way; None while it is not paid."""
        if self.gateway == OFFLINE or self.state != PaymentState.SUCCEEDED:
            return None
        assert self.settled_at is not None
        return refund_until(self.method or shortest(self.methods), self.settled_at)


@dataclass(slots=True)
class Line:
    """One product of an order, as the judge needs it."""

    product_id: int
    line_up_item_id: int | None
    quantity: int
    unit_fen: int
    fee_fen: int
    kind: Kind


@dataclass(slots=True)
class Part:
    """What one workshop is owed for its lines and its postage, before the station's fee."""

    id: int
    workshop_id: int
    goods_fen: int
    shipping_fen: int
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class Judged:
    """An order that is locked, with its payments and parts."""

    id: int
    station_id: int
    hold_id: int
    token: str
    state: OrderState
    total_fen: int
    buyer_name: str
    city: str
    hold_state: HoldState
    payments: list[JudgedPayment] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    @property
    def keeps_pieces(self) -> bool:
        """Whether it is still to be paid, and its pieces wait for that."""
        return self.state == OrderState.UNPAID and self.hold_state == HoldState.ORDERED

    @property
    def lines(self) -> list[Line]:
        return [line for part in self.parts for line in part.lines]

    def payment(self, payment_id: int) -> JudgedPayment:
        return next(payment for payment in self.payments if payment.id == payment_id)


async def lock_orders(session: AsyncSession, asked: Sequence[Told]) -> dict[int, Judged]:
    """The orders of payments, by the payment's id, locked. What is judged is read after the lock
    is had, so it is what an earlier judgement left."""
    ids = [one.payment_id for one in asked]
    orders = {
        row.id: Judged(*row) for row in await session.execute(_LOCK_ORDERS, {"payments": ids})
    }
    if not orders:
        return {}
    by_payment: dict[int, Judged] = {}
    for order_id, *cells in await session.execute(_THEIR_PAYMENTS, {"orders": [*orders]}):
        orders[order_id].payments.append(JudgedPayment(*cells))
        by_payment[cells[0]] = orders[order_id]
    for order_id, *cells in await session.execute(_THEIR_LINES, {"orders": [*orders]}):
        parts = orders[order_id].parts
        if not parts or parts[-1].id != cells[0]:
            parts.append(Part(*cells[:4]))
        parts[-1].lines.append(Line(*cells[4:]))
    return by_payment


def note(payment: JudgedPayment, one: Told) -> None:
    """Take over what was told about a payment that has not succeeded yet."""
    payment.session_id = one.session.id
    payment.intent_id = one.session.intent_id or payment.intent_id
    if one.session.paid:
        payment.state, payment.settled_at = PaymentState.SUCCEEDED, one.now
    elif one.session.state == SessionState.EXPIRED and payment.state == PaymentState.OPEN:
        payment.state, payment.settled_at = PaymentState.EXPIRED, one.now


async def write_payments(session: AsyncSession, payments: Sequence[JudgedPayment]) -> None:
    rows = [
        {
            "payment": payment.id,
            "new_state": payment.state,
            "new_session_id": payment.session_id,
            "new_intent_id": payment.intent_id,
            "new_kept": payment.kept,
            "new_method": payment.method if payment.state == PaymentState.SUCCEEDED else "",
            "new_refund_until": payment.refund_until,
            "new_settled_at": payment.settled_at,
        }
        for payment in payments
    ]
    if rows:
        await session.execute(_WRITE_PAYMENT, rows)
