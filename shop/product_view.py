"""One product as a buyer sees it this moment: price, pieces free, who is paying. One query.

The hottest page of the shop stands on it, so the statements are built once and select columns,
not entities. What counts as free is what `shop.buying` would hand out: pieces that only a dead
hold keeps are free, for the request that wants them reclaims them, and those that somebody in
line waits for are not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    ScalarSelect,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from catalog.closures import away
from catalog.db import UtcDateTime
from catalog.errors import NotFound
from catalog.models import (
    NOT_YET_SHOWN,
    Kind,
    Photo,
    PhotoState,
    Product,
    ProductState,
    Station,
    Stock,
    Workshop,
)
from catalog.one_of import one_of
from catalog.photos import ShownPhoto
from live.models import LineUpItem, Link, Show, ShowState
from media.codes import normalise
from shop.holding import MOST_QUANTITY
from shop.line import WAITS
from shop.models import Hold, HoldLine, HoldState, Order, OrderState, Waiter, WaiterState
from shop.promise import beijing_day


class Situation(StrEnum):
    """What a buyer can do with a product now."""

    FREE = "free"
    TO_ORDER = "to_order"
    HELD = "held"
    SOLD_OUT = "sold_out"
    AWAY = "away"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """The link that a buyer came by; without a product it is a show's own."""

    id: int
    code: str
    station_id: int
    show_id: int | None
    product_id: int | None
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProductView:
    """A product's facts and its figures of this moment, in the order of `_COLUMNS`.

    `paying` buyers hold `promised` pieces unpaid, the first of them until `held_until`; dead
    holds still keep `dead` free pieces and `dead_fenced` of a show's. `show_state` is the state
    of the link's show, `rehearsal` says whether it is one, and `item_…` are this product's place in it. `waiting` stand in line for
    a piece, `waiting_here` of them by links of this very show. `away` says that the family does not
    work today, and would have to carve or send it.
    """

    link: OpenedLink | None
    id: int
    slug: str
    kind: Kind
    state: ProductState
    name: str
    name_en: str
    meaning: str
    wood: str
    size: str
    weight_g: int
    base_fen: int
    work_days: int
    workshop_id: int
    workshop_slug: str
    workshop_name: str
    village: str
    craft: str
    workshop_active: bool
    away: bool
    station_id: int
    station_name: str
    station_place: str
    station_phone: str
    station_open: bool
    business_name: str
    credit_code: str
    icp: str
    complaints_phone: str
    rules_url: str
    on_hand: int
    held: int
    show_state: ShowState | None
    rehearsal: bool | None
    item_id: int | None
    item_fen: int | None
    item_left: int | None
    item_sold_out_at: datetime | None
    photo_folder: str | None
    photo_width: int | None
    photo_height: int | None
    photos: int
    paying: int
    promised: int
    held_until: datetime | None
    dead: int
    dead_fenced: int
    waiting: int
    waiting_here: int

    @property
    def on_air(self) -> bool:
        """Whether the buyer came by a link of a show that is live with this product in it."""
        return self.item_id is not None and self.show_state == ShowState.LIVE

    @property
    def price_fen(self) -> int:
        """What one piece costs now, to somebody who came by this link; as `live.selling.offer`."""
        return self.item_fen if self.on_air and self.item_fen is not None else self.base_fen

    @property
    def was_fen(self) -> int | None:
        """The normal price, where the show's is lower."""
        return self.base_fen if self.price_fen < self.base_fen else None

    @property
    def free(self) -> int:
        """Pieces that this buyer could have now, when those in line have had theirs."""
        fenced, loose = self._there
        here = self.waiting_here if self.on_air else 0
        elsewhere = self.waiting - here + max(0, here - fenced)
        return max(0, fenced - here) + max(0, loose - elsewhere)

    @property
    def _there(self) -> tuple[int, int]:
        """Pieces of the show that the buyer came by, and those that are free for all."""
        fenced = (self.item_left or 0) + self.dead_fenced if self.on_air else 0
        return fenced, self.on_hand - self.held + self.dead

    @property
    def situation(self) -> Situation:
        if self.state != ProductState.ON_SALE or not self.workshop_active:
            return Situation.OFF
        if self.away:
            return Situation.AWAY
        if self.on_air and self.item_sold_out_at is not None:
            return Situation.SOLD_OUT
        if self.kind == Kind.MADE_TO_ORDER:
            return Situation.TO_ORDER
        if self.free > 0:
            return Situation.FREE
        return Situation.HELD if self.paying or any(self._there) else Situation.SOLD_OUT

    @property
    def most(self) -> int:
        """How many one buyer may ask for at once."""
        if self.kind == Kind.MADE_TO_ORDER:
            return MOST_QUANTITY
        return max(1, min(self.free, MOST_QUANTITY))

    @property
    def photo(self) -> ShownPhoto | None:
        if self.photo_folder is None:
            return None
        return ShownPhoto(self.photo_folder, self.photo_width or 1, self.photo_height or 1)

    @property
    def station(self) -> dict[str, Any]:
        """The station as the frame of a page names it."""
        return {
            "id": self.station_id,
            "business_name": self.business_name,
            "credit_code": self.credit_code,
            "icp": self.icp,
            "complaints_phone": self.complaints_phone,
            "rules_url": self.rules_url,
            "name": self.station_name,
            "place": self.station_place,
            "phone": self.station_phone,
        }

    @property
    def href(self) -> str:
        """The product page with this link's price, without counting one more scan."""
        code = self.link.code if self.link and not self.link.retired_at else ""
        return f"/products/{self.slug}" + (f"?link={code}" if code else "")


