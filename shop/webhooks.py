"""What a gateway tells us: each event kept once, answered at once, and worked off as a job.

`keep_events` writes down what came, with the job that will see to it. The process that took an
event sees to it right after its answer; should it die before, a worker does. Whoever does it
takes the job's row in the transaction that makes the event true, so it is done once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

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
from shop.payments.gateway import GatewayEvent, GatewayRefund
from shop.payments.gateway import RefundState as GatewayRefundState
from shop.settle import settle, settle_plain
from shop.troubles import TroubleKind, close_trouble, open_trouble

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
_OURS = select(_payments.c.id, _payments.c.gateway, _payments.c.amount_fen).where(
    _payments.c.id.in_(bindparam("ids", expanding=True))
)
_DONE = (
    update(_events)
    .where(_events.c.id.in_(bindparam("ids", expanding=True)))
    .values(done_at=bindparam("at"))
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
    """Write down events, each with its job; None for one that was told before."""
    # A gateway may tell the same twice at once; the first of the two is kept.
    first = {signed.event.id: signed for signed in reversed(asked)}
    async with shop.database.writing.begin() as session:
        keep = _KEEP[session.get_bind().dialect.name]
        found = await session.execute(keep, [_row(signed) for signed in first.values()])
        new: dict[str, int] = dict(found.all())
        kept = [first[event_id] for event_id in new]
        jobs = [{"event_id": row_id} for row_id in new.values()]
        due = max(signed.now for signed in asked) + OURS
        job_ids = await outbox.add_all(session, EVENT_JOB, due, jobs) if jobs else []
    answers: dict[Signed, Kept | Exception | None] = dict.fromkeys(asked, None)
    for signed, row_id, job_id in zip(kept, new.values(), job_ids, strict=True):
        answers[signed] = Kept(row_id, job_id, signed.gateway, signed.event, signed.now)
    return answers


def _row(signed: Signed) -> dict[str, object]:
    return {
        "gateway": signed.gateway,
        "event_id": signed.event.id,
        "kind": signed.event.type[:60],
        "payload": signed.payload,
        "received_at": signed.now,
    }


async def read_event(shop: Shop, job_id: int, event_id: int, now: datetime) -> Kept:
    """An event that was written down, as its job finds it."""
    async with shop.database.reading() as session:
        row = await session.get_one(WebhookEvent, event_id)
    return Kept(row.id, job_id, row.gateway, wire.read_event(row.payload.encode()), now)


async def take_events(shop: Shop, asked: Sequence[Kept]) -> Mapping[Kept, bool | Exception]:
    """Make true what events tell; whether each was ours to do.

    What most tell, that an unpaid order's money has come, is settled for all in one transaction.
    The rest is done one by one, each in its own. An event about nothing of ours, and one of a
    kind that we do not use, changes nothing.
    """
    plain = [kept for kept in asked if kept.event.session is not None and kept.event.session.paid]
    answers: dict[Kept, bool | Exception] = dict.fromkeys(asked, False)
    answers.update(await _take_plain(shop, plain))
    for kept in asked:
        if not answers[kept]:
            answers[kept] = await _take_one(shop, kept)
    return answers


async def _take_plain(shop: Shop, asked: Sequence[Kept]) -> dict[Kept, bool]:
    if not asked:
        return {}
    async with shop.database.writing.begin() as session:
        told = await _told(session, asked)
        settled = await settle_plain(session, list(told.values())) if told else set()
        done = [kept for kept, one in told.items() if one in settled]
        await _finish(session, done)
    return dict.fromkeys(done, True)


async def _take_one(shop: Shop, kept: Kept) -> bool:
    async with shop.database.writing.begin() as session:
        if not await outbox.take(session, kept.job_id):
            return False
        if kept.event.refund is not None:
            await note_refund(session, kept.event.refund, kept.now)
        for one in (await _told(session, [kept])).values():
            await settle(session, one.payment_id, one.session, one.now)
        await session.execute(_DONE, {"ids": [kept.id], "at": kept.now})
    return True


async def _told(session: AsyncSession, asked: Sequence[Kept]) -> dict[Kept, Told]:
    """What events tell about payments of ours; amounts must agree, or it is not about us."""
    sessions = {kept: kept.event.session for kept in asked if kept.event.session is not None}
    ids = {told.payment_id for told in sessions.values() if told.payment_id is not None}
    if not ids:
        return {}
    ours = {tuple(row) for row in await session.execute(_OURS, {"ids": [*ids]})}
    return {
        kept: Told(told.payment_id, told, kept.now)
        for kept, told in sessions.items()
        if told.payment_id is not None and (told.payment_id, kept.gateway, told.amount_fen) in ours
    }


async def _finish(session: AsyncSession, done: Sequence[Kept]) -> None:
    """Take the jobs of events that were settled. Who finds one gone has settled nothing anew: the
    judgement is made once, under the order's lock."""
    if done:
        await outbox.take_all(session, [kept.job_id for kept in done])
        await session.execute(
            _DONE, {"ids": [kept.id for kept in done], "at": max(kept.now for kept in done)}
        )


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
