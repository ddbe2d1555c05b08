"""A family with a phone, and buyers who pay it."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from catalog.db import Database, Sessions
from catalog.models import Member, Product, Role, Station, Stock, Workshop
from shop.checkout import OrderRequest, get_order, place_order, read_buyer
from shop.holding import Wanted
from shop.models import Order, WorkOrder
from shop.payments.gateway import GatewaySession, SessionState
from shop.settle import settle
from tests.making import BUYER, NOON, make_member, make_station, make_workshop


@dataclass
class Family:
    """A workshop of a station, and the artisan whose phone it is."""

    station: Station
    workshop: Workshop
    artisan: Member


async def make_family(
    sessions: Sessions, station: Station | None = None, name: str = "王家木作"
) -> Family:
    station = station or await make_station(sessions)
    workshop = await make_workshop(sessions, station, name)
    return Family(station, workshop, await make_member(sessions, station, Role.ARTISAN, workshop))


async def order_unpaid(sessions: Sessions, *wanted: tuple[Product, int]) -> Order:
    """An order of products and quantities, sent to 甘肃兰州 for 8 yuan a parcel."""
    items = tuple(Wanted(product=product.id, quantity=quantity) for product, quantity in wanted)
    request = OrderRequest(buyer=read_buyer(BUYER), gateway="rehearsal", items=items)
    async with sessions.begin() as session:
        placed = await place_order(session, request, "a-browser-of-a-buyer", NOON)
        return await get_order(session, placed.token)


async def pay(sessions: Sessions, order: Order) -> Order:
    payment = order.payments[0]
    told = GatewaySession(
        id=f"cs_{payment.id}",
        url=None,
        state=SessionState.COMPLETE,
        paid=True,
        amount_fen=order.total_fen,
        intent_id=f"pi_{payment.id}",
        payment_id=payment.id,
    )
    async with sessions.begin() as session:
        await settle(session, payment.id, told, NOON)
        return await get_order(session, order.token)


async def order_paid(sessions: Sessions, *wanted: tuple[Product, int]) -> WorkOrder:
    """The first work order of an order that is paid for."""
    order = await pay(sessions, await order_unpaid(sessions, *wanted))
    return order.work_orders[0]


async def work_order_now(database: Database, work_order_id: int) -> WorkOrder:
    async with database.reading() as session:
        query = select(WorkOrder).where(WorkOrder.id == work_order_id)
        return (await session.scalars(query.options(selectinload(WorkOrder.order)))).one()


async def stock_now(database: Database, product: Product) -> tuple[int, int]:
    """Pieces on hand, and of them held."""
    async with database.reading() as session:
        stock = await session.get_one(Stock, product.id)
    return stock.on_hand, stock.held
