"""The line for a piece that others hold: joining it, one's place, one's turn."""

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid
from catalog.forms import read_form, read_number
from catalog.models import NOT_YET_SHOWN
from shop.checkout import token_of_hold
from shop.context import Shop
from shop.errors import NoLine
from shop.holds import is_open
from shop.line import WAITS
from shop.models import Waiter, WaiterState
from shop.pages.product import product_page
from shop.product_extras import alike
from shop.product_view import ProductView, Situation, view_by_id, view_in_line
from shop.waiting import before, get_waiter, join_line, leave_line
from shop.web.problems import STATUSES
from shop.web.visit import browser_of

type_request = Request[Any, Any, Any]

# How often the page of who waits looks again by itself, in seconds.
LOOKS_AGAIN = 20


@post("/line", opt=allow(EVERYONE), include_in_schema=False)
async def join(
    request: type_request, shop: NamedDependency[Shop], now: NamedDependency[datetime]
) -> Response[Any] | Redirect:
    """On to the buyer's place, or the product's page again with why there is none."""
    typed = await read_form(request)
    product_id, code = read_number(typed.get("product", "")) or 0, typed.get("link", "")
    phone, browser = typed.get("phone", ""), browser_of(request)
    try:
        async with shop.database.writing.begin() as session:
            waiter = await join_line(session, product_id, code, phone, browser, now)
    except (Invalid, NoLine) as refusal:
        errors = refusal.errors if isinstance(refusal, Invalid) else {"": refusal.text}
        async with shop.database.reading() as session:
            view = await view_by_id(session, product_id, now, code=code)
            status = STATUSES[type(refusal)]
            return await product_page(
                request, session, view, now, phone=phone, errors=errors, status=status
            )
    return see_other(f"/line/{waiter.token}")


@get("/line/{token:str}", opt=allow(EVERYONE), include_in_schema=False)
async def place(
    token: FromPath[str],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Where the buyer stands; their order, when the turn has led to one."""
    waiter = await get_waiter(session, token)
    ordered = await token_of_hold(session, waiter.hold_id) if waiter.hold_id else None
    if ordered is not None:
        return see_other(f"/o/{ordered}")
    code = waiter.link.code if waiter.link else ""
    view = await view_in_line(session, waiter.product_id, now, code=code)
    stage = _stage(waiter, view, now)
    return page(
        "shop/line.html",
        now=now,
        station=view.station,
        view=view,
        waiter=waiter,
        stage=stage,
        has_page=view.state not in NOT_YET_SHOWN,
        # What the hold keeps, not what the page of the product says by now.
        fen=waiter.hold.lines[0].unit_fen if waiter.hold else view.price_fen,
        before=await before(session, waiter, now) if stage == "waiting" else 0,
        until=waiter.created_at + WAITS,
        looks_again=LOOKS_AGAIN,
        alike=await alike(session, view, now) if stage not in ("waiting", "turn") else [],
    )


def _stage(waiter: Waiter, view: ProductView, now: datetime) -> str:
    """What the page has to say: waiting, sold (and waiting all the same), turn, passed or over."""
    if waiter.hold is not None:
        return "turn" if is_open(waiter.hold, now) else "passed"
    if waiter.state == WaiterState.LEFT or waiter.created_at + WAITS <= now:
        return "over"
    return "sold" if view.situation in (Situation.SOLD_OUT, Situation.OFF) else "waiting"


@post("/line/{token:str}/leave", opt=allow(EVERYONE), include_in_schema=False)
async def leave(token: FromPath[str], session: NamedDependency[AsyncSession]) -> Redirect:
    """Out of the line."""
    await leave_line(session, token)
    return see_other(f"/line/{token}")


ROUTES: list[ControllerRouterHandler] = [join, place, leave]
