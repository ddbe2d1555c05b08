"""How a family is reached and who looks after it, at the desk."""

from pathlib import Path

from catalog.db import Sessions
from catalog.models import Role, Workshop
from tests.desk import open_desk
from tests.making import make_station, make_workshop


async def test_a_family_gets_a_way_and_a_name(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        path = f"/desk/workshops/{workshop.id}/reach"
        host = await desk.enter(Role.HOST)
        assert "记下来" not in (await desk.web.get(path)).text
        manager = await desk.enter(Role.MANAGER)
        await desk.web.get(path)
        for values, words in (
            ({"reached_by": "pigeon", "carer": ""}, "请选择怎么找到这家。"),
            ({"reached_by": "call", "carer": str(host.id)}, "请从名单里选一个人。"),
        ):
            answer = await desk.web.submit(path, values)
            assert (answer.status_code, words in answer.text) == (422, True)
        answer = await desk.web.submit(path, {"reached_by": "paper", "carer": str(manager.id)})
        assert answer.status_code == 303
        async with sessions() as session:
            kept = await session.get_one(Workshop, workshop.id)
        assert (kept.reached_by, kept.carer_id) == ("paper", manager.id)
        page = (await desk.web.get(path)).text
        assert f'<option value="{manager.id}" selected>' in page
        await desk.web.submit(path, {"reached_by": "screen", "carer": ""})
        async with sessions() as session:
            assert (await session.get_one(Workshop, workshop.id)).carer_id is None
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        assert (await desk.web.get(path)).status_code == 404
