"""Reports at the desk: read, kept as files, archived; rehearsals apart."""

import csv
import io
import re
from pathlib import Path

from openpyxl import load_workbook
from sqlalchemy import select

from catalog.db import Sessions
from catalog.models import Product, Role
from live.models import Link, Show, ShowState
from live.on_air import end_show
from live.shows import get_show
from tests.desk import Desk, only, open_desk
from tests.live.acting import host_of, make_link
from tests.live.test_windows import at, link_of_show, scan
from tests.making import make_live_show, make_product, make_station, make_workshop
from tests.shop.pages.buyer import words
from tests.shop.sales import order, pay
from tests.shop.test_reports import by

VIEWERS = (Role.MANAGER, Role.HOST, Role.ORDER_DESK, Role.FINANCE)


async def held_show(
    desk: Desk, *, name: str = "福字圆挂", rehearsal: bool = False
) -> tuple[Show, Product, Link]:
    """A show of an hour with one piece: four scans, one too late, and one order of two pieces."""
    workshop = await make_workshop(desk.sessions, desk.station)
    product = await make_product(desk.sessions, workshop, on_hand=9, name=name)
    show = await make_live_show(desk.sessions, [product])
    code = "22222" if rehearsal else "33333"
    link = await make_link(desk.sessions, product, show, code)
    async with desk.sessions.begin() as session:
        (await session.get_one(Show, show.id)).rehearsal = rehearsal
    await scan(desk.sessions, link, at(1), at(2), at(65), at(70))
    await pay(desk.sessions, await order(desk.sessions, by(link, 2), now=at(3)))
    host = await host_of(desk.sessions, show)
    async with desk.sessions.begin() as session:
        await end_show(session, host, show.id, at(60))
    return show, product, link


async def test_who_reads_reports(sessions: Sessions, database_url: str, tmp_path: Path) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        show, _, _ = await held_show(desk)
        for path in ("", f"/shows/{show.id}", f"/shows/{show.id}/report.csv"):
            assert await desk.statuses(f"/desk/reports{path}") == only(*VIEWERS)
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        for path in ("", "/report.csv", "/report.xlsx"):
            answer = await desk.web.get(f"/desk/reports/shows/{show.id}{path}")
            assert answer.status_code == 404
        answer = await desk.web.get("/desk/reports")
        assert "还没有结束的场次" in words(answer.text)


async def test_the_list_has_each_show_and_rehearsals_in_a_tab_of_their_own(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.FINANCE)
        assert "还没有彩排过" in words((await desk.web.get("/desk/reports?rehearsal=1")).text)
        show, _, _ = await held_show(desk)
        tried, _, _ = await held_show(desk, rehearsal=True)
        real = (await desk.web.get("/desk/reports")).text
        rehearsed = (await desk.web.get("/desk/reports?rehearsal=1")).text
        end = (await desk.web.get(f"/desk/reports?before={show.id}")).text
    links = r'href="/desk/reports/shows/(\d+)"'
    assert re.findall(links, real) == [str(show.id)]
    assert re.findall(links, rehearsed) == [str(tried.id)]
    assert "11月22日 12:00 周日专场 host · 1 件作品 4 1 2 ¥536 — ¥536 已结束" in words(real)
    assert "这一页 1 场 4 1 2 ¥536 ¥0 ¥536" in words(real)
    assert "没有更早的了" in words(end)


