"""Workshops at the desk."""

from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from catalog.db import Sessions
from catalog.models import Role, Workshop
from tests.desk import only, open_desk
from tests.making import make_station, make_workshop

STAFF = only(Role.MANAGER, Role.HOST, Role.ASSISTANT, Role.ORDER_DESK, Role.FINANCE)
TYPED = {
    "name": "王家 <b>木作</b> 🪵", "village": "红崖村", "craft": "浮雕", "phone": "139 0937 0000",
    "makers": "王师傅：雕了四十年\n王嫂",
}  # fmt: skip


async def the_workshop(sessions: Sessions) -> Workshop:
    async with sessions() as session:
        query = select(Workshop).options(selectinload(Workshop.makers))
        return (await session.scalars(query)).one()


async def test_staff_look_and_managers_change(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        path = f"/desk/workshops/{workshop.id}"
        assert await desk.statuses("/desk/workshops") == STAFF
        assert await desk.statuses(path) == STAFF
        assert await desk.statuses("/desk/workshops/new") == only(Role.MANAGER)
        await desk.enter(Role.FINANCE)
        page = await desk.web.get(path)
        assert "红崖村" in page.text
        assert f'action="{path}"' not in page.text
        assert "它的作品" not in page.text
        for form in (path, "/desk/workshops/new"):
            await desk.web.get("/desk/workshops")
            assert (await desk.web.submit(form, TYPED)).status_code == 403
        assert (await the_workshop(sessions)).name == "王家木作"


async def test_a_workshop_is_added_and_changed(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.MANAGER)
        assert "还没有作坊" in (await desk.web.get("/desk/workshops")).text
        await desk.web.get("/desk/workshops/new")
        answer = await desk.web.submit("/desk/workshops/new", TYPED)
        workshop = await the_workshop(sessions)
        path = f"/desk/workshops/{workshop.id}"
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert (workshop.phone, workshop.active) == ("13909370000", True)
        page = await desk.web.get(path)
        assert "王家 &lt;b&gt;木作&lt;/b&gt; 🪵" in page.text
        assert "王师傅：雕了四十年\n王嫂</textarea>" in page.text
        # Stopping is a page of its own; this form can not be made to.
        answer = await desk.web.submit(path, {**TYPED, "makers": "王嫂", "active": ""})
        assert answer.status_code == 303
        workshop = await the_workshop(sessions)
        assert (workshop.active, [m.name for m in workshop.makers]) == (True, ["王嫂"])
        assert "缺 4 样" in (await desk.web.get("/desk/workshops")).text


async def test_how_a_family_is_paid_is_for_managers(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        path = f"/desk/workshops/{(await make_workshop(sessions, desk.station)).id}"
        await desk.enter(Role.MANAGER)
        assert '<option value="cash" selected>现金' in (await desk.web.get(path)).text
        for pay, said in (
            ({"pay_way": "bank", "pay_to": " "}, "转账要有收款账户和户名。"),
            ({"pay_way": "gold", "pay_to": "6222"}, "请选择怎么结账。"),
            ({"pay_way": "bank", "pay_to": "6" * 81}, "收款账户和户名最多 80 个字"),
        ):
            answer = await desk.web.submit(path, {**TYPED, **pay})
            assert answer.status_code == 422
            assert said in answer.text
        assert (await the_workshop(sessions)).pay_way == "cash"
        typed = {**TYPED, "pay_way": "bank", "pay_to": "农行 6228 王"}
        assert (await desk.web.submit(path, typed)).status_code == 303
        workshop = await the_workshop(sessions)
        assert (workshop.pay_way, workshop.pay_to) == ("bank", "农行 6228 王")
        assert "农行 6228 王" in (await desk.web.get(path)).text
        await desk.enter(Role.HOST)
        assert "农行" not in (await desk.web.get(path)).text


async def test_a_form_with_faults_comes_back_as_it_was(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.MANAGER)
        await desk.web.get("/desk/workshops/new")
        answer = await desk.web.submit("/desk/workshops/new", {"name": "", "phone": "<12>"})
        assert answer.status_code == 422
        for text in ("请填写作坊名。", "联系电话不对，要 11 位数字。", 'value="&lt;12&gt;"'):
            assert text in answer.text
        answer = await desk.web.submit("/desk/workshops/new", {**TYPED, "makers": "长" * 1001})
        assert answer.status_code == 422
        assert "手艺人最多 1000 个字，现在有 1001 个。" in answer.text
        assert "长" * 1001 + "</textarea>" in answer.text
        async with sessions() as session:
            assert await session.scalar(select(func.count(Workshop.id))) == 0
        workshop = await make_workshop(sessions, desk.station)
        answer = await desk.web.submit(f"/desk/workshops/{workshop.id}", {**TYPED, "name": " "})
        assert answer.status_code == 422
        assert 'value="139 0937 0000"' in answer.text
        assert (await the_workshop(sessions)).phone == ""


async def test_another_stations_workshop_is_not_there(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        other = await make_workshop(sessions, await make_station(sessions, "other"))
        await desk.enter(Role.MANAGER)
        await desk.web.get("/desk/workshops")
        path = f"/desk/workshops/{other.id}"
        assert (await desk.web.submit(path, TYPED)).status_code == 404
        assert (await desk.web.get(path)).status_code == 404
        assert other.name not in (await desk.web.get("/desk/workshops")).text
        assert (await the_workshop(sessions)).name == "王家木作"
