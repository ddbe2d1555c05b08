"""The public page of a show."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.answers import page
from catalog.workshops import station_by_id
from live.show_view import public_show
from live.shows import span_text


@get("/shows/{show_id:int}", opt=allow(EVERYONE), include_in_schema=False)
async def show_page(show_id: FromPath[int], session: NamedDependency[AsyncSession]) -> Template:
    """What is on, what is showing now, and the whole line-up."""
    show, items = await public_show(session, show_id)
    return page(
        "live/show.html",
        station=await station_by_id(session, show.station_id),
        show=show,
        span=span_text(show),
        items=items,
        showing=next((item for item in items if item.on_air), None),
    )


ROUTES: list[ControllerRouterHandler] = [show_page]
