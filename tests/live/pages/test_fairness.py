"""The page of fair airtime."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from catalog.access import MEMBERS
from catalog.db import Sessions
from catalog.models import Role
from live.models import Airing
from live.on_air import end_show
from tests.desk import only, open_desk
from tests.live.acting import host_of
from tests.making import make_live_show, make_product, make_workshop


async def test_minutes_slots_and_who_is_far_ahead(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.VOLUNTEER)
        assert "还没有作坊" in (await desk.web.get("/desk/fairness")).text
        wang = await make_workshop(sessions, desk.station, "<b>王家</b>")
        product = await make_product(sessions, wang)
        await make_product(sessions, await make_workshop(sessions, desk.station, "李家"))
        await make_workshop(sessions, desk.station, "新来的")
        page = (await desk.web.get("/desk/fairness")).text
        assert page.count("还没有上过场") == 3
        show = await make_live_show(sessions, [product])
        now = datetime.now(UTC)
        host = await host_of(sessions, show)
        async with sessions.begin() as session:
            (airing,) = await session.scalars(select(Airing))
            airing.started_at = now - timedelta(minutes=100)
            await end_show(session, host, show.id, now)
        page = (await desk.web.get("/desk/fairness")).text
        assert "&lt;b&gt;王家" in page
        assert "<strong>100</strong>" in page
        assert page.count("多得多</span>") == 1
        assert "平均一家 <strong>50</strong> 分钟" in page
        assert "没有在售的作品，不算平均" in page
        assert "北京时间" in page


async def test_who_may_look(sessions: Sessions, database_url: str, tmp_path: Path) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        assert await desk.statuses("/desk/fairness") == only(*(MEMBERS - {Role.ARTISAN}))
