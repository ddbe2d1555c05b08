"""The checklist of a show: what the program sees, and what people tick."""

from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import CATALOG_EDITORS, SHOW_EDITORS, SHOW_VIEWERS, Actor, allow
from catalog.answers import page, see_other
from catalog.forms import read_form
from live.checklist import faults, points, tick, untick
from live.errors import WrongShowState
from live.shows import OPEN, lock_show, show_for, span_text


@get("/desk/shows/{show_id:int}/checklist", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def checklist_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template:
    """All points of a show, what is missing, and who ticked what."""
    return await _page(session, actor, show_id, now)


@post("/desk/shows/{show_id:int}/checklist", opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def change_checklist(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Template | Redirect:
    """Tick a point or take a tick back; then the page where it was pressed."""
    typed = await read_form(request)
    show = await lock_show(session, actor, show_id)
    try:
        if "untick" in typed:
            await untick(session, actor, show, typed["untick"], now)
        else:
            await tick(session, actor, show, typed.get("tick", ""), now)
    except WrongShowState as refusal:
        await session.rollback()
        return await _page(session, actor, show_id, now, refusal)
    return see_other(f"/desk/shows/{show_id}/checklist")


async def _page(
    session: AsyncSession,
    actor: Actor,
    show_id: int,
    now: datetime,
    refusal: WrongShowState | None = None,
) -> Template:
    show = await show_for(session, actor, show_id)
    found = await points(session, show, now)
    return page(
        "live/checklist.html",
        status=200 if refusal is None else 409,
        errors={"": refusal.text} if refusal else {},
        show=show,
        when=span_text(show),
        points=found,
        open_points=faults(found),
        may_tick=actor.role in CATALOG_EDITORS and show.state in OPEN,
        may_edit=actor.role in SHOW_EDITORS,
    )


ROUTES: list[ControllerRouterHandler] = [checklist_page, change_checklist]
