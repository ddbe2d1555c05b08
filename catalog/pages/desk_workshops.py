"""Workshops at the desk: staff look, managers change. What a family earned is no matter of here."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import workshops
from catalog.access import CATALOG_EDITORS, MANAGERS, STAFF, Actor, allow
from catalog.answers import page, see_other
from catalog.checks import BEIJING
from catalog.errors import Invalid
from catalog.forms import read_form
from catalog.models import Workshop
from catalog.onboarded import standings
from catalog.words import PAY_WAYS
from catalog.workshops import PayWay, list_workshops, workshop_for

_EMPTY = {
    "name": "",
    "village": "",
    "craft": "",
    "phone": "",
    "makers": "",
    "pay_way": PayWay.CASH.value,
    "pay_to": "",
}


@get("/desk/workshops", opt=allow(STAFF), include_in_schema=False)
async def workshops_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """All families of the station, those that have stopped too, with how their checks stand."""
    families = await list_workshops(session, actor.station_id, active_only=False)
    today = now.astimezone(BEIJING).date()
    return page(
        "catalog/desk_workshops.html",
        workshops=families,
        checks=await standings(session, [family.id for family in families], today),
        may_change=actor.role in MANAGERS,
    )


@get("/desk/workshops/new", opt=allow(MANAGERS), include_in_schema=False, sync_to_thread=False)
def new_workshop_page(actor: NamedDependency[Actor]) -> Template:
    """An empty form."""
    return _form(actor, None, _EMPTY, {})


@post("/desk/workshops/new", opt=allow(MANAGERS), include_in_schema=False)
async def add_workshop(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """On to the new workshop, or the form again with what was wrong."""
    typed = await _typed(request)
    try:
        async with session.begin_nested():
            workshop = await workshops.add_workshop(session, actor, typed, now)
    except Invalid as error:
        return _form(actor, None, typed, error.errors)
    return see_other(f"/desk/workshops/{workshop.id}", "已保存。")


@get("/desk/workshops/{workshop_id:int}", opt=allow(STAFF), include_in_schema=False)
async def show_workshop(
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """One family: a form for managers, facts for all others."""
    workshop = await workshop_for(session, actor, workshop_id)
    return _form(actor, workshop, _facts(workshop), {})


@post("/desk/workshops/{workshop_id:int}", opt=allow(MANAGERS), include_in_schema=False)
async def change_workshop(
    request: Request[Any, Any, Any],
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The page again, saved or with what was wrong."""
    typed = await _typed(request)
    try:
        async with session.begin_nested():
            await workshops.change_workshop(session, actor, workshop_id, typed, now)
    except Invalid as error:
        workshop = await workshop_for(session, actor, workshop_id)
        return _form(actor, workshop, typed, error.errors)
    return see_other(f"/desk/workshops/{workshop_id}", "已保存。")


async def _typed(request: Request[Any, Any, Any]) -> dict[str, str]:
    # Whether a family sells is decided on a page of its own (`shop.stopping`), whatever is sent.
    typed = {**_EMPTY, **await read_form(request)}
    typed.pop("active", None)
    return typed


def _facts(workshop: Workshop) -> dict[str, Any]:
    makers = (f"{maker.name}：{maker.about}".rstrip("：") for maker in workshop.makers)
    facts = {field: getattr(workshop, field) for field in _EMPTY if field != "makers"}
    return {**facts, "makers": "\n".join(makers)}


def _form(
    actor: Actor, workshop: Workshop | None, form: Mapping[str, Any], errors: Mapping[str, str]
) -> Template:
    return page(
        "catalog/desk_workshop.html",
        status=422 if errors else 200,
        workshop=workshop,
        form=form,
        errors=errors,
        pay_ways=PAY_WAYS.items(),
        may_change=actor.role in MANAGERS,
        may_see_products=actor.role in CATALOG_EDITORS,
    )


ROUTES: list[ControllerRouterHandler] = [
    workshops_page,
    new_workshop_page,
    add_workshop,
    show_workshop,
    change_workshop,
]
