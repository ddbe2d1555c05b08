"""A buyer's order, by the token in its address and nothing else."""

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
from catalog.errors import Invalid
from catalog.forms import read_form, read_number
from catalog.workshops import station_by_id
from shop.checkout import get_pictured_order
from shop.context import Shop
from shop.covered import uncover
from shop.dates import questions_of
from shop.errors import AddressLocked, PaymentUnavailable, WrongOrderState
from shop.holds import pays_first
from shop.making import STAGES, stages_of
from shop.market import sold_elsewhere
from shop.models import Order, OrderState
from shop.offline import waiting_receipt
from shop.pages.ways import choice_for, chosen_for
from shop.paying import hear_of_payment, open_payment
from shop.requests import choices_of
from shop.sheet import OrderSheet
from shop.web.problems import STATUSES

type_request = Request[Any, Any, Any]

# How often the page after paying asks again by itself: less and less, then no more.
WAITS = (2, 3, 4, 5, 8, 10, 15, 20, 30)


@get("/o/{token:str}", opt=allow(EVERYONE), include_in_schema=False)
async def order_page(
    request: type_request,
    token: FromPath[str],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> Template:
    """How the order stands."""
    return await _page(request, session, await get_pictured_order(session, token), now)


@post("/o/{token:str}/address", opt=allow(EVERYONE), include_in_schema=False)
async def show_address(
    request: type_request,
    token: FromPath[str],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> Template:
    """The order with its address, for who knows the end of the phone number."""
    typed = (await read_form(request)).get("last4", "")
    order = await get_pictured_order(session, token)
    try:
        address = await uncover(session, order, typed, now)
    except Invalid as error:
        return await _page(request, session, order, now, typed=typed, errors=error.errors)
    except AddressLocked as refusal:
        errors, status = {"last4": refusal.text}, STATUSES[AddressLocked]
        return await _page(request, session, order, now, typed=typed, errors=errors, status=status)
    return await _page(request, session, order, now, address=address)


@post("/o/{token:str}/pay", opt=allow(EVERYONE), include_in_schema=False)
async def pay(token: FromPath[str], shop: NamedDependency[Shop]) -> Redirect:
    """On to the gateway's page."""
    async with shop.database.reading() as session:
        order = await get_pictured_order(session, token)
    return await to_payment(shop, order)


async def to_payment(shop: Shop, order: Order | OrderSheet) -> Redirect:
    """To the gateway's page for the order, or to the order's own with why not."""
    try:
        return see_other(await open_payment(shop, order))
    except (PaymentUnavailable, WrongOrderState) as refusal:
        return see_other(f"/o/{order.token}", refusal.text, kind="warn")


@get("/o/{token:str}/paid", opt=allow(EVERYONE), include_in_schema=False)
async def paid(
    token: FromPath[str],
    shop: NamedDependency[Shop],
    now: NamedDependency[datetime],
    n: FromQuery[str] = "",
) -> Template | Redirect:
    """Where the gateway sends the buyer back to: asks how it went, and waits while nobody knows."""
    async with shop.database.reading() as session:
        order = await get_pictured_order(session, token)
        station = await station_by_id(session, order.station_id)
    if await hear_of_payment(shop, order, now):
        return see_other(f"/o/{token}")
    tries = read_number(n) or 0
    return page(
        "shop/order_waiting.html",
        station=station,
        order=order,
        wait=WAITS[tries] if tries < len(WAITS) else None,
        again=f"/o/{token}/paid?n={tries + 1}",
    )


async def _page(
    request: type_request,
    session: AsyncSession,
    order: Order,
    now: datetime,
    *,
    address: str = "",
    typed: str = "",
    errors: dict[str, str] | None = None,
    status: int = 422,
) -> Template:
    station = await station_by_id(session, order.station_id)
    receipt = None if order.paid_at else await waiting_receipt(session, order.id)
    unpaid = order.state == OrderState.UNPAID and now < order.expires_at
    not_paid = order.state in (OrderState.UNPAID, OrderState.EXPIRED)
    return page(
        "shop/order.html",
        status=status if errors else 200,
        station=station,
        order=order,
        choice=choice_for(request, station, chosen_for(order)),
        receipt=receipt,
        gone=order.state == OrderState.CANCELLED and await sold_elsewhere(session, order.hold_id),
        pay_first=not_paid and await pays_first(session, order.id),
        to_pay=unpaid and receipt is None,
        choices=await choices_of(session, order, now),
        questions=await questions_of(session, order),
        stages=await stages_of(session, [part.id for part in order.work_orders]),
        stage_names=STAGES,
        address=address,
        typed=typed,
        errors=errors or {},
    )


ROUTES: list[ControllerRouterHandler] = [order_page, show_address, pay, paid]
