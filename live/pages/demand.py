"""The desk's page of what could not be served: who would have bought, had there been a piece."""

from datetime import datetime

from litestar import get
from litestar.di import NamedDependency
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import SHOW_VIEWERS, Actor, allow
from catalog.answers import page
from live.demand import LOOK_BACK, missed_lately
from live.figures import Figures


@get("/desk/demand", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def demand_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    figures: NamedDependency[Figures],
) -> Template:
    """Per product, those that most people missed first."""
    return page(
        "live/demand.html",
        missed=await missed_lately(session, actor.station_id, figures, now),
        days=LOOK_BACK.days,
    )


ROUTES: list[ControllerRouterHandler] = [demand_page]
