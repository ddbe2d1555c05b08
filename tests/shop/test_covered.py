"""The covered address: a few tries at four digits, counted where no restart forgets them."""

import asyncio
from datetime import datetime, timedelta

from catalog.db import Sessions
from catalog.errors import Invalid
from shop.covered import MOST_TRIES, WINDOW, uncover
from shop.errors import AddressLocked
from shop.models import Order
from shop.signin import forget_old_sessions
from tests.making import NOON, make_product
from tests.shop.sales import look, order, want


async def attempt(sessions: Sessions, placed: Order, typed: str, now: datetime = NOON) -> str:
    """What a try comes to, as the page commits it: the address, or the refusal's name."""
    async with sessions.begin() as session:
        try:
            return await uncover(session, placed, typed, now)
        except (Invalid, AddressLocked) as refusal:
            return type(refusal).__name__


async def new_order(sessions: Sessions) -> Order:
    return await look(sessions, await order(sessions, want(await make_product(sessions))))


async def test_five_wrong_tries_within_an_hour_cover_it_even_from_the_right_digits(
    sessions: Sessions,
) -> None:
    placed = await new_order(sessions)
    for n in range(MOST_TRIES):
        at = NOON + timedelta(minutes=n)
        assert await attempt(sessions, placed, "8001", at) == "Invalid"
    just_before = NOON + WINDOW - timedelta(microseconds=1)
    async with sessions.begin() as session:
        await forget_old_sessions(session, just_before)
    assert await attempt(sessions, placed, "8000", just_before) == "AddressLocked"
    assert "王芳，138****8000" in await attempt(sessions, placed, "8000", NOON + WINDOW)


async def test_other_orders_are_not_covered_with_it(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, other = [await order(sessions, want(product)) for _ in range(2)]
    for _ in range(MOST_TRIES):
        await attempt(sessions, placed, "8001")
    assert "王芳" in await attempt(sessions, other, "8000")


async def test_the_right_digits_forgive_the_wrong_ones(sessions: Sessions) -> None:
    placed = await new_order(sessions)
    for _ in range(2):
        for _ in range(MOST_TRIES - 1):
            assert await attempt(sessions, placed, "8001") == "Invalid"
        assert "王芳" in await attempt(sessions, placed, "8000")


async def test_no_more_are_looked_at_when_they_come_at_once(sessions: Sessions) -> None:
    placed = await new_order(sessions)
    found = await asyncio.gather(*(attempt(sessions, placed, "8001") for _ in range(12)))
    assert found.count("Invalid") == MOST_TRIES
