"""Numbers of pieces, counted while several work orders are finished in the same moment."""

import asyncio

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from catalog.access import Actor
from catalog.db import Database
from catalog.models import Product
from shop import work_steps
from shop.context import Shop
from shop.models import Order, OrderLine, PieceCard
from tests.making import NOON, act, make_product
from tests.shop.sales import order, pay, staff, want

ROUNDS = 4


async def sold(shop: Shop, product: Product, actor: Actor) -> Order:
    """A paid order that the family has accepted."""
    sessions = shop.database.writing
    paid = await pay(sessions, await order(sessions, want(product)))
    async with sessions.begin() as session:
        await work_steps.accept(session, actor, paid.work_orders[0].id, NOON)
    return paid


async def finish(shop: Shop, actor: Actor, placed: Order) -> None:
    async with shop.database.writing.begin() as session:
        await work_steps.ready(session, actor, placed.work_orders[0].id, NOON)


async def test_pieces_finished_at_once_have_a_number_each(shops: list[Shop]) -> None:
    sessions = shops[0].database.writing
    product = await make_product(sessions, on_hand=2 * ROUNDS)
    actor = act(await staff(sessions, product))
    placed = [await sold(shops[0], product, actor) for _ in range(2 * ROUNDS)]
    # Each twice: a tap may arrive twice, too.
    await asyncio.gather(*(finish(shop, actor, one) for one in placed for shop in shops))
    async with sessions() as session:
        numbers = await session.scalars(select(PieceCard.number).order_by(PieceCard.number))
        assert list(numbers) == list(range(1, 2 * ROUNDS + 1))


async def finish_naively(
    database: Database, line: OrderLine, station_id: int, looked: asyncio.Barrier
) -> None:
    """How many are there? Then mine is the next."""
    async with database.reading() as session:
        number = await session.scalar(select(func.count(PieceCard.id))) or 0
    await looked.wait()
    async with database.writing.begin() as session:
        session.add(
            PieceCard(
                station_id=station_id,
                order_line_id=line.id,
                product_id=line.product_id,
                number=number + 1,
                code=f"CARD{line.id}",
                finished_on=NOON.date(),
                issued_at=NOON,
            )
        )


async def test_the_naive_way_counts_the_same_number_twice(shops: list[Shop]) -> None:
    sessions = shops[0].database.writing
    product = await make_product(sessions, on_hand=2)
    actor = act(await staff(sessions, product))
    lines = [(await sold(shops[0], product, actor)).work_orders[0].lines[0] for _ in range(2)]
    looked = asyncio.Barrier(2)
    with pytest.raises(IntegrityError):
        await asyncio.gather(
            *(
                finish_naively(shop.database, line, product.station_id, looked)
                for shop, line in zip(shops, lines, strict=True)
            )
        )
