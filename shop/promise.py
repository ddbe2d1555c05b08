"""The day by which a workshop will have carved what was ordered, after what it has in hand."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.checks import BEIJING
from catalog.models import Kind, Product
from shop.models import OrderLine, WorkOrder, WorkOrderState

# Work in hand counts for a promised date from the moment it is ordered until it is done.
_IN_HAND = (
    WorkOrderState.WAITING,
    WorkOrderState.NEW,
    WorkOrderState.ACCEPTED,
    WorkOrderState.MAKING,
)


async def promised_if_ordered(
    session: AsyncSession, workshop_id: int, work_days: int, now: datetime
) -> date:
    """The day to tell a buyer who would have one piece of `work_days` carved."""
    in_hand = await days_in_hand(session, [workshop_id])
    return carved_by(work_days + in_hand.get(workshop_id, 0), now)


def carved_by(days: int, now: datetime) -> date:
    """The day, in Beijing, that is so many days of work ahead."""
    return now.astimezone(BEIJING).date() + timedelta(days=days)


async def days_in_hand(session: AsyncSession, workshop_ids: Collection[int]) -> dict[int, int]:
    """How many days of carving each workshop has promised and not yet done; none for no entry."""
    if not workshop_ids:
        return {}
    days = func.sum(OrderLine.quantity * Product.work_days)
    rows = await session.execute(
        select(WorkOrder.workshop_id, days)
        .join(OrderLine, OrderLine.work_order_id == WorkOrder.id)
        .join(Product, Product.id == OrderLine.product_id)
        .where(
            WorkOrder.workshop_id.in_(workshop_ids),
            WorkOrder.state.in_(_IN_HAND),
            Product.kind == Kind.MADE_TO_ORDER,
        )
        .group_by(WorkOrder.workshop_id)
    )
    return {workshop_id: int(found) for workshop_id, found in rows}
