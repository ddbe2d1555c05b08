"""Promised dates that change: the buyer is told, and may keep the order or have it all back.

`docs/promises.md` has the states. Each function locks the order's row first, as every step of a
work order does, so of an answer and a parcel that leaves in the same moment one comes first and
the other sees it.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import outbox
from catalog.access import WORK_ORDER_ACTORS, Actor
from catalog.audit import record, record_buyer, record_program
from catalog.checks import BEIJING, Check
from catalog.closures import LOOK_JOB
from catalog.errors import NotFound, NotTakenBack
from catalog.own import own
from shop import notices, requests, work_orders, work_steps
from shop.errors import DateAnswered, WrongWorkOrderState
from shop.models import (
    BuyerRequest,
    DateChange,
    DateChangeState,
    Notice,
    Order,
    RequestKind,
    RequestState,
    WorkOrder,
    WorkOrderState,
)

FARTHEST = timedelta(days=365)
UNDO_WITHIN = timedelta(days=1)
SOON = {"zh": "尽快寄出", "en": "as soon as possible"}

_S = DateChangeState
_DATED = (WorkOrderState.NEW, WorkOrderState.ACCEPTED, WorkOrderState.MAKING)
NOT_SENT = (*_DATED, WorkOrderState.READY)


async def change_date(
    session: AsyncSession,
    actor: Actor | None,
    work_order_id: int,
    new_on: date,
    why: object,
    now: datetime,
) -> DateChange:
    """Promise a work order for another day, and ask its buyer; None is the program itself.

    The newest question stands, an earlier one is superseded. A day no later than what the buyer
    agreed to last is no question: they are only told. Raises Invalid for a day that is past, too
    far or the promised one, NotFound, and WrongWorkOrderState for what is made, sent or off.
    """
    work_order = await _locked_for(session, actor, work_order_id)
    return await _change(session, actor, work_order, new_on, why, now)


async def accept_with_date(
    session: AsyncSession,
    actor: Actor,
    work_order_id: int,
    new_on: date,
    why: object,
    now: datetime,
) -> WorkOrder:
    """The workshop takes the work for a day of its own, which is as `change_date`.

    The promised day itself is simply accepted. Raises what `work_steps.accept` and `change_date` do.
    """
    work_order = await work_steps.accept(session, actor, work_order_id, now)
    if new_on != work_order.promised_on:
        await _change(session, actor, work_order, new_on, why, now)
    return work_order


async def undo_change(
    session: AsyncSession, actor: Actor, change_id: int, now: datetime
) -> DateChange:
    """It was a slip: the day before it holds again, with the question about that one if any.

    Within a day, and only while the buyer has not answered. Repeating changes nothing. Raises
    NotFound, NotTakenBack.
    """
    actor.must_be(WORK_ORDER_ACTORS)
    change = await own(session, actor, DateChange, change_id)
    work_order = await work_orders.work_order_for(session, actor, change.work_order_id, lock=True)
    await session.refresh(change)
    if change.state == _S.UNDONE:
        return change
    if not may_undo(change, work_order, now):
        raise NotTakenBack("这个日子收不回了。日子不对，就再给一个新的。")
    change.state, change.answered_at = _S.UNDONE, now
    # The question before it may stand again only when this one does not: one is open at most.
    await session.flush()
    earlier = _before(await changes_of(session, [work_order.id]), change)
    if earlier is not None and earlier.state == _S.SUPERSEDED:
        earlier.state = _S.ASKED
    before, work_order.promised_on = work_order.promised_on, change.was_on
    outbox.add(session, LOOK_JOB, now)
    await _not_to_be_told(session, change, now)
    _tell(session, notices.Event.DATE_BACK, work_order, change, work_order.promised_on, before, now)
    await session.flush()
    dates = {
        "before": {"promised_on": _text(before)},
        "after": {"promised_on": _text(change.was_on)},
    }
    family = work_order.workshop_id
    record(session, actor, "date_change.undo", change, now, workshop_id=family, **dates)
    return change


async def keep_date(session: AsyncSession, token: str, change_id: int, now: datetime) -> DateChange:
    """The buyer waits for the new day; said again it changes nothing.

    Raises NotFound, DateAnswered, and WrongWorkOrderState for what is sent or off by now.
    """
    change, work_order = await _answering(session, token, change_id)
    if change.state != _S.KEPT:
        await _answer(session, change, work_order, _S.KEPT, now)
    return change


async def cancel_for_date(
    session: AsyncSession, token: str, change_id: int, now: datetime
) -> DateChange:
    """The buyer does not wait: all of the work order is refunded, begun or not, until it is sent.

    A request to cancel it that waits at the desk is over with it. Said again it changes nothing.
    Raises as `keep_date`.
    """
    change, work_order = await _answering(session, token, change_id)
    if change.state != _S.CANCELLED:
        await _answer(session, change, work_order, _S.CANCELLED, now)
        await _withdraw_request(session, token, work_order, now)
        await work_steps.take_for_buyer(session, work_order, "call_off", "买家不等新的日子", now)
    return change


async def changes_of(session: AsyncSession, work_order_ids: Sequence[int]) -> list[DateChange]:
    """All that became of the dates of some work orders, oldest first."""
    query = select(DateChange).where(DateChange.work_order_id.in_(work_order_ids))
    return list(await session.scalars(query.order_by(DateChange.id)))


def question_of(changes: Sequence[DateChange], work_order: WorkOrder) -> DateChange | None:
    """What the buyer of a work order may answer now; `changes` may be those of others too."""
    if work_order.state not in NOT_SENT:
        return None
    asked = (c for c in changes if c.work_order_id == work_order.id and c.state == _S.ASKED)
    return next(asked, None)


async def questions_of(session: AsyncSession, order: Order) -> dict[int, DateChange | None]:
    """`question_of` for each work order of an order loaded whole."""
    changes = await changes_of(session, [part.id for part in order.work_orders])
    return {part.id: question_of(changes, part) for part in order.work_orders}


def agreed_on(changes: Sequence[DateChange], promised_on: date | None) -> date | None:
    """The day that a buyer bought by or said yes to last; `changes` are one work order's."""
    agreed = promised_on
    for change in reversed(changes):
        if change.state in (_S.ASKED, _S.SUPERSEDED):
            agreed = change.was_on
        elif change.state != _S.UNDONE:
            break
    return agreed


