"""Handovers: what a family brings is counted, kept once, and taken back within a day."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid, NotAllowed, NotFound
from catalog.models import AuditEntry, Kind, Role, Station, Workshop
from catalog.pictures import keep_picture
from media.storage import Storage
from shop import handovers, work_steps
from shop.errors import WrongWorkOrderState
from shop.models import Handover, WorkOrder, WorkOrderState
from tests.making import NOON, act, make_member, make_station, make_workshop
from tests.shop.parcel_desk import finished, one_workshop, sold, stands

CARVING = Path(__file__).parent.parent / "media" / "carving.jpg"


async def bring(
    sessions: Sessions,
    actor: Actor,
    workshop_id: int,
    parts: Sequence[WorkOrder],
    pieces: object = "1",
    given_by: str = "王奶奶",
    now: datetime = NOON,
) -> Handover:
    ids = [part.id for part in parts]
    async with sessions.begin() as session:
        return await handovers.hand_over(
            session, actor, workshop_id, ids, given_by, pieces, "盒子另外装", "", now
        )


async def count(sessions: Sessions) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(Handover)) or 0


async def test_a_family_brings_several_and_they_are_finished_by_that(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    first = await finished(sessions, workshop, quantity=2)
    second = await sold(sessions, workshop, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3)
    async with sessions.begin() as session:
        await work_steps.accept(session, manager, second.id, NOON)
        await work_steps.start(session, manager, second.id, NOON)
    untouched = await finished(sessions, workshop)
    taken = await bring(sessions, manager, workshop.id, [first, second], "3")
    assert (taken.pieces, taken.given_by, taken.taken_by) == (3, "王奶奶", manager.member_id)
    for part, handover_id in ((first, taken.id), (second, taken.id), (untouched, None)):
        now = await stands(sessions, part)
        assert (now.state, now.handover_id) == (WorkOrderState.READY, handover_id)
    async with sessions() as session:
        waiting = await handovers.waiting_for(session, manager)
        [one] = await handovers.list_handovers(session, manager)
        entry = await session.scalar(select(AuditEntry).where(AuditEntry.action == "handover.take"))
    assert [part.id for part in waiting] == [untouched.id]
    assert [part.id for part in one.work_orders] == [first.id, second.id]
    assert one.taker == "manager"
    assert entry is not None
    assert (entry.subject_id, entry.on_behalf_of) == (taken.id, workshop.id)
    assert entry.after == {
        "work_orders": [first.id, second.id],
        "pieces": 3,
        "given_by": "王奶奶",
    }


async def test_what_does_not_add_up_is_not_taken(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    part = await finished(sessions, workshop, quantity=2)
    for parts, pieces, by, field in (
        ([part], "1", "王奶奶", "pieces"),
        ([part], "0", "王奶奶", "pieces"),
        ([part], "两件", "王奶奶", "pieces"),
        ([part], "2", " ", "given_by"),
        ([], "2", "王奶奶", "ids"),
    ):
        with pytest.raises(Invalid) as refusal:
            await bring(sessions, manager, workshop.id, parts, pieces, by)
        assert list(refusal.value.errors) == [field]
    assert await count(sessions) == 0
    assert (await stands(sessions, part)).handover_id is None


async def test_only_what_is_in_the_familys_hands_comes_in(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    neighbours = await make_workshop(sessions, await station_of(sessions, workshop))
    new = await sold(sessions, workshop)
    with pytest.raises(WrongWorkOrderState):
        await bring(sessions, manager, workshop.id, [new])
    theirs = await finished(sessions, neighbours)
    with pytest.raises(NotFound):
        await bring(sessions, manager, workshop.id, [theirs])
    part = await finished(sessions, workshop)
    await bring(sessions, manager, workshop.id, [part])
    with pytest.raises(WrongWorkOrderState) as refusal:
        await bring(sessions, manager, workshop.id, [part])
    assert refusal.value.text == f"工单 {part.id} 已经收过了。"
    assert await count(sessions) == 1


async def station_of(sessions: Sessions, workshop: Workshop) -> Station:
    async with sessions() as session:
        return await session.get_one(Station, workshop.station_id)


async def test_a_handover_is_taken_back_within_a_day(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    part = await finished(sessions, workshop)
    taken = await bring(sessions, manager, workshop.id, [part])
    async with sessions() as session:
        one = await handovers.handover_for(session, manager, taken.id)
    assert one.may_undo(NOON + timedelta(hours=23))
    assert not one.may_undo(NOON + handovers.UNDO_WITHIN)
    with pytest.raises(WrongWorkOrderState) as refusal:
        async with sessions.begin() as session:
            await handovers.undo(session, manager, taken.id, NOON + handovers.UNDO_WITHIN)
    assert refusal.value.text == "过了一天，不能撤回了。"
    assert (await stands(sessions, part)).handover_id == taken.id
    for _ in range(2):
        async with sessions.begin() as session:
            await handovers.undo(session, manager, taken.id, NOON + timedelta(hours=23))
    now = await stands(sessions, part)
    assert (now.handover_id, now.state) == (None, WorkOrderState.READY)
    async with sessions() as session:
        one = await handovers.handover_for(session, manager, taken.id)
        undone = list(
            await session.scalars(select(AuditEntry).where(AuditEntry.action == "handover.undo"))
        )
    assert (one.work_orders, one.may_undo(NOON), len(undone)) == ([], False, 1)
    again = await bring(sessions, manager, workshop.id, [part])
    assert (await stands(sessions, part)).handover_id == again.id


async def test_what_is_sent_is_not_taken_back(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    parts = [await finished(sessions, workshop) for _ in range(2)]
    taken = await bring(sessions, manager, workshop.id, parts, "2")
    async with sessions.begin() as session:
        await work_steps.ship(session, manager, parts[0].id, "顺丰", "SF1234567890123", NOON)
    with pytest.raises(WrongWorkOrderState):
        async with sessions.begin() as session:
            await handovers.undo(session, manager, taken.id, NOON)
    assert [(await stands(sessions, part)).handover_id for part in parts] == [taken.id] * 2


async def test_others_neither_bring_nor_look(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    part = await finished(sessions, workshop)
    other = await make_station(sessions, "other")
    stranger = act(await make_member(sessions, other, Role.MANAGER))
    with pytest.raises(NotFound):
        await bring(sessions, stranger, workshop.id, [part])
    station = await station_of(sessions, workshop)
    with pytest.raises(NotAllowed):
        await bring(
            sessions, act(await make_member(sessions, station, Role.HOST)), workshop.id, [part]
        )
    taken = await bring(sessions, manager, workshop.id, [part])
    for do in (handovers.handover_for, _undo):
        with pytest.raises(NotFound):
            async with sessions.begin() as session:
                await do(session, stranger, taken.id)
    async with sessions() as session:
        assert await handovers.list_handovers(session, stranger) == []
    assert (await stands(sessions, part)).handover_id == taken.id


async def _undo(session: AsyncSession, actor: Actor, handover_id: int) -> None:
    await handovers.undo(session, actor, handover_id, NOON)


async def test_a_picture_is_kept_and_shown(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    part = await finished(sessions, workshop)
    storage = Storage.open("memory:///")
    key = await keep_picture(storage, "handovers", CARVING.read_bytes())
    async with sessions.begin() as session:
        taken = await handovers.hand_over(
            session, manager, workshop.id, [part.id], "王奶奶", 1, "", key, NOON
        )
    async with sessions() as session:
        shown = await handovers.picture(session, storage, manager, taken.id)
    assert shown == (CARVING.read_bytes(), "image/jpeg")
