"""The county's page: a line for each station, and nothing of anybody."""

from datetime import datetime

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import COUNTY, allow
from catalog.answers import page
from shop.county import LEAST_FAMILIES, periods, read_period, stations, total


@get("/county", opt=allow(COUNTY), include_in_schema=False)
async def county_page(
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
    period: FromQuery[str] = "",
) -> Template:
    """Sums of a quarter or a month."""
    chosen = read_period(period, now)
    lines = await stations(session, chosen)
    choices = periods(now)
    if chosen.name not in dict(choices):
        choices.append((chosen.name, chosen.name))
    return page(
        "shop/county.html",
        lines=lines,
        total=total(lines),
        chosen=chosen.name,
        periods=choices,
        least=LEAST_FAMILIES,
        hidden=any(line.sold_fen is None or line.paid_out_fen is None for line in lines),
        station={"name": "县里看各站", "slug": "", "phone": "", "place": ""},
    )


ROUTES: list[ControllerRouterHandler] = [county_page]
