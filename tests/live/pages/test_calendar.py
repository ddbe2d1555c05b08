"""The calendar's page: what each role sees, and where a free half hour leads."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from catalog.access import MEMBERS
from catalog.db import Sessions
from catalog.models import Member, Role
from live.models import Show, ShowState
from live.scheduling import schedule_show
from tests.desk import only, open_desk
from tests.making import act, make_member, make_station

# A Monday that lies ahead, whenever this runs.
MONDAY = datetime.fromisoformat("2093-11-23T00:00+08:00")
WEEK = "/desk/calendar?view=week&day=2093-11-28"
MONTH = "/desk/calendar?view=month&day=2093-11-28"
SATURDAY_EVENING = MONDAY + timedelta(days=5, hours=19, minutes=30)


async def plan(sessions: Sessions, host: Member, start: datetime, **values: Any) -> Show:
    state = values.pop("state", ShowState.READY)
    facts = {"title": "木雕专场", "starts_at": start, "ends_at": start + timedelta(hours=2)}
    async with sessions.begin() as session:
        show = await schedule_show(session, act(host), {**facts, **values}, start)
        show.state = state
    return show


def rows(page: str, title: str) -> list[str]:
    """The `rowspan` of the cells that a show has in the week's table."""
    cell = re.compile(r'<td class="taken[^>]*rowspan="(\d+)"[^>]*>(.*?)</td>', re.DOTALL)
    return [span for span, inside in cell.findall(page) if title in inside]


async def test_a_week_shows_each_show_where_and_when_it_is(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        host = await desk.enter(Role.HOST)
        show = await plan(sessions, host, SATURDAY_EVENING, place="<b>文化站</b>", rehearsal=True)
        page = (await desk.web.get(WEEK)).text
        assert "2093年11月23日 至 29日" in page
        assert "北京时间" in page
        assert rows(page, "木雕专场") == ["4"]
        assert f'href="/desk/shows/{show.id}"' in page
        assert "19:30–21:30" in page
        assert "host · &lt;b&gt;文化站&lt;/b&gt;" in page
        assert "<b>文化站" not in page
        assert "彩排" in page
        for key, there in (
            ("ArrowLeft", "week&amp;day=2093-11-21"), ("ArrowRight", "week&amp;day=2093-12-05"),
            ("W", "week&amp;day=2093-11-28"), ("M", "month&amp;day=2093-11-28"),
        ):  # fmt: skip
            assert f'href="/desk/calendar?view={there}" data-key="{key}"' in page, key
        assert 'data-key="T"' in page
        following = (await desk.web.get("/desk/calendar?view=week&day=2093-12-05")).text
        assert rows(following, "木雕专场") == []
        assert "这一周没有直播" in following


async def test_a_month_shows_four_of_a_day_and_counts_the_rest(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        for n in range(6):
            host = await make_member(sessions, desk.station, Role.HOST)
            await plan(sessions, host, SATURDAY_EVENING, title=f"第{n}场", state=ShowState.DRAFT)
        await desk.enter(Role.MANAGER)
        page = (await desk.web.get(MONTH)).text
        table = page[page.index("<table") : page.index("</table")]
        assert "2093年11月" in page
        assert [f"第{n}场" in table for n in range(6)] == [True] * 4 + [False] * 2
        assert "还有 2 场" in table
        # The list for phones has them all.
        assert all(f"第{n}场" in page for n in range(6))


async def test_a_free_half_hour_opens_the_form_with_its_time(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.MANAGER)
        page = (await desk.web.get(WEEK)).text
        slot = "/desk/shows/new?start=2093-11-28T19:30"
        assert f'href="{slot}"' in page
        form = (await desk.web.get(slot)).text
        assert 'value="2093-11-28T19:30"' in form
        assert 'value="2093-11-28T21:30"' in form
        for wrong in ("gestern", "9999-12-31T23:59", "1900-01-01", "2093-11-28T19:30Z%2B"):
            assert (await desk.web.get(f"/desk/shows/new?start={wrong}")).status_code == 200
        past = (await desk.web.get("/desk/calendar?view=week&day=2020-01-01")).text
        assert "/desk/shows/new?start" not in past


async def test_who_may_look_and_who_may_plan(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        host = await make_member(sessions, desk.station, Role.HOST)
        await plan(sessions, host, SATURDAY_EVENING)
        far = await make_member(sessions, await make_station(sessions, "far"), Role.HOST)
        await plan(sessions, far, SATURDAY_EVENING, title="别站的")
        assert await desk.statuses(WEEK) == only(*MEMBERS - {Role.ARTISAN})
        for role in (Role.VOLUNTEER, Role.FINANCE):
            await desk.enter(role)
            for address in (WEEK, MONTH):
                page = (await desk.web.get(address)).text
                assert "木雕专场" in page
                assert "别站的" not in page
                assert "/desk/shows/new" not in page
        assert 'href="/desk/calendar" data-go="c" aria-current="page"' in page


async def test_whatever_the_address_says_there_is_a_calendar(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.VOLUNTEER)
        for query in (
            "", "?view=year", "?day=gestern", "?view=month&day=2100-12-31", "?day=2000-01-01",
            "?view=week&day=9999-12-31", "?day=%00", f"?day={'9' * 300}",
        ):  # fmt: skip
            answer = await desk.web.client.get(f"/desk/calendar{query}")
            assert answer.status_code == 200, query
        assert 'aria-disabled="true"' in (await desk.web.get("/desk/calendar?day=2100-12-31")).text
