"""Scans are noted at once, written together, and counted by product and by link."""

import asyncio

from sqlalchemy import func, select

from catalog.db import Database
from live.models import Link, Scan
from live.scans import FLUSH_SECONDS, ScanCounter, count_by_link, count_scans
from tests.live.acting import make_link, sibling
from tests.making import NOON, make_live_show, make_product


def note(counter: ScanCounter, link: Link, times: int = 1) -> None:
    for _ in range(times):
        counter.note(
            station_id=link.station_id,
            link_id=link.id,
            show_id=link.show_id,
            product_id=link.product_id,
            at=NOON,
        )


async def written(database: Database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(Scan)) or 0


async def test_scans_are_counted_by_product_and_by_link(database: Database) -> None:
    product = await make_product(database.writing)
    second = await sibling(database.writing, product)
    show = await make_live_show(database.writing, [product, second])
    shown = await make_link(database.writing, product, show, "22222")
    other = await make_link(database.writing, second, show, "33333")
    plain = await make_link(database.writing, product, None, "44444")
    unused = await make_link(database.writing, product, None, "55555")
    counter = ScanCounter(database)
    for link, times in ((shown, 3), (other, 1), (plain, 2)):
        note(counter, link, times)
    assert await written(database) == 0
    await counter.flush()
    await counter.flush()
    async with database.reading() as session:
        assert await count_scans(session, show.id) == {product.id: 3, second.id: 1}
        assert await count_by_link(session, [shown.id, plain.id, unused.id]) == {
            shown.id: 3,
            plain.id: 2,
        }
        assert await count_by_link(session, []) == {}


async def test_scans_noted_while_a_batch_is_written_are_not_lost(database: Database) -> None:
    link = await make_link(database.writing, await make_product(database.writing))
    counter = ScanCounter(database)

    async def scan() -> None:
        note(counter, link)
        await counter.flush()

    await asyncio.gather(*(scan() for _ in range(20)))
    assert await written(database) == 20


async def test_a_batch_that_can_not_be_written_waits_for_the_next_turn(
    database: Database,
) -> None:
    link = await make_link(database.writing, await make_product(database.writing))
    broken = Database.connect("sqlite+inloop:////nowhere/at/all.sqlite3")
    counter = ScanCounter(broken)
    note(counter, link, 2)
    await counter.flush()
    await broken.close()
    counter._database = database
    note(counter, link)
    await counter.flush()
    assert await written(database) == 3


async def test_what_is_being_written_when_the_process_ends_is_written_once(
    database: Database,
) -> None:
    link = await make_link(database.writing, await make_product(database.writing))
    counter = ScanCounter(database)
    for hold_up in (0.0, 0.001, 0.003, 0.01, 0.03):
        note(counter, link)
        writing = asyncio.create_task(counter.run())
        await asyncio.sleep(FLUSH_SECONDS + hold_up)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await counter.flush()
    assert await written(database) == 5
