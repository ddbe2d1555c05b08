"""Counting scans without slowing the page: noted in memory, written together a moment later."""

import asyncio
from collections.abc import Collection
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import func, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.db import Database
from live.models import Scan

log = structlog.get_logger()

# A scan is a figure, not money: a process that is killed loses at most this much of them.
FLUSH_SECONDS = 0.5
# When the database is away, the oldest counts are let go before memory is.
MOST_WAITING = 50_000


class ScanCounter:
    """Takes note of scans and writes them in batches; one per web process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[dict[str, Any]] = []
        self._writing = asyncio.Lock()

    def note(
        self,
        *,
        station_id: int,
        link_id: int,
        show_id: int | None,
        product_id: int | None,
        at: datetime,
        sold_out: bool = False,
    ) -> None:
        """Remember one scan; it is in the database within about half a second.

        `product_id` is what the code opened; for a show's own code, what was being shown.
        `sold_out` says that the page had nothing to buy.
        """
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(
                {
                    "station_id": station_id,
                    "link_id": link_id,
                    "show_id": show_id,
                    "product_id": product_id,
                    "at": at,
                    "sold_out": sold_out,
                }
            )

    async def run(self) -> None:
        """Write every half second until cancelled; what is being written then is written still."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await asyncio.shield(self.flush())

    async def flush(self) -> None:
        """Write what is waiting, after what is being written; after a fault it waits for its turn."""
        async with self._writing:
            if not self._waiting:
                return
            batch, self._waiting = self._waiting, []
            try:
                async with self._database.writing.begin() as session:
                    await session.execute(insert(Scan), batch)
            except (OSError, SQLAlchemyError) as error:
                log.warning("scans not written", count=len(batch), error=type(error).__name__)
                self._waiting = batch + self._waiting


async def count_by_link(session: AsyncSession, link_ids: Collection[int]) -> dict[int, int]:
    """Scans of each link; one that was never scanned is left out."""
    query = (
        select(Scan.link_id, func.count()).where(Scan.link_id.in_(link_ids)).group_by(Scan.link_id)
    )
    return dict((await session.execute(query)).all())


async def count_scans(session: AsyncSession, show_id: int) -> dict[int | None, int]:
    """Scans of a show's links by product id; None stands for scans of the show itself."""
    query = (
        select(Scan.product_id, func.count())
        .where(Scan.show_id == show_id)
        .group_by(Scan.product_id)
    )
    return dict((await session.execute(query)).all())
