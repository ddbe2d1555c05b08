"""The red button: pieces held for this browser, from a product page or from the cart."""

from datetime import datetime
from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler

from catalog.access import EVERYONE, allow
from catalog.answers import see_other
from catalog.errors import Invalid, NotFound, NotOpen, OutOfStock, Refusal
from catalog.forms import read_choices, read_form, read_number
from shop.buying import hold_pieces
from shop.context import Shop
from shop.errors import PieceHeld
from shop.holding import Wanted
from shop.pages.cart import cart_again, lines_of
from shop.pages.product import product_page
from shop.product_view import ProductView, view_by_id
from shop.web.problems import STATUSES
from shop.web.visit import browser_of, station_of

type_request = Request[Any, Any, Any]


@post("/holds", opt=allow(EVERYONE), include_in_schema=False)
async def make_hold(
    request: type_request, shop: NamedDependency[Shop], now: NamedDependency[datetime]
) -> Response[Any] | Redirect:
    """On to the checkout, or the page that was sent again, with what has changed since."""
    if await read_choices(request, "item"):
        return await _hold_cart(request, shop, now)
    typed = await read_form(request)
    product_id, seen = read_number(typed.get("product", "")), read_number(typed.get("seen_fen", ""))
    wanted = Wanted(typed.get("quantity"), typed.get("link"), product_id, seen)
    try:
        hold = await hold_pieces(shop, (wanted,), browser_of(request), now, station_of(request))
    except (NotFound, NotOpen):
        raise
    except Refusal as refusal:
        return await _again(request, shop, typed, product_id or 0, refusal, now)
    return see_other(f"/checkout/{hold.token}")


async def _again(
    request: type_request,
    shop: Shop,
    typed: dict[str, str],
    product_id: int,
    refusal: Refusal,
    now: datetime,
) -> Response[Any]:
    async with shop.database.reading() as session:
        view = await view_by_id(session, product_id, now, code=typed.get("link", ""))
        return await product_page(
            request,
            session,
            view,
            now,
            cart=typed.get("cart", ""),
            quantity=typed.get("quantity", ""),
            errors=_sentences(refusal, view),
            status=STATUSES[type(refusal)],
        )


def _sentences(refusal: Refusal, view: ProductView) -> dict[str, str]:
    if isinstance(refusal, Invalid):
        return {"quantity": " ".join(refusal.errors.values())}
    if isinstance(refusal, OutOfStock | PieceHeld) and view.free > 0:
        return {"quantity": f"没有那么多，现在还有 {view.free} 件。"}
    return {"": refusal.text}


async def _hold_cart(request: type_request, shop: Shop, now: datetime) -> Response[Any] | Redirect:
    lines = await lines_of(request)
    try:
        wanted = tuple(line.wanted for line in lines)
        hold = await hold_pieces(shop, wanted, browser_of(request), now, station_of(request))
    except NotOpen:
        raise
    except Refusal as refusal:
        return await cart_again(shop, lines, refusal, now)
    return see_other(f"/checkout/{hold.token}")


ROUTES: list[ControllerRouterHandler] = [make_hold]
