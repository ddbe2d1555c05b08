"""The stages of carving in pictures: given by the family or the desk, seen by the buyer."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import outbox
from catalog.access import WORK_ORDER_ACTORS, Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.db import Database
from catalog.errors import Invalid, NotTakenBack
from catalog.offering import received
from catalog.photos import mark_rendered, write_missing
from catalog.recount import TAKE_BACK_WITHIN
from media.storage import Storage
from shop.errors import WrongWorkOrderState
from shop.models import Stage, StagePhoto, WorkOrder, WorkOrderState
from shop.work_orders import work_order_for

RENDER_JOB = "shop.render_stage_photo"
MOST_PHOTOS = 20

STAGES = {
    Stage.WOOD: "选料",
    Stage.CUTTING: "开料",
    Stage.ROUGH: "粗雕",
    Stage.FINE: "细雕",
    Stage.SANDING: "打磨",
    Stage.OILING: "上油",
    Stage.PACKING: "包装",
}

_S = WorkOrderState
IN_THE_MAKING = frozenset({_S.ACCEPTED, _S.MAKING, _S.READY})
"""While a work order stands here, its stages may be shown, and taken back."""


async def add_stage_photo(
    session: AsyncSession,
    storage: Storage,
    actor: Actor,
    work_order_id: int,
    typed: Mapping[str, str],
    folder: str,
    photo: bytes | None,
    now: datetime,
) -> StagePhoto:
    """Show a stage (`typed["stage"]`) to the buyer, once a form; `folder` as in `catalog.offering`.

    The upload is kept before the order is locked. Raises NotFound, Invalid for stage and photo (a
    good photo is kept then), WrongWorkOrderState.
    """
    actor.must_be(WORK_ORDER_ACTORS)
    await work_order_for(session, actor, work_order_id)
    check = Check()
    stage = check.choice("stage", typed.get("stage"), "做到哪一步", Stage)
    original = await received(check, storage, folder, photo)
    check.done()
    assert stage is not None
    assert original is not None
    work_order = await work_order_for(session, actor, work_order_id, lock=True)
    made = await session.scalar(select(StagePhoto).where(StagePhoto.folder == folder))
    if made is not None:
        return made
    await _must_have_room(session, work_order)
    row = StagePhoto(
        station_id=work_order.station_id,
        work_order_id=work_order_id,
        stage=stage,
        folder=folder,
        original_key=original.key,
        width=original.facts.width,
        height=original.facts.height,
        made_by=actor.member_id,
        created_at=now,
    )
    session.add(row)
    await session.flush()
    outbox.add(session, RENDER_JOB, now, photo_id=row.id)
    _record(session, actor, "stage", work_order, now, after={"stage": stage, "photo": row.id})
    return row


async def _must_have_room(session: AsyncSession, work_order: WorkOrder) -> None:
    if work_order.state not in IN_THE_MAKING:
        raise WrongWorkOrderState("这张工单不在做，不能再加进度照片。")
    shown = await stages_of(session, [work_order.id])
    if len(shown.get(work_order.id, [])) >= MOST_PHOTOS:
        raise Invalid({"photo": f"一单最多 {MOST_PHOTOS} 张进度照片。"})


async def take_back_stage_photo(
    session: AsyncSession, actor: Actor, photo_id: int, now: datetime
) -> StagePhoto:
    """Hide a stage's picture from the buyer again; twice is as good as once.

    Under the order's lock. Raises NotFound; NotTakenBack when a day has passed, or the piece was
    sent.
    """
    actor.must_be(WORK_ORDER_ACTORS)
    of = select(StagePhoto.work_order_id).where(StagePhoto.id == photo_id)
    work_order = await work_order_for(session, actor, await session.scalar(of) or 0, lock=True)
    photo = await session.get_one(StagePhoto, photo_id, populate_existing=True)
    if photo.removed_at is not None:
        return photo
    if not may_take_back(photo, work_order, now):
        raise NotTakenBack("这张照片收不回了：过了一天，或者东西已经寄出。")
    photo.removed_at = now
    gone = {"stage": photo.stage, "photo": photo.id}
    _record(session, actor, "undo_stage", work_order, now, before=gone)
    return photo


def may_take_back(photo: StagePhoto, work_order: WorkOrder, now: datetime) -> bool:
    """Whether a stage that is shown may still be hidden again."""
    return work_order.state in IN_THE_MAKING and now < photo.created_at + TAKE_BACK_WITHIN


def _record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    work_order: WorkOrder,
    now: datetime,
    **told: dict[str, Any],
) -> None:
    """Told at the work order, where people look for what became of it."""
    whose, action = work_order.workshop_id, f"work_order.{action}"
    record(session, actor, action, work_order, now, workshop_id=whose, **told)


async def stages_of(
    session: AsyncSession, work_order_ids: Collection[int]
) -> dict[int, list[StagePhoto]]:
    """The pictures of work orders that were not taken back, in the order of the stages."""
    query = select(StagePhoto).where(
        StagePhoto.work_order_id.in_(work_order_ids), StagePhoto.removed_at.is_(None)
    )
    found: dict[int, list[StagePhoto]] = {}
    for photo in await session.scalars(query.order_by(StagePhoto.id)):
        found.setdefault(photo.work_order_id, []).append(photo)
    for photos in found.values():
        photos.sort(key=lambda photo: (list(Stage).index(photo.stage), photo.id))
    return found


def likely_first(shown: Sequence[StagePhoto], *, made: bool) -> list[Stage]:
    """All stages, the one that probably comes next first; finished pieces are only packed."""
    stages = list(Stage)
    if not made:
        return [Stage.PACKING]
    latest = max((stages.index(photo.stage) for photo in shown), default=-1)
    following = min(latest + 1, len(stages) - 1)
    return [stages[following], *(stage for stage in stages if stage != stages[following])]


async def render_stage_photo(
    database: Database, storage: Storage, job_id: int, photo_id: int
) -> None:
    """As `catalog.photos.render_photo`, for a stage's picture; safe to repeat."""
    problem = await write_missing(database, storage, StagePhoto, photo_id)
    async with database.writing.begin() as session:
        await mark_rendered(session, job_id, StagePhoto, photo_id, problem)
