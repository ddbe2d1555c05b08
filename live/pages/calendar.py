"""The desk's calendar: a week or a month of shows; a free half hour opens the scheduling form."""

from datetime import date, datetime

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import SHOW_EDITORS, SHOW_VIEWERS, Actor, allow
from catalog.answers import page
from catalog.spans import Span
from live import calendar
from live.calendar import View
from live.models import Show

WEEKDAYS = "一二三四五六日"


@get("/desk/calendar", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def calendar_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    view: FromQuery[str] = "",
    day: FromQuery[str] = "",
) -> Template:
    """The week or the month that a day is in; today's week where nothing else is asked for."""
    chosen = calendar.read_view(view)
    today = calendar.today_in_beijing(now)
    shown = calendar.read_day(day, today)
    span = calendar.span_of(chosen, shown)
    shows = await calendar.shows_in(session, actor.station_id, calendar.around(span))
    return page(
        "live/calendar.html",
        view=chosen,
        heading=_heading(chosen, span),
        day=shown,
        today=today,
        here=span.since <= today <= span.until,
        before=calendar.beside(chosen, shown, -1),
        after=calendar.beside(chosen, shown, 1),
        days=calendar.days_of(shows, span),
        week=calendar.week_table(shows, span) if chosen == View.WEEK else None,
        weeks=calendar.month_weeks(shows, span) if chosen == View.MONTH else None,
        weekdays=WEEKDAYS,
        text_of=text_of,
        may_begin=lambda at: calendar.may_begin(at, now),
        may_edit=actor.role in SHOW_EDITORS,
    )


def text_of(show: Show) -> str:
    """Who and where, for the block of a show."""
    return " · ".join(part for part in (show.host.name, show.place) if part)


def _heading(view: View, span: Span) -> str:
    if view == View.MONTH:
        return span.words
    return f"{_named(span.since)} 至 {_named(span.until, span.since)}"


def _named(day: date, after: date | None = None) -> str:
    """A day as the heading tells it; the year and the month only where they are not said yet."""
    year = f"{day.year}年" if after is None or after.year != day.year else ""
    month = f"{day.month}月" if year or after is None or after.month != day.month else ""
    return f"{year}{month}{day.day}日"


ROUTES: list[ControllerRouterHandler] = [calendar_page]
