"""What a family has earned, as the ledger has it and as a family would tell it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from catalog.words import PAY_WAYS
from shop import ledger
from shop.fees import STATION
from shop.models import LedgerEntry, Payout, Posting, WorkOrder

KINDS = {
    "sale": "卖了",
    "postage": "邮费",
    "fee": "社工站留的",
    "refund": "退货退款",
    "payout": "付给您了",
    "correction": "站里帮补",
}


@dataclass(frozen=True, slots=True)
class Earning:
    """One ledger entry of a family. `kind` is one of `KINDS`, or the posting's own.

    `what` names the pieces, or how it was paid out; `order_code` the order. Both are empty where
    nothing of the sort stands behind it.
    """

    at: datetime
    kind: str
    what: str
    order_code: str
    work_order_id: int | None
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What became of a family's money, each a sum of entries; together they are the balance.

    `sold_fen` is goods and postage; `returned_fen`, `fee_fen` and `paid_fen` are less than
    nothing or nothing. `other_fen` is what the station's fund put in, and the like.
    """

    sold_fen: int = 0
    returned_fen: int = 0
    fee_fen: int = 0
    paid_fen: int = 0
    other_fen: int = 0

    @property
    def balance_fen(self) -> int:
        return self.sold_fen + self.returned_fen + self.fee_fen + self.paid_fen + self.other_fen


async def totals(
    session: AsyncSession,
    workshop_id: int,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Totals:
    """The sums of a family's entries from `start` to before `end`; of all there are without."""
    of_family = select(WorkOrder.id).where(WorkOrder.workshop_id == workshop_id)
    into = case((LedgerEntry.amount_fen > 0, 1), else_=0)
    query = (
        select(LedgerEntry.account, Posting.kind, into, func.sum(LedgerEntry.amount_fen))
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .where(
            (LedgerEntry.account == "workshop") & (LedgerEntry.workshop_id == workshop_id)
            | (LedgerEntry.account == STATION) & LedgerEntry.work_order_id.in_(of_family)
        )
        .group_by(LedgerEntry.account, Posting.kind, into)
    )
    if start is not None:
        query = query.where(LedgerEntry.at >= start)
    if end is not None:
        query = query.where(LedgerEntry.at < end)
    rows = await session.execute(query)
    return _totals({(account, kind, bool(plus)): int(fen) for account, kind, plus, fen in rows})


def _totals(sums: dict[tuple[str, str, bool], int]) -> Totals:
    family = {key[1:]: fen for key, fen in sums.items() if key[0] == "workshop"}
    # What goes back to a buyer goes without the station's share, which the station gives back.
    share_back = -sums.get((STATION, "refund", False), 0)
    return Totals(
        sold_fen=family.pop(("sale", True), 0),
        returned_fen=family.pop(("refund", False), 0) - share_back,
        fee_fen=family.pop(("sale", False), 0) + share_back,
        paid_fen=family.pop(("payout", False), 0),
        other_fen=sum(family.values()),
    )


async def list_earnings(session: AsyncSession, station_id: int, workshop_id: int) -> list[Earning]:
    """The family's newest entries, newest first, with the order that each belongs to."""
    entries = await ledger.list_entries(session, station_id, workshop_id)
    own = [entry for entry in entries if entry.account == "workshop"]
    return (await _tell(session, own[::-1]))[::-1]


async def earnings_between(
    session: AsyncSession, workshop_id: int, start: datetime, end: datetime
) -> list[Earning]:
    """Every entry of a family from `start` to before `end`, oldest first."""
    query = (
        select(LedgerEntry)
        .where(
            LedgerEntry.account == "workshop",
            LedgerEntry.workshop_id == workshop_id,
            LedgerEntry.at >= start,
            LedgerEntry.at < end,
        )
        .options(joinedload(LedgerEntry.posting))
        .order_by(LedgerEntry.at, LedgerEntry.id)
    )
    return await _tell(session, list(await session.scalars(query)))


async def _tell(session: AsyncSession, entries: Sequence[LedgerEntry]) -> list[Earning]:
    """Entries, given oldest first: a sale is posted with its goods before its postage."""
    work_orders = await _work_orders(session, entries)
    payouts = await _payouts(session, entries)
    sold: set[int] = set()
    told = []
    for entry in entries:
        work_order = work_orders.get(entry.work_order_id or 0)
        told.append(
            Earning(
                at=entry.at,
                kind=_kind(entry, work_order, sold),
                what=_what(work_order) or payouts.get(entry.posting.cause, ""),
                order_code=work_order.order.code if work_order else "",
                work_order_id=entry.work_order_id,
                amount_fen=entry.amount_fen,
            )
        )
    return told


async def _work_orders(
    session: AsyncSession, entries: Sequence[LedgerEntry]
) -> dict[int, WorkOrder]:
    ids = {entry.work_order_id for entry in entries if entry.work_order_id is not None}
    query = (
        select(WorkOrder)
        .where(WorkOrder.id.in_(ids))
        .options(joinedload(WorkOrder.order), selectinload(WorkOrder.lines))
    )
    return {work_order.id: work_order for work_order in await session.scalars(query)}


async def _payouts(session: AsyncSession, entries: Sequence[LedgerEntry]) -> dict[str, str]:
    """How each payout among the entries was paid, by the cause of its posting."""
    causes = {entry.posting.cause for entry in entries if entry.posting.kind == "payout"}
    ids = {int(cause.removeprefix("payout:")) for cause in causes}
    query = select(Payout).where(Payout.id.in_(ids))
    return {f"payout:{one.id}": how_paid(one) for one in await session.scalars(query)}


def how_paid(payout: Payout) -> str:
    """ "银行转账，单号 2026…", or "现金，见证人 李…"."""
    proof = f"，单号 {payout.reference}" if payout.reference else ""
    proof += f"，见证人 {payout.witness}" if payout.witness else ""
    return PAY_WAYS[payout.way] + proof


def _kind(entry: LedgerEntry, work_order: WorkOrder | None, sold: set[int]) -> str:
    kind = entry.posting.kind
    if kind != "sale" or work_order is None:
        return kind
    if entry.amount_fen < 0:
        return "fee"
    goods = entry.amount_fen == work_order.goods_fen and work_order.id not in sold
    sold.add(work_order.id)
    return "sale" if goods else "postage"


def _what(work_order: WorkOrder | None) -> str:
    lines = work_order.lines if work_order else []
    return "、".join(f"{line.name} ×{line.quantity}" for line in lines)
