"""Stations, people and things for tests to work with, made by the same functions as in life."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.access import WORK_ORDER_DESK, Actor
from catalog.db import Sessions
from catalog.models import Kind, Member, Product, Role, Station, Workshop
from catalog.people import HASHER
from catalog.products import add_product
from live.lineup import put_line_up
from live.models import Show
from live.on_air import start_show
from live.scheduling import schedule_show
from shop.models import ShippingRate

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
"""A Sunday noon in Beijing: the moment at which tests happen."""


def this_moment() -> datetime:
    """For what the program dates by the machine's clock; a suite runs for longer than holds last."""
    return datetime.now(UTC)


PASSWORD = "correct horse 9"
# Hashing is slow on purpose; once is enough.
_PASSWORD_HASH = HASHER.hash(PASSWORD)

BUYER = {
    "name": "王芳",
    "phone": "13800138000",
    "province": "甘肃",
    "city": "兰州",
    "district": "城关",
    "detail": "东岗西路 1 号",
}


async def make_station(sessions: Sessions, slug: str = "zhongxing") -> Station:
    """A station that sends a parcel for 8 yuan, and for 20 to Xinjiang."""
    async with sessions.begin() as session:
        station = Station(slug=slug, name=f"{slug}社工站", place="甘肃", phone="09370000000")
        session.add(station)
        await session.flush()
        session.add_all(
            [
                ShippingRate(station_id=station.id, province="", fee_fen=800),
                ShippingRate(station_id=station.id, province="新疆", fee_fen=2000),
            ]
        )
    return station


async def make_workshop(sessions: Sessions, station: Station, name: str = "王家木作") -> Workshop:
    async with sessions.begin() as session:
        workshop = Workshop(station_id=station.id, slug="", name=name, village="红崖村")
        session.add(workshop)
        await session.flush()
        workshop.slug = f"w{workshop.id}"
    return workshop


async def make_member(
    sessions: Sessions, station: Station, role: Role, workshop: Workshop | None = None
) -> Member:
    """A member whose login is the role and a number, with `PASSWORD`."""
    async with sessions.begin() as session:
        member = Member(
            station_id=station.id,
            role=role,
            login=f"new-{secrets.token_hex(8)}",
            name=role.value,
            password_hash=_PASSWORD_HASH,
            sees_phones=role in WORK_ORDER_DESK,
            workshop_id=workshop.id if workshop else None,
            created_at=NOON,
        )
        session.add(member)
        await session.flush()
        member.login = f"{role.value}{member.id}"
    return member


def act(member: Member, channel: str = "web") -> Actor:
    """The actor that a signed-in member is."""
    return Actor(
        member_id=member.id,
        station_id=member.station_id,
        role=member.role,
        name=member.name,
        station_name="",
        workshop_id=member.workshop_id,
        workshop_name="",
        channel=channel,
        sees_phones=member.sees_phones,
    )


async def make_product(
    sessions: Sessions,
    workshop: Workshop | None = None,
    *,
    on_hand: int = 3,
    **values: Any,
) -> Product:
    """A product on sale for 268 yuan; its station, workshop and a manager are made when needed."""
    if workshop is None:
        workshop = await make_workshop(sessions, await make_station(sessions))
    async with sessions() as session:
        station = await session.get_one(Station, workshop.station_id)
    manager = await make_member(sessions, station, Role.MANAGER)
    kind = values.pop("kind", Kind.BATCH)
    facts = {"name": "福字圆挂", "name_en": "Fortune roundel", "kind": kind, "price_fen": 26800}
    facts |= {"workshop_id": workshop.id, "stock": on_hand, **values}
    async with sessions.begin() as session:
        return await add_product(session, act(manager), facts, NOON)


async def make_live_show(
    sessions: Sessions, products: list[Product], *, allotment: int = 0, price_fen: int | None = None
) -> Show:
    """A show on air now with these products, each with the allotment and the show price given."""
    async with sessions() as session:
        station = await session.get_one(Station, products[0].station_id)
    host = await make_member(sessions, station, Role.HOST)
    rows = [
        {"product": product.id, "allotment": allotment, "show_price_fen": price_fen}
        for product in products
    ]
    when = {"starts_at": NOON, "ends_at": NOON + timedelta(hours=2)}
    async with sessions.begin() as session:
        show = await schedule_show(session, act(host), {"title": "周日专场", **when}, NOON)
        await put_line_up(session, act(host), show.id, rows, NOON)
        return await start_show(session, act(host), show.id, NOON)
