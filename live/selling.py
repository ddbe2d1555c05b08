"""What a show means for a sale: the price there, the pieces fenced for it, and its counters.

The shop calls these while it holds, settles and gives back; nothing here opens a transaction.
What many buyers ask in one moment is answered by one query, and taken in one step: `Pieces` locks
what all of them want, shares it out in memory in the order of asking, and writes once.
Rows are locked items before stock, each by id.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.closures import away
from catalog.db import table
from catalog.errors import NotFound, OutOfStock, Refusal
from catalog.models import Kind, Product, ProductState, Stock, Workshop
from catalog.one_of import one_of
from catalog.touched import PRODUCT, touch
from live.errors import LinkRetired
from live.models import LineUpItem, Link, Show, ShowState
from live.nudges import ITEM
from media.codes import normalise

_products, _workshops, _stock = table(Product), table(Workshop), table(Stock)
_items, _links, _shows = table(LineUpItem), table(Link), table(Show)

# Built once: putting a statement together costs more than sending it.
_WHAT = (
    _products.c.id.label("product_id"),
    _products.c.station_id,
    _products.c.workshop_id,
    _workshops.c.name.label("workshop_name"),
    _products.c.name,
    _products.c.kind,
    _products.c.work_days,
    _products.c.price_fen,
    _products.c.state,
    _workshops.c.active,
    away().label("away"),
)
_ON_AIR = exists().where(_shows.c.id == _items.c.show_id, _shows.c.state == ShowState.LIVE)
_BEHIND_LINKS = (
    select(
        _links.c.id.label("link_id"),
        _links.c.code,
        _links.c.retired_at,
        _links.c.station_id.label("link_station_id"),
        _links.c.show_id,
        _links.c.product_id.label("linked_id"),
        _items.c.id.label("item_id"),
        _items.c.show_price_fen,
        _items.c.sold_out_at,
        *_WHAT,
    )
    .select_from(_links)
    .outerjoin(
        _products,
        (_products.c.id == _links.c.product_id) & (_products.c.station_id == _links.c.station_id),
    )
    .outerjoin(_workshops, _workshops.c.id == _products.c.workshop_id)
    .outerjoin(
        _items,
        (_items.c.show_id == _links.c.show_id) & (_items.c.product_id == _products.c.id) & _ON_AIR,
    )
    .where(one_of(_links.c.code, "codes"))
)
_BY_ID = (
    select(*_WHAT)
    .select_from(_products.join(_workshops, _workshops.c.id == _products.c.workshop_id))
    .where(one_of(_products.c.id, "ids"))
)
_ITEMS_ON_AIR = select(
    _items.c.show_id,
    _items.c.product_id,
    _items.c.id,
    _items.c.show_price_fen,
    _items.c.sold_out_at,
).where(
    one_of(_items.c.show_id, "shows"),
    one_of(_items.c.product_id, "products"),
    _ON_AIR,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody came for: the code of a link, or a product's id.

    Where the code opens a whole show, `product_id` is the product chosen there.
    """

    link: str | None = None
    product_id: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A product at the price of the moment. `item_id` is set while its show is on air.

    `away` says that its family does not work today, and would have to carve or send it.
    """

    product_id: int
    station_id: int
    workshop_id: int
    workshop_name: str
    name: str
    kind: Kind
    work_days: int
    on_sale: bool
    away: bool
    price_fen: int
    item_id: int | None = None
    link_id: int | None = None


async def offer(session: AsyncSession, asked: Asked, today: date) -> Offer:
    """The offer that one buyer came for. Raises NotFound, LinkRetired."""
    (found,) = await offers(session, [asked], today)
    if isinstance(found, Refusal):
        raise found
    return found


async def offers(
    session: AsyncSession, asked: Sequence[Asked], today: date
) -> list[Offer | Refusal]:
    """The offers that buyers came for, in the order of asking; `today` is Beijing's day.

    NotFound stands for a code or product that opens nothing, LinkRetired for a code out of use.
    """
    codes = [_code(one.link) for one in asked]
    links = await _behind_links(session, {code for code in codes if code}, today)
    chosen = [one.product_id for one, code in zip(asked, codes, strict=True) if code in links]
    whole_shows = [links[code] for code in codes if code in links and not links[code].linked_id]
    ids = {one.product_id for one in asked if one.link is None} | (
        set(chosen) if whole_shows else set()
    )
    products = await _by_id(session, {one for one in ids if one}, today)
    items = await _on_air(session, whole_shows, products)
    return [
        _of_link(links.get(code), one.product_id, products, items)
        if one.link is not None
        else _of_product(products.get(one.product_id or 0), one)
        for one, code in zip(asked, codes, strict=True)
    ]


def _code(typed: str | None) -> str:
    """The code that was typed; "" for what can be none."""
    code = normalise(typed or "")
    # Letters and digits only: anything else is no code, and PostgreSQL refuses some of it in text.
    return code if code.isascii() and code.isalnum() else ""


async def _behind_links(session: AsyncSession, codes: set[str], today: date) -> dict[str, Any]:
    if not codes:
        return {}
    rows = await session.execute(_BEHIND_LINKS, {"codes": sorted(codes), "today": today})
    return {row.code: row for row in rows}


async def _by_id(session: AsyncSession, ids: set[int], today: date) -> dict[int, Any]:
    if not ids:
        return {}
    rows = await session.execute(_BY_ID, {"ids": sorted(ids), "today": today})
    return {row.product_id: row for row in rows}


async def _on_air(
    session: AsyncSession, links: list[Any], products: dict[int, Any]
) -> dict[tuple[int, int], Any]:
    """The items of whole shows that are on air, by show and product."""
    shows = {link.show_id for link in links if link.show_id}
    if not shows or not products:
        return {}
    asked = {"shows": sorted(shows), "products": sorted(products)}
    rows = await session.execute(_ITEMS_ON_AIR, asked)
    return {(row.show_id, row.product_id): row for row in rows}


def _of_link(
    link: Any | None,
    chosen: int | None,
    products: dict[int, Any],
    items: dict[tuple[int, int], Any],
) -> Offer | Refusal:
    if link is None:
        return NotFound("link")
    product, item_id, show_price = link, link.item_id, link.show_price_fen
    sold_out = link.sold_out_at is not None
    if link.linked_id is None:
        found = products.get(chosen or 0)
        if found is None or found.station_id != link.link_station_id:
            return NotFound("link")
        product, item = found, items.get((link.show_id, found.product_id))
        item_id, show_price = (item.id, item.show_price_fen) if item else (None, None)
        sold_out = item is not None and item.sold_out_at is not None
    if product.product_id is None:
        return NotFound("link")
    if link.retired_at is not None:
        return LinkRetired(f"link {link.code}")
    price = product.price_fen if show_price is None else show_price
    return _offer(product, price, item_id, link.link_id, sold_out=sold_out)


def _of_product(product: Any | None, asked: Asked) -> Offer | Refusal:
    if product is None:
        return NotFound(f"product {asked.product_id}")
    return _offer(product, product.price_fen)


def _offer(
    row: Any,
    price_fen: int,
    item_id: int | None = None,
    link_id: int | None = None,
    *,
    sold_out: bool = False,
) -> Offer:
    return Offer(
        product_id=row.product_id,
        station_id=row.station_id,
        workshop_id=row.workshop_id,
        workshop_name=row.workshop_name,
        name=row.name,
        kind=row.kind,
        work_days=row.work_days,
        on_sale=row.state == ProductState.ON_SALE and row.active and not sold_out,
        away=bool(row.away),
        price_fen=price_fen,
        item_id=item_id,
        link_id=link_id,
    )


@dataclass(frozen=True, slots=True)
class Share:
    """Pieces of one product to take or to give back; `fenced` of them are of the show's own.

    `carved` says that they are made when ordered: nothing of the stock is taken for them.
    """

    product_id: int
    item_id: int | None
    quantity: int
    carved: bool
    fenced: int = 0


_LOCK_ITEMS = (
    # Rows that name an item may still be written: an order's lines are, in another order.
    select(_items.c.id, _items.c.allotment_left)
    .where(one_of(_items.c.id, "ids"))
    .order_by(_items.c.id)
    .with_for_update(key_share=True)
)
_LOCK_STOCK = (
    select(_stock.c.product_id, (_stock.c.on_hand - _stock.c.held).label("free"))
    .where(one_of(_stock.c.product_id, "ids"))
    .order_by(_stock.c.product_id)
    .with_for_update(key_share=True)
)
_STILL_OPEN = (
    select(_items.c.id)
    .join(_shows, _shows.c.id == _items.c.show_id)
    .where(
        one_of(_items.c.id, "ids"),
        _shows.c.state.not_in((ShowState.ENDED, ShowState.REPORTED)),
    )
)
_WRITE_ITEMS = (
    update(_items)
    .where(_items.c.id == bindparam("item"))
    .values(
        allotment_left=_items.c.allotment_left + bindparam("left"),
        holding=_items.c.holding + bindparam("more"),
    )
)
# The row is locked, so there is what was reckoned with. Should a mistake elsewhere take more, the
# row's CHECK stops the whole transaction.
_WRITE_STOCK = (
    update(_stock)
    .where(_stock.c.product_id == bindparam("product"))
    .values(held=_stock.c.held + bindparam("more"))
)


@dataclass(slots=True)
class Pieces:
    """What there is of some products, locked until the caller's transaction ends.

    `take` and `give_back` share it out in memory; `write` brings it to the database.
    """

    _free: dict[int, int]
    _left: dict[int, int]
    _open: set[int]
    _held: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    _fenced: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    _holding: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))

    @classmethod
    async def lock(
        cls, session: AsyncSession, takes: Iterable[Share], gives: Iterable[Share] = ()
    ) -> "Pieces":
        """Lock the items, then the stock, of all that will be taken or given back."""
        takes, gives = list(takes), list(gives)
        items = {share.item_id for share in (*takes, *gives) if share.item_id is not None}
        stock = {share.product_id for share in (*takes, *gives) if not share.carved}
        left, free, still_open = {}, {}, set()
        if items:
            rows = await session.execute(_LOCK_ITEMS, {"ids": sorted(items)})
            left = {row.id: row.allotment_left for row in rows}
        if items and gives:
            # Read after the lock: `end_show` empties items under the same lock, so a piece can
            # not slip back into an allotment that has just been emptied.
            still_open = set(await session.scalars(_STILL_OPEN, {"ids": sorted(items)}))
        if stock:
            rows = await session.execute(_LOCK_STOCK, {"ids": sorted(stock)})
            free = {row.product_id: row.free for row in rows}
        return cls(free, left, still_open)

    def take(self, share: Share) -> int:
        """Hold pieces for a buyer, the show's own first; returns how many came from its allotment.

        What is carved to order takes no pieces and is only counted. Raises OutOfStock, with
        nothing changed, when allotment and free stock together are too few.
        """
        fenced, loose = self.must_have(share)
        self._count(share, share.quantity, fenced, loose)
        return fenced

    def must_have(self, share: Share) -> tuple[int, int]:
        """How many pieces would come from the allotment, and from free stock. Raises OutOfStock."""
        fenced = 0
        if share.item_id is not None:
            fenced = min(self._left.get(share.item_id, 0), share.quantity)
        loose = 0 if share.carved else share.quantity - fenced
        if loose > self._free.get(share.product_id, 0):
            raise OutOfStock(share.product_id, wanted=share.quantity)
        return fenced, loose

    def give_back(self, share: Share) -> None:
        """Undo `take`: fenced pieces return to the show while it lasts, all others to free stock."""
        fenced = share.fenced if share.item_id in self._open else 0
        loose = 0 if share.carved else share.quantity - fenced
        self._count(share, -share.quantity, -fenced, -loose)

    def _count(self, share: Share, quantity: int, fenced: int, loose: int) -> None:
        if share.item_id is not None:
            self._left[share.item_id] = self._left.get(share.item_id, 0) - fenced
            self._fenced[share.item_id] -= fenced
            self._holding[share.item_id] += quantity
        if loose:
            self._free[share.product_id] = self._free.get(share.product_id, 0) - loose
            self._held[share.product_id] += loose

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Forget what was taken and given back in the block when it ends with OutOfStock."""
        counts = (self._free, self._left, self._held, self._fenced, self._holding)
        before = [dict(count) for count in counts]
        try:
            yield
        except OutOfStock:
            for count, old in zip(counts, before, strict=True):
                count.clear()
                count.update(old)
            raise

    def free(self, product_id: int) -> int:
        """How many pieces of a locked product are free now."""
        return self._free.get(product_id, 0)

    async def write(self, session: AsyncSession) -> None:
        """Bring all that was taken and given back to the database; call it once."""
        items = [
            {"item": item, "left": self._fenced[item], "more": more}
            for item, more in sorted(self._holding.items())
            if more or self._fenced[item]
        ]
        stock = [{"product": p, "more": more} for p, more in sorted(self._held.items()) if more]
        if items:
            await session.execute(_WRITE_ITEMS, items)
            touch(session, ITEM, (row["item"] for row in items))
        if stock:
            await session.execute(_WRITE_STOCK, stock)
            touch(session, PRODUCT, (row["product"] for row in stock))


