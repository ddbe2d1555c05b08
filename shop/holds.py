"""Holds: pieces promised to one buyer for some minutes. `docs/holds.md` has the state diagram.

Functions that take a session work inside the caller's transaction; `shop/buying.py` is what pages
and the API call, and reclaims what dead holds keep when pieces are short.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager, selectinload
from sqlalchemy.sql import Select

from catalog.checks import Check
from catalog.db import MOST_ID
from catalog.errors import Invalid, NotFound
from catalog.models import Product
from catalog.products import visible_to_buyers
from live import selling
from shop.context import Shop
from shop.errors import HoldExpired, NotOnSale, PriceChanged
from shop.models import Hold, HoldLine, HoldState, Order, OrderState

SHOWN = timedelta(minutes=12)
# Three minutes more than the buyer sees, for a slow form and a slow clock.
KEPT = timedelta(minutes=15)
MOST_LINES = 20
MOST_QUANTITY = 99


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line of what a buyer asks for: a link's code or a product's id, and how many.

    `seen_fen` is the unit price that the buyer was shown; where given and no longer true,
    nothing is held.
    """

    quantity: object
    link: str | None = None
    product: object = None
    seen_fen: int | None = None


_LOCKED = (
    select(Hold)
    .join(Hold.lines)
    .join(HoldLine.product)
    .join(Product.workshop)
    .where(Hold.token == bindparam("token"))
    .order_by(HoldLine.product_id)
    .options(
        contains_eager(Hold.lines).contains_eager(HoldLine.product).contains_eager(Product.workshop)
    )
    .with_for_update(of=Hold)
    .execution_options(populate_existing=True)
)
_WITH_PHOTOS = (
    select(Hold)
    .where(Hold.token == bindparam("token"))
    .options(
        selectinload(Hold.lines).joinedload(HoldLine.product).joinedload(Product.workshop),
        selectinload(Hold.lines).joinedload(HoldLine.product).selectinload(Product.photos),
    )
    .execution_options(populate_existing=True)
)


@dataclass(slots=True)
class _Line:
    offered: selling.Offer
    quantity: int


async def make_hold(
    session: AsyncSession, wanted: Sequence[Wanted], browser: str, now: datetime
) -> Hold:
    """Hold everything wanted, or nothing; the same browser asking for the same finds its own hold.

    A browser that asks otherwise for the same products gives back what it held of them, so that
    nobody stands in their own way. The hold comes with lines, products and workshops.
    Locks line-up item and stock of each product, in product id order, until the caller's
    transaction ends. Raises OutOfStock, NotOnSale, PriceChanged, NotFound, LinkRetired, Invalid.
    """
    lines = await _read(session, wanted)
    own = await _own_holds(session, browser, now)
    asked = {line.offered.product.id: line.quantity for line in lines}
    for earlier in own:
        if {line.product_id: line.quantity for line in earlier.lines} == asked:
            return earlier
    await _make_way(session, lines, own)
    hold = Hold(
        station_id=lines[0].offered.product.station_id,
        token=secrets.token_urlsafe(24),
        browser=browser,
        created_at=now,
        shown_until=now + SHOWN,
        expires_at=now + KEPT,
    )
    for line in lines:
        product = line.offered.product
        fenced = await selling.take(session, line.offered, line.quantity)
        hold.lines.append(
            HoldLine(
                product=product,
                line_up_item_id=line.offered.item.id if line.offered.item else None,
                link_id=line.offered.link_id,
                quantity=line.quantity,
                fenced=fenced,
                unit_fen=line.offered.price_fen,
            )
        )
    session.add(hold)
    await session.flush()
    return hold


async def get_hold(session: AsyncSession, token: str) -> Hold:
    """The hold of a token, with all that its page shows. Raises NotFound."""
    return await _find(session, _WITH_PHOTOS, token)


async def lock_hold(session: AsyncSession, token: str) -> Hold:
    """The hold of a token with lines, products and workshops, locked until the caller is done.

    One query. Raises NotFound.
    """
    return await _find(session, _LOCKED, token)


async def _find(session: AsyncSession, query: Select[Hold], token: str) -> Hold:
    hold = (await session.scalars(query, {"token": token})).unique().one_or_none()
    if hold is None:
        raise NotFound("hold")
    return hold


def must_be_open(hold: Hold, now: datetime) -> None:
    """Raise HoldExpired unless the hold still promises its pieces and has no order yet."""
    if hold.state != HoldState.ACTIVE or hold.expires_at <= now:
        raise HoldExpired(f"hold {hold.id} is {hold.state}")


async def release_hold(session: AsyncSession, token: str, now: datetime) -> Hold:
    """The buyer changed their mind: free the pieces. Repeating, or after the order, changes nothing."""
    hold = await lock_hold(session, token)
    if hold.state == HoldState.ACTIVE:
        await give_back(session, hold, HoldState.RELEASED)
    return hold


async def give_back(session: AsyncSession, hold: Hold, state: HoldState) -> None:
    """Free the pieces of a hold that the caller has locked, and close it as `state`."""
    hold.state = state
    for line in hold.lines:
        await selling.give_back(
            session, line.product, line.line_up_item_id, line.quantity, line.fenced
        )
    await session.flush()


