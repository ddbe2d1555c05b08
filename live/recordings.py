"""The register of recordings: where each lies, who keeps it, and until when. `docs/links.md`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog.access import Actor
from catalog.audit import record
from catalog.checks import BEIJING, Check
from catalog.db import MOST_ID
from catalog.errors import NotFound
from catalog.models import Member
from live.errors import WrongShowState
from live.models import Recording, Show, ShowState
from live.shows import CHANNELS, lock_show

YEARS_KEPT = 3
"""A recording is kept for at least so many years after its show."""
LATE_AFTER = timedelta(days=7)
"""So long after its end a show without a recording is pointed out."""
PAGE = 100
MOST_OF_A_SHOW = 20
LAST_DAY = date(2100, 12, 31)

_OVER = (ShowState.ENDED, ShowState.REPORTED)


@dataclass(frozen=True, slots=True)
class Kept:
    """A line of the register, with its show and who wrote it in."""

    recording: Recording
    show: Show
    written_by: str

    def may_go(self, today: date) -> bool:
        """Whether it has been kept for long enough."""
        return self.recording.keep_until < today


def kept_at_least_until(show: Show) -> date:
    """The first day on which a recording of the show need not be kept any more."""
    ended = (show.ended_at or show.ends_at).astimezone(BEIJING).date()
    return _years_later(ended, YEARS_KEPT)


def _years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # the 29th of February
        return date(day.year + years, 3, 1)


async def add_recording(
    session: AsyncSession, actor: Actor, show_id: int, values: Mapping[str, str], now: datetime
) -> Recording:
    """Write in where a recording of a show lies. Locks the show.

    Raises Invalid with every fault, also for a date that is too early; WrongShowState before the
    show has ended, or when it has `MOST_OF_A_SHOW` already.
    """
    show = await lock_show(session, actor, show_id)
    _must_be_over(show)
    if await _count(session, show.id) >= MOST_OF_A_SHOW:
        raise WrongShowState(f"一场最多登记 {MOST_OF_A_SHOW} 份录像。")
    recording = Recording(
        station_id=actor.station_id,
        show_id=show.id,
        member_id=actor.member_id,
        created_at=now,
        **_read(values, show),
    )
    session.add(recording)
    await session.flush()
    record(session, actor, "recording.add", recording, now, after=_facts(recording))
    return recording


async def change_recording(
    session: AsyncSession,
    actor: Actor,
    recording_id: int,
    values: Mapping[str, str],
    now: datetime,
) -> Recording:
    """Correct a line of the register. Raises as `add_recording`, and NotFound for another's."""
    kept = await recording_for(session, actor, recording_id)
    show = await lock_show(session, actor, kept.show.id)
    recording = kept.recording
    facts, before = _read(values, show), _facts(recording)
    for field, value in facts.items():
        setattr(recording, field, value)
    record(
        session, actor, "recording.change", recording, now, before=before, after=_facts(recording)
    )
    return recording


async def drop_recording(
    session: AsyncSession, actor: Actor, recording_id: int, now: datetime
) -> int:
    """Take a line out of the register; returns the show's id. Locks the show.

    Raises WrongShowState where that would leave the show without a recording that must be kept.
    """
    kept = await recording_for(session, actor, recording_id)
    show = await lock_show(session, actor, kept.show.id)
    today = now.astimezone(BEIJING).date()
    if not kept.may_go(today) and await _count(session, show.id) < 2:
        raise WrongShowState(
            f"这是这一场唯一的一份录像，要留到{_day(kept.recording.keep_until)}，还不能划掉。"
        )
    record(session, actor, "recording.drop", kept.recording, now, before=_facts(kept.recording))
    await session.delete(kept.recording)
    await session.flush()
    return show.id


async def recording_for(session: AsyncSession, actor: Actor, recording_id: int) -> Kept:
    """A line of the register of the actor's station. Raises NotFound."""
    query = _listing(actor.station_id).where(Recording.id == min(recording_id, MOST_ID))
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"recording {recording_id}")
    return Kept(*row)


