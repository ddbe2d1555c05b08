"""What a show has shown so far, with the minute of each: for those who scan a moment late.

Plain columns with one query for all shows asked about at once: the code of a show on air is
scanned by everybody who watches it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.checks import BEIJING
from catalog.db import table
from catalog.models import (
    NOT_YET_SHOWN,
    Kind,
    Photo,
    PhotoState,
    Product,
    ProductState,
    Stock,
    Workshop,
)
from catalog.one_of import one_of
from catalog.photos import ShownPhoto
from live.models import Airing, LineUpItem, Link, Show, ShowState
from live.shows import list_shows

JUST = timedelta(seconds=30)
"""So long after a switch a scan may still mean what was shown before: streams run late."""
SLIP = timedelta(seconds=5)
"""What was shown for less was passed over on the way to something else."""
MOST_AIRINGS = 1000
"""So many of a show are looked at."""
MOST_JUST = 2

_airings, _shows, _items = table(Airing), table(Show), table(LineUpItem)
_products, _workshops, _stock = table(Product), table(Workshop), table(Stock)
_photos = table(Photo)

_FIRST_PHOTO = (
    select(_photos.c.id)
    .where(_photos.c.product_id == _products.c.id, _photos.c.state == PhotoState.READY)
    .order_by(_photos.c.position, _photos.c.id)
    .limit(1)
    .correlate(_products)
    .scalar_subquery()
)
_SHOWN = (
    select(
        _airings.c.show_id,
        _airings.c.started_at,
        _airings.c.ended_at,
        _shows.c.state.label("show_state"),
        _items.c.id.label("item_id"),
        _items.c.show_price_fen,
        _items.c.allotment_left,
        _items.c.sold,
        _items.c.sold_out_at,
        _products.c.id.label("product_id"),
        _products.c.slug,
        _products.c.name,
        _products.c.kind,
        _products.c.state,
        _products.c.price_fen,
        _products.c.work_days,
        _workshops.c.name.label("workshop"),
        _workshops.c.active,
        (_stock.c.on_hand - _stock.c.held).label("loose"),
        _photos.c.folder,
        _photos.c.width,
        _photos.c.height,
    )
    .select_from(
        _airings.join(_shows, _shows.c.id == _airings.c.show_id)
        .join(_items, _items.c.id == _airings.c.line_up_item_id)
        .join(_products, _products.c.id == _items.c.product_id)
        .join(_workshops, _workshops.c.id == _products.c.workshop_id)
        .join(_stock, _stock.c.product_id == _products.c.id)
        .outerjoin(_photos, _photos.c.id == _FIRST_PHOTO)
    )
    .where(
        one_of(_airings.c.show_id, "shows"),
        _products.c.state.not_in(NOT_YET_SHOWN),
    )
    .order_by(_airings.c.started_at.desc(), _airings.c.id.desc())
    .limit(bindparam("most", type_=Integer))
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One piece that a show has shown, as somebody who came by the show's code would get it.

    `at` is when it was last taken up, `until` when it was put down; None while it is being shown.
    `times` counts how often it was taken up. `free` is None for what is carved to order.
    """

    item_id: int
    product_id: int
    slug: str
    name: str
    workshop: str
    kind: Kind
    work_days: int
    for_sale: bool
    price_fen: int
    was_fen: int | None
    free: int | None
    sold: int
    photo: ShownPhoto | None
    at: datetime
    until: datetime | None
    times: int = 1

    def href(self, code: str = "") -> str:
        """Its own page; `code` keeps the show's price and pieces there."""
        return f"/products/{self.slug}" + (f"?link={code}" if code else "")

    def minutes_ago(self, now: datetime) -> int:
        """Minutes since it was taken up, as two clocks without seconds tell them."""
        return max(0, int((_minute(now) - _minute(self.at)).total_seconds()) // 60)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What else a show has shown, for the page of one of its pieces.

    `now` is being shown, when that is not the page's own piece. `just` was put down so lately that
    the scan may have meant it. `before` is all the rest, latest first.
    """

    now: Shown | None
    just: tuple[Shown, ...]
    before: tuple[Shown, ...]


async def shown_on(
    session: AsyncSession, show_ids: Collection[int]
) -> dict[int, tuple[Shown, ...]]:
    """What each show has shown, the latest first, each piece once. One query."""
    found: dict[int, list[Row[*tuple[Any, ...]]]] = {show_id: [] for show_id in show_ids}
    # Shows that go on and on at other stations must not leave a quiet one without its pieces.
    asked = {"shows": sorted(show_ids), "most": MOST_AIRINGS * len(found)}
    for row in await session.execute(_SHOWN, asked):
        found[row.show_id].append(row)
    return {show_id: _merged(rows) for show_id, rows in found.items()}


async def marks_of(session: AsyncSession, show_id: int) -> dict[int, Shown]:
    """What a show has shown, by line-up item id."""
    return {one.item_id: one for one in (await shown_on(session, [show_id]))[show_id]}


@dataclass(frozen=True, slots=True)
class Today:
    """A show of this day: on air with what it has shown, or still to come. `code` is its own."""

    show: Show
    code: str
    shown: tuple[Shown, ...]


async def today(session: AsyncSession, station_id: int | None, now: datetime) -> list[Today]:
    """A station's shows on air, then those to begin before midnight in Beijing; no rehearsals.

    Without a station it is those of all. What strangers can not buy from is left out.
    """
    midnight = now.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
    # A show may go on longer than planned, so those on air are asked for by themselves.
    shows = await list_shows(
        session, station_id, states=(ShowState.LIVE,), rehearsal=False, open_stations=True
    )
    shows += await list_shows(
        session,
        station_id,
        since=now,
        until=midnight + timedelta(days=1),
        states=(ShowState.READY,),
        rehearsal=False,
        open_stations=True,
    )
    shows.sort(key=lambda show: (show.state != ShowState.LIVE, show.starts_at))
    on_air = [show.id for show in shows if show.state == ShowState.LIVE]
    shown, codes = await shown_on(session, on_air), await _codes(session, on_air)
    return [Today(show, codes.get(show.id, ""), shown.get(show.id, ())) for show in shows]


async def _codes(session: AsyncSession, show_ids: Collection[int]) -> dict[int, str]:
    """The code in use of each show that opens the show itself."""
    query = select(Link.show_id, Link.code).where(
        Link.show_id.in_(show_ids), Link.product_id.is_(None), Link.retired_at.is_(None)
    )
    rows = await session.execute(query.order_by(Link.id.desc()))
    return {show_id: code for show_id, code in rows if show_id}


def earlier(shown: Iterable[Shown], product_id: int, now: datetime) -> Earlier:
    """What stands beside a piece on its page; the piece itself is left out.

    Only on the page of what is being shown can a scan have meant something else: whoever chose
    another piece by hand knows what they want.
    """
    showing: Shown | None = None
    just: list[Shown] = []
    before: list[Shown] = []
    of_page = next((one for one in shown if one.product_id == product_id), None)
    switched = of_page is not None and of_page.until is None and of_page.at > now - JUST
    for one in shown:
        if one.product_id == product_id:
            continue
        if one.until is None:
            showing = one
        elif switched and one.until > now - JUST and len(just) < MOST_JUST:
            just.append(one)
        else:
            before.append(one)
    return Earlier(showing, tuple(just), tuple(before))


def _merged(rows: Sequence[Row[*tuple[Any, ...]]]) -> tuple[Shown, ...]:
    """Each piece once, by when it was last taken up; slips of the hand left out."""
    spans: dict[int, list[Row[*tuple[Any, ...]]]] = {}
    for row in rows:
        if row.ended_at is None or row.ended_at - row.started_at >= SLIP:
            spans.setdefault(row.item_id, []).append(row)
    return tuple(_shown(of_item) for of_item in spans.values())


def _shown(spans: Sequence[Row[*tuple[Any, ...]]]) -> Shown:
    """Spans of one piece, the latest first; those that only a slip parts are one."""
    last = spans[0]
    at = began = last.started_at
    times = 1
    for span in spans[1:]:
        if began - (span.ended_at or began) >= SLIP:
            times += 1
        began = span.started_at
        if times == 1:
            at = began
    on_air = last.show_state == ShowState.LIVE
    price_fen = last.price_fen
    if on_air and last.show_price_fen is not None:
        price_fen = last.show_price_fen
    return Shown(
        item_id=last.item_id,
        product_id=last.product_id,
        slug=last.slug,
        name=last.name,
        workshop=last.workshop,
        kind=last.kind,
        work_days=last.work_days,
        for_sale=last.state == ProductState.ON_SALE and last.active,
        price_fen=price_fen,
        was_fen=last.price_fen if price_fen < last.price_fen else None,
        free=_free(last, on_air=on_air),
        sold=last.sold,
        photo=ShownPhoto(last.folder, last.width or 1, last.height or 1) if last.folder else None,
        at=at,
        until=last.ended_at,
        times=times,
    )


def _free(row: Row[*tuple[Any, ...]], *, on_air: bool) -> int | None:
    if on_air and row.sold_out_at is not None:
        return 0
    if row.kind == Kind.MADE_TO_ORDER:
        return None
    return max(0, int(row.loose)) + (int(row.allotment_left) if on_air else 0)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
