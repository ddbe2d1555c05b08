"""How a buyer may pay from the browser at hand: the choice, the station's own code, another screen."""

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
from catalog.forms import read_form
from catalog.models import Station
from catalog.workshops import station_by_id
from media.qr import qr_svg
from shop.checkout import get_order
from shop.context import Shop
from shop.errors import PaymentUnavailable, RehearsalShow, WrongOrderState
from shop.gateways import offered
from shop.models import Order, OrderState
from shop.offline import waiting_receipt
from shop.payments.offline_gateway import OFFLINE
from shop.rehearsal_rule import must_be_real
from shop.switching import pay_by
from shop.wallets import Way, browser_of, elsewhere, wanted, ways

type_request = Request[Any, Any, Any]


def choice_for(request: type_request, station: Station, chosen: str = "") -> dict[str, Any]:
    """What `shop/ways.html` shows: the ways of this browser, and which of them is ticked."""
    here = browser_of(request.headers.get("User-Agent", ""))
    names = offered(request.app.state.shop, station)
    found = ways(here, names)
    ticked = wanted(found, chosen) or found[0]
    return {"ways": found, "way": ticked.key, "elsewhere": elsewhere(here, names)}


def chosen_for(order: Order) -> str:
    """The way in which an order was last to be paid; "" when it was any."""
    last = order.payments[-1]
    return OFFLINE if last.gateway == OFFLINE else "".join(last.methods[:1])


def way_of(request: type_request, key: str) -> Way | None:
    """The way that a form named, if it can succeed in this browser; None for one that can not.

    A form that names none gets the likeliest way through a gateway.
    """
    shop: Shop = request.app.state.shop
    here = browser_of(request.headers.get("User-Agent", ""))
    if not key:
        return ways(here, (shop.default_gateway,))[0]
    return wanted(ways(here, (shop.default_gateway, OFFLINE)), key)


@post("/o/{token:str}/way", opt=allow(EVERYONE), include_in_schema=False)
async def choose(
    request: type_request,
    token: FromPath[str],
    shop: NamedDependency[Shop],
    now: NamedDependency[datetime],
) -> Redirect:
    """On to where the order is paid in the chosen way; `here` is for a code on this very phone."""
    typed = await read_form(request)
    way = way_of(request, typed.get("way", ""))
    if way is None:
        return see_other(f"/o/{token}", "请选一种付款方式。", kind="warn")
    if way.gateway == OFFLINE:
        return see_other(f"/o/{token}/offline")
    if way.other_screen and "here" not in typed:
        return see_other(f"/o/{token}/screen")
    try:
        return see_other(await pay_by(shop, token, way, now))
    except (PaymentUnavailable, RehearsalShow, WrongOrderState) as refusal:
        return see_other(f"/o/{token}", refusal.text, kind="warn")


@get("/o/{token:str}/offline", opt=allow(EVERYONE), include_in_schema=False)
async def offline(
    token: FromPath[str], session: NamedDependency[AsyncSession], now: NamedDependency[datetime]
) -> Template | Redirect:
    """The station's own code, the sum to the fen, and what to write beside it."""
    order = await get_order(session, token)
    if order.state != OrderState.UNPAID:
        return see_other(f"/o/{token}")
    try:
        await must_be_real(session, order.id, OFFLINE)
    except RehearsalShow as refusal:
        return see_other(f"/o/{token}", refusal.text, kind="warn")
    return page(
        "shop/pay_offline.html",
        station=await station_by_id(session, order.station_id),
        order=order,
        exact=f"{order.total_fen // 100}.{order.total_fen % 100:02d}",
        in_time=now < order.expires_at,
        receipt=await waiting_receipt(session, order.id),
    )


@get("/o/{token:str}/screen", opt=allow(EVERYONE), include_in_schema=False)
async def screen(
    request: type_request,
    token: FromPath[str],
    shop: NamedDependency[Shop],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The order's address as a code, for a second screen to open and this phone's wallet to scan."""
    order = await get_order(session, token)
    if order.state != OrderState.UNPAID or order.expires_at <= now:
        return see_other(f"/o/{token}")
    station = await station_by_id(session, order.station_id)
    address = f"{shop.public_url}/o/{token}"
    choice = choice_for(request, station)
    return page(
        "shop/pay_screen.html",
        station=station,
        order=order,
        address=address,
        picture=qr_svg(address),
        wechat=wanted(choice["ways"], "wechat_pay") is not None,
        elsewhere=choice["elsewhere"],
        pays_here=wanted(choice["ways"], OFFLINE) is not None,
    )


ROUTES: list[ControllerRouterHandler] = [choose, offline, screen]
