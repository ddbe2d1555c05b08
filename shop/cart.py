"""The cart. It lives in the link and nowhere else: `7K3FD*1,p12*2`, opened, changed, sent on.

An item is named by the code that the buyer came by, by the product (`p12`), or by both
(`7K3FD.p12`) where a show's own code led to the product; the code keeps the show's price.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.checks import Check
from catalog.errors import Invalid, NotFound, Refusal
from catalog.forms import read_number
from live.models import Link
from shop.holding import MOST_LINES, MOST_QUANTITY, Wanted
from shop.models import Hold, HoldLine
from shop.product_view import ProductView, Situation, open_link, view_by_id

_ITEM = re.compile(
    r"(?:(?P<code>[2-9A-Z]{4,12})(?:\.p(?P<of>[1-9][0-9]{0,17}))?|p(?P<product>[1-9][0-9]{0,17}))"
)


@dataclass(frozen=True, slots=True)
class CartItem:
    """Some pieces of one product that somebody means to buy. Nothing is held for it."""

    code: str
    product: int | None
    quantity: int = 1

    @property
    def key(self) -> str:
        product = f"p{self.product}" if self.product is not None else ""
        return ".".join(filter(None, (self.code, product)))


def read_item(key: str, quantity: int = 1) -> CartItem | None:
    """The item that a key names; None for one that nobody wrote."""
    match = _ITEM.fullmatch(key)
    if match is None:
        return None
    typed = match["of"] or match["product"]
    product = int(typed) if typed else None
    return CartItem(match["code"] or "", product, min(max(quantity, 1), MOST_QUANTITY))


def read_cart(text: str) -> tuple[CartItem, ...]:
    """The items of a link, one for each key. What cannot be read, or is too much, is left out."""
    found: dict[str, CartItem] = {}
    for part in text.split(",")[: 2 * MOST_LINES]:
        key, _, number = part.strip().partition("*")
        quantity = int(number) if re.fullmatch(r"[0-9]{1,9}", number) else 1
        item = read_item(key, quantity)
        if item is not None and quantity > 0:
            found.setdefault(key, item)
    return tuple(found.values())[:MOST_LINES]


def cart_text(items: Iterable[CartItem]) -> str:
    """The items as a link carries them."""
    return ",".join(f"{item.key}*{item.quantity}" for item in items)


def item_of(view: ProductView) -> CartItem:
    """One piece of what the buyer is looking at."""
    if view.link is None:
        return CartItem("", view.id)
    return CartItem(view.link.code, None if view.link.product_id else view.id)


def with_one_more(items: Iterable[CartItem], item: CartItem) -> tuple[CartItem, ...]:
    """The cart after "放进篮子"."""
    found = {one.key: one for one in items}
    earlier = found.get(item.key)
    found[item.key] = replace(earlier, quantity=earlier.quantity + 1) if earlier else item
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class CartLine:
    """An item with its product as it is now. `typed` is the number in its field."""

    item: CartItem
    view: ProductView | None
    typed: str
    seen_fen: int | None = None

    @property
    def name(self) -> str:
        return self.view.name if self.view else self.item.key

    @property
    def field(self) -> str:
        return f"n.{self.item.key}"

    @property
    def to_be_had(self) -> bool:
        """Whether it makes sense to ask for it."""
        return self.view is not None and self.view.situation in (
            Situation.FREE,
            Situation.TO_ORDER,
        )

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.typed, self.item.code or None, self.item.product, self.seen_fen)


def read_lines(sent: Sequence[str], typed: Mapping[str, str]) -> list[CartLine]:
    """The lines of a submitted cart: `sent` are its items, `7K3FD*2*32800` with the price seen."""
    lines = []
    for text in sent[:MOST_LINES]:
        key, _, rest = text.partition("*")
        number, _, seen = rest.partition("*")
        item = read_item(key, read_number(number) or 1)
        if item is not None:
            typed_number = typed.get(f"n.{key}", number)
            lines.append(CartLine(item, None, typed_number, read_number(seen)))
    return lines


def changed(lines: Iterable[CartLine]) -> tuple[CartItem, ...]:
    """The cart with the numbers typed; 0 takes an item out. Raises Invalid, a sentence a field."""
    check = Check()
    items = []
    for line in lines:
        number = check.integer(line.field, line.typed, "件数", least=0, most=MOST_QUANTITY)
        if number:
            items.append(replace(line.item, quantity=number))
    check.done()
    return tuple(items)


async def look_up(
    session: AsyncSession, items: Iterable[CartItem], now: datetime
) -> list[CartLine]:
    """The cart's items as they can be had now; the view is None for what is no longer there."""
    return [CartLine(item, await _view(session, item, now), str(item.quantity)) for item in items]


async def _view(session: AsyncSession, item: CartItem, now: datetime) -> ProductView | None:
    try:
        if item.product is not None:
            return await view_by_id(session, item.product, now, code=item.code)
        link, view = await open_link(session, item.code, now)
    except NotFound:
        return None
    return view if link.retired_at is None else None


def refusal_by_field(refusal: Refusal, lines: Sequence[CartLine]) -> dict[str, str]:
    """What was refused, at the field of its line, or "" where it concerns the whole cart."""
    if isinstance(refusal, Invalid):
        fields = {f"items.{n}.quantity": line.field for n, line in enumerate(lines)}
        return {fields.get(name, ""): text for name, text in refusal.errors.items()}
    for line in lines:
        if line.view is not None and line.view.id == getattr(refusal, "product_id", None):
            return {line.field: f"“{line.name}”：{refusal.text}"}
    return {"": refusal.text}


async def way_back(session: AsyncSession, hold: Hold) -> str:
    """The page that a hold was made from: its product's, or the cart's."""
    query = select(Link).where(Link.id.in_([line.link_id for line in hold.lines if line.link_id]))
    links = {link.id: link for link in await session.scalars(query)}
    items = [_item_held(line, links.get(line.link_id or 0)) for line in hold.lines]
    if len(items) > 1:
        return f"/cart?i={cart_text(items)}"
    code = items[0].code
    return f"/products/{hold.lines[0].product.slug}" + (f"?link={code}" if code else "")


def _item_held(line: HoldLine, link: Link | None) -> CartItem:
    if link is None or link.retired_at is not None:
        return CartItem("", line.product_id, line.quantity)
    return CartItem(link.code, None if link.product_id else line.product_id, line.quantity)
