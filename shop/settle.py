"""The one function that judges a payment. Webhook, return page, sweep and desk all end here.

| gateway says | order is | outcome |
| --- | --- | --- |
| paid | unpaid | the order is paid, its work orders are new, the sale is posted |
| paid | expired, or cancelled unpaid; pieces still free | late money is taken, as above |
| paid | expired, or cancelled unpaid; pieces gone | the money is refunded |
| paid | unpaid, nothing held for it: it pays first | as late money: taken, or refunded |
| paid | paid already by another payment, whatever came of it | the second payment is refunded |
| expired | unpaid, nothing else open | the order expires and its pieces are free |
| open | any | nothing changes |
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import BindParameter, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import outbox
from catalog.db import table
from catalog.errors import NotFound, OutOfStock
from catalog.models import Kind, Product
from live import selling
from live.selling import Pieces, Sale, Share
from shop import ledger
from shop.fees import STATION
from shop.holds import give_back, lock_hold_of_order
from shop.models import (
    Hold,
    HoldState,
    Order,
    OrderLine,
    OrderState,
    Payment,
    PaymentState,
    Refund,
    RefundState,
    WorkOrder,
    WorkOrderState,
)
from shop.payments.gateway import GatewaySession, SessionState
from shop.payments.offline_gateway import OFFLINE
from shop.refund_window import refund_until, shortest
from shop.troubles import TroubleKind, open_trouble

ROUTE_JOB = "shop.route_order"
REFUND_JOB = "shop.send_refund"

_orders, _payments, _holds = table(Order), table(Payment), table(Hold)
_parts, _lines, _products = table(WorkOrder), table(OrderLine), table(Product)

_CONCERNED = (
    select(_payments.c.order_id)
    .where(_payments.c.id.in_(bindparam("payments", expanding=True)))
    .scalar_subquery()
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
    )
    .where(_orders.c.id.in_(_CONCERNED))
    .order_by(_orders.c.id)
    .with_for_update()
)
_OF_ORDERS: BindParameter[list[int]] = bindparam("orders", expanding=True)
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
    .where(_payments.c.order_id.in_(_OF_ORDERS))
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
    .where(_parts.c.order_id.in_(_OF_ORDERS))
    .order_by(_parts.c.id, _lines.c.id)
)
_KEEPING = select(_holds.c.id).where(
    _holds.c.id.in_(bindparam("holds", expanding=True)), _holds.c.state == HoldState.ORDERED
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
_WRITE_PAID = (
    update(_orders)
    .where(_orders.c.id.in_(_OF_ORDERS))
    .values(state=OrderState.PAID, paid_at=bindparam("at"))
)
_WRITE_PARTS = (
    update(_parts).where(_parts.c.order_id.in_(_OF_ORDERS)).values(state=bindparam("now_in"))
)


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What a gateway told about one of our payments, and when we heard it."""

    payment_id: int
    session: GatewaySession
    now: datetime


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
    payments: list[JudgedPayment] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    @property
    def lines(self) -> list[Line]:
        return [line for part in self.parts for line in part.lines]

    def payment(self, payment_id: int) -> JudgedPayment:
        return next(payment for payment in self.payments if payment.id == payment_id)


async def settle(
    session: AsyncSession, payment_id: int, told: GatewaySession, now: datetime
) -> Judged:
    """Bring payment and order in line with what the gateway told; repeating changes nothing.

    Locks the order, then its hold, items and stock by id, until the caller's transaction ends.
    Jobs for what follows are written with it. Returns the order as it stands then. Raises NotFound.
    """
    one = Told(payment_id, told, now)
    order = (await _lock(session, [one])).get(payment_id)
    if order is None:
        raise NotFound(f"payment {payment_id}")
    payment = order.payment(payment_id)
    if payment.state == PaymentState.SUCCEEDED:
        return order
    _note(payment, one)
    if told.paid:
        await _money_arrived(session, payment, order, now)
    elif told.state == SessionState.EXPIRED and payment.state == PaymentState.EXPIRED:
        await _write_payments(session, [payment])
        await _expire(session, order)
    else:
        await _write_payments(session, [payment])
    return order


