"""What buyers ask, at the desk: the longest waiting first, each answered with words they read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid, NotFound
from catalog.forms import read_form
from catalog.workshops import station_by_id
from shop import requests
from shop.choices import returnable
from shop.errors import WrongRequestState, WrongWorkOrderState
from shop.models import BuyerRequest, RequestKind
from shop.refund_entries import goods_fen
from shop.today import age_text

_LIST = "/desk/requests"

_ANSWERS = {
    "agree": (requests.agree, "答复了：同意。买家看得到您写的话。"),
    "refuse": (requests.refuse, "答复了：不同意。买家看得到您写的话。"),
}


@get(_LIST, opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def requests_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    closed: FromQuery[str] = "",
) -> Template:
    """What waits for the desk, or what is answered and over."""
    rows = await requests.list_requests(session, actor.station_id, closed=bool(closed))
    return page(
        "shop/desk_requests.html",
        rows=[(row, age_text(now - row.asked_at), _amount_fen(row)) for row in rows],
        closed=bool(closed),
    )


@get(f"{_LIST}/{{request_id:int}}", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def show_request(
    request_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """One request, and what may be answered."""
    return await _page(session, actor, request_id, now)


@post(f"{_LIST}/{{request_id:int}}/arrived", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def arrived(
    request: Request[Any, Any, Any],
    request_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """What was sent back is here; the page said how much goes back to the buyer."""
    typed = await read_form(request)
    try:
        async with session.begin_nested():
            await requests.arrived(session, actor, request_id, "our_fault" in typed, now)
    except WrongRequestState as error:
        return await _page(session, actor, request_id, now, typed, {"": error.text}, status=409)
    return see_other(f"{_LIST}/{request_id}", "记下了：退货到了，钱在退给买家。")


@post(
    f"{_LIST}/{{request_id:int}}/{{answer:str}}",
    opt=allow(WORK_ORDER_DESK),
    include_in_schema=False,
)
async def answer_request(
    request: Request[Any, Any, Any],
    request_id: FromPath[int],
    answer: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Agreed or refused, with words."""
    if answer not in _ANSWERS:
        raise NotFound(answer)
    typed = await read_form(request)
    carry_out, said = _ANSWERS[answer]
    try:
        async with session.begin_nested():
            await carry_out(session, actor, request_id, typed.get("words"), now)
    except Invalid as error:
        # The two forms of the page share a field name; each has its own id.
        errors = {f"{answer}-{name}": text for name, text in error.errors.items()}
        typed = {f"{answer}-words": typed.get("words", "")}
        return await _page(session, actor, request_id, now, typed, errors, status=422)
    except (WrongRequestState, WrongWorkOrderState) as error:
        return await _page(session, actor, request_id, now, {}, {"": error.text}, status=409)
    return see_other(f"{_LIST}/{request_id}", said)


def _amount_fen(request: BuyerRequest) -> int:
    """What goes back when it is agreed to; for a return without postage."""
    part = request.work_order
    if request.kind == RequestKind.CANCEL:
        return part.goods_fen + part.shipping_fen
    return goods_fen(returnable(request.order, part))


async def _page(
    session: AsyncSession,
    actor: Actor,
    request_id: int,
    now: datetime,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Template:
    asked = await requests.request_for(session, actor, request_id)
    station = await station_by_id(session, actor.station_id)
    send_to = f"请寄到：{station.place}{station.name}，电话 {station.phone}。"
    agreed = send_to if asked.kind == RequestKind.RETURN else ""
    return page(
        "shop/desk_request.html",
        status=status,
        asked=asked,
        order=asked.order,
        part=asked.work_order,
        lines=returnable(asked.order, asked.work_order),
        amount_fen=_amount_fen(asked),
        age=age_text(now - asked.asked_at),
        form={"agree-words": agreed, "refuse-words": "", **(typed or {})},
        errors=errors or {},
    )


ROUTES: list[ControllerRouterHandler] = [requests_page, show_request, arrived, answer_request]
