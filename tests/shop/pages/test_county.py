"""The county's page, and that who opens it opens nothing else."""

from pathlib import Path

from catalog.db import Sessions
from catalog.models import ProductState, Role
from shop.signin import new_api_token
from tests.desk import only, open_desk
from tests.making import NOON, make_member, make_product, make_workshop
from tests.shop.pages.buyer import change, words


async def test_the_county_sees_sums_and_nothing_of_anybody(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        family = await make_workshop(sessions, desk.station, "一家人")
        assert await desk.statuses("/county") == only(Role.COUNTY)
        await desk.enter(Role.COUNTY)
        page = words((await desk.web.get("/county?period=2026-11")).text)
        assert f"合计 1 个站 1 家 0 家 0 场 0 ¥0 ¥0 {desk.station.name} 1 家 0 家" in page
        assert family.name not in page
        await change(sessions, desk.station, is_open=False)
        page = words((await desk.web.get("/county?period=<b>")).text)
        assert f"{desk.station.name} 还没有开张 1 家 0 家 0 场 0 ¥0 ¥0" in page
        for path in ("/desk", "/desk/workshops", "/desk/troubles", "/workshop", "/desk/people"):
            assert (await desk.web.client.get(path)).status_code == 403, path


async def test_to_the_interface_the_county_is_a_stranger(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        family = await make_workshop(sessions, desk.station)
        shown = await make_product(sessions, family, floor_fen=100)
        await make_product(sessions, family, name="草稿", state=ProductState.DRAFT)
        found = {}
        for role in (Role.MANAGER, Role.COUNTY):
            member = await make_member(sessions, desk.station, role)
            async with sessions.begin() as session:
                token = await new_api_token(session, member, "test", NOON)
            headers = {"Authorization": f"Bearer {token}"}
            items = (await desk.web.client.get("/api/products", headers=headers)).json()["items"]
            found[role] = [(one["name"], "floor_fen" in one) for one in items]
        assert found == {
            Role.MANAGER: [("草稿", True), (shown.name, True)],
            Role.COUNTY: [(shown.name, False)],
        }


async def test_no_manager_sees_or_stops_who_looks_for_the_county(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        county = await make_member(sessions, desk.station, Role.COUNTY)
        await desk.enter(Role.MANAGER)
        page = (await desk.web.get("/desk/people")).text
        assert (county.login in page, 'value="county"' in page) == (False, False)
        answer = await desk.web.submit(f"/desk/people/{county.id}/active", {"active": "0"})
        assert answer.status_code == 404
        await desk.web.get("/desk/people")
        typed = {"name": "县", "role": "county", "login": "xian", "password": "correct horse 9"}
        assert (await desk.web.submit("/desk/people", typed)).status_code == 422
