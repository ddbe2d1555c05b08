"""A count of pieces taken back within the day, while nothing moved since."""

from datetime import timedelta

import pytest

from catalog import stock
from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import NotTakenBack, StockPromised
from catalog.models import Product, Role, Station, Stock
from catalog.recount import last_count, take_back_count
from tests.making import NOON, act, make_member, make_product

LATER = NOON + timedelta(hours=23)


async def make(sessions: Sessions) -> tuple[Product, Actor]:
    """A product with 3 pieces, and who counts them."""
    product = await make_product(sessions)
    async with sessions() as session:
        station = await session.get_one(Station, product.station_id)
    return product, act(await make_member(sessions, station, Role.ORDER_DESK))


async def count(sessions: Sessions, product: Product, actor: Actor, by: int) -> int:
    """Count some in or out; the movement that it left."""
    async with sessions.begin() as session:
        await stock.change(session, actor, product, by, "数过", NOON)
        await session.flush()
        last = await last_count(session, actor, product.id, NOON)
        assert last is not None
        return last.id


async def on_hand(sessions: Sessions, product: Product) -> int:
    async with sessions() as session:
        return (await session.get_one(Stock, product.id)).on_hand


async def test_a_slip_is_counted_back_once(sessions: Sessions) -> None:
    product, actor = await make(sessions)
    movement = await count(sessions, product, actor, 4)
    for _ in range(2):
        async with sessions.begin() as session:
            found = await take_back_count(session, actor, product, movement, LATER)
            assert found.on_hand == 3
    async with sessions() as session:
        assert [m.change for m in await stock.list_movements(session, product.id)] == [-4, 4, 3]
        assert await last_count(session, actor, product.id, LATER) is None


async def test_what_came_with_the_product_or_by_others_or_yesterday_stays(
    sessions: Sessions,
) -> None:
    product, actor = await make(sessions)
    async with sessions() as session:
        assert await last_count(session, actor, product.id, NOON) is None
        station = await session.get_one(Station, product.station_id)
    movement = await count(sessions, product, actor, 1)
    other = act(await make_member(sessions, station, Role.MANAGER))
    for who, now in ((other, LATER), (actor, NOON + timedelta(hours=24))):
        with pytest.raises(NotTakenBack):
            async with sessions.begin() as session:
                await take_back_count(session, who, product, movement, now)
    assert await on_hand(sessions, product) == 4


async def test_only_the_last_movement_is_taken_back(sessions: Sessions) -> None:
    product, actor = await make(sessions)
    first = await count(sessions, product, actor, 5)
    await count(sessions, product, actor, -1)
    with pytest.raises(NotTakenBack):
        async with sessions.begin() as session:
            await take_back_count(session, actor, product, first, LATER)
    assert await on_hand(sessions, product) == 7


async def test_pieces_that_a_buyer_was_promised_meanwhile_stay(sessions: Sessions) -> None:
    product, actor = await make(sessions)
    movement = await count(sessions, product, actor, 2)
    async with sessions.begin() as session:
        await stock.hold(session, product.id, 5)
    with pytest.raises(StockPromised):
        async with sessions.begin() as session:
            await take_back_count(session, actor, product, movement, LATER)
    assert await on_hand(sessions, product) == 5
