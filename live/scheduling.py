"""Scheduling a show: its facts checked, its time and place free. `docs/shows.md` draws the states."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import SHOW_EDITORS, Actor
from catalog.audit import record
from catalog.checks import BEIJING, Check
from catalog.db import MOST_ID
from catalog.errors import Invalid
from catalog.models import Member, Photo, Product, Station
from live import checklist
from live.errors import NotReady, OverlappingShow, WrongShowState
from live.models import Show, ShowState
from live.shows import CHANNELS, OPEN, get_show, lock_show, span_text

# Between two shows of one host or in one place: sweep up, change the backdrop, drink water.
TURNAROUND = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
# Who begins at once types the time a little later; what lies further back is a slip of the hand.
LATE_AT_MOST = timedelta(minutes=15)

_FIELDS = (
    "title",
    "place",
    "channels",
    "starts_at",
    "ends_at",
    "host_id",
    "rehearsal",
    "cover_photo_id",
)


async def schedule_show(
    session: AsyncSession, actor: Actor, values: Mapping[str, Any], now: datetime
) -> Show:
    """Make a draft show that begins `LATE_AT_MOST` ago or later. Times without a zone are Beijing's.

    Locks the station's row, so that two people who save at once are judged one after the other.
    Raises Invalid with every fault, or OverlappingShow naming the other show.
    """
    facts = await _read(session, actor, None, values, now)
    await refuse_overlap(session, actor.station_id, None, facts)
    show = Show(station_id=actor.station_id, state=ShowState.DRAFT, **facts)
    session.add(show)
    await session.flush()
    record(session, actor, "show.schedule", show, now, after=_facts(show))
    return await get_show(session, show.id)


async def change_show(
    session: AsyncSession, actor: Actor, show_id: int, values: Mapping[str, Any], now: datetime
) -> Show:
    """Change the fields given of a show that has not ended; errors as in `schedule_show`.

    `state` may be given as "ready" or "draft" while the show is not on air; NotReady when points
    of the checklist are open. Whether it is a rehearsal is settled once it has been on air. A
    start that has passed may stay as it is.
    """
    show = await lock_show(session, actor, show_id)
    if show.state not in OPEN:
        raise WrongShowState("这一场已经结束，不能再改。")
    before = _facts(show)
    kept = {field: getattr(show, field) for field in _FIELDS}
    facts = await _read(session, actor, show, {**kept, **values}, now)
    await refuse_overlap(session, actor.station_id, show.id, facts)
    for field, value in facts.items():
        setattr(show, field, value)
    if "state" in values:
        await _set_state(session, show, values["state"], now)
    await session.flush()
    record(session, actor, "show.change", show, now, before=before, after=_facts(show))
    return await get_show(session, show.id)


async def _set_state(session: AsyncSession, show: Show, typed: object, now: datetime) -> None:
    if typed == show.state:
        return
    if show.state == ShowState.LIVE or typed not in (ShowState.DRAFT, ShowState.READY):
        raise Invalid({"state": "开播、结束请用各自的按钮；这里只能改成草稿或准备好。"})
    if typed == ShowState.READY and not show.items:
        raise Invalid({"state": "讲解单还是空的，先排上作品再标记准备好。"})
    if typed == ShowState.READY and not show.rehearsal:
        await session.flush()
        faults = checklist.faults(await checklist.points(session, show, now))
        if faults:
            raise NotReady(faults, "标记准备好")
    show.state = ShowState(str(typed))


async def hosts(session: AsyncSession, station_id: int) -> list[Member]:
    """The members who may host."""
    query = select(Member).where(
        Member.station_id == station_id, Member.role.in_(SHOW_EDITORS), Member.active
    )
    return list(await session.scalars(query.order_by(Member.id)))


async def _read(
    session: AsyncSession,
    actor: Actor,
    show: Show | None,
    values: Mapping[str, Any],
    now: datetime,
) -> dict[str, Any]:
    check = Check()
    title = check.text("title", values.get("title"), "名称", most=60)
    place = check.text("place", values.get("place"), "地点", most=60, least=0)
    starts_at = check.beijing_time("starts_at", values.get("starts_at"), "开始时间")
    ends_at = check.beijing_time("ends_at", values.get("ends_at"), "结束时间")
    if starts_at and ends_at:
        if ends_at <= starts_at:
            check.fault("ends_at", "结束时间要在开始时间之后。")
        elif ends_at - starts_at > LONGEST:
            check.fault("ends_at", "一场最长 12 小时。")
    if starts_at and starts_at < now - LATE_AT_MOST and not _begins_as_before(show, starts_at):
        clock = f"{now.astimezone(BEIJING):%H:%M}"
        check.fault("starts_at", f"开始时间已经过去了，现在是北京时间 {clock}。请换个以后的时间。")
    channels = list(values.get("channels") or [])
    if any(channel not in CHANNELS for channel in channels):
        check.fault("channels", f"平台请从这些里选：{'、'.join(CHANNELS)}。")
    host_id = check.integer(
        "host_id", values.get("host_id") or actor.member_id, "主播", least=1, most=2**62
    )
    if host_id not in {host.id for host in await hosts(session, actor.station_id)}:
        check.fault("host_id", "请选择本站的主播或管理员。")
    rehearsal = values.get("rehearsal") in (True, "1")
    if show is not None and show.started_at is not None and rehearsal != show.rehearsal:
        check.fault("rehearsal", "已经开播过，不能再改是不是彩排。")
    cover_photo_id = _read_cover(check, show, values.get("cover_photo_id"))
    check.done()
    return {
        "title": title,
        "place": place,
        "channels": channels,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "host_id": host_id,
        "rehearsal": rehearsal,
        "cover_photo_id": cover_photo_id,
    }


def _begins_as_before(show: Show | None, starts_at: datetime) -> bool:
    # A form knows no seconds.
    return show is not None and abs(show.starts_at - starts_at) < timedelta(minutes=1)


def cover_choices(show: Show) -> list[tuple[Photo, Product]]:
    """The photos that may be the show's cover: those of its line-up that are ready to be shown."""
    products = [item.product for item in show.items]
    return [(photo, product) for product in products for photo in product.photos if photo.ready]


