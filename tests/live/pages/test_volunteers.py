"""The pages of helping hands: asking, signing up, confirming, and the files of confirmed hours."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
from sqlalchemy import select

from catalog.access import MEMBERS
from catalog.db import Sessions
from catalog.models import Member, Role
from live.models import Show, ShowState, SignUp
from tests.desk import Desk, only, open_desk
from tests.live.pages.test_calendar import SATURDAY_EVENING, plan

HERE = "/desk/volunteers"
DAYS = "?since=2093-11-01&until=2093-11-30"


async def sign_ups(sessions: Sessions) -> list[SignUp]:
    async with sessions() as session:
        return list(await session.scalars(select(SignUp).order_by(SignUp.id)))


async def ask(desk: Desk, show: Show, **wanted: str) -> None:
    """As the host, say how many hands the show wants."""
    await desk.enter(Role.HOST)
    await desk.web.get(f"/desk/shows/{show.id}/helpers")
    answer = await desk.web.submit(f"/desk/shows/{show.id}/helpers/roles", wanted)
    assert answer.status_code == 303, answer.text


async def put(sessions: Sessions, show: Show, state: ShowState) -> None:
    async with sessions.begin() as session:
        (await session.get_one(Show, show.id)).state = state


async def rename(sessions: Sessions, member: Member, name: str) -> None:
    async with sessions.begin() as session:
        (await session.get_one(Member, member.id)).name = name


async def test_from_asking_for_hands_to_confirmed_hours(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        host = await desk.enter(Role.HOST)
        show = await plan(sessions, host, SATURDAY_EVENING)
        base = f"/desk/shows/{show.id}"
        assert f'href="{base}/helpers"' in (await desk.web.get(base)).text
        await ask(desk, show, camera="1", packing="2", runner="")

        volunteer = await desk.enter(Role.VOLUNTEER)
        await rename(sessions, volunteer, "=1+1<i>")
        page = (await desk.web.get(HERE)).text
        assert "木雕专场" in page
        assert "11月28日 19:30–21:30" in page
        assert "我来摄像" in page
        answer = await desk.web.submit(f"{base}/sign-up", {"role": "camera"})
        assert (answer.status_code, answer.headers["location"]) == (303, HERE)
        page = (await desk.web.get(HERE)).text
        assert "报上名了：摄像。" in page
        assert "我报了" in page
        assert "我来打包" not in page

        await desk.enter(Role.ASSISTANT)
        page = (await desk.web.get(HERE)).text
        assert ("我来摄像" in page, "我来打包" in page) == (False, True)
        answer = await desk.web.submit(f"{base}/sign-up", {"role": "camera"})
        assert answer.status_code == 409
        assert "摄像的人刚刚满了" in answer.text

        await put(sessions, show, ShowState.ENDED)
        await desk.enter(Role.HOST)
        assert "1 场等确认" in (await desk.web.get(HERE)).text
        page = (await desk.web.get(f"{base}/helpers")).text
        assert "=1+1&lt;i&gt;" in page
        (row,) = await sign_ups(sessions)
        field = f"minutes-{row.id}"
        assert re.search(rf'name="{field}"[^>]*value="120"', page)
        answer = await desk.web.submit(f"{base}/helpers/minutes", {field: "二百"})
        assert answer.status_code == 422
        assert re.search(rf'name="{field}"[^>]*value="二百"', answer.text)
        assert (await sign_ups(sessions))[0].minutes is None
        answer = await desk.web.submit(f"{base}/helpers/minutes", {field: "150"})
        assert answer.status_code == 303
        (row,) = await sign_ups(sessions)
        assert (row.minutes, row.confirmed_by) == (150, host.id)

        page = (await desk.web.get(f"{HERE}/hours{DAYS}")).text
        assert "2 小时 30 分钟" in page
        assert f'href="{HERE}/hours/hours.xlsx?since=2093-11-01&amp;until=2093-11-30"' in page
        table = await read_csv(desk, f"{HERE}/hours/hours.csv{DAYS}")
        assert table[0] == [
            "姓名", "场次", "开始（北京时间）", "彩排", "做什么", "分钟", "确认人", "确认时间（北京时间）",
        ]  # fmt: skip
        (told,) = table[1:]
        assert told[:7] == ["'=1+1<i>", "木雕专场", "2093-11-28 19:30", "", "摄像", "150", "host"]
        sheet = openpyxl.load_workbook(
            io.BytesIO((await desk.web.client.get(f"{HERE}/hours/hours.xlsx{DAYS}")).content)
        ).active
        cells = [cell.value for cell in sheet[2]]
        assert cells[:6] == [
            "=1+1<i>",
            "木雕专场",
            datetime.fromisoformat("2093-11-28T19:30"),
            None,
            "摄像",
            150,
        ]
        assert sheet["A2"].data_type == "s"
        assert await read_csv(
            desk, f"{HERE}/hours/hours.csv?since=2093-12-01&until=2093-12-31"
        ) == [table[0]]
        assert (await desk.web.client.get(f"{HERE}/hours/hours.pdf{DAYS}")).status_code == 404

        await desk.enter(Role.VOLUNTEER)
        assert "2 小时 30 分钟" in (await desk.web.get(f"{HERE}{DAYS}")).text
        assert await read_csv(desk, f"{HERE}/mine/hours.csv{DAYS}") == table
        await desk.enter(Role.ASSISTANT)
        assert await read_csv(desk, f"{HERE}/mine/hours.csv{DAYS}") == [table[0]]


async def read_csv(desk: Desk, path: str) -> list[list[str]]:
    answer = await desk.web.client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


async def test_a_place_is_given_back_by_oneself_and_by_those_who_plan(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        show = await plan(sessions, await desk.enter(Role.HOST), SATURDAY_EVENING)
        await ask(desk, show, other="1")
        await desk.enter(Role.VOLUNTEER)
        await desk.web.get(HERE)
        await desk.web.submit(f"/desk/shows/{show.id}/sign-up", {"role": "other"})
        (row,) = await sign_ups(sessions)
        away = f"/desk/sign-ups/{row.id}/cancel"
        await desk.enter(Role.ASSISTANT)
        await desk.web.get(HERE)
        assert (await desk.web.submit(away)).status_code == 403
        assert (await sign_ups(sessions))[0].cancelled_at is None
        await desk.enter(Role.VOLUNTEER)
        await desk.web.get(HERE)
        answer = await desk.web.submit(away)
        assert answer.headers["location"] == HERE
        assert (await sign_ups(sessions))[0].cancelled_at is not None
        await desk.web.get(HERE)
        await desk.web.submit(f"/desk/shows/{show.id}/sign-up", {"role": "other"})
        await desk.enter(Role.HOST)
        page = (await desk.web.get(f"/desk/shows/{show.id}/helpers")).text
        assert f'formaction="{away}"' in page
        answer = await desk.web.submit(away)
        assert answer.headers["location"] == f"/desk/shows/{show.id}/helpers"
        await put(sessions, show, ShowState.LIVE)
        await desk.enter(Role.VOLUNTEER)
        await desk.web.get(HERE)
        late = await desk.web.submit(f"/desk/shows/{show.id}/sign-up", {"role": "other"})
        assert (late.status_code, "已经开始" in late.text) == (409, True)


async def test_a_bad_number_comes_back_with_all_that_was_typed(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        show = await plan(sessions, await desk.enter(Role.HOST), SATURDAY_EVENING)
        at = f"/desk/shows/{show.id}/helpers"
        await desk.web.get(at)
        answer = await desk.web.submit(f"{at}/roles", {"camera": "很多", "packing": "3"})
        assert answer.status_code == 422
        assert "摄像的人数要填整数。" in answer.text
        assert 'name="camera" value="很多"' in answer.text
        assert 'name="packing" value="3"' in answer.text
        assert "这一场没有要人手" in (await desk.web.get(at)).text


async def test_who_sees_and_who_decides(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        show = await plan(sessions, await desk.enter(Role.HOST), SATURDAY_EVENING)
        await ask(desk, show, camera="1")
        at = f"/desk/shows/{show.id}/helpers"
        everybody = only(*MEMBERS - {Role.ARTISAN})
        editors = only(Role.MANAGER, Role.HOST)
        assert await desk.statuses(HERE) == everybody
        assert await desk.statuses(at) == everybody
        assert await desk.statuses(f"{HERE}/hours") == editors
        assert await desk.statuses(f"{HERE}/hours/hours.csv") == editors
        assert await desk.statuses(f"{HERE}/mine/hours.xlsx") == everybody
        await desk.enter(Role.VOLUNTEER)
        page = (await desk.web.get(at)).text
        assert "要几个人" not in page
        for path in (f"{at}/roles", f"{at}/minutes"):
            await desk.web.get(at)
            assert (await desk.web.submit(path, {"camera": "9"})).status_code == 403


async def test_a_time_that_is_over_is_not_asked_for_any_more(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        host = await desk.enter(Role.HOST)
        show = await plan(sessions, host, datetime.now(UTC) - timedelta(hours=5))
        await ask(desk, show, camera="1")
        page = (await desk.web.get(HERE)).text
        assert "木雕专场" not in page
        assert "现在没有场次要人手" in page
