"""Payouts: rounds of money handed to families, made by one person and approved by another.

drafted -> approved -> paid, or cancelled before that. Locks are taken in this order: workshops by
id, then the run. `docs/money.md` tells the whole way.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from catalog.access import MANAGERS, MONEY_DESK, Actor
from catalog.audit import record
from catalog.checks import BEIJING, Check
from catalog.models import Member, Workshop
from catalog.own import own
from catalog.pictures import keep_picture
from catalog.words import PAY_WAYS, yuan
from catalog.workshops import PayWay, workshop_for
from media.storage import Storage
from shop import ledger
from shop.errors import WrongPayoutState
from shop.models import (
    LedgerEntry,
    Payout,
    PayoutLine,
    PayoutRun,
    PayoutState,
    WorkOrder,
)
from shop.notices import Event, tell_family
from shop.payable import OPEN, Standing, standings

FUND = "fund"
"""The ledger account of the station's hardship fund."""

MOST_RUNS = 50


@dataclass(frozen=True, slots=True)
class Proof:
    """That money was handed over: the transfer's number, or who saw it and the signed receipt."""

    reference: str = ""
    witness: str = ""
    receipt_key: str = ""


async def draft_run(session: AsyncSession, actor: Actor, now: datetime) -> PayoutRun:
    """Put all that may be paid today into one run, a payout a family that has no open one.

    Locks the station's workshops in id order, so that two runs begun at once never both pay a
    family. Raises WrongPayoutState when there is nothing to pay.
    """
    actor.must_be(MONEY_DESK)
    today = now.astimezone(BEIJING).date()
    await _lock_workshops(session, Workshop.station_id == actor.station_id)
    found = await standings(session, actor.station_id, today)
    to_pay = [one for one in found.values() if one.payable_fen > 0 and one.payout is None]
    if not to_pay:
        raise WrongPayoutState("现在没有可以结的钱。")
    run = PayoutRun(
        station_id=actor.station_id, until=today, made_by=actor.member_id, made_at=now, payouts=[]
    )
    session.add(run)
    run.payouts.extend(_payout(one) for one in to_pay)
    await session.flush()
    after = {str(one.workshop.id): one.payable_fen for one in to_pay}
    record(session, actor, "payout_run.draft", run, now, after=after)
    return run


def _payout(standing: Standing) -> Payout:
    """What is due to one family, with its lines, to be paid the way that it is paid today."""
    parts = {part.work_order_id: part.amount_fen for part in standing.due}
    rest = standing.payable_fen - sum(parts.values())
    lines = [PayoutLine(work_order_id=id_, amount_fen=amount) for id_, amount in parts.items()]
    return Payout(
        station_id=standing.workshop.station_id,
        workshop_id=standing.workshop.id,
        amount_fen=standing.payable_fen,
        way=standing.workshop.pay_way,
        pay_to=standing.workshop.pay_to,
        lines=[*lines, *([PayoutLine(amount_fen=rest)] if rest else [])],
    )


async def approve_run(session: AsyncSession, actor: Actor, run_id: int, now: datetime) -> PayoutRun:
    """Somebody else than its maker says that the run may be paid; a second time changes nothing.

    Raises NotFound, WrongPayoutState.
    """
    actor.must_be(MONEY_DESK)
    run = await run_for(session, actor, run_id, lock=True)
    if run.made_by == actor.member_id:
        raise WrongPayoutState("做这批结算的人不能自己批准，请另一位同事来批。")
    if run.state == PayoutState.APPROVED:
        return run
    if run.state != PayoutState.DRAFTED:
        raise WrongPayoutState("这批结算已经付过或者取消了。")
    run.state, run.approved_by, run.approved_at = PayoutState.APPROVED, actor.member_id, now
    for payout in run.payouts:
        if payout.state == PayoutState.DRAFTED:
            payout.state = PayoutState.APPROVED
    record(session, actor, "payout_run.approve", run, now, after={"state": run.state})
    await session.flush()
    return run


