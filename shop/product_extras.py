"""What the product page asks for only where it is needed: most scans do without all of it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.models import Photo, PhotoState, Product
from catalog.products import Wanted, find_products
from live.models import LineUpItem, Show, ShowState
from shop.models import Hold, HoldLine, HoldState, Order, OrderState
from shop.product_view import ProductView, ShownPhoto


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


async def alike(session: AsyncSession, view: ProductView, most: int = 4) -> list[Product]:
    """What else a buyer might like: the same family's pieces that can be had, then others'."""
    wanted = Wanted(station_id=view.station_id, in_stock=True, most=most + 1)
    own = Wanted(workshop_id=view.workshop_id, in_stock=True, most=most + 1)
    found = {p.id: p for p in (await find_products(session, own))[0]}
    if len(found) <= most:
        found |= {p.id: p for p in (await find_products(session, wanted))[0] if p.id not in found}
    return [product for product in found.values() if product.id != view.id][:most]
