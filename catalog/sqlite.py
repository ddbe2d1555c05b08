"""SQLite for an event loop: statements run where they are asked for, only COMMIT leaves the loop.

The usual asynchronous driver hands every step of a statement to a thread and back, ten hand-overs
for one small SELECT; measured here, that is most of a page's cost. A statement of ours takes
SQLite tens of microseconds, less than one hand-over. Two things do take long and do not block
the loop: COMMIT, which waits for the disk, runs in a thread; and the write lock of another
process is waited for asleep. `docs/decisions/0005-sqlite-in-the-loop.md` has the figures.
"""

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import URL, Pool, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import ConnectArgsType, DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry
from sqlalchemy.util import await_only

# How long a write waits for another process's, as `busy_timeout` would, and how often it looks.
BUSY_SECONDS = 15.0
LOOK_SECONDS = 0.002

# One committer a process: SQLite has one writer, and the order of commits is the order of asking.
_committer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite-commit")

_PRAGMAS = (
    "journal_mode=WAL",
    # In WAL mode NORMAL keeps all when a process dies, FULL also when the machine loses power
    # (sqlite.org/wal.html). What is committed here may be money.
    "synchronous=FULL",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "mmap_size=268435456",
)


class InLoopCursor(sqlite3.Cursor):
    """A cursor with the one coroutine that SQLAlchemy's asynchronous results call on theirs."""

    async def _async_soft_close(self) -> None:
        """Leave the rows where they are: reading them needs no await."""


class InLoopConnection(sqlite3.Connection):
    """A connection whose COMMIT is awaited. `writes` is set on those that take the write lock."""

    writes = False

    def cursor(self, factory: Any = InLoopCursor) -> Any:
        return super().cursor(factory)

    def commit(self) -> None:
        """Commit; in a thread when there is something for the disk."""
        if self.writes and self.in_transaction:
            loop = asyncio.get_running_loop()
            await_only(loop.run_in_executor(_committer, super().commit))
        else:
            super().commit()


class InLoopDialect(SQLiteDialect_pysqlite):
    """SQLAlchemy's SQLite dialect for an asynchronous engine, without a thread per connection."""

    driver = "inloop"
    is_async = True
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:
        return AsyncAdaptedQueuePool

    def create_connect_args(self, url: URL) -> ConnectArgsType:
        arguments, options = super().create_connect_args(url)
        return arguments, {
            **options,
            "factory": InLoopConnection,
            # The committing thread is not the one that opened it; they never run at once.
            "check_same_thread": False,
            # The driver's own BEGIN comes late and is deferred; ours replaces it.
            "isolation_level": None,
        }


registry.register("sqlite.inloop", __name__, "InLoopDialect")


def sqlite_engine(url: str, *, writes: bool, pool_size: int) -> AsyncEngine:
    """An engine whose transactions take the write lock at their beginning, or never."""
    engine = create_async_engine(url, pool_size=pool_size, max_overflow=0, pool_timeout=30)

    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.writes = writes
        cursor = connection.cursor()
        # Only while another process brings the log in after a crash, or closes the file as the
        # last one, must a reader wait; that is over in milliseconds, so it may wait inside SQLite.
        cursor.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        if writes:
            # The write lock is held longer: `_begin_writing` waits for it asleep.
            cursor.execute("PRAGMA busy_timeout=0")
        cursor.close()

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", _begin_writing if writes else _begin_reading)
    return engine


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_writing(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            await_only(asyncio.sleep(LOOK_SECONDS))
        else:
            return
