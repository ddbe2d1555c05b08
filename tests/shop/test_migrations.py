"""The migrations build what the models say, on both databases."""

import asyncio

import pytest
from sqlalchemy import text

from catalog.db import Database
from shop import migrate
from shop.errors import StartupError
from shop.schema import must_be_current, newest_revision


async def revision(database: Database) -> list[str]:
    async with database.reading() as session:
        return list(await session.scalars(text("SELECT version_num FROM alembic_version")))


async def test_a_migrated_database_is_what_the_models_say(database_url: str) -> None:
    assert await migrate.differences(database_url) == []


async def test_a_difference_is_seen(database: Database, database_url: str) -> None:
    async with database.writing.begin() as session:
        await session.execute(text("ALTER TABLE notices ADD COLUMN extra INTEGER"))
    assert len(await migrate.differences(database_url)) == 1


async def test_migrating_again_changes_nothing(database: Database, database_url: str) -> None:
    assert await revision(database) == [newest_revision()]
    await migrate.upgrade(database_url)
    assert await revision(database) == [newest_revision()]
    assert await migrate.differences(database_url) == []


async def stamp(database: Database, statement: str) -> None:
    async with database.writing.begin() as session:
        await session.execute(text(statement))


async def test_a_newer_database_is_left_alone(database: Database, database_url: str) -> None:
    await stamp(database, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StartupError, match="newer version"):
        await migrate.upgrade(database_url)
    assert await revision(database) == ["9999"]


async def test_only_the_newest_schema_will_do(database: Database, database_url: str) -> None:
    await asyncio.to_thread(must_be_current, database_url)
    for statement, said in (
        ("UPDATE alembic_version SET version_num = '0000'", "Run `xiangbo migrate`"),
        ("UPDATE alembic_version SET version_num = '9999'", "newer version"),
        ("DELETE FROM alembic_version", "The database is empty"),
        ("DROP TABLE alembic_version", "The database is empty"),
    ):
        await stamp(database, statement)
        with pytest.raises(StartupError, match=said):
            await asyncio.to_thread(must_be_current, database_url)


def test_the_newest_revision_is_alembics_head() -> None:
    assert newest_revision() == migrate.head()
