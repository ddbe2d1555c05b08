"""What a show means for a sale: the price there, the pieces fenced for it, and its counters.

The shop calls these while it holds, settles and gives back; nothing here opens a transaction.
Rows are locked item before stock, products in id order.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import BigInteger, bindparam, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager
from sqlalchemy.sql import Select

from catalog import stock
from catalog.errors import NotFound
from catalog.models import Kind, Product, Stock
from live.errors import LinkRetired
from live.models import LineUpItem, Link, Show, ShowState
from media.codes import normalise

_ON_AIR = (
    (LineUpItem.show_id == Link.show_id)
    & (LineUpItem.product_id == Product.id)
    & exists().where(Show.id == LineUpItem.show_id, Show.state == ShowState.LIVE)
)
# A show's own code opens whichever product the buyer chose there.
_OPENED = Product.id == func.coalesce(Link.product_id, bindparam("product_id", type_=BigInteger))
# Built once: putting a statement together costs more than sending it.
_OF_LINK = (
    select(Link, Product, LineUpItem)
    .join(Product, _OPENED & (Product.station_id == Link.station_id))
    .join(Product.workshop)
    .outerjoin(LineUpItem, _ON_AIR)
    .where(Link.code == bindparam("code"))
    .options(contains_eager(Product.workshop))
)
_OF_PRODUCT = (
    select(Product)
    .join(Product.workshop)
    .where(Product.id == bindparam("product_id"))
    .options(contains_eager(Product.workshop))
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A product at the price of the moment. `item` is set while its show is on air."""

    product: Product
    item: LineUpItem | None
    link_id: int | None = None

    @property
    def price_fen(self) -> int:
        if self.item is not None and self.item.show_price_fen is not None:
            return self.item.show_price_fen
        return self.product.price_fen


async def offer_of_link(session: AsyncSession, typed: str, product_id: int | None = None) -> Offer:
    """The offer behind a code, with its product's workshop loaded; one query.

    `product_id` is the product chosen where the code opens a whole show. Raises NotFound for a
    code that opens no product, LinkRetired for one out of use.
    """
    code = normalise(typed)
    # Letters and digits only: anything else is no code, and PostgreSQL refuses some of it in text.
    if not (code.isascii() and code.isalnum()):
        raise NotFound("link")
    asked = {"code": code, "product_id": product_id}
    found = (await session.execute(_OF_LINK, asked)).one_or_none()
    if found is None:
        raise NotFound("link")
    if found[0].retired_at is not None:
        raise LinkRetired(f"link {found[0].code}")
    return Offer(product=found[1], item=found[2], link_id=found[0].id)


async def offer_of_product(session: AsyncSession, product_id: int) -> Offer:
    """The offer of a product to somebody who came by no link. Raises NotFound."""
    product = await session.scalar(_OF_PRODUCT, {"product_id": product_id})
    if product is None:
        raise NotFound(f"product {product_id}")
    return Offer(product=product, item=None)


async def take(session: AsyncSession, offered: Offer, quantity: int) -> int:
    """Hold pieces for a buyer, the show's own first; returns how many came from its allotment.

    What is carved to order takes no pieces and is only counted. Raises OutOfStock when allotment
    and free stock together are too few; the caller's transaction then undoes the rest.
    """
    fenced = 0
    if offered.item is not None:
        fenced = await _take_fenced(session, offered.item, quantity)
    # After the item, as `put_line_up` does: the other way round the two would wait in a circle.
    if quantity > fenced and offered.product.kind != Kind.MADE_TO_ORDER:
        await stock.hold(session, offered.product.id, quantity - fenced)
    return fenced


async def _take_fenced(session: AsyncSession, item: LineUpItem, quantity: int) -> int:
    """Count `quantity` as held in the show; returns how many of them its allotment still had."""
    left = await session.scalar(_lock_item(item.id)) if item.allotment else 0
    fenced = min(left or 0, quantity)
    await session.execute(
        update(LineUpItem)
        .where(LineUpItem.id == item.id)
        .values(
            allotment_left=LineUpItem.allotment_left - fenced,
            holding=LineUpItem.holding + quantity,
        )
        .execution_options(synchronize_session=False)
    )
    return fenced


def _lock_item(item_id: int) -> Select[int]:
    # Rows that name the item may still be written: an order's lines are, in another order.
    return (
        select(LineUpItem.allotment_left)
        .where(LineUpItem.id == item_id)
        .with_for_update(key_share=True)
    )


async def lock(session: AsyncSession, rows: Iterable[tuple[int, int | None]]) -> None:
    """Lock all that a transaction will take and give back, in the order in which each would.

    `rows` are products, each with the line-up item concerned.
    """
    items: defaultdict[int, set[int]] = defaultdict(set)
    for product_id, item_id in rows:
        items[product_id] |= set() if item_id is None else {item_id}
    for product_id in sorted(items):
        for item_id in sorted(items[product_id]):
            await session.execute(_lock_item(item_id))
        await stock.lock(session, product_id)


async def any_left(session: AsyncSession, product_id: int) -> bool:
    """Whether a piece is promised to no buyer: it is free, or fenced for some show."""
    free = exists().where(Stock.product_id == product_id, Stock.on_hand > Stock.held)
    fenced = exists().where(LineUpItem.product_id == product_id, LineUpItem.allotment_left > 0)
    return bool(await session.scalar(select(free | fenced)))


async def give_back(
    session: AsyncSession, product: Product, item_id: int | None, quantity: int, fenced: int
) -> None:
    """Undo `take`: fenced pieces return to the show while it lasts, all others to free stock."""
    if item_id is not None:
        state = await _state_behind_locked_item(session, item_id)
        if state in (ShowState.ENDED, ShowState.REPORTED):
            fenced = 0
        await session.execute(
            update(LineUpItem)
            .where(LineUpItem.id == item_id)
            .values(
                allotment_left=LineUpItem.allotment_left + fenced,
                holding=LineUpItem.holding - quantity,
            )
            .execution_options(synchronize_session=False)
        )
    if quantity > fenced and product.kind != Kind.MADE_TO_ORDER:
        await stock.release(session, product.id, quantity - fenced)


async def _state_behind_locked_item(session: AsyncSession, item_id: int) -> ShowState | None:
    # The item is locked before the state is read: `end_show` empties items under the same lock,
    # so a piece can not slip back into an allotment that has just been emptied.
    await session.execute(_lock_item(item_id))
    return await session.scalar(
        select(Show.state)
        .join(LineUpItem, LineUpItem.show_id == Show.id)
        .where(LineUpItem.id == item_id)
    )


async def record_sale(
    session: AsyncSession, item_id: int, quantity: int, amount_fen: int, *, was_holding: bool
) -> None:
    """Count a paid sale for the live board; it leaves `holding` unless the hold was given back."""
    await session.execute(
        update(LineUpItem)
        .where(LineUpItem.id == item_id)
        .values(
            holding=LineUpItem.holding - (quantity if was_holding else 0),
            sold=LineUpItem.sold + quantity,
            sold_fen=LineUpItem.sold_fen + amount_fen,
        )
        .execution_options(synchronize_session=False)
    )
