"""A family's statement at the desk: on the page, as files, and what the fund takes over."""

import io
from datetime import UTC, datetime
from pathlib import Path

import openpyxl

from catalog.checks import BEIJING
from catalog.db import Sessions
from catalog.models import Role, Workshop
from shop import payouts
from tests.desk import Desk, only, open_desk
from tests.making import act, make_member, make_product, make_station, make_workshop
from tests.shop.money import give_back, sell

EVIL = "=cmd|' /C calc'!A0"


async def paid_and_returned(desk: Desk) -> Workshop:
    """A family that was paid 276 for what was sent back after."""
    now = datetime.now(UTC)
    workshop = await make_workshop(desk.sessions, desk.station)
    product = await make_product(desk.sessions, workshop, name=EVIL)
    order = await sell(desk.sessions, product, payable_on=now.astimezone(BEIJING).date(), now=now)
    one, other = [
        act(await make_member(desk.sessions, desk.station, Role.MANAGER)) for _ in range(2)
    ]
    async with desk.sessions.begin() as session:
        run = await payouts.draft_run(session, one, now)
    async with desk.sessions.begin() as session:
        await payouts.approve_run(session, other, run.id, now)
    async with desk.sessions.begin() as session:
        proof = payouts.Proof(witness="赵主任", receipt_key="receipts/1")
        await payouts.mark_paid(session, one, run.payouts[0].id, proof, now)
    await give_back(desk.sessions, order.work_orders[0], now)
    return workshop


async def test_a_statement_is_a_page_and_two_files(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        path = f"/desk/money/workshops/{(await paid_and_returned(desk)).id}"
        assert await desk.statuses(path) == only(Role.MANAGER, Role.FINANCE)
        await desk.enter(Role.FINANCE)
        page = (await desk.web.get(path)).text
        assert "=cmd|&#39; /C calc&#39;!A0 ×1" in page
        assert page.count("−¥276") == 7
        assert 'name="amount"' not in page
        answer = await desk.web.get(f"{path}/statement.csv")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert "statement.csv" in answer.headers["content-disposition"]
        rows = answer.content.decode("utf-8-sig").splitlines()
        assert rows[0] == "时间（北京时间）,事由,作品或付法,订单,工单,金额（元）,余额（元）"
        assert [row.rpartition(",")[2] for row in rows[1:]] == [
            "0.00", "268.00", "276.00", "0.00", "-276.00", "-276.00",
        ]  # fmt: skip
        assert f"'{EVIL} ×1" in rows[2]
        answer = await desk.web.get(f"{path}/statement.xlsx")
        sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
        assert (sheet["C3"].value, sheet["C3"].data_type) == (f"{EVIL} ×1", "s")
        assert (sheet["G7"].value, sheet["G7"].data_type) == (-276, "n")
        assert sheet["C5"].value == "现金，见证人 赵主任"
        assert (await desk.web.get(f"{path}/statement.pdf")).status_code == 404
        empty = (await desk.web.get(f"{path}?since=2020-01-01&until=2020-02-29")).text
        assert "这段时间没有账目。" in empty
        for wrong in ("since=x&until=y", "since=2026-02-02&until=2026-01-01", "since=0001-01-01"):
            assert "这段时间没有账目。" not in (await desk.web.get(f"{path}?{wrong}")).text


async def test_a_statement_is_of_the_own_station(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await paid_and_returned(desk)
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        path = f"/desk/money/workshops/{workshop.id}"
        assert (await desk.web.get(path)).status_code == 404
        assert (await desk.web.get(f"{path}/statement.csv")).status_code == 404
        await desk.web.get("/desk/money")
        typed = {"amount": "1", "reason": "x", "seen": "1"}
        assert (await desk.web.submit(f"{path}/lift", typed)).status_code == 404


async def test_the_manager_lets_the_fund_take_over_a_debt(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        path = f"/desk/money/workshops/{(await paid_and_returned(desk)).id}"
        await desk.enter(Role.FINANCE)
        assert "这家多付了 <strong>¥276</strong>" in (await desk.web.get(path)).text
        async with sessions() as session:
            seen = await payouts.newest_entry(session, int(path.rpartition("/")[2]))
        typed = {"amount": "300", "reason": "", "seen": str(seen)}
        assert (await desk.web.submit(f"{path}/lift", typed)).status_code == 403
        await desk.enter(Role.MANAGER)
        assert f'name="seen" value="{seen}"' in (await desk.web.get(path)).text
        answer = await desk.web.submit(f"{path}/lift", typed)
        assert answer.status_code == 422
        assert "最多 276 元：这家只欠着这么多。" in answer.text
        assert "请填写原因。" in answer.text
        typed |= {"amount": "276", "reason": "老人住院"}
        assert (await desk.web.submit(f"{path}/lift", typed)).status_code == 303
        answer = await desk.web.submit(f"{path}/lift", typed)
        assert answer.status_code == 409
        assert "账目刚刚有变化" in answer.text
        page = (await desk.web.get(path)).text
        assert "老人住院" in page
        assert "这家多付了" not in page
        assert "帮补基金出了 ¥276" in (await desk.web.get("/desk/money")).text
