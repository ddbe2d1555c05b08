"""How a family is reached, and who looks after it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import STAFF, WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid
from catalog.forms import read_form
from catalog.workshops import workshop_for
from shop.reach import set_reach
from shop.troubles import owners

_PAGE = "/desk/workshops/{workshop_id:int}/reach"


@get(_PAGE, opt=allow(STAFF), include_in_schema=False)
async def reach_page(
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """By screen, telephone or paper; and whom to ask."""
    return await _page(session, actor, workshop_id)


@post(_PAGE, opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def save(
    request: Request[Any, Any, Any],
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Change either."""
    typed = await read_form(request)
    way, carer = typed.get("reached_by"), typed.get("carer")
    try:
        async with session.begin_nested():
            await set_reach(session, actor, workshop_id, way, carer, now)
    except Invalid as error:
        return await _page(session, actor, workshop_id, typed, error.errors)
    return see_other(f"/desk/workshops/{workshop_id}/reach", "记下了。")


async def _page(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Template:
    workshop = await workshop_for(session, actor, workshop_id)
    kept = {"reached_by": workshop.reached_by, "carer": workshop.carer_id or ""}
    members = await owners(session, actor.station_id)
    return page(
        "shop/desk_reach.html",
        status=422 if errors else 200,
        workshop=workshop,
        carers=[(member.id, member.name) for member in members],
        may_change=actor.role in WORK_ORDER_DESK,
        form={**kept, **(typed or {})},
        errors=errors or {},
    )


ROUTES: list[ControllerRouterHandler] = [reach_page, save]
