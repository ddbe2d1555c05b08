"""Scheduling a show, putting it on air and ending it. `docs/shows.md` draws the states."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from catalog import stock
from catalog.access import SHOW_EDITORS, SHOW_VIEWERS, Actor
from catalog.audit import record
from catalog.checks import BEIJING, Check
from catalog.db import MOST_ID
from catalog.errors import Invalid, NotFound
from catalog.models import Member, Product, Station
from live import selling
from live.errors import OverlappingShow, WrongShowState
from live.models import Airing, LineUpItem, Show, ShowState

# Between two shows of one host or in one place: sweep up, change the backdrop, drink water.
TURNAROUND = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
CHANNELS = ("抖音", "快手", "视频号", "小红书", "淘宝直播", "其他")

# What strangers see: a draft is nobody's business yet.
PUBLIC = (ShowState.READY, ShowState.LIVE, ShowState.ENDED, ShowState.REPORTED)

OPEN = (ShowState.DRAFT, ShowState.READY, ShowState.LIVE)
_FIELDS = ("title", "place", "channels", "starts_at", "ends_at", "host_id")


async def list_shows(
    session: AsyncSession,
    station_id: int | None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    states: tuple[ShowState, ...] = tuple(ShowState),
    before: int | None = None,
    most: int = 100,
) -> list[Show]:
    """The shows of a station, or of all, that touch [since, until); with host and line-up.

    Latest first. `before` is the id of the show that the last page ended with.
    """
    query = select(Show).where(Show.state.in_(states))
    if station_id is not None:
        query = query.where(Show.station_id == station_id)
    if before is not None:
        last = select(Show.starts_at).where(Show.id == before).scalar_subquery()
        tied = (Show.starts_at == last) & (Show.id < before)
        query = query.where((Show.starts_at < last) | tied)
    if since is not None:
        query = query.where(Show.ends_at > since)
    if until is not None:
        query = query.where(Show.starts_at < until)
    query = query.options(selectinload(Show.host), selectinload(Show.items))
    latest = (Show.starts_at.desc(), Show.id.desc())
    return list(await session.scalars(query.order_by(*latest).limit(most)))


async def shows_seen_by(
    session: AsyncSession,
    asker: Actor | None,
    station_id: int | None,
    *,
    before: int | None,
    most: int,
) -> list[Show]:
    """`list_shows` as far as the asker may look: public ones, and all of a member's own station.

    Without a station it is the asker's own, for strangers any.
    """
    if station_id is None and asker is not None:
        station_id = asker.station_id
    states = tuple(ShowState) if may_see_all(asker, station_id) else PUBLIC
    return await list_shows(session, station_id, states=states, before=before, most=most)


async def get_show(session: AsyncSession, show_id: int) -> Show:
    """One show with host, line-up and the line-up's products, freshly read. Raises NotFound."""
    if show_id > MOST_ID:
        raise NotFound(f"show {show_id}")
    products = selectinload(Show.items).selectinload(LineUpItem.product)
    show = await session.get(
        Show,
        show_id,
        options=[
            selectinload(Show.host),
            products.selectinload(Product.photos),
            products.selectinload(Product.stock),
            products.selectinload(Product.workshop),
        ],
        populate_existing=True,
    )
    if show is None:
        raise NotFound(f"show {show_id}")
    return show


async def show_for(session: AsyncSession, actor: Actor, show_id: int) -> Show:
    """The show when it is of the actor's station. Raises NotFound."""
    show = await get_show(session, show_id)
    if show.station_id != actor.station_id:
        raise NotFound(f"show {show_id}")
    return show


def may_see_all(asker: Actor | None, station_id: int | None) -> bool:
    """Whether drafts and notes of this station's shows are for the asker."""
    return asker is not None and asker.station_id == station_id and asker.role in SHOW_VIEWERS


async def show_seen_by(session: AsyncSession, asker: Actor | None, show_id: int) -> Show:
    """The show when it is of the asker's station, or public. Raises NotFound."""
    show = await get_show(session, show_id)
    if not may_see_all(asker, show.station_id) and show.state not in PUBLIC:
        raise NotFound(f"show {show_id}")
    return show


async def lock_show(session: AsyncSession, actor: Actor, show_id: int) -> Show:
    """The show as `show_for`, its row locked until the caller's transaction ends."""
    await session.execute(select(Show.id).where(Show.id == show_id).with_for_update())
    return await show_for(session, actor, show_id)


