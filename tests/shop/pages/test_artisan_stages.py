"""Pictures of the making: from the family's phone to its buyer's page; and what staff recorded for it."""

import re
from pathlib import Path

from sqlalchemy import select

from catalog.db import Database, Sessions
from catalog.models import Role
from media.storage import Storage
from shop import making
from shop.acting import Said, act_for
from shop.models import ActChannel, Order, StagePhoto, WorkOrder
from tests.making import NOON, act, make_member
from tests.pictures import CARVING
from tests.shop.pages.family import Family, make_family
from tests.shop.pages.test_artisan_work import press, send
from tests.shop.sales import jobs
from tests.web import Browser, browser, settings_for

VOICE = b"OggS" + b"\0" * 200


async def show_stage(web: Browser, path: str, data: bytes = CARVING) -> int:
    """Choose the fine carving and send a picture; the status that answers."""
    page = (await web.get(f"{path}/stages/fine")).text
    form = re.search(r'name="form" value="([^"]+)"', page)
    assert form is not None
    photo = {"photo": ("IMG_1.jpg", data, "image/jpeg")}
    values = {"form": form[1]}
    return (await web.submit(f"{path}/stages/fine", values, files=photo)).status_code


async def rendered(sessions: Sessions, database: Database, storage: Storage) -> None:
    for job in await jobs(sessions, making.RENDER_JOB):
        photo_id = job.args["photo_id"]
        await making.render_stage_photo(database, storage, job.id, photo_id)


async def test_the_buyer_sees_a_stage_until_it_is_taken_back(
    sessions: Sessions,
    database: Database,
    database_url: str,
    tmp_path: Path,
    family: Family,
    work_order: WorkOrder,
) -> None:
    settings = settings_for(database_url, tmp_path)
    path = f"/workshop/work-orders/{work_order.id}"
    async with database.reading() as session:
        token = (await session.get_one(Order, work_order.order_id)).token
    async with browser(settings) as web:
        await web.sign_in(family.artisan.login)
        await press(web, path, "accept")
        await press(web, path, "start")
        assert "拍一张进度" in web.page
        page = (await web.get(f"{path}/stages")).text
        assert [name for name in making.STAGES.values() if name in page] == [
            *making.STAGES.values()
        ]
        assert await show_stage(web, path, b"no picture") == 422
        assert await show_stage(web, path) == 303
        assert "收到了，正在整理" in (await web.get(path)).text
        assert "细雕" not in (await web.get(f"/o/{token}")).text
        await rendered(sessions, database, Storage.open(settings.storage_url))
        assert "买家看得到" in (await web.get(path)).text
        page = (await web.get(f"/o/{token}")).text
        assert "作坊拍的进度" in page
        async with database.reading() as session:
            [photo] = await session.scalars(select(StagePhoto))
        assert f"{photo.base}/s.avif" in page
        assert (await web.get(f"{photo.base}/s.jpg")).status_code == 200
        for _ in range(2):
            answer = await send(web, f"/workshop/stages/{photo.id}/undo")
            assert answer.headers["location"] == path
        assert photo.base not in (await web.get(f"/o/{token}")).text


async def test_other_families_and_work_not_in_hand_have_no_stages(
    sessions: Sessions,
    database: Database,
    database_url: str,
    tmp_path: Path,
    family: Family,
    work_order: WorkOrder,
) -> None:
    neighbours = await make_family(sessions, family.station, "李家木雕")
    path = f"/workshop/work-orders/{work_order.id}"
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        answer = await web.client.get(f"{path}/stages", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        await press(web, path, "accept")
        assert (await web.get(f"{path}/stages/gilding")).status_code == 404
        assert await show_stage(web, path) == 303
        async with database.reading() as session:
            [photo] = await session.scalars(select(StagePhoto))
        web.client.cookies.clear()
        await web.sign_in(neighbours.artisan.login)
        for page in ("stages", "stages/fine", "recording"):
            assert (await web.client.get(f"{path}/{page}")).status_code == 404
        assert (await send(web, f"/workshop/stages/{photo.id}/undo")).status_code == 404
    async with database.reading() as session:
        assert (await session.get_one(StagePhoto, photo.id)).removed_at is None


async def test_what_staff_recorded_is_played_to_its_family_alone(
    sessions: Sessions,
    database_url: str,
    tmp_path: Path,
    family: Family,
    work_order: WorkOrder,
) -> None:
    settings = settings_for(database_url, tmp_path)
    path = f"/workshop/work-orders/{work_order.id}"
    desk = act(await make_member(sessions, family.station, Role.ORDER_DESK))
    async with browser(settings) as web:
        await web.sign_in(family.artisan.login)
        assert "<audio" not in (await web.get(path)).text
        assert (await web.get(f"{path}/recording")).status_code == 404
        await Storage.open(settings.storage_url).put("evidence/voice", VOICE, "audio/ogg")
        said = Said(ActChannel.CALL, NOON, file_key="evidence/voice", file_type="audio/ogg")
        async with sessions.begin() as session:
            await act_for(session, desk, family.workshop.id, said, NOON, work_order.id)
        assert f'src="{path}/recording"' in (await web.get(path)).text
        answer = await web.get(f"{path}/recording")
        assert (answer.content, answer.headers["content-type"]) == (VOICE, "audio/ogg")
        assert answer.headers["cache-control"] == "private, no-store"
