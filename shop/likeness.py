"""The pictures by which a carved-to-order piece is sold: like these, not one of these.

Its own pictures first; where there are too few, one of each other product of the same family, so
that a buyer sees how far its hand ranges. Shown before paying, and kept with the order line.
"""

from collections.abc import Collection
from itertools import chain

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from catalog.models import Photo, PhotoState, Product, ProductState

MOST_LIKENESSES = 2


async def likenesses(session: AsyncSession, product_ids: Collection[int]) -> dict[int, list[Photo]]:
    """Up to `MOST_LIKENESSES` ready pictures for each product, in the order of showing."""
    if not product_ids:
        return {}
    sold = aliased(Product)
    of_family = (
        select(sold.id, Photo)
        .select_from(sold)
        .join(Product, Product.workshop_id == sold.workshop_id)
        .join(Photo, Photo.product_id == Product.id)
        .where(
            sold.id.in_(product_ids),
            or_(Product.id == sold.id, Product.state == ProductState.ON_SALE),
            Photo.state == PhotoState.READY,
        )
        .order_by(Photo.product_id, Photo.position, Photo.id)
    )
    own: dict[int, list[Photo]] = {one: [] for one in product_ids}
    others: dict[int, dict[int, Photo]] = {one: {} for one in product_ids}
    for product_id, photo in await session.execute(of_family):
        if photo.product_id == product_id:
            own[product_id].append(photo)
        else:
            others[product_id].setdefault(photo.product_id, photo)
    return {
        one: list(chain(own[one], others[one].values()))[:MOST_LIKENESSES] for one in product_ids
    }
