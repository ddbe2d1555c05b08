"""What the product page asks for only where it is needed: most scans do without all of it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.closures import away
from catalog.models import Kind, Photo, PhotoState, Product, ProductState, Stock, Workshop
from catalog.photos import ShownPhoto
from catalog.products import products_of
from live.models import LineUpItem, Show, ShowState
from shop.models import Hold, HoldLine, HoldState, Order, OrderState
from shop.product_view import ProductView
from shop.promise import beijing_day


async def further_photos(session: AsyncSession, product_id: int) -> list[ShownPhoto]:
    """The product's photos behind the first."""
    rows = await session.execute(
        select(Photo.folder, Photo.width, Photo.height)
        .where(Photo.product_id == product_id, Photo.state == PhotoState.READY)
        .order_by(Photo.position, Photo.id)
        .offset(1)
    )
    return [ShownPhoto(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Fence:
    """A show that keeps the last free pieces for those who watch it."""

    show_id: int
    title: str
    state: ShowState
    starts_at: datetime

    @property
    def public(self) -> bool:
        """Whether strangers may see the show's page."""
        return self.state != ShowState.DRAFT


async def fence_of(session: AsyncSession, product_id: int) -> Fence | None:
    """The first show that has pieces of the product left for itself; None when none has."""
    query = (
        select(Show.id, Show.title, Show.state, Show.starts_at)
        .join(LineUpItem, LineUpItem.show_id == Show.id)
        .where(LineUpItem.product_id == product_id, LineUpItem.allotment_left > 0)
        .order_by(Show.starts_at)
        .limit(1)
    )
    row = (await session.execute(query)).one_or_none()
    return Fence(*row) if row else None


async def unfinished(
    session: AsyncSession, browser: str, product_id: int, now: datetime
) -> str | None:
    """Where this browser goes on buying the product that it holds already; None when it does not."""
    row = (
        await session.execute(
            select(Hold.token, Order.token)
            .select_from(Hold)
            .join(HoldLine, HoldLine.hold_id == Hold.id)
            .outerjoin(Order, Order.hold_id == Hold.id)
            .where(
                Hold.browser == browser,
                HoldLine.product_id == product_id,
                Hold.expires_at > now,
                or_(Hold.state == HoldState.ACTIVE, Order.state == OrderState.UNPAID),
            )
            .order_by(Hold.id.desc())
            .limit(1)
        )
    ).one_or_none()
    if row is None:
        return None
    return f"/o/{row[1]}" if row[1] else f"/checkout/{row[0]}"


async def alike(
    session: AsyncSession, view: ProductView, now: datetime, most: int = 4
) -> list[Product]:
    """What else a buyer might like, and can have now.

    First what the same family sells at about the price, from half of it to double; then what
    others make in the same craft at about the price; then the family's other pieces; then the
    rest. Among equals the nearest price comes first.
    """
    near = Product.price_fen.between(view.price_fen // 2, view.price_fen * 2)
    family = Product.workshop_id == view.workshop_id
    craft = (Workshop.craft == view.craft) & (Workshop.craft != "")
    kinship = case(
        (family & near, 0), (craft & near, 1), (family, 2), (near, 3), (craft, 4), else_=5
    )
    query = (
        select(Product.id)
        .join(Product.workshop)
        .where(Product.id != view.id, *_to_be_had(view.station_id))
        .order_by(kinship, func.abs(Product.price_fen - view.price_fen), Product.id.desc())
    )
    return await _products(session, view.station_id, query.limit(most), now)


async def on_offer(
    session: AsyncSession, station_id: int, show_id: int | None, now: datetime, most: int = 4
) -> list[Product]:
    """What can be had now: of the show first, in its order, then the station's newest."""
    query = (
        select(Product.id)
        .join(Product.workshop)
        .outerjoin(
            LineUpItem,
            (LineUpItem.product_id == Product.id) & (LineUpItem.show_id == (show_id or 0)),
        )
        .where(*_to_be_had(station_id))
        .order_by(LineUpItem.id.is_(None), LineUpItem.position, Product.id.desc())
    )
    return await _products(session, station_id, query.limit(most), now)


def _to_be_had(station_id: int) -> tuple[ColumnElement[bool], ...]:
    stocked = exists().where(Stock.product_id == Product.id, Stock.on_hand > Stock.held)
    return (
        Product.station_id == station_id,
        Product.state == ProductState.ON_SALE,
        Workshop.active.is_(True),
        stocked | (Product.kind == Kind.MADE_TO_ORDER),
        ~away(),
    )


async def _products(
    session: AsyncSession, station_id: int, wanted: Select[int], now: datetime
) -> list[Product]:
    ids = list(await session.scalars(wanted, {"today": beijing_day(now)}))
    found = await products_of(session, station_id, ids)
    return [found[one] for one in ids if one in found]
