"""Stages shown by the desk for a family, with what the family said."""

from pathlib import Path

from sqlalchemy import select

from catalog.db import Database, Sessions
from catalog.models import AuditEntry, Kind, Role
from shop import work_steps
from shop.models import ActChannel, Evidence, StagePhoto, WorkOrder
from tests.desk import Desk, only, open_desk
from tests.making import NOON, act, make_product, make_station
from tests.pictures import CARVING
from tests.shop.pages.family import make_family, order_paid

PHOTO = {"photo": ("IMG_1.jpg", CARVING, "image/jpeg")}


async def accepted(desk: Desk) -> WorkOrder:
    family = await make_family(desk.sessions, desk.station)
    product = await make_product(
        desk.sessions, family.workshop, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7
    )
    work_order = await order_paid(desk.sessions, (product, 1))
    async with desk.sessions.begin() as session:
        await work_steps.accept(session, act(family.artisan), work_order.id, NOON)
    return work_order


async def test_the_desk_shows_a_stage_as_the_family_said_and_takes_it_back(
    sessions: Sessions, database: Database, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        work_order = await accepted(desk)
        path = f"/desk/work-orders/{work_order.id}/stages"
        viewers = (Role.MANAGER, Role.HOST, Role.ORDER_DESK, Role.FINANCE)
        assert await desk.statuses(path) == only(*viewers)
        await desk.enter(Role.ORDER_DESK)
        assert "还没有进度照片" in (await desk.web.get(path)).text
        typed = {"stage": "rough", "said_channel": "visit", "said_by": "王奶奶", "said_at": ""}
        answer = await desk.web.submit(path, typed)
        assert answer.status_code == 422
        assert "王奶奶" in answer.text
        answer = await desk.web.submit(path, typed, files=PHOTO)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        async with database.reading() as session:
            [photo] = await session.scalars(select(StagePhoto))
            [evidence] = await session.scalars(select(Evidence))
            entry = (
                await session.scalars(
                    select(AuditEntry).where(AuditEntry.action == "work_order.stage")
                )
            ).one()
        assert (evidence.channel, evidence.said_by) == (ActChannel.VISIT, "王奶奶")
        assert (entry.channel, entry.on_behalf_of) == ("visit", work_order.workshop_id)
        assert entry.after == {"stage": "rough", "photo": photo.id, "evidence": evidence.id}
        await desk.web.get(path)
        assert (await desk.web.submit(f"/desk/stages/{photo.id}/undo")).status_code == 303
        assert "还没有进度照片" in (await desk.web.get(path)).text


async def test_another_stations_work_order_is_not_there(
    sessions: Sessions, database: Database, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        work_order = await accepted(desk)
        await desk.enter(Role.MANAGER, await make_station(sessions, "elsewhere"))
        path = f"/desk/work-orders/{work_order.id}/stages"
        assert (await desk.web.get(path)).status_code == 404
        await desk.web.get("/desk/work-orders")
        typed = {"stage": "rough", "said_channel": "call"}
        assert (await desk.web.submit(path, typed, files=PHOTO)).status_code == 404
    async with database.reading() as session:
        assert (await session.scalars(select(StagePhoto))).all() == []
