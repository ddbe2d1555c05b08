"""Work orders at the desk: staff look, and take a step for a family that can not."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ORDER_VIEWERS, WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid, NotFound
from catalog.forms import read_form, read_number
from catalog.interface import faults_as
from catalog.workshops import list_workshops
from shop import routing
from shop.errors import WrongWorkOrderState
from shop.models import WorkOrderState
from shop.orders import phone_for
from shop.routing import CARRIERS, list_work_orders, work_order_for

Typed = Mapping[str, str]

MOST_ROWS = 50
_LIST = "/desk/work-orders"

# What is still to be done by somebody; what waits for its money is not work yet.
_OPEN = (
    WorkOrderState.NEW,
    WorkOrderState.ACCEPTED,
    WorkOrderState.MAKING,
    WorkOrderState.READY,
    WorkOrderState.SHIPPED,
)
_TAPS = {
    "accept": (routing.accept, "接单了。"),
    "start": (routing.start, "记下了，开始做了。"),
    "ready": (routing.ready, "记下了，做好了。"),
    "deliver": (routing.deliver, "记下了，买家签收了。"),
}


@get(_LIST, opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def work_orders_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    in_state: Annotated[str, QueryParameter(name="state")] = "",
    workshop: FromQuery[str] = "",
    before: FromQuery[str] = "",
) -> Template:
    """The station's work orders, newest first; those that are not done, unless asked otherwise."""
    states = (WorkOrderState(in_state),) if in_state in list(WorkOrderState) else _OPEN
    found = await list_work_orders(
        session,
        actor,
        states=None if in_state == "all" else states,
        workshop_id=read_number(workshop),
        before=read_number(before),
        most=MOST_ROWS + 1,
    )
    shown = found[:MOST_ROWS]
    asked = {"state": in_state, "workshop": workshop}
    narrowed = {name: value for name, value in asked.items() if value}
    more = {**narrowed, "before": shown[-1].id} if len(found) > MOST_ROWS else {}
    return page(
        "shop/desk_work_orders.html",
        rows=[(row, routing.next_step(row)) for row in shown],
        states=list(WorkOrderState),
        workshops=await list_workshops(session, actor.station_id, active_only=False),
        asked=asked,
        narrowed=bool(narrowed),
        here=f"{_LIST}?{urlencode({**narrowed, **({'before': before} if before else {})})}",
        first_page=f"?{urlencode(narrowed)}" if before else "",
        next_page=f"?{urlencode(more)}" if more else "",
        may_act=actor.role in WORK_ORDER_DESK,
    )


@get(f"{_LIST}/{{work_order_id:int}}", opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def show_work_order(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """One work order, and what may be done with it."""
    return await _page(session, actor, work_order_id)


@post(
    f"{_LIST}/{{work_order_id:int}}/{{step:str}}",
    opt=allow(WORK_ORDER_DESK),
    include_in_schema=False,
)
async def take_step(
    request: Request[Any, Any, Any],
    work_order_id: FromPath[int],
    step: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """A step that asks nothing; then back to the list, for somebody who works through it."""
    if step not in _TAPS:
        raise NotFound(step)
    typed = await read_form(request)
    take, said = _TAPS[step]
    try:
        async with session.begin_nested():
            await take(session, actor, work_order_id, now)
    except WrongWorkOrderState as error:
        return await _page(session, actor, work_order_id, errors={"": error.text}, status=409)
    back = typed.get("back", "")
    return see_other(back if back.startswith(f"{_LIST}?") else f"{_LIST}/{work_order_id}", said)


async def _ship(
    session: AsyncSession, actor: Actor, work_order_id: int, typed: Typed, now: datetime
) -> str:
    carrier, tracking = typed.get("carrier"), typed.get("tracking")
    await routing.ship(session, actor, work_order_id, carrier, tracking, now)
    return "记下了，已经寄出。买家看得到单号。"


async def _decline(
    session: AsyncSession, actor: Actor, work_order_id: int, typed: Typed, now: datetime
) -> str:
    await routing.decline(session, actor, work_order_id, typed.get("reason"), now)
    return "记下了，钱在退给买家。"


async def _cancel(
    session: AsyncSession, actor: Actor, work_order_id: int, typed: Typed, now: datetime
) -> str:
    """The buyer asked by telephone, before work has begun."""
    with faults_as(reason="cancel_reason"):
        await routing.cancel(session, actor, work_order_id, typed.get("cancel_reason"), now)
    return "取消了，钱在退给买家，现货可以再卖。"


_FORMS = {"ship": _ship, "decline": _decline, "cancel": _cancel}


@post(
    [f"{_LIST}/{{work_order_id:int}}/{step}" for step in _FORMS],
    opt=allow(WORK_ORDER_DESK),
    include_in_schema=False,
)
async def fill_in(
    request: Request[Any, Any, Any],
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """A step that asks something; where money goes back, the page said how much."""
    typed = await read_form(request)
    take = _FORMS[request.url.path.rpartition("/")[2]]
    try:
        async with session.begin_nested():
            said = await take(session, actor, work_order_id, typed, now)
    except Invalid as error:
        return await _page(session, actor, work_order_id, typed, error.errors, status=422)
    except WrongWorkOrderState as error:
        return await _page(session, actor, work_order_id, typed, {"": error.text}, status=409)
    return see_other(f"{_LIST}/{work_order_id}", said)


async def _page(
    session: AsyncSession,
    actor: Actor,
    work_order_id: int,
    typed: Typed | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Template:
    work_order = await work_order_for(session, actor, work_order_id)
    return page(
        "shop/desk_work_order.html",
        status=status,
        work_order=work_order,
        order=work_order.order,
        phone=phone_for(actor, work_order.order.buyer_phone),
        next_step=routing.next_step(work_order),
        may_act=actor.role in WORK_ORDER_DESK,
        may_ship=routing.may_take(work_order, "ship"),
        may_decline=routing.may_take(work_order, "decline"),
        may_cancel=routing.may_take(work_order, "cancel"),
        carriers=[(name, name) for name in CARRIERS],
        form={"carrier": "", "tracking": "", "reason": "", "cancel_reason": "", **(typed or {})},
        errors=errors or {},
    )


ROUTES: list[ControllerRouterHandler] = [
    work_orders_page,
    show_work_order,
    take_step,
    fill_in,
]
