"""A county with many stations, each with people, families, a show on air, orders and money of its own.

All that a station has says its place, in words that no other station has; its figures are its own
too, so that what stands on another's page, or is counted there, is seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from catalog.access import Actor
from catalog.db import Database, Sessions
from catalog.models import Member, Product, Reach, Role, Station, Workshop
from live.lineup import put_line_up
from live.links import link_line_up, links_of_show
from live.models import Link, Show
from live.on_air import start_show
from live.scans import ScanCounter
from live.scheduling import schedule_show
from shop import requests, routing, work_steps
from shop.holding import Wanted
from shop.models import Order
from tests.making import (
    BUYER,
    NOON,
    act,
    make_member,
    make_product,
    make_station,
    make_workshop,
)
from tests.shop.money import pay_out
from tests.shop.sales import hold, jobs, order, pay

PLACES = (
    "云台", "泉山", "东坝", "柳湾", "松岭", "石桥", "白水", "青禾", "黄梁",
    "月牙", "沙井", "榆坡", "槐里", "枣园", "梨沟", "杏台", "桑洼", "竹溪",
)  # fmt: skip
FAMILIES = ("王家", "李家", "孙家")
POSTAGE_FEN = 800
# After this long nobody may send a piece back any more, and a family is paid.
PAYDAY = NOON + timedelta(days=9)


@dataclass
class Town:
    """One station and what is of it; `orders` are paid, in the order in which they were placed."""

    number: int
    station: Station
    manager: Member
    finance: Member
    families: list[Workshop] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    show: Show = field(init=False)
    links: list[Link] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)

    @property
    def place(self) -> str:
        return PLACES[self.number]

    @property
    def price_fen(self) -> int:
        return 10_000 + 100 * self.number

    @property
    def scans(self) -> int:
        return self.number + 1

    @property
    def more(self) -> int:
        """Orders beside the one that each family sent, and the one that its buyer wants to cancel."""
        return self.number % 3 + 1

    @property
    def sold(self) -> int:
        return len(FAMILIES) + 1 + self.more

    @property
    def order_fen(self) -> int:
        return self.price_fen + POSTAGE_FEN

    @property
    def codes(self) -> list[str]:
        """The codes of its orders, newest first, as lists have them."""
        return [one.code for one in reversed(self.orders)]

    def code_for(self, product: Product) -> str:
        return next(link.code for link in self.links if link.product_id == product.id)

    def buyer(self, number: int) -> dict[str, str]:
        return {
            **BUYER,
            "name": f"{self.place}买家{number}",
            "phone": f"1380000{self.number:02}{number:02}",
        }


async def make_county(database: Database, many: int) -> list[Town]:
    """The first so many stations, as they are at noon."""
    sessions = database.writing
    towns = [await _make_town(sessions, number) for number in range(many)]
    await _scan(database, towns)
    # As life has it: an order here, an order there.
    for family in range(len(FAMILIES)):
        for town in towns:
            town.orders.append(await buy(sessions, town, town.products[family]))
    for _ in range(max(town.more for town in towns) + 1):
        for town in towns:
            if len(town.orders) < town.sold:
                town.orders.append(await buy(sessions, town, town.products[0]))
    for town in towns:
        await _send(sessions, town)
        await _want_to_cancel(sessions, town)
        wanted = Wanted(2, link=town.code_for(town.products[1]))
        await hold(sessions, wanted, browser=f"browser of {town.place}")
    routed = {job.id: job.args["order_id"] for job in await jobs(sessions, "shop.route_order")}
    async with sessions.begin() as session:
        await routing.route_orders(session, routed, NOON)
    return towns


async def _make_town(sessions: Sessions, number: int) -> Town:
    place = PLACES[number]
    station = await make_station(sessions, f"station-{number + 1:02}")
    async with sessions.begin() as session:
        named = {"name": f"{place}社工站", "place": f"{place}镇"}
        await session.execute(update(Station).where(Station.id == station.id).values(**named))
    host = await _member(sessions, station, Role.HOST, place)
    manager = await _member(sessions, station, Role.MANAGER, place)
    finance = await _member(sessions, station, Role.FINANCE, place)
    town = Town(number, station, manager, finance)
    for family in FAMILIES:
        workshop = await make_workshop(sessions, station, f"{place}{family}")
        product = await make_product(
            sessions,
            workshop,
            name=f"{place}福字{family}",
            price_fen=town.price_fen,
            on_hand=20,
        )
        town.families.append(workshop)
        town.products.append(product)
    async with sessions.begin() as session:
        first = update(Workshop).where(Workshop.id == town.families[0].id)
        await session.execute(first.values(reached_by=Reach.CALL))
    town.show, town.links = await _go_on_air(sessions, act(host), town)
    return town


async def _member(sessions: Sessions, station: Station, role: Role, place: str) -> Member:
    member = await make_member(sessions, station, role)
    async with sessions.begin() as session:
        row = await session.get_one(Member, member.id)
        row.name = f"{place}的{role.value}"
    return row


async def _go_on_air(sessions: Sessions, host: Actor, town: Town) -> tuple[Show, list[Link]]:
    facts = {
        "title": f"{town.place}专场",
        "starts_at": NOON,
        "ends_at": NOON + timedelta(hours=2),
    }
    rows: list[dict[str, Any]] = [
        {"product": product.id, "allotment": 10, "show_price_fen": None}
        for product in town.products
    ]
    async with sessions.begin() as session:
        show = await schedule_show(session, host, facts, NOON)
        await put_line_up(session, host, show.id, rows, NOON)
        await link_line_up(session, host, show.id, NOON)
        live = await start_show(session, host, show.id, NOON)
        return live, await links_of_show(session, show.id)


async def _scan(database: Database, towns: Sequence[Town]) -> None:
    """The codes of the shows' first pieces are scanned, of all stations in one moment."""
    counter = ScanCounter(database)
    for town in towns:
        link = next(link for link in town.links if link.product_id == town.products[0].id)
        for _ in range(town.scans):
            counter.note(
                station_id=link.station_id,
                link_id=link.id,
                show_id=link.show_id,
                product_id=link.product_id,
                at=NOON,
            )
    await counter.flush()