async def settle_plain(session: AsyncSession, asked: Sequence[Told]) -> set[Told]:
    """Settle those of `asked` that are plain: the money of an unpaid order that keeps its pieces.

    All at once, with one statement for each table. Returns them, and those that were settled
    before; the others are for `settle`, each in a transaction of its own. Locks the orders by id.
    """
    orders = await _lock(session, asked)
    keeping = set(
        await session.scalars(_KEEPING, {"holds": [order.hold_id for order in orders.values()]})
        if orders
        else []
    )
    done: set[Told] = set()
    plain: dict[int, tuple[Judged, JudgedPayment, Told]] = {}
    for one in asked:
        order = orders.get(one.payment_id)
        if order is None or order.id in plain:
            continue
        payment = order.payment(one.payment_id)
        if payment.state == PaymentState.SUCCEEDED:
            done.add(one)
        elif one.session.paid and order.state == OrderState.UNPAID and order.hold_id in keeping:
            plain[order.id] = (order, payment, one)
            done.add(one)
    for _, payment, one in plain.values():
        _note(payment, one)
        payment.kept = True
    await _write_payments(session, [payment for _, payment, _ in plain.values()])
    await _confirm(
        session, [(order, payment, one.now) for order, payment, one in plain.values()], held=True
    )
    return done


async def _lock(session: AsyncSession, asked: Sequence[Told]) -> dict[int, Judged]:
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


def _note(payment: JudgedPayment, one: Told) -> None:
    """Take over what was told about a payment that has not succeeded yet."""
    payment.session_id = one.session.id
    payment.intent_id = one.session.intent_id or payment.intent_id
    if one.session.paid:
        payment.state, payment.settled_at = PaymentState.SUCCEEDED, one.now
    elif one.session.state == SessionState.EXPIRED and payment.state == PaymentState.OPEN:
        payment.state, payment.settled_at = PaymentState.EXPIRED, one.now


async def _write_payments(session: AsyncSession, payments: Sequence[JudgedPayment]) -> None:
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


async def _money_arrived(
    session: AsyncSession, payment: JudgedPayment, order: Judged, now: datetime
) -> None:
    # A cancelled order whose money was kept, and went back, has had its payment too.
    late = not any(other.kept for other in order.payments)
    unpaid = order.state == OrderState.UNPAID
    held = unpaid and order.hold_id in set(
        await session.scalars(_KEEPING, {"holds": [order.hold_id]})
    )
    if held or (late and await _take_again(session, order)):
        payment.kept = True
        await _write_payments(session, [payment])
        await _confirm(session, [(order, payment, now)], held=held)
        return
    await _write_payments(session, [payment])
    if unpaid:
        # It paid first, without a hold, and the pieces are gone.
        await _write_expired(session, order)
    await _refund_unplaced(session, payment, order, late, now)


async def _confirm(
    session: AsyncSession,
    paid: Sequence[tuple[Judged, JudgedPayment, datetime]],
    *,
    held: bool,
) -> None:
    """Orders are paid for: parts are new, sales counted and posted, the jobs that route written.

    `held` says that the line-up still counts their pieces as held.
    """
    if not paid:
        return
    ids = [order.id for order, _, _ in paid]
    await session.execute(_WRITE_PAID, {"orders": ids, "at": max(now for _, _, now in paid)})
    await session.execute(_WRITE_PARTS, {"orders": ids, "now_in": WorkOrderState.NEW})
    await selling.record_sales(
        session,
        [
            Sale(
                line.line_up_item_id,
                line.quantity,
                line.quantity if held else 0,
                line.quantity * line.unit_fen,
            )
            for order, _, _ in paid
            for line in order.lines
            if line.line_up_item_id is not None
        ],
    )
    await ledger.post_all(session, [_sale(order, payment, now) for order, payment, now in paid])
    for order, _, _ in paid:
        order.state = OrderState.PAID
    await outbox.add_all(
        session, ROUTE_JOB, max(now for _, _, now in paid), [{"order_id": id_} for id_ in ids]
    )


