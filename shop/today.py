"""What the desk must know at the start of a day: what waits, who is to be called, what was sold."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from catalog.access import WORK_ORDER_DESK, Actor
from catalog.audit import record
from catalog.own import own
from shop.models import (
    Notice,
    Order,
    OrderLine,
    OrderState,
    WorkOrder,
    WorkOrderState,
)
from shop.orders import day_span
from shop.rehearsal_rule import of_rehearsal

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


async def finish_notice(
    session: AsyncSession, actor: Actor, notice_id: int, now: datetime
) -> Notice:
    """Note that the call was made, and by whom; the first to say so stands. Raises NotFound."""
    notice = await own(session, actor, Notice, notice_id, lock=True)
    if notice.done_at is None:
        notice.done_at, notice.done_by = now, actor.member_id
        record(session, actor, "notice.done", notice, now, after={"text": notice.text})
    return notice


async def take_notice(session: AsyncSession, actor: Actor, notice_id: int, now: datetime) -> Notice:
    """Say that one makes a call oneself, also where another meant to. Raises NotFound."""
    actor.must_be(WORK_ORDER_DESK)
    notice = await own(session, actor, Notice, notice_id, lock=True)
    if notice.done_at is None and notice.owner_id != actor.member_id:
        before, notice.owner_id = notice.owner_id, actor.member_id
        told = {"owner": actor.member_id, "text": notice.text}
        record(session, actor, "notice.take", notice, now, before={"owner": before}, after=told)
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
