"""What may be on sale: the one place that says so, for desk, families and programs alike.

`docs/onboarding.md`. In a station that does not review, a product is what it is asked to be.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import reviews
from catalog.access import Actor
from catalog.models import Product, ProductState, ReviewState, Station
from catalog.onboarded import must_be_onboarded

_UP = (ProductState.ON_SALE, ProductState.REVIEW)


async def lock(session: AsyncSession, product_id: int) -> None:
    """Keep others from changing a product, or deciding on it, until the transaction ends.

    Weaker than a plain lock: buyers' holds, which name the product, do not wait for it.
    """
    await session.execute(
        select(Product.id).where(Product.id == product_id).with_for_update(key_share=True)
    )


async def put_up(
    session: AsyncSession,
    actor: Actor,
    product: Product,
    asked: ProductState,
    now: datetime,
    *,
    changed: bool,
) -> None:
    """Give a product, flushed and locked, the state asked for, as far as its station allows.

    `changed` says that there is something new which a second person must look at: words that
    buyers trust, a higher price, a photo. Raises NotOnboarded when it
    is to be put up for a family whose checks are missing or past, in a station that reviews.
    """
    wanted = ProductState.ON_SALE if asked in _UP else asked
    station = await session.get_one(Station, product.station_id)
    if not station.review_products:
        product.state = wanted
        return
    was, product.state = product.state, wanted
    if changed:
        await reviews.ask(session, actor, product, now)
    if wanted != ProductState.ON_SALE:
        return
    if was not in _UP:
        await must_be_onboarded(session, product.workshop_id, now)
    if was == ProductState.ON_SALE and not changed:
        return
    latest = await reviews.latest_review(session, product.id)
    if latest is not None and latest.state == ReviewState.PASSED:
        return
    product.state = ProductState.REVIEW
    if latest is None or latest.state == ReviewState.REFUSED:
        await reviews.ask(session, actor, product, now)


async def photo_added(session: AsyncSession, actor: Actor, product: Product, now: datetime) -> None:
    """A new picture is looked at like new words; what is on sale waits for it. Locks the product."""
    await lock(session, product.id)
    await put_up(session, actor, product, product.state, now, changed=True)
