"""The ledger as programs read it: entries with what stands behind them, and what is owed."""

from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.interface import Named
from catalog.models import Workshop
from catalog.workshops import workshop_for
from shop.models import LedgerEntry, Order, Posting


class StatementEntry(msgspec.Struct, kw_only=True):
    """One side of a posting: fen into (+) or out of (-) `account`. `order` is the order's code."""

    id: int
    at: datetime
    kind: str
    account: str
    workshop: Named | None
    order: str | None
    work_order: int | None
    amount_fen: int


class Statement(msgspec.Struct, kw_only=True):
    """Entries, newest first. `balance_fen` is what the workshop, or all workshops, are owed now."""

    items: list[StatementEntry]
    balance_fen: int
    next: int | None


async def statement(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int | None,
    *,
    before: int | None = None,
    most: int = 100,
) -> Statement:
    """What the actor may see: artisans their own workshop's entries, others the station's.

    Raises NotFound for a workshop that is not the actor's to see.
    """
    workshop_id = workshop_id or actor.workshop_id
    mine = [LedgerEntry.station_id == actor.station_id]
    if workshop_id is not None:
        await workshop_for(session, actor, workshop_id)
        mine.append(LedgerEntry.workshop_id == workshop_id)
    found = await _rows(session, mine, before, most + 1)
    return Statement(
        items=[_entry(row) for row in found[:most]],
        balance_fen=await _owed_fen(session, mine),
        next=found[most - 1][0].id if len(found) > most else None,
    )


async def _rows(
    session: AsyncSession, mine: list[ColumnElement[bool]], before: int | None, most: int
) -> list[Row[LedgerEntry, str, str | None, str | None]]:
    query = (
        select(LedgerEntry, Posting.kind, Workshop.name, Order.code)
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .outerjoin(Workshop, Workshop.id == LedgerEntry.workshop_id)
        .outerjoin(Order, Order.id == Posting.order_id)
        .where(*mine)
        .order_by(LedgerEntry.id.desc())
        .limit(most)
    )
    if before is not None:
        query = query.where(LedgerEntry.id < before)
    return list(await session.execute(query))


async def _owed_fen(session: AsyncSession, mine: list[ColumnElement[bool]]) -> int:
    query = select(func.coalesce(func.sum(LedgerEntry.amount_fen), 0))
    owed = await session.scalar(query.where(*mine, LedgerEntry.workshop_id.is_not(None)))
    return int(owed or 0)


def _entry(row: Row[LedgerEntry, str, str | None, str | None]) -> StatementEntry:
    entry, kind, workshop, code = row
    return StatementEntry(
        id=entry.id,
        at=entry.at,
        kind=kind,
        account=entry.account,
        workshop=Named(entry.workshop_id, workshop) if entry.workshop_id and workshop else None,
        order=code,
        work_order=entry.work_order_id,
        amount_fen=entry.amount_fen,
    )
