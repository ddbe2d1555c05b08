"""What the shop knows of shows: what was held and paid for by their links, and what went back."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import REPORT_VIEWERS, Actor
from catalog.models import Kind, Product
from live.models import Link, Scan, Show, ShowState
from live.report import Report, Sold, report
from live.shows import list_shows, show_for
from shop.models import (
    BuyerRequest,
    HoldLine,
    Order,
    OrderLine,
    RequestKind,
    RequestState,
    WorkOrder,
    WorkOrderState,
)

PAGE = 30
_OVER = (ShowState.ENDED, ShowState.REPORTED)

_CAME_BACK = exists().where(
    BuyerRequest.work_order_id == WorkOrder.id,
    BuyerRequest.kind == RequestKind.RETURN,
    BuyerRequest.state == RequestState.DONE,
)
# As `shop.choices.returnable`: what was carved for the buyer, who agreed to keep it, stays.
_REFUNDED: ColumnElement[bool] = or_(
    WorkOrder.state.in_((WorkOrderState.DECLINED, WorkOrderState.CANCELLED)),
    and_(
        _CAME_BACK,
        or_(Order.custom_agreed_at.is_(None), Product.kind != Kind.MADE_TO_ORDER),
    ),
)
# A sale belongs to the show whose link the buyer came by. A hold has a product once.
_SALES = (
    select(
        Link.show_id,
        OrderLine.product_id,
        Order.placed_at,
        OrderLine.quantity,
        (OrderLine.quantity * OrderLine.unit_fen).label("amount_fen"),
        _REFUNDED.label("refunded"),
    )
    .select_from(Link)
    .join(HoldLine, HoldLine.link_id == Link.id)
    .join(Order, Order.hold_id == HoldLine.hold_id)
    .join(WorkOrder, WorkOrder.order_id == Order.id)
    .join(
        OrderLine,
        (OrderLine.work_order_id == WorkOrder.id) & (OrderLine.product_id == HoldLine.product_id),
    )
    .join(Product, Product.id == OrderLine.product_id)
    .where(Order.paid_at.is_not(None))
)


async def show_report(session: AsyncSession, actor: Actor, show_id: int, now: datetime) -> Report:
    """What a show of the actor's station came to. Raises NotFound."""
    actor.must_be(REPORT_VIEWERS)
    show = await show_for(session, actor, show_id)
    holds = await count_holds(session, show_id)
    return await report(session, show, holds, await _sales(session, show_id), now)


async def count_holds(session: AsyncSession, show_id: int) -> dict[int, int]:
    """How many times buyers held each product by a show's links, paid for or not, by product id."""
    query = (
        select(HoldLine.product_id, func.count())
        .join(Link, Link.id == HoldLine.link_id)
        .where(Link.show_id == show_id)
        .group_by(HoldLine.product_id)
    )
    return dict((await session.execute(query)).all())


async def _sales(session: AsyncSession, show_id: int) -> list[Sold]:
    rows = await session.execute(_SALES.where(Link.show_id == show_id))
    return [
        Sold(row.product_id, row.placed_at, row.quantity, row.amount_fen, bool(row.refunded))
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class ShowSums:
    """The key figures of one show, for a list. `sold` and the amounts as in `live.report.Figures`."""

    show: Show
    scans: int = 0
    holds: int = 0
    sold: int = 0
    sold_fen: int = 0
    refunded_fen: int = 0

    @property
    def kept_fen(self) -> int:
        return self.sold_fen - self.refunded_fen


async def reported_shows(
    session: AsyncSession, actor: Actor, *, rehearsal: bool, before: int | None = None
) -> list[ShowSums]:
    """The shows of the actor's station that are over, latest first, with their key figures.

    Rehearsals or all others, never both. `before` is the show that the last page ended with.
    """
    actor.must_be(REPORT_VIEWERS)
    shows = await list_shows(
        session,
        actor.station_id,
        states=_OVER,
        rehearsal=rehearsal,
        before=before,
        most=PAGE,
    )
    ids = [show.id for show in shows]
    scans, holds = await _scans_of(session, ids), await _holds_of(session, ids)
    sales = await _sales_of(session, ids)
    return [
        ShowSums(
            show,
            scans.get(show.id, 0),
            holds.get(show.id, 0),
            *sales.get(show.id, (0, 0, 0)),
        )
        for show in shows
    ]


async def _scans_of(session: AsyncSession, show_ids: Collection[int]) -> dict[int | None, int]:
    query = select(Scan.show_id, func.count()).where(Scan.show_id.in_(show_ids))
    return dict((await session.execute(query.group_by(Scan.show_id))).all())


async def _holds_of(session: AsyncSession, show_ids: Collection[int]) -> dict[int | None, int]:
    query = select(Link.show_id, func.count()).join(HoldLine, HoldLine.link_id == Link.id)
    query = query.where(Link.show_id.in_(show_ids)).group_by(Link.show_id)
    return dict((await session.execute(query)).all())


async def _sales_of(
    session: AsyncSession, show_ids: Collection[int]
) -> dict[int, tuple[int, int, int]]:
    """Pieces sold, fen paid and fen refunded of each show that sold something."""
    sales = _SALES.where(Link.show_id.in_(show_ids)).subquery()
    back = case((sales.c.refunded, sales.c.amount_fen), else_=0)
    query = select(
        sales.c.show_id,
        func.sum(sales.c.quantity),
        func.sum(sales.c.amount_fen),
        func.sum(back),
    ).group_by(sales.c.show_id)
    # PostgreSQL adds up 64-bit numbers to a Decimal.
    return {
        show_id: (int(pieces), int(paid), int(refunded))
        for show_id, pieces, paid, refunded in await session.execute(query)
    }
