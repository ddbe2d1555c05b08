"""The live board: what a show looks like this moment, computed from the database, never added up."""

from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.models import Kind
from live.models import Airing, LineUpItem, ShowState
from live.scans import count_scans
from live.shows import get_show

class BoardItem(msgspec.Struct, kw_only=True):
    """One line-up item now. `free` is null for what is carved to order.

    `held_until` is when the first of its holds runs out, `waiting` how many stand in line for it.
    `sold_out` says that it was marked so by hand.
    """

    id: int
    product: int
    name: str
    workshop: str
    price_fen: int
    free: int | None
    holds: int
    sold: int
    sold_fen: int
    scans: int
    minutes: int
    sold_out: bool
    held_until: datetime | None
    waiting: int


class Board(msgspec.Struct, kw_only=True):
    """A show now. `now` and `next` are line-up item ids; `now` has been showing since `now_since`.

    `watching` counts the pages of the show that are open; `paused` says that holds do not run out.
    """

    show: int
    state: ShowState
    title: str
    started_at: datetime | None
    rehearsal: bool
    paused: bool
    now: int | None
    now_since: datetime | None
    next: int | None
    watching: int
    scans: int
    holds: int
    sold: int
    sold_fen: int
    items: list[BoardItem]


async def board(session: AsyncSession, show_id: int) -> Board:
    """The whole state of a show. Raises NotFound."""
    show = await get_show(session, show_id)
    scans = await count_scans(session, show_id)
    items = [_item(item, scans.get(item.product_id, 0)) for item in show.items]
    ids = [item.id for item in items]
    after = ids.index(show.now_item_id) + 1 if show.now_item_id in ids else 0
    return Board(
        show=show.id,
        state=show.state,
        title=show.title,
        started_at=show.started_at,
        rehearsal=show.rehearsal,
        paused=show.holds_paused_at is not None,
        now=show.now_item_id,
        now_since=await _since(session, show_id),
        watching=0,
        next=ids[after] if after < len(ids) else None,
        scans=sum(scans.values()),
        holds=sum(item.holds for item in items),
        sold=sum(item.sold for item in items),
        sold_fen=sum(item.sold_fen for item in items),
        items=items,
    )


async def _since(session: AsyncSession, show_id: int) -> datetime | None:
    query = select(Airing.started_at).where(Airing.show_id == show_id, Airing.ended_at.is_(None))
    return await session.scalar(query.order_by(Airing.id.desc()).limit(1))


def _item(item: LineUpItem, scans: int) -> BoardItem:
    product = item.product
    made_to_order = product.kind == Kind.MADE_TO_ORDER
    return BoardItem(
        id=item.id,
        product=product.id,
        name=product.name,
        workshop=product.workshop.name,
        price_fen=item.show_price_fen or product.price_fen,
        free=None if made_to_order else product.stock.free + item.allotment_left,
        holds=item.holding,
        sold=item.sold,
        sold_fen=item.sold_fen,
        scans=scans,
        minutes=item.minutes,
        sold_out=item.sold_out_at is not None,
        held_until=None,
        waiting=0,
    )
