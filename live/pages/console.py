"""The host's console: one screen, read from two metres, that follows the live board."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import ServerSentEvent, Template
from litestar.response.sse import ServerSentEventMessage
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ON_AIR, SHOW_EDITORS, SHOW_VIEWERS, Actor, allow
from catalog.answers import page
from catalog.db import Database
from live.board import Board, BoardItem, board
from live.boards import Boards
from live.links import links_of_show
from live.models import LineUpItem, Link, Placement, Show
from live.shows import show_for

# Each stands in a template of its own, with an element of that id: a scan counts up one figure
# and leaves the photo and the words that are being read alone.
PARTS = ("state", "lineup", "piece", "figures", "controls", "code")


@dataclass(frozen=True, slots=True)
class Seat:
    """One line-up item as the console shows it. `mark` is over, now, next or empty."""

    item: LineUpItem
    figures: BoardItem
    key: str | None
    mark: str


@dataclass(frozen=True, slots=True)
class Console:
    """Everything that the console shows."""

    show: Show
    board: Board
    seats: list[Seat]
    now: Seat | None
    before: Seat | None
    next: Seat | None
    link: Link | None
    may_switch: bool
    may_edit: bool


@get("/desk/shows/{show_id:int}/console", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def console_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    show_id: FromPath[int],
) -> Template:
    """The console as it is this moment; it works by itself, and follows with scripts."""
    show = await show_for(session, actor, show_id)
    console = await _console(session, actor, await board(session, show.id))
    return page("live/console.html", c=console)


@get("/desk/shows/{show_id:int}/console/events", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def events(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    boards: NamedDependency[Boards],
    database: NamedDependency[Database],
    show_id: FromPath[int],
) -> ServerSentEvent:
    """The parts of the console that have changed, each as a `fragment` message."""
    show = await show_for(session, actor, show_id)
    return ServerSentEvent(_follow(request, actor, boards, database, show.id))


async def _follow(
    request: Request[Any, Any, Any],
    actor: Actor,
    boards: Boards,
    database: Database,
    show_id: int,
) -> AsyncIterator[ServerSentEventMessage]:
    shown: dict[str, str] = {}
    async with aclosing(boards.watch(show_id)) as states:
        async for state in states:
            # First of all a sign of life: the answer's head goes out with the first message.
            yield ServerSentEventMessage(comment="still here", data=None)
            async with database.reading() as session:
                latest = msgspec.json.decode(state, type=Board)
                parts = _render(request, await _console(session, actor, latest))
            for part, html in parts.items():
                if shown.get(part) != html:
                    shown[part] = html
                    data = msgspec.json.encode({"id": part, "html": html})
                    yield ServerSentEventMessage(event="fragment", data=data)


def _render(request: Request[Any, Any, Any], console: Console) -> dict[str, str]:
    engine = request.app.template_engine
    assert engine is not None
    return {
        part: engine.get_template(f"live/console/{part}.html").render(request=request, c=console)
        for part in PARTS
    }


async def _console(session: AsyncSession, actor: Actor, latest: Board) -> Console:
    show = await show_for(session, actor, latest.show)
    figures = {item.id: item for item in latest.items}
    items = [item for item in show.items if item.id in figures]
    ids = [item.id for item in items]
    at = ids.index(latest.now) if latest.now in ids else -1
    seats = [
        Seat(item, figures[item.id], str(n + 1) if n < 9 else None, _mark(n, at, latest))
        for n, item in enumerate(items)
    ]
    now = seats[at] if at >= 0 else None
    return Console(
        show=show,
        board=latest,
        seats=seats,
        now=now,
        before=seats[at - 1] if at > 0 else None,
        next=next((seat for seat in seats if seat.mark == "next"), None),
        link=await _link(session, show, now),
        may_switch=actor.role in ON_AIR,
        may_edit=actor.role in SHOW_EDITORS,
    )


def _mark(n: int, at: int, latest: Board) -> str:
    if at < 0:
        return ""
    if n < at:
        return "over"
    return {0: "now", 1: "next"}.get(n - at, "")


async def _link(session: AsyncSession, show: Show, now: Seat | None) -> Link | None:
    """The code on the screen for the piece that is shown."""
    links = await links_of_show(session, show.id)
    product_id = now.item.product_id if now else None
    wanted = Placement.OVERLAY if now else Placement.CARD
    found = [link for link in links if link.product_id == product_id and link.placement == wanted]
    return found[0] if found else None


ROUTES: list[ControllerRouterHandler] = [console_page, events]
