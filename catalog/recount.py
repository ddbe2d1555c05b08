"""A count of pieces taken back within the day, while nothing moved since."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import stock
from catalog.access import Actor
from catalog.errors import NotTakenBack
from catalog.models import Product, Stock, StockMovement
from catalog.stock import OPENED

TAKE_BACK_WITHIN = timedelta(hours=24)
"""How long a person may take back what they did."""

TAKEN_BACK = "收回刚才的改动"


async def last_count(
    session: AsyncSession, actor: Actor, product_id: int, now: datetime
) -> StockMovement | None:
    """What `actor` counted within the day, if nothing has moved since; what came with the product stays."""
    last = await _last(session, product_id)
    if last is None or last.member_id != actor.member_id or last.reason in (OPENED, TAKEN_BACK):
        return None
    return last if now < last.at + TAKE_BACK_WITHIN else None


async def take_back_count(
    session: AsyncSession, actor: Actor, product: Product, movement_id: int, now: datetime
) -> Stock:
    """Count back what movement `movement_id` changed, once; returns the figures.

    The stock's row is locked first, so that no sale slips in between. Raises NotTakenBack when
    anything moved since or a day has passed, StockPromised when buyers were promised the pieces.
    """
    counted = await session.get_one(Stock, product.id, with_for_update=True, populate_existing=True)
    last = await _last(session, product.id)
    if last is not None and last.reason == TAKEN_BACK and await _before(session, last, movement_id):
        return counted
    movement = await last_count(session, actor, product.id, now)
    if movement is None or movement.id != movement_id:
        raise NotTakenBack("后来又有变化，收不回了。件数不对的话，请重新数一数。")
    return await stock.change(session, actor, product, -movement.change, TAKEN_BACK, now)


async def _last(session: AsyncSession, product_id: int) -> StockMovement | None:
    query = select(StockMovement).where(StockMovement.product_id == product_id)
    return await session.scalar(query.order_by(StockMovement.id.desc()).limit(1))


async def _before(session: AsyncSession, last: StockMovement, movement_id: int) -> bool:
    """Whether `movement_id` is the movement just before the product's last."""
    earlier = select(StockMovement.id).where(
        StockMovement.product_id == last.product_id, StockMovement.id < last.id
    )
    found = await session.scalar(earlier.order_by(StockMovement.id.desc()).limit(1))
    return found == movement_id
