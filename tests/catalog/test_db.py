"""The two ways into a database, and times that mean one moment."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from catalog.checks import BEIJING
from catalog.db import Database, engine_url
from catalog.models import Job, Station, Workshop
from tests.making import NOON

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def another(database_url: str) -> AsyncIterator[Database]:
    """The same database as another process would open it."""
    database = Database.connect(database_url)
    yield database
    await database.close()


async def add_station(database: Database, slug: str) -> None:
    async with database.writing.begin() as session:
        session.add(Station(slug=slug, name=slug))
        await session.flush()


async def stations(database: Database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(Station)) or 0


async def keep(database: Database, at: datetime) -> None:
    async with database.writing.begin() as session:
        session.add(Job(name="x", args={}, run_at=at, created_at=at))


async def test_a_time_comes_back_as_the_same_moment_in_utc(database: Database) -> None:
    exact = NOON.replace(microsecond=123456)
    zones = (UTC, BEIJING, timezone(timedelta(hours=-9, minutes=-30)))
    for zone in zones:
        await keep(database, exact.astimezone(zone))
    async with database.reading() as session:
        times = list(await session.scalars(select(Job.run_at)))
        assert [time.isoformat() for time in times] == ["2026-11-22T04:00:00.123456+00:00"] * 3
        same = select(func.count()).where(Job.run_at == exact.astimezone(BEIJING))
        assert await session.scalar(same) == 3
        after = select(func.count()).where(Job.run_at > exact.astimezone(BEIJING))
        assert await session.scalar(after) == 0


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(StatementError, match="a time without a zone"):
        await keep(database, naive)
    async with database.reading() as session:
        with pytest.raises(StatementError, match="a time without a zone"):
            await session.scalar(select(Job.id).where(Job.run_at == naive))
        assert list(await session.scalars(select(Job.id))) == []


async def test_who_reads_does_not_block_who_writes(database: Database, another: Database) -> None:
    async with database.reading() as session:
        assert list(await session.scalars(select(Station.slug))) == []
        async with asyncio.timeout(5):
            await add_station(database, "a")
            await add_station(another, "b")
    assert await stations(database) == 2


async def test_who_writes_does_not_block_who_reads(database: Database, another: Database) -> None:
    async with database.writing() as session:
        session.add(Station(slug="a", name="a"))
        await session.flush()
        async with asyncio.timeout(5):
            assert await stations(database) == 0
            assert await stations(another) == 0
        await session.commit()
    assert await stations(another) == 1


@only_sqlite
async def test_writers_take_turns_within_a_process_and_between_two(
    database: Database, another: Database
) -> None:
    """Each reads, thinks and writes back: only one at a time may, or numbers are lost."""
    await add_station(database, "a")

    async def count_up(which: Database) -> None:
        async with which.writing.begin() as session:
            station = (await session.scalars(select(Station))).one()
            await asyncio.sleep(0)
            station.phone = str(int(station.phone or 0) + 1)

    await asyncio.gather(*(count_up(which) for which in (database, another) * 20))
    async with database.reading() as session:
        assert await session.scalar(select(Station.phone)) == "40"


@only_sqlite
async def test_who_opens_the_file_while_another_process_has_it_alone_waits(
    database_url: str,
) -> None:
    """As after a crash, when the first process to open it brings the log in."""
    alone = sqlite3.connect(
        database_url.removeprefix("sqlite+inloop:///"),
        check_same_thread=False,
        isolation_level=None,
    )
    alone.execute("PRAGMA locking_mode=EXCLUSIVE")
    alone.execute("BEGIN IMMEDIATE")
    alone.execute("UPDATE stations SET name = name")
    alone.execute("COMMIT")
    threading.Timer(0.2, alone.close).start()
    database = Database.connect(database_url)
    assert await stations(database) == 0
    await add_station(database, "a")
    assert await stations(database) == 1
    await database.close()


async def test_a_request_that_goes_away_leaves_no_lock_behind(
    database: Database, another: Database
) -> None:
    """Given up after one step, after two, and so on: before, while and after it commits."""
    for steps in range(40):
        task = asyncio.create_task(add_station(database, f"gone-{steps}"))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            await add_station(another, f"after-{steps}")
            await add_station(database, f"again-{steps}")
    async with database.reading() as session:
        slugs = list(await session.scalars(select(Station.slug)))
    assert len([slug for slug in slugs if not slug.startswith("gone")]) == 80
    assert len(slugs) == len(set(slugs))


async def test_what_belongs_to_nothing_is_refused(database: Database) -> None:
    """Also on SQLite, where each connection must ask for foreign keys."""
    with pytest.raises(IntegrityError):
        async with database.writing.begin() as session:
            session.add(Workshop(station_id=1, slug="a", name="a"))


@only_sqlite
async def test_what_is_committed_survives_the_machine(database: Database) -> None:
    asked = ("journal_mode", "synchronous", "foreign_keys")
    for which in (database.writing, database.reading):
        async with which() as session:
            answers = [await session.scalar(text(f"PRAGMA {name}")) for name in asked]
        assert answers == ["wal", 2, 1]


def test_postgresqls_own_word_for_encryption_is_the_drivers() -> None:
    plain = "postgresql+asyncpg://u:p%40ss@h:5432/x"
    assert engine_url(plain).render_as_string(hide_password=False) == plain
    encrypted = engine_url(f"{plain}?sslmode=require&application_name=shop")
    assert dict(encrypted.query) == {"ssl": "require", "application_name": "shop"}
    assert encrypted.password == "p@ss"
