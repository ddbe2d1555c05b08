"""Sold out, said by hand: the piece is gone before the figures know it.

Of itself a piece is sold out when nothing of it is free. The mark is for what the figures can not
see, and only stops what is sold through the show's links; who holds a piece keeps it.
"""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.audit import record
from catalog.errors import NotFound
from live.errors import WrongShowState
from live.models import LineUpItem, Show, ShowState
from live.shows import lock_show

UNDO_WITHIN = timedelta(seconds=10)
"""So long a mark is undone at a touch; afterwards it is from the line-up."""


async def mark_sold_out(
    session: AsyncSession, actor: Actor, show_id: int, item_id: int, now: datetime
) -> LineUpItem:
    """The show sells no more of an item. Repeating changes nothing.

    Locks the show, then the item. Raises NotFound, WrongShowState when it is not on air.
    """
    show, item = await _item_on_air(session, actor, show_id, item_id)
    if item.sold_out_at is None:
        item.sold_out_at = now
        _note(session, actor, "line_up_item.sold_out", show, item, now)
    return item


async def undo_sold_out(
    session: AsyncSession, actor: Actor, show_id: int, item_id: int, now: datetime
) -> LineUpItem:
    """The show sells an item again. Repeating changes nothing; errors as in `mark_sold_out`."""
    show, item = await _item_on_air(session, actor, show_id, item_id)
    if item.sold_out_at is not None:
        item.sold_out_at = None
        _note(session, actor, "line_up_item.on_sale", show, item, now)
    return item


async def _item_on_air(
    session: AsyncSession, actor: Actor, show_id: int, item_id: int
) -> tuple[Show, LineUpItem]:
    show = await lock_show(session, actor, show_id)
    if show.state != ShowState.LIVE:
        raise WrongShowState("这一场没有在直播，不用记“已售”。")
    item = next((item for item in show.items if item.id == item_id), None)
    if item is None:
        raise NotFound(f"line-up item {item_id}")
    await session.refresh(item, ["sold_out_at"], with_for_update={"key_share": True})
    return show, item


def _note(
    session: AsyncSession, actor: Actor, action: str, show: Show, item: LineUpItem, now: datetime
) -> None:
    record(
        session,
        actor,
        action,
        item,
        now,
        after={"show": show.id, "sold_out": item.sold_out_at is not None},
        workshop_id=item.product.workshop_id,
    )
