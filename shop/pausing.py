"""Pausing the holds of a show while its network is away. `docs/offline.md` says how the clocks go.

While a show's pause lasts, `shows.holds_paused_at` is set, and each of its holds has an end that
lies behind the longest pause there can be. So whoever looks at a hold's end (the sweep, a buyer
who needs the piece, the form) finds the truth without asking about pauses.
"""

from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.audit import record
from catalog.db import Database
from live.errors import WrongShowState
from live.models import LineUpItem, Show, ShowState
from live.shows import lock_show
from shop.models import Hold, HoldLine, HoldState, Order, OrderState

LONGEST = timedelta(minutes=30)
_BEFORE_THE_ORDER = (HoldState.ACTIVE, HoldState.PAY_FIRST)


async def pause_holds(session: AsyncSession, actor: Actor, show_id: int, now: datetime) -> int:
    """Stop the clocks of a show's holds, for `LONGEST` at most; returns how many stand.

    Repeating changes nothing. Locks the show, then its holds by id. Raises WrongShowState.
    """
    show = await lock_show(session, actor, show_id)
    if show.state != ShowState.LIVE:
        raise WrongShowState("这一场没有在直播，没有要停住的预留。")
    if show.holds_paused_at is not None:
        if now < show.holds_paused_at + LONGEST:
            return len(await _standing_holds(session, show))
        await _let_run(session, show, now)
    show.holds_paused_at = now
    await _stop_clocks(session, show, now)
    stands = len(await _standing_holds(session, show))
    record(session, actor, "show.pause_holds", show, now, after={"holds": stands})
    return stands


async def resume_holds(session: AsyncSession, actor: Actor, show_id: int, now: datetime) -> int:
    """Let the clocks run again, each as far from its end as when it was stopped; returns how many.

    Repeating changes nothing. Locks as `pause_holds`.
    """
    show = await lock_show(session, actor, show_id)
    if show.holds_paused_at is None:
        return 0
    began, run = show.holds_paused_at, await _let_run(session, show, now)
    told = {"holds": run, "seconds": round((_end(show, began, now) - began).total_seconds())}
    record(session, actor, "show.resume_holds", show, now, after=told)
    return run


async def see_to_pauses(database: Database, now: datetime) -> None:
    """Called before each sweep: stop what was held since a pause began, end pauses that are over.

    A pause is over after `LONGEST`, and with its show. Where a cart has pieces of two shows and one
    goes on, its clock is stopped again here if the other still pauses. One transaction a show.
    """
    paused = select(Show.id).where(Show.holds_paused_at.is_not(None)).order_by(Show.id)
    async with database.reading() as session:
        ids = list(await session.scalars(paused))
    for show_id in ids:
        async with database.writing.begin() as session:
            show = await session.get_one(Show, show_id, with_for_update=True)
            if show.holds_paused_at is None:
                continue
            if show.state != ShowState.LIVE or now >= show.holds_paused_at + LONGEST:
                await _let_run(session, show, now)
            else:
                await _stop_clocks(session, show, now)


async def left_standing(session: AsyncSession, hold: Hold) -> timedelta | None:
    """What a buyer's clock shows while it stands; None when it runs. Asks only for paused holds."""
    if hold.paused_by is None or hold.expires_at != hold.paused_until:
        return None
    began = await session.scalar(select(Show.holds_paused_at).where(Show.id == hold.paused_by))
    return hold.shown_until - (began + LONGEST) if began is not None else None


async def _stop_clocks(session: AsyncSession, show: Show, now: datetime) -> None:
    """Give the show's open holds that still run the end that they have if the pause is a long one."""
    assert show.holds_paused_at is not None
    more = show.holds_paused_at + LONGEST - now
    of_the_show = exists().where(
        HoldLine.hold_id == Hold.id,
        LineUpItem.id == HoldLine.line_up_item_id,
        LineUpItem.show_id == show.id,
    )
    unpaid = exists().where(Order.hold_id == Hold.id, Order.state == OrderState.UNPAID)
    query = (
        select(Hold)
        .where(
            Hold.state.in_(_BEFORE_THE_ORDER) | ((Hold.state == HoldState.ORDERED) & unpaid),
            Hold.expires_at > now,
            Hold.paused_by.is_(None),
            of_the_show,
        )
        .order_by(Hold.id)
        .with_for_update(of=Hold)
        .execution_options(populate_existing=True)
    )
    for hold in await session.scalars(query):
        hold.expires_at, hold.shown_until = hold.expires_at + more, hold.shown_until + more
        hold.paused_by, hold.paused_until = show.id, hold.expires_at
    await session.flush()


async def _standing_holds(session: AsyncSession, show: Show) -> list[Hold]:
    query = select(Hold).where(Hold.paused_by == show.id).order_by(Hold.id)
    locked = query.with_for_update().execution_options(populate_existing=True)
    return list(await session.scalars(locked))


async def _let_run(session: AsyncSession, show: Show, now: datetime) -> int:
    """End the pause: take back from each hold what the pause was shorter than the longest.

    Who gave a hold another end meanwhile (its order, a receipt) knew better: that end stays.
    """
    assert show.holds_paused_at is not None
    began, show.holds_paused_at = show.holds_paused_at, None
    unused = began + LONGEST - _end(show, began, now)
    holds = await _standing_holds(session, show)
    for hold in holds:
        if hold.expires_at == hold.paused_until:
            hold.expires_at, hold.shown_until = hold.expires_at - unused, hold.shown_until - unused
        hold.paused_by = hold.paused_until = None
    await session.flush()
    return len(holds)


def _end(show: Show, began: datetime, now: datetime) -> datetime:
    """When a pause that began then was over: now, with its show, or after `LONGEST`."""
    return max(began, min(now, show.ended_at or now, began + LONGEST))
