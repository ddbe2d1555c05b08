"""The register of recordings at the desk."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from catalog.access import SHOW_EDITORS, SHOW_VIEWERS
from catalog.db import Sessions
from catalog.models import Role
from live.models import Recording, Show, ShowState
from live.recordings import kept_at_least_until
from tests.desk import Desk, only, open_desk
from tests.making import make_live_show, make_member, make_product, make_station, make_workshop
from tests.shop.pages.buyer import NASTY, change, value_of, words


@pytest.fixture
async def desk(sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(sessions, database_url, tmp_path) as opened:
        yield opened


async def ended(desk: Desk, days_ago: float) -> Show:
    product = await make_product(desk.sessions, await make_workshop(desk.sessions, desk.station))
    show = await make_live_show(desk.sessions, [product])
    show.ended_at = datetime.now(UTC) - timedelta(days=days_ago)
    await change(desk.sessions, show, state=ShowState.ENDED, ended_at=show.ended_at)
    return show


async def count(sessions: Sessions) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(Recording)) or 0


async def test_who_may_see_and_who_may_write(desk: Desk) -> None:
    show = await ended(desk, 1)
    assert await desk.statuses("/desk/recordings") == only(*SHOW_VIEWERS)
    assert await desk.statuses(f"/desk/shows/{show.id}/recordings") == only(*SHOW_VIEWERS)
    await desk.enter(Role.ASSISTANT)
    page = (await desk.web.get(f"/desk/shows/{show.id}/recordings")).text
    assert "<form" not in page.partition("<main")[2].partition("</main>")[0]
    assert Role.ASSISTANT not in SHOW_EDITORS


async def test_a_recording_is_written_in_corrected_and_struck_out(desk: Desk) -> None:
    show = await ended(desk, 1)
    path = f"/desk/shows/{show.id}/recordings"
    await desk.enter(Role.HOST)
    page = (await desk.web.get(path)).text
    assert "这一场还没有登记录像" in words(page)
    least = kept_at_least_until(show).isoformat()
    assert value_of(page, "keep_until") == least
    typed = {"lies_at": NASTY, "keeper": "王老师", "keep_until": least, "channel": "抖音"}
    assert (await desk.web.submit(path, typed)).status_code == 303
    page = (await desk.web.get(path)).text
    assert "<script>alert" not in page
    assert f"王老师 留到 {least} host" in words(page).replace("谁保管 ", "")
    async with desk.sessions() as session:
        recording = (await session.scalars(select(Recording))).one()
    edit = f"/desk/recordings/{recording.id}"
    assert value_of((await desk.web.get(edit)).text, "lies_at") == NASTY
    answer = await desk.web.submit(edit, typed | {"keep_until": "2027-01-01"})
    assert answer.status_code == 422
    assert "直播录像至少要留 3 年" in words(answer.text)
    assert value_of(answer.text, "keep_until") == "2027-01-01"
    await desk.web.submit(edit, typed | {"lies_at": "https://pan.example/x"})
    listed = (await desk.web.get("/desk/recordings")).text
    assert '<a href="https://pan.example/x" rel="noopener noreferrer"' in listed
    answer = await desk.web.submit(f"{edit}/drop")
    assert answer.status_code == 409
    assert "还不能划掉" in words(answer.text)
    assert await count(desk.sessions) == 1
    await change(desk.sessions, recording, keep_until=date(2020, 1, 1))
    assert "可以删了" in words((await desk.web.get("/desk/recordings")).text)
    await desk.web.get(path)
    assert (await desk.web.submit(f"{edit}/drop")).status_code == 303
    assert await count(desk.sessions) == 0


async def test_what_is_missing_is_pointed_out(desk: Desk) -> None:
    await ended(desk, 6)
    await desk.enter(Role.VOLUNTEER)
    assert "还没有登记过录像" in words((await desk.web.get("/desk/recordings")).text)
    show = await ended(desk, 8)
    page = (await desk.web.get("/desk/recordings")).text
    assert "1 场结束超过 7 天，还没有登记录像" in words(page)
    assert f'href="/desk/shows/{show.id}/recordings"' in page


async def test_a_show_that_goes_on_has_none_yet(desk: Desk) -> None:
    product = await make_product(desk.sessions, await make_workshop(desk.sessions, desk.station))
    show = await make_live_show(desk.sessions, [product])
    await desk.enter(Role.MANAGER)
    path = f"/desk/shows/{show.id}/recordings"
    assert "这一场还没有结束" in words((await desk.web.get(path)).text)
    answer = await desk.web.submit(path, {"lies_at": "x"})
    assert (answer.status_code, "结束以后再登记录像" in answer.text) == (409, True)
    assert await count(desk.sessions) == 0


async def test_another_stations_are_not_there(desk: Desk) -> None:
    show = await ended(desk, 8)
    await desk.enter(Role.MANAGER)
    await desk.web.get(f"/desk/shows/{show.id}/recordings")
    least = kept_at_least_until(show).isoformat()
    typed = {"lies_at": "我们的硬盘", "keeper": "王老师", "keep_until": least}
    await desk.web.submit(f"/desk/shows/{show.id}/recordings", typed)
    async with desk.sessions() as session:
        recording = (await session.scalars(select(Recording))).one()
    elsewhere = await make_station(desk.sessions, "other")
    await desk.become(await make_member(desk.sessions, elsewhere, Role.MANAGER))
    page = (await desk.web.get("/desk/recordings")).text
    assert "我们的硬盘" not in page
    assert "周日专场" not in page
    for path in (f"/desk/shows/{show.id}/recordings", f"/desk/recordings/{recording.id}"):
        assert (await desk.web.get(path)).status_code == 404
        await desk.web.get("/desk/links")
        assert (await desk.web.submit(path, typed)).status_code == 404
    await desk.web.get("/desk/links")
    assert (await desk.web.submit(f"/desk/recordings/{recording.id}/drop")).status_code == 404
    assert await count(desk.sessions) == 1
