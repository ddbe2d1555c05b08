"""The families behind the pieces, as buyers meet them."""

import re

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.answers import page
from catalog.forms import read_number
from catalog.products import Wanted, find_products
from catalog.workshops import first_station, list_workshops, station_by_id, workshop_by_slug


@get("/workshops", opt=allow(EVERYONE), include_in_schema=False)
async def workshops_page(
    session: NamedDependency[AsyncSession], cart: FromQuery[str] = ""
) -> Template:
    """All families of the station."""
    station = await first_station(session)
    workshops = await list_workshops(session, station.id) if station else []
    return page("catalog/workshops.html", station=station, workshops=workshops, cart=_carried(cart))


@get("/workshops/{slug:str}", opt=allow(EVERYONE), include_in_schema=False)
async def workshop_page(
    slug: FromPath[str],
    session: NamedDependency[AsyncSession],
    before: FromQuery[str] = "",
    cart: FromQuery[str] = "",
) -> Template:
    """One family: its people, what it tells of itself, what it sells."""
    workshop = await workshop_by_slug(session, slug)
    products, further = await find_products(
        session, Wanted(workshop_id=workshop.id, before=read_number(before), most=12)
    )
    return page(
        "catalog/workshop.html",
        station=await station_by_id(session, workshop.station_id),
        workshop=workshop,
        products=products,
        further=further,
        first=not before,
        cart=_carried(cart),
    )


def _carried(cart: str) -> str:
    """The cart in an address, handed on as it is; `shop.cart` reads it."""
    return cart if re.fullmatch(r"[0-9A-Zp.*,]{1,600}", cart) else ""


ROUTES: list[ControllerRouterHandler] = [workshops_page, workshop_page]
