"""Scheduling a show, putting it on air and ending it. `docs/shows.md` draws the states."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from catalog import stock
from catalog.access import SHOW_EDITORS, SHOW_VIEWERS, Actor
from catalog.audit import record
from catalog.checks import BEIJING, Check
from catalog.db import MOST_ID
from catalog.errors import Invalid, NotFound
from catalog.models import Member, Photo, Product, Station
from live import checklist, selling
from live.errors import NotReady, OverlappingShow, WrongShowState
from live.models import Airing, LineUpItem, Show, ShowState

# Between two shows of one host or in one place: sweep up, change the backdrop, drink water.
TURNAROUND = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
# Who ended a show by mistake notices it within this time, and its viewers may still be there.
REOPEN_WITHIN = timedelta(hours=2)
# Who begins at once types the time a little later; what lies further back is a slip of the hand.
LATE_AT_MOST = timedelta(minutes=15)
CHANNELS = ("抖音", "快手", "视频号", "小红书", "淘宝直播", "其他")

# What strangers see: a draft is nobody's business yet.
PUBLIC = (ShowState.READY, ShowState.LIVE, ShowState.ENDED, ShowState.REPORTED)

OPEN = (ShowState.DRAFT, ShowState.READY, ShowState.LIVE)
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


async def list_shows(
    session: AsyncSession,
    station_id: int | None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    states: tuple[ShowState, ...] = tuple(ShowState),
    rehearsal: bool | None = None,
    before: int | None = None,
    most: int = 100,
) -> list[Show]:
    """The shows of a station, or of all, that touch [since, until); with host and line-up.

    Latest first. `before` is the id of the show that the last page ended with. `rehearsal` asks
    for rehearsals alone, or for none of them.
    """
    query = select(Show).where(Show.state.in_(states))
    if rehearsal is not None:
        query = query.where(Show.rehearsal == rehearsal)
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

    A rehearsal is in no list for others; who has its address may look at it.

    Without a station it is the asker's own, for strangers any.
    """
    if station_id is None and asker is not None:
        station_id = asker.station_id
    all_of_them = may_see_all(asker, station_id)
    return await list_shows(
        session,
        station_id,
        states=tuple(ShowState) if all_of_them else PUBLIC,
        rehearsal=None if all_of_them else False,
        before=before,
        most=most,
    )


async def get_show(session: AsyncSession, show_id: int) -> Show:
    """One show with host, cover, line-up and its products, freshly read. Raises NotFound."""
    if show_id > MOST_ID:
        raise NotFound(f"show {show_id}")
    products = selectinload(Show.items).selectinload(LineUpItem.product)
    show = await session.get(
        Show,
        show_id,
        options=[
            selectinload(Show.host),
            joinedload(Show.cover),
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


async def must_be_seen_by(session: AsyncSession, asker: Actor | None, show_id: int) -> None:
    """As `show_seen_by`, where nothing of the show is needed: thousands come back at once."""
    if show_id > MOST_ID:
        raise NotFound(f"show {show_id}")
    query = select(Show.station_id, Show.state).where(Show.id == show_id)
    row = (await session.execute(query)).one_or_none()
    if row is None or (not may_see_all(asker, row.station_id) and row.state not in PUBLIC):
        raise NotFound(f"show {show_id}")


async def lock_show(session: AsyncSession, actor: Actor, show_id: int) -> Show:
    """The show as `show_for`, its row locked until the caller's transaction ends."""
    await session.execute(select(Show.id).where(Show.id == show_id).with_for_update())
    return await show_for(session, actor, show_id)


async def schedule_show(
    session: AsyncSession, actor: Actor, values: Mapping[str, Any], now: datetime
) -> Show:
    """Make a draft show that begins `LATE_AT_MOST` ago or later. Times without a zone are Beijing's.

    Locks the station's row, so that two people who save at once are judged one after the other.
    Raises Invalid with every fault, or OverlappingShow naming the other show.
    """
    facts = await _read(session, actor, None, values, now)
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
    await _refuse_overlap(session, actor.station_id, show.id, facts)
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
    await _refuse_overlap(session, show.station_id, show.id, _slot(show))
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
        "rehearsal": show.rehearsal,
        "cover_photo_id": show.cover_photo_id,
    }
