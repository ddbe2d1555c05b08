"""What a show came to: for each line-up item when it was shown, and what followed."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.interface import Named
from live.models import Airing, LineUpItem, Show, ShowState
from live.scans import count_scans


class AiringView(msgspec.Struct):
    """A span of time in which the item was the one being shown; open while it still is."""

    started_at: datetime
    ended_at: datetime | None


class ReportItem(msgspec.Struct, kw_only=True):
    """One line-up item. `holds` counts the times that a buyer held it, paid for or not."""

    line_up_item: int
    product: int
    name: str
    workshop: Named
    airings: list[AiringView]
    scans: int
    holds: int
    sold: int
    sold_fen: int


class Totals(msgspec.Struct, kw_only=True):
    """The sums of a show. `scans` also counts those of codes that open the show itself."""

    scans: int
    holds: int
    sold: int
    sold_fen: int


class Report(msgspec.Struct, kw_only=True):
    """What a show came to, or has come to so far."""

    show: int
    title: str
    state: ShowState
    started_at: datetime | None
    ended_at: datetime | None
    items: list[ReportItem]
    totals: Totals


async def report(session: AsyncSession, show: Show, holds: Mapping[int, int]) -> Report:
    """The report of a show loaded by `show_for`. The shop tells `holds` by line-up item id."""
    scans = await count_scans(session, show.id)
    airings = await _airings(session, show.id)
    items = [
        _item(item, airings[item.id], scans.get(item.product_id, 0), holds.get(item.id, 0))
        for item in show.items
    ]
    return Report(
        show=show.id,
        title=show.title,
        state=show.state,
        started_at=show.started_at,
        ended_at=show.ended_at,
        items=items,
        totals=Totals(
            scans=sum(scans.values()),
            holds=sum(item.holds for item in items),
            sold=sum(item.sold for item in items),
            sold_fen=sum(item.sold_fen for item in items),
        ),
    )


async def _airings(session: AsyncSession, show_id: int) -> defaultdict[int, list[AiringView]]:
    found: defaultdict[int, list[AiringView]] = defaultdict(list)
    query = select(Airing).where(Airing.show_id == show_id)
    for airing in await session.scalars(query.order_by(Airing.started_at, Airing.id)):
        found[airing.line_up_item_id].append(AiringView(airing.started_at, airing.ended_at))
    return found


def _item(item: LineUpItem, airings: list[AiringView], scans: int, holds: int) -> ReportItem:
    workshop = item.product.workshop
    return ReportItem(
        line_up_item=item.id,
        product=item.product_id,
        name=item.product.name,
        workshop=Named(workshop.id, workshop.name),
        airings=airings,
        scans=scans,
        holds=holds,
        sold=item.sold,
        sold_fen=item.sold_fen,
    )