async def schedule_show(
    session: AsyncSession, actor: Actor, values: Mapping[str, Any], now: datetime
) -> Show:
    """Make a draft show. Times without a zone are Beijing's.

    Locks the station's row, so that two people who save at once are judged one after the other.
    Raises Invalid with every fault, or OverlappingShow naming the other show.
    """
    facts = await _read(session, actor, values)
    await _refuse_overlap(session, actor.station_id, None, facts)
    show = Show(station_id=actor.station_id, state=ShowState.DRAFT, **facts)
    session.add(show)
    await session.flush()
    record(session, actor, "show.schedule", show, now, after=_facts(show))
    return await get_show(session, show.id)


async def change_show(
    session: AsyncSession, actor: Actor, show_id: int, values: Mapping[str, Any], now: datetime
) -> Show:
    """Change the fields given of a show that has not ended; errors as in `schedule_show`.

    `state` may be given as "ready" or "draft" while the show is not on air.
    """
    show = await lock_show(session, actor, show_id)
    if show.state not in OPEN:
        raise WrongShowState("这一场已经结束，不能再改。")
    before = _facts(show)
    facts = await _read(session, actor, {**{f: getattr(show, f) for f in _FIELDS}, **values})
    await _refuse_overlap(session, actor.station_id, show.id, facts)
    for field, value in facts.items():
        setattr(show, field, value)
    if "state" in values:
        _set_state(show, values["state"])
    await session.flush()
    record(session, actor, "show.change", show, now, before=before, after=_facts(show))
    return await get_show(session, show.id)


def _set_state(show: Show, typed: object) -> None:
    if typed == show.state:
        return
    if show.state == ShowState.LIVE or typed not in (ShowState.DRAFT, ShowState.READY):
        raise Invalid({"state": "开播、结束请用各自的按钮；这里只能改成草稿或准备好。"})
    if typed == ShowState.READY and not show.items:
        raise Invalid({"state": "讲解单还是空的，先排上作品再标记准备好。"})
    show.state = ShowState(str(typed))


async def start_show(session: AsyncSession, actor: Actor, show_id: int, now: datetime) -> Show:
    """Put a show on air, with the first item of its line-up showing. Repeating changes nothing."""
    show = await lock_show(session, actor, show_id)
    if show.state == ShowState.LIVE:
        return show
    if show.state not in OPEN:
        raise WrongShowState("这一场已经结束，不能再开播。")
    if not show.items:
        raise WrongShowState("讲解单还是空的，先排上作品再开播。")
    show.state, show.started_at = ShowState.LIVE, now
    _air(session, show, show.items[0], now)
    record(session, actor, "show.start", show, now)
    await session.flush()
    return show


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


async def hosts(session: AsyncSession, station_id: int) -> list[Member]:
    """The members who may host."""
    query = select(Member).where(
        Member.station_id == station_id, Member.role.in_(SHOW_EDITORS), Member.active
    )
    return list(await session.scalars(query.order_by(Member.id)))


async def _read(session: AsyncSession, actor: Actor, values: Mapping[str, Any]) -> dict[str, Any]:
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
    channels = list(values.get("channels") or [])
    if any(channel not in CHANNELS for channel in channels):
        check.fault("channels", f"平台请从这些里选：{'、'.join(CHANNELS)}。")
    host_id = check.integer(
        "host_id", values.get("host_id") or actor.member_id, "主播", least=1, most=2**62
    )
    if host_id not in {host.id for host in await hosts(session, actor.station_id)}:
        check.fault("host_id", "请选择本站的主播或管理员。")
    check.done()
    return {
        "title": title,
        "place": place,
        "channels": channels,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "host_id": host_id,
    }


async def _refuse_overlap(
    session: AsyncSession, station_id: int, show_id: int | None, facts: dict[str, Any]
) -> None:
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


def span_text(show: Show) -> str:
    """When a show is, for people: 北京时间, the day once."""
    start, end = show.starts_at.astimezone(BEIJING), show.ends_at.astimezone(BEIJING)
    until = (
        f"{end:%H:%M}" if end.date() == start.date() else f"{end.month}月{end.day}日 {end:%H:%M}"
    )
    return f"{start.month}月{start.day}日 {start:%H:%M}–{until}"


def _facts(show: Show) -> dict[str, Any]:
    return {
        "title": show.title,
        "place": show.place,
        "channels": show.channels,
        "state": show.state,
        "starts_at": show.starts_at.isoformat(),
        "ends_at": show.ends_at.isoformat(),
        "host_id": show.host_id,
    }
