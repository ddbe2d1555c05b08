"""The families behind the pieces, as buyers meet them."""

import re

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, Actor, allow
from catalog.answers import page
from catalog.errors import NotFound
from catalog.facts import people_on_page, told_on_page
from catalog.forms import read_number
from catalog.models import Workshop
from catalog.products import Wanted, find_products
from catalog.stations import (
    is_open_to,
    must_be_open,
    only_station,
    open_stations,
    station_by_slug,
)
from catalog.workshops import list_workshops, station_by_id, workshops_by_slug


@get("/workshops", opt=allow(EVERYONE), include_in_schema=False)
async def workshops_page(
    session: NamedDependency[AsyncSession],
    asker: NamedDependency[Actor | None],
    cart: FromQuery[str] = "",
) -> Template:
    """All families of the station; where there are several, under the name of each."""
    station = await only_station(session)
    if station is not None:
        must_be_open(station, asker)
    stations = [station] if station else await open_stations(session)
    workshops = await list_workshops(session, station.id if station else None)
    return page(
        "catalog/workshops.html",
        station=station,
        groups=[(one, [w for w in workshops if w.station_id == one.id]) for one in stations],
        cart=_carried(cart),
    )


@get("/workshops/{slug:str}", opt=allow(EVERYONE), include_in_schema=False)
async def workshop_page(
    slug: FromPath[str],
    session: NamedDependency[AsyncSession],
    asker: NamedDependency[Actor | None],
    before: FromQuery[str] = "",
    cart: FromQuery[str] = "",
) -> Template:
    """One family; where two stations each have one of that name, a choice between them."""
    found = await workshops_by_slug(session, slug)
    if not found:
        raise NotFound(f"workshop {slug}")
    groups = [(await station_by_id(session, one.station_id), one) for one in found]
    groups = [group for group in groups if is_open_to(group[0], asker)] or groups[:1]
    if len(groups) == 1:
        return await _workshop(session, asker, groups[0][1], f"/workshops/{slug}", before, cart)
    return page("catalog/workshop_choice.html", groups=groups, station=None, cart=_carried(cart))


@get("/stations/{station:str}/workshops/{slug:str}", opt=allow(EVERYONE), include_in_schema=False)
async def workshop_of_station(
    station: FromPath[str],
    slug: FromPath[str],
    session: NamedDependency[AsyncSession],
    asker: NamedDependency[Actor | None],
    before: FromQuery[str] = "",
    cart: FromQuery[str] = "",
) -> Template:
    """The family of that name at one station."""
    own = await station_by_slug(session, station)
    found = await workshops_by_slug(session, slug, own.id)
    if not found:
        raise NotFound(f"workshop {slug} of {station}")
    path = f"/stations/{own.slug}/workshops/{slug}"
    return await _workshop(session, asker, found[0], path, before, cart)


async def _workshop(
    session: AsyncSession,
    asker: Actor | None,
    workshop: Workshop,
    path: str,
    before: str,
    cart: str,
) -> Template:
    """One family: its people, what it tells of itself, what it sells."""
    station = await station_by_id(session, workshop.station_id)
    must_be_open(station, asker)
    products, further = await find_products(
        session, Wanted(workshop_id=workshop.id, before=read_number(before), most=12)
    )
    return page(
        "catalog/workshop.html",
        station=station,
        workshop=workshop,
        path_of_list=path,
        told=(await told_on_page(session, [workshop.id]))[workshop.id],
        people=people_on_page(workshop.makers),
        products=products,
        further=further,
        first=not before,
        cart=_carried(cart),
    )


def _carried(cart: str) -> str:
    """The cart in an address, handed on as it is; `shop.cart` reads it."""
    return cart if re.fullmatch(r"[0-9A-Zp.*,]{1,600}", cart) else ""


ROUTES: list[ControllerRouterHandler] = [workshops_page, workshop_page, workshop_of_station]
