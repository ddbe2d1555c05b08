"""Twelve buyers in one moment, their carts overlapping, through two shops on one database."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import permutations

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError

from catalog.db import Database, Sessions
from catalog.errors import OutOfStock
from catalog.models import Product, Stock
from shop.buying import hold_pieces, order_pieces
from shop.checkout import Buyer, OrderRequest, get_order, read_buyer
from shop.context import Shop
from shop.errors import PieceHeld
from shop.holding import Wanted
from shop.models import OrderLine, OrderState
from shop.paying import look_at_payment, open_payment
from shop.settle import ROUTE_JOB
from shop.webhooks import Kept, Signed, keep_events, take_event
from tests.machine.bank import Bank
from tests.making import BUYER, NOON, make_product, make_station, make_workshop
from tests.shop.sales import GATEWAY, entries, figures, jobs, refunds, want

Attempt = Callable[[Shop, int, tuple[Wanted, ...]], Awaitable[str | None]]

ON_HAND = 3
# Two of four products in every order: twelve carts, six pieces wanted of each of the four.
CARTS = list(permutations(range(4), 2))


@pytest.fixture
async def products(shops: list[Shop]) -> list[Product]:
    """Four products of two families, whose ids are not in the order of the families'."""
    sessions = shops[0].database.writing
    station = await make_station(sessions)
    families = [await make_workshop(sessions, station, name) for name in ("王家木作", "李家木雕")]
    return [
        await make_product(sessions, families[n], on_hand=ON_HAND, price_fen=100 + n)
        for n in (1, 0, 0, 1)
    ]


def wanted(products: list[Product], cart: tuple[int, ...]) -> tuple[Wanted, ...]:
    return tuple(want(products[n]) for n in cart)


def buyer(n: int) -> Buyer:
    return read_buyer({**BUYER, "phone": f"138001380{n:02}"})


async def try_to_hold(shop: Shop, n: int, cart: tuple[Wanted, ...]) -> str | None:
    """The token of a hold that became an order; None where pieces were short."""
    try:
        hold = await hold_pieces(shop, cart, f"b{n}", NOON)
    except (OutOfStock, PieceHeld):
        return None
    placed = await order_pieces(
        shop, OrderRequest(buyer(n), GATEWAY, hold=hold.token), f"b{n}", NOON
    )
    return placed.token


async def try_to_order(shop: Shop, n: int, cart: tuple[Wanted, ...]) -> str | None:
    request = OrderRequest(buyer(n), GATEWAY, items=cart, key=f"key-{n}")
    try:
        return (await order_pieces(shop, request, f"b{n}", NOON)).token
    except (OutOfStock, PieceHeld):
        return None


async def sold(sessions: Sessions, products: list[Product]) -> list[int]:
    """How many of each product are in orders."""
    query = select(OrderLine.product_id, func.sum(OrderLine.quantity)).group_by(
        OrderLine.product_id
    )
    async with sessions() as session:
        found = dict((await session.execute(query)).all())
    return [found.get(product.id, 0) for product in products]


@pytest.mark.parametrize("attempt", [try_to_hold, try_to_order])
async def test_twelve_buyers_of_four_products_get_exactly_what_there_is(
    shops: list[Shop], products: list[Product], attempt: Attempt
) -> None:
    # One that waited in a circle with another would fail here with DBAPIError.
    won = await asyncio.gather(
        *(attempt(shops[n % 2], n, wanted(products, cart)) for n, cart in enumerate(CARTS))
    )
    sessions = shops[0].database.writing
    pieces = await sold(sessions, products)
    assert await figures(sessions, *products) == [(ON_HAND, number) for number in pieces]
    # Nobody was sent away from pieces that were there for the taking.
    for cart, token in zip(CARTS, won, strict=True):
        assert token is not None or any(pieces[n] == ON_HAND for n in cart)
    assert sum(pieces) == 2 * sum(token is not None for token in won)
    assert len({token for token in won if token}) == sum(token is not None for token in won)


