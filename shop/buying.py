"""Holding and ordering as pages and programs ask for it.

What the buyers of one process ask in the same moment is done in one transaction. When pieces are
short, what dead holds keep is reclaimed on the way. What comes free goes to those in line first.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy.exc import IntegrityError

from catalog.errors import OutOfStock
from live import selling
from shop import holds
from shop.checkout import OrderRequest, Placing, place_orders
from shop.context import Shop
from shop.errors import PieceHeld
from shop.holding import HoldRequest, Wanted, make_holds
from shop.holds import Held
from shop.opening import Asked, turned_away
from shop.paying import close_dead_orders
from shop.sheet import OrderSheet
from shop.waiting import serve

T = TypeVar("T")


async def hold_pieces(
    shop: Shop,
    wanted: tuple[Wanted, ...],
    browser: str,
    now: datetime,
    of_station: int | None = None,
) -> Held:
    """Hold everything wanted, or nothing; `of_station` is the station of a member who asks.

    Raises PieceHeld when another buyer is still paying, OutOfStock when the pieces are gone,
    NotOpen for strangers while a station is getting ready, and all else that `make_holds` answers.
    """

    async def attempt() -> Held:
        asked = Asked(wanted, of_station)
        return await shop.together(_hold_many, (HoldRequest(wanted, browser, now), asked))

    return await _reclaiming(shop, attempt, browser, now)


async def _hold_many(
    shop: Shop, asked: Sequence[tuple[HoldRequest, Asked]]
) -> Mapping[tuple[HoldRequest, Asked], Held | Exception]:
    async with shop.database.writing.begin() as session:
        away = await turned_away(session, [one for _, one in asked])
        inside = [question for n, question in enumerate(asked) if n not in away]
        made = await make_holds(session, [request for request, _ in inside])
        answers = dict(zip(inside, made, strict=True))
        return {**answers, **{asked[n]: refusal for n, refusal in away.items()}}


async def order_pieces(
    shop: Shop,
    request: OrderRequest,
    browser: str,
    now: datetime,
    of_station: int | None = None,
) -> OrderSheet:
    """An unpaid order for what is asked; of two at once with one key, both get one order.

    Raises as `hold_pieces`, and what `place_orders` answers; no pieces are kept then.
    """

    async def attempt() -> OrderSheet:
        asked = Asked(request.items, of_station, request.hold)
        return await shop.together(_order_many, (Placing(request, browser, now), asked))

    async def attempt_with_key() -> OrderSheet:
        try:
            return await attempt()
        except (IntegrityError, OutOfStock):
            # Another process may have placed this very order, with the piece that is missing.
            return await attempt()

    keyed = request.key is not None
    return await _reclaiming(shop, attempt_with_key if keyed else attempt, browser, now)


async def _order_many(
    shop: Shop, asked: Sequence[tuple[Placing, Asked]]
) -> Mapping[tuple[Placing, Asked], OrderSheet | Exception]:
    async with shop.database.writing.begin() as session:
        away = await turned_away(session, [one for _, one in asked])
        inside = [question for n, question in enumerate(asked) if n not in away]
        placed = await place_orders(session, [placing for placing, _ in inside])
        answers = dict(zip(inside, placed, strict=True))
        return {**answers, **{asked[n]: refusal for n, refusal in away.items()}}


async def let_go(shop: Shop, token: str, now: datetime) -> None:
    """The buyer changed their mind: the pieces are free, for those in line first.

    Repeating, or after the order, changes nothing. Raises NotFound.
    """
    async with shop.database.writing.begin() as session:
        given_back = await holds.release_hold(session, token)
    for product_id in given_back:
        await serve(shop.database, now, product_id=product_id)


async def _reclaiming(
    shop: Shop, attempt: Callable[[], Awaitable[T]], browser: str, now: datetime
) -> T:
    """Try; when pieces are short, free what only dead holds keep, serve the line, and try again."""
    try:
        return await attempt()
    except OutOfStock as short:
        await holds.lapse_holds(shop.database, now, product_id=short.product_id)
        await close_dead_orders(shop, now, product_id=short.product_id)
        await serve(shop.database, now, product_id=short.product_id)
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
