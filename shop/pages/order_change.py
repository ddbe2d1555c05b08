"""A buyer's change of mind: asked once more on a page of its own, then done.

By the token in the address and nothing else; money only ever goes back the way it came.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid, NotFound, Refusal
from catalog.forms import read_form, read_number
from catalog.workshops import station_by_id
from shop import requests
from shop.cancelling import cancel
from shop.checkout import get_pictured_order
from shop.choices import Choice
from shop.context import Shop
from shop.errors import PaymentNotClosed, WrongOrderState, WrongRequestState, WrongWorkOrderState
from shop.models import Order, OrderState, RequestKind, WorkOrder
from shop.return_window import RETURN_DAYS

_REFUSALS = (PaymentNotClosed, WrongOrderState, WrongRequestState, WrongWorkOrderState)
_SAID = {
    RequestKind.CANCEL: "申请交给社工站了。答复会写在这一页上。",
    RequestKind.RETURN: "退货申请交给社工站了。先不要寄，等社工站在这一页上告诉您寄到哪里。",
}


@get("/o/{token:str}/change", opt=allow(EVERYONE), include_in_schema=False)
async def confirm(
    token: FromPath[str],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
    part: FromQuery[str] = "",
) -> Template | Redirect:
    """What will happen, before it does: for one work order, or for an order not yet paid."""
    return await _page(session, token, part, now)


@post("/o/{token:str}/cancel", opt=allow(EVERYONE), include_in_schema=False)
async def cancel_now(
    request: Request[Any, Any, Any],
    token: FromPath[str],
    shop: NamedDependency[Shop],
    now: NamedDependency[datetime],
) -> Redirect:
    """Cancelled at once. Takes no session: none may be open while the gateway is asked."""
    typed = await read_form(request)
    part = read_number(typed.get("part", ""))
    if typed.get("part") and part is None:
        raise NotFound("work order")
    try:
        order = await cancel(shop, token, part, now)
    except _REFUSALS as refusal:
        return _back(token, refusal)
    paid = order.paid_at is not None
    return see_other(f"/o/{token}", "取消了，钱在退给您。" if paid else "取消了，没有收您的钱。")


@post("/o/{token:str}/ask", opt=allow(EVERYONE), include_in_schema=False)
async def ask(
    request: Request[Any, Any, Any],
    token: FromPath[str],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The desk is asked."""
    typed = await read_form(request)
    part = read_number(typed.get("part", ""))
    try:
        async with session.begin_nested():
            asked = await requests.ask(
                session, token, part or 0, typed.get("kind"), typed.get("reason"), now
            )
    except Invalid as error:
        return await _page(session, token, typed.get("part", ""), now, typed, error.errors)
    except _REFUSALS as refusal:
        return _back(token, refusal)
    return see_other(f"/o/{token}", _SAID[asked.kind])


@post("/o/{token:str}/withdraw", opt=allow(EVERYONE), include_in_schema=False)
async def withdraw(
    request: Request[Any, Any, Any],
    token: FromPath[str],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> Redirect:
    """The buyer keeps it after all."""
    typed = await read_form(request)
    try:
        async with session.begin_nested():
            number = read_number(typed.get("request", ""))
            await requests.withdraw(session, token, number or 0, now)
    except WrongRequestState as refusal:
        return _back(token, refusal)
    return see_other(f"/o/{token}", "撤回了，一切照旧。")


def _back(token: str, refusal: Refusal) -> Redirect:
    return see_other(f"/o/{token}", refusal.text, kind="warn")


async def _page(
    session: AsyncSession,
    token: str,
    part_id: str,
    now: datetime,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Template | Redirect:
    order = await get_pictured_order(session, token)
    part = _part(order, part_id)
    possible = None if part is None else (await requests.choices_of(session, order, now))[part.id]
    if not _still_possible(order, possible):
        return see_other(f"/o/{token}")
    return page(
        "shop/order_change.html",
        status=422 if errors else 200,
        station=await station_by_id(session, order.station_id),
        order=order,
        part=part,
        choice=possible,
        return_days=RETURN_DAYS,
        form={"reason": "", **(typed or {})},
        errors=errors or {},
    )


def _part(order: Order, part_id: str) -> WorkOrder | None:
    if not part_id:
        return None
    found = next((part for part in order.work_orders if str(part.id) == part_id), None)
    if found is None:
        raise NotFound("work order")
    return found


def _still_possible(order: Order, possible: Choice | None) -> bool:
    if possible is None:
        return order.state == OrderState.UNPAID
    return possible.kind is not None


ROUTES: list[ControllerRouterHandler] = [confirm, cancel_now, ask, withdraw]
