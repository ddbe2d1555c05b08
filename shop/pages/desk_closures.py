"""A family's work in hand and its days away, at the desk; and the days on which nobody works."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import closures
from catalog.access import ORDER_VIEWERS, WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.checks import BEIJING, Check
from catalog.errors import Invalid, NotTakenBack
from catalog.forms import read_form
from catalog.models import Closure
from catalog.workshops import list_workshops, workshop_for
from shop import dates, queues
from shop.errors import WrongWorkOrderState
from shop.work_orders import work_order_for

Typed = Mapping[str, str]

_FAMILY = "/desk/workshops/{workshop_id:int}/closures"
_STATION = "/desk/closures"
_FORM = {"begins_on": "", "ends_on": "", "reason": "", "note": ""}


@get(_FAMILY, opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def family_page(
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """What the family has in hand, what it takes on, and when it is away."""
    return await _family(session, actor, workshop_id, now)


@post(_FAMILY, opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def close_family(
    request: Request[Any, Any, Any],
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Days away are noted, or the form again with what was wrong."""
    typed = await read_form(request)
    try:
        async with session.begin_nested():
            await _close(session, actor, workshop_id, typed, now)
    except Invalid as error:
        return await _family(session, actor, workshop_id, now, typed, error.errors)
    return see_other(f"/desk/workshops/{workshop_id}/closures", "记下了，答应的日子会让开这几天。")


@post(f"{_FAMILY}/capacity", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def set_capacity(
    request: Request[Any, Any, Any],
    workshop_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """How much the family takes on at a time."""
    typed = await read_form(request)
    try:
        async with session.begin_nested():
            given = typed.get("capacity_days")
            workshop = await queues.set_capacity(session, actor, workshop_id, given, now)
    except Invalid as error:
        return await _family(session, actor, workshop_id, now, typed, error.errors)
    limit = (
        f"最多同时接 {workshop.capacity_days} 天的活" if workshop.capacity_days else "接多少都行"
    )
    return see_other(f"/desk/workshops/{workshop_id}/closures", f"记下了，{limit}。")


@post(
    "/desk/work-orders/{work_order_id:int}/new-date",
    opt=allow(WORK_ORDER_DESK),
    include_in_schema=False,
)
async def tell_new_date(
    request: Request[Any, Any, Any],
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The buyer of one work order is told another day, and may keep or cancel."""
    typed = await read_form(request)
    work_order = await work_order_for(session, actor, work_order_id)
    field = f"new_on_{work_order_id}"
    try:
        async with session.begin_nested():
            new_on = _day(field, typed)
            await dates.change_date(session, actor, work_order_id, new_on, typed.get("why"), now)
    except (Invalid, WrongWorkOrderState) as error:
        said = error.errors if isinstance(error, Invalid) else {"": error.text}
        found = {{"new_on": field}.get(name, name): text for name, text in said.items()}
        return await _family(session, actor, work_order.workshop_id, now, typed, found)
    return see_other(
        f"/desk/workshops/{work_order.workshop_id}/closures", "告诉买家了。他可以等，也可以取消。"
    )


@post(f"{_FAMILY}/undo/{{change_id:int}}", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def undo_date(
    workshop_id: FromPath[int],
    change_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """The new day was a slip."""
    back = f"/desk/workshops/{workshop_id}/closures"
    try:
        async with session.begin_nested():
            await dates.undo_change(session, actor, change_id, now)
    except NotTakenBack as refusal:
        return see_other(back, refusal.text, kind="warn")
    return see_other(back, "收回了，还是原来的日子，买家也会知道。")


@get(_STATION, opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def station_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """The days on which nobody of the station works, and each family's own."""
    return await _station(session, actor, now)


@post(_STATION, opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def close_station(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """A festival is noted, or the form again with what was wrong."""
    typed = await read_form(request)
    try:
        async with session.begin_nested():
            await _close(session, actor, None, typed, now)
    except Invalid as error:
        return await _station(session, actor, now, typed, error.errors)
    return see_other(_STATION, "记下了，全站的作坊那几天都不做活。")


@post(
    "/desk/closures/{closure_id:int}/take-back",
    opt=allow(WORK_ORDER_DESK),
    include_in_schema=False,
)
async def take_back(
    closure_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """It is over sooner, or was a mistake; back to the page that it stood on."""
    closure = await closures.take_back(session, actor, closure_id, now)
    family = closure.workshop_id
    back = _STATION if family is None else f"/desk/workshops/{family}/closures"
    return see_other(back, "收回了，这几天照常做活。")


def _day(field: str, typed: Typed) -> date:
    """The day in a field. Raises Invalid."""
    check = Check()
    day = check.day(field, typed.get(field), "新的日子")
    check.done()
    assert day is not None
    return day


async def _close(
    session: AsyncSession, actor: Actor, workshop_id: int | None, typed: Typed, now: datetime
) -> Closure:
    begins_on, ends_on, reason, note = (typed.get(field) for field in _FORM)
    return await closures.close(session, actor, workshop_id, begins_on, ends_on, reason, note, now)


async def _family(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int,
    now: datetime,
    typed: Typed | None = None,
    errors: Mapping[str, str] | None = None,
) -> Template:
    workshop = await workshop_for(session, actor, workshop_id)
    today = now.astimezone(BEIJING).date()
    return page(
        "shop/desk_workshop_closures.html",
        status=422 if errors else 200,
        workshop=workshop,
        bench=await queues.bench_of(session, workshop, now),
        closures=await closures.closures_of(session, actor.station_id, workshop.id, today),
        reasons=closures.REASONS,
        today=today,
        may_change=actor.role in WORK_ORDER_DESK,
        form={**_FORM, "capacity_days": workshop.capacity_days or "", "why": "", **(typed or {})},
        errors=errors or {},
    )


async def _station(
    session: AsyncSession,
    actor: Actor,
    now: datetime,
    typed: Typed | None = None,
    errors: Mapping[str, str] | None = None,
) -> Template:
    today = now.astimezone(BEIJING).date()
    return page(
        "shop/desk_closures.html",
        status=422 if errors else 200,
        closures=await closures.closures_of(session, actor.station_id, None, today),
        away=await closures.families_away(session, actor.station_id, today),
        workshops=await list_workshops(session, actor.station_id),
        reasons=closures.REASONS,
        today=today,
        may_change=actor.role in WORK_ORDER_DESK,
        form={**_FORM, "reason": "festival", **(typed or {})},
        errors=errors or {},
    )


ROUTES: list[ControllerRouterHandler] = [
    family_page,
    close_family,
    set_capacity,
    tell_new_date,
    undo_date,
    station_page,
    close_station,
    take_back,
]
