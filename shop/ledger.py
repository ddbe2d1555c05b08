"""The ledger: balanced postings, append-only; every balance is a sum of entries.

Accounts: `buyers` (the world that money comes from and returns to), `workshop` (owed to one
family), `station` (its share of what families sold), `unplaced` (paid, but with no order to stand
for it); payouts have their own (docs/money.md). An amount is fen into (+) or out
of (-) its account, so a family's balance is the sum of its entries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog.db import table
from shop.fees import STATION
from shop.models import LedgerEntry, Posting, WorkOrder

MOST_ENTRIES = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a posting to be made. `amount_fen` may be anything but zero."""

    account: str
    amount_fen: int
    workshop_id: int | None = None
    work_order_id: int | None = None


@dataclass(frozen=True, slots=True)
class NewPosting:
    """A posting to be made. `cause` names what made it necessary ("payment:17") and is unique."""

    station_id: int
    cause: str
    kind: str
    order_id: int | None
    entries: Sequence[Entry]
    now: datetime


_postings, _entries = table(Posting), table(LedgerEntry)
_POSTINGS = insert(_postings).returning(_postings.c.id, sort_by_parameter_order=True)
_ENTRIES = insert(_entries)


async def post(session: AsyncSession, **posting: Any) -> None:
    """`post_all` for one posting, given by the fields of `NewPosting`."""
    await post_all(session, [NewPosting(**posting)])


async def post_all(session: AsyncSession, postings: Sequence[NewPosting]) -> None:
    """Write balanced postings in the caller's transaction.

    A second posting for one cause fails with IntegrityError instead of counting money twice.
    Raises ValueError when the sides of one do not sum to zero; that is our mistake, never a
    person's.
    """
    for posting in postings:
        if sum(entry.amount_fen for entry in posting.entries) != 0:
            raise ValueError(f"posting {posting.cause} does not balance")
    ids = list(await session.scalars(_POSTINGS, [_posting_row(posting) for posting in postings]))
    rows = [
        _entry_row(posting, posting_id, entry)
        for posting, posting_id in zip(postings, ids, strict=True)
        for entry in posting.entries
    ]
    await session.execute(_ENTRIES, rows)


def _posting_row(posting: NewPosting) -> dict[str, Any]:
    return {
        "station_id": posting.station_id,
        "cause": posting.cause,
        "kind": posting.kind,
        "order_id": posting.order_id,
        "at": posting.now,
    }


def _entry_row(posting: NewPosting, posting_id: int, entry: Entry) -> dict[str, Any]:
    return {
        "station_id": posting.station_id,
        "posting_id": posting_id,
        "account": entry.account,
        "workshop_id": entry.workshop_id,
        "work_order_id": entry.work_order_id,
        "amount_fen": entry.amount_fen,
        "at": posting.now,
    }


def refund_entries(work_order: WorkOrder) -> list[Entry]:
    """What refunding a work order whole undoes; loaded with its lines."""
    fee = sum(line.fee_fen for line in work_order.lines)
    amount = work_order.goods_fen + work_order.shipping_fen
    entries = [
        Entry("workshop", fee - amount, work_order.workshop_id, work_order.id),
        Entry(STATION, -fee, None, work_order.id),
        Entry("buyers", amount),
    ]
    return [entry for entry in entries if entry.amount_fen]


async def balance_fen(session: AsyncSession, workshop_id: int) -> int:
    """What a family is owed now."""
    query = select(func.coalesce(func.sum(LedgerEntry.amount_fen), 0))
    return int(await session.scalar(query.where(LedgerEntry.workshop_id == workshop_id)) or 0)


async def list_entries(
    session: AsyncSession, station_id: int, workshop_id: int | None, *, before: int | None = None
) -> list[LedgerEntry]:
    """Entries of a station, or of one workshop of it, newest first, with their postings."""
    query = select(LedgerEntry).where(LedgerEntry.station_id == station_id)
    if workshop_id is not None:
        query = query.where(LedgerEntry.workshop_id == workshop_id)
    if before is not None:
        query = query.where(LedgerEntry.id < before)
    query = query.options(joinedload(LedgerEntry.posting)).order_by(LedgerEntry.id.desc())
    return list(await session.scalars(query.limit(MOST_ENTRIES)))
