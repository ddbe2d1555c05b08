"""Sales for the shop's tests: pieces held, ordered and paid for by the functions of real life."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from catalog.db import Database, Sessions
from catalog.models import Job, Member, Product, Role, Station, Stock
from live.links import add_link
from live.models import LineUpItem, Link, Placement, Show
from shop.checkout import OrderRequest, get_order, place_order, read_buyer
from shop.context import Shop
from shop.holding import Wanted, make_hold
from shop.holds import Held
from shop.models import Hold, LedgerEntry, Order, Payment, Posting, Refund
from shop.payments.gateway import Gateway, GatewayEvent, GatewaySession, SessionState
from shop.settle import settle
from shop.sheet import OrderSheet
from shop.webhooks import Kept, Signed, keep_events, take_event
from tests.making import BUYER, NOON, act, make_member, make_product, make_station, make_workshop

GATEWAY = "rehearsal"


def shop_of(database: Database, gateway: Gateway | None = None) -> Shop:
    """A shop on `database`; without a gateway it is one that pays nothing in or out."""
    gateways = {} if gateway is None else {GATEWAY: gateway}
    return Shop(database, gateways, GATEWAY, "http://shop.example")


def want(product: Product, quantity: object = 1, **more: Any) -> Wanted:
    return Wanted(quantity=quantity, product=product.id, **more)


async def hold(
    sessions: Sessions, *wanted: Wanted, browser: str = "", now: datetime = NOON
) -> Held:
    async with sessions.begin() as session:
        return await make_hold(session, wanted, browser, now)


def request_for(*wanted: Wanted, buyer: dict[str, str] = BUYER, **more: Any) -> OrderRequest:
    return OrderRequest(read_buyer(buyer), GATEWAY, items=wanted, **more)


async def order(
    sessions: Sessions, *wanted: Wanted, now: datetime = NOON, buyer: dict[str, str] = BUYER
) -> Order:
    async with sessions.begin() as session:
        placed = await place_order(session, request_for(*wanted, buyer=buyer), "", now)
    return await look(sessions, placed)


def tell(payment: Payment, state: SessionState, *, paid: bool = False) -> GatewaySession:
    """What a gateway says about its session of a payment."""
    return GatewaySession(
        id=f"cs_{payment.id}",
        url=None,
        state=state,
        paid=paid,
        amount_fen=payment.amount_fen,
        intent_id=f"pi_{payment.id}" if paid else None,
        payment_id=payment.id,
    )


def is_paid(payment: Payment) -> GatewaySession:
    return tell(payment, SessionState.COMPLETE, paid=True)


def is_expired(payment: Payment) -> GatewaySession:
    return tell(payment, SessionState.EXPIRED)


async def settle_as(
    sessions: Sessions, payment: Payment, told: GatewaySession, now: datetime = NOON
) -> Order:
    async with sessions.begin() as session:
        judged = await settle(session, payment.id, told, now)
    async with sessions() as session:
        return await get_order(session, judged.token)


async def pay(sessions: Sessions, placed: Order, now: datetime = NOON) -> Order:
    """The order, paid for by its last payment."""
    await settle_as(sessions, placed.payments[-1], is_paid(placed.payments[-1]), now)
    return await look(sessions, placed)


async def expire(sessions: Sessions, placed: Order, now: datetime = NOON) -> Order:
    """The order after its last payment ran out."""
    await settle_as(sessions, placed.payments[-1], is_expired(placed.payments[-1]), now)
    return await look(sessions, placed)


async def look(sessions: Sessions, placed: Order | OrderSheet) -> Order:
    async with sessions() as session:
        return await get_order(session, placed.token)


async def hold_of(sessions: Sessions, placed: Order) -> Hold:
    async with sessions() as session:
        return await session.get_one(Hold, placed.hold_id)


async def second_payment(sessions: Sessions, placed: Order) -> Payment:
    """Another open payment of an order."""
    payment = Payment(
        station_id=placed.station_id,
        order_id=placed.id,
        gateway=GATEWAY,
        amount_fen=placed.total_fen,
        created_at=NOON,
        expires_at=placed.expires_at,
    )
    async with sessions.begin() as session:
        session.add(payment)
    return payment


async def figures(sessions: Sessions, *products: Product) -> list[tuple[int, int]]:
    """(on hand, held) of each product."""
    async with sessions() as session:
        rows = [await session.get_one(Stock, product.id) for product in products]
        return [(row.on_hand, row.held) for row in rows]


async def item_figures(sessions: Sessions, show: Show) -> list[tuple[int, int, int, int]]:
    """(allotment left, holding, sold, sold fen) of each item, by product."""
    async with sessions() as session:
        items = await session.scalars(
            select(LineUpItem).where(LineUpItem.show_id == show.id).order_by(LineUpItem.product_id)
        )
        return [(i.allotment_left, i.holding, i.sold, i.sold_fen) for i in items]


async def jobs(sessions: Sessions, name: str | None = None) -> list[Job]:
    """The jobs left to do, but for those that only photos need."""
    async with sessions() as session:
        rows = await session.scalars(select(Job).order_by(Job.id))
        return [job for job in rows if name in (None, job.name)]


async def entries(sessions: Sessions) -> list[tuple[str, str, int | None, int]]:
    """The whole ledger: (cause, account, workshop, fen), in the order of writing."""
    async with sessions() as session:
        rows = await session.execute(
            select(
                Posting.cause, LedgerEntry.account, LedgerEntry.workshop_id, LedgerEntry.amount_fen
            )
            .join(Posting, Posting.id == LedgerEntry.posting_id)
            .order_by(LedgerEntry.id)
        )
        return [(cause, account, whose, fen) for cause, account, whose, fen in rows]


async def refunds(sessions: Sessions) -> list[Refund]:
    async with sessions() as session:
        return list(await session.scalars(select(Refund).order_by(Refund.id)))


async def staff(sessions: Sessions, product: Product, role: Role = Role.MANAGER) -> Member:
    """A member of the product's station."""
    async with sessions() as session:
        station = await session.get_one(Station, product.station_id)
    return await make_member(sessions, station, role)


async def link_to(
    sessions: Sessions, product: Product | None, show: Show | None = None, *, by: Member
) -> Link:
    async with sessions.begin() as session:
        return await add_link(
            session,
            act(by),
            product_id=product.id if product else None,
            show_id=show.id if show else None,
            placement=Placement.CARD,
            now=NOON,
        )


async def two_workshops(sessions: Sessions, on_hand: int = 3, **values: Any) -> list[Product]:
    """Two products of two families of one station: the later family's has the smaller id."""
    station = await make_station(sessions)
    first = await make_workshop(sessions, station, "王家木作")
    second = await make_workshop(sessions, station, "李家木雕")
    return [
        await make_product(sessions, workshop, on_hand=on_hand, **values)
        for workshop in (second, first)
    ]


async def hear(
    shop: Shop, event: GatewayEvent, gateway: str = GATEWAY, now: datetime = NOON
) -> None:
    """An event that a gateway tells is kept, and seen to."""
    signed = Signed(gateway, event, "", now)
    left = (await keep_events(shop, [signed]))[signed]
    if left is not None:
        assert isinstance(left, Kept)
        assert await take_event(shop, left)
