"""Putting a show on air, switching what is shown, ending it, taking it up again.

`docs/shows.md` draws the states.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import stock
from catalog.access import Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.errors import NotFound
from live import checklist, selling
from live.errors import NotReady, WrongShowState
from live.models import Airing, LineUpItem, Show, ShowState
from live.scheduling import refuse_overlap
from live.shows import OPEN, lock_show

# Who ended a show by mistake notices it within this time, and its viewers may still be there.
REOPEN_WITHIN = timedelta(hours=2)


async def start_show(
    session: AsyncSession,
    actor: Actor,
    show_id: int,
    now: datetime,
    *,
    despite: str | None = None,
) -> Show:
    """Put a show on air, with the first item of its line-up showing. Repeating changes nothing.

    `despite` is why to start while points of the checklist are open: NotReady when some are and
    nothing was said. None where nobody was asked. Both the points and the reason are written to
    the audit trail. A rehearsal is asked nothing.
    """
    show = await lock_show(session, actor, show_id)
    if show.state == ShowState.LIVE:
        return show
    if show.state not in OPEN:
        raise WrongShowState("这一场已经结束，不能再开播。")
    if not show.items:
        raise WrongShowState("讲解单还是空的，先排上作品再开播。")
    said = await _settled(session, show, despite, now)
    show.state, show.started_at = ShowState.LIVE, now
    _air(session, show, show.items[0], now)
    record(session, actor, "show.start", show, now, after=said)
    await session.flush()
    return show


async def _settled(
    session: AsyncSession, show: Show, despite: str | None, now: datetime
) -> dict[str, Any] | None:
    """What the audit trail is to tell of points that are open, and of why it starts all the same."""
    if show.rehearsal:
        return None
    faults = checklist.faults(await checklist.points(session, show, now))
    check = Check()
    reason = check.text("despite", despite, "理由", most=200, least=0)
    check.done()
    if faults and despite is not None and not reason:
        raise NotReady(faults, "开播")
    return {"open": list(faults), "despite": reason} if faults else None


async def show_now(
    session: AsyncSession, actor: Actor, show_id: int, item_id: int, now: datetime
) -> Show:
    """Make a line-up item the one being shown. Repeating changes nothing."""
    show = await lock_show(session, actor, show_id)
    if show.state != ShowState.LIVE:
        raise WrongShowState("这一场没有在直播，不能切换正在讲的作品。")
    item = next((item for item in show.items if item.id == item_id), None)
    if item is None:
        raise NotFound(f"line-up item {item_id}")
    if show.now_item_id != item.id:
        await _end_airings(session, show, now)
        _air(session, show, item, now)
        record(session, actor, "show.now", show, now, after={"line_up_item": item.id})
        await session.flush()
    return show


async def end_show(session: AsyncSession, actor: Actor, show_id: int, now: datetime) -> Show:
    """Take a show off air; unsold allotments are free pieces again. Repeating changes nothing."""
    show = await lock_show(session, actor, show_id)
    if show.state in (ShowState.ENDED, ShowState.REPORTED):
        return show
    if show.state != ShowState.LIVE:
        raise WrongShowState("这一场还没有开播。")
    await _end_airings(session, show, now)
    show.state, show.ended_at, show.now_item_id = ShowState.ENDED, now, None
    await selling.lock(session, [(item.product_id, item.id) for item in show.items])
    for item in show.items:
        await session.refresh(item, ["allotment_left"], with_for_update={"key_share": True})
        if item.allotment_left:
            await stock.release(session, item.product_id, item.allotment_left)
            item.allotment_left = 0
    record(session, actor, "show.end", show, now)
    await session.flush()
    return show


async def reopen_show(session: AsyncSession, actor: Actor, show_id: int, now: datetime) -> Show:
    """Take up again a show that was ended by mistake, with the item that was on last.

    Its airings stay, and what is still free of its allotments is fenced again. Repeating changes
    nothing. Raises WrongShowState after `REOPEN_WITHIN`, or once it is reported, and
    OverlappingShow when its host or its place is taken by now.
    """
    show = await lock_show(session, actor, show_id)
    if show.state == ShowState.LIVE:
        return show
    if show.state == ShowState.REPORTED:
        raise WrongShowState("这一场已经归档，不能再接着播。要播就另排一场。")
    if show.state != ShowState.ENDED or show.ended_at is None:
        raise WrongShowState("这一场还没有开播，不用接着播。")
    if not may_reopen(show, now):
        raise WrongShowState("这一场结束两个小时以上了，不能再接着播。要播就另排一场。")
    await refuse_overlap(session, show.station_id, show.id, _slot(show))
    before = {"state": show.state, "ended_at": show.ended_at.isoformat()}
    show.state, show.ended_at = ShowState.LIVE, None
    fenced = await _fence_again(session, show)
    last = await session.scalar(
        select(Airing.line_up_item_id)
        .where(Airing.show_id == show.id)
        .order_by(Airing.started_at.desc(), Airing.id.desc())
        .limit(1)
    )
    item = next((item for item in show.items if item.id == last), show.items[0])
    _air(session, show, item, now)
    after = {"state": show.state, "line_up_item": item.id, "fenced": fenced}
    record(session, actor, "show.reopen", show, now, before=before, after=after)
    await session.flush()
    return show


def may_reopen(show: Show, now: datetime) -> bool:
    """Whether a show has ended so lately that it may be taken up again."""
    if show.state != ShowState.ENDED or show.ended_at is None:
        return False
    return now < show.ended_at + REOPEN_WITHIN


def _slot(show: Show) -> dict[str, Any]:
    return {
        "starts_at": show.starts_at,
        "ends_at": show.ends_at,
        "host_id": show.host_id,
        "place": show.place,
    }


async def _fence_again(session: AsyncSession, show: Show) -> int:
    """Fence what was unsold when the show ended, as far as pieces are free; how many were.

    What is not to be had any more leaves the allotment, as if it had never been of it.
    """
    await selling.lock(session, [(item.product_id, item.id) for item in show.items])
    fenced = 0
    for item in show.items:
        await session.refresh(item, with_for_update={"key_share": True})
        await session.refresh(item.product.stock)
        wanted = max(0, item.allotment - item.sold - item.holding)
        got = min(wanted, item.product.stock.free)
        if got:
            await stock.hold(session, item.product_id, got)
        item.allotment, item.allotment_left = item.allotment - (wanted - got), got
        fenced += got
    return fenced


def _air(session: AsyncSession, show: Show, item: LineUpItem, now: datetime) -> None:
    show.now_item_id = item.id
    session.add(
        Airing(station_id=show.station_id, show_id=show.id, line_up_item_id=item.id, started_at=now)
    )


async def _end_airings(session: AsyncSession, show: Show, now: datetime) -> None:
    await session.execute(
        update(Airing)
        .where(Airing.show_id == show.id, Airing.ended_at.is_(None))
        .values(ended_at=now)
    )
