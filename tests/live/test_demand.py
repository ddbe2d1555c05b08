"""Demand that could not be served: counted per show, and per product over ninety days."""

from datetime import datetime, timedelta

from catalog.db import Database, Sessions
from catalog.models import Product
from live.demand import missed, missed_lately
from live.figures import Figures
from live.models import Link, Show
from live.scans import ScanCounter
from shop.figures import FIGURES
from shop.models import Waiter, WaiterState
from tests.live.acting import make_link, sibling
from tests.making import NOON, make_live_show, make_product, make_station
from tests.shop.pages.buyer import change


async def scan(
    database: Database, link: Link, times: int, *, sold_out: bool = True, at: datetime = NOON
) -> None:
    counter = ScanCounter(database)
    for _ in range(times):
        counter.note(
            station_id=link.station_id,
            link_id=link.id,
            show_id=link.show_id,
            product_id=link.product_id,
            at=at,
            sold_out=sold_out,
        )
    await counter.flush()


async def wait(
    sessions: Sessions,
    product: Product,
    number: int,
    state: WaiterState,
    at: datetime,
    token: str = "",
) -> None:
    async with sessions.begin() as session:
        session.add(
            Waiter(
                station_id=product.station_id,
                product_id=product.id,
                token=token or f"token{number}{state}",
                phone=f"1380013800{number}",
                state=state,
                created_at=at,
            )
        )


async def found(
    sessions: Sessions, product: Product, now: datetime, figures: Figures = FIGURES
) -> list[tuple[str, int, int]]:
    async with sessions() as session:
        lately = await missed_lately(session, product.station_id, figures, now)
    return [(one.product.name, one.scans, one.waited) for one in lately]


async def show_of(sessions: Sessions, product: Product) -> Show:
    return await make_live_show(sessions, [product])


async def test_scans_that_found_nothing_are_counted_by_show(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    show, other = await show_of(sessions, product), await show_of(sessions, product)
    shown = await make_link(sessions, product, show, "22222")
    await scan(database, shown, 3)
    await scan(database, shown, 4, sold_out=False)
    await scan(database, await make_link(sessions, product, other, "33333"), 1)
    await scan(database, await make_link(sessions, product, None, "44444"), 9)
    async with sessions() as session:
        assert await missed(session, show.id) == {product.id: 3}
        assert await missed(session, other.id) == {product.id: 1}
        assert await missed(session, 999) == {}


async def test_the_last_ninety_days_by_product_without_rehearsals(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, name="甲")
    second = await sibling(sessions, product, name="乙")
    await sibling(sessions, product, name="丙")
    rehearsed = await show_of(sessions, product)
    await change(sessions, rehearsed, rehearsal=True)
    plain = await make_link(sessions, product, None, "22222")
    await scan(database, plain, 2)
    await scan(database, plain, 5, at=NOON - timedelta(days=90, seconds=1))
    await scan(database, await make_link(sessions, product, rehearsed, "33333"), 7)
    await scan(database, await make_link(sessions, second, None, "44444"), 3)
    assert await found(sessions, product, NOON) == [("乙", 3, 0), ("甲", 2, 0)]


async def test_who_waited_in_vain_is_one_for_each_phone(sessions: Sessions) -> None:
    product = await make_product(sessions, name="甲")
    now, long_ago = NOON + timedelta(days=2), NOON - timedelta(days=91)
    await wait(sessions, product, 1, WaiterState.LEFT, NOON)
    await wait(sessions, product, 1, WaiterState.LEFT, NOON, "again")
    await wait(sessions, product, 2, WaiterState.WAITING, NOON)
    await wait(sessions, product, 3, WaiterState.WAITING, now - timedelta(hours=23))
    await wait(sessions, product, 4, WaiterState.OFFERED, NOON)
    await wait(sessions, product, 5, WaiterState.LEFT, long_ago)
    assert await found(sessions, product, now) == [("甲", 0, 2)]
    assert await found(sessions, product, now + timedelta(hours=2)) == [("甲", 0, 3)]


async def test_another_stations_are_not_told(database: Database) -> None:
    product = await make_product(database.writing)
    await scan(database, await make_link(database.writing, product), 2)
    elsewhere = await make_station(database.writing, "other")
    async with database.reading() as session:
        assert await missed_lately(session, elsewhere.id, FIGURES, NOON) == []
