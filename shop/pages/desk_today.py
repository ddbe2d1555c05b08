"""The desk's first page: today's shows, what waits, who is to be called, what was sold."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from litestar import get
from litestar.di import NamedDependency
from litestar.response import Template
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
from catalog.answers import page
from catalog.checks import BEIJING
from live.shows import list_shows, span_text
from shop import today
from shop.calls import open_calls
from shop.inbox import CALL, Line, list_inbox
from shop.orders import day_span

# A family that has not answered for so long is to be called.
LATE = timedelta(hours=24)

# The most pressing ones; the rest is a page of its own.
MOST_LINES = 5
MOST_CALLS = 8


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
    lines = await list_inbox(session, actor, now) if actor.role in TROUBLE_DESK else []
    return page(
        "shop/desk_today.html",
        day=day,
        shows=[(show, span_text(show)) for show in reversed(shows)],
        orders=orders,
        pressing=[(line, today.age_text(now - line.since)) for line in pressing(lines)],
        calls=sum(line.kind == CALL for line in lines),
        kinds=Counter(line.title for line in lines).most_common(),
        may_air=actor.role in ON_AIR,
        may_schedule=actor.role in SHOW_EDITORS,
        may_call=actor.role in WORK_ORDER_DESK,
    )


def pressing(lines: list[Line]) -> list[Line]:
    """The first of the inbox; the calls have a place of their own on this page."""
    return [line for line in lines if line.kind != CALL][:MOST_LINES]


async def _orders(session: AsyncSession, actor: Actor, now: datetime) -> dict[str, Any]:
    station_id, calls_them = actor.station_id, actor.role in WORK_ORDER_DESK
    waiting = await today.unanswered(session, station_id)
    since = [work_order.order.paid_at or work_order.order.placed_at for work_order in waiting]
    ages = [now - at for at in since]
    return {
        "takings": await today.takings(session, station_id, now.astimezone(BEIJING).date()),
        "unanswered": [
            (work_order, today.age_text(age), age >= LATE)
            for work_order, age in zip(waiting, ages, strict=True)
        ],
        "calls": await open_calls(session, actor, now, MOST_CALLS) if calls_them else [],
        "running_out": await today.running_out(session, station_id),
    }


ROUTES: list[ControllerRouterHandler] = [today_page]
