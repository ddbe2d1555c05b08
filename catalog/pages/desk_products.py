"""Products at the desk: found, and made. One product's own page is in `desk_product`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import products
from catalog.access import CATALOG_EDITORS, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid, NotOnboarded
from catalog.forms import read_form, read_number
from catalog.models import Kind, ProductState
from catalog.pages.desk_product import FIELDS, KINDS, for_form, in_fen, saved
from catalog.products import Wanted, find_products
from catalog.reviews import count_asked
from catalog.workshops import list_workshops

MOST_ROWS = 50


@get("/desk/products", opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def products_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    q: FromQuery[str] = "",
    workshop: FromQuery[str] = "",
    kind: FromQuery[str] = "",
    in_state: Annotated[str, QueryParameter(name="state")] = "",
    before: FromQuery[str] = "",
) -> Template:
    """The station's products, newest first, narrowed to what was asked for."""
    wanted = Wanted(
        station_id=actor.station_id,
        workshop_id=read_number(workshop),
        words=q,
        kind=Kind(kind) if kind in list(Kind) else None,
        states=(ProductState(in_state),) if in_state in list(ProductState) else tuple(ProductState),
        closed_workshops=True,
        before=read_number(before),
        most=MOST_ROWS,
    )
    found, after = await find_products(session, wanted)
    asked = {"q": q, "workshop": workshop, "kind": kind, "state": in_state}
    narrowed = {name: value for name, value in asked.items() if value}
    return page(
        "catalog/desk_products.html",
        products=found,
        workshops=await list_workshops(session, actor.station_id, active_only=False),
        kinds=KINDS,
        to_review=await count_asked(session, actor.station_id),
        asked=asked,
        query=urlencode(narrowed),
        narrowed=bool(narrowed),
        first_page=f"?{urlencode(narrowed)}" if before else "",
        next_page=f"?{urlencode({**narrowed, 'before': after})}" if after else "",
    )


@get("/desk/products/new", opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def new_product_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    workshop: FromQuery[str] = "",
) -> Template:
    """An empty form; the workshop is chosen already for somebody who comes from its page."""
    return await _form(session, actor, {"workshop_id": workshop}, {})


@post("/desk/products/new", opt=allow(CATALOG_EDITORS), include_in_schema=False)
async def add_product(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """On to the new product, where photos are added; or the form again with what was wrong."""
    typed = await read_form(request)
    values, faults = in_fen(typed)
    try:
        async with session.begin_nested():
            product = await products.add_product(session, actor, values, now)
    except Invalid as error:
        return await _form(session, actor, typed, for_form(error.errors, faults))
    except NotOnboarded as error:
        return await _form(session, actor, typed, {"state": error.text}, status=409)
    return see_other(f"/desk/products/{product.id}", f"{saved(product)}现在可以加照片。")


async def _form(
    session: AsyncSession,
    actor: Actor,
    typed: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    status: int = 422,
) -> Template:
    families = await list_workshops(session, actor.station_id)
    empty = {**dict.fromkeys(FIELDS, ""), "kind": Kind.BATCH, "state": ProductState.ON_SALE}
    return page(
        "catalog/desk_product_new.html",
        status=status if errors else 200,
        form={**empty, "workshop_id": "", "stock": "", **typed},
        errors=errors,
        kinds=KINDS,
        workshops=[(family.id, family.name) for family in families],
    )


ROUTES: list[ControllerRouterHandler] = [products_page, new_product_page, add_product]
