"""How many pages of a show are open, over all web processes: each writes down its own count.

Needs no Redis. A process that was killed stops writing, and after `FRESH` it counts no more.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Insert, ScalarSelect, delete, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.db import Database, table
from live.models import Watching

log = structlog.get_logger()

EVERY_SECONDS = 4.0
FRESH = timedelta(seconds=15)
# Rows of processes that ended without a word.
KEPT = timedelta(hours=1)

_watchings = table(Watching)


def watching_now(show_id: ColumnElement[int], since: ColumnElement[datetime]) -> ScalarSelect[Any]:
    """The open pages of a show, as part of a query: those written down after `since`."""
    fresh = (_watchings.c.show_id == show_id, _watchings.c.at > since)
    total = func.coalesce(func.sum(_watchings.c.pages), 0)
    return select(total).where(*fresh).scalar_subquery()


async def write_pages(
    session: AsyncSession, process: str, pages: Mapping[int, int], now: datetime
) -> None:
    """Write down the pages that one process has open, by show; what it had before is replaced."""
    gone = (_watchings.c.process == process) & _watchings.c.show_id.not_in(sorted(pages))
    await session.execute(delete(_watchings).where(gone | (_watchings.c.at < now - KEPT)))
    if pages:
        rows = [
            {"show_id": show, "process": process, "pages": count, "at": now}
            for show, count in sorted(pages.items())
        ]
        await session.execute(_upsert(session), rows)


def _upsert(session: AsyncSession) -> Insert:
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = (sqlite_insert if on_sqlite else postgresql_insert)(_watchings)
    new = {"pages": insert.excluded.pages, "at": insert.excluded.at}
    return insert.on_conflict_do_update(index_elements=["show_id", "process"], set_=new)


class PageCounter:
    """Writes down every few seconds how many pages this process has open; one per web process."""

    def __init__(self, database: Database, pages: Callable[[], Mapping[int, int]]) -> None:
        self._database = database
        self._pages = pages
        self._process = secrets.token_hex(8)
        self._written = False

    async def run(self) -> None:
        """Write until cancelled, and take back what was written at the end."""
        try:
            while True:
                await asyncio.sleep(EVERY_SECONDS)
                await self.write(self._pages())
        finally:
            await self.write({})

    async def write(self, pages: Mapping[int, int]) -> None:
        """Write the counts of this moment; a process that nobody watches writes nothing."""
        if not pages and not self._written:
            return
        try:
            async with self._database.writing.begin() as session:
                await write_pages(session, self._process, pages, datetime.now(UTC))
            self._written = bool(pages)
        except (OSError, SQLAlchemyError) as error:
            log.warning("open pages not written", error=type(error).__name__)
