"""Families that fall behind: work that comes out later than its buyer was promised.

`docs/promises.md` has the rule. The desk and the family are told at once, the buyers in the
morning, when the work is late by `TELL_FROM` open days.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from catalog import outbox
from catalog.db import Database
from shop import notices, work_orders
from shop.channels import Audience
from shop.dates import change_date
from shop.languages import CHINESE
from shop.models import WorkOrder, WorkOrderState
from shop.promise import DAY, IN_HAND, Queue, beijing_day, open_days, queues
from shop.troubles import TroubleKind, close_trouble, open_ids, open_trouble

TELL_FROM = 2

# Whoever has paid waits; and only what a family has taken on is late by its doing.
_WAITED_FOR = (WorkOrderState.NEW, WorkOrderState.ACCEPTED, WorkOrderState.MAKING)
_TAKEN_ON = (WorkOrderState.ACCEPTED, WorkOrderState.MAKING)


@dataclass(frozen=True, slots=True)
class Late:
    """A work order that would be done on `likely_on`, so many open days after it was promised."""

    work_order: WorkOrder
    promised_on: date
    likely_on: date
    days: int

    @property
    def buyer_is_told(self) -> bool:
        """Whether the program changes the date and tells the buyer, in the morning."""
        return self.work_order.state in _TAKEN_ON and self.days >= TELL_FROM

    @property
    def pieces(self) -> str:
        return "、".join(line.name for line in self.work_order.lines)


async def look_each_morning(database: Database, now: datetime) -> int:
    """Tell buyers of what is late by days, then the desk of what else is behind; how many were told.

    One transaction for each buyer. Repeating changes nothing: the new date is the likely one.
    """
    async with database.reading() as session:
        late = await find_to_tell(session, now)
    told = 0
    for one in late:
        async with database.writing.begin() as session:
            told += await _tell_buyer(session, one, now)
    async with database.writing.begin() as session:
        await look_now(session, now)
    return told


async def look_again(database: Database, job_id: int, now: datetime) -> None:
    """Do the job that a closure or a changed date has left: the desk and the families are told."""
    async with database.writing.begin() as session:
        if await outbox.take(session, job_id):
            await look_now(session, now)


async def look_now(session: AsyncSession, now: datetime) -> None:
    """Open a trouble for each work order that is behind, and close those that have caught up."""
    late = await find_late(session, now)
    known = await open_ids(session, TroubleKind.BEHIND, "work_order")
    for one in late:
        if one.work_order.id not in known:
            await _tell_desk(session, one, now)
            await _tell_family(session, one, now)
    for work_order_id in sorted(known - {one.work_order.id for one in late}):
        await close_trouble(session, TroubleKind.BEHIND, f"work_order:{work_order_id}", now)


async def find_late(session: AsyncSession, now: datetime) -> list[Late]:
    """What comes out later than promised, at all families, each family's in the order of work."""
    today = beijing_day(now)
    working = select(WorkOrder.workshop_id).where(WorkOrder.state.in_(IN_HAND)).distinct()
    found = await queues(session, list(await session.scalars(working)), today)
    late = {one: facts for queue in found.values() for one, facts in _late(queue, today)}
    query = (
        select(WorkOrder)
        .where(WorkOrder.id.in_(late), WorkOrder.state.in_(_WAITED_FOR))
        .options(
            joinedload(WorkOrder.order),
            joinedload(WorkOrder.workshop),
            selectinload(WorkOrder.lines),
        )
    )
    rows = {row.id: row for row in await session.scalars(query)} if late else {}
    return [Late(rows[one], *facts) for one, facts in late.items() if one in rows]


async def find_to_tell(session: AsyncSession, now: datetime) -> list[Late]:
    """What buyers are told of in the morning, each with the day that holds once all are told.

    Who is promised a later day is carved for later too, behind others; that may take longer still.
    """
    today = beijing_day(now)
    late = {one.work_order.id: one for one in await find_late(session, now) if one.buyer_is_told}
    families = {one.work_order.workshop_id for one in late.values()}
    for queue in (await queues(session, families, today)).values():
        while days := {one: day for one, (_, day, _) in _late(queue, today) if one in late}:
            queue.put_off(days)
            late |= {one: replace(late[one], likely_on=day) for one, day in days.items()}
    return list(late.values())


def _late(queue: Queue, today: date) -> Iterable[tuple[int, tuple[date, date, int]]]:
    """The ids of late work orders, each with both days and how many open days lie between."""
    for job, likely_on in queue.projected(today):
        if job.promised_on is not None and likely_on > job.promised_on:
            days = open_days(job.promised_on + DAY, likely_on + DAY, queue.closed)
            yield job.work_order_id, (job.promised_on, likely_on, days)


async def _tell_buyer(session: AsyncSession, late: Late, now: datetime) -> int:
    """Change the date, unless it or the work has changed since it was looked at."""
    work_order = await work_orders.read_work_order(session, late.work_order.id, lock=True)
    if work_order.state not in _TAKEN_ON or work_order.promised_on != late.promised_on:
        return 0
    await change_date(session, None, work_order.id, late.likely_on, "", now)
    await _tell_family(session, late, now)
    return 1


async def _tell_desk(session: AsyncSession, late: Late, now: datetime) -> None:
    row = late.work_order
    await open_trouble(
        session,
        station_id=row.station_id,
        kind=TroubleKind.BEHIND,
        subject=f"work_order:{row.id}",
        text=f"{row.workshop.name}：{late.pieces}答应{_said(late.promised_on)}，照现在要到{_said(late.likely_on)}。",
        order_id=row.order_id,
        now=now,
    )


async def _tell_family(session: AsyncSession, late: Late, now: datetime) -> None:
    """Once for each day that it is late to; the same day again is nothing new."""
    row = late.work_order
    words = {"before": _said(late.promised_on), "date": _said(late.likely_on)}
    told = {
        "station_id": row.station_id,
        "workshop_id": row.workshop_id,
        "cause": f"{notices.Event.BEHIND}:{row.id}:{late.likely_on}",
        "text": notices.text_for(notices.Event.BEHIND, CHINESE, piece=late.pieces[:60], **words),
    }
    await notices.tell_all(session, notices.Event.BEHIND, Audience.FAMILY, [told], now)


def _said(day: date) -> str:
    return f"{day.month}月{day.day}日"