def may_undo(change: DateChange, work_order: WorkOrder, now: datetime) -> bool:
    """Whether a changed date can still be taken back."""
    fresh = now - change.made_at < UNDO_WITHIN
    return change.state == _S.ASKED and fresh and work_order.state in NOT_SENT


async def _locked_for(session: AsyncSession, actor: Actor | None, work_order_id: int) -> WorkOrder:
    if actor is None:
        return await work_orders.read_work_order(session, work_order_id, lock=True)
    actor.must_be(WORK_ORDER_ACTORS)
    return await work_orders.work_order_for(session, actor, work_order_id, lock=True)


async def _change(
    session: AsyncSession,
    actor: Actor | None,
    work_order: WorkOrder,
    new_on: date,
    why: object,
    now: datetime,
) -> DateChange:
    """`change_date` of a work order that is locked."""
    if work_order.state not in _DATED:
        raise WrongWorkOrderState(
            _NOT_DATED.get(work_order.state, "这张工单已经寄出，不用改日子。")
        )
    reason = _read(work_order, new_on, why, now)
    earlier = await changes_of(session, [work_order.id])
    agreed = agreed_on(earlier, work_order.promised_on)
    for change in earlier:
        if change.state == _S.ASKED:
            change.state = _S.SUPERSEDED
            await _not_to_be_told(session, change, now)
    # One question may be open at most, so the old one is closed before the new one is written.
    await session.flush()
    better = agreed is not None and new_on <= agreed
    change = DateChange(
        station_id=work_order.station_id,
        work_order_id=work_order.id,
        state=_S.KEPT if better else _S.ASKED,
        was_on=work_order.promised_on,
        now_on=new_on,
        why=reason,
        made_by=actor.member_id if actor else None,
        made_at=now,
    )
    session.add(change)
    work_order.promised_on = new_on
    outbox.add(session, LOOK_JOB, now)
    await session.flush()
    event = notices.Event.DATE_SOONER if better else notices.Event.DATE_CHANGED
    _tell(session, event, work_order, change, new_on, change.was_on, now)
    _record_change(session, actor, work_order, change, now)
    await session.flush()
    return change


_NOT_DATED = {
    WorkOrderState.WAITING: "这张工单还没有付款，不用改日子。",
    WorkOrderState.READY: "已经做好了，不用改日子。",
    WorkOrderState.DECLINED: "这张工单已经说了接不了。",
    WorkOrderState.CANCELLED: "这张工单已经取消。",
}


