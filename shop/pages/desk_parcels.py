"""Parcels at the desk: many sent at once, and one corrected."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid
from catalog.forms import read_choices, read_file, read_form
from shop import parcels
from shop.bulk_shipping import MOST_LINES, Line, decoded, read_lines, send_lines
from shop.carriers import CARRIERS
from shop.errors import WrongWorkOrderState
from shop.pages.desk_work_order_list import ticked_ids
from shop.work_order_list import ticked
from shop.work_orders import work_order_for
from shop.work_steps import may_take

type_request = Request[Any, Any, Any]

_PAGE = "/desk/parcels"
_ONE = "/desk/work-orders/{work_order_id:int}/parcel"


@get(_PAGE, opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def parcels_page() -> Template:
    """An empty box for lines."""
    return _box("")


@post(_PAGE, opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def many(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Look at the lines, or send those that are right; ticked work orders become lines to fill."""
    typed, ids = await read_form(request), await ticked_ids(request)
    if ids:
        waiting = [row for row in await ticked(session, actor, ids) if may_take(row, "ship")]
        return _box("".join(f"{row.id},邮政快递,\n" for row in reversed(waiting)))
    file = await read_file(request, "file")
    text = decoded(file) if file else typed.get("text", "")
    try:
        lines = await read_lines(session, actor, text)
    except Invalid as error:
        return _box(text, errors=error.errors)
    if "send" not in typed:
        return _box(text, lines, {} if lines else {"text": "还没有写，一行一个包裹。"})
    sure = await read_choices(request, "sure")
    sent, left = await send_lines(session, actor, lines, sure, now)
    if not left:
        return see_other(
            "/desk/work-orders?state=shipped", f"寄出了 {sent} 个包裹，买家看得到单号。"
        )
    rest = "\n".join(line.typed for line in left)
    return _box(rest, await read_lines(session, actor, rest), sent=sent)


def _box(
    text: str,
    lines: list[Line] | None = None,
    errors: Mapping[str, str] | None = None,
    sent: int = 0,
) -> Template:
    return page(
        "shop/desk_parcels.html",
        status=422 if errors else 200,
        text=text,
        lines=lines or [],
        ready=sum(not line.problem and not line.done for line in lines or []),
        sent=sent,
        carriers=CARRIERS,
        most=MOST_LINES,
        errors=errors or {},
    )


@get(_ONE, opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def parcel_page(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """Carrier and number of one parcel, to be put right."""
    return await _one(session, actor, work_order_id)


@post(_ONE, opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def correct(
    request: type_request,
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The parcel has another number, or another carrier took it."""
    typed = await read_form(request)
    carrier, tracking, sure = typed.get("carrier"), typed.get("tracking"), "sure" in typed
    try:
        async with session.begin_nested():
            await parcels.correct(session, actor, work_order_id, carrier, tracking, sure, now)
    except Invalid as error:
        return await _one(session, actor, work_order_id, typed, error.errors, 422)
    except WrongWorkOrderState as error:
        return await _one(session, actor, work_order_id, typed, {"": error.text}, 409)
    return see_other(f"/desk/work-orders/{work_order_id}", "改好了，买家看到的是新单号。")


async def _one(
    session: AsyncSession,
    actor: Actor,
    work_order_id: int,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Template:
    work_order = await work_order_for(session, actor, work_order_id)
    stands = {"carrier": work_order.carrier, "tracking": work_order.tracking}
    return page(
        "shop/desk_parcel.html",
        status=status,
        work_order=work_order,
        carriers=[(name, name) for name in CARRIERS],
        form={**stands, **(typed or {})},
        errors=errors or {},
    )


ROUTES: list[ControllerRouterHandler] = [parcels_page, many, parcel_page, correct]
