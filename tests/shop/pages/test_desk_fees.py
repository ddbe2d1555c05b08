"""The station's share at the desk."""

from pathlib import Path

from sqlalchemy import func, select

from catalog.db import Sessions
from catalog.models import Role
from shop.models import FeeRule
from tests.desk import open_desk
from tests.making import make_station, make_workshop


async def count(sessions: Sessions) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count(FeeRule.id))) or 0


async def test_the_manager_adds_a_rule_and_all_who_keep_books_see_it(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        stranger = await make_workshop(sessions, await make_station(sessions, "other"), "李家木雕")
        await desk.enter(Role.MANAGER)
        assert "还没有定过" in (await desk.web.get("/desk/money/fees")).text
        typed = {"workshop": str(workshop.id), "kind": "made_to_order", "percent": "2,5"}
        answer = await desk.web.submit("/desk/money/fees", typed)
        assert answer.status_code == 422
        assert 'value="2,5"' in answer.text
        assert f'value="{workshop.id}" selected' in answer.text
        for workshop_id in (stranger.id, "x"):
            wrong = {**typed, "workshop": str(workshop_id), "percent": "2.5"}
            assert (await desk.web.submit("/desk/money/fees", wrong)).status_code == 422
        assert await count(sessions) == 0
        answer = await desk.web.submit("/desk/money/fees", {**typed, "percent": "2.5"})
        assert answer.status_code == 303
        await desk.enter(Role.FINANCE)
        page = (await desk.web.get("/desk/money/fees")).text
        assert page.count("2.5%") == 2  # what holds now, and the rule
        assert page.count("0%") == 2
        assert "从现在起这样算" not in page
        assert (await desk.web.submit("/desk/money/fees", {"percent": "9"})).status_code == 403
        assert await count(sessions) == 1
