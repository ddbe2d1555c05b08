"""The desk's first page: today's shows, what waits, who is to be called, what was sold."""

from datetime import datetime, timedelta
from typing import Any

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import (
    ON_AIR,
    ORDER_VIEWERS,
    SHOW_EDITORS,
    SHOW_VIEWERS,
    TROUBLE_DESK,
    WORK_ORDER_DESK,
    Actor,
    allow,
)
from catalog.answers import page, see_other
from catalog.checks import BEIJING
from live.shows import list_shows, span_text
from shop import today
from shop.orders import day_span
from shop.pages.desk_troubles import rows_of
from shop.troubles import list_open

# A family that has not answered for so long is to be called.
LATE = timedelta(hours=24)

# The most pressing ones; the rest is a page of its own.
MOST_TROUBLES = 5


@get("/desk", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def today_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """Shows for everybody; orders and money for those who see them elsewhere too."""
    day = now.astimezone(BEIJING).date()
    start, end = day_span(day)
    shows = await list_shows(session, actor.station_id, since=start, until=end)
    orders = await _orders(session, actor, now) if actor.role in ORDER_VIEWERS else None
    sees = actor.role in TROUBLE_DESK
    troubles = await list_open(session, actor.station_id) if sees else []
    return page(
        "shop/desk_today.html",
        day=day,
        shows=[(show, span_text(show)) for show in reversed(shows)],
        orders=orders,
        pressing=await rows_of(session, actor, troubles[:MOST_TROUBLES], now),
        may_air=actor.role in ON_AIR,
        may_schedule=actor.role in SHOW_EDITORS,
        may_call=actor.role in WORK_ORDER_DESK,
    )


async def _orders(session: AsyncSession, actor: Actor, now: datetime) -> dict[str, Any]:
    station_id = actor.station_id
    waiting = await today.unanswered(session, station_id)
    since = [work_order.order.paid_at or work_order.order.placed_at for work_order in waiting]
    ages = [now - at for at in since]
    return {
        "takings": await today.takings(session, station_id, now.astimezone(BEIJING).date()),
        "unanswered": [
            (work_order, today.age_text(age), age >= LATE)
            for work_order, age in zip(waiting, ages, strict=True)
        ],
        "notices": await today.open_notices(session, station_id),
        "running_out": await today.running_out(session, station_id),
    }


@post("/desk/notices/{notice_id:int}/done", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def finish_notice(
    notice_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """The call was made."""
    await today.finish_notice(session, actor, notice_id, now)
    return see_other("/desk", "记下了，电话打过了。")


ROUTES: list[ControllerRouterHandler] = [today_page, finish_notice]
