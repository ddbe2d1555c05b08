"""The public page of a show, which follows the show while it is on air."""

from datetime import UTC, datetime
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, Actor, allow
from catalog.answers import page
from catalog.db import Database
from catalog.stations import must_be_open
from catalog.workshops import station_by_id
from live.board import Board
from live.boards import PAGE, Boards, Fragments
from live.earlier import marks_of
from live.events import EventStream, told_once
from live.models import ShowState
from live.show_view import public_show
from live.shows import must_be_seen_by, span_text

_VIEW = f"{PAGE}show"
_PARTS = ("on-air", "stand", "showing")


@get("/shows/{show_id:int}", opt=allow(EVERYONE), include_in_schema=False)
async def show_page(
    show_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    asker: NamedDependency[Actor | None],
) -> Template:
    """What is on, what is showing now, and the whole line-up."""
    context = await _context(session, show_id)
    station = await station_by_id(session, context["show"].station_id)
    must_be_open(station, asker)
    return page("live/show.html", station=station, **context)


@get("/shows/{show_id:int}/events", opt=allow(EVERYONE), include_in_schema=False)
async def events(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    asker: NamedDependency[Actor | None],
    boards: NamedDependency[Boards],
    database: NamedDependency[Database],
    show_id: FromPath[int],
) -> EventStream | Response[bytes]:
    """What changes on the show's page, as server-sent fragments, while it is on air.

    Who comes back after the end is told how it stands, and to ask no more.
    """
    boards.must_have_room()
    if not boards.has_view(show_id, _VIEW):
        await must_be_seen_by(session, asker, show_id)
        context = await _context(session, show_id)
        if context["show"].state != ShowState.LIVE:
            return told_once(_fragments(request, context))

    async def render(_board: Board) -> Fragments:
        async with database.reading() as latest:
            return _fragments(request, await _context(latest, show_id))

    return EventStream(boards.watch_view(show_id, _VIEW, render, _part), spread=True)


def _part(board: Board) -> object:
    return board.state, board.now, [item.for_buyers for item in board.items]


async def _context(session: AsyncSession, show_id: int) -> dict[str, Any]:
    show, items = await public_show(session, show_id)
    return {
        "show": show,
        "span": span_text(show),
        "items": items,
        "marks": await marks_of(session, show.id),
        "showing": next((item for item in items if item.on_air), None),
        "now": datetime.now(UTC),
    }


def _fragments(request: Request[Any, Any, Any], context: dict[str, Any]) -> Fragments:
    engine = request.app.template_engine
    assert engine is not None

    def part(name: str, **more: Any) -> str:
        html: str = engine.get_template(f"live/show/{name}.html").render_for_all(**context, **more)
        return html

    parts = {name: part(name) for name in _PARTS}
    parts |= {f"item-{shown.item.id}": part("item", shown=shown) for shown in context["items"]}
    if context["show"].state != ShowState.LIVE:
        parts["follow"] = part("follow")
    return Fragments(parts, {"line-up": part("items")})


ROUTES: list[ControllerRouterHandler] = [show_page, events]
