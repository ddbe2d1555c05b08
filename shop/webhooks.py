"""What a gateway tells us: each event taken once, whatever the order and however often."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from shop.models import Payment, Refund, RefundState, WebhookEvent
from shop.payments.gateway import GatewayEvent, GatewayRefund, GatewaySession
from shop.payments.gateway import RefundState as GatewayRefundState
from shop.settle import settle

REFUND_STATES = {
    GatewayRefundState.PENDING: RefundState.PENDING,
    GatewayRefundState.REQUIRES_ACTION: RefundState.PENDING,
    GatewayRefundState.SUCCEEDED: RefundState.SUCCEEDED,
    GatewayRefundState.FAILED: RefundState.FAILED,
    GatewayRefundState.CANCELED: RefundState.FAILED,
}
FINAL = (RefundState.SUCCEEDED, RefundState.FAILED)


# Noting an id says whether it is new; each database has its own words for that.
_NOTE = {
    name: insert(WebhookEvent)
    .on_conflict_do_nothing(index_elements=[WebhookEvent.event_id])
    .returning(WebhookEvent.id)
    for name, insert in (("sqlite", sqlite_insert), ("postgresql", postgresql_insert))
}


async def take_event(
    session: AsyncSession, gateway: str, event: GatewayEvent, now: datetime
) -> int | None:
    """Settle what a verified event tells, in the transaction that notes its id.

    Returns the order's id when an order was judged. An event seen before, one about nothing of
    ours, and one of a kind we do not use change nothing. When the transaction fails, the id is
    not noted either, and the gateway tells us again.
    """
    if not await _first_time(session, gateway, event, now):
        return None
    if event.refund is not None:
        await note_refund(session, event.refund, now)
    if event.session is not None:
        payment_id = await _payment_of(session, gateway, event.session)
        if payment_id is not None:
            return (await settle(session, payment_id, event.session, now)).id
    return None


async def _first_time(
    session: AsyncSession, gateway: str, event: GatewayEvent, now: datetime
) -> bool:
    row = {
        "gateway": gateway,
        "event_id": event.id,
        "kind": event.type[:60],
        "payload": "",
        "received_at": now,
    }
    noted = await session.scalar(_NOTE[session.get_bind().dialect.name], row)
    return noted is not None


async def _payment_of(session: AsyncSession, gateway: str, told: GatewaySession) -> int | None:
    """Our payment behind a gateway session; amounts must agree, or the event is not about us."""
    query = select(Payment.id).where(
        Payment.gateway == gateway,
        Payment.id == told.payment_id,
        Payment.amount_fen == told.amount_fen,
    )
    found: int | None = await session.scalar(query)
    return found


async def note_refund(session: AsyncSession, told: GatewayRefund, now: datetime) -> None:
    """Bring a refund in line with what the gateway told; a final state stays final."""
    refund = await session.scalar(
        select(Refund).where(Refund.gateway_id == told.id).with_for_update()
    )
    if refund is None or refund.state in FINAL:
        return
    refund.state = REFUND_STATES[told.state]
    refund.done_at = now if refund.state in FINAL else None
