"""What is pressed at the console: each answers with the console again, and with why not."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ON_AIR, SHOW_EDITORS, Actor, allow
from catalog.answers import see_other
from catalog.errors import Invalid
from catalog.forms import read_form, read_number
from live import announcements, marks, on_air, overlays, shows
from live.control import must_control, take
from live.errors import NotController, OverlappingShow, WrongShowState
from live.pages.console import answer_console
from live.pages.screens import keep_screen, screen_of

type_request = Request[Any, Any, Any]


# What is pressed about a piece; whoever controls the show presses it.
_ON_PIECES = {
    "now": on_air.show_now,
    "sold-out": marks.mark_sold_out,
    "sold-out/undo": marks.undo_sold_out,
}
# What was read out, or is to be after all: whoever reads says so, and that is no control.
_ON_SALES = {"read": announcements.read_out, "read/undo": announcements.put_back}


@post(
    [f"/desk/shows/{{show_id:int}}/{pressed}" for pressed in _ON_PIECES],
    opt=allow(ON_AIR),
    include_in_schema=False,
)
async def press_piece(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """Another piece is shown, or the show sells no more of one, or sells it again."""
    item_id = await _named(request, "item")
    press = _ON_PIECES[_pressed(request, show_id)]

    async def do() -> None:
        await must_control(session, actor, show_id, screen_of(request), now)
        await press(session, actor, show_id, item_id, now)

    return await _done(request, session, actor, now, show_id, do)


@post(
    [f"/desk/shows/{{show_id:int}}/{pressed}" for pressed in _ON_SALES],
    opt=allow(ON_AIR),
    include_in_schema=False,
)
async def press_sale(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """A sale was read out, or is to be read out after all."""
    announcement_id = await _named(request, "announcement")
    press = _ON_SALES[_pressed(request, show_id)]

    async def do() -> None:
        await press(session, actor, show_id, announcement_id, now)

    return await _done(request, session, actor, now, show_id, do)


@post("/desk/shows/{show_id:int}/policy", opt=allow(ON_AIR), include_in_schema=False)
async def set_policy(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """What a channel may show. Whoever sees a platform's warning presses: control is not asked."""
    typed = await read_form(request)
    overlay_id = read_number(typed.get("overlay", "")) or 0

    async def do() -> None:
        await shows.show_for(session, actor, show_id)
        await overlays.set_policy(session, actor, overlay_id, typed.get("policy", ""), now)

    return await _done(request, session, actor, now, show_id, do)


@post("/desk/shows/{show_id:int}/control", opt=allow(ON_AIR), include_in_schema=False)
async def take_over(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """The show is controlled from this screen from now on."""

    async def do() -> None:
        await take(session, actor, show_id, screen_of(request), now)

    return await _done(request, session, actor, now, show_id, do)


@post("/desk/shows/{show_id:int}/reopen", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def reopen(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """A show that was ended by mistake goes on, controlled from this screen."""

    async def do() -> None:
        await on_air.reopen_show(session, actor, show_id, now)
        await take(session, actor, show_id, screen_of(request), now)

    return await _done(request, session, actor, now, show_id, do)


def _pressed(request: type_request, show_id: int) -> str:
    return request.url.path.removeprefix(f"/desk/shows/{show_id}/").rstrip("/")


async def _named(request: type_request, field: str) -> int:
    return read_number((await read_form(request)).get(field, "")) or 0


async def _done(
    request: type_request,
    session: AsyncSession,
    actor: Actor,
    now: datetime,
    show_id: int,
    do: Callable[[], Awaitable[None]],
) -> Template | Redirect:
    """The console after `do`; or as it is, with why nothing was done. Raises NotFound."""
    try:
        await do()
    except Invalid as refusal:
        said = " ".join(refusal.errors.values())
    except (NotController, WrongShowState, OverlappingShow) as refusal:
        said = refusal.text
    else:
        return keep_screen(request, see_other(f"/desk/shows/{show_id}/console"))
    await session.rollback()
    return await answer_console(request, session, actor, show_id, now, said=said)


ROUTES: list[ControllerRouterHandler] = [
    press_piece,
    press_sale,
    set_policy,
    take_over,
    reopen,
]
