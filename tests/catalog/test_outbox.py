"""The outbox: a job is there until it is done, and is done once."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from catalog import outbox
from catalog.db import Database, Sessions
from catalog.models import Job
from tests.making import NOON


async def add(sessions: Sessions, *at: datetime) -> list[int]:
    """Jobs that are due at these times; their ids."""
    async with sessions.begin() as session:
        for n, when in enumerate(at):
            outbox.add(session, "do.it", when, n=n)
    return [job.id for job in await every(sessions)]


async def every(sessions: Sessions) -> list[Job]:
    async with sessions() as session:
        return list(await session.scalars(select(Job).order_by(Job.id)))


async def due(sessions: Sessions, now: datetime, most: int = 200) -> list[int]:
    async with sessions.begin() as session:
        return [job.id for job in await outbox.due(session, now, most=most)]


async def take(sessions: Sessions, job_id: int) -> bool:
    async with sessions.begin() as session:
        return await outbox.take(session, job_id)


async def test_a_job_is_written_with_what_made_it_necessary(sessions: Sessions) -> None:
    async with sessions() as session:
        outbox.add(session, "do.it", NOON, n=1)
        await session.flush()
        await session.rollback()
    assert await every(sessions) == []
    await add(sessions, NOON)
    (job,) = await every(sessions)
    assert (job.name, job.args, job.run_at, job.created_at, job.attempts) == (
        "do.it",
        {"n": 0},
        NOON,
        NOON,
        0,
    )


async def test_a_job_is_taken_once(sessions: Sessions) -> None:
    first, second = await add(sessions, NOON, NOON)
    assert await take(sessions, first)
    assert not await take(sessions, first)
    assert [job.id for job in await every(sessions)] == [second]


async def test_a_job_taken_eight_times_at_once_is_taken_once(sessions: Sessions) -> None:
    (job_id,) = await add(sessions, NOON)
    assert sum(await asyncio.gather(*(take(sessions, job_id) for _ in range(8)))) == 1


async def test_work_that_fails_leaves_its_job(sessions: Sessions) -> None:
    (job_id,) = await add(sessions, NOON)
    async with sessions() as session:
        assert await outbox.take(session, job_id)
        await session.rollback()
    assert [job.id for job in await every(sessions)] == [job_id]
    assert await take(sessions, job_id)


async def test_jobs_are_due_from_their_time_oldest_first(sessions: Sessions) -> None:
    minute = timedelta(minutes=1)
    later, now, early, never = await add(sessions, NOON + minute, NOON, NOON - minute, NOON)
    await take(sessions, never)
    async with sessions() as session:
        assert not await outbox.any_due(session, NOON - 2 * minute)
        assert await outbox.any_due(session, NOON - minute)
    assert await due(sessions, NOON - 2 * minute) == []
    assert await due(sessions, NOON, most=1) == [early]
    assert await due(sessions, NOON, most=1) == [now]
    assert await due(sessions, NOON) == []
    assert await due(sessions, NOON + minute) == [now, early, later]


async def test_a_job_that_nobody_did_comes_again_later_and_later(sessions: Sessions) -> None:
    (job_id,) = await add(sessions, NOON)
    now, waits = NOON, []
    for _ in range(10):
        assert await due(sessions, now) == [job_id]
        (job,) = await every(sessions)
        waits.append((job.run_at - now).total_seconds())
        assert await due(sessions, job.run_at - timedelta(microseconds=1)) == []
        now = job.run_at
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert (await every(sessions))[0].attempts == 10
    assert outbox.retry_after(10**6) == timedelta(hours=1)


async def test_a_relay_that_dies_before_its_commit_marks_nothing(sessions: Sessions) -> None:
    (job_id,) = await add(sessions, NOON)
    async with sessions() as session:
        assert [job.id for job in await outbox.due(session, NOON)] == [job_id]
        await session.rollback()
    assert await due(sessions, NOON) == [job_id]


async def test_two_relays_at_once_hand_each_job_over_once(sessions: Sessions) -> None:
    ids = await add(sessions, *[NOON] * 20)
    found = await asyncio.gather(*(due(sessions, NOON, most=5) for _ in range(6)))
    assert sorted(job_id for jobs in found for job_id in jobs) == ids


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_relay_does_not_wait_for_another(database: Database) -> None:
    ids = await add(database.writing, *[NOON] * 4)
    async with database.writing() as first, database.writing() as second:
        assert [job.id for job in await outbox.due(first, NOON, most=2)] == ids[:2]
        assert [job.id for job in await outbox.due(second, NOON, most=2)] == ids[2:]
