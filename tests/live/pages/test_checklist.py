"""The checklist page, the block on the show's page, and starting all the same."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from catalog.access import MEMBERS
from catalog.db import Sessions
from catalog.models import AuditEntry, Member, Product, Role
from live.checklist import BY_HAND
from live.lineup import put_line_up
from live.models import CheckMark, Show, ShowState
from live.on_air import end_show, start_show
from live.scheduling import schedule_show
from tests.live.acting import member_of, settle_points
from tests.making import act, make_member, make_product, make_station
from tests.web import browser, settings_for


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Any:
    return settings_for(database_url, tmp_path)


@pytest.fixture
async def product(sessions: Sessions) -> Product:
    return await make_product(sessions, name="<i>福</i>")


@pytest.fixture
async def manager(sessions: Sessions, product: Product) -> Member:
    return await member_of(sessions, product, Role.MANAGER)


@pytest.fixture
async def show(sessions: Sessions, product: Product, manager: Member) -> Show:
    """A draft with one product."""
    now = datetime.now(UTC)
    when = {"starts_at": now, "ends_at": now + timedelta(hours=2)}
    async with sessions.begin() as session:
        made = await schedule_show(session, act(manager), {"title": "专场", **when}, now)
        return await put_line_up(session, act(manager), made.id, [{"product": product.id}], now)


async def marks(sessions: Sessions) -> list[tuple[str, int]]:
    async with sessions() as session:
        rows = await session.scalars(select(CheckMark).order_by(CheckMark.id))
        return [(mark.point, mark.member_id) for mark in rows]


async def state(sessions: Sessions, show: Show) -> ShowState:
    async with sessions() as session:
        return (await session.get_one(Show, show.id)).state


async def test_points_are_ticked_and_taken_back(
    sessions: Sessions, manager: Member, show: Show, settings: Any
) -> None:
    path = f"/desk/shows/{show.id}/checklist"
    async with browser(settings) as web:
        await web.sign_in(manager.login)
        page = (await web.get(path)).text
        assert "还差 6 处" in page
        assert "“&lt;i&gt;福&lt;/i&gt;”还没有商品码" in page
        assert "北京时间" in page
        answer = await web.submit(path, {"tick": "stock_counted"})
        assert answer.headers["location"] == path
        page = (await web.get(path)).text
        assert "还差 5 处" in page
        assert f"{manager.name} · 北京时间" in page
        assert await marks(sessions) == [("stock_counted", manager.id)]
        await web.submit(path, {"untick": "stock_counted"})
        assert await marks(sessions) == []
        for nonsense in ({"tick": "overlay"}, {"untick": "x"}, {}):
            await web.get(path)
            assert (await web.submit(path, nonsense)).status_code == 404


async def test_the_show_page_tells_what_is_missing_and_ready_is_refused_with_it(
    sessions: Sessions, manager: Member, show: Show, settings: Any
) -> None:
    path = f"/desk/shows/{show.id}"
    async with browser(settings) as web:
        await web.sign_in(manager.login)
        page = (await web.get(path)).text
        assert "还差 6 处" in page
        answer = await web.submit(f"{path}/state", {"state": "ready"})
        assert answer.status_code == 409
        for fault in ("还没有画面地址", *(fault for _, fault in BY_HAND.values())):
            assert f'">{fault}</a>' in answer.text
        assert await state(sessions, show) == ShowState.DRAFT
        await settle_points(sessions, show.id, datetime.now(UTC))
        assert "都好了" in (await web.get(path)).text
        assert "都好了" in (await web.get(f"{path}/checklist")).text
        assert (await web.submit(f"{path}/state", {"state": "ready"})).status_code == 303
    assert await state(sessions, show) == ShowState.READY


async def test_starting_all_the_same_takes_a_reason(
    sessions: Sessions, manager: Member, show: Show, settings: Any
) -> None:
    path = f"/desk/shows/{show.id}"
    async with browser(settings) as web:
        await web.sign_in(manager.login)
        assert 'name="despite"' in (await web.get(path)).text
        for typed, status, said in (
            ({}, 409, "还没有画面地址"),
            ({"despite": " "}, 409, "还没有画面地址"),
            ({"despite": "长" * 201}, 422, "理由最多 200 个字"),
        ):
            answer = await web.submit(f"{path}/start", typed)
            assert (answer.status_code, said in answer.text) == (status, True)
            assert typed.get("despite", "").strip() in answer.text
        assert await state(sessions, show) == ShowState.DRAFT
        answer = await web.submit(f"{path}/start", {"despite": "停电了，用手机播"})
        assert answer.headers["location"] == f"{path}/console"
    async with sessions() as session:
        (entry,) = await session.scalars(
            select(AuditEntry).where(AuditEntry.action == "show.start")
        )
    assert entry.after == {"open": ["codes", "overlay", *BY_HAND], "despite": "停电了，用手机播"}


async def test_who_may_look_and_who_may_tick(
    sessions: Sessions, product: Product, show: Show, settings: Any
) -> None:
    path = f"/desk/shows/{show.id}/checklist"
    ticking = {Role.MANAGER, Role.HOST, Role.ASSISTANT, Role.ORDER_DESK}
    async with browser(settings) as web:
        for role in MEMBERS - {Role.ARTISAN}:
            await web.sign_in((await member_of(sessions, product, role)).login)
            page = await web.get(path)
            assert (page.status_code, "打勾：" in page.text) == (200, role in ticking), role
            answer = await web.submit(path, {"untick": "compliance"})
            assert answer.status_code == (303 if role in ticking else 403), role
        elsewhere = await make_station(sessions, "other")
        await web.sign_in((await make_member(sessions, elsewhere, Role.MANAGER)).login)
        assert (await web.client.get(path)).status_code == 404
        await web.get("/desk/shows")
        assert (await web.submit(path, {"tick": "compliance"})).status_code == 404
    assert await marks(sessions) == []


async def test_after_the_end_the_list_is_only_to_be_read(
    sessions: Sessions, manager: Member, show: Show, settings: Any
) -> None:
    now = datetime.now(UTC)
    async with sessions.begin() as session:
        await start_show(session, act(manager), show.id, now)
        await end_show(session, act(manager), show.id, now)
    path = f"/desk/shows/{show.id}/checklist"
    async with browser(settings) as web:
        await web.sign_in(manager.login)
        page = (await web.get(path)).text
        assert "这一场已经结束" in page
        assert "打勾：" not in page
        answer = await web.submit(path, {"tick": "compliance"})
        assert (answer.status_code, "清单不能再改" in answer.text) == (409, True)
    assert await marks(sessions) == []
