"""Calendar programs read shows from an address that is made here: the station's, or one person's.

Whoever knows the address reads it, so it holds no more than a poster would: what, when, where
and who hosts. Only the hash of the token in it is kept; it is shown once and can be revoked.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from icalendar import Calendar, Event
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog.access import SHOW_EDITORS, SHOW_VIEWERS, Actor
from catalog.audit import record
from catalog.errors import Invalid, NotAllowed, NotFound
from catalog.models import AuditEntry, Member, Station
from catalog.own import own
from live.models import CalendarFeed, Show, ShowRole, ShowState, SignUp
from live.shows import PUBLIC

# What lies further back is in the reports.
KEPT = timedelta(days=90)
MOST_EVENTS = 500
MOST_FEEDS = 10
# How often a calendar program is asked to look again.
LOOK_AGAIN = "PT1H"


@dataclass(frozen=True, slots=True)
class Revision:
    """How often a show was changed since it was scheduled, and when it last was."""

    sequence: int
    at: datetime


async def make_feed(
    session: AsyncSession, actor: Actor, *, personal: bool, now: datetime
) -> tuple[CalendarFeed, str]:
    """A new feed and its token, which nobody can find out again.

    Anybody who sees shows may have one of their own; the station's is for those who plan.
    Raises NotAllowed, or Invalid where `MOST_FEEDS` are in use.
    """
    if not personal:
        actor.must_be(SHOW_EDITORS)
    # One after the other, so that the limit holds.
    await session.execute(
        select(Station.id).where(Station.id == actor.station_id).with_for_update()
    )
    member_id = actor.member_id if personal else None
    query = select(func.count()).select_from(CalendarFeed)
    query = query.where(
        CalendarFeed.station_id == actor.station_id,
        CalendarFeed.member_id == member_id,
        CalendarFeed.revoked_at.is_(None),
    )
    if (await session.scalar(query) or 0) >= MOST_FEEDS:
        raise Invalid({"": f"已经有 {MOST_FEEDS} 个订阅地址在用，先停用一个再做新的。"})
    token = secrets.token_urlsafe(24)
    feed = CalendarFeed(
        station_id=actor.station_id,
        member_id=member_id,
        token_hash=_hash(token),
        made_by=actor.member_id,
        created_at=now,
    )
    session.add(feed)
    await session.flush()
    record(session, actor, "calendar_feed.make", feed, now, after={"member_id": member_id})
    return feed, token


async def list_feeds(session: AsyncSession, actor: Actor) -> list[tuple[CalendarFeed, str]]:
    """The feeds in use that the actor may revoke, newest first, each with whose it is."""
    query = (
        select(CalendarFeed, Member.name)
        .outerjoin(Member, Member.id == CalendarFeed.member_id)
        .where(CalendarFeed.station_id == actor.station_id, CalendarFeed.revoked_at.is_(None))
        .order_by(CalendarFeed.id.desc())
    )
    if actor.role not in SHOW_EDITORS:
        query = query.where(CalendarFeed.member_id == actor.member_id)
    return [(feed, name or "") for feed, name in await session.execute(query)]


async def revoke_feed(session: AsyncSession, actor: Actor, feed_id: int, now: datetime) -> None:
    """From now on its address opens nothing. Repeating changes nothing.

    One's own, or any of the station's for those who plan. Raises NotFound, NotAllowed.
    """
    feed = await own(session, actor, CalendarFeed, feed_id, lock=True)
    if feed.member_id != actor.member_id and actor.role not in SHOW_EDITORS:
        raise NotAllowed(f"calendar feed {feed_id} is not the member's own")
    if feed.revoked_at is None:
        feed.revoked_at = now
        record(session, actor, "calendar_feed.revoke", feed, now)


async def read_feed(session: AsyncSession, token: str, public_url: str, now: datetime) -> bytes:
    """What a calendar program gets for a token.

    Raises NotFound for one that is unknown, revoked, or of somebody who has left.
    """
    query = select(CalendarFeed).where(
        CalendarFeed.token_hash == _hash(token), CalendarFeed.revoked_at.is_(None)
    )
    feed = await session.scalar(query)
    if feed is None:
        raise NotFound("calendar feed")
    station = await session.get_one(Station, feed.station_id)
    wanted: ColumnElement[bool] = Show.state.in_(PUBLIC)
    name = f"{station.name} 直播"
    if feed.member_id is not None:
        member = await session.get_one(Member, feed.member_id)
        if not member.active or member.role not in SHOW_VIEWERS:
            raise NotFound("calendar feed")
        wanted, name = _concerns(member.id), f"{member.name} · {name}"
    shows = await _shows(session, station.id, wanted, now)
    return _calendar(name, shows, await _revisions(session, shows), public_url)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _concerns(member_id: int) -> ColumnElement[bool]:
    """The shows that a member hosts or helps at, drafts too."""
    helps = (
        select(ShowRole.show_id)
        .join(SignUp, SignUp.show_role_id == ShowRole.id)
        .where(SignUp.member_id == member_id, SignUp.cancelled_at.is_(None))
    )
    return or_(Show.host_id == member_id, Show.id.in_(helps))


async def _shows(
    session: AsyncSession, station_id: int, wanted: ColumnElement[bool], now: datetime
) -> list[Show]:
    query = (
        select(Show)
        .where(Show.station_id == station_id, wanted, Show.ends_at > now - KEPT)
        .options(joinedload(Show.host))
        # What comes matters more than what was, should there be too many.
        .order_by(Show.starts_at.desc(), Show.id.desc())
        .limit(MOST_EVENTS)
    )
    return list(await session.scalars(query))


async def _revisions(session: AsyncSession, shows: Iterable[Show]) -> dict[int, Revision]:
    """Told by the audit trail, which has an entry for each change of a show."""
    query = (
        select(AuditEntry.subject_id, func.count(), func.max(AuditEntry.at))
        .where(
            AuditEntry.subject == Show.__tablename__,
            AuditEntry.subject_id.in_([show.id for show in shows]),
            AuditEntry.action.in_(("show.schedule", "show.change")),
        )
        .group_by(AuditEntry.subject_id)
    )
    return {show: Revision(count - 1, at) for show, count, at in await session.execute(query)}


def _calendar(
    name: str, shows: Iterable[Show], revisions: dict[int, Revision], public_url: str
) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", "-//Xiangbo//Shows//ZH")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("x-wr-timezone", "Asia/Shanghai")
    calendar.add("x-published-ttl", LOOK_AGAIN)
    for show in shows:
        # A show without an entry was not scheduled by this program's hand.
        revision = revisions.get(show.id, Revision(0, show.starts_at))
        calendar.add_component(_event(show, revision, public_url))
    written: bytes = calendar.to_ical()
    return written


def _event(show: Show, revision: Revision, public_url: str) -> Event:
    event = Event()
    # Stable as long as the address of the feed is: the same show is never told twice.
    event.add("uid", f"show-{show.id}@{urlsplit(public_url).hostname}")
    event.add("sequence", revision.sequence)
    event.add("last-modified", revision.at.astimezone(UTC))
    # Without a time of its own in it, the same shows are the same bytes.
    event.add("dtstamp", revision.at.astimezone(UTC))
    event.add("dtstart", show.starts_at.astimezone(UTC))
    event.add("dtend", show.ends_at.astimezone(UTC))
    event.add("summary", f"【彩排】{show.title}" if show.rehearsal else show.title)
    event.add("status", "TENTATIVE" if show.state == ShowState.DRAFT else "CONFIRMED")
    if show.place:
        event.add("location", show.place)
    channels = [f"平台：{'、'.join(show.channels)}"] if show.channels else []
    event.add("description", "\n".join([f"主播：{show.host.name}", *channels]))
    if show.state != ShowState.DRAFT:
        event.add("url", f"{public_url}/shows/{show.id}")
    return event
