"""The desk's list of what was told, and the button that sends once more."""

from pathlib import Path

from sqlalchemy import select, update

from catalog.db import Sessions
from catalog.models import AuditEntry, Role
from shop.models import Notice
from shop.notices import SEND_JOB, Event, tell_buyer, tell_family
from shop.sending import NOT_TAKEN
from tests.desk import Desk, only, open_desk
from tests.making import NOON, make_product, make_station, make_workshop
from tests.shop.pages.buyer import words
from tests.shop.sales import jobs, order, want

PATH = "/desk/notices"
URLS = "json://127.0.0.1:9/SECRET/{phone}"


async def told(desk: Desk) -> Notice:
    """A family and a buyer of the desk's station were to be told; the buyer's notice."""
    product = await make_product(desk.sessions, await make_workshop(desk.sessions, desk.station))
    placed = await order(desk.sessions, want(product))
    family = (product.station_id, product.workshop_id)
    async with desk.sessions.begin() as session:
        tell_family(
            session, Event.BEHIND, *family, NOON, cause="1", piece="盘子", before="1日", date="2日"
        )
        tell_buyer(session, Event.DECLINED, placed, NOON, cause="1", piece="盘子", amount="¥276")
    async with desk.sessions() as session:
        return (await session.scalars(select(Notice).where(Notice.order_id.is_not(None)))).one()


async def fail(desk: Desk, notice_id: int) -> None:
    async with desk.sessions.begin() as session:
        which = update(Notice).where(Notice.id == notice_id)
        await session.execute(which.values(problem=NOT_TAKEN))


async def test_what_was_told_is_listed_with_covered_numbers(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path, NOTICE_URLS=URLS) as desk:
        assert await desk.statuses(PATH) == only(
            Role.MANAGER, Role.HOST, Role.ORDER_DESK, Role.FINANCE
        )
        await desk.enter(Role.ORDER_DESK)
        assert "还没有要告诉谁的事" in (await desk.web.get(PATH)).text
        notice = await told(desk)
        text = (await desk.web.get(PATH)).text
        for said in ("活晚了", "王家木作", "做不了", "138****8000", "要打电话", notice.text):
            assert said in text
        for hidden in (notice.phone, "再发一次</span></button>", "SECRET"):
            assert hidden not in text
        assert notice.text not in (await desk.web.get(f"{PATH}?failed=1")).text
        await fail(desk, notice.id)
        failed = words((await desk.web.get(f"{PATH}?failed=1")).text)
        assert NOT_TAKEN in failed
        assert "活晚了" not in failed
        elsewhere = await make_station(sessions, "quanshan")
        await desk.enter(Role.ORDER_DESK, elsewhere)
        assert notice.text not in (await desk.web.get(PATH)).text


async def test_once_more_gives_it_its_job_again(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path, NOTICE_URLS=URLS) as desk:
        notice = await told(desk)
        again = f"{PATH}/{notice.id}/again"
        await desk.enter(Role.ORDER_DESK)
        await desk.web.get(PATH)
        await desk.web.submit(again)
        assert "这一条不用再发了" in (await desk.web.get(PATH)).text
        await fail(desk, notice.id)

        elsewhere = await make_station(sessions, "quanshan")
        await desk.enter(Role.ORDER_DESK, elsewhere)
        await desk.web.get(PATH)
        assert (await desk.web.submit(again)).status_code == 404
        await desk.enter(Role.FINANCE)
        assert "再发一次</span></button>" not in (await desk.web.get(PATH)).text
        assert (await desk.web.submit(again)).status_code == 403
        assert await jobs(sessions, SEND_JOB) == []

        await desk.enter(Role.ORDER_DESK)
        assert "再发一次</span></button>" in (await desk.web.get(PATH)).text
        for _ in range(2):
            assert (await desk.web.submit(again)).status_code == 303
        assert [job.args for job in await jobs(sessions, SEND_JOB)] == [{"notice_id": notice.id}]
    async with sessions() as session:
        entries = list(await session.scalars(select(AuditEntry.action)))
        row = await session.get_one(Notice, notice.id)
    assert entries.count("notice.again") == 1
    assert (row.problem, row.sent_at, row.done_at) == ("", None, None)


async def test_with_no_channel_there_is_nothing_to_send_by(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        notice = await told(desk)
        await fail(desk, notice.id)
        await desk.enter(Role.MANAGER)
        assert "再发一次</span></button>" not in (await desk.web.get(PATH)).text
        await desk.web.submit(f"{PATH}/{notice.id}/again")
        assert await jobs(sessions, SEND_JOB) == []
