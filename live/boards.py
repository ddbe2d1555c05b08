"""The boards that somebody watches, followed by each web process. `docs/live-board.md`.

A process computes a watched show once a second, and at once when it hears of a change, though no
more than four times a second; all its watchers get the same bytes. A watcher that comes back gets
the whole state, and one that is slow gets the newest, not every one.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import NamedTuple

import msgspec
import structlog
from sqlalchemy.exc import SQLAlchemyError

from catalog.db import Database
from catalog.errors import NotFound
from catalog.touched import PRODUCT, Touched
from live.board import Board, board
from live.errors import TooManyWatchers
from live.nudges import ITEM, SHOW

log = structlog.get_logger()

EVERY_SECONDS = 1.0
# Hints that come thick and fast, as in a rush, are answered together.
LEAST_SECONDS = 0.25
# A watcher hears this often even when nothing changes: proxies cut what is silent for a minute,
# and a screen that has heard nothing for 20 seconds must not go on showing a price.
BEAT_SECONDS = 10.0
# Streams a process takes. Each costs memory and a moment of every change; those who are refused
# have a page that works without.
MOST_STREAMS = 5_000
# So many are woken before others get their turn: nobody's page waits for two thousand messages.
AT_ONCE = 200

PAGE = "page "
"""How the key of a view begins that a buyer's page watches: those pages are counted."""


class Fragments(NamedTuple):
    """HTML by the id of the element whose place it takes.

    `frames` are larger pieces that hold some of the parts: they are sent to those who come, and
    when there are other parts than before.
    """

    parts: Mapping[str, str]
    frames: Mapping[str, str] = {}


Render = Callable[[Board], Awaitable[Fragments]]
"""The fragments of a view, made from a board."""

Part = Callable[[Board], object]
"""What of a board a view shows: while that stays the same, nothing is rendered."""


def _whole_board(board: Board) -> object:
    return board


class View(ABC):
    """What some watchers of a show all get, made once for each version of it.

    `since(seen)` is what a watcher needs who has seen that version; the newest again is its beat.
    """

    def __init__(self) -> None:
        self.version = 0
        self.watches: set[Watch] = set()
        self.said_at = asyncio.get_running_loop().time()

    @abstractmethod
    async def update(self, latest: Board, state: bytes) -> bool:
        """Follow a board, given as it is and as JSON; whether there is a new version."""

    @abstractmethod
    def since(self, seen: int) -> bytes:
        """What to send to who has seen this version, 0 for none."""


class BoardView(View):
    """The whole board as JSON, framed as a server-sent event where `event` names one."""

    def __init__(self, event: str = "") -> None:
        super().__init__()
        self._event = event
        self._state = self._message = b""

    async def update(self, latest: Board, state: bytes) -> bool:
        if state == self._state:
            return False
        self._state = state
        self._message = b"event: %s\r\ndata: %s\r\n\r\n" % (self._event.encode(), state)
        self.version += 1
        return True

    def since(self, seen: int) -> bytes:
        return self._message if self._event else self._state


class FragmentView(View):
    """HTML as server-sent events named `fragments`, {id: html}: all of them, then what changed."""

    def __init__(self, render: Render, part: Part) -> None:
        super().__init__()
        self._render, self._part = render, part
        self._shown: object = None
        self._fragments = Fragments({})
        self._whole = self._changed = b""
        self._rendering = asyncio.Lock()

    async def update(self, latest: Board, state: bytes) -> bool:
        async with self._rendering:
            shown = self._part(latest)
            if self.version and shown == self._shown:
                return False
            fragments = await self._render(latest)
            self._shown = shown
            if fragments == self._fragments:
                return False
            self._changed = framed(_between(self._fragments, fragments))
            self._whole = framed(_outermost(fragments))
            self._fragments = fragments
            self.version += 1
            return True

    def since(self, seen: int) -> bytes:
        if seen == self.version:
            return b":\r\n\r\n"
        return self._changed if seen == self.version - 1 > 0 else self._whole


def framed(fragments: Mapping[str, str]) -> bytes:
    """Fragments of one moment as one server-sent event: a page shows them in one go."""
    return b"event: fragments\r\ndata: %s\r\n\r\n" % msgspec.json.encode(fragments)


