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
from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import outbox
from catalog.db import table
from catalog.errors import NotFound, OutOfStock
from catalog.models import Kind
from catalog.one_of import one_of
from live import announcements, selling
from live.selling import Pieces, Sale, Share
from shop import ledger
from shop.fees import STATION
from shop.holds import give_back, lock_hold_of_order
from shop.judged import Judged, JudgedPayment, Told, lock_orders, note, write_payments
from shop.models import (
    Hold,
    HoldState,
    Order,
    OrderState,
    Payment,
    PaymentState,
    Refund,
    RefundState,
    WorkOrder,
    WorkOrderState,
)
from shop.payments.gateway import GatewaySession
from shop.troubles import TroubleKind, open_trouble

ROUTE_JOB = "shop.route_order"
REFUND_JOB = "shop.send_refund"

_orders, _parts, _holds = table(Order), table(WorkOrder), table(Hold)

_WRITE_PAID = (
    update(_orders)
    .where(one_of(_orders.c.id, "orders"))
    .values(state=OrderState.PAID, paid_at=bindparam("at"))
)
_WRITE_PARTS = (
    update(_parts).where(one_of(_parts.c.order_id, "orders")).values(state=bindparam("now_in"))
)


async def settle(
    session: AsyncSession, payment_id: int, told: GatewaySession, now: datetime
) -> Judged:
    """Bring payment and order in line with what the gateway told; repeating changes nothing.

    Locks the order, then its hold, items and stock by id, until the caller's transaction ends.
    Jobs for what follows are written with it. Returns the order as it stands then. Raises NotFound.
    """
    one = Told(payment_id, told, now)
    order = (await lock_orders(session, [one])).get(payment_id)
    if order is None:
        raise NotFound(f"payment {payment_id}")
    payment = order.payment(payment_id)
    if payment.state == PaymentState.SUCCEEDED:
        return order
    note(payment, one)
    if told.paid:
        await _money_arrived(session, payment, order, now)
        return order
    await write_payments(session, [payment])
    if payment.state == PaymentState.EXPIRED:
        await _expire(session, order)
    return order


async def settle_plain(session: AsyncSession, asked: Sequence[Told]) -> set[Told]:
    """Settle those of `asked` that are plain: the money of an unpaid order that keeps its pieces.

    All at once, with one statement for each table. Returns them, and those that were settled
    before; the others are for `settle`, each in a transaction of its own, and so is what was told
    by another gateway or about another amount. Locks the orders by id.
    """
    orders = await lock_orders(session, asked)
    done: set[Told] = set()
    plain: dict[int, tuple[Judged, JudgedPayment, Told]] = {}
    for one in asked:
        order = orders.get(one.payment_id)
        if order is None or order.id in plain:
            continue
        payment = order.payment(one.payment_id)
        if one.session.amount_fen != payment.amount_fen or one.gateway != payment.gateway:
            continue
        if payment.state == PaymentState.SUCCEEDED:
            done.add(one)
        elif one.session.paid and order.keeps_pieces:
            plain[order.id] = (order, payment, one)
            done.add(one)
    for _, payment, one in plain.values():
        note(payment, one)
        payment.kept = True
    await write_payments(session, [payment for _, payment, _ in plain.values()])
    await _confirm(
        session, [(order, payment, one.now) for order, payment, one in plain.values()], held=True
    )
    return done


async def _money_arrived(
    session: AsyncSession, payment: JudgedPayment, order: Judged, now: datetime
) -> None:
    # A cancelled order whose money was kept, and went back, has had its payment too.
    late = not any(other.kept for other in order.payments)
    unpaid = order.state == OrderState.UNPAID
    if order.keeps_pieces or (late and await _take_again(session, order, of_show=unpaid)):
        payment.kept = True
        await write_payments(session, [payment])
        await _confirm(session, [(order, payment, now)], held=unpaid)
        return
    await write_payments(session, [payment])
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
    await announcements.add_all(
        session,
        [
            announcements.Sold(
                line.line_up_item_id, line.quantity, order.buyer_name, order.city, now
            )
            for order, _, now in paid
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


async def _take_again(session: AsyncSession, order: Judged, *, of_show: bool) -> bool:
    """Take the pieces of an order that keeps none, all or none.

    Late money takes from free stock alone, for the show of its pieces may be over. Who pays first
    has a right to the show's own: with `of_show` these go first.
    """
    shares = [
        Share(
            line.product_id,
            line.line_up_item_id if of_show else None,
            line.quantity,
            line.kind == Kind.MADE_TO_ORDER,
        )
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
    reason = "钱到的时候作品已经没有了" if late else "同一笔订单付了两次"
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
