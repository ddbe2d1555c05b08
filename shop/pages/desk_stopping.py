"""A family that stops: what is still open, and the buttons for before and after."""

from datetime import datetime

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import MANAGERS, Actor, allow
from catalog.answers import page, see_other
from catalog.workshops import workshop_for
from shop import stopping
from shop.errors import OpenWork

_PATH = "/desk/workshops/{workshop_id:int}/stop"


@get(_PATH, opt=allow(MANAGERS), include_in_schema=False)
async def stop_page(
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """What is open at the family, and whether it can stop."""
    return await _page(session, actor, workshop_id, now)


@post(_PATH, opt=allow(MANAGERS), include_in_schema=False)
async def stop(
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """It has stopped, or the page with what came in meanwhile."""
    try:
        async with session.begin_nested():
            family = await stopping.stop(session, actor, workshop_id, now)
    except OpenWork as error:
        return await _page(session, actor, workshop_id, now, error.text)
    return see_other(f"/desk/workshops/{workshop_id}", f"{family.name}停了，买家看不到它了。")


@post("/desk/workshops/{workshop_id:int}/no-more", opt=allow(MANAGERS), include_in_schema=False)
async def take_no_more(
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """Everything of it off sale; what was sold goes on."""
    many = await stopping.take_no_more(session, actor, workshop_id, now)
    return see_other(
        f"/desk/workshops/{workshop_id}/stop",
        f"{many} 件作品下架了，不再接新单。手上的活做完就能停。",
    )


@post("/desk/workshops/{workshop_id:int}/go-on", opt=allow(MANAGERS), include_in_schema=False)
async def go_on(
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """It sells again."""
    family = await stopping.go_on(session, actor, workshop_id, now)
    return see_other(f"/desk/workshops/{workshop_id}", f"{family.name}又开了。")


async def _page(
    session: AsyncSession, actor: Actor, workshop_id: int, now: datetime, error: str = ""
) -> Template:
    return page(
        "shop/desk_stop.html",
        status=409 if error else 200,
        workshop=await workshop_for(session, actor, workshop_id),
        left=await stopping.open_work(session, workshop_id, now),
        errors={"": error} if error else {},
    )


ROUTES: list[ControllerRouterHandler] = [stop_page, stop, take_no_more, go_on]
