"""Stock: one UPDATE both checks and takes."""

import asyncio

import pytest
from sqlalchemy import select

from catalog import stock
from catalog.db import Sessions
from catalog.errors import OutOfStock
from catalog.models import Stock
from tests.making import make_product


async def figures(sessions: Sessions, product_id: int) -> tuple[int, int]:
    async with sessions() as session:
        row = await session.get_one(Stock, product_id)
        return row.on_hand, row.held


async def buy_one(sessions: Sessions, product_id: int) -> bool:
    try:
        async with sessions.begin() as session:
            await stock.hold(session, product_id, quantity=1)
    except OutOfStock:
        return False
    return True


async def buy_one_naively(sessions: Sessions, product_id: int, all_read: asyncio.Barrier) -> bool:
    """Read, think, write back: what `hold` must not do. Everybody has read before anyone writes."""
    async with sessions() as session:
        held = await session.scalar(select(Stock.held).where(Stock.product_id == product_id))
    await all_read.wait()
    async with sessions.begin() as session:
        row = await session.get_one(Stock, product_id)
        if held >= row.on_hand:
            return False
        row.held = held + 1
    return True


async def test_only_one_of_eight_buyers_gets_the_last_piece(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=1)
    outcomes = await asyncio.gather(*(buy_one(sessions, product.id) for _ in range(8)))
    assert sorted(outcomes) == [False] * 7 + [True]
    assert await figures(sessions, product.id) == (1, 1)


async def test_the_naive_way_sells_the_last_piece_more_than_once(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=1)
    all_read = asyncio.Barrier(8)
    outcomes = await asyncio.gather(
        *(buy_one_naively(sessions, product.id, all_read) for _ in range(8))
    )
    assert outcomes == [True] * 8


async def test_a_refused_hold_changes_nothing(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=2)
    with pytest.raises(OutOfStock):
        async with sessions.begin() as session:
            await stock.hold(session, product.id, quantity=3)
    assert await figures(sessions, product.id) == (2, 0)
