"""The audit chain: each entry of a station carries a digest of itself and of the one before it.

Who changes an entry, or takes one out, must make anew the digest of every later one and of the
head; a copy of the head kept elsewhere (`xiangbo doctor` prints it) then shows that it was done.
The head's row is locked at commit and not before, so it is always the last lock that a
transaction takes, and no two of them wait on each other in a circle.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import event, inspect, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from catalog.models import AuditEntry, AuditHead

START = "0" * 64
_PENDING = "audit entries to seal"


@dataclass(frozen=True, slots=True)
class Link:
    """What an entry's digest is made of, besides the digest before it."""

    station_id: int
    seq: int
    entry: AuditEntry

    def digest(self, before: str) -> str:
        """SHA-256 over the digest before and all that the entry tells, as compact JSON."""
        entry = self.entry
        told: list[Any] = [
            self.station_id,
            self.seq,
            entry.at.isoformat(),
            entry.member_id,
            entry.on_behalf_of,
            entry.channel,
            entry.action,
            entry.subject,
            entry.subject_id,
            entry.before,
            entry.after,
        ]
        # Sorted, for a database may give an object's keys back in another order.
        return hashlib.sha256(
            before.encode() + msgspec.json.encode(told, order="sorted")
        ).hexdigest()


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
    written = [entry for entry in entries if inspect(entry).persistent and entry.seq is None]
    for station_id in sorted({entry.station_id for entry in written}):
        head = _lock_head(session, station_id)
        for entry in sorted(written, key=lambda entry: entry.id):
            if entry.station_id == station_id:
                entry.seq = head.seq = head.seq + 1
                entry.digest = head.digest = Link(station_id, entry.seq, entry).digest(head.digest)


def _lock_head(session: Session, station_id: int) -> AuditHead:
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    first = {"station_id": station_id, "seq": 0, "digest": START}
    session.execute(insert(AuditHead).values(first).on_conflict_do_nothing())
    return session.scalars(
        select(AuditHead)
        .where(AuditHead.station_id == station_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
