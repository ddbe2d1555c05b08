"""What the desk must know at the start of a day: what waits, who is to be called, what was sold."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from catalog.access import Actor
from catalog.audit import record
from catalog.errors import NotFound
from shop.models import (
    Hold,
    HoldState,
    Notice,
    Order,
    OrderLine,
    OrderState,
    Waiter,
    WorkOrder,
    WorkOrderState,
)
from shop.orders import day_span
from shop.rehearsal_rule import of_rehearsal
from shop.routing import NEW_WORK
from shop.waiting import YOUR_TURN

MOST_ROWS = 50


@dataclass(frozen=True, slots=True)
class Takings:
    """What was paid for on one day: orders, fen with postage, pieces."""

    orders: int
    total_fen: int
    pieces: int


async def takings(session: AsyncSession, station_id: int, day: date) -> Takings:
    """The orders whose money came on `day` in Beijing, whatever became of them since.

    Rehearsals are left out.
    """
    start, end = day_span(day)
    paid = (
        Order.station_id == station_id,
        Order.paid_at >= start,
        Order.paid_at < end,
        ~of_rehearsal(),
    )
    orders, total = (
        await session.execute(
            select(func.count(), func.coalesce(func.sum(Order.total_fen), 0)).where(*paid)
        )
    ).one()
    pieces = await session.scalar(
        select(func.coalesce(func.sum(OrderLine.quantity), 0))
        .join(WorkOrder, WorkOrder.id == OrderLine.work_order_id)
        .join(Order, Order.id == WorkOrder.order_id)
        .where(*paid)
    )
    return Takings(int(orders), int(total), int(pieces or 0))


async def unanswered(session: AsyncSession, station_id: int) -> list[WorkOrder]:
    """Paid work orders that no workshop has taken yet, the longest waiting first."""
    query = (
        select(WorkOrder)
        .join(WorkOrder.order)
        .where(WorkOrder.station_id == station_id, WorkOrder.state == WorkOrderState.NEW)
        .options(
            joinedload(WorkOrder.order),
            joinedload(WorkOrder.workshop),
            selectinload(WorkOrder.lines),
        )
        .order_by(Order.paid_at, WorkOrder.id)
    )
    return list(await session.scalars(query.limit(MOST_ROWS)))


async def open_notices(session: AsyncSession, station_id: int) -> list[Notice]:
    """The calls still to be made, oldest first, with the families to call.

    Before all others come the buyers whose turn it is: they have a quarter of an hour. Nobody is
    called about new work that the family has answered already, or a turn that is over.
    """
    answered = (Notice.kind == NEW_WORK) & (WorkOrder.state != WorkOrderState.NEW)
    turn = Notice.kind == YOUR_TURN
    query = (
        select(Notice)
        .outerjoin(WorkOrder, WorkOrder.id == Notice.work_order_id)
        .outerjoin(Waiter, Waiter.id == Notice.waiter_id)
        .outerjoin(Hold, Hold.id == Waiter.hold_id)
        .where(
            Notice.station_id == station_id,
            Notice.done_at.is_(None),
            answered.is_not(True),
            (turn & (Hold.state != HoldState.ACTIVE)).is_not(True),
        )
        .options(joinedload(Notice.workshop))
        .order_by(turn.desc(), Notice.id)
    )
    return list(await session.scalars(query.limit(MOST_ROWS)))


async def finish_notice(
    session: AsyncSession, actor: Actor, notice_id: int, now: datetime
) -> Notice:
    """Note that the call was made, and by whom; the first to say so stands. Raises NotFound."""
    notice = await session.get(Notice, notice_id, with_for_update=True)
    if notice is None or notice.station_id != actor.station_id:
        raise NotFound(f"notice {notice_id}")
    if notice.done_at is None:
        notice.done_at, notice.done_by = now, actor.member_id
        record(session, actor, "notice.done", notice, now, after={"text": notice.text})
    return notice


async def running_out(session: AsyncSession, station_id: int) -> list[Order]:
    """Orders that nobody has paid for yet, the next to expire first."""
    query = (
        select(Order)
        .where(Order.station_id == station_id, Order.state == OrderState.UNPAID)
        .order_by(Order.expires_at)
    )
    return list(await session.scalars(query.limit(MOST_ROWS)))


def age_text(age: timedelta) -> str:
    """How long something has waited, in the largest unit that fits: "5 小时"."""
    minutes = max(0, int(age.total_seconds()) // 60)
    if minutes >= 48 * 60:
        return f"{minutes // (24 * 60)} 天"
    return f"{minutes // 60} 小时" if minutes >= 60 else f"{minutes} 分钟"
