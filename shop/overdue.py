"""Payments that are open past their end: asked about, or decided by a person.

Each function reads, asks, then writes in a transaction of its own, as `shop/paying.py` does. What
the gateway can not tell is a trouble for the desk; a gateway that is away never stops the rest.
"""

from collections import Counter
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import MONEY_DESK, Actor
from catalog.audit import record
from catalog.own import own
from catalog.words import yuan
from shop.context import Shop
from shop.errors import WrongOrderState
from shop.models import Payment, PaymentState
from shop.paying import look_at_payment
from shop.payments.gateway import GatewayRefused, GatewaySession, GatewayUnavailable, SessionState
from shop.payments.offline_gateway import OFFLINE
from shop.settle import settle
from shop.troubles import TroubleKind, close_trouble, open_ids, open_trouble, was_told

log = structlog.get_logger()

GRACE = timedelta(minutes=2)
BATCH = 100
MOST_IN_VAIN = 3


async def look_at_overdue(shop: Shop, now: datetime) -> int:
    """Ask about payments that are still open two minutes past their end; returns how many."""
    asked, vain = 0, Counter[str]()
    for payment in await _overdue(shop, now):
        if vain[payment.gateway] == MOST_IN_VAIN:
            continue
        try:
            await look_again(shop, payment, now)
            asked += 1
        except GatewayUnavailable as error:
            log.warning("overdue payment not told", payment=payment.id, error=str(error))
            vain[payment.gateway] += 1
    async with shop.database.writing.begin() as session:
        await _forget_answered(session, now)
    return asked


async def look_again(shop: Shop, payment: Payment, now: datetime) -> None:
    """Ask the gateway how an open payment stands, and settle; what it does not know is a trouble.

    Raises GatewayUnavailable when it does not answer.
    """
    kind, subject = TroubleKind.PAYMENT_UNREACHABLE, f"payment:{payment.id}"
    why = (
        f"付款服务 {payment.gateway} 已经不在设置里" if payment.gateway not in shop.gateways else ""
    )
    if not why:
        try:
            await look_at_payment(shop, payment.id, now)
        except GatewayRefused:
            why = "付款服务说没有这笔付款"
    async with shop.database.writing.begin() as session:
        if not why:
            await close_trouble(session, kind, subject, now)
            return
        await open_trouble(
            session,
            station_id=payment.station_id,
            kind=kind,
            subject=subject,
            text=f"¥{yuan(payment.amount_fen)} 不知道付了没有：{why}。",
            order_id=payment.order_id,
            now=now,
        )


async def _overdue(shop: Shop, now: datetime) -> list[Payment]:
    """Those that nobody could tell of so far come last, lest they stand before all others."""
    query = (
        select(Payment)
        .where(
            Payment.state == PaymentState.OPEN,
            Payment.expires_at <= now - GRACE,
            Payment.gateway != OFFLINE,
        )
        .order_by(
            was_told(TroubleKind.PAYMENT_UNREACHABLE, "payment", Payment.id), Payment.expires_at
        )
        .limit(BATCH)
    )
    async with shop.database.reading() as session:
        return list(await session.scalars(query))


async def _forget_answered(session: AsyncSession, now: datetime) -> None:
    """Close the troubles of payments that a webhook or somebody else has settled meanwhile."""
    told = await open_ids(session, TroubleKind.PAYMENT_UNREACHABLE, "payment")
    settled = select(Payment.id).where(Payment.id.in_(told), Payment.state != PaymentState.OPEN)
    for payment_id in await session.scalars(settled):
        await close_trouble(session, TroubleKind.PAYMENT_UNREACHABLE, f"payment:{payment_id}", now)


async def decide_no_money(
    session: AsyncSession, actor: Actor, payment_id: int, now: datetime
) -> None:
    """A person has looked at the provider's and says that no money came: the payment expires.

    Only for a payment that nobody can be asked about. Raises NotFound, WrongOrderState.
    """
    actor.must_be(MONEY_DESK)
    payment = await own(session, actor, Payment, payment_id)
    unreachable = await open_ids(session, TroubleKind.PAYMENT_UNREACHABLE, "payment")
    if payment.state != PaymentState.OPEN or payment_id not in unreachable:
        raise WrongOrderState("这笔付款已经有结果了，不用人来定。")
    order = await settle(session, payment_id, _no_money(payment), now)
    settled = order.payment(payment_id)
    if settled.state != PaymentState.EXPIRED:
        raise WrongOrderState("钱刚刚到了，这笔付款已经收到。")
    record(session, actor, "payment.no_money", payment, now, after={"state": settled.state})


def _no_money(payment: Payment) -> GatewaySession:
    return GatewaySession(
        id=payment.session_id or f"none-{payment.id}",
        url=None,
        state=SessionState.EXPIRED,
        paid=False,
        amount_fen=payment.amount_fen,
        intent_id=None,
        payment_id=payment.id,
    )
