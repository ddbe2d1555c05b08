"""Every night, our books against what the gateway tells: each difference is a trouble.

Each step reads, asks, then writes in a transaction of its own, as `shop/paying.py` does. A gateway
that does not answer a few times in a row is left alone until the next night; the others are not.
"""

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.models import Station
from catalog.words import yuan
from shop.context import Shop
from shop.models import Payment, PaymentState, Refund, RefundState
from shop.overdue import BATCH, MOST_IN_VAIN
from shop.payments.gateway import (
    Gateway,
    GatewayRefund,
    GatewayRefused,
    GatewaySession,
    GatewayUnavailable,
    Listing,
)
from shop.payments.offline_gateway import OFFLINE
from shop.settle import settle
from shop.troubles import (
    TroubleKind,
    close_trouble,
    open_ids,
    open_subjects,
    open_trouble,
    was_told,
)
from shop.webhooks import REFUND_STATES, note_refund

log = structlog.get_logger()

LOOK_BACK = timedelta(days=3)
STUCK = timedelta(days=3)

_UNKNOWN = "付款服务说没有这一笔"
_WAITING = (RefundState.REQUESTED, RefundState.PENDING)

Row = TypeVar("Row", Payment, Refund)
T = TypeVar("T")


async def nightly(shop: Shop, now: datetime) -> None:
    """Compare three days of payments and refunds with each gateway's, both ways round."""
    for name, gateway in shop.gateways.items():
        if name == OFFLINE:
            continue
        async with shop.database.reading() as session:
            known = await open_subjects(session, TroubleKind.DIFFERENCE)
        night = _Night(shop, gateway, now, known)
        try:
            async for payment in _batches(shop, night.settled_payments()):
                await night.compare_payment(payment)
            async for refund in _batches(shop, night.sent_refunds()):
                await night.compare_refund(refund)
            if isinstance(gateway, Listing):
                await night.compare_listed(gateway)
        except GatewayUnavailable as error:
            log.warning("gateway not compared to the end", gateway=name, error=str(error))
    async with shop.database.writing.begin() as session:
        await tell_of_refunds(session, now)


def payment_difference(payment: Payment, told: GatewaySession) -> str:
    """What of a settled payment is not as the gateway tells it; "" when all is."""
    if told.amount_fen != payment.amount_fen:
        return f"我们记的是 ¥{yuan(payment.amount_fen)}，付款服务说是 ¥{yuan(told.amount_fen)}"
    if told.payment_id != payment.id:
        return "付款服务说这是另一笔付款"
    if payment.state == PaymentState.SUCCEEDED and not told.paid:
        return f"我们记了收到 ¥{yuan(payment.amount_fen)}，付款服务说没有付"
    return ""


def refund_difference(refund: Refund, told: GatewayRefund) -> str:
    """What of a refund is not as the gateway tells it; one under way may be further there."""
    if told.amount_fen != refund.amount_fen:
        return f"我们退的是 ¥{yuan(refund.amount_fen)}，付款服务说是 ¥{yuan(told.amount_fen)}"
    theirs = REFUND_STATES[told.state]
    if refund.state in _WAITING or refund.state == theirs:
        return ""
    done = RefundState.SUCCEEDED
    return f"我们记的退款{_word(refund.state == done)}，付款服务说{_word(theirs == done)}"


def _word(done: bool) -> str:
    return "已经退到" if done else "没有退到"


