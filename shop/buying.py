"""Holding and ordering as pages and programs ask for it: dead holds are reclaimed on the way."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy.exc import IntegrityError

from catalog.errors import OutOfStock
from live import selling
from shop import holds
from shop.checkout import OrderRequest, order_of_key, place_order
from shop.context import Shop
from shop.errors import PieceHeld
from shop.holds import Wanted
from shop.models import Hold, Order
from shop.paying import close_dead_orders

T = TypeVar("T")


async def hold_pieces(shop: Shop, wanted: tuple[Wanted, ...], browser: str, now: datetime) -> Hold:
    """Hold everything wanted, or nothing.

    Raises PieceHeld when another buyer is still paying, OutOfStock when the pieces are gone,
    and all else that `make_hold` raises.
    """

    async def attempt() -> Hold:
        async with shop.database.writing.begin() as session:
            return await holds.make_hold(session, wanted, browser, now)

    return await _reclaiming(shop, attempt, browser, now)


async def order_pieces(shop: Shop, request: OrderRequest, browser: str, now: datetime) -> Order:
    """`place_order` in a transaction of its own; of two at once with one key, both get one order.

    Raises as `hold_pieces` and `place_order`; nothing is kept then.
    """

    async def attempt() -> Order:
        try:
            async with shop.database.writing.begin() as session:
                return await place_order(session, request, browser, now)
        except (IntegrityError, OutOfStock):
            # The piece that is missing may be the one that the same request has just taken.
            async with shop.database.reading() as session:
                earlier = await order_of_key(session, request)
            if earlier is None:
                raise
            return earlier

    return await _reclaiming(shop, attempt, browser, now)


async def _reclaiming(
    shop: Shop, attempt: Callable[[], Awaitable[T]], browser: str, now: datetime
) -> T:
    """Try; when pieces are short, free what only dead holds keep, and try once more."""
    try:
        return await attempt()
    except OutOfStock as short:
        await holds.lapse_holds(shop, now, product_id=short.product_id)
        await close_dead_orders(shop, now, product_id=short.product_id)
        if not await _to_be_had(shop, short, browser, now):
            raise await _held_or_gone(shop, short, browser, now) from short
    try:
        return await attempt()
    except OutOfStock as short:
        raise await _held_or_gone(shop, short, browser, now) from short


async def _to_be_had(shop: Shop, short: OutOfStock, browser: str, now: datetime) -> bool:
    """Whether it makes sense to try once more.

    Pieces may be free now, whoever reclaimed them. Or a button was pressed twice, and the first
    press has just had the pieces for this very browser.
    """
    async with shop.database.reading() as session:
        return await selling.any_left(session, short.product_id) or await holds.has_hold(
            session, browser, short.product_id, now
        )


async def _held_or_gone(
    shop: Shop, short: OutOfStock, browser: str, now: datetime
) -> OutOfStock | PieceHeld:
    async with shop.database.reading() as session:
        until = await holds.held_until(session, short.product_id, now, browser=browser)
    return short if until is None else PieceHeld(short.product_id, until)
