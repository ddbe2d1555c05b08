"""Another day on a family's phone: which day, then why; taken back within the day."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from catalog.checks import BEIJING
from catalog.db import Database, Sessions
from catalog.words import spoken_date
from shop.models import DateChange, DateChangeState, WorkOrder, WorkOrderState
from tests.shop.pages.family import Family, make_family, work_order_now
from tests.shop.pages.test_artisan_work import press, send
from tests.web import browser, settings_for


async def changes(database: Database) -> list[tuple[DateChangeState, date, str]]:
    async with database.reading() as session:
        found = await session.scalars(select(DateChange).order_by(DateChange.id))
        return [(change.state, change.now_on, change.why) for change in found]


def days_from_now(days: int) -> date:
    return datetime.now(UTC).astimezone(BEIJING).date() + timedelta(days=days)


async def test_a_new_work_order_is_taken_for_another_day(
    sessions: Sessions,
    database: Database,
    database_url: str,
    tmp_path: Path,
    family: Family,
    work_order: WorkOrder,
) -> None:
    path = f"/workshop/work-orders/{work_order.id}"
    assert work_order.promised_on is not None
    later = max(work_order.promised_on, days_from_now(0)) + timedelta(days=7)
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        page = (await web.get(f"{path}/date")).text
        assert "哪天能做好？" in page
        assert f'href="{path}/date?on={later}"' in page
        assert spoken_date(later) in page
        page = (await web.get(f"{path}/date?on={later}")).text
        assert f"改到{spoken_date(later)}。" in page
        typed = {"on": str(later), "reason": "料还没到"}
        answer = await send(web, f"{path}/date", typed)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        page = (await web.get(path)).text
        assert "动手做了吗？" in page
        assert "等买家回话" in page
    kept = await work_order_now(database, work_order.id)
    assert (kept.state, kept.promised_on) == (WorkOrderState.ACCEPTED, later)
    assert await changes(database) == [(DateChangeState.ASKED, later, "料还没到")]


async def test_a_late_day_is_given_and_taken_back(
    sessions: Sessions,
    database: Database,
    database_url: str,
    tmp_path: Path,
    family: Family,
    work_order: WorkOrder,
) -> None:
    path, later = f"/workshop/work-orders/{work_order.id}", days_from_now(30)
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        await press(web, path, "accept")
        assert "要晚几天？" in (await web.get(f"{path}/date")).text
        other = {"on": str(later), "reason": "other", "other": "下雨，木头不干"}
        assert (await send(web, f"{path}/date", other)).status_code == 303
        async with database.reading() as session:
            change_id = await session.scalar(select(DateChange.id))
        for _ in range(2):
            answer = await send(web, f"/workshop/dates/{change_id}/undo")
            assert answer.headers["location"] == path
    kept = await work_order_now(database, work_order.id)
    assert (kept.state, kept.promised_on) == (WorkOrderState.ACCEPTED, work_order.promised_on)
    assert await changes(database) == [(DateChangeState.UNDONE, later, "下雨，木头不干")]


async def test_a_day_that_can_not_be_is_asked_again(
    sessions: Sessions,
    database: Database,
    database_url: str,
    tmp_path: Path,
    family: Family,
    work_order: WorkOrder,
) -> None:
    path = f"/workshop/work-orders/{work_order.id}"
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        for on in ("", "soon", str(days_from_now(-1)), str(days_from_now(400))):
            answer = await web.client.get(f"{path}/date", params={"on": on})
            assert answer.status_code == 422, on
            assert "哪天能做好？" in answer.text
            typed = {"on": on, "reason": "料还没到"}
            assert (await send(web, f"{path}/date", typed)).status_code == 422, on
        why = {"on": str(days_from_now(30)), "reason": "other", "other": ""}
        answer = await send(web, f"{path}/date", why)
        assert answer.status_code == 422
        assert f'name="on" value="{days_from_now(30)}"' in answer.text
    kept = await work_order_now(database, work_order.id)
    assert (kept.state, kept.promised_on) == (WorkOrderState.NEW, work_order.promised_on)
    assert await changes(database) == []


async def test_neighbours_and_finished_work_are_not_asked(
    sessions: Sessions,
    database: Database,
    database_url: str,
    tmp_path: Path,
    family: Family,
    work_order: WorkOrder,
) -> None:
    neighbours = await make_family(sessions, family.station, "李家木雕")
    path, later = f"/workshop/work-orders/{work_order.id}", str(days_from_now(30))
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(neighbours.artisan.login)
        assert (await web.client.get(f"{path}/date")).status_code == 404
        assert (await send(web, f"{path}/date", {"on": later, "reason": "x"})).status_code == 404
        web.client.cookies.clear()
        await web.sign_in(family.artisan.login)
        for step in ("accept", "ready"):
            await press(web, path, step)
        answer = await web.client.get(f"{path}/date", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        typed = {"on": later, "reason": "料还没到"}
        assert (await send(web, f"{path}/date", typed)).status_code == 409
    assert await changes(database) == []
