"""Steps taken back within the day, while nothing followed from them."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import NotAllowed, NotFound, NotTakenBack
from catalog.models import AuditEntry, Kind, Role
from media.storage import Storage
from shop import dates, handovers, making, work_steps
from shop.errors import WrongWorkOrderState
from shop.models import Order, WorkOrder, WorkOrderState
from shop.undo import step_to_undo, undo_step
from tests.making import NOON, act, make_member, make_product
from tests.pictures import CARVING
from tests.shop.pages.family import Family, make_family, order_paid

_S = WorkOrderState
LATER = NOON + timedelta(hours=23, minutes=59)
TOO_LATE = NOON + timedelta(hours=24)


@pytest.fixture
async def family(sessions: Sessions) -> Family:
    return await make_family(sessions)


async def carved(sessions: Sessions, family: Family) -> WorkOrder:
    product = await make_product(
        sessions, family.workshop, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7
    )
    return await order_paid(sessions, (product, 1))


async def take(sessions: Sessions, actor: Actor, work_order: WorkOrder, *steps: str) -> None:
    async with sessions.begin() as session:
        for step in steps:
            await getattr(work_steps, step)(session, actor, work_order.id, NOON)


async def back(
    sessions: Sessions, actor: Actor, work_order: WorkOrder, step: str, now: datetime = LATER
) -> WorkOrder:
    async with sessions.begin() as session:
        return await undo_step(session, actor, work_order.id, step, now)


async def state(sessions: Sessions, work_order: WorkOrder) -> WorkOrderState:
    async with sessions() as session:
        return (await session.get_one(WorkOrder, work_order.id)).state


@pytest.mark.parametrize(
    ("steps", "undone", "left"),
    [
        (("accept",), "accept", _S.NEW),
        (("accept", "start"), "start", _S.ACCEPTED),
        (("accept", "start", "ready"), "ready", _S.MAKING),
        (("accept", "ready"), "ready", _S.ACCEPTED),
    ],
)
async def test_a_step_taken_back_leaves_what_was_before_and_a_line_in_the_trail(
    sessions: Sessions, family: Family, steps: tuple[str, ...], undone: str, left: WorkOrderState
) -> None:
    work_order, actor = await carved(sessions, family), act(family.artisan)
    await take(sessions, actor, work_order, *steps)
    before = await state(sessions, work_order)
    async with sessions() as session:
        found = await session.get_one(WorkOrder, work_order.id)
        assert await step_to_undo(session, found, LATER) == undone
    for _ in range(2):
        assert (await back(sessions, actor, work_order, undone)).state == left
    async with sessions() as session:
        trail = await session.scalars(
            select(AuditEntry).where(AuditEntry.action == f"work_order.undo_{undone}")
        )
        assert [(e.before, e.after, e.channel) for e in trail] == [
            ({"state": before}, {"state": left}, "web")
        ]
    # The step again: nothing of the first time is left in the way.
    await take(sessions, actor, work_order, undone)
    assert await state(sessions, work_order) == before


async def test_after_a_day_nothing_is_taken_back(sessions: Sessions, family: Family) -> None:
    work_order, actor = await carved(sessions, family), act(family.artisan)
    await take(sessions, actor, work_order, "accept")
    with pytest.raises(NotTakenBack):
        await back(sessions, actor, work_order, "accept", TOO_LATE)
    assert await state(sessions, work_order) == _S.ACCEPTED
    async with sessions() as session:
        found = await session.get_one(WorkOrder, work_order.id)
        assert await step_to_undo(session, found, TOO_LATE) is None


async def test_an_earlier_step_waits_for_the_later_one(sessions: Sessions, family: Family) -> None:
    work_order, actor = await carved(sessions, family), act(family.artisan)
    await take(sessions, actor, work_order, "accept", "start")
    with pytest.raises(WrongWorkOrderState):
        await back(sessions, actor, work_order, "accept")
    with pytest.raises(NotFound):
        await back(sessions, actor, work_order, "decline")
    assert await state(sessions, work_order) == _S.MAKING


async def test_what_the_buyer_was_shown_or_told_is_taken_back_first(
    sessions: Sessions, family: Family, tmp_path: Path
) -> None:
    work_order, actor = await carved(sessions, family), act(family.artisan)
    storage = Storage.open(f"file://{tmp_path}/files")
    async with sessions.begin() as session:
        await dates.accept_with_date(session, actor, work_order.id, date(2026, 12, 20), "", NOON)
        photo = await making.add_stage_photo(
            session, storage, actor, work_order.id, {"stage": "wood"}, "f1", CARVING, NOON
        )
    with pytest.raises(NotTakenBack, match="日子改过"):
        await back(sessions, actor, work_order, "accept")
    async with sessions.begin() as session:
        [change] = await dates.changes_of(session, [work_order.id])
        await dates.undo_change(session, actor, change.id, LATER)
    with pytest.raises(NotTakenBack, match="进度照片"):
        await back(sessions, actor, work_order, "accept")
    assert await state(sessions, work_order) == _S.ACCEPTED
    async with sessions.begin() as session:
        await making.take_back_stage_photo(session, actor, photo.id, LATER)
    assert (await back(sessions, actor, work_order, "accept")).state == _S.NEW


async def test_what_the_station_has_is_still_ready(sessions: Sessions, family: Family) -> None:
    work_order, actor = await carved(sessions, family), act(family.artisan)
    await take(sessions, actor, work_order, "accept", "ready")
    desk = act(await make_member(sessions, family.station, Role.MANAGER))
    async with sessions.begin() as session:
        handover = await handovers.hand_over(
            session, desk, family.workshop.id, [work_order.id], "王奶奶", "1", "", "", NOON
        )
    for who in (actor, desk):
        with pytest.raises(NotTakenBack, match="东西已经交到社工站，收不回了。"):
            await back(sessions, who, work_order, "ready")
    assert await state(sessions, work_order) == _S.READY
    async with sessions.begin() as session:
        found = await session.get_one(WorkOrder, work_order.id)
        assert await step_to_undo(session, found, LATER) is None
        await handovers.undo(session, desk, handover.id, LATER)
    assert (await back(sessions, actor, work_order, "ready")).state == _S.ACCEPTED


async def test_the_buyer_may_cancel_at_once_again(sessions: Sessions, family: Family) -> None:
    work_order, actor = await carved(sessions, family), act(family.artisan)
    await take(sessions, actor, work_order, "accept", "start")
    async with sessions() as session:
        token = (await session.get_one(Order, work_order.order_id)).token
    with pytest.raises(WrongWorkOrderState):
        async with sessions.begin() as session:
            await work_steps.cancel_for_buyer(session, token, work_order.id, NOON)
    await back(sessions, actor, work_order, "start")
    async with sessions.begin() as session:
        await work_steps.cancel_for_buyer(session, token, work_order.id, LATER)
    assert await state(sessions, work_order) == _S.CANCELLED
    with pytest.raises(WrongWorkOrderState):
        await back(sessions, actor, work_order, "accept")


async def test_only_the_family_and_its_desk_take_back(sessions: Sessions, family: Family) -> None:
    work_order, actor = await carved(sessions, family), act(family.artisan)
    await take(sessions, actor, work_order, "accept")
    neighbours = await make_family(sessions, family.station, "李家木雕")
    with pytest.raises(NotFound):
        await back(sessions, act(neighbours.artisan), work_order, "accept")
    finance = await make_member(sessions, family.station, Role.FINANCE)
    with pytest.raises(NotAllowed):
        await back(sessions, act(finance), work_order, "accept")
    assert await state(sessions, work_order) == _S.ACCEPTED
    desk = await make_member(sessions, family.station, Role.ORDER_DESK)
    assert (await back(sessions, act(desk), work_order, "accept")).state == _S.NEW