async def recordings_of(session: AsyncSession, show: Show) -> list[Kept]:
    """The recordings of a show, the oldest line first."""
    query = _listing(show.station_id).where(Recording.show_id == show.id).order_by(Recording.id)
    return [Kept(*row) for row in await session.execute(query)]


async def list_recordings(
    session: AsyncSession, station_id: int, *, before: int | None = None, most: int = PAGE
) -> list[Kept]:
    """The station's register, the newest line first. `before` is the id that the last page ended with."""
    query = _listing(station_id).order_by(Recording.id.desc()).limit(most)
    if before is not None:
        query = query.where(Recording.id < min(before, MOST_ID))
    return [Kept(*row) for row in await session.execute(query)]


async def shows_without(session: AsyncSession, station_id: int, now: datetime) -> list[Show]:
    """Shows that ended over `LATE_AFTER` ago, still to be kept, of which no recording is known.

    Rehearsals are nobody's record.
    """
    today = now.astimezone(BEIJING).date()
    query = (
        select(Show)
        .where(
            Show.station_id == station_id,
            Show.state.in_(_OVER),
            Show.rehearsal.is_(False),
            Show.ended_at < now - LATE_AFTER,
            ~exists().where(Recording.show_id == Show.id),
        )
        .options(joinedload(Show.host))
        .order_by(Show.ended_at)
        .limit(PAGE)
    )
    found = await session.scalars(
        query.where(Show.ended_at > now - timedelta(days=366 * YEARS_KEPT))
    )
    return [show for show in found if kept_at_least_until(show) >= today]


def _listing(station_id: int) -> Select[Recording, Show, str]:
    return (
        select(Recording, Show, Member.name)
        .join(Show, Show.id == Recording.show_id)
        .join(Member, Member.id == Recording.member_id)
        .where(Recording.station_id == station_id)
    )


async def _count(session: AsyncSession, show_id: int) -> int:
    query = select(func.count()).select_from(Recording).where(Recording.show_id == show_id)
    return await session.scalar(query) or 0


def is_over(show: Show) -> bool:
    """Whether there can be a whole recording of it."""
    return show.state in _OVER


def _must_be_over(show: Show) -> None:
    if not is_over(show):
        raise WrongShowState("这一场还没有结束，结束以后再登记录像。")


def _read(values: Mapping[str, str], show: Show) -> dict[str, Any]:
    check = Check()
    channel = values.get("channel", "")
    if channel not in ("", *CHANNELS):
        check.fault("channel", f"平台请从这些里选：{'、'.join(CHANNELS)}。")
    facts = {
        "lies_at": check.text("lies_at", values.get("lies_at"), "录像放在哪里", most=300),
        "channel": channel,
        "keeper": check.text("keeper", values.get("keeper"), "谁保管", most=40),
        "keep_until": _keep_until(check, values.get("keep_until", ""), show),
        "note": check.text("note", values.get("note"), "备注", most=200, least=0),
    }
    check.done()
    return facts


def _keep_until(check: Check, typed: str, show: Show) -> date:
    least = kept_at_least_until(show)
    try:
        day = date.fromisoformat(typed.strip())
    except ValueError:
        check.fault("keep_until", "请填写留到哪一天。")
        return least
    if day < least:
        ended = (show.ended_at or show.ends_at).astimezone(BEIJING).date()
        check.fault(
            "keep_until",
            f"直播录像至少要留 {YEARS_KEPT} 年：这一场{_day(ended)}结束，最早留到{_day(least)}。",
        )
    elif day > LAST_DAY:
        check.fault("keep_until", f"最晚填到{_day(LAST_DAY)}。")
    return day


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _facts(recording: Recording) -> dict[str, Any]:
    return {
        "show_id": recording.show_id,
        "channel": recording.channel,
        "lies_at": recording.lies_at,
        "keeper": recording.keeper,
        "keep_until": recording.keep_until.isoformat(),
        "note": recording.note,
    }