def _outermost(fragments: Fragments) -> dict[str, str]:
    inside = "".join(fragments.frames.values())
    parts = {id_: html for id_, html in fragments.parts.items() if html not in inside}
    return {**fragments.frames, **parts}


def _between(old: Fragments, new: Fragments) -> dict[str, str]:
    """What turns the one into the other."""
    if old.parts.keys() == new.parts.keys():
        return {id_: html for id_, html in new.parts.items() if old.parts[id_] != html}
    return {id_: html for id_, html in _outermost(new).items() if old.parts.get(id_) != html}


class Watch(AsyncIterator[bytes]):
    """One who watches a view: the state at once, each change, and a beat when all is quiet.

    Close it, with `aclosing` or `leave`; until then its show is followed.
    """

    def __init__(self, boards: "Boards", show_id: int, key: str, view: Callable[[], View]) -> None:
        self._boards, self._show_id, self._key, self._new_view = boards, show_id, key, view
        self._view: View | None = None
        self._seen = 0
        self._asleep: asyncio.Future[None] | None = None
        self._left = False

    async def __anext__(self) -> bytes:
        """Raises NotFound, at first, where there is no such show."""
        if self._view is None and not self._left:
            self._view = await self._boards.enter(self, self._show_id, self._key, self._new_view)
            if self._left or self._boards.closed:
                self.leave()
        elif self._view is not None and self._seen == self._view.version:
            self._asleep = asyncio.get_running_loop().create_future()
            await self._asleep
        if self._left or self._view is None:
            raise StopAsyncIteration
        message = self._view.since(self._seen)
        self._seen = self._view.version
        return message

    def wake(self) -> None:
        """There is something to see; nothing happens to one that is busy with the last message."""
        if self._asleep is not None and not self._asleep.done():
            self._asleep.set_result(None)

    def leave(self) -> None:
        """Watch no more; who waits for the next message is told that there is none."""
        self._left = True
        self.wake()
        if self._view is not None:
            self._boards.leave(self, self._show_id, self._key)
            self._view = None

    async def aclose(self) -> None:
        self.leave()


class _Show:
    """A show that is watched through this process, as it was when last looked at."""

    def __init__(self) -> None:
        self.latest: Board | None = None
        self.state = b""
        self.views: dict[str, View] = {}
        self.entering = 0
        self.nudged = asyncio.Event()
        self.looking = asyncio.Lock()
        self._things: dict[str, set[int]] = {}

    def see(self, latest: Board) -> None:
        """Take in a board."""
        state = msgspec.json.encode(latest)
        if state == self.state:
            return
        self.latest, self.state = latest, state
        self._things = {
            SHOW: {latest.show},
            ITEM: {item.id for item in latest.items},
            PRODUCT: {item.product for item in latest.items},
        }

    def concerns(self, touched: Touched) -> bool:
        return any(not ids.isdisjoint(self._things.get(kind, ())) for kind, ids in touched.items())

    @property
    def watched(self) -> bool:
        return self.entering > 0 or bool(self.views)


