"""Handovers at the desk."""

from pathlib import Path

from sqlalchemy import select

from catalog.db import Sessions
from catalog.models import Role
from shop.models import Handover
from tests.desk import only, open_desk
from tests.making import make_station, make_workshop
from tests.shop.parcel_desk import finished, stands

CARVING = Path(__file__).parent.parent.parent / "media" / "carving.jpg"


async def test_a_family_brings_its_pieces_and_gets_a_receipt(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        part = await finished(sessions, workshop, quantity=2)
        await desk.enter(Role.ORDER_DESK)
        page = (await desk.web.get("/desk/handovers")).text
        form = f"/desk/handovers/new?workshop={workshop.id}"
        assert f'href="{form}"' in page
        assert "还没有交件" in page
        assert "checked" not in (await desk.web.get(form)).text
        page = (await desk.web.get(f"/desk/handovers/new?take={part.id}")).text
        assert f'value="{part.id}" checked' in page
        assert 'name="pieces" value="2"' in page
        values = {"workshop": workshop.id, "ids": part.id, "pieces": "1", "given_by": "王奶奶"}
        answer = await desk.web.submit("/desk/handovers/new", values)
        assert answer.status_code == 422
        assert "勾上的工单一共 2 件，填的是 1 件。" in answer.text
        assert 'value="王奶奶"' in answer.text
        assert f'value="{part.id}" checked' in answer.text
        files = {"photo": ("signed.jpg", CARVING.read_bytes(), "image/jpeg")}
        answer = await desk.web.submit(
            "/desk/handovers/new", {**values, "pieces": "2"}, files=files
        )
        async with sessions() as session:
            handover = (await session.scalars(select(Handover))).one()
        path = f"/desk/handovers/{handover.id}"
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        page = (await desk.web.get(path)).text
        for words in ("王奶奶", "在站里", "打印收条", "收错了", f'src="{path}/photo"'):
            assert words in page
        photo = await desk.web.get(f"{path}/photo")
        assert photo.headers["content-type"] == "image/jpeg"
        receipt = await desk.web.get(f"{path}/receipt.pdf")
        assert receipt.content.startswith(b"%PDF")
        assert "在站里" in (await desk.web.get("/desk/work-orders?state=here")).text
        again = await desk.web.get(f"/desk/handovers/new?take={part.id}")
        assert again.url.path == path
        for address in (path, f"{path}/photo", f"{path}/receipt.pdf"):
            assert await desk.statuses(address) == only(Role.MANAGER, Role.ORDER_DESK)
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        for address in (path, f"{path}/photo", f"{path}/receipt.pdf", form):
            assert (await desk.web.get(address)).status_code == 404


async def test_a_handover_is_taken_back(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        part = await finished(sessions, workshop)
        await desk.enter(Role.MANAGER)
        await desk.web.get(f"/desk/handovers/new?workshop={workshop.id}")
        values = {"workshop": workshop.id, "ids": part.id, "pieces": "1", "given_by": "王奶奶"}
        path = (await desk.web.submit("/desk/handovers/new", values)).headers["location"]
        await desk.web.get(path)
        assert (await desk.web.submit(f"{path}/undo")).status_code == 303
        assert (await stands(sessions, part)).handover_id is None
        page = (await desk.web.get(path)).text
        assert "这次交件撤回了" in page
        assert "收错了" not in page
        assert (await desk.web.get(f"{path}/receipt.pdf")).status_code == 404
        assert "撤回了" in (await desk.web.get("/desk/handovers")).text