async def hear(shop: Shop, bank: Bank, payload: bytes) -> None:
    """A webhook call, seen to at once."""
    signed = Signed(GATEWAY, bank.verify_event(payload, "", NOON), payload.decode(), NOON)
    kept = (await keep_events(shop, [signed]))[signed]
    if isinstance(kept, Kept):
        await take_event(shop, kept)


async def pay(shop: Shop, other: Shop, bank: Bank, token: str) -> None:
    """Pay an order; both processes hear of it, and the buyer comes back to one of them."""
    async with shop.database.reading() as session:
        placed = await get_order(session, token)
    await open_payment(shop, placed)
    payment = placed.payments[0]
    bank.pay(next(till for till in bank.payable() if till.request.payment_id == payment.id))
    payload = bank.messages[-1].payload
    await asyncio.gather(
        hear(shop, bank, payload),
        hear(other, bank, payload),
        look_at_payment(other, payment.id, NOON),
    )


async def test_all_who_won_pay_at_once_and_each_is_counted_once(
    shops: list[Shop], products: list[Product], bank: Bank
) -> None:
    sessions = shops[0].database.writing
    tokens = await asyncio.gather(
        *(try_to_order(shops[n % 2], n, wanted(products, cart)) for n, cart in enumerate(CARTS))
    )
    won = [token for token in tokens if token]
    await asyncio.gather(
        *(pay(shops[n % 2], shops[1 - n % 2], bank, token) for n, token in enumerate(won))
    )
    async with sessions() as session:
        paid = [await get_order(session, token) for token in won]
    assert {one.state for one in paid} == {OrderState.PAID}
    assert await refunds(sessions) == []
    brought = [fen for _, account, _, fen in await entries(sessions) if account == "buyers"]
    assert sorted(brought) == sorted(-one.total_fen for one in paid)
    assert len(await jobs(sessions, ROUTE_JOB)) == len(won)


async def buy_naively(database: Database, cart: list[int], looked: asyncio.Barrier) -> bool:
    """Read, think, write back."""
    async with database.reading() as session:
        held = {id_: (await session.get_one(Stock, id_)).held for id_ in cart}
    await looked.wait()
    if max(held.values()) >= ON_HAND:
        return False
    async with database.writing.begin() as session:
        for id_ in sorted(cart):
            await session.execute(
                update(Stock).where(Stock.product_id == id_).values(held=held[id_] + 1)
            )
    return True


async def test_the_naive_way_sells_to_all_twelve(
    shops: list[Shop], products: list[Product]
) -> None:
    looked = asyncio.Barrier(len(CARTS))
    won = await asyncio.gather(
        *(
            buy_naively(shops[n % 2].database, [products[i].id for i in cart], looked)
            for n, cart in enumerate(CARTS)
        )
    )
    assert won == [True] * 12
    assert await figures(shops[0].database.writing, *products) == [(ON_HAND, 1)] * 4


async def lock_in_the_cart_s_order(database: Database, cart: list[int]) -> None:
    async with database.writing.begin() as session:
        for id_ in cart:
            await session.execute(
                update(Stock).where(Stock.product_id == id_).values(held=Stock.held + 1)
            )
            await asyncio.sleep(0.05)


async def test_who_locks_in_the_cart_s_order_waits_in_a_circle(
    shops: list[Shop], products: list[Product]
) -> None:
    """PostgreSQL ends one of the two; SQLite has one writer and no circle."""
    cart = [product.id for product in products[:2]]
    outcomes = await asyncio.gather(
        lock_in_the_cart_s_order(shops[0].database, cart),
        lock_in_the_cart_s_order(shops[1].database, cart[::-1]),
        return_exceptions=True,
    )
    ended = [one for one in outcomes if isinstance(one, DBAPIError)]
    assert len(ended) == int(shops[0].database.url.startswith("postgresql"))