class Boards:
    """The boards that somebody watches through this process."""

    def __init__(self, database: Database, most: int = MOST_STREAMS) -> None:
        self._database, self._most = database, most
        self._shows: dict[int, _Show] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self.closed = False
        """Whether the process is ending: streams end, and none begins."""
        self._streams = 0

    async def watch(self, show_id: int) -> AsyncGenerator[bytes, None]:
        """Yield the board as JSON: at once, at each change, and again when all is quiet.

        Raises NotFound.
        """
        async with aclosing(Watch(self, show_id, "board", BoardView)) as states:
            async for state in states:
                yield state

    def watch_events(self, show_id: int) -> Watch:
        """The board as server-sent events named `board`; the first step raises NotFound."""
        return Watch(self, show_id, "board events", lambda: BoardView("board"))

    def watch_view(
        self, show_id: int, key: str, render: Render, part: Part = _whole_board
    ) -> Watch:
        """HTML fragments as server-sent events, rendered once for all who watch `key`.

        The first who comes with a key brings what renders for all of them, so `render` must not
        show anything of the one who asks.
        """
        return Watch(self, show_id, key, lambda: FragmentView(render, part))

    def is_public(self, show_id: int) -> bool:
        """Whether it needs no question that strangers may see the show.

        True when it is watched here already, and could be seen by all a second ago.
        """
        show = self._shows.get(show_id)
        return show is not None and show.latest is not None and show.latest.public

    def has_view(self, show_id: int, key: str) -> bool:
        """Whether somebody watches this view of a public show, and who comes needs no question."""
        return self.is_public(show_id) and key in self._shows[show_id].views

    def must_have_room(self) -> None:
        """Raises TooManyWatchers when this process feeds as many streams as it can."""
        if self._streams >= self._most:
            raise TooManyWatchers

    def pages(self) -> dict[int, int]:
        """How many pages of buyers are open here, by show; shows without any are left out."""
        found: Counter[int] = Counter()
        for show_id, show in self._shows.items():
            for key, view in show.views.items():
                if key.startswith(PAGE):
                    found[show_id] += len(view.watches)
        return dict(found)

    def look_again(self, touched: Touched) -> None:
        """These things have changed: look at the shows that they belong to."""
        for show in self._shows.values():
            if show.concerns(touched):
                show.nudged.set()

    def close(self) -> None:
        """Let all who watch go; they come back to another process, or to this one's successor."""
        self.closed = True
        for show in list(self._shows.values()):
            for view in list(show.views.values()):
                for watch in list(view.watches):
                    watch.leave()

    async def nudge(self, show_id: int) -> None:
        """Look at a show again now. Only a hint; a lost one costs a second."""
        self.look_again({SHOW: {show_id}})

    async def enter(
        self, watch: Watch, show_id: int, key: str, new_view: Callable[[], View]
    ) -> View:
        """Begin to watch: the view, made and up to date. Raises NotFound."""
        show = self._shows.setdefault(show_id, _Show())
        show.entering += 1
        try:
            async with show.looking:
                if show.latest is None:
                    show.see(await self._compute(show_id))
            assert show.latest is not None
            view = await self._up_to_date(show, key, new_view)
            view.watches.add(watch)
            self._streams += 1
            if show_id not in self._tasks:
                self._tasks[show_id] = asyncio.create_task(self._follow(show_id, show))
        finally:
            show.entering -= 1
            self._drop_unwatched(show_id, show)
        return view

    async def _up_to_date(self, show: _Show, key: str, new_view: Callable[[], View]) -> View:
        # In its place before it is made: of all who come at once, one renders.
        view = show.views.setdefault(key, new_view())
        assert show.latest is not None
        try:
            await view.update(show.latest, show.state)
        finally:
            if not view.watches and show.views.get(key) is view:
                del show.views[key]
        return show.views.setdefault(key, view)

    def leave(self, watch: Watch, show_id: int, key: str) -> None:
        """Watch no more."""
        show = self._shows[show_id]
        view = show.views[key]
        view.watches.discard(watch)
        self._streams -= 1
        if not view.watches:
            del show.views[key]
        self._drop_unwatched(show_id, show)

    def _drop_unwatched(self, show_id: int, show: _Show) -> None:
        if not show.watched:
            del self._shows[show_id]
            if show_id in self._tasks:
                self._tasks.pop(show_id).cancel()

    async def _compute(self, show_id: int) -> Board:
        async with self._database.reading() as session:
            return await board(session, show_id)

    async def _follow(self, show_id: int, show: _Show) -> None:
        loop = asyncio.get_running_loop()
        next_at = 0.0
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await show.nudged.wait()
            if show.nudged.is_set():
                # A look that the clock caused does not keep the next hint waiting.
                await asyncio.sleep(next_at - loop.time())
                next_at = loop.time() + LEAST_SECONDS
                show.nudged.clear()
            try:
                show.see(await self._compute(show_id))
            except (OSError, SQLAlchemyError, NotFound):
                # The database is away: screens hear nothing, and know what to make of that.
                continue
            for key, view in list(show.views.items()):
                try:
                    await _tell(show, view)
                except Exception:
                    # The others are told all the same, and this one is tried again.
                    log.exception("a live view could not be made", show=show_id, view=key)


async def _tell(show: _Show, view: View) -> None:
    """Bring a view up to date, and wake those who watch it when it has something to say."""
    assert show.latest is not None
    fresh = await view.update(show.latest, show.state)
    now = asyncio.get_running_loop().time()
    if not fresh and now - view.said_at < BEAT_SECONDS:
        return
    view.said_at = now
    for n, watch in enumerate(list(view.watches), start=1):
        watch.wake()
        if n % AT_ONCE == 0:
            await asyncio.sleep(0)
