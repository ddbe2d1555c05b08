"""Members at the desk: who may sign in, and as what."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import people
from catalog.access import MANAGERS, ORDER_VIEWERS, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid
from catalog.forms import read_form
from catalog.people import STATION_ROLES, list_members
from catalog.workshops import list_workshops

_EMPTY = {"name": "", "role": "", "workshop_id": "", "login": ""}


@get("/desk/people", opt=allow(MANAGERS), include_in_schema=False)
async def people_page(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> Template:
    """Everyone of the station, and a form for one more."""
    return await _page(session, actor, {}, {})


@post("/desk/people", opt=allow(MANAGERS), include_in_schema=False)
async def add_member(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The page again, with the new member or with what was wrong. A password is never shown."""
    typed = await read_form(request)
    try:
        async with session.begin_nested():
            member = await people.add_member(session, actor, typed, now)
    except Invalid as error:
        return await _page(session, actor, typed, error.errors)
    return see_other("/desk/people", f"{member.name}现在可以登录了。")


@post("/desk/people/{member_id:int}/active", opt=allow(MANAGERS), include_in_schema=False)
async def set_active(
    request: Request[Any, Any, Any],
    member_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Let somebody sign in again, or no more; nobody locks themselves out."""
    active = (await read_form(request)).get("active") == "1"
    try:
        async with session.begin_nested():
            member = await people.set_active(session, actor, member_id, active, now)
    except Invalid as error:
        return await _page(session, actor, {}, {"": error.errors["active"]})
    done = "又可以登录了" if active else "不能再登录了"
    return see_other("/desk/people", f"{member.name}{done}。")


@post("/desk/people/{member_id:int}/phones", opt=allow(MANAGERS), include_in_schema=False)
async def set_sees_phones(
    request: Request[Any, Any, Any],
    member_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """Let somebody look at buyers' numbers, or no more."""
    sees = (await read_form(request)).get("sees") == "1"
    member = await people.set_sees_phones(session, actor, member_id, sees, now)
    done = "能看买家的号码了，每看一次都会记下" if sees else "不能再看买家的号码了"
    return see_other("/desk/people", f"{member.name}{done}。")


async def _page(
    session: AsyncSession, actor: Actor, typed: Mapping[str, str], errors: Mapping[str, str]
) -> Template:
    families = await list_workshops(session, actor.station_id)
    return page(
        "catalog/desk_people.html",
        status=422 if errors else 200,
        members=await list_members(session, actor.station_id),
        own_id=actor.member_id,
        role_names=STATION_ROLES,
        order_viewers=ORDER_VIEWERS,
        workshops=[(family.id, family.name) for family in families],
        form={**_EMPTY, **typed},
        errors=errors,
    )


ROUTES: list[ControllerRouterHandler] = [
    people_page,
    add_member,
    set_active,
    set_sees_phones,
]