async def read_proof(
    storage: Storage,
    payout: Payout,
    typed: Mapping[str, str],
    photo: bytes | None,
    *,
    by: Actor,
) -> Proof:
    """What was typed and photographed about a payout; the photo is kept. Raises Invalid.

    Called before anything is locked; a photo whose payout is then refused stays behind under a
    name nobody knows.
    """
    check = Check()
    if payout.way != PayWay.CASH:
        reference = check.text("reference", typed.get("reference"), "转账单号", most=60)
        check.done()
        return Proof(reference=reference)
    witness = check.text("witness", typed.get("witness"), "见证人", most=40)
    if witness == by.name:
        check.fault("witness", "见证人要是另一个人，不能是付钱的人自己。")
    if not photo:
        check.fault("photo", "请拍下签了字的收据。")
    check.done()
    key = await keep_picture(storage, "receipts", photo or b"")
    return Proof(witness=witness, receipt_key=key)


async def mark_paid(
    session: AsyncSession, actor: Actor, payout_id: int, proof: Proof, now: datetime
) -> Payout:
    """The money has been handed over: it leaves the family's balance, exactly once.

    Locks the workshop. Raises NotFound, and WrongPayoutState when the payout is not approved or
    refunds since then left less to pay than it says.
    """
    actor.must_be(MONEY_DESK)
    payout = await payout_for(session, actor, payout_id, lock=True)
    if payout.state == PayoutState.PAID:
        return payout
    if payout.state != PayoutState.APPROVED:
        cancelled = payout.state == PayoutState.CANCELLED
        raise WrongPayoutState(
            "这一笔已经取消了。" if cancelled else "这批结算还没有批准，不能付。"
        )
    await _must_still_be_due(session, payout, now)
    await ledger.post(
        session,
        station_id=payout.station_id,
        cause=f"payout:{payout.id}",
        kind="payout",
        order_id=None,
        entries=[
            ledger.Entry("workshop", -payout.amount_fen, payout.workshop_id),
            ledger.Entry(payout.way, payout.amount_fen),
        ],
        now=now,
    )
    payout.state, payout.paid_by, payout.paid_at = PayoutState.PAID, actor.member_id, now
    payout.reference, payout.witness = proof.reference, proof.witness
    payout.receipt_key = proof.receipt_key
    _record(session, actor, "payout.pay", payout, now, reference=proof.reference or proof.witness)
    tell_family(
        session,
        Event.PAID_OUT,
        payout.station_id,
        payout.workshop_id,
        now,
        cause=f"payout:{payout.id}",
        amount=yuan(payout.amount_fen),
        way=PAY_WAYS[payout.way],
    )
    await _close_run(session, payout)
    return payout


async def _must_still_be_due(session: AsyncSession, payout: Payout, now: datetime) -> None:
    today, whose = now.astimezone(BEIJING).date(), payout.workshop_id
    standing = (await standings(session, payout.station_id, today, whose))[whose]
    if standing.payable_fen < payout.amount_fen:
        left = max(0, standing.payable_fen)
        raise WrongPayoutState(
            f"这笔是 ¥{yuan(payout.amount_fen)}，可是后来有退款，这家现在只能结 ¥{yuan(left)}。"
            "先别付，请取消这一笔，再重新做一批。"
        )


async def cancel_payout(
    session: AsyncSession, actor: Actor, payout_id: int, now: datetime
) -> Payout:
    """Free a payout that is not paid, so that its money can go into another run.

    Raises NotFound, WrongPayoutState.
    """
    actor.must_be(MONEY_DESK)
    payout = await payout_for(session, actor, payout_id, lock=True)
    if payout.state == PayoutState.PAID:
        raise WrongPayoutState("这一笔已经付了，不能取消。")
    if payout.state in OPEN:
        payout.state = PayoutState.CANCELLED
        _record(session, actor, "payout.cancel", payout, now)
        await _close_run(session, payout)
    return payout


