"""Days of rest on a family's phone: one question after the other, listed, taken back."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog import closures
from catalog.checks import BEIJING
from catalog.db import Database, Sessions
from catalog.models import Closure, Role
from catalog.words import spoken_date
from tests.making import act, make_member
from tests.shop.pages.family import Family, make_family
from tests.web import browser, settings_for

REST = "/workshop/rest"


@pytest.fixture
async def family(sessions: Sessions) -> Family:
    return await make_family(sessions)


def ahead(days: int) -> date:
    return datetime.now(UTC).astimezone(BEIJING).date() + timedelta(days=days)


async def kept(database: Database) -> list[tuple[date, date, str, bool]]:
    async with database.reading() as session:
        found = await session.scalars(select(Closure).order_by(Closure.id))
        return [(c.begins_on, c.ends_on, c.reason.value, c.removed_at is None) for c in found]


async def test_why_from_when_how_long_then_what_it_means(
    sessions: Sessions, database: Database, database_url: str, tmp_path: Path, family: Family
) -> None:
    begin, end = ahead(1), ahead(7)
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        assert f'href="{REST}"' in web.page
        assert "要歇几天吗？" in (await web.get(REST)).text
        asked = (
            ("", "为什么歇？", f"{REST}/new?reason=harvest"),
            ("?reason=harvest", "从哪天起歇？", f"begins_on={begin}"),
            (f"?reason=harvest&begins_on={begin}", "歇几天？", f"ends_on={end}"),
            (f"?reason=harvest&begins_on={begin}&ends_on={end}", "是这样吗？", "一共 7 天"),
        )
        for query, question, onward in asked:
            page = (await web.get(f"{REST}/new{query}")).text
            assert question in page
            assert onward in page.replace("&amp;", "&")
        typed = {"reason": "harvest", "begins_on": str(begin), "ends_on": str(end)}
        answer = await web.submit(f"{REST}/new", typed)
        assert (answer.status_code, answer.headers["location"]) == (303, REST)
        page = (await web.get(REST)).text
        assert "农忙" in page
        assert spoken_date(end) in page
        assert await kept(database) == [(begin, end, "harvest", True)]
        async with database.reading() as session:
            closure_id = await session.scalar(select(Closure.id))
        for _ in range(2):
            assert (await web.submit(f"{REST}/{closure_id}/undo")).status_code == 303
        assert "要歇几天吗？" in (await web.get(REST)).text
    assert await kept(database) == [(begin, end, "harvest", False)]


async def test_a_wrong_answer_is_asked_again_alone(
    sessions: Sessions, database: Database, database_url: str, tmp_path: Path, family: Family
) -> None:
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        page = (await web.get(f"{REST}/new?reason=boredom")).text
        assert "请点一个原因。" in page
        page = (await web.get(f"{REST}/new?reason=illness&begins_on=soon")).text
        assert "从哪天起歇？" in page
        assert "请挑一个日子。" in page
        backwards = f"?reason=illness&begins_on={ahead(5)}&ends_on={ahead(2)}"
        page = (await web.get(f"{REST}/new{backwards}")).text
        assert "歇几天？" in page
        assert "最后一天不能早于第一天。" in page
        await web.get(f"{REST}/new?reason=illness&begins_on={ahead(1)}&ends_on={ahead(300)}")
        typed = {"reason": "illness", "begins_on": str(ahead(1)), "ends_on": str(ahead(300))}
        answer = await web.submit(f"{REST}/new", typed)
        assert answer.status_code == 422
        assert "一次最多 120 天" in answer.text
        assert "歇几天？" in answer.text
    assert await kept(database) == []


async def test_the_stations_own_days_are_shown_and_not_the_familys_to_take_back(
    sessions: Sessions, database: Database, database_url: str, tmp_path: Path, family: Family
) -> None:
    manager = act(await make_member(sessions, family.station, Role.MANAGER))
    neighbours = await make_family(sessions, family.station, "李家木雕")
    now = datetime.now(UTC)
    async with sessions.begin() as session:
        days = ahead(1), ahead(3)
        festival = await closures.close(session, manager, None, *days, "festival", "", now)
        illness = await closures.close(
            session, manager, neighbours.workshop.id, *days, "illness", "", now
        )
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        page = (await web.get(REST)).text
        assert "过节（社工站都歇）" in page
        assert "家里有人病了" not in page
        await web.get(f"{REST}/new?reason=other&begins_on={ahead(1)}&ends_on={ahead(2)}")
        assert (await web.submit(f"{REST}/{festival.id}/undo")).status_code == 403
        await web.get(f"{REST}/new?reason=other&begins_on={ahead(1)}&ends_on={ahead(2)}")
        assert (await web.submit(f"{REST}/{illness.id}/undo")).status_code == 404
    assert [standing for *_, standing in await kept(database)] == [True, True]
