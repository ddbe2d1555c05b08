"""The product page: what a scan opens, and what the storefront leads to."""

from datetime import UTC, datetime
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.answers import page, see_other
from catalog.errors import NotOpen
from catalog.models import NOT_YET_SHOWN
from catalog.workshops import station_by_id
from live.earlier import Earlier, earlier
from live.models import Show, ShowState
from live.scans import ScanCounter
from media.codes import normalise
from shop.cart import cart_text, item_of, read_cart, with_one_more
from shop.pages.front import NO_SUCH_CODE, ask_for_code
from shop.product_extras import alike, fence_of, further_photos, on_offer, unfinished
from shop.product_view import Opened, OpenedLink, ProductView, Situation, view_by_slug
from shop.room import outlook
from shop.waiting import place_of
from shop.web.remembered import Remembered
from shop.web.visit import BROWSER_COOKIE, browser_of, station_of

type_request = Request[Any, Any, Any]

NOTHING_TO_BUY = (Situation.SOLD_OUT, Situation.AWAY, Situation.OFF)

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
            return await ask_for_code(session, now, code, NO_SUCH_CODE, status=404)
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
        product_id=view.id if view else None,
        at=now,
        sold_out=view is not None and view.situation in NOTHING_TO_BUY,
    )
    if link.retired_at is not None:
        return await _closed(session, link, view, "retired", now, status=410)
    if view is None:
        return await _off_air(session, link, now)
    if view.state in NOT_YET_SHOWN:
        return await _closed(session, link, None, "hidden", now, status=404)
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
    """The product as it is now, with what was typed into its form and what was wrong with it.

    Raises NotOpen for strangers while its station is getting ready.
    """
    if not view.station_open and view.station_id != station_of(request):
        raise NotOpen(view.station_name)
    items = read_cart(cart)
    own = None
    if view.paying and BROWSER_COOKIE in request.cookies:
        own = await unfinished(session, browser_of(request), view.id, now)
    place = None
    if view.situation == Situation.HELD and own is None and BROWSER_COOKIE in request.cookies:
        place = await place_of(session, browser_of(request), view.id, now)
    beside = await _beside(request, view, now)
    alone = not (own or place or items or errors)
    context = {
        **await told_to_all(session, view, now),
        "station": view.station,
        "more_photos": await further_photos(session, view.id) if view.photos > 1 else [],
        "earlier": beside,
        "own": own,
        "place": place,
        "cart": cart_text(items),
        "cart_with": cart_text(with_one_more(items, item_of(view))),
        "quantity": quantity,
        "phone": phone,
        "errors": errors or {},
        "follow": events_of(view) if alone else "",
    }
    plain = view.situation == Situation.FREE and view.photos <= 1 and own is None
    if plain and not items and not errors and _pages.fits(request):
        return _pages.answer(request, (view, beside), now, context)
    return page("shop/product.html", status=status, now=now, **context)


async def told_to_all(session: AsyncSession, view: ProductView, now: datetime) -> dict[str, Any]:
    """What the page says to everybody who came by this link, and may be sent to all of them."""
    when, fence = None, None
    if view.situation in (Situation.TO_ORDER, Situation.AWAY):
        when = await outlook(session, view.workshop_id, view.kind, view.work_days, now)
    if view.situation in (Situation.HELD, Situation.SOLD_OUT):
        fence = await fence_of(session, view.id)
    nothing = view.situation in NOTHING_TO_BUY or (when is not None and when.why_not)
    return {
        "view": view,
        "when": when,
        "fence": fence,
        "alike": await alike(session, view, now) if nothing else [],
    }


def events_of(view: ProductView) -> str:
    """Where the page hears what changes; "" where it need not, for its show is not on air."""
    if not view.on_air or view.link is None:
        return ""
    return f"/shows/{view.link.show_id}/products/{view.id}/events?link={view.link.code}"


async def _beside(request: type_request, view: ProductView, now: datetime) -> Earlier | None:
    """What else the show has shown, for those who came by its own code while it is on air."""
    link = view.link
    if link is None or link.product_id is not None or not view.on_air:
        return None
    shown = await request.app.state.shown.get(link.show_id)
    return earlier(shown or (), view.id, now)


async def _off_air(session: AsyncSession, link: OpenedLink, now: datetime) -> Template | Redirect:
    """A show's own code while nothing is being shown: what will be, or was."""
    state = await session.scalar(select(Show.state).where(Show.id == link.show_id))
    if state == ShowState.DRAFT:
        return await _closed(session, link, None, "unannounced", now, status=404)
    return see_other(f"/shows/{link.show_id}")


async def _closed(
    session: AsyncSession,
    link: OpenedLink,
    view: ProductView | None,
    reason: str,
    now: datetime,
    *,
    status: int,
) -> Template:
    """A code that opens nothing any more, or nothing yet, and what can be had instead.

    `reason` is retired, hidden (its product is taken in) or unannounced (its show is a draft).
    """
    if view is None:
        others = await on_offer(session, link.station_id, link.show_id, now)
    else:
        others = await alike(session, view, now)
    show = await session.get(Show, link.show_id) if link.product_id is None else None
    return page(
        "shop/link_retired.html",
        status=status,
        station=await station_by_id(session, link.station_id),
        link=link,
        view=view,
        reason=reason,
        show=show if show and show.state != ShowState.DRAFT else None,
        alike=others,
    )


ROUTES: list[ControllerRouterHandler] = [product, scan]
