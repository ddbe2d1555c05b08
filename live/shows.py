"""Finding shows: those of a station, one that a member may see, one to be changed."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from catalog.access import SHOW_VIEWERS, Actor
from catalog.checks import BEIJING
from catalog.db import MOST_ID
from catalog.errors import NotFound
from catalog.models import Product, Station
from catalog.own import own
from catalog.stations import must_be_open, open_ids
from live.models import LineUpItem, Show, ShowState

CHANNELS = ("抖音", "快手", "视频号", "小红书", "淘宝直播", "其他")

# What strangers see: a draft is nobody's business yet.
PUBLIC = (ShowState.READY, ShowState.LIVE, ShowState.ENDED, ShowState.REPORTED)

OPEN = (ShowState.DRAFT, ShowState.READY, ShowState.LIVE)


async def list_shows(
    session: AsyncSession,
    station_id: int | None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    states: tuple[ShowState, ...] = tuple(ShowState),
    rehearsal: bool | None = None,
    open_stations: bool = False,
    before: int | None = None,
    most: int = 100,
) -> list[Show]:
    """The shows of a station, or of all, that touch [since, until); with host and line-up.

    Latest first. `before` is the id of the show that the last page ended with. `rehearsal` asks
    for rehearsals alone, or for none of them. `open_stations` leaves out those of stations that
    strangers can not buy from.
    """
    query = select(Show).where(Show.state.in_(states))
    if rehearsal is not None:
        query = query.where(Show.rehearsal == rehearsal)
    if station_id is not None:
        query = query.where(Show.station_id == station_id)
    if open_stations:
        query = query.where(Show.station_id.in_(open_ids()))
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

    Without a station it is the asker's own, for strangers any that is open.
    """
    if station_id is None and asker is not None:
        station_id = asker.station_id
    all_of_them = may_see_all(asker, station_id)
    return await list_shows(
        session,
        station_id,
        states=tuple(ShowState) if all_of_them else PUBLIC,
        rehearsal=None if all_of_them else False,
        open_stations=asker is None or asker.station_id != station_id,
        before=before,
        most=most,
    )


_products = selectinload(Show.items).selectinload(LineUpItem.product)
_WHOLE = (
    selectinload(Show.host),
    joinedload(Show.cover),
    _products.selectinload(Product.photos),
    _products.selectinload(Product.stock),
    _products.selectinload(Product.workshop),
)


async def get_show(session: AsyncSession, show_id: int) -> Show:
    """One show with host, cover, line-up and its products, freshly read. Raises NotFound."""
    if show_id > MOST_ID:
        raise NotFound(f"show {show_id}")
    show = await session.get(Show, show_id, options=_WHOLE, populate_existing=True)
    if show is None:
        raise NotFound(f"show {show_id}")
    return show


async def show_for(session: AsyncSession, actor: Actor, show_id: int) -> Show:
    """As `get_show`, when it is of the actor's station. Raises NotFound."""
    return await own(session, actor, Show, show_id, *_WHOLE)


def may_see_all(asker: Actor | None, station_id: int | None) -> bool:
    """Whether drafts and notes of this station's shows are for the asker."""
    return asker is not None and asker.station_id == station_id and asker.role in SHOW_VIEWERS


async def show_seen_by(session: AsyncSession, asker: Actor | None, show_id: int) -> Show:
    """The show when it is of the asker's station, or public.

    Raises NotFound, and NotOpen for strangers while its station is getting ready.
    """
    show = await get_show(session, show_id)
    if not may_see_all(asker, show.station_id) and show.state not in PUBLIC:
        raise NotFound(f"show {show_id}")
    must_be_open(await session.get_one(Station, show.station_id), asker)
    return show


async def must_be_seen_by(session: AsyncSession, asker: Actor | None, show_id: int) -> None:
    """As `show_seen_by`, where nothing of the show is needed."""
    if show_id > MOST_ID:
        raise NotFound(f"show {show_id}")
    query = select(Station, Show.state).join(Show, Show.station_id == Station.id)
    row = (await session.execute(query.where(Show.id == show_id))).one_or_none()
    if row is None or (not may_see_all(asker, row[0].id) and row[1] not in PUBLIC):
        raise NotFound(f"show {show_id}")
    must_be_open(row[0], asker)


async def lock_show(session: AsyncSession, actor: Actor, show_id: int) -> Show:
    """The show as `show_for`, its row locked until the caller's transaction ends."""
    await own(session, actor, Show, show_id, lock=True)
    return await show_for(session, actor, show_id)


def span_text(show: Show) -> str:
    """When a show is, for people: 北京时间, the day once."""
    start, end = show.starts_at.astimezone(BEIJING), show.ends_at.astimezone(BEIJING)
    until = (
        f"{end:%H:%M}" if end.date() == start.date() else f"{end.month}月{end.day}日 {end:%H:%M}"
    )
    return f"{start.month}月{start.day}日 {start:%H:%M}–{until}"
