"""The stages of carving in pictures: taken in once a form, rendered by a job, taken back within the day."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog.access import Actor
from catalog.db import Database, Sessions
from catalog.errors import Invalid, NotFound, NotTakenBack
from catalog.models import AuditEntry, Job, Kind, PhotoState
from media.storage import Storage
from shop import making, work_steps
from shop.errors import WrongWorkOrderState
from shop.models import Stage, StagePhoto, WorkOrder
from tests.making import NOON, act, make_product
from tests.pictures import CARVING, truncated
from tests.shop.pages.family import Family, make_family, order_paid
from tests.shop.sales import jobs


@pytest.fixture
async def family(sessions: Sessions) -> Family:
    return await make_family(sessions)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.open(f"file://{tmp_path}/files")


async def in_the_making(sessions: Sessions, family: Family) -> tuple[WorkOrder, Actor]:
    product = await make_product(
        sessions, family.workshop, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7
    )
    work_order, actor = await order_paid(sessions, (product, 1)), act(family.artisan)
    async with sessions.begin() as session:
        await work_steps.accept(session, actor, work_order.id, NOON)
        await work_steps.start(session, actor, work_order.id, NOON)
    return work_order, actor


async def add(
    sessions: Sessions,
    storage: Storage,
    actor: Actor,
    work_order: WorkOrder,
    stage: str = "rough",
    folder: str = "f1",
    data: bytes | None = CARVING,
) -> StagePhoto:
    async with sessions.begin() as session:
        return await making.add_stage_photo(
            session, storage, actor, work_order.id, {"stage": stage}, folder, data, NOON
        )


async def shown(sessions: Sessions, work_order: WorkOrder) -> list[StagePhoto]:
    async with sessions() as session:
        return (await making.stages_of(session, [work_order.id])).get(work_order.id, [])


async def test_a_form_sent_twice_shows_one_picture_and_its_job_may_run_twice(
    sessions: Sessions, database: Database, storage: Storage, family: Family
) -> None:
    work_order, actor = await in_the_making(sessions, family)
    first = await add(sessions, storage, actor, work_order)
    assert (await add(sessions, storage, actor, work_order)).id == first.id
    [job] = await jobs(sessions, making.RENDER_JOB)
    assert job.args == {"photo_id": first.id}
    for _ in range(2):
        await making.render_stage_photo(database, storage, job.id, first.id)
        [photo] = await shown(sessions, work_order)
        assert (photo.state, photo.stage, photo.base) == (
            PhotoState.READY,
            Stage.ROUGH,
            "/photos/f1",
        )
        assert await jobs(sessions, making.RENDER_JOB) == []
    assert await storage.exists("photos/f1/s.avif")
    async with sessions() as session:
        trail = await session.scalars(
            select(AuditEntry).where(AuditEntry.action == "work_order.stage")
        )
        assert [(e.subject_id, e.after) for e in trail] == [
            (work_order.id, {"stage": "rough", "photo": first.id})
        ]


async def test_a_picture_that_can_not_be_decoded_fails_with_its_reason(
    sessions: Sessions, database: Database, storage: Storage, family: Family
) -> None:
    work_order, actor = await in_the_making(sessions, family)
    await add(sessions, storage, actor, work_order, data=truncated(CARVING))
    [job] = await jobs(sessions, making.RENDER_JOB)
    await making.render_stage_photo(database, storage, job.id, job.args["photo_id"])
    [photo] = await shown(sessions, work_order)
    assert (photo.state, photo.problem, photo.ready) == (PhotoState.FAILED, "truncated", False)


async def test_a_wrong_stage_or_no_picture_is_told_and_a_good_picture_kept(
    sessions: Sessions, storage: Storage, family: Family
) -> None:
    work_order, actor = await in_the_making(sessions, family)
    with pytest.raises(Invalid) as refused:
        await add(sessions, storage, actor, work_order, stage="gilding", data=None)
    assert refused.value.errors.keys() == {"stage", "photo"}
    with pytest.raises(Invalid):
        await add(sessions, storage, actor, work_order, stage="gilding")
    assert await shown(sessions, work_order) == []
    # The form comes back without a second upload.
    await add(sessions, storage, actor, work_order, data=None)
    assert len(await shown(sessions, work_order)) == 1


async def test_only_work_in_hand_has_stages_and_only_its_family_shows_them(
    sessions: Sessions, storage: Storage, family: Family
) -> None:
    work_order, actor = await in_the_making(sessions, family)
    neighbours = await make_family(sessions, family.station, "李家木雕")
    with pytest.raises(NotFound):
        await add(sessions, storage, act(neighbours.artisan), work_order)
    photo = await add(sessions, storage, actor, work_order)
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await making.take_back_stage_photo(session, act(neighbours.artisan), photo.id, NOON)
    async with sessions.begin() as session:
        await work_steps.ready(session, actor, work_order.id, NOON)
        await work_steps.ship(session, actor, work_order.id, "顺丰", "SF9876543210123", NOON)
    with pytest.raises(WrongWorkOrderState):
        await add(sessions, storage, actor, work_order, folder="f2")
    with pytest.raises(NotTakenBack):
        async with sessions.begin() as session:
            await making.take_back_stage_photo(session, actor, photo.id, NOON)
    assert [p.id for p in await shown(sessions, work_order)] == [photo.id]


async def test_a_picture_is_taken_back_within_the_day(
    sessions: Sessions, storage: Storage, family: Family
) -> None:
    work_order, actor = await in_the_making(sessions, family)
    photo = await add(sessions, storage, actor, work_order)
    with pytest.raises(NotTakenBack):
        async with sessions.begin() as session:
            await making.take_back_stage_photo(session, actor, photo.id, NOON + timedelta(hours=24))
    assert len(await shown(sessions, work_order)) == 1
    for _ in range(2):
        async with sessions.begin() as session:
            later = NOON + timedelta(hours=23)
            await making.take_back_stage_photo(session, actor, photo.id, later)
        assert await shown(sessions, work_order) == []
    async with sessions() as session:
        trail = await session.scalars(
            select(AuditEntry).where(AuditEntry.action == "work_order.undo_stage")
        )
        assert [e.before for e in trail] == [{"stage": "rough", "photo": photo.id}]
        assert (await session.scalars(select(Job))).all() != []


async def test_a_work_order_has_room_for_twenty(
    sessions: Sessions, storage: Storage, family: Family
) -> None:
    work_order, actor = await in_the_making(sessions, family)
    for n in range(making.MOST_PHOTOS):
        await add(sessions, storage, actor, work_order, folder=f"g{n}")
    with pytest.raises(Invalid) as refused:
        await add(sessions, storage, actor, work_order, folder="one-more")
    assert refused.value.errors == {"photo": "一单最多 20 张进度照片。"}
    assert len(await shown(sessions, work_order)) == 20


def test_the_likely_next_stage_stands_first() -> None:
    def after(*stages: Stage) -> Stage:
        shown = [StagePhoto(stage=stage) for stage in stages]
        found = making.likely_first(shown, made=True)
        assert sorted(found) == sorted(Stage)
        return found[0]

    assert after() == Stage.WOOD
    assert after(Stage.WOOD, Stage.ROUGH) == Stage.FINE
    assert after(Stage.PACKING) == Stage.PACKING
    assert making.likely_first([], made=False) == [Stage.PACKING]
