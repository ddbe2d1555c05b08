"""The product page: what a scan opens, and what the storefront leads to."""

from datetime import UTC, datetime
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.answers import page, see_other
from catalog.models import Product
from catalog.workshops import first_station, station_by_id
from live.scans import ScanCounter
from media.codes import normalise
from shop.cart import cart_text, item_of, read_cart, with_one_more
from shop.product_extras import alike, fence_of, further_photos, unfinished
from shop.product_view import Opened, OpenedLink, ProductView, Situation, view_by_slug
from shop.promise import promised_if_ordered
from shop.waiting import place_of
from shop.web.remembered import Remembered
from shop.web.visit import BROWSER_COOKIE, browser_of

type_request = Request[Any, Any, Any]

_pages = Remembered("shop/product.html")


@get("/products/{slug:str}", opt=allow(EVERYONE), include_in_schema=False)
async def product(
    request: type_request,
    slug: FromPath[str],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
    link: FromQuery[str] = "",
    cart: FromQuery[str] = "",
) -> Response[Any]:
    """The product; `link` is a code in use that brought the buyer here, and no new scan."""
    view = await view_by_slug(session, slug, now, code=link)
    return await product_page(request, session, view, now, cart=cart)


@get(["/Q/{code:str}", "/q/{code:str}"], opt=allow(EVERYONE), include_in_schema=False)
async def scan(
    request: type_request,
    code: FromPath[str],
    cart: FromQuery[str] = "",
) -> Response[Any]:
    """What a printed or shown code opens. An unknown one asks for the code once more.

    The hottest page of all: its figures come through `window`, together with those of everybody
    who scans at this moment, and it begins no transaction of its own unless it needs more. It
    takes what it works with from the state, for the framework makes a task of each dependency.
    """
    state, now = request.app.state, datetime.now(UTC)
    opened = await state.window.get(normalise(code))
    async with state.shop.database.reading() as session:
        if opened is None:
            return await _unknown_code(session, code)
        return await _open(request, session, state.scans, opened, now, cart)


async def _open(
    request: type_request,
    session: AsyncSession,
    scans: ScanCounter,
    opened: Opened,
    now: datetime,
    cart: str,
) -> Response[Any]:
    link, view = opened
    scans.note(
        station_id=link.station_id,
        link_id=link.id,
        show_id=link.show_id,
        product_id=link.product_id,
        at=now,
    )
    if link.retired_at is not None:
        return await _retired(session, link, view)
    if view is None:
        return see_other(f"/shows/{link.show_id}")
    return await product_page(request, session, view, now, cart=cart)


async def product_page(
    request: type_request,
    session: AsyncSession,
    view: ProductView,
    now: datetime,
    *,
    cart: str = "",
    quantity: str = "1",
    phone: str = "",
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response[Any]:
    """The product as it is now, with what was typed into its form and what was wrong with it."""
    items = read_cart(cart)
    own = None
    if view.paying and BROWSER_COOKIE in request.cookies:
        own = await unfinished(session, browser_of(request), view.id, now)
    promised = None
    if view.situation == Situation.TO_ORDER:
        promised = await promised_if_ordered(session, view.workshop_id, view.work_days, now)
    place = None
    if view.situation == Situation.HELD and own is None and BROWSER_COOKIE in request.cookies:
        place = await place_of(session, browser_of(request), view.id, now)
    fence = None
    if view.situation in (Situation.HELD, Situation.SOLD_OUT):
        fence = await fence_of(session, view.id)
    context = {
        "station": view.station,
        "view": view,
        "more_photos": await further_photos(session, view.id) if view.photos > 1 else [],
        "promised": promised,
        "fence": fence,
        "own": own,
        "place": place,
        "alike": await alike(session, view) if view.situation == Situation.OFF else [],
        "cart": cart_text(items),
        "cart_with": cart_text(with_one_more(items, item_of(view))),
        "quantity": quantity,
        "phone": phone,
        "errors": errors or {},
    }
    plain = view.situation == Situation.FREE and view.photos <= 1 and own is None
    if plain and not items and not errors and _pages.fits(request):
        return _pages.answer(request, view, now, context)
    return page("shop/product.html", status=status, now=now, **context)


async def _unknown_code(session: AsyncSession, typed: str) -> Template:
    return page(
        "shop/code.html",
        status=404,
        station=await first_station(session),
        typed=typed,
        errors={"code": "没有这个商品码，请对着画面再看一遍。"},
    )


async def _retired(session: AsyncSession, link: OpenedLink, view: ProductView | None) -> Template:
    others: list[Product] = await alike(session, view) if view else []
    return page(
        "shop/link_retired.html",
        status=410,
        station=await station_by_id(session, link.station_id),
        link=link,
        view=view,
        alike=others,
    )


ROUTES: list[ControllerRouterHandler] = [product, scan]
