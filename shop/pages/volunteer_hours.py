"""Confirmed hours as files to keep: everybody's for those who plan, one's own for each."""

from datetime import datetime

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import SHOW_EDITORS, SHOW_VIEWERS, Actor, allow
from catalog.checks import BEIJING
from catalog.spans import Span, read_span
from live.volunteers import Hours, hours
from shop.pages.sheets import answer_sheet
from shop.sheets import Cell, Sheet

_HEADERS = (
    "姓名",
    "场次",
    "开始（北京时间）",
    "彩排",
    "做什么",
    "分钟",
    "确认人",
    "确认时间（北京时间）",
)


@get("/desk/volunteers/hours/{file:str}", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def all_hours(
    file: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
) -> Response[bytes]:
    """The station's hours of these days as `hours.csv` or `hours.xlsx`."""
    span = read_span(since, until, now.astimezone(BEIJING).date())
    found = await hours(session, actor.station_id, span)
    return answer_sheet(_sheet(actor.station_name, span, found), file)


@get("/desk/volunteers/mine/{file:str}", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def own_hours(
    file: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    since: FromQuery[str] = "",
    until: FromQuery[str] = "",
) -> Response[bytes]:
    """The member's own hours of these days, in the same form."""
    span = read_span(since, until, now.astimezone(BEIJING).date())
    found = await hours(session, actor.station_id, span, actor.member_id)
    return answer_sheet(_sheet(actor.name, span, found), file)


def _sheet(whose: str, span: Span, found: list[Hours]) -> Sheet:
    return Sheet(f"{whose} {span.words} 服务时长", _HEADERS, [_row(one) for one in found])


def _row(one: Hours) -> tuple[Cell, ...]:
    return (
        one.member.name,
        one.show.title,
        one.show.starts_at,
        "彩排" if one.show.rehearsal else "",
        one.role_name,
        one.minutes,
        one.confirmed_by,
        one.confirmed_at,
    )


ROUTES: list[ControllerRouterHandler] = [all_hours, own_hours]