def _read(work_order: WorkOrder, new_on: date, why: object, now: datetime) -> str:
    check = Check()
    today = now.astimezone(BEIJING).date()
    if new_on < today:
        check.fault("new_on", "这一天已经过去了。")
    elif new_on > today + FARTHEST:
        check.fault("new_on", "太远了，最多一年以后。")
    elif new_on == work_order.promised_on:
        check.fault("new_on", "现在答应的就是这一天。")
    reason = check.text("why", why, "原因", most=200, least=0)
    check.done()
    return reason


def _record_change(
    session: AsyncSession,
    actor: Actor | None,
    work_order: WorkOrder,
    change: DateChange,
    now: datetime,
) -> None:
    before, after = {"promised_on": _text(change.was_on)}, {"promised_on": _text(change.now_on)}
    if change.why:
        after["why"] = change.why
    said = "date_change.make"
    if actor is None:
        record_program(session, said, change, now, before=before, after=after)
    else:
        family = work_order.workshop_id
        record(session, actor, said, change, now, before=before, after=after, workshop_id=family)


def _text(day: date | None) -> str:
    return day.isoformat() if day else ""


def _before(changes: Sequence[DateChange], change: DateChange) -> DateChange | None:
    """The change that stood before one, without those that were undone."""
    stood = [one for one in changes if one.id < change.id and one.state != _S.UNDONE]
    return stood[-1] if stood else None


async def _answering(
    session: AsyncSession, token: str, change_id: int
) -> tuple[DateChange, WorkOrder]:
    change = await session.get(DateChange, change_id)
    if change is None:
        raise NotFound(f"date change {change_id}")
    work_order = await work_orders.lock_part(session, token, change.work_order_id)
    await session.refresh(change)
    return change, work_order


async def _answer(
    session: AsyncSession,
    change: DateChange,
    work_order: WorkOrder,
    to: DateChangeState,
    now: datetime,
) -> None:
    """Write down an answer under the order's lock. Raises DateAnswered, WrongWorkOrderState."""
    if change.state != _S.ASKED:
        raise DateAnswered(_ANSWERED[change.state])
    if work_order.state not in NOT_SENT:
        raise WrongWorkOrderState(_TOO_LATE.get(work_order.state, "这部分已经寄出了。"))
    change.state, change.answered_at = to, now
    await _not_to_be_told(session, change, now)
    record_buyer(
        session, "date_change.answer", change, now, before={"state": _S.ASKED}, after={"state": to}
    )
    await session.flush()


_ANSWERED = {
    _S.KEPT: "您已经说了可以等。现在想取消，请在下面申请，社工站会答复。",
    _S.CANCELLED: "您已经取消了，钱在退给您。",
    _S.SUPERSEDED: "日子又变了，请看新的日子再决定。",
    _S.UNDONE: "这个日子不算了，还是照原来的日子做。",
}
_TOO_LATE = {
    WorkOrderState.DECLINED: "这家做不了，钱在退给您。",
    WorkOrderState.CANCELLED: "这部分已经取消，钱在退给您。",
}


async def _withdraw_request(
    session: AsyncSession, token: str, work_order: WorkOrder, now: datetime
) -> None:
    waiting = await session.scalar(
        select(BuyerRequest.id).where(
            BuyerRequest.work_order_id == work_order.id,
            BuyerRequest.kind == RequestKind.CANCEL,
            BuyerRequest.state == RequestState.ASKED,
        )
    )
    if waiting is not None:
        await requests.withdraw(session, token, waiting, now)


def _tell(
    session: AsyncSession,
    event: notices.Event,
    work_order: WorkOrder,
    change: DateChange,
    day: date | None,
    before: date | None,
    now: datetime,
) -> None:
    order: Order = work_order.order
    language = notices.language_for(session, order)
    notices.tell_buyer(
        session,
        event,
        order,
        now,
        cause=str(change.id),
        piece="、".join(line.name for line in work_order.lines)[:40],
        date=_said(day, language),
        before=_said(before, language),
    )


def _said(day: date | None, language: str) -> str:
    if day is None:
        return SOON[language]
    return f"{day.month}月{day.day}日" if language == "zh" else f"{day:%B} {day.day}"


async def _not_to_be_told(session: AsyncSession, change: DateChange, now: datetime) -> None:
    """A notice of a date that no longer holds, or was answered, is no call to make any more."""
    await session.execute(
        update(Notice)
        .where(
            Notice.cause == f"{notices.Event.DATE_CHANGED}:{change.id}",
            Notice.sent_at.is_(None),
            Notice.done_at.is_(None),
        )
        .values(done_at=now)
        .execution_options(synchronize_session=False)
    )
