"""Money that the station's people take and give back by hand: one writes it down, another confirms.

A receipt has a payment of its own, beside those that the order has already. `docs/payments.md`
says what may happen at the same time, and what becomes of it.
"""

from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog.access import MONEY_DESK, RECEIPT_RECORDERS, RECEIPT_VIEWERS, Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.errors import Invalid, SecondPersonNeeded
from catalog.own import own
from catalog.pictures import keep_picture, picture_at
from catalog.words import yuan
from media.storage import Storage
from shop.context import Shop
from shop.drafts import KEPT_AFTER
from shop.errors import WrongOrderState
from shop.models import (
    Hold,
    OfflineReceipt,
    Order,
    OrderState,
    Payment,
    PaymentState,
    ReceiptState,
    Refund,
    RefundState,
)
from shop.paying import close_payment
from shop.payments.gateway import GatewayRefused, GatewayUnavailable
from shop.payments.offline_gateway import OFFLINE, session_id, told_of
from shop.rehearsal_rule import must_be_real
from shop.settle import settle
from shop.troubles import TroubleKind, close_trouble, open_trouble

log = structlog.get_logger()

# How long the pieces are kept while the second person is awaited.
SECOND_PERSON_WITHIN = timedelta(hours=24)


class ReceiptWay(StrEnum):
    """How the money came."""

    CODE = "code"
    CASH = "cash"


async def record_receipt(
    session: AsyncSession,
    storage: Storage,
    actor: Actor,
    order: Order,
    way: object,
    reference: object,
    photo: bytes | None,
    now: datetime,
) -> OfflineReceipt:
    """Write down that the order's total has come; the pieces are kept until somebody else decides.

    For an order that has expired already the money is late, and judged so when it is confirmed.
    The picture is stored before the order's row is locked. Raises Invalid, RehearsalShow, and
    WrongOrderState for an order that is paid or has a receipt waiting.
    """
    actor.must_be(RECEIPT_RECORDERS)
    check = Check()
    how = check.choice("way", way, "钱是怎么来的", ReceiptWay)
    number = check.text("reference", reference, "单号或收据号", most=60)
    check.done()
    key = await keep_picture(storage, "receipts", photo) if photo else ""
    order = await _locked(session, order.id)
    await must_be_real(session, order.id, OFFLINE)
    if order.paid_at is not None:
        raise WrongOrderState("这笔订单已经付过了。多收的钱请当面退给买家。")
    if await waiting_receipt(session, order.id) is not None:
        raise WrongOrderState("这笔订单已经登记过一次收款，在等另一个人确认。")
    if how == ReceiptWay.CODE:
        await _must_be_new(session, order.station_id, number)
    receipt = await _add(session, actor, order, str(how), number, key, now)
    if order.state == OrderState.UNPAID:
        await _keep_pieces(session, order, now + SECOND_PERSON_WITHIN)
    told = {"order": order.code, "way": how, "reference": number, "amount_fen": order.total_fen}
    record(session, actor, "receipt.record", receipt, now, after=told)
    return receipt


async def _locked(session: AsyncSession, order_id: int) -> Order:
    """The order as it is once nobody else judges it; the same lock as in `settle`."""
    query = select(Order).where(Order.id == order_id).with_for_update()
    return (await session.scalars(query.execution_options(populate_existing=True))).one()


async def waiting_receipt(session: AsyncSession, order_id: int) -> OfflineReceipt | None:
    """The order's receipt that waits for its second person; there is one at most."""
    found: OfflineReceipt | None = await session.scalar(
        select(OfflineReceipt)
        .join(OfflineReceipt.payment)
        .where(Payment.order_id == order_id, OfflineReceipt.state == ReceiptState.RECORDED)
    )
    return found


async def _must_be_new(session: AsyncSession, station_id: int, reference: str) -> None:
    """One transfer is not taken for two orders. Raises Invalid."""
    code = await session.scalar(
        select(Order.code)
        .join(Payment, Payment.order_id == Order.id)
        .join(OfflineReceipt, OfflineReceipt.payment_id == Payment.id)
        .where(
            OfflineReceipt.station_id == station_id,
            OfflineReceipt.way == ReceiptWay.CODE,
            OfflineReceipt.reference == reference,
            OfflineReceipt.state != ReceiptState.REJECTED,
        )
        .limit(1)
    )
    if code is not None:
        raise Invalid({"reference": f"这个单号已经记在订单 {code} 上了。请写完整的交易单号。"})


