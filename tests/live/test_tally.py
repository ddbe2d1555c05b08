"""Counting scans on from where the last count ended, with every count compared to a fresh one."""

import pytest
from sqlalchemy import insert

from catalog.db import Database, Sessions
from live.models import Link, Scan, Show
from live.scans import count_scans
from live.tally import Tallies, Tally
from tests.live.acting import make_link, sibling
from tests.making import NOON, make_live_show, make_product


async def scan(sessions: Sessions, link: Link, times: int) -> None:
    row = {
        "station_id": link.station_id,
        "link_id": link.id,
        "show_id": link.show_id,
        "product_id": link.product_id,
        "at": NOON,
    }
    async with sessions.begin() as session:
        await session.execute(insert(Scan), [row] * times)


async def both(database: Database, counted: Tally, show: Show) -> tuple[object, object]:
    async with database.reading() as session:
        return dict(await counted.count(session)), await count_scans(session, show.id)


@pytest.mark.parametrize("settled_seconds", [0.0, 3600.0])
async def test_every_count_is_what_a_whole_count_finds(
    database: Database, settled_seconds: float
) -> None:
    sessions = database.writing
    first = await make_product(sessions)
    second = await sibling(sessions, first)
    show = await make_live_show(sessions, [first, second])
    other = await make_live_show(sessions, [await sibling(sessions, first)])
    links = [
        await make_link(sessions, product, of, code)
        for product, of, code in (
            (first, show, "AAAAA"),
            (second, show, "BBBBB"),
            (first, other, "CCCCC"),
        )
    ]
    counted = Tally(show.id, settled_seconds)
    assert await both(database, counted, show) == ({}, {})
    for n in range(6):
        await scan(sessions, links[n % 3], n + 1)
        found, whole = await both(database, counted, show)
        assert found == whole
    assert found == {first.id: 1 + 4, second.id: 2 + 5}


async def test_a_process_keeps_the_tallies_of_the_shows_it_counted_last(
    database: Database,
) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    link = await make_link(sessions, product, show)
    tallies = Tallies(most=1)
    for times in (1, 2):
        await scan(sessions, link, 1)
        async with database.reading() as session:
            assert dict(await tallies.count(session, show.id)) == {product.id: times}
            assert dict(await tallies.count(session, show.id + 1)) == {}
