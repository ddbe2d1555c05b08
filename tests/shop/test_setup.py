"""Stations set up from the command line: the first, one more, and somebody for the county."""

import pytest
from sqlalchemy import select

from catalog.db import Database
from catalog.errors import Invalid
from catalog.models import Member, Role, Station
from shop.models import ShippingRate
from shop.setup import add_county, add_station
from tests.making import NOON

GOOD = "correct horse 9"


async def members(database: Database) -> list[tuple[int, str, str]]:
    async with database.reading() as session:
        found = await session.scalars(select(Member).order_by(Member.id))
        return [(one.station_id, one.role.value, one.login) for one in found]


async def test_a_second_station_stands_beside_the_first(database: Database) -> None:
    assert await add_station(database, "", "红崖社工站", "manager", GOOD, NOON)
    assert await add_station(database, "", "又一个", "second", GOOD, NOON) is None
    assert await add_station(database, "quanshan", "泉山社工站", "qs", GOOD, NOON)
    async with database.reading() as session:
        found = list(await session.scalars(select(Station).order_by(Station.id)))
        rates = list(await session.scalars(select(ShippingRate.station_id)))
    assert [(s.slug, s.name, s.review_products) for s in found] == [
        ("station", "红崖社工站", True),
        ("quanshan", "泉山社工站", True),
    ]
    first, second = (one.id for one in found)
    assert sorted(rates) == [first, second]
    assert await members(database) == [(first, "manager", "manager"), (second, "manager", "qs")]


@pytest.mark.parametrize(
    ("slug", "login", "field"),
    [("station", "qs", "slug"), ("quanshan", "manager", "login"), ("泉山", "qs", "slug"),
     ("a/b", "qs", "slug"), ("9lives", "qs", "slug")],
)  # fmt: skip
async def test_what_is_taken_or_can_not_be_is_refused(
    database: Database, slug: str, login: str, field: str
) -> None:
    await add_station(database, "", "红崖社工站", "manager", GOOD, NOON)
    with pytest.raises(Invalid) as refusal:
        await add_station(database, slug, "泉山社工站", login, GOOD, NOON)
    assert list(refusal.value.errors) == [field]
    assert len(await members(database)) == 1


async def test_somebody_for_the_county(database: Database) -> None:
    assert not await add_county(database, "county", GOOD, NOON)
    await add_station(database, "", "红崖社工站", "manager", GOOD, NOON)
    assert await add_county(database, "county", GOOD, NOON)
    assert (await members(database))[-1][1:] == (Role.COUNTY, "county")
    with pytest.raises(Invalid):
        await add_county(database, "county", GOOD, NOON)
    assert len(await members(database)) == 2
