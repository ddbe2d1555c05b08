"""Presses at the console, done once each, however late and however often the network brings them.

The console gives each press an id and the time of the hand. `docs/offline.md` has the states that
a press goes through, and what becomes of one that comes too late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog.access import Actor
from catalog.checks import BEIJING
from catalog.errors import NotFound, Refusal
from live import announcements, marks
from live.control import must_control
from live.errors import WrongShowState
from live.models import Airing, LineUpItem, Show, Tap
from live.on_air import show_now
from live.shows import lock_show

MOST_TAPS = 200
MOST_CLIENT_ID = 40
OLDEST = timedelta(hours=12)
FRESH = timedelta(seconds=10)
"""A press that comes within this time was not kept back: screens whose clocks differ a little
take turns, and none is told that it was overtaken."""


class TapKind(StrEnum):
    """What a press asks for."""

    NOW = "now"
    SOLD_OUT = "sold_out"
    UNDO_SOLD_OUT = "undo_sold_out"
    READ_OUT = "read_out"


# Only the screen that controls the show decides these.
_CONTROLS = (TapKind.NOW, TapKind.SOLD_OUT, TapKind.UNDO_SOLD_OUT)
_GONE = {
    TapKind.READ_OUT: "这一条已经不在了，没有算。",
    TapKind.NOW: "这件已经不在讲解单里了，没有换过去。",
}
_GONE_ITEM = "这件已经不在讲解单里了，没有算。"


@dataclass(frozen=True, slots=True)
class Press:
    """One press as the console sent it. `thing` is a line-up item, or what was read out."""

    client_id: str
    kind: TapKind
    thing: int
    at: datetime


async def take_taps(
    session: AsyncSession,
    actor: Actor,
    show_id: int,
    screen: str,
    presses: Sequence[Press],
    now: datetime,
) -> list[str]:
    """Do what was pressed, in the order of pressing; the outcome of each, as they were given.

    An outcome is empty when it was done, otherwise why not, in words; both are kept, and a press
    that comes again gets the outcome that it had. Locks the show, so two screens that send the
    same presses are answered one after the other. Raises NotFound for the show.
    """
    show = await lock_show(session, actor, show_id)
    items = {item.id for item in show.items}
    outcomes = await _known(session, actor.station_id, [press.client_id for press in presses])
    for press in sorted(presses, key=lambda press: press.at):
        if press.client_id in outcomes:
            continue
        outcome = await _outcome(session, actor, show, screen, press, now)
        session.add(
            Tap(
                station_id=actor.station_id,
                show_id=show_id,
                client_id=press.client_id,
                member_id=actor.member_id,
                kind=press.kind,
                line_up_item_id=press.thing
                if press.kind != TapKind.READ_OUT and press.thing in items
                else None,
                at=press.at,
                received_at=now,
                outcome=outcome,
            )
        )
        await session.flush()
        outcomes[press.client_id] = outcome
    return [outcomes[press.client_id] for press in presses]


async def _known(
    session: AsyncSession, station_id: int, client_ids: Sequence[str]
) -> dict[str, str]:
    query = select(Tap.client_id, Tap.outcome).where(
        Tap.station_id == station_id, Tap.client_id.in_(client_ids)
    )
    return {row.client_id: row.outcome for row in await session.execute(query)}


async def _outcome(
    session: AsyncSession, actor: Actor, show: Show, screen: str, press: Press, now: datetime
) -> str:
    if now - press.at > OLDEST:
        return "这是 12 小时以前按的，没有算。"
    try:
        async with session.begin_nested():
            if press.kind in _CONTROLS:
                await must_control(session, actor, show.id, screen, now)
            await _do(session, actor, show.id, press, now)
    except NotFound:
        return _GONE.get(press.kind, _GONE_ITEM)
    except Refusal as refusal:
        return refusal.text[:200]
    return ""


async def _do(
    session: AsyncSession, actor: Actor, show_id: int, press: Press, now: datetime
) -> None:
    at = min(press.at, now)
    match press.kind:
        case TapKind.NOW:
            at = await _in_order(session, show_id, press, at, now)
            await show_now(session, actor, show_id, press.thing, at)
        case TapKind.SOLD_OUT:
            await marks.mark_sold_out(session, actor, show_id, press.thing, at)
        case TapKind.UNDO_SOLD_OUT:
            await marks.undo_sold_out(session, actor, show_id, press.thing, at)
        case TapKind.READ_OUT:
            await announcements.read_out(session, actor, show_id, press.thing, at)


async def _in_order(
    session: AsyncSession, show_id: int, press: Press, at: datetime, now: datetime
) -> datetime:
    """The time from which the item was shown: not before the one that is on now.

    The first airing began with the show, so that is never before the show either. Raises
    WrongShowState for a press that was kept back while another screen went on.
    """
    last = await session.scalar(
        select(Airing)
        .where(Airing.show_id == show_id, Airing.ended_at.is_(None))
        .order_by(Airing.id.desc())
        .limit(1)
    )
    if last is None or last.started_at <= at:
        return at
    if last.line_up_item_id != press.thing and now - at > FRESH:
        name, clock = (
            await _name(session, last.line_up_item_id),
            f"{last.started_at.astimezone(BEIJING):%H:%M}",
        )
        raise WrongShowState(f"北京时间 {clock} 另一块屏已经换到“{name}”，这一下没有再算。")
    return last.started_at


async def _name(session: AsyncSession, item_id: int) -> str:
    item = await session.get_one(
        LineUpItem, item_id, options=[joinedload(LineUpItem.product)], populate_existing=True
    )
    return item.product.name