async def _add(
    session: AsyncSession,
    actor: Actor,
    order: Order,
    way: str,
    reference: str,
    photo_key: str,
    now: datetime,
) -> OfflineReceipt:
    payment = Payment(
        station_id=order.station_id,
        order_id=order.id,
        gateway=OFFLINE,
        amount_fen=order.total_fen,
        created_at=now,
        expires_at=now + SECOND_PERSON_WITHIN,
    )
    receipt = OfflineReceipt(
        station_id=order.station_id,
        payment=payment,
        way=way,
        amount_fen=order.total_fen,
        reference=reference,
        photo_key=photo_key,
        recorded_by=actor.member_id,
        recorded_at=now,
    )
    session.add(receipt)
    await session.flush()
    payment.session_id = session_id(payment.id)
    await open_trouble(
        session,
        station_id=order.station_id,
        kind=TroubleKind.RECEIPT_WAITING,
        subject=f"offline_receipt:{receipt.id}",
        text=f"订单 {order.code} 收了 ¥{yuan(order.total_fen)}，{actor.name}登记，等另一个人确认。",
        order_id=order.id,
        now=now,
    )
    return receipt


async def _keep_pieces(session: AsyncSession, order: Order, until: datetime) -> None:
    await session.execute(
        update(Hold)
        .where(Hold.id == order.hold_id)
        .values(expires_at=until)
        .execution_options(synchronize_session=False)
    )


async def confirm_receipt(shop: Shop, actor: Actor, receipt_id: int, now: datetime) -> Order:
    """The second person saw the money too: the payment is settled in the same transaction.

    Then what is still open of the order at other gateways is closed. Raises NotFound,
    SecondPersonNeeded for who recorded it, WrongOrderState when it was decided already.
    """
    async with shop.database.writing.begin() as session:
        receipt = await _decided(session, actor, receipt_id, ReceiptState.CONFIRMED, "", now)
        await settle(session, receipt.payment_id, told_of(receipt.payment, receipt), now)
        order = await _locked(session, receipt.payment.order_id)
        rest = await session.scalars(
            select(Payment.id).where(
                Payment.order_id == order.id, Payment.state == PaymentState.OPEN
            )
        )
        still_open = list(rest)
    for payment_id in still_open:
        await _close_quietly(shop, payment_id, now)
    return order


async def _close_quietly(shop: Shop, payment_id: int, now: datetime) -> None:
    """Money that comes by it after all is a second payment and goes back; the sweep tries again."""
    try:
        await close_payment(shop, payment_id, now)
    except (GatewayUnavailable, GatewayRefused) as error:
        log.warning("payment not closed", payment=payment_id, error=type(error).__name__)


async def reject_receipt(
    session: AsyncSession, actor: Actor, receipt_id: int, reason: object, now: datetime
) -> OfflineReceipt:
    """The money is not there: the order goes back to the clock it had before.

    Raises Invalid without a reason, and as `confirm_receipt`.
    """
    check = Check()
    why = check.text("reason", reason, "原因", most=200)
    check.done()
    receipt = await _decided(session, actor, receipt_id, ReceiptState.REJECTED, why, now)
    await settle(session, receipt.payment_id, told_of(receipt.payment, receipt), now)
    order = await _locked(session, receipt.payment.order_id)
    if order.state == OrderState.UNPAID:
        await _keep_pieces(session, order, order.expires_at + KEPT_AFTER)
    return receipt


