"""What a family has in hand, as its desk reads it: its limit, and each work order's two days."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from catalog.access import WORK_ORDER_DESK, Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.models import Kind, Product, ProductState, Workshop
from catalog.workshops import workshop_for
from shop.dates import changes_of, may_undo
from shop.models import DateChange, WorkOrder, WorkOrderState
from shop.promise import beijing_day, queues

MOST_CAPACITY = 999


@dataclass(frozen=True, slots=True)
class Waiting:
    """A work order of the queue: its days of carving, when it was promised and is likely done.

    `question` is what its buyer was asked and has not answered; `undo` says that it may be taken back.
    """

    work_order: WorkOrder
    days: int
    left: int
    likely_on: date
    question: DateChange | None
    undo: bool

    @property
    def late(self) -> bool:
        promised_on = self.work_order.promised_on
        return promised_on is not None and self.likely_on > promised_on

    @property
    def paid(self) -> bool:
        return self.work_order.state != WorkOrderState.WAITING


@dataclass(frozen=True, slots=True)
class Bench:
    """A family's work: days in hand, the day a piece of one day would be done, and the queue."""

    in_hand: int
    next_on: date
    waiting: list[Waiting]
    too_long: list[Product]


async def bench_of(session: AsyncSession, workshop: Workshop, now: datetime) -> Bench:
    """The queue of a workshop in the order of work; `too_long` would never fit its limit."""
    today = beijing_day(now)
    queue = (await queues(session, [workshop.id], today))[workshop.id]
    query = (
        select(WorkOrder)
        .where(WorkOrder.id.in_([job.work_order_id for job in queue.jobs]))
        .options(joinedload(WorkOrder.order), selectinload(WorkOrder.lines))
    )
    rows = {row.id: row for row in await session.scalars(query)}
    changes = await changes_of(session, list(rows))
    asked = {one.work_order_id: one for one in changes if one.state == "asked"}
    waiting = []
    for job, likely_on in queue.projected(today):
        row, question = rows[job.work_order_id], asked.get(job.work_order_id)
        undo = question is not None and may_undo(question, row, now)
        left = job.left(today, queue.closed)
        waiting.append(Waiting(row, job.days, left, likely_on, question, undo))
    too_long = await _too_long(session, workshop)
    return Bench(queue.in_hand(today), queue.promise(1, today), waiting, too_long)


async def _too_long(session: AsyncSession, workshop: Workshop) -> list[Product]:
    if workshop.capacity_days == 0:
        return []
    query = select(Product).where(
        Product.workshop_id == workshop.id,
        Product.kind == Kind.MADE_TO_ORDER,
        Product.state == ProductState.ON_SALE,
        Product.work_days > workshop.capacity_days,
    )
    return list(await session.scalars(query.order_by(Product.id)))


async def set_capacity(
    session: AsyncSession, actor: Actor, workshop_id: int, days: object, now: datetime
) -> Workshop:
    """Say how many days of carving a family takes on at a time; 0, or nothing, is no limit.

    Locks the workshop's row, as who places an order does. Raises Invalid, NotFound, NotAllowed.
    """
    actor.must_be(WORK_ORDER_DESK)
    check = Check()
    wanted = check.integer("capacity_days", days or 0, "天数", least=0, most=MOST_CAPACITY)
    check.done()
    workshop = await workshop_for(session, actor, workshop_id)
    await session.refresh(workshop, with_for_update={"key_share": True})
    if workshop.capacity_days != wanted:
        before = {"capacity_days": workshop.capacity_days}
        workshop.capacity_days = wanted
        after = {"capacity_days": wanted}
        record(
            session,
            actor,
            "workshop.capacity",
            workshop,
            now,
            before=before,
            after=after,
            workshop_id=workshop.id,
        )
    return workshop
