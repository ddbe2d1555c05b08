"""The boards that somebody watches, followed by each web process.

A process computes a watched show once a second, or at once when it is nudged, and gives the
same bytes to all its watchers. A watcher that comes back gets the whole state.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from catalog.db import Database
from catalog.errors import NotFound
from live.board import board

EVERY_SECONDS = 1.0
# A watcher hears this often even when nothing changes: proxies cut what is silent for a minute,
# and a screen that has heard nothing for 20 seconds must not go on showing a price.
BEAT_SECONDS = 10.0


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