async def lift_debt(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int,
    typed: tuple[object, object],
    seen: int,
    now: datetime,
) -> None:
    """The station's hardship fund takes over some or all of what a family was paid too much.

    `typed` are yuan and the reason; `seen` is the family's newest ledger entry that the page
    showed, so that a form sent twice counts once. Managers only. Raises Invalid, NotFound,
    WrongPayoutState.
    """
    actor.must_be(MANAGERS)
    workshop = await workshop_for(session, actor, workshop_id)
    await _lock_workshops(session, Workshop.id == workshop_id)
    if seen != await newest_entry(session, workshop_id):
        raise WrongPayoutState("账目刚刚有变化，请看过新的数再决定。")
    today = now.astimezone(BEIJING).date()
    carried = (await standings(session, actor.station_id, today, workshop_id))[workshop_id]
    check = Check()
    amount_fen = check.yuan("amount", typed[0], "金额")
    reason = check.text("reason", typed[1], "原因", most=200)
    if amount_fen > carried.carried_fen:
        check.fault("amount", f"最多 {yuan(carried.carried_fen)} 元：这家只欠着这么多。")
    check.done()
    await ledger.post(
        session,
        station_id=actor.station_id,
        cause=f"correction:{workshop_id}:{seen}",
        kind="correction",
        order_id=None,
        entries=[
            ledger.Entry(FUND, -amount_fen),
            ledger.Entry("workshop", amount_fen, workshop_id),
        ],
        now=now,
    )
    after = {"amount_fen": amount_fen, "reason": reason}
    record(session, actor, "workshop.lift", workshop, now, after=after, workshop_id=workshop_id)


async def newest_entry(session: AsyncSession, workshop_id: int) -> int:
    """The id of a family's newest ledger entry, 0 when it has none."""
    query = select(LedgerEntry.id).where(LedgerEntry.workshop_id == workshop_id)
    return await session.scalar(query.order_by(LedgerEntry.id.desc()).limit(1)) or 0


async def list_runs(session: AsyncSession, station_id: int) -> list[PayoutRun]:
    """The newest runs of a station, with their payouts."""
    query = (
        select(PayoutRun)
        .where(PayoutRun.station_id == station_id)
        .options(selectinload(PayoutRun.payouts))
        .order_by(PayoutRun.id.desc())
        .limit(MOST_RUNS)
    )
    return list(await session.scalars(query))


async def run_for(
    session: AsyncSession, actor: Actor, run_id: int, *, lock: bool = False
) -> PayoutRun:
    """A run of the actor's station with its payouts and their families. Raises NotFound."""
    if lock:
        await own(session, actor, PayoutRun, run_id, lock=True)
    families = selectinload(PayoutRun.payouts).joinedload(Payout.workshop)
    return await own(session, actor, PayoutRun, run_id, families)


async def payout_for(
    session: AsyncSession, actor: Actor, payout_id: int, *, lock: bool = False
) -> Payout:
    """A payout of the actor's station with family, run, lines, and the orders behind them.

    With `lock` its workshop and its run are locked. Raises NotFound.
    """
    if lock:
        found = await own(session, actor, Payout, payout_id)
        await _lock_workshops(session, Workshop.id == found.workshop_id)
        await own(session, actor, PayoutRun, found.run_id, lock=True)
    work_order = selectinload(Payout.lines).joinedload(PayoutLine.work_order)
    return await own(
        session,
        actor,
        Payout,
        payout_id,
        joinedload(Payout.workshop),
        joinedload(Payout.run),
        work_order.joinedload(WorkOrder.order),
        work_order.selectinload(WorkOrder.lines),
    )


async def _lock_workshops(session: AsyncSession, which: ColumnElement[bool]) -> None:
    await session.execute(
        # Orders that name a workshop may still be written meanwhile.
        select(Workshop.id).where(which).order_by(Workshop.id).with_for_update(key_share=True)
    )


async def _close_run(session: AsyncSession, payout: Payout) -> None:
    """End a run with its last open payout: paid, or cancelled when nothing of it was."""
    await session.flush()
    query = select(Payout.state).where(Payout.run_id == payout.run_id)
    states = set(await session.scalars(query))
    if states.isdisjoint(OPEN):
        paid = PayoutState.PAID in states
        payout.run.state = PayoutState.PAID if paid else PayoutState.CANCELLED
        await session.flush()


def _record(
    session: AsyncSession, actor: Actor, action: str, payout: Payout, now: datetime, **more: str
) -> None:
    after = {"state": payout.state, "amount_fen": payout.amount_fen, **more}
    record(session, actor, action, payout, now, after=after, workshop_id=payout.workshop_id)


async def names_of(session: AsyncSession, ids: Iterable[int | None]) -> dict[int, str]:
    """The names of members by id."""
    query = select(Member.id, Member.name).where(Member.id.in_({id_ for id_ in ids if id_}))
    return dict((await session.execute(query)).all())
