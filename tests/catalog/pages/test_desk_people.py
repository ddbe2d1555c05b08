"""Members at the desk."""

from pathlib import Path

from sqlalchemy import func, select

from catalog.db import Sessions
from catalog.models import Member, Role
from tests.desk import only, open_desk
from tests.making import make_member, make_station, make_workshop

TYPED = {
    "name": "小林 🎤", "role": "artisan", "login": "xiaolin", "password": "correct horse 9",
}  # fmt: skip


async def count(sessions: Sessions) -> int:
    async with sessions() as session:
        return int(await session.scalar(select(func.count(Member.id))) or 0)


async def test_only_managers_see_who_there_is(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        assert await desk.statuses("/desk/people") == only(Role.MANAGER)
        await desk.enter(Role.HOST)
        await desk.web.get("/desk")
        before = await count(sessions)
        assert (await desk.web.submit("/desk/people", TYPED)).status_code == 403
        assert await count(sessions) == before


async def test_a_new_member_signs_in(sessions: Sessions, database_url: str, tmp_path: Path) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        await desk.enter(Role.MANAGER)
        await desk.web.get("/desk/people")
        answer = await desk.web.submit("/desk/people", {**TYPED, "workshop_id": str(workshop.id)})
        assert (answer.status_code, answer.headers["location"]) == (303, "/desk/people")
        page = (await desk.web.get("/desk/people")).text
        for text in ("小林 🎤现在可以登录了。", "xiaolin", "手艺人", "王家木作"):
            assert text in page
        desk.web.client.cookies.clear()
        await desk.web.sign_in("XiaoLin")


async def test_a_form_with_faults_comes_back_without_the_password(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        manager = await desk.enter(Role.MANAGER)
        await desk.web.get("/desk/people")
        answer = await desk.web.submit("/desk/people", {})
        assert answer.status_code == 422
        for text in (
            "请填写姓名。",
            "请选择角色。",
            "登录名用 2 到 40 个",
            "密码要 8 到 128 个字符。",
        ):
            assert text in answer.text
        answer = await desk.web.submit("/desk/people", {**TYPED, "name": "<u>" * 20})
        assert answer.status_code == 422
        assert "姓名最多 40 个字，现在有 60 个。" in answer.text
        assert "&lt;u&gt;" * 20 in answer.text
        assert '<option value="artisan" selected>' in answer.text
        assert "correct horse" not in answer.text
        assert 'id="f-workshop_id-error"' in answer.text
        answer = await desk.web.submit(
            "/desk/people", {**TYPED, "role": "host", "login": manager.login}
        )
        assert "这个登录名已经有人用了。" in answer.text
        assert await count(sessions) == 1


async def test_members_are_stopped_and_let_in_again(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        host = await make_member(sessions, desk.station, Role.HOST)
        stranger = await make_member(sessions, await make_station(sessions, "other"), Role.HOST)
        manager = await desk.enter(Role.MANAGER)
        await desk.web.get("/desk/people")
        for active, said in (("0", "host不能再登录了。"), ("1", "host又可以登录了。")):
            answer = await desk.web.submit(f"/desk/people/{host.id}/active", {"active": active})
            assert answer.status_code == 303
            async with sessions() as session:
                assert (await session.get_one(Member, host.id)).active is (active == "1")
            assert said in (await desk.web.get("/desk/people")).text
        answer = await desk.web.submit(f"/desk/people/{manager.id}/active", {"active": "0"})
        assert answer.status_code == 422
        assert "不能停用自己。" in answer.text
        answer = await desk.web.submit(f"/desk/people/{stranger.id}/active", {"active": "0"})
        assert answer.status_code == 404
        async with sessions() as session:
            assert (await session.get_one(Member, manager.id)).active
            assert (await session.get_one(Member, stranger.id)).active


async def test_a_stopped_members_open_page_is_closed(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        host = await make_member(sessions, desk.station, Role.HOST)
        await desk.enter(Role.MANAGER)
        await desk.web.get("/desk/people")
        await desk.web.submit(f"/desk/people/{host.id}/active", {"active": "0"})
        await desk.become(host)
        assert (await desk.web.get("/desk")).url.path == "/sign-in"


async def test_a_manager_gives_and_takes_the_right_to_see_numbers(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        host = await make_member(sessions, desk.station, Role.HOST)
        path = f"/desk/people/{host.id}/phones"
        await desk.enter(Role.ORDER_DESK)
        await desk.web.get("/desk")
        assert (await desk.web.submit(path, {"sees": "1"})).status_code == 403
        await desk.enter(Role.MANAGER)
        await desk.web.get("/desk/people")
        for sees, said in (("1", "host能看买家的号码了"), ("0", "host不能再看买家的号码了")):
            assert (await desk.web.submit(path, {"sees": sees})).status_code == 303
            assert said in (await desk.web.get("/desk/people")).text
            async with sessions() as session:
                assert (await session.get_one(Member, host.id)).sees_phones is (sees == "1")
