"""Buyers' whole numbers: covered on every page, shown one at a time, and each look written down."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.audit import record
from catalog.errors import NotAllowed, NotFound
from catalog.models import Role
from catalog.own import own
from shop.models import Notice, Order, WorkOrder, WorkOrderState

# From the moment it takes the work until the parcel has arrived, a family needs the address.
ON_ITS_WAY = frozenset(
    {
        WorkOrderState.ACCEPTED,
        WorkOrderState.MAKING,
        WorkOrderState.READY,
        WorkOrderState.SHIPPED,
    }
)


def see_order_phone(session: AsyncSession, actor: Actor, order: Order, now: datetime) -> str:
    """The number of an order that the actor may open. Raises NotAllowed, with nothing written."""
    _must_see_phones(actor)
    record(session, actor, "order.phone_seen", order, now)
    return order.buyer_phone


def see_parcel_phone(
    session: AsyncSession, actor: Actor, work_order: WorkOrder, now: datetime
) -> str:
    """As `see_order_phone`, by a work order loaded with its order; for its family too while it sends."""
    sends = actor.role == Role.ARTISAN and work_order.state in ON_ITS_WAY
    if not sends:
        _must_see_phones(actor)
    after = {"work_order": work_order.id}
    record(session, actor, "order.phone_seen", work_order.order, now, after=after)
    return work_order.order.buyer_phone


async def see_notice_phone(
    session: AsyncSession, actor: Actor, notice_id: int, now: datetime
) -> Notice:
    """A call to a buyer that is to be made, with the number. Raises NotFound, NotAllowed."""
    notice = await own(session, actor, Notice, notice_id)
    if not notice.phone:
        raise NotFound(f"number of notice {notice_id}")
    if notice.order_id is not None:
        see_order_phone(session, actor, await session.get_one(Order, notice.order_id), now)
        return notice
    _must_see_phones(actor)
    record(session, actor, "notice.phone_seen", notice, now, after={"text": notice.text})
    return notice


def _must_see_phones(actor: Actor) -> None:
    if not actor.sees_phones:
        raise NotAllowed(f"member {actor.member_id} does not see buyers' numbers")
