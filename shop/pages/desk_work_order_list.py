"""Work orders at the desk as a list: narrowed, and many taken on at once."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ORDER_VIEWERS, WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.checks import BEIJING
from catalog.forms import read_choices, read_form, read_number
from catalog.workshops import list_workshops
from shop import work_steps
from shop.errors import WrongWorkOrderState
from shop.models import WorkOrder, WorkOrderState
from shop.work_order_list import NOT_SENT, OPEN, WorkOrdersWanted, find_work_orders

_LIST = "/desk/work-orders"
MOST_TICKED = 200
SOON = timedelta(days=3)


def read_wanted(
    actor: Actor, asked: Mapping[str, str], today: date, before: int | None = None
) -> WorkOrdersWanted:
    """What an address asks for; what it can not mean is not asked."""
    state = asked["state"]
    only = (WorkOrderState(state),) if state in list(WorkOrderState) else OPEN
    due = {"late": today - timedelta(days=1), "soon": today + SOON}.get(asked["due"])
    return WorkOrdersWanted(
        station_id=actor.station_id,
        words=asked["q"],
        states=None if state == "all" else only,
        workshop_id=read_number(asked["workshop"]),
        due_by=due,
        here=state == "here",
        before=before,
    )


@get(_LIST, opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def work_orders_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    q: FromQuery[str] = "",
    in_state: Annotated[str, QueryParameter(name="state")] = "",
    workshop: FromQuery[str] = "",
    due: FromQuery[str] = "",
    before: FromQuery[str] = "",
) -> Template:
    """The station's work orders, newest first; those that are not done, unless asked otherwise."""
    asked = {"q": q, "state": in_state, "workshop": workshop, "due": due}
    today = now.astimezone(BEIJING).date()
    wanted = read_wanted(actor, asked, today, read_number(before))
    shown, after = await find_work_orders(session, wanted)
    narrowed = {name: value for name, value in asked.items() if value}
    here = {**narrowed, **({"before": before} if before else {})}
    return page(
        "shop/desk_work_orders.html",
        rows=[(row, work_steps.next_step(row), is_late(row, today)) for row in shown],
        states=list(WorkOrderState),
        workshops=await list_workshops(session, actor.station_id, active_only=False),
        asked=asked,
        narrowed=bool(narrowed),
        here=f"{_LIST}?{urlencode(here)}",
        query=urlencode(narrowed),
        first_page=f"?{urlencode(narrowed)}" if before else "",
        next_page=f"?{urlencode({**narrowed, 'before': after})}" if after else "",
        may_act=actor.role in WORK_ORDER_DESK,
        may_see=actor.sees_phones and actor.role in WORK_ORDER_DESK,
    )


def is_late(work_order: WorkOrder, today: date) -> bool:
    """Whether its promised day is over and it is not sent."""
    promised = work_order.promised_on
    return promised is not None and promised < today and work_order.state in NOT_SENT


@post(f"{_LIST}/deliver", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def deliver_ticked(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """Those ticked have arrived; what is not on its way stays as it was, and is counted."""
    typed, ids = await read_form(request), await ticked_ids(request)
    done = 0
    for work_order_id in sorted(ids):
        try:
            async with session.begin_nested():
                await work_steps.deliver(session, actor, work_order_id, now)
            done += 1
        except WrongWorkOrderState:
            continue
    back = typed.get("back", "")
    said, kind = f"{done} 张工单记为签收。", "ok"
    if done < len(ids):
        said, kind = f"{said}还有 {len(ids) - done} 张没有寄出，没有动。", "warn"
    if not ids:
        said, kind = "先勾上要记的工单。", "warn"
    return see_other(back if back.startswith(f"{_LIST}?") else _LIST, said, kind=kind)


async def ticked_ids(request: Request[Any, Any, Any]) -> list[int]:
    """The work orders whose boxes were ticked, each once."""
    found = [read_number(value) for value in await read_choices(request, "ids")]
    return list(dict.fromkeys(number for number in found if number is not None))[:MOST_TICKED]


ROUTES: list[ControllerRouterHandler] = [work_orders_page, deliver_ticked]
