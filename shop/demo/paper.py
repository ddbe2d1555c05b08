"""Families on paper in the demo: two that are not reached by screen, their slips, last week's letters."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.models import Reach, Workshop
from shop.letters import last_week, make_letters
from shop.models import WorkOrder, WorkOrderState
from shop.reach import set_reach
from shop.slips import print_slip


async def leave_papers(session: AsyncSession, actor: Actor, now: datetime) -> None:
    """Two families that wait with an answer are on paper and on the telephone; who acts looks
    after them. The one's slip is out; every family has its letter of last week."""
    waiting = (
        select(WorkOrder)
        .join(Workshop)
        .where(WorkOrder.station_id == actor.station_id, WorkOrder.state == WorkOrderState.NEW)
        .order_by(WorkOrder.id)
    )
    by_family = {one.workshop_id: one for one in await session.scalars(waiting)}
    for work_order, way in zip(by_family.values(), (Reach.PAPER, Reach.CALL), strict=False):
        await set_reach(session, actor, work_order.workshop_id, way, str(actor.member_id), now)
        if way == Reach.PAPER:
            await print_slip(session, actor, work_order.id, now)
    await make_letters(session, last_week(now), now, actor.station_id)
