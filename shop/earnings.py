"""What a family has earned, as the ledger has it and as a family would tell it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from shop import ledger
from shop.models import LedgerEntry, WorkOrder


@dataclass(frozen=True, slots=True)
class Earning:
    """One ledger entry of a family. `kind` is sale, postage, or the posting's own.

    `what` names the pieces and `order_code` the order, both empty where no order stands behind it.
    """

    at: datetime
    kind: str
    what: str
    order_code: str
    work_order_id: int | None
    amount_fen: int


async def list_earnings(session: AsyncSession, station_id: int, workshop_id: int) -> list[Earning]:
    """The family's entries, newest first, with the order that each belongs to."""
    entries = await ledger.list_entries(session, station_id, workshop_id)
    work_orders = await _work_orders(session, entries)
    told: list[Earning] = []
    sold: set[int] = set()
    # Oldest first: a sale is posted with its goods before its postage.
    for entry in reversed(entries):
        work_order = work_orders.get(entry.work_order_id or 0)
        told.append(_told(entry, work_order, sold))
    return told[::-1]


async def _work_orders(session: AsyncSession, entries: list[LedgerEntry]) -> dict[int, WorkOrder]:
    ids = {entry.work_order_id for entry in entries if entry.work_order_id is not None}
    query = (
        select(WorkOrder)
        .where(WorkOrder.id.in_(ids))
        .options(joinedload(WorkOrder.order), selectinload(WorkOrder.lines))
    )
    return {work_order.id: work_order for work_order in await session.scalars(query)}


def _told(entry: LedgerEntry, work_order: WorkOrder | None, sold: set[int]) -> Earning:
    kind, what, code = entry.posting.kind, "", ""
    if work_order is not None:
        what = "、".join(f"{line.name} ×{line.quantity}" for line in work_order.lines)
        code = work_order.order.code
        if kind == "sale":
            goods = entry.amount_fen == work_order.goods_fen and work_order.id not in sold
            sold.add(work_order.id)
            kind = "sale" if goods else "postage"
    return Earning(entry.at, kind, what, code, entry.work_order_id, entry.amount_fen)
