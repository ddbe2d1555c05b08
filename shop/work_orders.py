"""Reading work orders, and locking one by its order."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from catalog.access import Actor
from catalog.errors import NotFound
from catalog.models import Product, Role
from catalog.own import own
from shop.models import Order, OrderLine, WorkOrder, WorkOrderState


async def work_order_for(
    session: AsyncSession, actor: Actor, work_order_id: int, *, lock: bool = False
) -> WorkOrder:
    """A work order with order, workshop, lines and products, when the actor may see it.

    With `lock` its order's row is locked first, as in `settle`. Raises NotFound; a work order
    that is not paid for is not there for artisans.
    """
    await own(session, actor, WorkOrder, work_order_id)
    work_order = await read_work_order(session, work_order_id, lock=lock)
    actor.must_see_workshop(work_order.workshop_id)
    if actor.role == Role.ARTISAN and work_order.order.paid_at is None:
        raise NotFound(f"work order {work_order_id}")
    return work_order


async def read_work_order(
    session: AsyncSession, work_order_id: int, *, lock: bool = False
) -> WorkOrder:
    """As `work_order_for`, whoever asks. Raises NotFound."""
    if lock:
        order_of = select(WorkOrder.order_id).where(WorkOrder.id == work_order_id)
        await session.execute(
            select(Order.id).where(Order.id == order_of.scalar_subquery()).with_for_update()
        )
    work_order = await session.get(
        WorkOrder, work_order_id, options=_parts(), populate_existing=True
    )
    if work_order is None:
        raise NotFound(f"work order {work_order_id}")
    return work_order


async def list_work_orders(
    session: AsyncSession,
    actor: Actor,
    *,
    states: tuple[WorkOrderState, ...] | None = None,
    workshop_id: int | None = None,
    before: int | None = None,
    most: int = 100,
) -> list[WorkOrder]:
    """Work orders that the actor may see, newest first; artisans see their own, once paid for."""
    query = select(WorkOrder).where(WorkOrder.station_id == actor.station_id)
    if actor.workshop_id is not None:
        query = query.where(
            WorkOrder.workshop_id == actor.workshop_id,
            WorkOrder.order.has(Order.paid_at.is_not(None)),
        )
    if workshop_id is not None:
        query = query.where(WorkOrder.workshop_id == workshop_id)
    if states is not None:
        query = query.where(WorkOrder.state.in_(states))
    if before is not None:
        query = query.where(WorkOrder.id < before)
    query = query.options(*_parts()).order_by(WorkOrder.id.desc()).limit(most)
    return list(await session.scalars(query))


async def lock_part(session: AsyncSession, token: str, work_order_id: int) -> WorkOrder:
    """A work order of a token's order, as `work_order_for`; the order's row is locked.

    Raises NotFound, also for a work order of another order.
    """
    order_id = await session.scalar(select(Order.id).where(Order.token == token).with_for_update())
    work_order = await session.get(
        WorkOrder, work_order_id, options=_parts(), populate_existing=True
    )
    if order_id is None or work_order is None or work_order.order_id != order_id:
        raise NotFound(f"work order {work_order_id}")
    return work_order


def _parts() -> list[ORMOption]:
    products = selectinload(WorkOrder.lines).selectinload(OrderLine.product)
    return [
        joinedload(WorkOrder.order),
        joinedload(WorkOrder.workshop),
        products.selectinload(Product.photos),
    ]
