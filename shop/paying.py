"""Talking to the gateway about one payment. No row is locked while another machine is asked.

Each function reads, asks, then writes the answer in a transaction of its own. The idempotency
key is the payment's or refund's id, so a call repeated after a crash moves money once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import bindparam, case, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from catalog import outbox
from catalog.db import table
from catalog.errors import NotFound
from catalog.words import yuan
from shop import holds
from shop.context import Shop
from shop.errors import PaymentUnavailable, WrongOrderState
from shop.models import (
    Hold,
    HoldLine,
    OfflineReceipt,
    Order,
    OrderState,
    Payment,
    PaymentState,
    ReceiptState,
    Refund,
    RefundState,
)
from shop.notices import Event, tell_buyer
from shop.payments.gateway import (
    METHODS,
    Gateway,
    GatewayRefused,
    GatewaySession,
    GatewayUnavailable,
    RefundRequest,
    SessionNotOpen,
    SessionRequest,
    SessionState,
)
from shop.settle import settle
from shop.sheet import OrderSheet, PaymentSheet
from shop.waiting import serve
from shop.webhooks import FINAL, REFUND_STATES, refund_is

log = structlog.get_logger()

SHORTEST_SESSION = timedelta(minutes=30)
MOST_IN_VAIN = 3


_payments = table(Payment)
_SESSION_MADE = (
    update(_payments)
    .where(_payments.c.id == bindparam("payment"))
    .values(session_id=bindparam("session"), pay_url=bindparam("address"))
)


async def open_payment(shop: Shop, order: Order | OrderSheet) -> str:
    """The address where the order is paid; the session is made when there is none yet.

    Raises WrongOrderState when the order is not to be paid any more, PaymentUnavailable when
    the gateway does not answer: the order stands, and asking again is safe.
    """
    payments: Sequence[Payment | PaymentSheet] = order.payments
    payment = next((p for p in reversed(payments) if p.state == PaymentState.OPEN), None)
    if order.state != OrderState.UNPAID or payment is None:
        raise WrongOrderState("这笔订单现在不用付款。")
    if payment.pay_url:
        return payment.pay_url
    try:
        made = await _gateway(shop, payment).create_session(_session_request(shop, order, payment))
    except (GatewayUnavailable, GatewayRefused) as error:
        log.warning("payment session not made", payment=payment.id, error=type(error).__name__)
        raise PaymentUnavailable(f"payment {payment.id}") from error
    payment.pay_url = await shop.together(_write_sessions, (payment.id, made.id, made.url or ""))
    payment.session_id = made.id
    return payment.pay_url


async def _write_sessions(
    shop: Shop, made: Sequence[tuple[int, str, str]]
) -> Mapping[tuple[int, str, str], str | Exception]:
    """Note the sessions that were made: payment, session id, address."""
    rows = [{"payment": payment, "session": name, "address": url} for payment, name, url in made]
    async with shop.database.writing.begin() as session:
        await session.execute(_SESSION_MADE, rows)
    return {one: one[2] for one in made}


def _gateway(shop: Shop, payment: Payment | PaymentSheet) -> Gateway:
    gateway = shop.gateways.get(payment.gateway)
    if gateway is None:
        # The settings have changed since. What was opened there is not ours to close from here.
        raise GatewayUnavailable(f"{payment.gateway} is not set up")
    return gateway


def _session_request(
    shop: Shop, order: Order | OrderSheet, payment: Payment | PaymentSheet
) -> SessionRequest:
    page = f"{shop.public_url}/o/{order.token}"
    return SessionRequest(
        payment_id=payment.id,
        order_code=order.code,
        amount_fen=payment.amount_fen,
        description=f"乡播订单 {order.code}",
        success_url=f"{page}/paid",
        cancel_url=page,
        # Beyond our own limit by the shortest life that Stripe takes, so that a session may be asked
        # for as long as the order can be paid. We expire it ourselves before pieces are freed.
        expires_at=payment.expires_at + SHORTEST_SESSION,
        idempotency_key=f"payment-{payment.id}",
        methods=tuple(payment.methods) or METHODS,
    )


async def look_at_payment(shop: Shop, payment_id: int, now: datetime) -> OrderState:
    """Ask the gateway how a payment stands, and settle; how its order stands then.

    Raises GatewayUnavailable, GatewayRefused, NotFound.
    """
    payment = await _payment(shop, payment_id)
    if payment.state != PaymentState.OPEN or payment.session_id is None:
        return payment.order.state
    told = await _gateway(shop, payment).fetch_session(payment.session_id)
    async with shop.database.writing.begin() as session:
        return (await settle(session, payment_id, told, now)).state


async def hear_of_payment(shop: Shop, order: Order, now: datetime) -> bool:
    """Whether it is known how an order's payment went; the gateway is asked when it is not.

    `order` as `get_order` gives it. A gateway that does not answer leaves it unknown.
    """
    waiting = [payment for payment in order.payments if payment.state == PaymentState.OPEN]
    if order.state != OrderState.UNPAID or not waiting:
        return True
    try:
        for payment in waiting:
            if await look_at_payment(shop, payment.id, now) != OrderState.UNPAID:
                return True
    except (GatewayUnavailable, GatewayRefused):
        return False
    return False


async def close_payment(shop: Shop, payment_id: int, now: datetime) -> OrderState:
    """Make sure that no money can arrive any more, or learn that it did; then settle.

    Returns how the order stands then. Raises GatewayUnavailable, GatewayRefused: then the hold
    stays, for its money may still come.
    """
    payment = await _payment(shop, payment_id)
    if payment.state != PaymentState.OPEN:
        return payment.order.state
    told = await _close(shop, payment)
    async with shop.database.writing.begin() as session:
        return (await settle(session, payment_id, told, now)).state


async def _close(shop: Shop, payment: Payment) -> GatewaySession:
    gateway = _gateway(shop, payment)
    session_id = payment.session_id
    if session_id is None:
        # We may have died between asking for a session and writing down its name. The same key
        # finds that session; a refusal means that there never was one.
        try:
            made = await gateway.create_session(_session_request(shop, payment.order, payment))
        except GatewayRefused:
            return _never_made(payment)
        session_id = made.id
    try:
        return await gateway.expire_session(session_id)
    except SessionNotOpen:
        return await gateway.fetch_session(session_id)


def _never_made(payment: Payment) -> GatewaySession:
    return GatewaySession(
        id=f"none-{payment.id}",
        url=None,
        state=SessionState.EXPIRED,
        paid=False,
        amount_fen=payment.amount_fen,
        intent_id=None,
        payment_id=payment.id,
    )


async def _payment(shop: Shop, payment_id: int) -> Payment:
    async with shop.database.reading() as session:
        payment = await session.scalar(
            select(Payment)
            .where(Payment.id == payment_id)
            .options(selectinload(Payment.order).selectinload(Order.payments))
        )
    if payment is None:
        raise NotFound(f"payment {payment_id}")
    return payment


async def close_dead_orders(shop: Shop, now: datetime, *, product_id: int | None = None) -> int:
    """Close the payments of unpaid orders whose hold has run out; returns how many were closed.

    A gateway that does not answer leaves its order as it is, to be tried again; after a few such
    the rest is not asked for, or whoever waits for this would wait for each in turn.
    """
    closed = in_vain = 0
    for payment_id in await _dead_payments(shop, now, product_id):
        try:
            await close_payment(shop, payment_id, now)
            closed, in_vain = closed + 1, 0
        except (GatewayUnavailable, GatewayRefused) as error:
            log.warning("payment not closed", payment=payment_id, error=type(error).__name__)
            in_vain += isinstance(error, GatewayUnavailable)
        if in_vain == MOST_IN_VAIN:
            break
    return closed


async def _dead_payments(shop: Shop, now: datetime, product_id: int | None) -> list[int]:
    query = (
        select(Payment.id)
        .join(Order, Order.id == Payment.order_id)
        .join(Hold, Hold.id == Order.hold_id)
        .where(
            Payment.state == PaymentState.OPEN,
            Payment.gateway.in_(shop.gateways),
            # What a second person has to confirm keeps its pieces until then.
            ~exists().where(
                OfflineReceipt.payment_id == Payment.id,
                OfflineReceipt.state == ReceiptState.RECORDED,
            ),
            case((Order.state == OrderState.UNPAID, Hold.expires_at), else_=Payment.expires_at)
            <= now,
        )
    )
    if product_id is not None:
        query = query.join(HoldLine).where(HoldLine.product_id == product_id)
    async with shop.database.reading() as session:
        return list(await session.scalars(query.order_by(Hold.expires_at).limit(100)))


async def send_refund(shop: Shop, job_id: int, refund_id: int, now: datetime) -> None:
    """Ask the gateway to give money back, and write its answer. Safe to repeat.

    Raises GatewayUnavailable; the job then comes again. A refusal is final and stays on record
    as failed, for the desk.
    """
    async with shop.database.reading() as session:
        refund = await session.get_one(Refund, refund_id)
        payment = await session.get_one(Payment, refund.payment_id)
    state, gateway_id = refund.state, refund.gateway_id
    if state == RefundState.REQUESTED:
        state, gateway_id = await _ask_refund(shop, payment, refund)
    if state == RefundState.PENDING and gateway_id is not None:
        # Written down first, so that an event about it finds its refund; asked then, for what was
        # told before that. The answer to a repeated key may be old, too.
        await _write_refund(shop, refund, state, gateway_id, now)
        told = await _gateway(shop, payment).fetch_refund(gateway_id)
        state = REFUND_STATES[told.state]
    await _write_refund(shop, refund, state, gateway_id, now, job_id=job_id)


async def _ask_refund(
    shop: Shop, payment: Payment, refund: Refund
) -> tuple[RefundState, str | None]:
    request = RefundRequest(
        intent_id=payment.intent_id or "",
        amount_fen=refund.amount_fen,
        idempotency_key=f"refund-{refund.id}-{refund.attempt}",
        payment_id=payment.id,
    )
    try:
        answer = await _gateway(shop, payment).refund(request)
    except GatewayRefused as error:
        log.error("refund refused", refund=refund.id, error=str(error))
        return RefundState.FAILED, None
    return REFUND_STATES[answer.state], answer.id


async def _write_refund(
    shop: Shop,
    asked: Refund,
    state: RefundState,
    gateway_id: str | None,
    now: datetime,
    *,
    job_id: int | None = None,
) -> None:
    """Note how a refund stands, unless its end is known already; with `job_id` its job is done.

    An answer to what was `asked` before the desk began a new try says nothing about that.
    """
    async with shop.database.writing.begin() as session:
        if job_id is not None and not await outbox.take(session, job_id):
            return
        row = await session.get_one(Refund, asked.id, with_for_update=True)
        if row.state not in FINAL and row.attempt == asked.attempt:
            row.gateway_id = gateway_id
            await refund_is(session, row, state, now)
        if job_id is not None and row.state != RefundState.FAILED:
            await _tell_of_refund(session, row, now)


async def _tell_of_refund(session: AsyncSession, refund: Refund, now: datetime) -> None:
    """What was declined or cancelled was told with its money; what came too late or back was not."""
    if not refund.cause.startswith(("unplaced:", "return:")):
        return
    order = await session.scalar(
        select(Order)
        .join(Payment, Payment.order_id == Order.id)
        .where(Payment.id == refund.payment_id)
    )
    if order is not None:
        told = {"code": order.code, "amount": yuan(refund.amount_fen)}
        cause = f"refund:{refund.id}:{refund.attempt}"
        tell_buyer(session, Event.REFUNDING, order, now, cause=cause, **told)


async def sweep(shop: Shop, now: datetime) -> int:
    """Free what time has run out for: plain holds, then unpaid orders. Returns how many.

    Then those in line are served, also with what was counted in, cancelled, or left by a show.
    """
    freed = await holds.lapse_holds(shop.database, now) + await close_dead_orders(shop, now)
    await serve(shop.database, now)
    return freed