@dataclass
class _Night:
    """One gateway's comparison. `known` are the subjects of the differences that are open."""

    shop: Shop
    gateway: Gateway
    now: datetime
    known: set[str]
    in_vain: int = 0

    def settled_payments(self) -> Select[Payment]:
        return select(Payment).where(
            Payment.gateway == self.gateway.name,
            Payment.state != PaymentState.OPEN,
            Payment.settled_at >= self.now - LOOK_BACK,
            # A payment whose session was never made has a name of our own.
            Payment.session_id.not_like("none-%"),
        )

    def sent_refunds(self) -> Select[Refund]:
        recent = Refund.created_at >= self.now - LOOK_BACK
        return (
            select(Refund)
            .join(Payment, Payment.id == Refund.payment_id)
            .where(
                Payment.gateway == self.gateway.name,
                Refund.gateway_id.is_not(None),
                or_(recent, Refund.state == RefundState.PENDING),
            )
        )

    async def ask(self, question: Awaitable[T]) -> T | None:
        """The answer; None without one. Raises GatewayUnavailable for a few such in a row."""
        try:
            answer = await question
        except GatewayUnavailable:
            self.in_vain += 1
            if self.in_vain == MOST_IN_VAIN:
                raise
            return None
        self.in_vain = 0
        return answer

    async def compare_payment(self, payment: Payment) -> None:
        kept = payment.state == PaymentState.SUCCEEDED
        try:
            told = await self.ask(self.gateway.fetch_session(payment.session_id or ""))
        except GatewayRefused:
            why = _UNKNOWN if kept else ""
        else:
            if told is None:
                return
            why = payment_difference(payment, told)
            if told.paid and not kept and not why:
                await self.settle(payment, told)
        await self.note(f"payment:{payment.id}", payment.station_id, payment.order_id, why)

    async def settle(self, payment: Payment, told: GatewaySession) -> None:
        """Money that nobody told us of."""
        async with self.shop.database.writing.begin() as session:
            await settle(session, payment.id, told, self.now)

    async def compare_refund(self, refund: Refund) -> None:
        try:
            told = await self.ask(self.gateway.fetch_refund(refund.gateway_id or ""))
        except GatewayRefused:
            why = _UNKNOWN
        else:
            if told is None:
                return
            why = refund_difference(refund, told)
            if refund.state in _WAITING and not why:
                async with self.shop.database.writing.begin() as session:
                    await note_refund(session, told, self.now)
        async with self.shop.database.reading() as session:
            payment = await session.get_one(Payment, refund.payment_id)
        await self.note(f"refund:{refund.id}", refund.station_id, payment.order_id, why)

    async def compare_listed(self, gateway: Listing) -> None:
        """The other way round: each payment that the gateway has, looked for in our books."""
        for told in await self.ask(gateway.paid_since(self.now - LOOK_BACK)) or []:
            if told.payment_id is not None:
                await self.find(told, told.payment_id)

    async def find(self, told: GatewaySession, payment_id: int) -> None:
        async with self.shop.database.reading() as session:
            payment = await session.scalar(
                select(Payment).where(
                    Payment.id == payment_id, Payment.gateway == self.gateway.name
                )
            )
            station_id = payment.station_id if payment else await first_station(session)
        why = ""
        if payment is None:
            why = f"付款服务收到 ¥{yuan(told.amount_fen)}（{told.intent_id}），我们没有这笔付款"
        elif payment.state == PaymentState.SUCCEEDED and payment.session_id != told.id:
            why = f"付款服务多收了一次 ¥{yuan(told.amount_fen)}（{told.intent_id}）"
        elif payment.state != PaymentState.SUCCEEDED and told.amount_fen == payment.amount_fen:
            # The list tells the past: what moves money is asked for anew.
            fresh = await self.ask(self.gateway.fetch_session(told.id))
            if fresh is not None and fresh.paid:
                await self.settle(payment, fresh)
        order_id = payment.order_id if payment else None
        await self.note(f"intent:{told.intent_id}"[:60], station_id, order_id, why)

    async def note(self, subject: str, station_id: int, order_id: int | None, why: str) -> None:
        """Open or close a difference; most have none, and cost no transaction."""
        if not why and subject not in self.known:
            return
        async with self.shop.database.writing.begin() as session:
            if not why:
                await close_trouble(session, TroubleKind.DIFFERENCE, subject, self.now)
                return
            await open_trouble(
                session,
                station_id=station_id,
                kind=TroubleKind.DIFFERENCE,
                subject=subject,
                text=f"{why}。",
                order_id=order_id,
                now=self.now,
            )


async def _batches(shop: Shop, query: Select[Row]) -> AsyncIterator[Row]:
    """Rows by id, some at a time; no transaction is open while one of them is looked at."""
    key = query.column_descriptions[0]["entity"].id
    after = 0
    while True:
        async with shop.database.reading() as session:
            page = query.where(key > after).order_by(key).limit(BATCH)
            rows = list(await session.scalars(page))
        for row in rows:
            yield row
        if len(rows) < BATCH:
            return
        after = rows[-1].id


async def first_station(session: AsyncSession) -> int:
    """Where troubles of the whole installation are told."""
    return int(await session.scalar(select(func.min(Station.id))) or 0)


# Refunds that did not come through


async def tell_of_refunds(session: AsyncSession, now: datetime) -> None:
    """Tell of refunds that failed or wait for days; close what is over by itself."""
    # What people hand back themselves is told of when it is asked for.
    by_gateway = Payment.gateway != OFFLINE
    stuck = Refund.state.in_(_WAITING) & (Refund.created_at <= now - STUCK) & by_gateway
    failed = Refund.state == RefundState.FAILED
    for kind, wrong, why in (
        (TroubleKind.REFUND_STUCK, stuck, "三天多了还没有退到"),
        (TroubleKind.REFUND_FAILED, failed, "没有退成"),
    ):
        await _tell(session, kind, wrong, why, now)
        told = await open_ids(session, kind, "refund")
        over = select(Refund.id).join(Payment).where(Refund.id.in_(told), ~wrong)
        for refund_id in await session.scalars(over):
            await close_trouble(session, kind, f"refund:{refund_id}", now)


async def _tell(
    session: AsyncSession, kind: TroubleKind, wrong: ColumnElement[bool], why: str, now: datetime
) -> None:
    query = (
        select(Refund, Payment.order_id)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(wrong, ~was_told(kind, "refund", Refund.id))
        .order_by(Refund.id)
        .limit(BATCH)
    )
    for refund, order_id in (await session.execute(query)).all():
        await open_trouble(
            session,
            station_id=refund.station_id,
            kind=kind,
            subject=f"refund:{refund.id}",
            text=f"¥{yuan(refund.amount_fen)} {why}：{refund.reason}",
            order_id=order_id,
            now=now,
        )
