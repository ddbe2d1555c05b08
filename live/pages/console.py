"""The host's console: one screen, read from two metres, that follows the live board."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import ServerSentEvent, Template
from litestar.response.sse import ServerSentEventMessage
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import SHOW_VIEWERS, Actor, allow
from catalog.answers import page
from catalog.db import Database
from live.board import Board, board
from live.boards import Boards
from live.console import Console, console, traces
from live.control import is_due, still_here
from live.overlays import POLICY_NAMES
from live.pages.screens import keep_screen, screen_of
from live.shows import show_for

# Each stands in a template of its own, with an element of that id: a scan counts up one figure
# and leaves the photo and the words that are being read alone.
PARTS = (
    "state",
    "pause",
    "pace",
    "lineup",
    "piece",
    "talk",
    "figures",
    "controls",
    "feed",
    "soon",
    "feed-count",
    "overlays-body",
    "take-body",
)
EVERY_SECONDS = 1.0
"""So often a screen asks whether something changed that is not on the board."""

# A clock that goes on in the browser is no news: without what it says, two renderings are equal.
_TICKING = re.compile(r"(<time\b[^>]*\bdata-tick\b[^>]*>)[^<]*")

type_request = Request[Any, Any, Any]


@get("/desk/shows/{show_id:int}/console", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def console_page(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template:
    """The console as it is this moment; it works by itself, and follows with scripts."""
    return await answer_console(request, session, actor, show_id, now)


async def answer_console(
    request: type_request,
    session: AsyncSession,
    actor: Actor,
    show_id: int,
    now: datetime,
    *,
    said: str = "",
) -> Template:
    """The console; with `said`, why what was pressed was not done. Raises NotFound."""
    show = await show_for(session, actor, show_id)
    latest = await board(session, show.id)
    seen = await console(session, actor, latest, screen_of(request), now)
    answer = page(
        "live/console.html", status=409 if said else 200, c=seen, said=said, policies=POLICY_NAMES
    )
    return keep_screen(request, answer)


@get("/desk/shows/{show_id:int}/console/events", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def events(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    boards: NamedDependency[Boards],
    database: NamedDependency[Database],
    show_id: FromPath[int],
) -> ServerSentEvent:
    """The parts of the console that have changed at one moment, as one `fragments` message."""
    show = await show_for(session, actor, show_id)
    return ServerSentEvent(_follow(request, actor, boards, database, show.id))


async def _follow(
    request: type_request,
    actor: Actor,
    boards: Boards,
    database: Database,
    show_id: int,
) -> AsyncIterator[ServerSentEventMessage]:
    shown: dict[str, str] = {}
    screen = screen_of(request)
    async with aclosing(_looks(boards, database, show_id)) as looks:
        async for latest in looks:
            # First of all a sign of life: the answer's head goes out with the first message.
            yield ServerSentEventMessage(comment="still here", data=None)
            now = datetime.now(UTC)
            async with database.reading() as session:
                seen = await console(session, actor, latest, screen, now)
            if seen.control.mine and seen.on_air and is_due(seen.show, now):
                async with database.writing.begin() as session:
                    await still_here(session, actor, show_id, screen, now)
            parts = _render(request, seen)
            still = {part: _TICKING.sub(r"\1", html) for part, html in parts.items()}
            changed = {part: parts[part] for part in parts if still[part] != shown.get(part)}
            shown = still
            if changed:
                data = msgspec.json.encode(changed)
                yield ServerSentEventMessage(event="fragments", data=data)


async def _looks(boards: Boards, database: Database, show_id: int) -> AsyncGenerator[Board, None]:
    """The board, whenever it or something else that a console shows has changed."""
    async with aclosing(boards.watch(show_id)) as states:
        coming = asyncio.ensure_future(anext(states))
        try:
            latest, seen = msgspec.json.decode(await coming, type=Board), None
            coming = asyncio.ensure_future(anext(states))
            while True:
                async with database.reading() as session:
                    found = await traces(session, show_id)
                if found != seen:
                    seen = found
                    yield latest
                done, _ = await asyncio.wait([coming], timeout=EVERY_SECONDS)
                if done:
                    latest = msgspec.json.decode(coming.result(), type=Board)
                    coming = asyncio.ensure_future(anext(states))
                    seen = None
        finally:
            coming.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming


def _render(request: type_request, seen: Console) -> dict[str, str]:
    engine = request.app.template_engine
    assert engine is not None
    given = {"request": request, "c": seen, "policies": POLICY_NAMES}
    return {
        part: engine.get_template(f"live/console/{part}.html").render(**given) for part in PARTS
    }


ROUTES: list[ControllerRouterHandler] = [console_page, events]
