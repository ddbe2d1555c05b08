"""Demand that could not be served: scans that found nothing to buy, and who waited in vain.

Rehearsals count nowhere. A piece that somebody else is just paying for is not gone: who finds it
so may stand in line, and counts once the waiting was in vain.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.models import Product
from catalog.products import products_of
from live.figures import Figures
from live.models import Scan, Show

LOOK_BACK = timedelta(days=90)
MOST_PRODUCTS = 50


async def missed(session: AsyncSession, show_id: int) -> dict[int, int]:
    """How many scans by a show's links found nothing to buy, by product id."""
    query = (
        select(Scan.product_id, func.count())
        .where(Scan.show_id == show_id, Scan.sold_out, Scan.product_id.is_not(None))
        .group_by(Scan.product_id)
    )
    return {product_id: times for product_id, times in await session.execute(query) if product_id}


@dataclass(frozen=True, slots=True)
class Missed:
    """What could not be served of one product: scans that found nothing, and people who waited."""

    product: Product
    scans: int
    waited: int


async def missed_lately(
    session: AsyncSession, station_id: int, figures: Figures, now: datetime
) -> list[Missed]:
    """Per product over the last `LOOK_BACK`, those that most people missed first."""
    since = now - LOOK_BACK
    scans = await _scans(session, station_id, since)
    waited = await figures.waited_in_vain(session, station_id, since, now)
    ids = sorted(
        scans.keys() | waited.keys(),
        key=lambda one: (-scans.get(one, 0) - waited.get(one, 0), one),
    )[:MOST_PRODUCTS]
    products = await products_of(session, station_id, ids)
    return [
        Missed(products[one], scans.get(one, 0), waited.get(one, 0))
        for one in ids
        if one in products
    ]


async def _scans(session: AsyncSession, station_id: int, since: datetime) -> dict[int, int]:
    query = (
        select(Scan.product_id, func.count())
        .outerjoin(Show, Show.id == Scan.show_id)
        .where(
            Scan.station_id == station_id,
            Scan.sold_out,
            Scan.at >= since,
            Scan.product_id.is_not(None),
            or_(Show.id.is_(None), Show.rehearsal.is_(False)),
        )
        .group_by(Scan.product_id)
    )
    return {product_id: times for product_id, times in await session.execute(query) if product_id}
