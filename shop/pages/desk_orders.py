"""Orders at the desk: searched, and opened with all that belongs to one."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ORDER_VIEWERS, WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.forms import read_number
from shop.context import Shop
from shop.models import OrderState, PaymentState
from shop.orders import (
    OrdersWanted,
    find_orders,
    history_of,
    order_for,
    postings_of,
)
from shop.paying import look_at_payment
from shop.payments.gateway import GatewayRefused, GatewayUnavailable
from shop.refund_window import AFTER_PROMISE, order_verdicts
from shop.requests import requests_of

_SAID = {
    OrderState.UNPAID: ("warn", "问过了：买家还没有付款。"),
    OrderState.EXPIRED: ("warn", "问过了：没有付款，时间过了，作品已经放回去。"),
}
_NO_ANSWER = "付款服务暂时没有应答，什么都没有变。过一会儿再看一下。"


def read_wanted(actor: Actor, asked: Mapping[str, str], before: int | None = None) -> OrdersWanted:
    """What an address asks for; what it can not mean is not asked."""
    state = asked["state"]
    return OrdersWanted(
        station_id=actor.station_id,
        words=asked["q"],
        state=OrderState(state) if state in list(OrderState) else None,
        day=_read_day(asked["day"]),
        before=before,
    )


@get("/desk/orders", opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def orders_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    q: FromQuery[str] = "",
    in_state: Annotated[str, QueryParameter(name="state")] = "",
    day: FromQuery[str] = "",
    before: FromQuery[str] = "",
) -> Template:
    """The station's orders, newest first, narrowed to what was asked for."""
    asked = {"q": q, "state": in_state, "day": day}
    found, after = await find_orders(session, read_wanted(actor, asked, read_number(before)))
    narrowed = {name: value for name, value in asked.items() if value}
    return page(
        "shop/desk_orders.html",
        orders=found,
        states=list(OrderState),
        asked=asked,
        narrowed=bool(narrowed),
        query=urlencode(narrowed),
        may_see=actor.sees_phones and actor.role in WORK_ORDER_DESK,
        first_page=f"?{urlencode(narrowed)}" if before else "",
        next_page=f"?{urlencode({**narrowed, 'before': after})}" if after else "",
    )


@get("/desk/orders/{code:str}", opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def show_order(
    code: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """Everything of one order: buyer, parcels, money, ledger, who did what."""
    return await _page(session, actor, code)


@post("/desk/orders/{code:str}/settle", opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def settle_order(
    code: FromPath[str],
    actor: NamedDependency[Actor],
    shop: NamedDependency[Shop],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Ask the gateway now instead of waiting to be told.

    Takes no session of its own: none may be open while another machine is asked.
    """
    async with shop.database.reading() as session:
        order = await order_for(session, actor, code)
    path = f"/desk/orders/{order.code}"
    waiting = [payment for payment in order.payments if payment.state == PaymentState.OPEN]
    if not waiting:
        return see_other(path, "这笔订单没有在等的付款。", kind="warn")
    try:
        for payment in waiting:
            stands = await look_at_payment(shop, payment.id, now)
    except (GatewayUnavailable, GatewayRefused):
        async with shop.database.reading() as session:
            return await _page(session, actor, code, {"": _NO_ANSWER}, status=503)
    kind, said = _SAID.get(stands, ("ok", "问过了：钱已经到了。"))
    return see_other(path, said, kind=kind)


async def _page(
    session: AsyncSession,
    actor: Actor,
    code: str,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Template:
    order = await order_for(session, actor, code)
    context: dict[str, Any] = {
        "order": order,
        "families": {part.workshop_id: part.workshop.name for part in order.work_orders},
        "postings": await postings_of(session, order),
        "history": await history_of(session, order),
        "requests": await requests_of(session, order.id),
        "may_answer": actor.role in WORK_ORDER_DESK,
        "waiting": any(payment.state == PaymentState.OPEN for payment in order.payments),
        "risks": order_verdicts(order.work_orders, order.payments),
        "after_promise": AFTER_PROMISE,
    }
    return page("shop/desk_order.html", status=status, errors=errors or {}, **context)


def _read_day(typed: str) -> date | None:
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return None
    # Near the calendar's ends a day has no beginning or end in another time zone.
    return day if 2000 <= day.year <= 2100 else None


ROUTES: list[ControllerRouterHandler] = [orders_page, show_order, settle_order]
