"""The one function that judges a payment. Webhook, return page, sweep and desk all end here.

| gateway says | order is | outcome |
| --- | --- | --- |
| paid | unpaid | the order is paid, its work orders are new, the sale is posted |
| paid | expired, or cancelled unpaid; pieces still free | late money is taken, as above |
| paid | expired, or cancelled unpaid; pieces gone | the money is refunded |
| paid | paid already by another payment, whatever came of it | the second payment is refunded |
| expired | unpaid, nothing else open | the order expires and its pieces are free |
| open | any | nothing changes |
"""

from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog import outbox
from catalog.errors import NotFound, OutOfStock
from live import selling
from shop import ledger
from shop.holds import give_back, lock_hold
from shop.models import (
    Hold,
    HoldState,
    Order,
    OrderLine,
    OrderState,
    Payment,
    PaymentState,
    Refund,
    WorkOrder,
    WorkOrderState,
)
from shop.payments.gateway import GatewaySession, SessionState

ROUTE_JOB = "shop.route_order"
REFUND_JOB = "shop.send_refund"

_LOCK_ORDER = (
    select(Order.id)
    .where(
        Order.id
        == select(Payment.order_id).where(Payment.id == bindparam("payment_id")).scalar_subquery()
    )
    .with_for_update()
)
_ORDER = (
    select(Order)
    .where(Order.id == bindparam("order_id"))
    .options(joinedload(Order.payments), joinedload(Order.work_orders).joinedload(WorkOrder.lines))
    .execution_options(populate_existing=True)
)


async def settle(
    session: AsyncSession, payment_id: int, told: GatewaySession, now: datetime
) -> Order:
    """Bring payment and order in line with what the gateway told; repeating changes nothing.

    Returns the order with its payments, work orders and lines.
    Locks payment, order and hold, then items and stock by product id, until the caller's
    transaction ends. Jobs for what follows are written with it. Raises NotFound.
    """
    payment, order = await _locked(session, payment_id)
    if payment.state == PaymentState.SUCCEEDED:
        return order
    payment.session_id = told.id
    payment.intent_id = told.intent_id or payment.intent_id
    if told.paid:
        payment.state, payment.settled_at = PaymentState.SUCCEEDED, now
        await _money_arrived(session, payment, order, now)
    elif told.state == SessionState.EXPIRED and payment.state == PaymentState.OPEN:
        payment.state, payment.settled_at = PaymentState.EXPIRED, now
        await _expire(session, order)
    await session.flush()
    return order


async def _locked(session: AsyncSession, payment_id: int) -> tuple[Payment, Order]:
    # The order's row stands for all its payments: two of them are judged one after the other.
    # What is judged is read after the lock is had, so it is what the other one left.
    order_id = await session.scalar(_LOCK_ORDER, {"payment_id": payment_id})
    if order_id is None:
        raise NotFound(f"payment {payment_id}")
    order = (await session.scalars(_ORDER, {"order_id": order_id})).unique().one()
    return next(payment for payment in order.payments if payment.id == payment_id), order


async def _money_arrived(
    session: AsyncSession, payment: Payment, order: Order, now: datetime
) -> None:
    if order.state == OrderState.UNPAID:
        await _confirm(session, payment, order, now, was_holding=True)
        return
    # A cancelled order whose money was kept, and went back, has had its payment too.
    late = not any(other.kept for other in order.payments)
    if late and await _take_again(session, order):
        await _confirm(session, payment, order, now, was_holding=False)
        return
    await _receive_unplaced(session, payment, now)
    reason = "付款来晚了，作品已经没有了" if late else "同一笔订单付了两次"
    cause = f"unplaced:{payment.id}"
    await request_refund(session, payment, cause, None, payment.amount_fen, reason, now)


async def _confirm(
    session: AsyncSession, payment: Payment, order: Order, now: datetime, *, was_holding: bool
) -> None:
    payment.kept = True
    order.state, order.paid_at = OrderState.PAID, now
    for work_order in order.work_orders:
        work_order.state = WorkOrderState.NEW
    for line in _by_product(order):
        if line.line_up_item_id is not None:
            await selling.record_sale(
                session,
                line.line_up_item_id,
                line.quantity,
                line.quantity * line.unit_fen,
                was_holding=was_holding,
            )
    await ledger.post(
        session,
        station_id=order.station_id,
        cause=f"payment:{payment.id}",
        kind="sale",
        order_id=order.id,
        entries=ledger.sale_entries(order),
        now=now,
    )
    outbox.add(session, ROUTE_JOB, now, order_id=order.id)


def _by_product(order: Order) -> list[OrderLine]:
    """All lines in the order in which items and stock are locked."""
    lines = [line for work_order in order.work_orders for line in work_order.lines]
    return sorted(lines, key=lambda line: line.product_id)


async def _take_again(session: AsyncSession, order: Order) -> bool:
    """Take the pieces of a lapsed order once more, all or none."""
    try:
        async with session.begin_nested():
            for line in _by_product(order):
                # From free stock, not from a show's fence: that show may be over.
                offered = await selling.offer_of_product(session, line.product_id)
                await selling.take(session, offered, line.quantity)
    except OutOfStock:
        return False
    return True


async def _receive_unplaced(session: AsyncSession, payment: Payment, now: datetime) -> None:
    await ledger.post(
        session,
        station_id=payment.station_id,
        cause=f"payment:{payment.id}",
        kind="unplaced",
        order_id=payment.order_id,
        entries=[
            ledger.Entry("buyers", -payment.amount_fen),
            ledger.Entry("unplaced", payment.amount_fen),
        ],
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

    The posting belongs to the caller for a work order; unplaced money is posted here.
    """
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


async def _expire(session: AsyncSession, order: Order) -> None:
    if order.state != OrderState.UNPAID:
        return
    if any(payment.state == PaymentState.OPEN for payment in order.payments):
        return
    order.state = OrderState.EXPIRED
    for work_order in order.work_orders:
        work_order.state = WorkOrderState.CANCELLED
    token = await session.scalar(select(Hold.token).where(Hold.id == order.hold_id))
    hold = await lock_hold(session, str(token))
    await give_back(session, hold, HoldState.LAPSED)
