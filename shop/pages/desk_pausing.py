"""The console's button that stops the clocks of a show's holds, and lets them run again."""

from datetime import datetime

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ON_AIR, Actor, allow
from catalog.answers import see_other
from shop.pausing import pause_holds, resume_holds


@post("/desk/shows/{show_id:int}/pause", opt=allow(ON_AIR), include_in_schema=False)
async def pause(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Redirect:
    """The clocks stand; back to the console, which says so."""
    await pause_holds(session, actor, show_id, now)
    return see_other(f"/desk/shows/{show_id}/console")


@post("/desk/shows/{show_id:int}/resume", opt=allow(ON_AIR), include_in_schema=False)
async def resume(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Redirect:
    """The clocks run again; back to the console."""
    await resume_holds(session, actor, show_id, now)
    return see_other(f"/desk/shows/{show_id}/console")


ROUTES: list[ControllerRouterHandler] = [pause, resume]
