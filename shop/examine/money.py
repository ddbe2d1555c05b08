"""Money: postings balance, and orders, payments, refunds and the ledger tell the same story."""

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.words import yuan
from shop.examine.finding import Fault, Finding
from shop.models import (
    LedgerEntry,
    Order,
    OrderState,
    Payment,
    PaymentState,
    Posting,
    Refund,
    RefundState,
)
from shop.troubles import TroubleKind

_PAID = (OrderState.PAID, OrderState.COMPLETED)


async def postings(session: AsyncSession) -> Finding:
    """Every posting sums to zero."""
    total = func.sum(LedgerEntry.amount_fen)
    odd = (
        select(Posting.station_id, Posting.id, Posting.cause, Posting.order_id, total)
        .join(LedgerEntry, LedgerEntry.posting_id == Posting.id)
        .group_by(Posting.id)
        .having(total != 0)
        .order_by(Posting.id)
    )
    return Finding(
        "ledger",
        "every posting sums to zero",
        "postings that do not balance",
        TroubleKind.LEDGER_MISMATCH,
        [
            Fault(station, f"posting:{id_}", f"一笔账（{cause}）两边差 ¥{yuan(int(fen))}。", order)
            for station, id_, cause, order, fen in await session.execute(odd)
        ],
    )


async def orders(session: AsyncSession) -> Finding:
    """A paid order stands on exactly one payment of its total, and no other order on any."""
    whole = and_(Payment.state == PaymentState.SUCCEEDED, Payment.amount_fen == Order.total_fen)
    kept = func.count(Payment.id)
    good = func.coalesce(func.sum(case((whole, 1), else_=0)), 0)
    paid = or_(Order.paid_at.is_not(None), Order.state.in_(_PAID))
    odd = (
        select(Order.station_id, Order.id, Order.code)
        .outerjoin(Payment, and_(Payment.order_id == Order.id, Payment.kept))
        .group_by(Order.id)
        .having(or_(and_(paid, or_(kept != 1, good != 1)), and_(~paid, kept != 0)))
        .order_by(Order.id)
    )
    return Finding(
        "orders",
        "each paid order stands on one payment of its total",
        "orders that do not agree with their payments",
        TroubleKind.LEDGER_MISMATCH,
        [
            Fault(station, f"order:{id_}", f"订单 {code} 和它的收款对不上。", id_)
            for station, id_, code in await session.execute(odd)
        ],
    )


async def refunds(session: AsyncSession) -> Finding:
    """No payment gives back more than it brought, and one that brought nothing gives nothing."""
    back = func.sum(Refund.amount_fen)
    brought = case((Payment.state == PaymentState.SUCCEEDED, Payment.amount_fen), else_=0)
    odd = (
        select(Payment.station_id, Payment.id, Payment.order_id, brought, back)
        .join(Refund, Refund.payment_id == Payment.id)
        .where(Refund.state != RefundState.FAILED)
        .group_by(Payment.id)
        .having(back > brought)
        .order_by(Payment.id)
    )
    return Finding(
        "refunds",
        "none is more than its payment",
        "payments that give back too much",
        TroubleKind.LEDGER_MISMATCH,
        [
            Fault(
                station,
                f"payment:{id_}",
                f"收到 ¥{yuan(had)}，却要退 ¥{yuan(int(gives))}。",
                order,
            )
            for station, id_, order, had, gives in await session.execute(odd)
        ],
    )


async def books(session: AsyncSession) -> Finding:
    """What the ledger says that buyers paid and got back is what payments and refunds say.

    A refund is posted when it is asked for, so one that failed counts: it is still owed.
    """
    ledger = _per_order(
        select(Posting.order_id, func.sum(LedgerEntry.amount_fen).label("fen"))
        .join(LedgerEntry, LedgerEntry.posting_id == Posting.id)
        .where(LedgerEntry.account == "buyers")
        .group_by(Posting.order_id)
    )
    paid = _per_order(
        select(Payment.order_id, func.sum(Payment.amount_fen).label("fen"))
        .where(Payment.state == PaymentState.SUCCEEDED)
        .group_by(Payment.order_id)
    )
    back = _per_order(
        select(Payment.order_id, func.sum(Refund.amount_fen).label("fen"))
        .join(Refund, Refund.payment_id == Payment.id)
        .group_by(Payment.order_id)
    )
    posted, moved = _fen(ledger), _fen(back) - _fen(paid)
    odd = (
        select(Order.station_id, Order.id, Order.code, posted - moved)
        .outerjoin(ledger, ledger.c.order_id == Order.id)
        .outerjoin(paid, paid.c.order_id == Order.id)
        .outerjoin(back, back.c.order_id == Order.id)
        .where(posted != moved)
        .order_by(Order.id)
    )
    return Finding(
        "books",
        "the ledger agrees with payments and refunds",
        "orders whose ledger does not",
        TroubleKind.LEDGER_MISMATCH,
        [
            Fault(
                station,
                f"order:{id_}",
                f"订单 {code} 的账目和收款、退款差 ¥{yuan(abs(int(fen)))}。",
                id_,
            )
            for station, id_, code, fen in await session.execute(odd)
        ],
    )


def _per_order(query: Select[int | None, int] | Select[int, int]) -> Subquery:
    return query.subquery()


def _fen(sums: Subquery) -> ColumnElement[int]:
    return func.coalesce(sums.c.fen, 0)
