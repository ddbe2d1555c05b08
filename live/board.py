"""The live board: what a show looks like this moment, computed from the database, never added up.

It is computed a few times a second for each watched show, so its statements are built once and
select columns.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.db import MOST_ID, Database, UtcDateTime, table
from catalog.errors import NotFound
from catalog.models import Kind, Product, ProductState, Station, Stock, Workshop
from live.models import Airing, LineUpItem, Show, ShowState
from live.shows import PUBLIC
from live.tally import Counts, Tallies, Tally
from live.watching import FRESH, watching_now


class BoardItem(msgspec.Struct, kw_only=True):
    """One line-up item now. `free` is null for what is carved to order.

    `held_until` is when the first hold of its product runs out, `waiting` how many stand in line for it.
    `sold_out` says that it was marked so by hand, `for_sale` that buyers may have it at all.
    """

    id: int
    product: int
    name: str
    workshop: str
    price_fen: int
    free: int | None
    holds: int
    sold: int
    sold_fen: int
    scans: int
    minutes: int
    sold_out: bool
    held_until: datetime | None
    waiting: int
    for_sale: bool = True

    @property
    def for_buyers(self) -> object:
        """What buyers' pages tell of it; they are made anew when this has changed."""
        figures = (self.free, self.holds, self.sold, self.held_until, self.waiting)
        return self.id, self.name, self.price_fen, self.sold_out, self.for_sale, *figures


class Board(msgspec.Struct, kw_only=True):
    """A show now. `now` and `next` are line-up item ids; `now` has been showing since `now_since`.

    `watching` counts the pages of the show that are open; `paused` says that holds do not run out,
    `public` that strangers may see the show: it is no draft, and its station is open.
    """

    show: int
    state: ShowState
    public: bool
    title: str
    started_at: datetime | None
    rehearsal: bool
    paused: bool
    now: int | None
    now_since: datetime | None
    next: int | None
    watching: int
    scans: int
    holds: int
    sold: int
    sold_fen: int
    items: list[BoardItem]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a line-up item stands with its buyers: when its first hold runs out, how many wait."""

    held_until: datetime | None = None
    waiting: int = 0


Standings = Callable[[AsyncSession, int, datetime], Awaitable[Mapping[int, Standing]]]
"""How a show's items stand, by item; the shop knows that, and is asked through this."""

_SOURCES = "sources of the live board"


@dataclass(frozen=True, slots=True)
class _Sources:
    standings: Standings
    tallies: Tallies = field(default_factory=Tallies)


def feed_boards(database: Database, standings: Standings) -> None:
    """Have the boards that are computed through `database` tell of buyers, and count scans on."""
    database.carry(_SOURCES, _Sources(standings))


_shows, _items, _airings = table(Show), table(LineUpItem), table(Airing)
_stations = table(Station)
_products, _workshops, _stock = table(Product), table(Workshop), table(Stock)
_SINCE = (
    select(_airings.c.started_at)
    .where(_airings.c.show_id == _shows.c.id, _airings.c.ended_at.is_(None))
    .order_by(_airings.c.id.desc())
    .limit(1)
    .correlate(_shows)
    .scalar_subquery()
)
# One statement, so that what is shown and the line-up are of the same moment.
_SHOW = (
    select(
        _shows.c.state,
        _stations.c.is_open,
        _shows.c.title,
        _shows.c.started_at,
        _shows.c.rehearsal,
        _shows.c.holds_paused_at,
        _shows.c.now_item_id,
        _SINCE.label("now_since"),
        watching_now(_shows.c.id, bindparam("fresh", type_=UtcDateTime())).label("watching"),
        _items.c.id,
        _items.c.product_id,
        _items.c.show_price_fen,
        _items.c.allotment_left,
        _items.c.holding,
        _items.c.sold,
        _items.c.sold_fen,
        _items.c.minutes,
        _items.c.sold_out_at,
        _products.c.name,
        _products.c.kind,
        _products.c.price_fen,
        _products.c.state.label("product_state"),
        _workshops.c.name.label("workshop"),
        _workshops.c.active,
        (_stock.c.on_hand - _stock.c.held).label("free"),
    )
    .select_from(
        _shows.join(_stations, _stations.c.id == _shows.c.station_id)
        .outerjoin(_items, _items.c.show_id == _shows.c.id)
        .outerjoin(_products, _products.c.id == _items.c.product_id)
        .outerjoin(_workshops, _workshops.c.id == _products.c.workshop_id)
        .outerjoin(_stock, _stock.c.product_id == _products.c.id)
    )
    .where(_shows.c.id == bindparam("show"))
    .order_by(_items.c.position)
)


async def board(session: AsyncSession, show_id: int, now: datetime | None = None) -> Board:
    """The whole state of a show, at this moment unless another is given. Raises NotFound."""
    now = now or datetime.now(UTC)
    if show_id > MOST_ID:
        raise NotFound(f"show {show_id}")
    rows = (await session.execute(_SHOW, {"show": show_id, "fresh": now - FRESH})).all()
    if not rows:
        raise NotFound(f"show {show_id}")
    show, rows = rows[0], [row for row in rows if row.id is not None]
    sources: _Sources | None = session.info.get(_SOURCES)
    scans = await _scans_of(session, show_id, sources)
    standings: Mapping[int, Standing] = {}
    if sources is not None and rows:
        standings = await sources.standings(session, show_id, now)
    items = [_item(row, scans, standings.get(row.id, Standing())) for row in rows]
    return _board(show_id, show, items, sum(scans.values()))


async def _scans_of(session: AsyncSession, show_id: int, sources: _Sources | None) -> Counts:
    if sources is None:
        return await Tally(show_id).count(session)
    return await sources.tallies.count(session, show_id)


def _board(show_id: int, show: Row[*tuple[Any, ...]], items: list[BoardItem], scans: int) -> Board:
    ids = [item.id for item in items]
    after = ids.index(show.now_item_id) + 1 if show.now_item_id in ids else 0
    return Board(
        show=show_id,
        state=show.state,
        public=show.is_open and show.state in PUBLIC,
        title=show.title,
        started_at=show.started_at,
        rehearsal=show.rehearsal,
        paused=show.holds_paused_at is not None,
        now=show.now_item_id,
        now_since=show.now_since,
        watching=int(show.watching),
        next=ids[after] if after < len(ids) else None,
        scans=scans,
        holds=sum(item.holds for item in items),
        sold=sum(item.sold for item in items),
        sold_fen=sum(item.sold_fen for item in items),
        items=items,
    )


def _item(row: Row[*tuple[Any, ...]], scans: Counts, standing: Standing) -> BoardItem:
    made_to_order = row.kind == Kind.MADE_TO_ORDER
    return BoardItem(
        id=row.id,
        product=row.product_id,
        name=row.name,
        workshop=row.workshop,
        price_fen=row.show_price_fen or row.price_fen,
        free=None if made_to_order else row.free + row.allotment_left,
        holds=row.holding,
        sold=row.sold,
        sold_fen=row.sold_fen,
        scans=scans[row.product_id],
        minutes=row.minutes,
        sold_out=row.sold_out_at is not None,
        held_until=standing.held_until,
        waiting=standing.waiting,
        for_sale=row.product_state == ProductState.ON_SALE and row.active,
    )