async def test_the_report_tells_all_and_how_it_is_counted(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        show, _, _ = await held_show(desk, name="<b>福</b>")
        await scan(sessions, await link_of_show(sessions, show), at(80))
        await desk.enter(Role.ORDER_DESK)
        page = (await desk.web.get(f"/desk/reports/shows/{show.id}")).text
    said = words(page)
    assert "<b>福</b>" not in page
    assert "北京时间 11月22日 12:00 开播，11月22日 13:00 结束。" in said
    assert "1 <b>福</b> 王家木作 12:00–13:00 60 3 4 1 2 ¥536 — ¥536 —" in said
    assert "讲解单以外" in said
    assert "合计 60 3 5 1 2 ¥536 — ¥536 —" in said
    assert "王家木作 1 60 100% 100% 3 4 1 2 ¥536 — ¥536 —" in said
    assert "开播以前，和下播 10 分钟以后，扫码 2 次，卖出 0 件" in said
    assert "买家从哪一场的码进来，就算哪一场的，不管什么时候付款。" in said
    assert "彩排" not in said
    assert "归档" not in said
    assert page.count("<svg xmlns") == 3
    for foreign in ('<script type="text/javascript', "<style", "kozea", "style=", "xlink:href"):
        assert foreign not in page


async def test_a_rehearsals_report_says_so(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        show, _, _ = await held_show(desk, rehearsal=True)
        await desk.enter(Role.HOST)
        page = (await desk.web.get(f"/desk/reports/shows/{show.id}")).text
        sheet = await desk.web.get(f"/desk/reports/shows/{show.id}/report.csv")
    assert "这是彩排：不收钱，也不发货" in words(page)
    assert sheet.text.count("【彩排】周日专场") == 2


async def test_the_same_figures_as_files(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        show, _, _ = await held_show(desk, name="=1+1")
        await desk.enter(Role.FINANCE)
        here = f"/desk/reports/shows/{show.id}"
        text = await desk.web.get(f"{here}/report.csv")
        book = await desk.web.get(f"{here}/report.xlsx")
        other = await desk.web.get(f"{here}/report.pdf")
    assert other.status_code == 404
    assert text.content.startswith(b"\xef\xbb\xbf")
    header, row, rest = csv.reader(io.StringIO(text.content.decode("utf-8-sig")))
    assert header[:6] == ["场次", "日期（北京时间）", "序号", "作品", "作坊", "讲解次数"]
    figures = ["1", "60", "3", "4", "1", "2", "536.00", "0", "0.00", "536.00", "0"]
    assert row == ["周日专场", "2026-11-22", "1", "'=1+1", "王家木作", *figures]
    nothing = ["0", "0", "0", "0", "0", "0", "0.00", "0", "0.00", "0.00", "0"]
    assert rest == ["周日专场", "2026-11-22", "", "讲解单以外", "", *nothing]
    cells = list(load_workbook(io.BytesIO(book.content)).active.iter_rows())[1]
    assert (cells[3].value, cells[3].data_type) == ("=1+1", "s")
    assert [cell.value for cell in cells[5:]] == [1, 60, 3, 4, 1, 2, 536, 0, 0, 536, 0]


async def test_a_show_is_archived_with_a_name_beside_it(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        show, _, _ = await held_show(desk)
        here = f"/desk/reports/shows/{show.id}"
        await desk.enter(Role.HOST)
        assert "归档报告…" in (await desk.web.get(here)).text
        for role in (Role.FINANCE, Role.ORDER_DESK):
            await desk.enter(role)
            await desk.web.get("/desk/reports")
            assert (await desk.web.submit(f"{here}/archive")).status_code == 403
        await desk.enter(Role.HOST)
        await desk.web.get(here)
        answer = await desk.web.submit(f"{here}/archive")
        assert (answer.status_code, answer.headers["location"]) == (303, here)
        page = (await desk.web.get(here)).text
        assert re.search(r"由 host 归档", words(page))
        assert "归档报告…" not in page
        listed = words((await desk.web.get("/desk/reports")).text)
        assert "已归档" in listed
    async with sessions() as session:
        assert (await get_show(session, show.id)).state == ShowState.REPORTED


async def test_a_show_on_air_is_not_archived(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        show = await make_live_show(sessions, [await make_product(sessions, workshop)])
        await desk.enter(Role.MANAGER)
        here = f"/desk/reports/shows/{show.id}"
        assert "还在直播，数会变" in words((await desk.web.get(here)).text)
        answer = await desk.web.submit(f"{here}/archive")
        assert answer.status_code == 409
        assert "这一场还没有结束，结束以后才能归档。" in words(answer.text)
    async with sessions() as session:
        assert await session.scalar(select(Show.state)) == ShowState.LIVE
