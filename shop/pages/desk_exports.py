"""The desk's lists as files: narrowed as on the page, phones masked unless asked for whole."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import (
    CATALOG_EDITORS,
    ORDER_VIEWERS,
    STAFF,
    TROUBLE_DESK,
    WORK_ORDER_DESK,
    Actor,
    allow,
)
from catalog.checks import BEIJING
from catalog.forms import read_form, read_number
from catalog.models import Kind, ProductState
from catalog.products import Wanted
from shop import exports
from shop.inbox import list_inbox
from shop.pages import desk_orders, desk_work_order_list
from shop.pages.desk_inbox import fits
from shop.pages.sheets import answer_sheet
from shop.sheets import Sheet

type_request = Request[Any, Any, Any]


def _files(page: str) -> list[str]:
    return [f"{page}.{ending}" for ending in ("csv", "xlsx")]


_ORDERS, _WORK_ORDERS = _files("/desk/orders"), _files("/desk/work-orders")


async def _answer(request: type_request, sheet: Sheet) -> Response[bytes]:
    """As the address ends. A long list is written beside the requests of others."""
    return await asyncio.to_thread(answer_sheet, sheet, request.url.path.rpartition("/")[2])


def _asked(typed: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: typed.get(name, "") for name in names}


async def _orders(
    session: AsyncSession, actor: Actor, typed: Mapping[str, str], *, whole: bool
) -> Sheet:
    wanted = desk_orders.read_wanted(actor, _asked(typed, "q", "state", "day"))
    return await exports.orders_sheet(session, wanted, whole=whole)


async def _work_orders(
    session: AsyncSession, actor: Actor, typed: Mapping[str, str], now: datetime, *, whole: bool
) -> Sheet:
    asked = _asked(typed, "q", "state", "workshop", "due")
    wanted = desk_work_order_list.read_wanted(actor, asked, now.astimezone(BEIJING).date())
    return await exports.work_orders_sheet(session, wanted, whole=whole)


@get(_ORDERS, opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def orders(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """The orders that the page would list, all pages of them."""
    return await _answer(request, await _orders(session, actor, request.query_params, whole=False))


@post(_ORDERS, opt=allow(WORK_ORDER_DESK), include_in_schema=False, status_code=200)
async def orders_whole(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Response[bytes]:
    """The same with whole phone numbers, which is written down."""
    typed = await read_form(request)
    sheet = await _orders(session, actor, typed, whole=True)
    await _note(session, actor, "orders", sheet, typed, now)
    return await _answer(request, sheet)


@get(_WORK_ORDERS, opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def work_orders(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Response[bytes]:
    """The work orders that the page would list, with their parcels."""
    sheet = await _work_orders(session, actor, request.query_params, now, whole=False)
    return await _answer(request, sheet)


@post(_WORK_ORDERS, opt=allow(WORK_ORDER_DESK), include_in_schema=False, status_code=200)
async def work_orders_whole(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Response[bytes]:
    """The same with whole phone numbers, which is written down."""
    typed = await read_form(request)
    sheet = await _work_orders(session, actor, typed, now, whole=True)
    await _note(session, actor, "work_orders", sheet, typed, now)
    return await _answer(request, sheet)


async def _note(
    session: AsyncSession,
    actor: Actor,
    what: str,
    sheet: Sheet,
    typed: Mapping[str, str],
    now: datetime,
) -> None:
    filters = urlencode({name: value for name, value in typed.items() if value})
    await exports.whole_numbers(session, actor, what, len(sheet.rows), filters, now)


@get(_files("/desk/products"), opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def products(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """The products that the page would list."""
    asked = _asked(request.query_params, "q", "workshop", "kind", "state")
    state, kind = asked["state"], asked["kind"]
    wanted = Wanted(
        station_id=actor.station_id,
        workshop_id=read_number(asked["workshop"]),
        words=asked["q"],
        kind=Kind(kind) if kind in list(Kind) else None,
        states=(ProductState(state),) if state in list(ProductState) else tuple(ProductState),
        closed_workshops=True,
    )
    return await _answer(request, await exports.products_sheet(session, wanted))


@get(_files("/desk/workshops"), opt=allow(STAFF), include_in_schema=False)
async def workshops(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """All families of the station."""
    return await _answer(request, await exports.workshops_sheet(session, actor))


@get(_files("/desk/inbox"), opt=allow(TROUBLE_DESK), include_in_schema=False)
async def inbox(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Response[bytes]:
    """What waits, as the page lists it."""
    asked = _asked(request.query_params, "kind", "owner")
    lines = await list_inbox(session, actor, now)
    found = [line for line in lines if fits(line, actor, asked["kind"], asked["owner"])]
    return await _answer(request, exports.inbox_sheet(found))


ROUTES: list[ControllerRouterHandler] = [
    orders,
    orders_whole,
    work_orders,
    work_orders_whole,
    products,
    workshops,
    inbox,
]
