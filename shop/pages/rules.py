"""The rules of buying that a station has without writing its own."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.answers import page
from catalog.workshops import station_by_id


@get("/rules/{station_id:int}", opt=allow(EVERYONE), include_in_schema=False)
async def rules_page(station_id: FromPath[int], session: NamedDependency[AsyncSession]) -> Template:
    """Cancelling, returns, what is carved to order, refunds, complaints; `docs/returns.md`."""
    return page("shop/rules.html", station=await station_by_id(session, station_id))


ROUTES: list[ControllerRouterHandler] = [rules_page]
