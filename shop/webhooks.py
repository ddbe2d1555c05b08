"""What a gateway tells us: each event kept once under its id, and made true once.

What most events tell, that an unpaid order's money has come, is settled in the transaction that
keeps the event, for all that came in the same moment. Any other event is kept with a job that
will see to it; the process that took it does so right after its answer, and should it die
before, a worker does. Whoever does it takes the job's row in the transaction that makes the event
true.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import outbox
from catalog.db import table
from catalog.words import yuan
from shop.context import Shop
from shop.judged import Told
from shop.models import Payment, Refund, RefundState, WebhookEvent
from shop.payments import wire
from shop.payments.gateway import GatewayEvent, GatewayRefund, GatewaySession
from shop.payments.gateway import RefundState as GatewayRefundState
from shop.settle import settle, settle_plain
from shop.troubles import TroubleKind, close_trouble, open_trouble

log = structlog.get_logger()

EVENT_JOB = "shop.take_event"
# Whoever took the event works it off within this time, or is no more.
OURS = timedelta(seconds=5)

REFUND_STATES = {
    GatewayRefundState.PENDING: RefundState.PENDING,
    GatewayRefundState.REQUIRES_ACTION: RefundState.PENDING,
    GatewayRefundState.SUCCEEDED: RefundState.SUCCEEDED,
    GatewayRefundState.FAILED: RefundState.FAILED,
    GatewayRefundState.CANCELED: RefundState.FAILED,
}
FINAL = (RefundState.SUCCEEDED, RefundState.FAILED)


_events, _payments = table(WebhookEvent), table(Payment)

# Noting an id says whether it is new; each database has its own words for that.
_KEEP = {
    name: insert(_events)
    .on_conflict_do_nothing(index_elements=[_events.c.event_id])
    .returning(_events.c.event_id, _events.c.id)
    for name, insert in (("sqlite", sqlite_insert), ("postgresql", postgresql_insert))
}
_OURS = select(_payments.c.id).where(
    _payments.c.id == bindparam("payment"),
    _payments.c.gateway == bindparam("gateway"),
    _payments.c.amount_fen == bindparam("amount"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Signed:
    """A verified event of a gateway, and its text as it was signed."""

    gateway: str
    event: GatewayEvent
    payload: str
    now: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """An event that is written down, and the job that it waits in."""

    id: int
    job_id: int
    gateway: str
    event: GatewayEvent
    now: datetime


async def keep_events(
    shop: Shop, asked: Sequence[Signed]
) -> Mapping[Signed, Kept | Exception | None]:
    """Write down events, and settle what is plain; what is left to do of each, None for nothing.

    What cannot be settled now, for whatever reason, is written down with its job all the same.
    """
    # A gateway may tell the same twice at once; the first of the two is kept.
    first = [*{signed.event.id: signed for signed in reversed(asked)}.values()]
    try:
        left = await _keep(shop, first, settling=True)
    except Exception:
        if len(first) > 1:
            raise  # Each is tried alone then, so that what is wrong with one leaves the others.
        log.exception("event not settled at once", gateway_event=first[0].event.id)
        left = await _keep(shop, first, settling=False)
    return {signed: left.get(signed) for signed in asked}


async def _keep(shop: Shop, asked: Sequence[Signed], *, settling: bool) -> dict[Signed, Kept]:
    """Write events down; those that are new and not settled with it get a job."""
    async with shop.database.writing.begin() as session:
        settled = await _settle(session, asked) if settling else set()
        keep = _KEEP[session.get_bind().dialect.name]
        rows = [_row(signed, done=signed in settled) for signed in asked]
        new: dict[str, int] = dict((await session.execute(keep, rows)).all())
        todo = [one for one in asked if one.event.id in new and one not in settled]
        if not todo:
            return {}
        jobs = [{"event_id": new[signed.event.id]} for signed in todo]
        due = max(signed.now for signed in todo) + OURS
        job_ids = await outbox.add_all(session, EVENT_JOB, due, jobs)
    return {
        signed: Kept(new[signed.event.id], job_id, signed.gateway, signed.event, signed.now)
        for signed, job_id in zip(todo, job_ids, strict=True)
    }


async def _settle(session: AsyncSession, asked: Sequence[Signed]) -> set[Signed]:
    """Settle what is plain of these events, and tell which that was."""
    told = {
        signed: Told(found.payment_id, found, signed.now, signed.gateway)
        for signed in asked
        if (found := signed.event.session) is not None
        and found.paid
        and found.payment_id is not None
    }
    done = await settle_plain(session, [*told.values()]) if told else set()
    return {signed for signed, one in told.items() if one in done}


def _row(signed: Signed, *, done: bool) -> dict[str, object]:
    return {
        "gateway": signed.gateway,
        "event_id": signed.event.id,
        "kind": signed.event.type[:60],
        "payload": signed.payload,
        "received_at": signed.now,
        "done_at": signed.now if done else None,
    }


async def read_event(shop: Shop, job_id: int, event_id: int, now: datetime) -> Kept:
    """An event that was written down, as its job finds it."""
    async with shop.database.reading() as session:
        row = await session.get_one(WebhookEvent, event_id)
    return Kept(row.id, job_id, row.gateway, wire.read_event(row.payload.encode()), now)


async def take_event(shop: Shop, kept: Kept) -> bool:
    """Make true what an event tells; False when another run has done it.

    An event about nothing of ours, and one of a kind that we do not use, changes nothing.
    """
    async with shop.database.writing.begin() as session:
        if not await outbox.take(session, kept.job_id):
            return False
        if kept.event.refund is not None:
            await note_refund(session, kept.event.refund, kept.now)
        told = kept.event.session
        if told is not None and told.payment_id is not None and await _ours(session, kept, told):
            await settle(session, told.payment_id, told, kept.now)
        await session.execute(
            update(_events).where(_events.c.id == kept.id).values(done_at=kept.now)
        )
    return True


async def _ours(session: AsyncSession, kept: Kept, told: GatewaySession) -> bool:
    """Whether it is about a payment of ours: gateway and amount must agree."""
    asked = {"payment": told.payment_id, "gateway": kept.gateway, "amount": told.amount_fen}
    return await session.scalar(_OURS, asked) is not None


async def note_refund(session: AsyncSession, told: GatewayRefund, now: datetime) -> None:
    """Bring a refund in line with what the gateway told; a final state stays final."""
    refund = await session.scalar(
        select(Refund).where(Refund.gateway_id == told.id).with_for_update()
    )
    if refund is not None and refund.state not in FINAL:
        await refund_is(session, refund, REFUND_STATES[told.state], now)


async def refund_is(
    session: AsyncSession, refund: Refund, state: RefundState, now: datetime
) -> None:
    """Note how a locked refund stands; one that failed is the desk's to see to."""
    refund.state = state
    refund.done_at = now if state in FINAL else None
    subject = f"refund:{refund.id}"
    if state == RefundState.FAILED:
        payment = await session.get_one(Payment, refund.payment_id)
        await open_trouble(
            session,
            station_id=refund.station_id,
            kind=TroubleKind.REFUND_FAILED,
            subject=subject,
            text=f"¥{yuan(refund.amount_fen)} 没有退成。",
            order_id=payment.order_id,
            now=now,
        )
    elif state == RefundState.SUCCEEDED:
        await close_trouble(session, TroubleKind.REFUND_FAILED, subject, now)
