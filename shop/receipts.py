"""What the desk's page of money by hand shows: what waits for whom, and what was decided lately."""

from dataclasses import dataclass

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from catalog.models import Member
from shop.models import (
    OfflineReceipt,
    Order,
    OrderState,
    Payment,
    PaymentState,
    ReceiptState,
    Refund,
    RefundState,
)
from shop.payments.offline_gateway import OFFLINE

MOST_ROWS = 50
MOST_DECIDED = 20


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """A receipt with its order and the names of the two; `decider` is "" while it waits."""

    receipt: OfflineReceipt
    order: Order
    recorder: str
    decider: str


@dataclass(frozen=True, slots=True)
class RefundLine:
    """Money to hand back, with its order; `recorder` is "" until somebody says that it was."""

    refund: Refund
    order: Order
    recorder: str


async def waiting_receipts(session: AsyncSession, station_id: int) -> list[ReceiptLine]:
    """Receipts without a second person, the longest waiting first."""
    return await _receipts(session, station_id, decided=False)


async def decided_receipts(session: AsyncSession, station_id: int) -> list[ReceiptLine]:
    """The last receipts that were confirmed or sent back, the latest first."""
    return await _receipts(session, station_id, decided=True)


async def receipts_of(session: AsyncSession, order: Order) -> list[ReceiptLine]:
    """All receipts of an order, oldest first."""
    rows = await session.execute(
        _lines.where(Payment.order_id == order.id).order_by(OfflineReceipt.id)
    )
    return [ReceiptLine(receipt, o, who, by or "") for receipt, o, who, by in rows]


_recorder, _decider = aliased(Member), aliased(Member)
_lines = (
    select(OfflineReceipt, Order, _recorder.name, _decider.name)
    .join(Payment, Payment.id == OfflineReceipt.payment_id)
    .join(Order, Order.id == Payment.order_id)
    .join(_recorder, _recorder.id == OfflineReceipt.recorded_by)
    .outerjoin(_decider, _decider.id == OfflineReceipt.decided_by)
)


async def _receipts(session: AsyncSession, station_id: int, *, decided: bool) -> list[ReceiptLine]:
    waiting = OfflineReceipt.state == ReceiptState.RECORDED
    query = _lines.where(OfflineReceipt.station_id == station_id)
    if decided:
        query = query.where(~waiting).order_by(OfflineReceipt.decided_at.desc())
    else:
        query = query.where(waiting).order_by(OfflineReceipt.id)
    rows = await session.execute(query.limit(MOST_DECIDED if decided else MOST_ROWS))
    return [ReceiptLine(receipt, order, who, by or "") for receipt, order, who, by in rows]


async def promised_orders(session: AsyncSession, station_id: int) -> list[Order]:
    """Unpaid orders whose buyers mean to pay by the station's code, the next to expire first."""
    query = (
        select(Order)
        .where(Order.station_id == station_id, Order.state == OrderState.UNPAID)
        .where(
            Order.payments.any((Payment.gateway == OFFLINE) & (Payment.state == PaymentState.OPEN))
        )
        .where(
            ~select(OfflineReceipt.id)
            .join(Payment, Payment.id == OfflineReceipt.payment_id)
            .where(
                Payment.order_id == Order.id,
                OfflineReceipt.state == ReceiptState.RECORDED,
            )
            .exists()
        )
        .order_by(Order.expires_at)
    )
    return list(await session.scalars(query.limit(MOST_ROWS)))


async def refunds_by_hand(session: AsyncSession, station_id: int) -> list[RefundLine]:
    """Money that people must hand back, the longest waiting first."""
    people_do_it = or_(Payment.gateway == OFFLINE, Refund.recorded_by.is_not(None))
    open_ones = Refund.state.in_((RefundState.REQUESTED, RefundState.PENDING))
    query = (
        select(Refund, Order, Member.name)
        .join(Payment, Payment.id == Refund.payment_id)
        .join(Order, Order.id == Payment.order_id)
        .outerjoin(Member, Member.id == Refund.recorded_by)
        .where(
            Refund.station_id == station_id,
            or_(Refund.state == RefundState.FAILED, and_(people_do_it, open_ones)),
        )
        .order_by(Refund.id)
    )
    rows = await session.execute(query.limit(MOST_ROWS))
    return [RefundLine(refund, order, who or "") for refund, order, who in rows]