_LINK_COLUMNS = (
    Link.id, Link.code, Link.station_id, Link.show_id, Link.product_id, Link.retired_at
)  # fmt: skip

_NOW = bindparam("now", type_=UtcDateTime())
_READY = and_(Photo.product_id == Product.id, Photo.state == PhotoState.READY)


def _paying() -> Subquery:
    """A row for each product that somebody holds pieces of without having paid."""
    # The open holds first: there are few of them, while a product's old ones grow without end.
    open_holds = union_all(
        select(Hold.id, Hold.expires_at).where(Hold.state == HoldState.ACTIVE),
        select(Hold.id, Hold.expires_at)
        .join(Order, Order.hold_id == Hold.id)
        .where(Order.state == OrderState.UNPAID, Hold.state == HoldState.ORDERED),
    ).subquery()
    lives = open_holds.c.expires_at > _NOW

    def total(amount: Any, condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, amount), else_=0)), 0)

    return (
        select(
            HoldLine.product_id,
            total(1, lives).label("paying"),
            total(HoldLine.quantity, lives).label("promised"),
            func.min(case((lives, open_holds.c.expires_at))).label("held_until"),
            total(HoldLine.quantity - HoldLine.fenced, ~lives).label("dead"),
            total(HoldLine.fenced, ~lives).label("dead_fenced"),
        )
        .select_from(open_holds)
        .join(HoldLine, HoldLine.hold_id == open_holds.c.id)
        .group_by(HoldLine.product_id)
        .subquery("paying")
    )


def _in_line(*further: ColumnElement[bool]) -> ScalarSelect[int]:
    """How many wait for the product."""
    fresh = Waiter.created_at > bindparam("since", type_=UtcDateTime())
    waiting = (Waiter.product_id == Product.id, Waiter.state == WaiterState.WAITING, fresh)
    query = select(func.count()).select_from(Waiter).where(*waiting, *further)
    return query.correlate(Product, Link).scalar_subquery()


def _statement(start: FromClause) -> Select[*tuple[Any, ...]]:
    """Everything of a product, joined to `start`, which holds links and products."""
    first_photo = (
        select(Photo.id)
        .where(_READY)
        .order_by(Photo.position, Photo.id)
        .limit(1)
        .correlate(Product)
        .scalar_subquery()
    )
    photos = select(func.count()).where(_READY).correlate(Product).scalar_subquery()
    theirs = aliased(Link)
    same_show = (theirs.id == Waiter.link_id, theirs.show_id == Link.show_id)
    waiting_here = _in_line(exists().where(*same_show, theirs.retired_at.is_(None)))
    paying = _paying()
    product_id, *figures = paying.c
    return select(
        *_LINK_COLUMNS,
        Product.id, Product.slug, Product.kind, Product.state, Product.name, Product.name_en,
        Product.meaning, Product.wood, Product.size, Product.weight_g, Product.price_fen,
        Product.work_days,
        Workshop.id, Workshop.slug, Workshop.name, Workshop.village, Workshop.craft,
        Workshop.active, away(),
        Station.id, Station.name, Station.place, Station.phone, Station.is_open,
        Station.business_name, Station.credit_code, Station.icp, Station.complaints_phone,
        Station.rules_url,
        Stock.on_hand, Stock.held,
        Show.state, Show.rehearsal, LineUpItem.id, LineUpItem.show_price_fen, LineUpItem.allotment_left,
        LineUpItem.sold_out_at,
        Photo.folder, Photo.width, Photo.height, photos,
        *(func.coalesce(figure, 0) if figure.name != "held_until" else figure for figure in figures),
        _in_line(), waiting_here,
    ).select_from(
        start.outerjoin(Workshop, Workshop.id == Product.workshop_id)
        .outerjoin(Station, Station.id == Product.station_id)
        .outerjoin(Stock, Stock.product_id == Product.id)
        .outerjoin(Show, Show.id == Link.show_id)
        .outerjoin(
            LineUpItem,
            and_(LineUpItem.show_id == Link.show_id, LineUpItem.product_id == Product.id),
        )
        .outerjoin(Photo, Photo.id == first_photo)
        .outerjoin(paying, product_id == Product.id)
    )  # fmt: skip


