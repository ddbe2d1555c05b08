"""Fair airtime, for people to look at."""

from datetime import datetime

from litestar import get
from litestar.di import NamedDependency
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import SHOW_VIEWERS, Actor, allow
from catalog.answers import page
from live.fairness import WINDOW, airtimes, average, far_ahead


@get("/desk/fairness", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def fairness_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """Minutes and slots of each workshop, what is planned beside them."""
    times = await airtimes(session, actor.station_id, now)
    mean = average(times)
    return page(
        "live/fairness.html",
        times=[(one, one.in_turn and far_ahead(one, mean)) for one in times],
        average=round(mean),
        most=max((one.minutes + one.planned_minutes for one in times), default=0),
        since=now - WINDOW,
        until=now,
        total=sum(one.minutes for one in times),
        planned=sum(one.planned_minutes for one in times),
    )


ROUTES: list[ControllerRouterHandler] = [fairness_page]
