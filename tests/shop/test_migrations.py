"""The migrations build what the models say, on both databases."""

import asyncio
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from catalog.db import Database, engine_url
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


async def old_database(url: str, revision: str) -> None:
    """Make the database anew, as an earlier version of the program left it."""

    def run(connection: Connection) -> None:
        with_all = " CASCADE" if connection.dialect.name == "postgresql" else ""
        for name in inspect(connection).get_table_names():
            connection.execute(text(f"DROP TABLE {name}{with_all}"))
        config = Config()
        config.set_main_option(
            "script_location", str(Path(migrate.__file__).with_name("migrations"))
        )
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    engine = create_async_engine(engine_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


A_SHOW = (
    "INSERT INTO stations (id, slug, name, place, intro, phone, pay_code_key, pay_note)"
    " VALUES (1, 'minqin', '民勤站', '', '', '', '', '')",
    "INSERT INTO workshops (id, station_id, slug, name, village, craft, story, phone, active,"
    " pay_way, pay_to) VALUES (1, 1, 'ma', '马家', '', '', '', '', true, 'cash', '')",
    "INSERT INTO members (id, station_id, role, login, name, password_hash, active, created_at)"
    " VALUES (1, 1, 'host', 'host', '主播', '', true, '2026-01-01 00:00:00')",
    "INSERT INTO products (id, station_id, workshop_id, kind, state, name, name_en, meaning, wood,"
    " size, weight_g, price_fen, floor_fen, work_days, search_text, created_at, changed_at)"
    " VALUES (1, 1, 1, 'batch', 'on_sale', '驼铃', '', '', '', '', 0, 36600, 0, 0, '',"
    " '2026-01-01 00:00:00', '2026-01-01 00:00:00')",
    "INSERT INTO shows (id, station_id, host_id, title, place, channels, state, starts_at, ends_at)"
    " VALUES (1, 1, 1, '周六晚', '', '[\"抖音\"]', 'live', '2026-01-01 11:00:00',"
    " '2026-01-01 13:00:00')",
    "INSERT INTO line_up_items (id, station_id, show_id, product_id, position, allotment,"
    " allotment_left, minutes, talking_points, do_not_say, holding, sold, sold_fen)"
    " VALUES (1, 1, 1, 1, 0, 3, 2, 5, '', '', 0, 1, 36600)",
    "UPDATE shows SET now_item_id = 1",
    "INSERT INTO airings (id, station_id, show_id, line_up_item_id, started_at)"
    " VALUES (1, 1, 1, 1, '2026-01-01 11:00:00')",
    "INSERT INTO links (id, station_id, code, product_id, show_id, placement, created_at)"
    " VALUES (1, 1, '7K3FD', 1, 1, 'overlay', '2026-01-01 00:00:00')",
    "INSERT INTO scans (id, station_id, link_id, show_id, product_id, at)"
    " VALUES (1, 1, 1, 1, 1, '2026-01-01 11:01:00')",
)


async def test_what_stands_in_an_older_database_is_kept(
    database: Database, database_url: str
) -> None:
    await database.close()
    await old_database(database_url, "0001")
    async with database.writing.begin() as session:
        for statement in A_SHOW:
            await session.execute(text(statement.replace(":", "\\:")))
    await migrate.upgrade(database_url)
    assert await migrate.differences(database_url) == []
    async with database.reading() as session:
        show = await session.execute(
            text(
                "SELECT title, state, now_item_id, rehearsal, order_reason, controller_key,"
                " cover_photo_id, controller_id, controller_at, holds_paused_at FROM shows"
            )
        )
        assert show.all() == [("周六晚", "live", 1, False, "", "", None, None, None, None)]
        airings = await session.execute(text("SELECT show_id, typed_by, ended_at FROM airings"))
        assert airings.all() == [(1, None, None)]
        scans = await session.execute(text("SELECT link_id, sold_out FROM scans"))
        assert scans.all() == [(1, False)]
        items = await session.execute(text("SELECT sold, sold_out_at FROM line_up_items"))
        assert items.all() == [(1, None)]
