"""Work for later, written in the transaction that made it necessary.

A row is work left to do. `add` writes one, the relay in `workers/` hands due rows to Celery
again and again until they are gone, and the task that does the work deletes its row in the
transaction that makes the work true (`take`). A job may therefore run twice, never zero times;
and of two runs that do their work in that transaction, only one finds the row.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.db import table
from catalog.models import Job
from catalog.one_of import one_of

_jobs = table(Job)
_NEW = insert(_jobs).returning(_jobs.c.id, sort_by_parameter_order=True)
_TAKE = delete(_jobs).where(one_of(_jobs.c.id, "ids")).returning(_jobs.c.id)

_HANDED_OVER = (
    update(_jobs)
    .where(_jobs.c.id == bindparam("job"))
    .values(attempts=bindparam("tries"), run_at=bindparam("then"))
)

# How long a handed-over job may take before it is handed over once more.
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)


def add(session: AsyncSession, name: str, now: datetime, /, **args: int) -> None:
    """Write down that task `name` must run with `args`. Commits with the caller or not at all."""
    session.add(Job(name=name, args=args, run_at=now, created_at=now))


async def add_all(
    session: AsyncSession, name: str, now: datetime, args: Sequence[Mapping[str, int]]
) -> list[int]:
    """As `add` for many jobs of one name; returns their ids, in the order given."""
    return list(await session.scalars(_NEW, [row(name, now, one) for one in args]))


def row(name: str, now: datetime, args: Mapping[str, int]) -> dict[str, object]:
    """The columns of a new job, for those who write it with a statement of their own."""
    return {"name": name, "args": dict(args), "run_at": now, "attempts": 0, "created_at": now}


async def take(session: AsyncSession, job_id: int) -> bool:
    """Claim a job by deleting its row; False when another run has done it.

    The row stays locked until the caller's transaction ends, so a second run waits here and
    then finds nothing. When the caller rolls back, the row is there again.
    """
    taken = await session.scalar(delete(Job).where(Job.id == job_id).returning(Job.id))
    return taken is not None


async def take_all(session: AsyncSession, job_ids: Sequence[int]) -> set[int]:
    """As `take` for many jobs; those that were there."""
    return set(await session.scalars(_TAKE, {"ids": [*job_ids]}))


async def any_due(session: AsyncSession, now: datetime) -> bool:
    """Whether there is anything to hand over; asks without taking a lock."""
    found = await session.scalar(select(Job.id).where(Job.run_at <= now).limit(1))
    return found is not None


async def due(session: AsyncSession, now: datetime, *, most: int = 200) -> list[Job]:
    """The jobs to hand over now, oldest first, each set to come again should nobody do it.

    Locks the rows returned (other relays skip them) until the caller's transaction ends. The
    caller commits first and hands over afterwards: a crash in between costs a delay, no job.
    """
    jobs = list(
        await session.scalars(
            select(Job)
            .where(Job.run_at <= now)
            .order_by(Job.run_at, Job.id)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
    )
    again = [
        {"job": job.id, "tries": job.attempts + 1, "then": now + retry_after(job.attempts)}
        for job in jobs
    ]
    if again:
        await session.execute(_HANDED_OVER, again)
    return jobs


def retry_after(attempts: int) -> timedelta:
    """The wait after `attempts` earlier tries: doubling from 30 seconds to an hour."""
    doubled: int = 2 ** min(attempts, 10)
    return min(FIRST_RETRY * doubled, LONGEST_RETRY)
