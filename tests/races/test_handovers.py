"""One work order handed over by two members at once, and sent while it is taken back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from sqlalchemy import func, select

from catalog.access import Actor
from catalog.db import Database, Sessions
from shop import handovers, work_steps
from shop.errors import WrongWorkOrderState
from shop.models import Handover, WorkOrder, WorkOrderState
from tests.making import NOON
from tests.shop.parcel_desk import finished, one_workshop, stands


@pytest.fixture
async def two(database_url: str) -> AsyncIterator[list[Sessions]]:
    """Two ways to one database, as two processes have them."""
    databases = [Database.connect(database_url) for _ in range(2)]
    yield [database.writing for database in databases]
    for database in databases:
        await database.close()


async def bring(sessions: Sessions, actor: Actor, part: WorkOrder) -> bool:
    try:
        async with sessions.begin() as session:
            await handovers.hand_over(
                session, actor, part.workshop_id, [part.id], "王奶奶", 1, "", "", NOON
            )
    except WrongWorkOrderState:
        return False
    return True


async def count(sessions: Sessions) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(Handover)) or 0


async def test_of_six_who_take_it_in_at_once_one_does(two: list[Sessions]) -> None:
    workshop, manager = await one_workshop(two[0])
    part = await finished(two[0], workshop)
    outcomes = await asyncio.gather(*(bring(two[n % 2], manager, part) for n in range(6)))
    assert sorted(outcomes) == [False] * 5 + [True]
    assert await count(two[0]) == 1
    assert (await stands(two[0], part)).handover_id is not None


async def test_a_naive_handover_is_made_twice(two: list[Sessions]) -> None:
    """The twin: who looks before locking hands one piece over twice."""
    workshop, manager = await one_workshop(two[0])
    part = await finished(two[0], workshop)
    both_looked = asyncio.Barrier(2)

    async def naive(sessions: Sessions) -> None:
        async with sessions() as session:
            free = (await session.get_one(WorkOrder, part.id)).handover_id is None
        await both_looked.wait()
        if not free:
            return
        async with sessions.begin() as session:
            handover = Handover(
                station_id=manager.station_id,
                workshop_id=workshop.id,
                pieces=1,
                given_by="王奶奶",
                taken_by=manager.member_id,
                at=NOON,
            )
            session.add(handover)
            await session.flush()
            (await session.get_one(WorkOrder, part.id)).handover_id = handover.id

    await asyncio.gather(*(naive(sessions) for sessions in two))
    assert await count(two[0]) == 2


async def test_sent_or_taken_back_never_both(two: list[Sessions]) -> None:
    workshop, manager = await one_workshop(two[0])
    for number in range(4):
        part = await finished(two[0], workshop)
        assert await bring(two[0], manager, part)
        handover_id = (await stands(two[0], part)).handover_id
        assert handover_id is not None

        async def ship(part: WorkOrder = part, number: int = number) -> None:
            async with two[0].begin() as session:
                await work_steps.ship(session, manager, part.id, "其他", f"NUMBER{number}", NOON)

        async def undo(handover_id: int = handover_id) -> None:
            with suppress(WrongWorkOrderState):
                async with two[1].begin() as session:
                    await handovers.undo(session, manager, handover_id, NOON)

        await asyncio.gather(*((ship(), undo()) if number % 2 else (undo(), ship())))
        now = await stands(two[0], part)
        assert now.state == WorkOrderState.SHIPPED
        async with two[0]() as session:
            one = await handovers.handover_for(session, manager, handover_id)
        assert one.may_undo(NOON) is False
