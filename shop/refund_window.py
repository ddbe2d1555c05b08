"""Wallets give money back for some months only, and a long promise may outlast them.

Stripe's documentation of its payment methods: an Alipay payment can be refunded for 90 days, one
by WeChat Pay for 180. For cards it names no end, but old refunds fail as cards are closed, so 180
days are counted there too. What was paid by hand goes back by hand, whenever.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.checks import BEIJING
from shop.models import Order, Payment, WorkOrder, WorkOrderState
from shop.troubles import TroubleKind, close_trouble, open_ids, open_trouble, was_told

WINDOW_DAYS = {"alipay": 90, "wechat_pay": 180, "card": 180}

AFTER_PROMISE = timedelta(days=21)
"""From the promised day to the last on which a return may still have to be paid: the parcel's
way, seven days to think it over, the parcel's way back."""
CLOSE = timedelta(days=14)
MOST_ORDERS = 500

_FINISHED = (WorkOrderState.DELIVERED, WorkOrderState.DECLINED, WorkOrderState.CANCELLED)


class Verdict(StrEnum):
    """How a promised day stands to the last day of refunds."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


def refund_until(method: str, paid_at: datetime) -> date | None:
    """The last day, in Beijing, on which money can go back the way it came; None without end."""
    days = WINDOW_DAYS.get(method)
    return None if days is None else paid_at.astimezone(BEIJING).date() + timedelta(days=days)


def shortest(methods: Collection[str]) -> str:
    """Of the ways that a buyer was offered, none named for all, the one that ends first."""
    return min(methods or WINDOW_DAYS, key=lambda method: WINDOW_DAYS.get(method, 0))


def verdict_until(promised_on: date, until: date | None) -> Verdict:
    """Red when the last return may come after `until`; amber in the two weeks before that."""
    if until is None:
        return Verdict.GREEN
    left = until - (promised_on + AFTER_PROMISE)
    if left < timedelta():
        return Verdict.RED
    return Verdict.AMBER if left < CLOSE else Verdict.GREEN


def verdict(promised_on: date, method: str, today: date) -> Verdict:
    """The same for a payment made today."""
    days = WINDOW_DAYS.get(method)
    return verdict_until(promised_on, None if days is None else today + timedelta(days=days))


def outlook(work_days: int) -> Verdict:
    """What to expect of a product that takes so many days to make, however the buyer will pay."""
    return verdict(date.min + timedelta(days=work_days), shortest(()), date.min)


def order_verdicts(
    work_orders: Sequence[WorkOrder], payments: Sequence[Payment]
) -> dict[int, Verdict]:
    """What is amber or red in an order, by work order; those that are finished are not told."""
    until = next((payment.refund_until for payment in payments if payment.kept), None)
    found = {
        part.id: verdict_until(part.promised_on, until)
        for part in work_orders
        if part.promised_on is not None and part.state not in _FINISHED
    }
    return {part: verdict for part, verdict in found.items() if verdict != Verdict.GREEN}


async def warn(session: AsyncSession, now: datetime) -> int:
    """Tell the desk, once, of each unfinished order whose money soon can not go back any more.

    Closes what is over by itself. Returns how many were told.
    """
    today = now.astimezone(BEIJING).date()
    for payment_id in await _over(session):
        subject = f"payment:{payment_id}"
        await close_trouble(session, TroubleKind.REFUND_WINDOW, subject, now)
    query = (
        select(Payment, Order.code)
        .join(Order, Order.id == Payment.order_id)
        .where(
            Payment.kept,
            Payment.refund_until <= today + CLOSE,
            _unfinished(),
            ~was_told(TroubleKind.REFUND_WINDOW, "payment", Payment.id),
        )
        .order_by(Payment.refund_until, Payment.id)
        .limit(MOST_ORDERS)
    )
    told = (await session.execute(query)).all()
    for payment, code in told:
        await _tell(session, payment, code, today, now)
    return len(told)


def _unfinished() -> ColumnElement[bool]:
    return exists().where(WorkOrder.order_id == Payment.order_id, WorkOrder.state.not_in(_FINISHED))


async def _over(session: AsyncSession) -> list[int]:
    """The payments told of whose orders are finished by now."""
    told = await open_ids(session, TroubleKind.REFUND_WINDOW, "payment")
    return list(
        await session.scalars(select(Payment.id).where(Payment.id.in_(told), ~_unfinished()))
    )


async def _tell(
    session: AsyncSession, payment: Payment, code: str, today: date, now: datetime
) -> None:
    until = payment.refund_until or today
    left = (until - today).days
    when = f"还有 {left} 天" if left >= 0 else "已经过了"
    await open_trouble(
        session,
        station_id=payment.station_id,
        kind=TroubleKind.REFUND_WINDOW,
        subject=f"payment:{payment.id}",
        text=f"订单 {code} 还没有完，{until.month}月{until.day}日以后钱退不回原路，{when}。",
        order_id=payment.order_id,
        now=now,
    )