def _sale(order: Judged, payment: JudgedPayment, now: datetime) -> ledger.NewPosting:
    """What a paid order does: each family is owed its goods, less the fee, and its postage."""
    entries = [ledger.Entry("buyers", -order.total_fen)]
    for part in order.parts:
        fee = sum(line.fee_fen for line in part.lines)
        entries += [
            ledger.Entry("workshop", part.goods_fen, part.workshop_id, part.id),
            ledger.Entry("workshop", part.shipping_fen, part.workshop_id, part.id),
            ledger.Entry("workshop", -fee, part.workshop_id, part.id),
            ledger.Entry(STATION, fee, None, part.id),
        ]
    return ledger.NewPosting(
        station_id=order.station_id,
        cause=f"payment:{payment.id}",
        kind="sale",
        order_id=order.id,
        entries=[entry for entry in entries if entry.amount_fen],
        now=now,
    )


async def _take_again(session: AsyncSession, order: Judged) -> bool:
    """Take the pieces of an order that keeps none, all or none."""
    # From free stock, not from a show's fence: that show may be over.
    shares = [
        Share(line.product_id, None, line.quantity, line.kind == Kind.MADE_TO_ORDER)
        for line in order.lines
    ]
    pieces = await Pieces.lock(session, shares)
    try:
        with pieces.all_or_nothing():
            for share in shares:
                pieces.take(share)
    except OutOfStock:
        return False
    await pieces.write(session)
    return True


async def _refund_unplaced(
    session: AsyncSession, payment: JudgedPayment, order: Judged, late: bool, now: datetime
) -> None:
    await ledger.post(
        session,
        station_id=payment.station_id,
        cause=f"payment:{payment.id}",
        kind="unplaced",
        order_id=order.id,
        entries=[
            ledger.Entry("buyers", -payment.amount_fen),
            ledger.Entry("unplaced", payment.amount_fen),
        ],
        now=now,
    )
    reason = "付款来晚了，作品已经没有了" if late else "同一笔订单付了两次"
    row = await session.get_one(Payment, payment.id, populate_existing=True)
    await request_refund(
        session, row, f"unplaced:{payment.id}", None, payment.amount_fen, reason, now
    )
    await open_trouble(
        session,
        station_id=payment.station_id,
        kind=TroubleKind.LATE_PAYMENT if late else TroubleKind.SECOND_PAYMENT,
        subject=f"payment:{payment.id}",
        text=f"{reason}，钱正在退回。",
        order_id=order.id,
        now=now,
    )


async def request_refund(
    session: AsyncSession,
    payment: Payment,
    cause: str,
    work_order_id: int | None,
    amount_fen: int,
    reason: str,
    now: datetime,
) -> Refund:
    """Write down money to give back, and the job that sends it; once for one `cause`.

    The caller has locked the order's row. Raises ValueError when more would go back than was
    paid; that is our mistake, never a person's.

    The posting belongs to the caller for a work order; unplaced money is posted here.
    """
    back = await session.scalar(
        select(func.sum(Refund.amount_fen)).where(
            Refund.payment_id == payment.id, Refund.state != RefundState.FAILED
        )
    )
    if (back or 0) + amount_fen > payment.amount_fen:
        raise ValueError(f"{cause}: more would go back than payment {payment.id} brought")
    refund = Refund(
        station_id=payment.station_id,
        payment_id=payment.id,
        cause=cause,
        work_order_id=work_order_id,
        amount_fen=amount_fen,
        reason=reason,
        created_at=now,
    )
    session.add(refund)
    await session.flush()
    if work_order_id is None:
        await ledger.post(
            session,
            station_id=payment.station_id,
            cause=f"refund:{refund.id}",
            kind="refund",
            order_id=payment.order_id,
            entries=[ledger.Entry("unplaced", -amount_fen), ledger.Entry("buyers", amount_fen)],
            now=now,
        )
    outbox.add(session, REFUND_JOB, now, refund_id=refund.id)
    return refund


async def _expire(session: AsyncSession, order: Judged) -> None:
    if order.state != OrderState.UNPAID:
        return
    if any(payment.state == PaymentState.OPEN for payment in order.payments):
        return
    await _write_expired(session, order)
    hold = await lock_hold_of_order(session, order.hold_id)
    if hold.state == HoldState.ORDERED:
        await give_back(session, [hold], HoldState.LAPSED)


async def _write_expired(session: AsyncSession, order: Judged) -> None:
    order.state = OrderState.EXPIRED
    await session.execute(
        update(_orders).where(_orders.c.id == order.id).values(state=OrderState.EXPIRED)
    )
    await session.execute(_WRITE_PARTS, {"orders": [order.id], "now_in": WorkOrderState.CANCELLED})
