"""Overlays: an address for each channel's streaming program, and which show it has on.

An overlay follows its station, not one show: it is put into OBS once. What it draws stands in
`live/overlay_view.py`.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.db import MOST_ID
from catalog.errors import Invalid, NotFound
from catalog.models import Station
from catalog.own import own
from live.models import Overlay, Policy, Show, ShowState, Side
from live.shows import CHANNELS

# A program that has the overlay open is noted this often: enough to see that it works.
SEEN_EVERY = timedelta(minutes=1)

POLICY_NAMES = {
    Policy.QR: "二维码和价格",
    Policy.PRICE: "只标价",
    Policy.SPOKEN: "只报码",
}


async def make_overlay(
    session: AsyncSession,
    actor: Actor,
    now: datetime,
    *,
    channel: str,
    policy: str = Policy.QR,
    side: str = Side.RIGHT,
) -> tuple[Overlay, str]:
    """An overlay for a channel, and its token, of which only the hash is kept.

    Locks the station's row, so that two people who ask at once make one. Raises Invalid, also
    when the channel has one in use: what a channel may show is one thing.
    """
    check = Check()
    if channel not in CHANNELS:
        check.fault("channel", "请选择平台。")
    may_show = check.choice("policy", policy, "画面上放什么", Policy)
    stands = check.choice("side", side, "放在哪边", Side)
    check.done()
    await session.execute(
        select(Station.id).where(Station.id == actor.station_id).with_for_update()
    )
    if channel in {overlay.channel for overlay in await overlays_of(session, actor.station_id)}:
        raise Invalid({"channel": f"{channel}已经有一个在用的地址。地址丢了的话，先停用旧的。"})
    token = secrets.token_urlsafe(24)
    overlay = Overlay(
        station_id=actor.station_id,
        channel=channel,
        token_hash=_hashed(token),
        policy=may_show,
        side=stands,
        created_at=now,
    )
    session.add(overlay)
    await session.flush()
    record(session, actor, "overlay.make", overlay, now, after=_facts(overlay))
    return overlay, token


async def set_policy(
    session: AsyncSession, actor: Actor, overlay_id: int, policy: str, now: datetime
) -> Overlay:
    """What the channel may show from now on. Repeating changes nothing.

    Locks the overlay's row. Raises NotFound, also for a revoked one, and Invalid.
    """
    check = Check()
    wanted = check.choice("policy", policy, "画面上放什么", Policy)
    check.done()
    overlay = await _lock(session, actor, overlay_id)
    if wanted is not None and overlay.policy != wanted:
        before, overlay.policy = _facts(overlay), wanted
        record(session, actor, "overlay.policy", overlay, now, before=before, after=_facts(overlay))
    return overlay


async def set_side(
    session: AsyncSession, actor: Actor, overlay_id: int, side: str, now: datetime
) -> Overlay:
    """On which side the card stands from now on; otherwise as `set_policy`."""
    check = Check()
    wanted = check.choice("side", side, "放在哪边", Side)
    check.done()
    overlay = await _lock(session, actor, overlay_id)
    if wanted is not None and overlay.side != wanted:
        before, overlay.side = _facts(overlay), wanted
        record(session, actor, "overlay.side", overlay, now, before=before, after=_facts(overlay))
    return overlay


async def revoke(session: AsyncSession, actor: Actor, overlay_id: int, now: datetime) -> Overlay:
    """Make the address show nothing, for ever. Repeating changes nothing. Raises NotFound."""
    overlay = await _lock(session, actor, overlay_id, revoked=True)
    if overlay.revoked_at is None:
        overlay.revoked_at = now
        record(session, actor, "overlay.revoke", overlay, now, before=_facts(overlay))
    return overlay


async def overlays_of(session: AsyncSession, station_id: int) -> list[Overlay]:
    """The overlays of a station that are in use, oldest first."""
    query = select(Overlay).where(Overlay.station_id == station_id, Overlay.revoked_at.is_(None))
    return list(await session.scalars(query.order_by(Overlay.id)))


async def overlay_for(session: AsyncSession, actor: Actor, overlay_id: int) -> Overlay:
    """An overlay in use of the actor's station. Raises NotFound."""
    overlay = await own(session, actor, Overlay, overlay_id)
    if overlay.revoked_at is not None:
        raise NotFound(f"overlay {overlay_id}")
    return overlay


async def overlay_by_token(session: AsyncSession, token: str) -> Overlay:
    """The overlay of an address; a revoked one too, which shows nothing. Raises NotFound."""
    overlay = await session.scalar(select(Overlay).where(Overlay.token_hash == _hashed(token)))
    if overlay is None:
        raise NotFound("overlay")
    return overlay


async def show_on(session: AsyncSession, overlay: Overlay) -> int | None:
    """The id of the show that the station has on air on the overlay's channel, if any.

    A show that names no channels is on all of them; of several, the latest started.
    """
    query = (
        select(Show.id, Show.channels)
        .where(Show.station_id == overlay.station_id, Show.state == ShowState.LIVE)
        .order_by(Show.started_at.desc(), Show.id.desc())
    )
    for show_id, channels in await session.execute(query):
        if not channels or overlay.channel in channels:
            found: int = show_id
            return found
    return None


async def note_seen(session: AsyncSession, overlay_id: int, now: datetime) -> None:
    """A program has the overlay open; written down at most once in `SEEN_EVERY`."""
    await session.execute(
        update(Overlay)
        .where(
            Overlay.id == overlay_id,
            or_(Overlay.seen_at.is_(None), Overlay.seen_at <= now - SEEN_EVERY),
        )
        .values(seen_at=now)
    )


async def _lock(
    session: AsyncSession, actor: Actor, overlay_id: int, *, revoked: bool = False
) -> Overlay:
    overlay = await session.scalar(
        select(Overlay)
        .where(Overlay.id == min(overlay_id, MOST_ID), Overlay.station_id == actor.station_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if overlay is None or (overlay.revoked_at is not None and not revoked):
        raise NotFound(f"overlay {overlay_id}")
    return overlay


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _facts(overlay: Overlay) -> dict[str, str]:
    return {"channel": overlay.channel, "policy": overlay.policy, "side": overlay.side}