async def lapse_holds(shop: Shop, now: datetime, *, product_id: int | None = None) -> int:
    """Free holds whose time has passed and that have no order; returns how many.

    One transaction each. A hold that somebody else is freeing is waited for, and not counted.
    """
    freed = 0
    for token in await _dead_holds(shop, now, product_id):
        async with shop.database.writing.begin() as session:
            hold = await lock_hold(session, token)
            if hold.state == HoldState.ACTIVE and hold.expires_at <= now:
                await give_back(session, hold, HoldState.LAPSED)
                freed += 1
    return freed


async def _dead_holds(shop: Shop, now: datetime, product_id: int | None) -> list[str]:
    query = select(Hold.token).where(Hold.state == HoldState.ACTIVE, Hold.expires_at <= now)
    if product_id is not None:
        query = query.join(HoldLine).where(HoldLine.product_id == product_id)
    async with shop.database.reading() as session:
        return list(await session.scalars(query.order_by(Hold.expires_at).limit(200)))


async def held_until(
    session: AsyncSession, product_id: int, now: datetime, *, browser: str = ""
) -> datetime | None:
    """When the first unpaid hold on a product ends; None when nobody is paying for it.

    The holds of `browser` itself do not count.
    """
    unpaid = exists().where(Order.hold_id == Hold.id, Order.state == OrderState.UNPAID)
    found: datetime | None = await session.scalar(
        select(Hold.expires_at)
        .join(HoldLine)
        .where(
            HoldLine.product_id == product_id,
            (Hold.state == HoldState.ACTIVE) | ((Hold.state == HoldState.ORDERED) & unpaid),
            Hold.expires_at > now,
            (Hold.browser != browser) | (Hold.browser == ""),
        )
        .order_by(Hold.expires_at)
        .limit(1)
    )
    return found


async def has_hold(session: AsyncSession, browser: str, product_id: int, now: datetime) -> bool:
    """Whether a browser holds pieces of a product that it has not ordered yet."""
    query = (
        select(Hold.id)
        .join(HoldLine)
        .where(
            Hold.browser == browser,
            Hold.state == HoldState.ACTIVE,
            Hold.expires_at > now,
            HoldLine.product_id == product_id,
        )
    )
    return bool(browser) and await session.scalar(query.limit(1)) is not None


async def _own_holds(session: AsyncSession, browser: str, now: datetime) -> list[Hold]:
    """The open holds of a browser, locked, the newest first."""
    if not browser:
        return []
    tokens = await session.scalars(
        select(Hold.token)
        .where(Hold.browser == browser, Hold.state == HoldState.ACTIVE, Hold.expires_at > now)
        .order_by(Hold.id.desc())
    )
    found = [await lock_hold(session, token) for token in tokens]
    # What another request closed while this one waited for its lock is open no more.
    return [hold for hold in found if hold.state == HoldState.ACTIVE]


async def _make_way(session: AsyncSession, lines: list[_Line], own: list[Hold]) -> None:
    """Give back those of the browser's own holds that have products of `lines`."""
    asked = {line.offered.product.id for line in lines}
    old = [hold for hold in own if asked & {line.product_id for line in hold.lines}]
    if not old:
        return
    given = [(line.product_id, line.line_up_item_id) for hold in old for line in hold.lines]
    taken = [
        (o.product.id, o.item.id if o.item else None) for o in (line.offered for line in lines)
    ]
    await selling.lock(session, given + taken)
    for hold in old:
        await give_back(session, hold, HoldState.RELEASED)


async def _read(session: AsyncSession, wanted: Sequence[Wanted]) -> list[_Line]:
    if not wanted:
        raise Invalid({"items": "还没有选作品。"})
    if len(wanted) > MOST_LINES:
        raise Invalid({"items": f"一次最多买 {MOST_LINES} 种作品。"})
    lines: dict[int, _Line] = {}
    for n, one in enumerate(wanted):
        check = Check()
        quantity = check.integer(
            f"items.{n}.quantity", one.quantity, "件数", least=1, most=MOST_QUANTITY
        )
        check.done()
        line = _Line(await _offer(session, one), quantity)
        earlier = lines.setdefault(line.offered.product.id, line)
        if earlier is not line:
            earlier.quantity += quantity
            check.integer(
                f"items.{n}.quantity", earlier.quantity, "件数", least=1, most=MOST_QUANTITY
            )
            check.done()
    ordered = [lines[product_id] for product_id in sorted(lines)]
    if len({line.offered.product.station_id for line in ordered}) > 1:
        raise Invalid({"items": "不同站的作品请分开买。"})
    return ordered


async def _offer(session: AsyncSession, one: Wanted) -> selling.Offer:
    product_id = None
    if one.product is not None or not one.link:
        check = Check()
        product_id = check.integer("product", one.product, "作品", least=1, most=MOST_ID)
        if check.errors:
            raise NotFound("product")
    if one.link:
        offered = await selling.offer_of_link(session, one.link, product_id)
    else:
        offered = await selling.offer_of_product(session, product_id or 0)
    product = offered.product
    if not visible_to_buyers(product):
        raise NotOnSale(f"product {product.id}")
    if one.seen_fen is not None and one.seen_fen != offered.price_fen:
        raise PriceChanged(f"product {product.id}: seen {one.seen_fen}, now {offered.price_fen}")
    return offered
