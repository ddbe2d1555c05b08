"""The weekly letters at the desk: printed, or read out by telephone."""

from datetime import date, datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import NotFound
from catalog.forms import read_form
from catalog.people import list_members
from media.paper import print_letters
from shop import letters

_LIST = "/desk/letters"


@get(_LIST, opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def letters_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    week: FromQuery[str] = "",
) -> Template:
    """The letters of a week, the last one unless another is asked for, and who was told."""
    shown = _week(week) if week else letters.last_week(now)
    members = await list_members(session, actor.station_id)
    return page(
        "shop/desk_letters.html",
        letters=await letters.letters_of_week(session, actor.station_id, shown),
        week=shown,
        until=shown + letters.A_WEEK - date.resolution,
        weeks=await letters.weeks(session, actor.station_id),
        last_week=letters.last_week(now),
        names={member.id: member.name for member in members},
    )


def _week(typed: str) -> date:
    """The Monday in an address. Raises NotFound."""
    try:
        day = date.fromisoformat(typed)
    except ValueError as error:
        raise NotFound(f"week {typed[:20]}") from error
    if day.weekday() != 0:
        raise NotFound(f"week {day}")
    return day


@post(f"{_LIST}/make", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def make(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """Write the letters of the week that is over by hand."""
    made = await letters.make_letters(session, letters.last_week(now), now, actor.station_id)
    said = f"写好了 {made} 封。" if made else "没有新的要写：有事的家都有信了。"
    return see_other(_LIST, said)


@post(f"{_LIST}/print", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def print_out(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """Note that a week's letters are printed; then their sheets."""
    week = _week((await read_form(request)).get("week", ""))
    for letter in await letters.letters_of_week(session, actor.station_id, week):
        await letters.note_told(session, actor, letter, letters.PRINTED, now)
    return see_other(f"/desk/letters.pdf?week={week}")


@get("/desk/letters.pdf", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def sheets(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor], week: FromQuery[str]
) -> Response[bytes]:
    """A week's letters to print, A4, one a page. Raises NotFound for a week without any."""
    found = await letters.letters_of_week(session, actor.station_id, _week(week))
    if not found:
        raise NotFound(f"letters of {week}")
    pdf = await print_letters(await letters.on_paper(session, found))
    headers = {"Content-Disposition": f'inline; filename="letters-{_week(week)}.pdf"'}
    return Response(pdf, media_type="application/pdf", headers=headers)


@get(f"{_LIST}/{{letter_id:int}}", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def show(
    letter_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """A letter as it is read out by telephone."""
    letter = await letters.letter_for(session, actor, letter_id)
    return page("shop/desk_letter.html", letter=letter, sentences=letters.aloud(letter))


@post(f"{_LIST}/{{letter_id:int}}/read", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def read_out(
    letter_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """The family has heard it."""
    letter = await letters.letter_for(session, actor, letter_id)
    await letters.note_told(session, actor, letter, letters.READ_OUT, now)
    return see_other(f"{_LIST}?week={letter.week_on}", f"记下了，{letter.workshop.name}听过了。")


ROUTES: list[ControllerRouterHandler] = [
    letters_page,
    make,
    print_out,
    sheets,
    show,
    read_out,
]
