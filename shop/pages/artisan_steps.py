"""What a family answers on its phone: it takes the work, has begun, is done, has sent it, or can not."""

from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ARTISANS, Actor, allow
from catalog.answers import page, see_other
from catalog.checks import Check
from catalog.errors import Invalid, NotFound, NotTakenBack
from catalog.forms import read_form
from shop import parcels, work_orders, work_steps
from shop.carriers import CARRIERS
from shop.errors import WrongWorkOrderState
from shop.models import WorkOrder, WorkOrderState
from shop.pages.artisan_work import WORK_ORDER, is_made, work_order_page
from shop.undo import undo_step

OTHER_REASON = "other"
_TAPS = {
    "accept": (work_steps.accept, "好，您接下了。"),
    "start": (work_steps.start, "记下了，您慢慢做。"),
    "ready": (work_steps.ready, "好，可以寄了。"),
}
_UNDONE = {
    "accept": "收回了，这一单还等您回话。",
    "start": "收回了，还没动手。",
    "ready": "收回了，还没做好。",
}


@post(f"{WORK_ORDER}/{{step:str}}", opt=allow(ARTISANS), include_in_schema=False)
async def take_step(
    work_order_id: FromPath[int],
    step: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """A step that asks nothing: the family takes the work, begins, or is done."""
    if step not in _TAPS:
        raise NotFound(step)
    take, said = _TAPS[step]
    try:
        async with session.begin_nested():
            await take(session, actor, work_order_id, now)
    except WrongWorkOrderState as error:
        return await work_order_page(session, actor, work_order_id, now, error)
    return _back(work_order_id, said)


@post(f"{WORK_ORDER}/undo/{{step:str}}", opt=allow(ARTISANS), include_in_schema=False)
async def take_back(
    work_order_id: FromPath[int],
    step: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The last tap was a mistake."""
    try:
        async with session.begin_nested():
            await undo_step(session, actor, work_order_id, step, now)
    except (WrongWorkOrderState, NotTakenBack) as error:
        return await work_order_page(session, actor, work_order_id, now, error)
    return _back(work_order_id, _UNDONE[step])


def _back(work_order_id: int, said: str = "") -> Redirect:
    return see_other(f"/workshop/work-orders/{work_order_id}", said)


@get(f"{WORK_ORDER}/ship", opt=allow(ARTISANS), include_in_schema=False)
async def ship_page(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template | Redirect:
    """Which carrier took the parcel, under which number."""
    work_order = await work_orders.work_order_for(session, actor, work_order_id)
    if work_order.state != WorkOrderState.READY:
        return _back(work_order_id)
    return _ship_form(work_order, {}, {})


@post(f"{WORK_ORDER}/ship", opt=allow(ARTISANS), include_in_schema=False)
async def ship(
    work_order_id: FromPath[int],
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The parcel is on its way."""
    typed = await read_form(request)
    carrier, tracking = typed.get("carrier"), typed.get("tracking")
    try:
        async with session.begin_nested():
            await parcels.send(
                session, actor, work_order_id, carrier, tracking, "sure" in typed, now
            )
    except Invalid as error:
        work_order = await work_orders.work_order_for(session, actor, work_order_id)
        return _ship_form(work_order, typed, error.errors)
    except WrongWorkOrderState as error:
        return await work_order_page(session, actor, work_order_id, now, error)
    return _back(work_order_id, "寄出了，单号也告诉买家了。")


def _ship_form(work_order: WorkOrder, typed: dict[str, str], errors: dict[str, str]) -> Template:
    return page(
        "shop/artisan_ship.html",
        status=422 if errors else 200,
        work_order=work_order,
        form={"carrier": "", "tracking": "", **typed},
        errors=errors,
        carriers=[(name, name) for name in CARRIERS],
    )


@get(f"{WORK_ORDER}/decline", opt=allow(ARTISANS), include_in_schema=False)
async def decline_page(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template | Redirect:
    """Why not."""
    work_order = await work_orders.work_order_for(session, actor, work_order_id)
    if not work_steps.may_take(work_order, "decline"):
        return _back(work_order_id)
    return _decline_form(work_order, "", {})


@post(f"{WORK_ORDER}/decline", opt=allow(ARTISANS), include_in_schema=False)
async def decline(
    work_order_id: FromPath[int],
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Asked once more, with what will happen; then the work is given up and the money goes back."""
    typed = await read_form(request)
    work_order = await work_orders.work_order_for(session, actor, work_order_id)
    try:
        why = read_why(typed)
        if "sure" not in typed and work_steps.may_take(work_order, "decline"):
            return _ask_again(work_order, why)
        async with session.begin_nested():
            await work_steps.decline(session, actor, work_order_id, why, now)
    except Invalid as error:
        return _decline_form(work_order, typed.get("other", ""), error.errors)
    except WrongWorkOrderState as error:
        return await work_order_page(session, actor, work_order_id, now, error)
    return _back(work_order_id, "知道了，这一单您不用管了。")


def read_why(typed: dict[str, str]) -> str:
    """The reason tapped, or the one typed. Raises Invalid for "other"."""
    if typed.get("reason") not in (None, OTHER_REASON):
        return typed["reason"]
    check = Check()
    why = check.text("other", typed.get("other"), "原因", most=200)
    check.done()
    return why


def _decline_form(work_order: WorkOrder, other: str, errors: dict[str, str]) -> Template:
    return page(
        "shop/artisan_decline.html",
        status=422 if errors else 200,
        work_order=work_order,
        made=is_made(work_order),
        other=other,
        errors=errors,
        other_reason=OTHER_REASON,
    )


def _ask_again(work_order: WorkOrder, why: str) -> Template:
    return page(
        "shop/artisan_decline_sure.html", work_order=work_order, made=is_made(work_order), why=why
    )


ROUTES: list[ControllerRouterHandler] = [
    take_step,
    take_back,
    ship_page,
    ship,
    decline_page,
    decline,
]
