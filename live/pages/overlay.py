"""The overlay over a livestream's picture: a page for OBS that nobody touches."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import ServerSentEvent, Template
from litestar.response.sse import ServerSentEventMessage
from litestar.types import ControllerRouterHandler
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.answers import page
from catalog.db import Database
from catalog.errors import NotFound
from live.board import Board
from live.boards import Boards
from live.errors import TooManyWatchers
from live.models import Overlay
from live.overlay_view import CANVASES, Drawing, draw, drawing_now
from live.overlays import SEEN_EVERY, note_seen, overlay_by_token, show_on

# A changed policy, a show that begins or ends, an address that is revoked: seen this soon.
LOOK_SECONDS = 0.5
# The page takes 20 seconds without a message for a lost connection.
BEAT_SECONDS = 8.0
RETRY_MILLISECONDS = 1000

# Programs that may have one address open through one process; an address that went round stays small.
MOST_OPEN = 20
_open: Counter[int] = Counter()

_PICTURE = "live/overlay/picture.html"
_FRAMED = {True: "'self'", False: "'none'"}
_AWAY = (OSError, SQLAlchemyError, NotFound)


@get("/overlay/{token:str}", opt=allow(EVERYONE), include_in_schema=False)
async def overlay_page(
    session: NamedDependency[AsyncSession],
    public_url: NamedDependency[str],
    token: FromPath[str],
    canvas: FromQuery[str] = "1920x1080",
) -> Template | Response[str]:
    """The overlay as it is this moment; from then on it follows by itself."""
    if canvas not in CANVASES:
        return _plain(400, f"画布只能是 {' 或 '.join(CANVASES)}，请改地址里 canvas= 后面的字。")
    try:
        overlay = await overlay_by_token(session, token)
    except NotFound:
        return _plain(404, "没有这个叠加层。请到工作台“叠加层”里重新做一个地址。")
    drawing = await drawing_now(session, overlay, public_url)
    return overlay_answer(drawing, canvas, events=f"/overlay/{token}/events")


def overlay_answer(
    drawing: Drawing, canvas: str, *, events: str = "", scene: str = "", framed: bool = False
) -> Template:
    """The page of a drawing. `scene` is a photo to lay beneath it, `framed` lets the desk show it."""
    answer = page(
        "live/overlay.html", d=drawing, canvas=CANVASES[canvas], events=events, scene=scene
    )
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors {_FRAMED[framed]}"
    )
    return answer


def _plain(status: int, text: str) -> Response[str]:
    return Response(text, status_code=status, media_type=MediaType.TEXT)


@get("/overlay/{token:str}/events", opt=allow(EVERYONE), include_in_schema=False)
async def events(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    boards: NamedDependency[Boards],
    database: NamedDependency[Database],
    public_url: NamedDependency[str],
    token: FromPath[str],
) -> ServerSentEvent:
    """The whole picture as an `overlay` message at each change and every few seconds.

    `revoked` is the last message of an address that shows nothing any more.
    """
    overlay = await overlay_by_token(session, token)
    if _open[overlay.id] >= MOST_OPEN:
        raise TooManyWatchers
    messages = _follow(request, boards, database, public_url, overlay.id)
    # Tells nginx to pass each message on as it comes.
    return ServerSentEvent(messages, headers={"X-Accel-Buffering": "no"})


async def _follow(
    request: Request[Any, Any, Any],
    boards: Boards,
    database: Database,
    public_url: str,
    overlay_id: int,
) -> AsyncIterator[ServerSentEventMessage]:
    sent, beat_at, noted_at = "", 0.0, 0.0
    watched = _Watched(boards)
    _open[overlay_id] += 1
    try:
        while not boards.closed:
            # What cannot be read is not sent: the page hides by itself what may be untrue.
            with contextlib.suppress(*_AWAY):
                overlay, show_id = await _look(database, overlay_id)
                if overlay.revoked_at is not None:
                    yield ServerSentEventMessage(event="revoked", data="revoked")
                    break
                latest = watched.latest(show_id)
                if show_id is None or latest is not None:
                    async with database.reading() as session:
                        drawing = await draw(session, overlay, latest, public_url)
                    html = _render(request, drawing)
                    if html != sent or monotonic() >= beat_at:
                        sent, beat_at = html, monotonic() + BEAT_SECONDS
                        yield _message(html)
                if monotonic() >= noted_at:
                    noted_at = monotonic() + SEEN_EVERY.total_seconds()
                    async with database.writing.begin() as session:
                        await note_seen(session, overlay_id, datetime.now(UTC))
            await watched.news(LOOK_SECONDS)
    finally:
        watched.leave()
        _open[overlay_id] -= 1


async def _look(database: Database, overlay_id: int) -> tuple[Overlay, int | None]:
    async with database.reading() as session:
        overlay = await session.get_one(Overlay, overlay_id)
        return overlay, await show_on(session, overlay)


def _message(html: str) -> ServerSentEventMessage:
    data = msgspec.json.encode({"html": html, "now": datetime.now(UTC)})
    return ServerSentEventMessage(event="overlay", data=data, retry=RETRY_MILLISECONDS)


def _render(request: Request[Any, Any, Any], drawing: Drawing) -> str:
    engine = request.app.template_engine
    assert engine is not None
    html: str = engine.get_template(_PICTURE).render(request=request, d=drawing)
    return html


class _Watched:
    """The board of the show that is on, which may be another one each time it is asked for."""

    def __init__(self, boards: Boards) -> None:
        self._boards = boards
        self._show_id: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._board: Board | None = None
        self._heard = asyncio.Event()

    def latest(self, show_id: int | None) -> Board | None:
        """The newest board of this show; None of no show, and before there is news of it."""
        if show_id != self._show_id or (self._task is not None and self._task.done()):
            self.leave()
        if show_id is not None and self._task is None:
            self._show_id = show_id
            self._task = asyncio.create_task(self._follow(show_id))
        return self._board

    async def _follow(self, show_id: int) -> None:
        # What can not be read now is asked for again, with the next look.
        with contextlib.suppress(*_AWAY):
            async with aclosing(self._boards.watch(show_id)) as states:
                async for state in states:
                    self._board = msgspec.json.decode(state, type=Board)
                    self._heard.set()

    async def news(self, seconds: float) -> None:
        """Until there is something to look at, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._heard.wait()
        self._heard.clear()

    def leave(self) -> None:
        """Watch nothing any more. Waits for nothing: whoever is cancelled can not."""
        if self._task is not None:
            self._task.cancel()
        self._show_id = self._task = self._board = None


ROUTES: list[ControllerRouterHandler] = [overlay_page, events]
