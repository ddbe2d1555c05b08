"""The audit chain: each entry of a station carries a digest of itself and of the one before it.

Who changes an entry, or takes one out, must make anew the digest of every later one and of the
head; a copy of the head kept elsewhere (`xiangbo doctor` prints it) then shows that it was done.
The head's row is locked at commit and not before, so it is always the last lock that a
transaction takes, and no two of them wait on each other in a circle. `docs/audit.md`.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, event, func, inspect, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from catalog.models import AuditEntry, AuditHead

START = "0" * 64
BATCH = 500
_PENDING = "audit entries to seal"


def _told() -> Select[*tuple[Any, ...]]:
    """What an entry's digest is made of: its id and all that it tells, as the database has it."""
    return select(
        AuditEntry.id,
        AuditEntry.seq,
        AuditEntry.digest,
        AuditEntry.at,
        AuditEntry.member_id,
        AuditEntry.on_behalf_of,
        AuditEntry.channel,
        AuditEntry.action,
        AuditEntry.subject,
        AuditEntry.subject_id,
        AuditEntry.before,
        AuditEntry.after,
    )


def _digest(before: str, station_id: int, seq: int, row: Row[*tuple[Any, ...]]) -> str:
    """SHA-256 over the digest before and all that the entry tells, as compact JSON.

    The time is written in UTC to the microsecond and the keys of objects are sorted, so that it
    is the same whichever database gave the row.
    """
    at: datetime = row.at.astimezone(UTC)
    told = [station_id, seq, at.isoformat(timespec="microseconds"), *row[4:]]
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{before}{text}".encode()).hexdigest()


def seal_at_commit(session: AsyncSession, entry: AuditEntry) -> None:
    """Give `entry` its place in the chain when the caller's transaction commits."""
    session.sync_session.info.setdefault(_PENDING, []).append(entry)


@event.listens_for(Session, "before_commit")
def _seal(session: Session) -> None:
    # A savepoint's end is no commit: what it wrote may still be undone with the rest.
    if session.in_nested_transaction() or _PENDING not in session.info:
        return
    session.flush()
    entries: list[AuditEntry] = session.info.pop(_PENDING)
    # What was undone with a savepoint, or in an earlier transaction, is no longer in the session.
    written = {e.id: e for e in entries if inspect(e).persistent and e.seq is None}
    for station_id in sorted({entry.station_id for entry in written.values()}):
        own = {id_: e for id_, e in written.items() if e.station_id == station_id}
        _append(session, _lock_head(session, station_id), own)


def _append(session: Session, head: AuditHead, entries: dict[int, AuditEntry]) -> None:
    """Seal entries of one station in the order in which they were written.

    They are read back first: what counts is what the database keeps of a time or an object, not
    what the program still holds.
    """
    query = _told().where(AuditEntry.id.in_(entries)).order_by(AuditEntry.id)
    for row in session.execute(query).all():
        entry = entries[row.id]
        head.seq += 1
        head.digest = _digest(head.digest, head.station_id, head.seq, row)
        entry.seq, entry.digest = head.seq, head.digest


def _lock_head(session: Session, station_id: int) -> AuditHead:
    head = (
        select(AuditHead)
        .where(AuditHead.station_id == station_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = session.scalars(head).one_or_none()
    if found is not None:
        return found
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    first = {"station_id": station_id, "seq": 0, "digest": START}
    session.execute(insert(AuditHead).values(first).on_conflict_do_nothing())
    return session.scalars(head).one()


# Looking whether it is whole


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain is broken first, and how: changed, missing, unsealed or head."""

    seq: int
    how: str


async def head_of(session: AsyncSession, station_id: int) -> tuple[int, str]:
    """The number and the digest of a station's last entry, to be kept elsewhere."""
    head = await session.get(AuditHead, station_id, populate_existing=True)
    return (head.seq, head.digest) if head else (0, START)


async def digest_at(session: AsyncSession, station_id: int, seq: int) -> str | None:
    """The digest that an entry carries now; None when there is no such entry."""
    if seq == 0:
        return START
    query = select(AuditEntry.digest).where(
        AuditEntry.station_id == station_id, AuditEntry.seq == seq
    )
    found: str | None = await session.scalar(query)
    return found


async def verify(
    session: AsyncSession, station_id: int, from_seq: int = 1, *, batch: int = BATCH
) -> Break | None:
    """Go through a station's chain from an entry on; None when it is whole.

    Reads `batch` entries at a time and locks nothing. What is before `from_seq` is taken on trust,
    and so is the head: one who can write the database can make a whole chain anew, which only
    a copy of the head kept elsewhere shows.
    """
    last, end = await head_of(session, station_id)
    digest = await digest_at(session, station_id, from_seq - 1)
    if digest is None:
        return Break(from_seq - 1, "missing")
    seq = from_seq - 1
    while seq < last:
        rows = await _rows(session, station_id, seq, min(seq + batch, last))
        if not rows:
            return Break(seq + 1, "missing")
        for row in rows:
            seq += 1
            if row.seq != seq:
                return Break(seq, "missing")
            digest = _digest(digest, station_id, seq, row)
            if row.digest != digest:
                return Break(seq, "changed")
    if digest != end:
        return Break(last, "head")
    return await _beside(session, station_id)


async def _rows(
    session: AsyncSession, station_id: int, after: int, last: int
) -> Sequence[Row[*tuple[Any, ...]]]:
    query = _told().where(
        AuditEntry.station_id == station_id, AuditEntry.seq > after, AuditEntry.seq <= last
    )
    return (await session.execute(query.order_by(AuditEntry.seq))).all()


async def _beside(session: AsyncSession, station_id: int) -> Break | None:
    """Entries that are in the table but not in the chain: without a place in it, or behind its end.

    Asked in one statement, for others go on adding to the chain meanwhile.
    """
    head = select(AuditHead.seq).where(AuditHead.station_id == station_id).scalar_subquery()
    end = func.coalesce(head, 0)
    query = (
        select(AuditEntry.seq, end)
        .where(
            AuditEntry.station_id == station_id,
            AuditEntry.seq.is_(None) | (AuditEntry.seq > end) | (AuditEntry.seq < 1),
        )
        .limit(1)
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        return None
    return Break(found[0] or found[1], "unsealed")