def _read_cover(check: Check, show: Show | None, value: object) -> int | None:
    if not value:
        return None
    photo_id = check.integer("cover_photo_id", value, "封面", least=1, most=MOST_ID)
    allowed = {photo.id for photo, _ in cover_choices(show)} if show is not None else set()
    # A product that has left the line-up leaves the picture that was chosen.
    if photo_id not in allowed and (show is None or photo_id != show.cover_photo_id):
        check.fault("cover_photo_id", "封面要从这一场讲解单的照片里选。")
    return photo_id


async def refuse_overlap(
    session: AsyncSession, station_id: int, show_id: int | None, facts: Mapping[str, Any]
) -> None:
    """Raise OverlappingShow where host or place have another show; `facts` as in `schedule_show`.

    Locks the station's row: of two that save at once the second sees the first.
    """
    await session.execute(select(Station.id).where(Station.id == station_id).with_for_update())
    same_place = (func.length(Show.place) > 0) & (Show.place == facts["place"])
    other = await session.scalar(
        select(Show)
        .where(
            Show.station_id == station_id,
            Show.id != (show_id or 0),
            Show.state.in_(OPEN),
            # Half-open spans, each with its turnaround behind it.
            Show.starts_at < facts["ends_at"] + TURNAROUND,
            Show.ends_at > facts["starts_at"] - TURNAROUND,
            (Show.host_id == facts["host_id"]) | same_place,
        )
        .order_by(Show.starts_at)
        .limit(1)
    )
    if other is not None:
        what = "这位主播" if other.host_id == facts["host_id"] else "这个地点"
        raise OverlappingShow(other.title, span_text(other), what)


def _facts(show: Show) -> dict[str, Any]:
    return {
        "title": show.title,
        "place": show.place,
        "channels": show.channels,
        "state": show.state,
        "starts_at": show.starts_at.isoformat(),
        "ends_at": show.ends_at.isoformat(),
        "host_id": show.host_id,
        "rehearsal": show.rehearsal,
        "cover_photo_id": show.cover_photo_id,
    }
