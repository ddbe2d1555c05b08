"""The database's schema: brought up to date, and compared with the models."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from asyncpg import PostgresError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

import catalog.models  # noqa: F401
import live.models  # noqa: F401
import shop.models  # noqa: F401
from catalog.db import Base, engine_url
from shop.errors import StartupError
from shop.schema import NEWER, unreachable


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


async def upgrade(database_url: str) -> None:
    """Bring the schema to the newest revision; nothing happens when it is there."""

    def run(connection: Connection) -> None:
        command.upgrade(_config(connection), "head")

    await _with_connection(database_url, run)


async def differences(database_url: str) -> list[object]:
    """What the database has otherwise than the models say; empty when they match."""
    found: list[object] = []

    def run(connection: Connection) -> None:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found.extend(compare_metadata(context, Base.metadata))

    await _with_connection(database_url, run)
    return found


def head() -> str | None:
    """The revision that an upgrade leads to."""
    return ScriptDirectory.from_config(_config()).get_current_head()


async def _with_connection(database_url: str, run: object) -> None:
    engine = create_async_engine(engine_url(database_url))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)  # type: ignore[arg-type]
    except CommandError as error:
        raise StartupError(NEWER) from error
    except (OSError, SQLAlchemyError, PostgresError) as error:
        raise unreachable(getattr(error, "orig", None) or error) from error
    finally:
        await engine.dispose()


def new_revision(connection: Connection, message: str) -> None:
    """Write a migration for what the models have and this database has not."""
    command.revision(_config(connection), message=message, autogenerate=True)
