"""What an overlay draws: the piece that is shown, as far as its channel lets viewers see it."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from io import BytesIO

import msgspec
from PIL import Image
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from catalog.models import Kind, Photo, Product
from live.board import Board, BoardItem, board
from live.links import link_url
from live.models import LineUpItem, Link, Overlay, Placement, Policy, Show
from live.overlays import show_on
from media.qr import qr_png

CANVASES = {"1920x1080": "wide", "1080x1920": "tall"}
"""The sizes of picture that a streaming program sends, and what the stylesheet calls them."""

# tests/browser/test_code_off_video.py: at 4 pixels no phone reads it where the stream is 480p.
MODULE_PX = 10
LEAST_MODULE_PX = 7
# As wide as the card. An address of up to 71 letters has a code that fits at 10 pixels a module.
QR_ROOM_PX = 450


class Availability(StrEnum):
    """Whether a viewer could have the piece now."""

    FREE = "free"
    HELD = "held"
    SOLD = "sold"


@dataclass(frozen=True, slots=True)
class Card:
    """The piece that is shown. Where the channel or the state of things forbids it, `price_fen` is
    None, `qr` (the address of a picture) and `code` (to be typed) are empty.

    `held_until` is when the first hold runs out, None where no clock runs.
    """

    item_id: int
    name: str
    maker: str
    photo: Photo | None
    availability: Availability
    stock: str
    held_until: datetime | None
    price_fen: int | None
    qr: str
    code: str
    how: str


@dataclass(frozen=True, slots=True)
class Next:
    """The piece that comes after."""

    name: str
    photo: Photo | None


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything that an overlay shows; without a card and a rehearsal nothing at all."""

    side: str
    rehearsal: bool = False
    card: Card | None = None
    next: Next | None = None


async def drawing_now(session: AsyncSession, overlay: Overlay, public_url: str) -> Drawing:
    """What the overlay shows at this moment."""
    show_id = None if overlay.revoked_at else await show_on(session, overlay)
    latest = None if show_id is None else await board(session, show_id)
    return await draw(session, overlay, latest, public_url)


async def example_show(session: AsyncSession, station_id: int) -> int | None:
    """The latest show that has a line-up, to try an overlay with; None while there is none."""
    lined_up = select(LineUpItem.id).where(LineUpItem.show_id == Show.id).exists()
    query = select(Show.id).where(Show.station_id == station_id, lined_up)
    latest = (Show.starts_at.desc(), Show.id.desc())
    return await session.scalar(query.order_by(*latest).limit(1))


async def example(session: AsyncSession, overlay: Overlay, public_url: str) -> Drawing:
    """What is on air, else how the first piece of the latest line-up would look."""
    show_id = await show_on(session, overlay) or await example_show(session, overlay.station_id)
    if show_id is None:
        return Drawing(overlay.side)
    latest = await board(session, show_id)
    if latest.now is None and latest.items:
        ids = [item.id for item in latest.items]
        latest = msgspec.structs.replace(latest, now=ids[0], next=ids[1] if ids[1:] else None)
    return await draw(session, overlay, latest, public_url)


async def draw(
    session: AsyncSession, overlay: Overlay, latest: Board | None, public_url: str
) -> Drawing:
    """What the overlay shows of a board; without one nothing."""
    if latest is None or overlay.revoked_at is not None:
        return Drawing(overlay.side)
    items = {item.id: item for item in latest.items}
    now, following = items.get(latest.now or 0), items.get(latest.next or 0)
    products = await _products(session, [i.product for i in (now, following) if i])
    card = None
    if now is not None:
        codes = await _codes(session, latest.show, now.product)
        card = _card(overlay.policy, latest, now, products[now.product], codes, public_url)
    return Drawing(
        overlay.side,
        latest.rehearsal,
        card,
        Next(following.name, _photo(products[following.product])) if following else None,
    )


def _card(
    policy: Policy,
    latest: Board,
    item: BoardItem,
    product: Product,
    codes: dict[Placement | None, str],
    public_url: str,
) -> Card:
    availability = _availability(item)
    # Whoever scans a piece that is sold has come for nothing.
    coded = policy != Policy.PRICE and availability != Availability.SOLD
    scanned = codes.get(Placement.OVERLAY) or codes.get(None, "")
    qr = code_picture(link_url(public_url, scanned)) if scanned and policy == Policy.QR else ""
    return Card(
        item_id=item.id,
        name=item.name,
        maker=" · ".join(filter(None, (item.workshop, product.wood))),
        photo=_photo(product),
        availability=availability,
        stock=_stock(item, availability, product.kind, paused=latest.paused),
        held_until=None if latest.paused else item.held_until,
        price_fen=None if policy == Policy.SPOKEN else item.price_fen,
        qr=qr if coded else "",
        code=(codes.get(Placement.SPOKEN) or scanned) if coded else "",
        how=_how(policy, availability),
    )


def _availability(item: BoardItem) -> Availability:
    if item.sold_out:
        return Availability.SOLD
    if item.free == 0:
        return Availability.HELD if item.holds else Availability.SOLD
    return Availability.FREE


def _stock(item: BoardItem, availability: Availability, kind: Kind, *, paused: bool) -> str:
    """How many there are, in words that are true: what is on hold may still come back."""
    if availability == Availability.SOLD:
        return "约满" if kind == Kind.MADE_TO_ORDER else "已售"
    if availability == Availability.HELD:
        if item.held_until is None:
            return "有人在付款"
        return "预留中，先不计时" if paused else "预留中"
    if item.free is None:
        return "接受定做"
    if item.free == 1 and not item.holds:
        return "仅此一件" if kind == Kind.ONE_OF_A_KIND else "最后一件"
    return f"余 {item.free} 件"


def _how(policy: Policy, availability: Availability) -> str:
    if policy == Policy.SPOKEN:
        return "记下这个码，到商城里输入"
    if availability == Availability.HELD:
        return "扫码可以排队，放回时先通知您"
    return "扫码看详情，或在商城输入这个码"


@lru_cache(maxsize=200)
def code_picture(url: str) -> str:
    """A code as a `data:` address, so that it is there whenever the page is.

    Ten pixels a module, less only where the card has no room, and never below seven.
    """
    for module_px in range(MODULE_PX, LEAST_MODULE_PX - 1, -1):
        picture = qr_png(url, module_px)
        if Image.open(BytesIO(picture)).width <= QR_ROOM_PX:
            break
    return f"data:image/png;base64,{b64encode(picture).decode()}"


async def _products(session: AsyncSession, ids: list[int]) -> dict[int, Product]:
    query = select(Product).where(Product.id.in_(ids)).options(selectinload(Product.photos))
    return {product.id: product for product in await session.scalars(query)}


async def _codes(
    session: AsyncSession, show_id: int, product_id: int
) -> dict[Placement | None, str]:
    """The codes in use of a product in a show by placement, the oldest of each; under None the
    show's own, which is better than none where the line-up was given no codes."""
    query = (
        select(Link.product_id, Link.placement, Link.code)
        .where(Link.show_id == show_id, Link.retired_at.is_(None))
        .where(or_(Link.product_id == product_id, Link.product_id.is_(None)))
        .order_by(Link.id)
    )
    found: dict[Placement | None, str] = {}
    for of_product, placement, code in await session.execute(query):
        found.setdefault(None if of_product is None else placement, code)
    return found


def _photo(product: Product) -> Photo | None:
    return next((photo for photo in product.photos if photo.ready), None)
