"""Families that do not answer: reminded, then told to whoever looks after them, at last declined.

Counted in working hours from when the family was told (`docs/paper.md`). Each work order is seen
to under its order's lock, in a transaction of its own; seeing to it again changes nothing.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, String, cast, exists, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import TROUBLE_DESK
from catalog.db import Database
from catalog.models import Member, Workshop
from shop import work_orders, work_steps
from shop.models import Notice, Trouble, WorkOrder, WorkOrderState
from shop.notices import Event, tell_family
from shop.troubles import TroubleKind
from shop.working_hours import ago

REMINDERS = {Event.REMIND: timedelta(hours=6), Event.REMIND_AGAIN: timedelta(hours=18)}
GIVEN_UP_AFTER = timedelta(hours=72)


async def see_to_unanswered(database: Database, now: datetime) -> None:
    """Remind who is due, decline for who has let the last day pass.

    The member who looks after a family becomes the owner of what `doctor.watch` told of it.
    """
    async with database.reading() as session:
        due = await _due(session, now)
    for work_order_id in due:
        async with database.writing.begin() as session:
            await _see_to(session, work_order_id, now)
    async with database.writing.begin() as session:
        await session.execute(_GIVE_TO_CARERS)


async def _due(session: AsyncSession, now: datetime) -> list[int]:
    lacking = [
        (WorkOrder.routed_at <= ago(now, after)) & ~_reminded(event)
        for event, after in REMINDERS.items()
    ]
    over = WorkOrder.routed_at <= ago(now, GIVEN_UP_AFTER)
    query = select(WorkOrder.id).where(WorkOrder.state == WorkOrderState.NEW, or_(over, *lacking))
    return list(await session.scalars(query.order_by(WorkOrder.id)))


def _reminded(event: Event) -> ColumnElement[bool]:
    return exists().where(Notice.kind == event.value, Notice.work_order_id == WorkOrder.id)


async def _see_to(session: AsyncSession, work_order_id: int, now: datetime) -> None:
    work_order = await work_orders.read_work_order(session, work_order_id, lock=True)
    if work_order.state != WorkOrderState.NEW or work_order.routed_at is None:
        return
    if work_order.routed_at <= ago(now, GIVEN_UP_AFTER):
        await work_steps.decline_unanswered(session, work_order_id, now)
        return
    query = select(Notice.kind).where(Notice.work_order_id == work_order_id)
    told = set(await session.scalars(query))
    for event, after in REMINDERS.items():
        if event.value not in told and work_order.routed_at <= ago(now, after):
            _remind(session, event, work_order, now)


def _remind(session: AsyncSession, event: Event, work_order: WorkOrder, now: datetime) -> None:
    tell_family(
        session,
        event,
        work_order.station_id,
        work_order.workshop_id,
        now,
        cause=f"work_order:{work_order.id}",
        work_order_id=work_order.id,
        piece="、".join(f"{line.name} ×{line.quantity}" for line in work_order.lines)[:80],
    )


# A member who left, or may not see to troubles any more, gets none.
_CARER = (
    select(Workshop.carer_id)
    .join(WorkOrder, WorkOrder.workshop_id == Workshop.id)
    .join(Member, Member.id == Workshop.carer_id)
    .where(
        literal("work_order:").concat(cast(WorkOrder.id, String)) == Trouble.subject,
        Member.active,
        Member.role.in_(TROUBLE_DESK),
    )
    .scalar_subquery()
)
_GIVE_TO_CARERS = (
    update(Trouble)
    .where(
        Trouble.kind == TroubleKind.NO_ANSWER.value,
        Trouble.closed_at.is_(None),
        Trouble.owner_id.is_(None),
        _CARER.is_not(None),
    )
    .values(owner_id=_CARER)
    .execution_options(synchronize_session=False)
)
