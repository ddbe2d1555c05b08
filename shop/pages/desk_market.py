"""Pieces that were sold at the market: from a product's page, and from the console of a show."""

from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import CATALOG_EDITORS, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid
from catalog.forms import read_form, read_number
from catalog.models import Kind
from catalog.products import product_for
from shop.context import Shop
from shop.market import MarketSale, sell_at_market, stake

type_request = Request[Any, Any, Any]


@get("/desk/products/{product_id:int}/market", opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def market_page(
    product_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show: FromQuery[str] = "",
) -> Template:
    """How many there are, and how many people are holding or paying: asked before anything is done."""
    return await _page(session, actor, product_id, read_number(show), now, {}, {})


@post("/desk/products/{product_id:int}/market", opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def sell(
    request: type_request,
    product_id: FromPath[int],
    shop: NamedDependency[Shop],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Back to where it was pressed, with what became of it; or the question again."""
    typed = await read_form(request)
    show_id = read_number(typed.get("show", ""))
    try:
        sale = await sell_at_market(
            shop, actor, product_id, typed.get("pieces", ""), typed.get("seen", ""), now
        )
    except Invalid as error:
        async with shop.database.reading() as session:
            return await _page(session, actor, product_id, show_id, now, typed, error.errors)
    back = f"/desk/shows/{show_id}/console" if show_id else f"/desk/products/{product_id}"
    return see_other(back, _said(sale), kind="warn" if sale.missing else "ok")


def _said(sale: MarketSale) -> str:
    said = f"集市卖了 {sale.gone} 件，库存减好了。"
    people = sale.let_go + sale.given_up
    if people:
        said += f"{people} 位买家留着的放掉了，他们的页面上已经写明，没有收钱。"
    if sale.missing:
        said += f"还有 {sale.missing} 件网上已经有人付钱或正在付，在“要处理的”里。"
    return said


async def _page(
    session: AsyncSession,
    actor: Actor,
    product_id: int,
    show_id: int | None,
    now: datetime,
    typed: dict[str, str],
    errors: dict[str, str],
) -> Template:
    product = await product_for(session, actor, product_id)
    return page(
        "shop/desk_market.html",
        status=422 if errors else 200,
        product=product,
        stake=await stake(session, product_id, now),
        stocked=product.kind != Kind.MADE_TO_ORDER,
        show=show_id,
        form={"pieces": "", **typed},
        errors=errors,
    )


ROUTES: list[ControllerRouterHandler] = [market_page, sell]