async def lock(session: AsyncSession, rows: Iterable[tuple[int, int | None]]) -> None:
    """Lock products' stock and the line-up items given with them, in the order of `Pieces`.

    For callers that go on to change them one by one.
    """
    await Pieces.lock(session, [Share(product, item, 0, carved=False) for product, item in rows])


async def any_left(session: AsyncSession, product_id: int) -> bool:
    """Whether a piece is promised to no buyer: it is free, or fenced for some show."""
    free = exists().where(Stock.product_id == product_id, Stock.on_hand > Stock.held)
    fenced = exists().where(LineUpItem.product_id == product_id, LineUpItem.allotment_left > 0)
    return bool(await session.scalar(select(free | fenced)))


@dataclass(frozen=True, slots=True)
class Sale:
    """Pieces of a line-up item that are paid for. `held` of them leave the item's `holding`."""

    item_id: int
    quantity: int
    held: int
    amount_fen: int


_SOLD = (
    update(_items)
    .where(_items.c.id == bindparam("item"))
    .values(
        holding=_items.c.holding - bindparam("held"),
        sold=_items.c.sold + bindparam("pieces"),
        sold_fen=_items.c.sold_fen + bindparam("fen"),
    )
)


async def record_sales(session: AsyncSession, sales: Sequence[Sale]) -> None:
    """Count paid sales for the live board. Locks the items, by id."""
    if sales:
        rows = [
            {"item": s.item_id, "held": s.held, "pieces": s.quantity, "fen": s.amount_fen}
            for s in sorted(sales, key=lambda sale: sale.item_id)
        ]
        await session.execute(_SOLD, rows)
        touch(session, ITEM, (sale.item_id for sale in sales))
