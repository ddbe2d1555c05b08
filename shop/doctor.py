"""What `xiangbo doctor` looks at, and the same every night with what it finds told to the desk."""

from datetime import datetime

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.db import Database
from catalog.models import Station
from media.storage import Storage, StorageUnavailable
from shop.examine import money, stock, work
from shop.examine.audit import Heads, audit, heads
from shop.examine.finding import Fault, Finding
from shop.settings import Settings
from shop.troubles import MOST_ROWS, TroubleKind, close_trouble, open_subjects, open_trouble

log = structlog.get_logger()


async def examine(
    settings: Settings, now: datetime, kept: Heads | None = None
) -> tuple[list[Finding], Heads]:
    """All findings, and the heads of the audit chains; `kept` are heads of an earlier day.

    Reads only, but for one small file written and deleted in the file store.
    """
    database = Database.connect(settings.database_url)
    try:
        async with database.reading() as session:
            found = await _tables(session, now, kept or {})
            return [await _files(settings), *found], await heads(session)
    finally:
        await database.close()


async def _tables(session: AsyncSession, now: datetime, kept: Heads) -> list[Finding]:
    return [
        await money.postings(session),
        await money.orders(session),
        await money.refunds(session),
        await money.books(session),
        await stock.movements(session),
        await stock.held(session),
        await work.jobs(session, now),
        await work.photos(session),
        await audit(session, kept),
    ]


async def _files(settings: Settings) -> Finding:
    key = "originals/doctor"
    try:
        storage = Storage.open(settings.storage_url)
        await storage.put(key, b"ok", "text/plain")
        await storage.delete(key)
    except (StorageUnavailable, ValueError) as error:
        return Finding("files", "", "cannot be written", faults=[Fault(None, str(error), "")])
    return Finding("files", "can be written", "")


async def examine_nightly(database: Database, now: datetime) -> list[Finding]:
    """Examine the tables, and open and close troubles with what was found.

    The heads of the audit chains go into the log, which is kept apart from the database.
    """
    async with database.reading() as session:
        found = await _tables(session, now, {})
        for slug, (seq, digest) in (await heads(session)).items():
            log.info("audit chain", station=slug, entries=seq, digest=digest)
    async with database.writing.begin() as session:
        await tell(session, found, now)
    return found


async def watch(database: Database, now: datetime) -> None:
    """What is to be told sooner than the next night: work that is not getting done."""
    async with database.reading() as session:
        found = [
            await work.jobs(session, now),
            await work.photos(session),
            await work.answers(session, now),
            await work.addresses(session),
            await work.overlays(session, now),
        ]
    async with database.writing.begin() as session:
        await tell(session, found, now)


async def tell(session: AsyncSession, found: list[Finding], now: datetime) -> None:
    """Open a trouble for each fault, and close those of these kinds that are no longer found."""
    home = int(await session.scalar(select(func.min(Station.id))) or 0)
    for kind in sorted({finding.kind for finding in found if finding.kind}):
        faults = {f.subject: f for finding in found if finding.kind == kind for f in finding.faults}
        for fault in list(faults.values())[:MOST_ROWS]:
            await open_trouble(
                session,
                # What is of no station is of the whole installation, which the first looks after.
                station_id=fault.station_id or home,
                kind=TroubleKind(kind),
                subject=fault.subject,
                text=fault.text,
                order_id=fault.order_id,
                now=now,
            )
        for subject in await open_subjects(session, TroubleKind(kind)) - faults.keys():
            await close_trouble(session, TroubleKind(kind), subject, now)
