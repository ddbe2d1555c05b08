"""Money at the desk: how families stand, a run from draft to approval."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from catalog.checks import BEIJING
from catalog.db import Sessions
from catalog.models import Role
from shop.models import PayoutRun, PayoutState
from tests.desk import only, open_desk
from tests.making import make_product, make_workshop
from tests.shop.money import sell

MONEY_DESK = only(Role.MANAGER, Role.FINANCE)


async def runs(sessions: Sessions) -> list[PayoutRun]:
    async with sessions() as session:
        return list(await session.scalars(select(PayoutRun).order_by(PayoutRun.id)))


async def test_only_manager_and_finance_see_money(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        assert await desk.statuses("/desk/money") == MONEY_DESK
        assert await desk.statuses("/desk/money/fees") == MONEY_DESK
        page = (await desk.web.get("/desk/money")).text
        await desk.enter(Role.FINANCE)
        page = (await desk.web.get("/desk/money")).text
        assert "还没有作坊" in page
        assert "还没有结算过。" in page
        answer = await desk.web.submit("/desk/money/runs")
        assert answer.status_code == 409
        assert "现在没有可以结的钱。" in answer.text
        assert await runs(sessions) == []


async def test_a_run_is_made_by_one_and_approved_by_another(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        today = datetime.now(UTC).astimezone(BEIJING).date()
        product = await make_product(sessions, await make_workshop(sessions, desk.station))
        await sell(sessions, product, payable_on=today, fee_bp=500)
        await sell(sessions, product, payable_on=today + timedelta(days=3))
        await desk.enter(Role.FINANCE)
        page = (await desk.web.get("/desk/money")).text
        for figure in ("¥538.60", "<strong>¥262.60</strong>", "¥276", "做 1 家，¥262.60", "¥13.40"):
            assert figure in page
        answer = await desk.web.submit("/desk/money/runs")
        (run,) = await runs(sessions)
        path = f"/desk/money/runs/{run.id}"
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        page = (await desk.web.get(path)).text
        assert "要另一位管理员或财务来批准" in page
        assert 'id="approve"' not in page
        answer = await desk.web.submit(f"{path}/approve")
        assert answer.status_code == 409
        assert "不能自己批准" in answer.text
        assert (await runs(sessions))[0].state == PayoutState.DRAFTED
        await desk.enter(Role.MANAGER)
        assert "批准付 ¥262.60" in (await desk.web.get(path)).text
        assert (await desk.web.submit(f"{path}/approve")).status_code == 303
        assert (await runs(sessions))[0].state == PayoutState.APPROVED
        page = (await desk.web.get(path)).text
        assert "打收据" in page
        assert "manager</strong> 批准" in page
        page = (await desk.web.get("/desk/money")).text
        assert "待付" in page
        assert 'id="draft"' not in page
