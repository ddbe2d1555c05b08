"""The cart: several families' pieces, carried in the link until they are held together."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.answers import page, see_other
from catalog.errors import Refusal
from catalog.forms import read_choices, read_form
from catalog.stations import only_station
from shop.cart import CartLine, cart_text, changed, look_up, read_cart, read_lines, refusal_by_field
from shop.context import Shop
from shop.web.problems import STATUSES

type_request = Request[Any, Any, Any]


@get("/cart", opt=allow(EVERYONE), include_in_schema=False)
async def cart_page(
    session: NamedDependency[AsyncSession], now: NamedDependency[datetime], i: FromQuery[str] = ""
) -> Template:
    """What the link says is in the cart, as it can be had now."""
    return await _page(session, await look_up(session, read_cart(i), now), {}, 200)


@post("/cart", opt=allow(EVERYONE), include_in_schema=False)
async def change_cart(
    request: type_request, shop: NamedDependency[Shop], now: NamedDependency[datetime]
) -> Template | Redirect:
    """On to the link of the cart with the numbers typed."""
    lines = await lines_of(request)
    try:
        items = changed(lines)
    except Refusal as refusal:
        return await cart_again(shop, lines, refusal, now)
    return see_other(f"/cart?i={cart_text(items)}")


async def lines_of(request: type_request) -> list[CartLine]:
    """The lines of the cart that a form brings."""
    return read_lines(await read_choices(request, "item"), await read_form(request))


async def cart_again(
    shop: Shop, lines: list[CartLine], refusal: Refusal, now: datetime
) -> Template:
    """The cart as it is now, with what was typed and what was refused."""
    async with shop.database.reading() as session:
        looked_up = await look_up(session, [line.item for line in lines], now)
        shown = [replace(new, typed=old.typed) for new, old in zip(looked_up, lines, strict=True)]
        errors = refusal_by_field(refusal, shown)
        return await _page(session, shown, errors, STATUSES[type(refusal)])


async def _page(
    session: AsyncSession, lines: list[CartLine], errors: dict[str, str], status: int
) -> Template:
    items = [line.item for line in lines]
    bought = [line for line in lines if line.to_be_had]
    return page(
        "shop/cart.html",
        status=status,
        station=await only_station(session),
        lines=lines,
        without={i.key: cart_text(one for one in items if one is not i) for i in items},
        goods_fen=sum(line.item.quantity * line.view.price_fen for line in bought if line.view),
        cart=cart_text(items),
        errors=errors,
    )


ROUTES: list[ControllerRouterHandler] = [cart_page, change_cart]
