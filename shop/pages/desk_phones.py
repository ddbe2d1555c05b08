"""A buyer's whole number at the desk: asked for by a press, shown on a page of its own."""

from datetime import datetime
from typing import Any

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ORDER_VIEWERS, Actor, allow
from catalog.answers import page
from catalog.forms import read_form
from shop import phones
from shop.orders import order_for

type_request = Request[Any, Any, Any]


@post("/desk/orders/{code:str}/phone", opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def order_phone(
    request: type_request,
    code: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """The number of an order's buyer."""
    order = await order_for(session, actor, code)
    number = phones.see_order_phone(session, actor, order, now)
    return await _shown(request, number, order.buyer_name, f"订单 {order.code}")


@post("/desk/notices/{notice_id:int}/phone", opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def notice_phone(
    request: type_request,
    notice_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """The number of a buyer who is to be called, with what to tell."""
    notice = await phones.see_notice_phone(session, actor, notice_id, now)
    who = "等着买的人" if notice.waiter_id else "买家"
    return await _shown(request, notice.phone, who, notice.text)


async def _shown(request: type_request, number: str, who: str, about: str) -> Template:
    back = (await read_form(request)).get("back", "")
    return page(
        "shop/desk_phone.html",
        number=number,
        who=who,
        about=about,
        back=back if back.startswith("/desk") else "/desk",
    )


ROUTES: list[ControllerRouterHandler] = [order_phone, notice_phone]
