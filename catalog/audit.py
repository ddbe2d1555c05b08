"""The audit trail: each change by a person, with what stood before and after."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import chain
from catalog.access import Actor
from catalog.models import AuditEntry, Member, Workshop

MOST_ENTRIES = 200

BUYER = "buyer"
"""The channel of what a buyer did on the page of their order: no member stands behind it."""

PROGRAM = "program"
"""The channel of what the program did by itself, when a time was over."""

_NOBODY = {BUYER: "买家", PROGRAM: "系统"}


@dataclass(frozen=True, slots=True)
class Told:
    """An entry with the names that people know; `for_whom` is the family it was done for, or "".

    `who` is empty where nobody is known to have done it.
    """

    entry: AuditEntry
    who: str
    for_whom: str


def record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    subject: object,
    now: datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    workshop_id: int | None = None,
) -> None:
    """Write one entry in the caller's transaction; it joins the station's chain at its commit.

    `subject` is a model with an id, flushed. `workshop_id` is the family concerned: where the
    actor is not of that family, the entry says that it was done on the family's behalf, and
    `after` names the evidence where there is one.
    """
    if actor.evidence_id is not None:
        after = {**(after or {}), "evidence": actor.evidence_id}
    entry = AuditEntry(
        station_id=actor.station_id,
        at=now,
        member_id=actor.member_id,
        on_behalf_of=workshop_id if workshop_id != actor.workshop_id else None,
        channel=actor.channel,
        action=action,
        before=before,
        after=after,
    )
    _write(session, entry, subject)


def record_buyer(
    session: AsyncSession,
    action: str,
    subject: Any,
    now: datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """As `record`, for what was done by whoever holds an order's token.

    `subject` is a model with an id and a station, flushed.
    """
    _by_nobody(session, BUYER, action, subject, now, before, after)


def record_program(
    session: AsyncSession,
    action: str,
    subject: Any,
    now: datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """As `record_buyer`, for what the program does when a time is over."""
    _by_nobody(session, PROGRAM, action, subject, now, before, after)


def _by_nobody(
    session: AsyncSession,
    channel: str,
    action: str,
    subject: Any,
    now: datetime,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    entry = AuditEntry(
        station_id=subject.station_id,
        at=now,
        channel=channel,
        action=action,
        before=before,
        after=after,
    )
    _write(session, entry, subject)


def _write(session: AsyncSession, entry: AuditEntry, subject: Any) -> None:
    entry.subject, entry.subject_id = subject.__tablename__, subject.id
    session.add(entry)
    chain.seal_at_commit(session, entry)


async def list_entries(
    session: AsyncSession, station_id: int, subjects: Mapping[str, Collection[int]]
) -> list[Told]:
    """The entries about things of a station, oldest first: table name to ids of its rows."""
    about = [
        and_(AuditEntry.subject == table, AuditEntry.subject_id.in_(ids))
        for table, ids in subjects.items()
    ]
    query = (
        select(AuditEntry, Member.name, Workshop.name)
        .outerjoin(Member, Member.id == AuditEntry.member_id)
        .outerjoin(Workshop, Workshop.id == AuditEntry.on_behalf_of)
        .where(AuditEntry.station_id == station_id, or_(*about))
        .order_by(AuditEntry.id)
        .limit(MOST_ENTRIES)
    )
    return [
        Told(entry, who or _NOBODY.get(entry.channel, ""), family or "")
        for entry, who, family in await session.execute(query)
    ]
