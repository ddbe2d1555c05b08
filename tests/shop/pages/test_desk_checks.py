"""A family's checks at the desk, stopping a family, and the rules for selling."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from catalog.access import MEMBERS
from catalog.checks import BEIJING
from catalog.db import Sessions
from catalog.models import CheckKind, Role, Station, Workshop
from tests.desk import only, open_desk
from tests.making import make_product, make_station, make_workshop
from tests.onboarding import all_checks, make_checks
from tests.pictures import truncated
from tests.shop.cashing import picture
from tests.shop.pages.buyer import words
from tests.shop.sales import hold, want

STAFF = only(*(MEMBERS - {Role.ARTISAN, Role.VOLUNTEER}))


async def test_the_checklist_is_filled_in_one_by_one(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        family = await make_workshop(sessions, desk.station)
        path = f"/desk/workshops/{family.id}/checks"
        assert await desk.statuses(path) == STAFF
        await desk.enter(Role.HOST)
        page = (await desk.web.get(path)).text
        assert ("我看过了" in page, "卖了多少" in page) == (False, False)
        assert (await desk.web.submit(f"{path}/identity", {})).status_code == 403
        checker = await desk.enter(Role.FINANCE)
        page = (await desk.web.get(path)).text
        assert "还差：看过身份证、登记：执照或免登记、收款户名对得上、同意书签了" in words(page)
        assert 'type="file"' not in page
        wrong = {"note": "看过 62232619560101001X", "renew_on": "2020-01-01"}
        answer = await desk.web.submit(f"{path}/identity", wrong)
        assert answer.status_code == 422
        assert "不要记身份证号码" in answer.text
        assert "到期日要在今天以后" in answer.text
        assert await all_checks(sessions) == []
        soon = datetime.now(BEIJING).date() + timedelta(days=10)
        typed = {"note": "本人在", "renew_on": soon.isoformat()}
        assert (await desk.web.submit(f"{path}/identity", typed)).status_code == 303
        page = (await desk.web.get(f"{path}?kind=consent")).text
        assert f"快到期 {checker.name}" in words(page)
        bad = {"paper": ("a.jpg", truncated(picture()), "image/jpeg")}
        assert (await desk.web.submit(f"{path}/consent", {}, files=bad)).status_code == 422
        good = {"paper": ("a.jpg", picture(), "image/jpeg")}
        assert (await desk.web.submit(f"{path}/consent", {}, files=good)).status_code == 303
        made = (await all_checks(sessions))[-1]
        paper = f"/desk/workshop-checks/{made.id}/paper"
        assert (await desk.web.client.get(paper)).content == picture()
        await desk.enter(Role.HOST)
        assert (await desk.web.client.get(paper)).status_code == 403
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        for address in (path, paper):
            assert (await desk.web.client.get(address)).status_code == 404
        await desk.web.get("/desk/workshops")
        assert (await desk.web.submit(f"{path}/bank_name", {})).status_code == 404
        assert len(await all_checks(sessions)) == 2


async def test_all_families_at_a_glance(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        path = "/desk/workshops/checks"
        assert await desk.statuses(path) == STAFF
        manager = await desk.enter(Role.MANAGER)
        assert "还没有作坊" in (await desk.web.get(path)).text
        for name, kinds in (("齐了的", list(CheckKind)), ("差一样的", [CheckKind.IDENTITY])):
            family = await make_workshop(sessions, desk.station, name)
            await make_checks(sessions, family, manager, kinds)
        page = words((await desk.web.get(path)).text)
        assert ("齐了的" in page, "差一样的" in page, "年卖了" in page) == (True, True, True)
        page = words((await desk.web.get(f"{path}?show=due")).text)
        assert ("齐了的" in page, "差一样的" in page) == (False, True)
        await desk.enter(Role.HOST)
        assert "年卖了" not in (await desk.web.get(path)).text


async def test_a_family_stops_at_the_desk(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        family = await make_workshop(sessions, desk.station)
        product = await make_product(sessions, family)
        base = f"/desk/workshops/{family.id}"
        assert await desk.statuses(f"{base}/stop") == only(Role.MANAGER)
        await desk.enter(Role.MANAGER)

        async def is_active() -> bool:
            async with sessions() as session:
                return (await session.get_one(Workshop, family.id)).active

        await hold(sessions, want(product), now=datetime.now(UTC))
        page = (await desk.web.get(f"{base}/stop")).text
        assert "买家还留着 1 份" in words(page)
        answer = await desk.web.submit(f"{base}/stop")
        assert (answer.status_code, await is_active()) == (409, True)
        assert "现在还不能停：买家还留着 1 份。" in words(answer.text)
        answer = await desk.web.submit(f"{base}/no-more")
        assert answer.status_code == 303
        other = await make_workshop(sessions, desk.station, "李家")
        elsewhere = f"/desk/workshops/{other.id}"
        await desk.web.get(f"{elsewhere}/stop")
        assert (await desk.web.submit(f"{elsewhere}/stop")).status_code == 303
        assert "停了" in (await desk.web.get(elsewhere)).text
        await desk.web.get(f"{elsewhere}/stop")
        assert (await desk.web.submit(f"{elsewhere}/go-on")).status_code == 303


async def test_the_rules_for_selling_are_the_managers(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        path = "/desk/station/selling"

        async def rules() -> tuple[bool, int]:
            async with sessions() as session:
                found = (await session.scalars(select(Station))).one()
            return found.review_products, found.alert_turnover_fen

        await desk.enter(Role.MANAGER)
        await desk.web.get("/desk/station")
        for alert in ("", "零", "-3"):
            wrong = {"review_products": "1", "alert_turnover": alert}
            answer = await desk.web.submit(path, wrong)
            assert (answer.status_code, "提醒线" in answer.text) == (422, True)
        assert await rules() == (False, 8_000_000)
        right = {"review_products": "1", "alert_turnover": "60000"}
        assert (await desk.web.submit(path, right)).status_code == 303
        assert await rules() == (True, 6_000_000)
        assert (await desk.web.submit(path, {"alert_turnover": "60000"})).status_code == 303
        assert await rules() == (False, 6_000_000)
