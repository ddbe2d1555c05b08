"""Money that comes without a machine: cash, or a transfer by the station's own payment code.

The people of the station are the gateway. What one member records has a payment of its own,
whose session is complete when a second member has confirmed it and cannot be expired before
somebody decides. The payment of a buyer who only means to pay this way has no receipt, and never
gets one: so it can be expired at any moment without a receipt slipping in between.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from catalog.db import Database
from catalog.words import yuan
from shop.models import OfflineReceipt, Payment, PaymentState, ReceiptState, Refund
from shop.models import RefundState as KeptRefundState
from shop.payments.gateway import (
    BadSignature,
    GatewayEvent,
    GatewayRefund,
    GatewayRefused,
    GatewaySession,
    GatewayUnavailable,
    RefundRequest,
    RefundState,
    SessionNotOpen,
    SessionRequest,
    SessionState,
)
from shop.troubles import TroubleKind, open_trouble

OFFLINE = "offline"

_NUMBER = re.compile(r"(?:offline-)?(?:refund-)?(\d{1,18})(?:-\d+)?", re.ASCII)
_HANDED_BACK = {
    KeptRefundState.SUCCEEDED: RefundState.SUCCEEDED,
    KeptRefundState.FAILED: RefundState.FAILED,
}


class OfflineGateway:
    """Answers out of what the station's people wrote down; asks nobody outside the database."""

    name = OFFLINE

    def __init__(self, database: Database, public_url: str) -> None:
        self._database = database
        self._public_url = public_url

    async def create_session(self, request: SessionRequest) -> GatewaySession:
        return await self.fetch_session(session_id(request.payment_id))

    async def fetch_session(self, session_id: str) -> GatewaySession:
        told, _ = await self._look(session_id)
        return told

    async def expire_session(self, session_id: str) -> GatewaySession:
        """As the protocol says. Raises GatewayUnavailable while a receipt waits for its second
        person: its money may be in the till already, and whoever asks is to come again.
        """
        told, receipt = await self._look(session_id)
        if told.state != SessionState.OPEN:
            raise SessionNotOpen(session_id)
        if receipt is not None:
            raise GatewayUnavailable("a receipt waits for its second person")
        return replace(told, state=SessionState.EXPIRED, url=None)

    async def refund(self, request: RefundRequest) -> GatewayRefund:
        """Put it before the desk: two persons hand the money back, `shop/offline.py`."""
        refund_id = f"offline-{request.idempotency_key}"
        async with self._database.writing.begin() as session:
            refund = await session.get(Refund, _number(refund_id))
            if refund is None or refund.payment_id != request.payment_id:
                raise GatewayRefused(f"no refund {refund_id}")
            payment = await session.get_one(Payment, refund.payment_id)
            if refund.state not in _HANDED_BACK:
                await open_trouble(
                    session,
                    station_id=refund.station_id,
                    kind=TroubleKind.REFUND_BY_HAND,
                    subject=f"refund:{refund.id}",
                    text=f"要亲手退 ¥{yuan(refund.amount_fen)}：{refund.reason}",
                    order_id=payment.order_id,
                    now=datetime.now(UTC),
                )
        return _told_of_refund(refund_id, refund)

    async def fetch_refund(self, refund_id: str) -> GatewayRefund:
        async with self._database.reading() as session:
            refund = await session.get(Refund, _number(refund_id))
        if refund is None:
            raise GatewayRefused(f"no refund {refund_id}")
        return _told_of_refund(refund_id, refund)

    def verify_event(self, payload: bytes, signature: str, now: datetime) -> GatewayEvent:
        raise BadSignature("people send no events")

    async def aclose(self) -> None:
        """Nothing is open."""

    async def _look(self, session_id: str) -> tuple[GatewaySession, OfflineReceipt | None]:
        payment_id = _number(session_id)
        async with self._database.reading() as session:
            payment = await session.get(
                Payment, payment_id, options=[joinedload(Payment.order)], populate_existing=True
            )
            receipt = await session.scalar(
                select(OfflineReceipt).where(OfflineReceipt.payment_id == payment_id)
            )
        if payment is None or payment.gateway != OFFLINE:
            raise GatewayRefused(f"no session {session_id}")
        page = f"{self._public_url}/o/{payment.order.token}/offline"
        return told_of(payment, receipt, page), receipt


def session_id(payment_id: int) -> str:
    """How the session of a payment is called."""
    return f"offline-{payment_id}"


def told_of(payment: Payment, receipt: OfflineReceipt | None, page: str = "") -> GatewaySession:
    """What the station's people say of a payment; its name is also that of its money."""
    state = SessionState.OPEN
    if receipt is not None and receipt.state == ReceiptState.CONFIRMED:
        state = SessionState.COMPLETE
    elif payment.state == PaymentState.EXPIRED or (
        receipt is not None and receipt.state == ReceiptState.REJECTED
    ):
        state = SessionState.EXPIRED
    paid = state == SessionState.COMPLETE
    return GatewaySession(
        id=session_id(payment.id),
        url=page if state == SessionState.OPEN else None,
        state=state,
        paid=paid,
        amount_fen=payment.amount_fen,
        intent_id=session_id(payment.id) if paid else None,
        payment_id=payment.id,
    )


def _told_of_refund(refund_id: str, refund: Refund) -> GatewayRefund:
    return GatewayRefund(
        id=refund_id,
        state=_HANDED_BACK.get(refund.state, RefundState.PENDING),
        amount_fen=refund.amount_fen,
        intent_id=session_id(refund.payment_id),
        payment_id=refund.payment_id,
    )


def _number(name: str) -> int:
    """The key of the row behind "offline-17" and "offline-refund-4-2". Raises GatewayRefused."""
    found = _NUMBER.fullmatch(name)
    if found is None:
        raise GatewayRefused(f"{name!r} is not a name of ours")
    return int(found[1])
