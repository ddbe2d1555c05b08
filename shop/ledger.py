"""The ledger: balanced postings, append-only; every balance is a sum of entries.

Accounts: `buyers` (the world that money comes from and returns to), `workshop` (owed to one
family), `unplaced` (paid, but with no order to stand for it). An amount is fen into (+) or out
of (-) its account, so a family's balance is the sum of its entries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from shop.models import LedgerEntry, Order, Posting, WorkOrder

MOST_ENTRIES = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a posting to be made. `amount_fen` may be anything but zero."""

    account: str
    amount_fen: int
    workshop_id: int | None = None
    work_order_id: int | None = None


# Plain rows, in two statements: they are read elsewhere, and this is on the way of every sale.
_POSTING = insert(Posting).returning(Posting.id)
_ENTRIES = insert(LedgerEntry)


async def post(
    session: AsyncSession,
    *,
    station_id: int,
    cause: str,
    kind: str,
    order_id: int | None,
    entries: Sequence[Entry],
    now: datetime,
) -> None:
    """Write one balanced posting in the caller's transaction.

    `cause` names what made it necessary ("payment:17") and is unique: a second posting for it
    fails with IntegrityError instead of counting money twice. Raises ValueError when the sides
    do not sum to zero; that is our mistake, never a person's.
    """
    if sum(entry.amount_fen for entry in entries) != 0:
        raise ValueError(f"posting {cause} does not balance")
    posting_id = await session.scalar(
        _POSTING,
        {"station_id": station_id, "cause": cause, "kind": kind, "order_id": order_id, "at": now},
    )
    rows = [
        {
            "station_id": station_id,
            "posting_id": posting_id,
            "account": entry.account,
            "workshop_id": entry.workshop_id,
            "work_order_id": entry.work_order_id,
            "amount_fen": entry.amount_fen,
            "at": now,
        }
        for entry in entries
    ]
    await session.execute(_ENTRIES, rows)


def sale_entries(order: Order) -> list[Entry]:
    """What a paid order does: each family is owed its goods and the postage it will pay."""
    families = [
        Entry("workshop", part, work_order.workshop_id, work_order.id)
        for work_order in order.work_orders
        for part in (work_order.goods_fen, work_order.shipping_fen)
        if part
    ]
    return [Entry("buyers", -order.total_fen), *families]


def refund_entries(work_order: WorkOrder) -> list[Entry]:
    """What refunding a work order whole undoes."""
    amount = work_order.goods_fen + work_order.shipping_fen
    return [
        Entry("workshop", -amount, work_order.workshop_id, work_order.id),
        Entry("buyers", amount),
    ]


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
