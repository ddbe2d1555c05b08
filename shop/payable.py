"""What each family may be paid today: its ledger, less what buyers may still send back.

A work order's money may be paid from `payable_on` on (`shop.return_window`). Until then it waits;
all else of a balance is due, and that is less than nothing where money went back to a buyer after
the family had been paid: it is carried, and the next payout is so much smaller. `docs/money.md`.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Select, Subquery, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.models import Workshop
from shop.models import LedgerEntry, Payout, PayoutLine, PayoutState, WorkOrder

OPEN = (PayoutState.DRAFTED, PayoutState.APPROVED)


@dataclass(frozen=True, slots=True)
class Unpaid:
    """What of one work order has not been paid out, in fen; negative when refunded since."""

    work_order_id: int
    payable_on: date | None
    amount_fen: int


@dataclass(slots=True)
class Standing:
    """How a family stands with the station on a day. `balance_fen` is all that it is owed.

    `waiting` and `due` tell the work orders not paid out yet; `payout` is the open one.
    """

    workshop: Workshop
    balance_fen: int = 0
    waiting: list[Unpaid] = field(default_factory=list)
    due: list[Unpaid] = field(default_factory=list)
    payout: Payout | None = None

    @property
    def waiting_fen(self) -> int:
        """What may not be paid yet; never less than nothing."""
        return sum(part.amount_fen for part in self.waiting)

    @property
    def payable_fen(self) -> int:
        """What may be paid now, the open payout included; negative for what is carried."""
        return self.balance_fen - self.waiting_fen

    @property
    def carried_fen(self) -> int:
        """What the family was paid too much, to be taken off its next payout."""
        return max(0, -self.payable_fen)

    @property
    def next_on(self) -> date | None:
        """The first day on which something that waits may be paid, where it is known."""
        return min((part.payable_on for part in self.waiting if part.payable_on), default=None)

    @property
    def undated_fen(self) -> int:
        """What waits for the buyer to receive it."""
        return sum(part.amount_fen for part in self.waiting if part.payable_on is None)


async def standings(
    session: AsyncSession, station_id: int, today: date, workshop_id: int | None = None
) -> dict[int, Standing]:
    """How every family of a station stands, or one of them, by id in the order they joined."""
    query = select(Workshop).where(Workshop.station_id == station_id).order_by(Workshop.id)
    if workshop_id is not None:
        query = query.where(Workshop.id == workshop_id)
    found = {one.id: Standing(one) for one in await session.scalars(query)}
    for whose, balance_fen in await session.execute(_balances(list(found))):
        found[whose].balance_fen = int(balance_fen)
    unpaid = _unpaid(list(found))
    parts = (
        select(unpaid, WorkOrder.payable_on)
        .join(WorkOrder, WorkOrder.id == unpaid.c.work_order_id)
        .order_by(WorkOrder.id)
    )
    for whose, work_order_id, amount_fen, payable_on in await session.execute(parts):
        # What went back to a buyer is due at once, whatever its day.
        waits = amount_fen > 0 and (payable_on is None or payable_on > today)
        rows = found[whose].waiting if waits else found[whose].due
        rows.append(Unpaid(work_order_id, payable_on, int(amount_fen)))
    open_ones = select(Payout).where(Payout.workshop_id.in_(found), Payout.state.in_(OPEN))
    for payout in await session.scalars(open_ones):
        found[payout.workshop_id].payout = payout
    return found


async def account_fen(session: AsyncSession, station_id: int, account: str) -> int:
    """The sum of one of a station's own accounts, such as its share."""
    query = select(func.sum(LedgerEntry.amount_fen)).where(
        LedgerEntry.station_id == station_id, LedgerEntry.account == account
    )
    return int(await session.scalar(query) or 0)


def _balances(workshop_ids: list[int]) -> Select[Any, Any]:
    return (
        select(LedgerEntry.workshop_id, func.sum(LedgerEntry.amount_fen))
        .where(LedgerEntry.account == "workshop", LedgerEntry.workshop_id.in_(workshop_ids))
        .group_by(LedgerEntry.workshop_id)
    )


def _unpaid(workshop_ids: list[int]) -> Subquery:
    """(workshop_id, work_order_id, amount_fen): entries of a work order less its paid lines."""
    earned = select(
        LedgerEntry.workshop_id, LedgerEntry.work_order_id, LedgerEntry.amount_fen
    ).where(
        LedgerEntry.account == "workshop",
        LedgerEntry.workshop_id.in_(workshop_ids),
        LedgerEntry.work_order_id.is_not(None),
    )
    paid = (
        select(
            Payout.workshop_id,
            PayoutLine.work_order_id,
            (literal(0) - PayoutLine.amount_fen).label("amount_fen"),
        )
        .join(Payout, Payout.id == PayoutLine.payout_id)
        .where(
            Payout.state == PayoutState.PAID,
            Payout.workshop_id.in_(workshop_ids),
            PayoutLine.work_order_id.is_not(None),
        )
    )
    both = union_all(earned, paid).subquery()
    total = func.sum(both.c.amount_fen)
    return (
        select(both.c.workshop_id, both.c.work_order_id, total.label("amount_fen"))
        .group_by(both.c.workshop_id, both.c.work_order_id)
        .having(total != 0)
        .subquery()
    )
