"""The live board: what a show looks like this moment, computed from the database, never added up.

Each web process computes a watched show once a second, or at once when it is nudged, and gives
the same bytes to all its watchers. A watcher that comes back gets the whole state.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator
from datetime import datetime

import msgspec
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.db import Database
from catalog.errors import NotFound
from catalog.models import Kind
from live.models import LineUpItem, ShowState
from live.scans import count_scans
from live.shows import get_show

EVERY_SECONDS = 1.0
# A watcher hears this often even when nothing changes: proxies cut what is silent for a minute,
# and a screen that has heard nothing for 20 seconds must not go on showing a price.
BEAT_SECONDS = 10.0


class BoardItem(msgspec.Struct, kw_only=True):
    """One line-up item now. `free` is null for what is carved to order."""

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


class Board(msgspec.Struct, kw_only=True):
    """A show now. `now` and `next` are line-up item ids."""

    show: int
    state: ShowState
    title: str
    started_at: datetime | None
    now: int | None
    next: int | None
    scans: int
    holds: int
    sold: int
    sold_fen: int
    items: list[BoardItem]


async def board(session: AsyncSession, show_id: int) -> Board:
    """The whole state of a show. Raises NotFound."""
    show = await get_show(session, show_id)
    scans = await count_scans(session, show_id)
    items = [_item(item, scans.get(item.product_id, 0)) for item in show.items]
    ids = [item.id for item in items]
    after = ids.index(show.now_item_id) + 1 if show.now_item_id in ids else 0
    return Board(
        show=show.id,
        state=show.state,
        title=show.title,
        started_at=show.started_at,
        now=show.now_item_id,
        next=ids[after] if after < len(ids) else None,
        scans=sum(scans.values()),
        holds=sum(item.holds for item in items),
        sold=sum(item.sold for item in items),
        sold_fen=sum(item.sold_fen for item in items),
        items=items,
    )


def _item(item: LineUpItem, scans: int) -> BoardItem:
    product = item.product
    made_to_order = product.kind == Kind.MADE_TO_ORDER
    return BoardItem(
        id=item.id,
        product=product.id,
        name=product.name,
        workshop=product.workshop.name,
        price_fen=item.show_price_fen or product.price_fen,
        free=None if made_to_order else product.stock.free + item.allotment_left,
        holds=item.holding,
        sold=item.sold,
        sold_fen=item.sold_fen,
        scans=scans,
        minutes=item.minutes,
    )


class Boards:
    """The boards that somebody watches through this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watchers: defaultdict[int, set[asyncio.Queue[bytes]]] = defaultdict(set)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._nudges: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)

    async def nudge(self, show_id: int) -> None:
        """Something changed: look again now. Only a hint; a lost one costs a second.

        A coroutine, so that the framework runs it after an answer in this loop and no thread.
        """
        if show_id in self._tasks:
            self._nudges[show_id].set()

    async def watch(self, show_id: int) -> AsyncGenerator[bytes, None]:
        """Yield the board as JSON: at once, at each change, and again when all is quiet.

        Raises NotFound.
        """
        # One place is enough: a watcher that is slow gets the newest state, not every state.
        queue: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)
        state = await self._compute(show_id)
        self._watchers[show_id].add(queue)
        if show_id not in self._tasks:
            self._tasks[show_id] = asyncio.create_task(self._follow(show_id))
        try:
            while True:
                yield state
                with contextlib.suppress(TimeoutError):
                    state = await asyncio.wait_for(queue.get(), BEAT_SECONDS)
        finally:
            self._watchers[show_id].discard(queue)
            if not self._watchers[show_id]:
                del self._watchers[show_id]
                self._tasks.pop(show_id).cancel()
                self._nudges.pop(show_id, None)

    async def _compute(self, show_id: int) -> bytes:
        async with self._database.reading() as session:
            return msgspec.json.encode(await board(session, show_id))

    async def _follow(self, show_id: int) -> None:
        last = b""
        while True:
            nudge = self._nudges[show_id]
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(nudge.wait(), EVERY_SECONDS)
            nudge.clear()
            try:
                state = await self._compute(show_id)
            except (OSError, SQLAlchemyError, NotFound):
                continue
            if state != last:
                last = state
                for queue in self._watchers[show_id]:
                    if queue.full():
                        queue.get_nowait()
                    queue.put_nowait(state)