async def _decided(
    session: AsyncSession,
    actor: Actor,
    receipt_id: int,
    state: ReceiptState,
    reason: str,
    now: datetime,
) -> OfflineReceipt:
    """Write a decision down under the order's lock, so that the first of two stands."""
    actor.must_be(MONEY_DESK)
    receipt = await _receipt(session, actor, receipt_id)
    await _locked(session, receipt.payment.order_id)
    receipt = await _receipt(session, actor, receipt_id)
    if receipt.state != ReceiptState.RECORDED:
        how = "确认" if receipt.state == ReceiptState.CONFIRMED else "退回"
        raise WrongOrderState(f"这笔收款已经有人{how}了。")
    if receipt.recorded_by == actor.member_id:
        raise SecondPersonNeeded(f"receipt {receipt_id}")
    receipt.state, receipt.reason = state, reason
    receipt.decided_by, receipt.decided_at = actor.member_id, now
    await session.flush()
    action = "receipt.confirm" if state == ReceiptState.CONFIRMED else "receipt.reject"
    before, after = {"state": ReceiptState.RECORDED}, {"state": state, "reason": reason}
    record(session, actor, action, receipt, now, before=before, after=after)
    subject = f"offline_receipt:{receipt_id}"
    await close_trouble(session, TroubleKind.RECEIPT_WAITING, subject, now)
    return receipt


async def _receipt(session: AsyncSession, actor: Actor, receipt_id: int) -> OfflineReceipt:
    return await own(session, actor, OfflineReceipt, receipt_id, joinedload(OfflineReceipt.payment))


async def receipt_photo(
    session: AsyncSession, storage: Storage, actor: Actor, receipt_id: int
) -> tuple[bytes, str]:
    """The picture of a receipt as a browser can show it, and its media type. Raises NotFound."""
    actor.must_be(RECEIPT_VIEWERS)
    receipt = await _receipt(session, actor, receipt_id)
    return await picture_at(storage, receipt.photo_key)


async def record_refund(
    session: AsyncSession, actor: Actor, refund_id: int, reference: object, now: datetime
) -> Refund:
    """Write down how money was handed back; it may be corrected until another has confirmed it.

    For what came by hand, and for what a gateway failed to give back: from then on it is not
    asked again. Locks the refund. Raises Invalid, NotFound, WrongOrderState.
    """
    actor.must_be(RECEIPT_VIEWERS)
    check = Check()
    number = check.text("reference", reference, "单号或收据号", most=60)
    check.done()
    refund = await _refund(session, actor, refund_id)
    before = {"recorded_by": refund.recorded_by, "reference": refund.reference}
    if refund.state == RefundState.FAILED:
        refund.state, refund.gateway_id, refund.done_at = RefundState.PENDING, None, None
    refund.recorded_by, refund.reference = actor.member_id, number
    after = {"recorded_by": actor.member_id, "reference": number}
    record(session, actor, "refund.record", refund, now, before=before, after=after)
    return refund


async def confirm_refund(
    session: AsyncSession, actor: Actor, refund_id: int, now: datetime
) -> Refund:
    """The second person saw that the buyer has the money. Locks the refund.

    Raises NotFound, SecondPersonNeeded for who recorded it, WrongOrderState when there is
    nothing to confirm.
    """
    actor.must_be(MONEY_DESK)
    refund = await _refund(session, actor, refund_id)
    if refund.recorded_by is None:
        raise WrongOrderState("还没有人登记这笔退款，请先登记。")
    if refund.recorded_by == actor.member_id:
        raise SecondPersonNeeded(f"refund {refund_id}")
    before, refund.state = refund.state, RefundState.SUCCEEDED
    refund.confirmed_by, refund.done_at = actor.member_id, now
    told = {"state": refund.state, "reference": refund.reference}
    record(session, actor, "refund.confirm", refund, now, before={"state": before}, after=told)
    for kind in (TroubleKind.REFUND_BY_HAND, TroubleKind.REFUND_FAILED):
        await close_trouble(session, kind, f"refund:{refund_id}", now)
    return refund


async def _refund(session: AsyncSession, actor: Actor, refund_id: int) -> Refund:
    """A refund that people hand back, locked. Raises NotFound, WrongOrderState for any other."""
    refund = await own(session, actor, Refund, refund_id, lock=True)
    if refund.state == RefundState.SUCCEEDED:
        raise WrongOrderState("这笔钱已经退了。")
    payment = await session.get_one(Payment, refund.payment_id)
    by_hand = payment.gateway == OFFLINE or refund.recorded_by is not None
    if not by_hand and refund.state != RefundState.FAILED:
        raise WrongOrderState("这笔钱由付款平台退，不用亲手退。")
    return refund
