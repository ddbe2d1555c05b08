"""What the shop counts for the pages of shows: sales by link, and who waited in vain."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import and_, distinct, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from live.figures import Figures, Sold
from live.models import Link
from shop.line import WAITS
from shop.models import Hold, HoldLine, Order, OrderState, Waiter, WaiterState


async def sold_by_link(session: AsyncSession, link_ids: Collection[int]) -> Mapping[int, Sold]:
    """Paid orders, pieces and fen by link of a product; orders cancelled since are left out."""
    query = (
        select(
            Link.id,
            func.count(distinct(Order.id)),
            func.sum(HoldLine.quantity),
            func.sum(HoldLine.quantity * HoldLine.unit_fen),
        )
        # By way of the product, which is what a hold's lines are found by.
        .join(HoldLine, and_(HoldLine.product_id == Link.product_id, HoldLine.link_id == Link.id))
        .join(Hold, Hold.id == HoldLine.hold_id)
        .join(Order, Order.hold_id == Hold.id)
        .where(Link.id.in_(link_ids), Order.state.in_((OrderState.PAID, OrderState.COMPLETED)))
        .group_by(Link.id)
    )
    return {
        link_id: Sold(orders, int(pieces), int(fen))
        for link_id, orders, pieces, fen in await session.execute(query)
    }


async def waited_in_vain(
    session: AsyncSession, station_id: int, since: datetime, now: datetime
) -> Mapping[int, int]:
    """People who stood in line for a product since a time and left it, or whose day ran out.

    Who was offered a piece did not wait in vain, whatever became of it; the same phone counts
    once.
    """
    query = (
        select(Waiter.product_id, func.count(distinct(Waiter.phone)))
        .where(
            Waiter.station_id == station_id,
            Waiter.created_at >= since,
            or_(
                Waiter.state == WaiterState.LEFT,
                and_(Waiter.state == WaiterState.WAITING, Waiter.created_at <= now - WAITS),
            ),
        )
        .group_by(Waiter.product_id)
    )
    return dict((await session.execute(query)).all())


FIGURES = Figures(sold_by_link=sold_by_link, waited_in_vain=waited_in_vain)
