"""The cards of a family at the desk."""

import re
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from catalog.access import STAFF
from catalog.db import Database, Sessions
from catalog.models import Member, Role
from shop.cards import sign_in_by_card
from shop.models import ArtisanCard
from shop.pin import set_pin
from tests.desk import only, open_desk
from tests.making import act, make_station, make_workshop
from tests.paper import codes_on
from tests.shop.pages.family import make_family
from tests.shop.test_cards import card_now, count
from tests.web import browser, settings_for


def token_on(page: str) -> str:
    found = re.search(r'name="token" value="([0-9A-Z]+)"', page)
    assert found is not None
    return found[1]


async def test_the_code_is_shown_and_printed_once_and_then_signs_in(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    settings = settings_for(database_url, tmp_path)
    async with open_desk(sessions, database_url, tmp_path) as desk:
        family = await make_family(sessions, desk.station)
        path = f"/desk/workshops/{family.workshop.id}/cards"
        await desk.enter(Role.ORDER_DESK)
        assert "没有卡" in (await desk.web.get(path)).text
        shown = await desk.web.submit(f"{path}/{family.artisan.id}/issue")
        assert shown.status_code == 200
        token = token_on(shown.text)
        assert "<svg" in shown.text
        printed = await desk.web.submit(f"{path}/{family.artisan.id}/print", {"token": token})
        assert printed.headers["content-type"] == "application/pdf"
        (says,) = codes_on(printed.content, tmp_path / "card.pdf")
        assert says == f"{settings.public_url.upper()}/K/{token}"
        listed = (await desk.web.get(path)).text
        assert token not in listed
        assert "还没有扫过" in listed
        async with browser(settings) as phone:
            address = says.removeprefix(settings.public_url.upper())
            await phone.get(address)
            assert (await phone.submit(address)).status_code == 303
            assert (await phone.get("/workshop")).url.path == "/workshop"
        assert "认了一部手机" in (await desk.web.get(path)).text
        wrong = await desk.web.submit(f"{path}/{family.artisan.id}/print", {"token": token[:-1]})
        assert wrong.status_code == 404


async def test_an_artisan_is_added_by_name_and_gets_a_card(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        path = f"/desk/workshops/{workshop.id}/cards"
        await desk.enter(Role.MANAGER)
        assert "还没有手艺人" in (await desk.web.get(path)).text
        answer = await desk.web.submit(path, {"name": "<b>" * 20})
        assert answer.status_code == 422
        assert "姓名最多 40 个字，现在有 60 个。" in answer.text
        assert "&lt;b&gt;" * 20 in answer.text
        answer = await desk.web.submit(path, {"name": " 王师傅 "})
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert "加上了王师傅，给他发一张卡吧。" in (await desk.web.get(path)).text
        async with sessions() as session:
            member = (await session.scalars(select(Member).where(Member.name == "王师傅"))).one()
        assert (await desk.web.submit(f"{path}/{member.id}/issue")).status_code == 200


async def test_a_card_is_revoked_and_a_pin_forgotten(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    sessions = database.writing
    async with open_desk(sessions, database_url, tmp_path) as desk:
        family = await make_family(sessions, desk.station)
        path = f"/desk/workshops/{family.workshop.id}/cards"
        one = f"{path}/{family.artisan.id}"
        await desk.enter(Role.ORDER_DESK)
        await desk.web.get(path)
        token = token_on((await desk.web.submit(f"{one}/issue")).text)
        now = datetime.now(UTC)
        let_in = await sign_in_by_card(database, token, None, "192.0.2.1", now)
        await set_pin(database, act(family.artisan), let_in.session_token, "2580", "2580", now)
        page = (await desk.web.get(path)).text
        for text in ("忘了看钱的密码", "卡丢了，作废", "重新发一张"):
            assert text in page
        assert (await desk.web.submit(f"{one}/pin")).status_code == 303
        page = (await desk.web.get(path)).text
        assert "看钱密码清掉了" in page
        assert "忘了看钱的密码" not in page
        assert (await desk.web.submit(f"{one}/revoke")).status_code == 303
        page = (await desk.web.get(path)).text
        assert ("的卡作废了" in page, "没有卡" in page) == (True, True)
        assert (await card_now(sessions, token)).revoked_at is not None


async def test_staff_look_and_only_the_desk_acts(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        family = await make_family(sessions, desk.station)
        path = f"/desk/workshops/{family.workshop.id}/cards"
        seen = await desk.statuses(path)
        assert seen == only(*STAFF)
        await desk.enter(Role.HOST)
        assert "发一张卡</span>" not in (await desk.web.get(path)).text
        for role, station, status in (
            (Role.HOST, None, 403),
            (Role.FINANCE, None, 403),
            (Role.MANAGER, await make_station(sessions, "other"), 404),
        ):
            await desk.enter(role, station)
            for step in ("issue", "print", "revoke", "pin"):
                await desk.web.get("/desk")
                answer = await desk.web.submit(f"{path}/{family.artisan.id}/{step}")
                assert answer.status_code == status, step
            await desk.web.get("/desk")
            assert (await desk.web.submit(path, {"name": "王师傅"})).status_code == status
        assert await count(sessions, ArtisanCard) == 0
