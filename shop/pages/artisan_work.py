"""What a family has to make, on its phone: one work order at a time, one question a screen."""

from datetime import date, datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ARTISANS, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid, NotFound
from catalog.forms import read_form
from catalog.models import Kind, Station
from catalog.workshops import station_by_id
from shop import routing
from shop.errors import WrongWorkOrderState
from shop.models import WorkOrder, WorkOrderState
from shop.web.problems import STATUSES

MOST_ON_THE_WAY = 10

_S = WorkOrderState
_IN_HAND = (_S.NEW, _S.ACCEPTED, _S.MAKING, _S.READY)
_MAY_DECLINE = (_S.NEW, _S.ACCEPTED)

OTHER_REASON = "other"
_TAPS = {
    "accept": (routing.accept, "好，您接下了。"),
    "start": (routing.start, "记下了，您慢慢做。"),
    "ready": (routing.ready, "好，可以寄了。"),
}


@get("/workshop", opt=allow(ARTISANS), include_in_schema=False)
async def work(session: NamedDependency[AsyncSession], actor: NamedDependency[Actor]) -> Template:
    """What waits for the family: new work first, then what was promised earliest."""
    in_hand = await routing.list_work_orders(session, actor, states=_IN_HAND)
    on_the_way = await routing.list_work_orders(
        session, actor, states=(_S.SHIPPED,), most=MOST_ON_THE_WAY
    )
    return page(
        "shop/artisan_work.html",
        work_orders=sorted(in_hand, key=_urgency),
        new=sum(work_order.state == _S.NEW for work_order in in_hand),
        on_the_way=on_the_way,
        made=_made,
    )


def _urgency(work_order: WorkOrder) -> tuple[bool, date, int]:
    return (work_order.state != _S.NEW, work_order.promised_on or date.min, work_order.id)


def _made(work_order: WorkOrder) -> bool:
    """Whether anything in it is carved first; the rest is there and only packed."""
    return any(line.product.kind == Kind.MADE_TO_ORDER for line in work_order.lines)


@get("/workshop/work-orders/{work_order_id:int}", opt=allow(ARTISANS), include_in_schema=False)
async def show(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """The one question that this work order asks now."""
    return _show(await routing.work_order_for(session, actor, work_order_id), {})


def _show(work_order: WorkOrder, errors: dict[str, str], status: int = 200) -> Template:
    return page(
        "shop/artisan_work_order.html",
        status=status,
        work_order=work_order,
        made=_made(work_order),
        errors=errors,
    )


@post(
    "/workshop/work-orders/{work_order_id:int}/{step:str}",
    opt=allow(ARTISANS),
    include_in_schema=False,
)
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
        return await _refused(session, actor, work_order_id, error)
    return see_other(f"/workshop/work-orders/{work_order_id}", said)


async def _refused(
    session: AsyncSession, actor: Actor, work_order_id: int, error: WrongWorkOrderState
) -> Template:
    """The page as it stands now, with why the step can not be taken."""
    work_order = await routing.work_order_for(session, actor, work_order_id)
    return _show(work_order, {"": error.text}, STATUSES[type(error)])


@get("/workshop/work-orders/{work_order_id:int}/ship", opt=allow(ARTISANS), include_in_schema=False)
async def ship_page(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template | Redirect:
    """Which carrier took the parcel, under which number."""
    work_order = await routing.work_order_for(session, actor, work_order_id)
    if work_order.state != _S.READY:
        return see_other(f"/workshop/work-orders/{work_order_id}")
    return _ship_form(work_order, {}, {})


@post(
    "/workshop/work-orders/{work_order_id:int}/ship", opt=allow(ARTISANS), include_in_schema=False
)
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
            await routing.ship(session, actor, work_order_id, carrier, tracking, now)
    except Invalid as error:
        work_order = await routing.work_order_for(session, actor, work_order_id)
        return _ship_form(work_order, typed, error.errors)
    except WrongWorkOrderState as error:
        return await _refused(session, actor, work_order_id, error)
    return see_other(f"/workshop/work-orders/{work_order_id}", "寄出了，单号也告诉买家了。")


def _ship_form(work_order: WorkOrder, typed: dict[str, str], errors: dict[str, str]) -> Template:
    return page(
        "shop/artisan_ship.html",
        status=422 if errors else 200,
        work_order=work_order,
        form={"carrier": "", "tracking": "", **typed},
        errors=errors,
        carriers=[(name, name) for name in routing.CARRIERS],
    )


@get(
    "/workshop/work-orders/{work_order_id:int}/decline",
    opt=allow(ARTISANS),
    include_in_schema=False,
)
async def decline_page(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template | Redirect:
    """Why not, and what will happen then."""
    work_order = await routing.work_order_for(session, actor, work_order_id)
    if work_order.state not in _MAY_DECLINE:
        return see_other(f"/workshop/work-orders/{work_order_id}")
    station = await station_by_id(session, actor.station_id)
    return _decline_form(work_order, station, {}, {})


@post(
    "/workshop/work-orders/{work_order_id:int}/decline",
    opt=allow(ARTISANS),
    include_in_schema=False,
)
async def decline(
    work_order_id: FromPath[int],
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The work is given up and the buyer's money goes back."""
    typed = await read_form(request)
    reason = typed.get("reason")
    try:
        async with session.begin_nested():
            why = typed.get("other") if reason == OTHER_REASON else reason
            await routing.decline(session, actor, work_order_id, why, now)
    except Invalid as error:
        work_order = await routing.work_order_for(session, actor, work_order_id)
        station = await station_by_id(session, actor.station_id)
        return _decline_form(work_order, station, typed, error.errors)
    except WrongWorkOrderState as error:
        return await _refused(session, actor, work_order_id, error)
    return see_other(f"/workshop/work-orders/{work_order_id}", "知道了，这一单您不用管了。")


def _decline_form(
    work_order: WorkOrder, station: Station, typed: dict[str, str], errors: dict[str, str]
) -> Template:
    return page(
        "shop/artisan_decline.html",
        status=422 if errors else 200,
        work_order=work_order,
        made=_made(work_order),
        phone=station.phone,
        form={"reason": "", "other": "", **typed},
        errors=errors,
        other_reason=OTHER_REASON,
    )


ROUTES: list[ControllerRouterHandler] = [
    work,
    show,
    take_step,
    ship_page,
    ship,
    decline_page,
    decline,
]
