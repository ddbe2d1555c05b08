"""A family's statement of account: what it was owed, what came and went, what it is owed then."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.models import Workshop
from catalog.spans import Span
from catalog.workshops import workshop_for
from shop.earnings import KINDS, Earning, Totals, earnings_between, totals
from shop.orders import day_span
from shop.sheets import Cell, Sheet, yuan_cell

_HEADERS = ("时间（北京时间）", "事由", "作品或付法", "订单", "工单", "金额（元）", "余额（元）")


@dataclass(frozen=True, slots=True)
class Account:
    """One family's statement; `lines` are oldest first, each with the balance after it."""

    workshop: Workshop
    span: Span
    opening_fen: int
    totals: Totals
    lines: list[tuple[Earning, int]]

    @property
    def closing_fen(self) -> int:
        return self.opening_fen + self.totals.balance_fen


async def account_of(session: AsyncSession, actor: Actor, workshop_id: int, span: Span) -> Account:
    """The statement, when the actor may see the workshop. Raises NotFound."""
    workshop = await workshop_for(session, actor, workshop_id)
    start, end = day_span(span.since)[0], day_span(span.until)[1]
    opening = (await totals(session, workshop_id, end=start)).balance_fen
    balance, lines = opening, []
    for earning in await earnings_between(session, workshop_id, start, end):
        balance += earning.amount_fen
        lines.append((earning, balance))
    return Account(workshop, span, opening, await totals(session, workshop_id, start, end), lines)


def sheet_of(account: Account) -> Sheet:
    """The statement as a table for spreadsheets, with what was owed before and after."""
    lines = [_row(earning, balance) for earning, balance in account.lines]
    title = f"{account.workshop.name} {account.span.words} 对账单"
    before, after = yuan_cell(account.opening_fen), yuan_cell(account.closing_fen)
    return Sheet(
        title=title,
        headers=_HEADERS,
        rows=[
            (None, f"{account.span.since} 以前的余额", "", "", None, None, before),
            *lines,
            (None, f"到 {account.span.until} 的余额", "", "", None, None, after),
        ],
    )


def _row(earning: Earning, balance_fen: int) -> tuple[Cell, ...]:
    return (
        earning.at,
        KINDS.get(earning.kind, "账目"),
        earning.what,
        earning.order_code,
        earning.work_order_id,
        yuan_cell(earning.amount_fen),
        yuan_cell(balance_fen),
    )
