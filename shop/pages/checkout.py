"""From held pieces to the gateway: who gets them, where they go, what it costs."""

from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid
from catalog.forms import read_form
from catalog.words import yuan
from catalog.workshops import station_by_id
from shop import shipping
from shop.buying import order_pieces
from shop.cart import way_back
from shop.checkout import OrderRequest, order_of_hold, read_buyer
from shop.context import Shop
from shop.errors import HoldExpired
from shop.holds import get_hold, must_be_open, release_hold
from shop.models import Hold, HoldState
from shop.pages.order import to_payment
from shop.web.problems import STATUSES
from shop.web.visit import browser_of

type_request = Request[Any, Any, Any]

BLANK = dict.fromkeys(("name", "phone", "province", "city", "district", "detail"), "")


@get("/checkout/{token:str}", opt=allow(EVERYONE), include_in_schema=False)
async def checkout(
    token: FromPath[str], session: NamedDependency[AsyncSession], now: NamedDependency[datetime]
) -> Template | Redirect:
    """The form for what is held; the order, when there is one already."""
    return await _answer(session, token, now, {}, {})


@post("/checkout/{token:str}", opt=allow(EVERYONE), include_in_schema=False)
async def place(
    request: type_request,
    token: FromPath[str],
    shop: NamedDependency[Shop],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """On to where the order is paid. A form that is sent twice finds the same order."""
    typed = await read_form(request)
    try:
        order_request = OrderRequest(read_buyer(typed), shop.default_gateway, hold=token)
        order = await order_pieces(shop, order_request, browser_of(request), now)
    except (Invalid, HoldExpired) as refusal:
        errors = refusal.errors if isinstance(refusal, Invalid) else {}
        async with shop.database.reading() as session:
            return await _answer(session, token, now, typed, errors)
    return await to_payment(shop, order)


@post("/checkout/{token:str}/release", opt=allow(EVERYONE), include_in_schema=False)
async def release(
    token: FromPath[str], session: NamedDependency[AsyncSession], now: NamedDependency[datetime]
) -> Redirect:
    """The pieces are free again, at once."""
    hold = await release_hold(session, token, now)
    if hold.state == HoldState.ORDERED:
        return see_other(f"/o/{(await order_of_hold(session, hold)).token}")
    return see_other(await way_back(session, hold), "已经放回去了，没有收您的钱。")


async def _answer(
    session: AsyncSession,
    token: str,
    now: datetime,
    typed: dict[str, str],
    errors: dict[str, str],
) -> Template | Redirect:
    hold = await get_hold(session, token)
    if hold.state == HoldState.ORDERED:
        return see_other(f"/o/{(await order_of_hold(session, hold)).token}")
    try:
        must_be_open(hold, now)
    except HoldExpired:
        return await _expired(session, hold)
    return await _form(session, hold, now, typed, errors)


async def _form(
    session: AsyncSession,
    hold: Hold,
    now: datetime,
    typed: dict[str, str],
    errors: dict[str, str],
) -> Template:
    goods = sum(line.quantity * line.unit_fen for line in hold.lines)
    parcels = len({line.product.workshop_id for line in hold.lines})
    fees = await shipping.fees(session, hold.station_id)
    postage = {province: fee * parcels for province, fee in fees.items()}
    return page(
        "shop/checkout.html",
        status=422 if errors else 200,
        station=await station_by_id(session, hold.station_id),
        hold=hold,
        in_time=now < hold.shown_until,
        goods_fen=goods,
        rule=shipping.fee_rule(fees),
        postage=postage,
        totals={where: [yuan(fen), yuan(goods + fen)] for where, fen in postage.items()},
        form={**BLANK, **typed, "province": shipping.short_province(typed.get("province", ""))},
        errors=errors,
    )


async def _expired(session: AsyncSession, hold: Hold) -> Template:
    return page(
        "shop/hold_expired.html",
        status=STATUSES[HoldExpired],
        station=await station_by_id(session, hold.station_id),
        hold=hold,
        back=await way_back(session, hold),
    )


ROUTES: list[ControllerRouterHandler] = [checkout, place, release]
