"""The model base, the column types, and the two ways into a database: reading and writing."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, cast

from sqlalchemy import URL, BigInteger, Dialect, Enum, Integer, MetaData, Table, make_url
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import JSON, DateTime, TypeDecorator, TypeEngine

from catalog.sqlite import sqlite_engine

Sessions = async_sessionmaker[AsyncSession]

# A statement over the things of several buyers has a text for each number of things. With fewer
# kept than there are, a busy connection has its statements read and planned over and over; and a
# plan made anew for the values of each run costs ours more than it gains, for what is optional in
# a search is a text of its own here.
_POSTGRESQL: dict[str, Any] = {
    "prepared_statement_cache_size": 500,
    "server_settings": {"plan_cache_mode": "force_generic_plan"},
}

MOST_ID = 2**63 - 1
"""The largest key there can be; a larger number in an address names nothing."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC on both databases; a naive time is a mistake and is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(DateTime())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone was given to the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


# SQLite gives a growing key only to a column declared INTEGER; it holds 64 bits all the same.
Id = Annotated[int, mapped_column(BigInteger().with_variant(Integer, "sqlite"))]
Fen = Annotated[int, mapped_column(BigInteger())]
UtcTime = Annotated[datetime, mapped_column(UtcDateTime())]


class Base(DeclarativeBase):
    """The base of every table; names constraints so that migrations can find them again."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        dict[str, Any]: JSON(none_as_null=True),
        list[str]: JSON(),
        # Stored as their values, so that a row reads as the documents name it.
        StrEnum: Enum(
            StrEnum, native_enum=False, length=20, values_callable=lambda e: [m.value for m in e]
        ),
    }


def table(model: type[Base]) -> Table:
    """The table of a model, for plain statements where many rows are written or read at once."""
    return cast(Table, model.__table__)


@dataclass(frozen=True, slots=True)
class Database:
    """One database seen twice: `writing` takes SQLite's write lock at once, `reading` never does.

    SQLite has one writer. A process queues its own writers for one connection, first come
    first served, which costs less than having them poll for the file's lock. On PostgreSQL
    both are the same pool, and `reading` has no transactions.
    """

    url: str
    writing: Sessions
    reading: Sessions
    engines: tuple[AsyncEngine, ...]

    @classmethod
    def connect(cls, url: str, *, pool_size: int = 8) -> "Database":
        """Open `url` lazily; nothing is contacted before the first session."""
        if url.startswith("sqlite"):
            writer = sqlite_engine(url, writes=True, pool_size=1)
            reader = sqlite_engine(url, writes=False, pool_size=4)
            return cls(url, _sessions(writer), _sessions(reader), (writer, reader))
        engine = create_async_engine(
            engine_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=30,
            connect_args=_POSTGRESQL,
        )
        # What only reads needs no transaction: each query sees what is committed, as it would in
        # one, and BEGIN and ROLLBACK are two ways to the server and back.
        reader = engine.execution_options(isolation_level="AUTOCOMMIT")
        return cls(url, _sessions(engine), _sessions(reader), (engine,))

    def carry(self, key: str, value: object) -> None:
        """Have every session from now on bring `value` along, in its `info` under `key`.

        For what a process was put together with and code below may not import.
        """
        for sessions in (self.writing, self.reading):
            sessions.kw.setdefault("info", {})[key] = value

    async def close(self) -> None:
        for engine in self.engines:
            await engine.dispose()


def engine_url(url: str) -> URL:
    """`url` as the driver wants it: PostgreSQL's own `sslmode` is its `ssl`."""
    parsed = make_url(url)
    if "sslmode" not in parsed.query:
        return parsed
    mode = {"ssl": parsed.query["sslmode"]}
    return parsed.difference_update_query(["sslmode"]).update_query_dict(mode)


def _sessions(engine: AsyncEngine) -> Sessions:
    return async_sessionmaker(engine, expire_on_commit=False)
