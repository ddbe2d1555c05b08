"""Whether a database has the schema of this program, found out without loading much.

`xiangbo serve` asks before it starts; Alembic and SQLAlchemy would double its way to the first
page.
"""

import asyncio
import sqlite3
from pathlib import Path

import asyncpg

from shop.errors import StartupError

VERSIONS = Path(__file__).parent / "migrations" / "versions"

NEWER = "The database was made by a newer version of this program. Install that version."

_REVISION = "SELECT version_num FROM alembic_version"
_PATIENCE_SECONDS = 10


def newest_revision() -> str:
    """The revision that this program needs: files are named `r0001_…`, in order."""
    return max(path.name[1:5] for path in VERSIONS.glob("r[0-9]*.py"))


def must_be_current(database_url: str) -> None:
    """Raise StartupError, saying what to do, unless the database is there and up to date."""
    here = asyncio.run(_revision(database_url))
    if here is None:
        raise StartupError("The database is empty. Run `xiangbo init` to set up a station.")
    newest = newest_revision()
    if here > newest:
        raise StartupError(NEWER)
    if here != newest:
        raise StartupError(
            f"The database is at revision {here}, this program needs {newest}. "
            "Run `xiangbo migrate`."
        )


async def _revision(database_url: str) -> str | None:
    scheme, _, rest = database_url.partition("://")
    try:
        if scheme.startswith("sqlite"):
            return _sqlite_revision(rest.removeprefix("/"))
        return await _postgres_revision(f"postgresql://{rest}")
    except (OSError, TimeoutError, sqlite3.Error, asyncpg.PostgresError, ValueError) as error:
        raise unreachable(error) from error


def _sqlite_revision(path: str) -> str | None:
    if not Path(path).exists():
        return None
    connection = sqlite3.connect(path, timeout=_PATIENCE_SECONDS)
    try:
        row = connection.execute(_REVISION).fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return None
        raise
    finally:
        connection.close()
    return None if row is None else str(row[0])


async def _postgres_revision(url: str) -> str | None:
    connection = await asyncpg.connect(url, timeout=_PATIENCE_SECONDS)
    try:
        found = await connection.fetchval(_REVISION)
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return None if found is None else str(found)


def unreachable(error: BaseException) -> StartupError:
    """What a start that can not reach its database says."""
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return StartupError(
        f"XIANGBO_DATABASE_URL: the database does not answer ({reason}). "
        "Start it, or correct the address."
    )