async def buy(sessions: Sessions, town: Town, product: Product) -> Order:
    """Somebody scans the code of a piece, and pays for one."""
    wanted = Wanted(1, link=town.code_for(product))
    placed = await order(sessions, wanted, buyer=town.buyer(len(town.orders)))
    return await pay(sessions, placed)


async def _send(sessions: Sessions, town: Town) -> None:
    """Each family's first order arrives, and the families are paid for them."""
    manager = act(town.manager)
    for placed in town.orders[: len(FAMILIES)]:
        part = placed.work_orders[0].id
        tracking = f"SF{town.number:02}{part:011}"
        async with sessions.begin() as session:
            await work_steps.accept(session, manager, part, NOON)
            await work_steps.ready(session, manager, part, NOON)
            await work_steps.ship(session, manager, part, "顺丰", tracking, NOON)
            await work_steps.deliver(session, manager, part, NOON)
    paid = await pay_out(sessions, act(town.finance), manager, PAYDAY)
    assert paid == [town.order_fen] * len(FAMILIES)


async def _want_to_cancel(sessions: Sessions, town: Town) -> None:
    """The buyer of the order after those asks to cancel what is finished already."""
    placed = town.orders[len(FAMILIES)]
    part = placed.work_orders[0].id
    async with sessions.begin() as session:
        await work_steps.accept(session, act(town.manager), part, NOON)
        await work_steps.ready(session, act(town.manager), part, NOON)
        await requests.ask(session, placed.token, part, "cancel", f"{town.place}的原因", NOON)
