"""What shows came to, at the desk: a list, and a report for each that one reads, keeps or prints."""

from datetime import datetime

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import REPORT_VIEWERS, SHOW_EDITORS, Actor, allow
from catalog.answers import page, see_other
from catalog.forms import read_number
from live.charts import item_chart, timeline_charts
from live.errors import WrongShowState
from live.models import ShowState
from live.report import archive_show, archived_by
from shop.pages.sheets import answer_sheet
from shop.report_sheet import sheet_of
from shop.reports import PAGE, reported_shows, show_report
from shop.web.problems import STATUSES

_LIST = "/desk/reports"
_SHOW = f"{_LIST}/shows/{{show_id:int}}"


@get(_LIST, opt=allow(REPORT_VIEWERS), include_in_schema=False)
async def list_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    rehearsal: FromQuery[str] = "",
    before: FromQuery[str] = "",
) -> Template:
    """Shows that are over, latest first; rehearsals in a tab of their own."""
    rehearsed = rehearsal == "1"
    rows = await reported_shows(
        session, actor, rehearsal=rehearsed, before=read_number(before) or None
    )
    return page(
        "shop/desk_reports.html",
        rows=rows,
        rehearsal=rehearsed,
        paged=bool(before),
        older=rows[-1].show.id if len(rows) == PAGE else None,
    )


@get(_SHOW, opt=allow(REPORT_VIEWERS), include_in_schema=False)
async def report_page(
    show_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """One show: sums, what happened when, each piece, each workshop."""
    return await _report(session, actor, show_id, now)


@get(f"{_SHOW}/{{file:str}}", opt=allow(REPORT_VIEWERS), include_in_schema=False)
async def report_file(
    show_id: FromPath[int],
    file: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Response[bytes]:
    """The same as `report.csv` or `report.xlsx`."""
    return answer_sheet(sheet_of(await show_report(session, actor, show_id, now)), file)


@post(f"{_SHOW}/archive", opt=allow(SHOW_EDITORS), include_in_schema=False)
async def archive(
    show_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The show is done with."""
    try:
        async with session.begin_nested():
            await archive_show(session, actor, show_id, now)
    except WrongShowState as refusal:
        return await _report(session, actor, show_id, now, refusal)
    return see_other(f"{_LIST}/shows/{show_id}", "归档了，这一场不再重开。")


async def _report(
    session: AsyncSession,
    actor: Actor,
    show_id: int,
    now: datetime,
    refusal: WrongShowState | None = None,
) -> Template:
    report = await show_report(session, actor, show_id, now)
    return page(
        "shop/desk_report.html",
        status=STATUSES[WrongShowState] if refusal else 200,
        errors={"": refusal.text} if refusal else {},
        report=report,
        timeline=timeline_charts(report),
        chart=item_chart(report.items),
        archived=await archived_by(session, show_id),
        may_archive=actor.role in SHOW_EDITORS and report.state == ShowState.ENDED,
    )


ROUTES: list[ControllerRouterHandler] = [list_page, report_page, report_file, archive]