def _by_product(found: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    start = Product.__table__.outerjoin(
        Link.__table__,
        and_(
            Link.code == bindparam("code", type_=Link.code.type),
            Link.retired_at.is_(None),
            or_(Link.product_id.is_(None), Link.product_id == Product.id),
        ),
    )
    return _statement(start).where(found)


def _by_codes() -> Select[*tuple[Any, ...]]:
    """A link's product; for a link of a show alone, what is being shown there while it is on air."""
    on_air, showing = aliased(Show), aliased(LineUpItem)
    start = (
        Link.__table__.outerjoin(
            on_air,
            and_(
                Link.product_id.is_(None),
                Link.retired_at.is_(None),
                on_air.id == Link.show_id,
                on_air.state == ShowState.LIVE,
            ),
        )
        .outerjoin(showing, showing.id == on_air.now_item_id)
        .outerjoin(
            Product.__table__, Product.id == func.coalesce(Link.product_id, showing.product_id)
        )
    )
    return _statement(start).where(one_of(Link.code, "codes"))


_BY_CODES = _by_codes()
_BY_SLUG = _by_product(Product.slug == bindparam("slug", type_=Product.slug.type))
_BY_ID = _by_product(Product.id == bindparam("product_id", type_=Product.id.type))


def _read(row: Row[*tuple[Any, ...]]) -> ProductView:
    split = len(_LINK_COLUMNS)
    return ProductView(None if row[0] is None else OpenedLink(*row[:split]), *row[split:])


Opened = tuple[OpenedLink, ProductView | None]
"""A link, retired ones too, and its product, whatever its state.

A link of a show alone opens what is being shown while it is on air, and None at other times.
"""


async def open_links(
    session: AsyncSession, codes: Sequence[str], now: datetime
) -> dict[str, Opened]:
    """What each code opens, with one query; codes are as `normalise` leaves them.

    A code that nobody has is left out.
    """
    # Few lengths of the list, so that the database keeps few prepared statements.
    length = next(n for n in (1, 4, 16, len(codes)) if n >= len(codes))
    asked = [*codes, *[codes[-1]] * (length - len(codes))]
    opened: dict[str, Opened] = {}
    for row in await session.execute(_BY_CODES, {"codes": asked, **_times(now)}):
        link = OpenedLink(*row[: len(_LINK_COLUMNS)])
        view = None if row[len(_LINK_COLUMNS)] is None else _read(row)
        if view and link.product_id is None and view.state in NOT_YET_SHOWN:
            view = None
        opened[link.code] = (link, view)
    return opened


async def open_link(session: AsyncSession, typed: str, now: datetime) -> Opened:
    """The link of a code as people type it, with its own product; None where it has none.

    Raises NotFound for a code that nobody has, and for one of what is not shown yet.
    """
    code = normalise(typed)
    opened = await open_links(session, [code], now)
    if code not in opened:
        raise NotFound(f"link {code[:20]}")
    link, view = opened[code]
    # What a show is showing is another thing a minute later: nobody's cart may hang on it.
    return link, _public(view) if view and link.product_id is not None else None


async def view_by_slug(
    session: AsyncSession, slug: str, now: datetime, *, code: str = ""
) -> ProductView:
    """The product at `/products/{slug}`; `code` is a link in use whose show's price holds.

    Raises NotFound, also for what is not shown yet.
    """
    values = {"slug": slug, "code": normalise(code), **_times(now)}
    return _public(_found((await session.execute(_BY_SLUG, values)).one_or_none()))


async def view_by_id(
    session: AsyncSession, product_id: int, now: datetime, *, code: str = ""
) -> ProductView:
    """As `view_by_slug`."""
    return _public(await view_in_line(session, product_id, now, code=code))


async def view_in_line(
    session: AsyncSession, product_id: int, now: datetime, *, code: str = ""
) -> ProductView:
    """As `view_by_id`, for somebody with a place in its line: also while it is taken in."""
    values = {"product_id": product_id, "code": normalise(code), **_times(now)}
    return _found((await session.execute(_BY_ID, values)).one_or_none())


def _times(now: datetime) -> dict[str, date]:
    return {"now": now, "since": now - WAITS, "today": beijing_day(now)}


def _found(row: Row[*tuple[Any, ...]] | None) -> ProductView:
    if row is None:
        raise NotFound("product")
    return _read(row)


def _public(view: ProductView) -> ProductView:
    if view.state in NOT_YET_SHOWN:
        raise NotFound(f"product {view.id} is not shown yet")
    return view
