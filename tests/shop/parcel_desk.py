"""Work orders that are finished and wait to be sent, for the tests of the order desk."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import joinedload

from catalog.access import Actor
from catalog.db import Sessions
from catalog.models import Role, Station, Workshop
from shop import work_steps
from shop.models import WorkOrder
from tests.making import BUYER, NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.sales import order, pay, want


async def one_workshop(sessions: Sessions) -> tuple[Workshop, Actor]:
    """A family, and a manager of its station."""
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    return workshop, act(await make_member(sessions, station, Role.MANAGER))


async def sold(
    sessions: Sessions,
    workshop: Workshop,
    *,
    quantity: int = 1,
    buyer: dict[str, str] = BUYER,
    now: datetime = NOON,
    **values: Any,
) -> WorkOrder:
    """A paid work order of the workshop that nobody has answered."""
    product = await make_product(sessions, workshop, **values)
    placed = await order(sessions, want(product, quantity), now=now, buyer=buyer)
    paid = await pay(sessions, placed, now)
    async with sessions() as session:
        whole = [joinedload(WorkOrder.order)]
        return await session.get_one(WorkOrder, paid.work_orders[0].id, options=whole)


async def finished(
    sessions: Sessions, workshop: Workshop, *, now: datetime = NOON, **values: Any
) -> WorkOrder:
    """A work order that the workshop has taken and that is finished."""
    part = await sold(sessions, workshop, now=now, **values)
    async with sessions() as session:
        station = await session.get_one(Station, workshop.station_id)
    manager = act(await make_member(sessions, station, Role.MANAGER))
    async with sessions.begin() as session:
        await work_steps.accept(session, manager, part.id, now)
        return await work_steps.ready(session, manager, part.id, now)


async def stands(sessions: Sessions, part: WorkOrder) -> WorkOrder:
    """The work order as the database has it now."""
    async with sessions() as session:
        return await session.get_one(WorkOrder, part.id)
