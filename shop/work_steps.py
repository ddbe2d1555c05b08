"""The steps of a work order, from the family's yes until the piece is delivered.

waiting -> new -> accepted -> making -> ready -> shipped -> delivered, or declined, or cancelled
(docs/returns.md). What stands in the table `_STEPS` is what may follow what; a step that was
already taken changes nothing, so a tap that is sent twice is harmless. Each step is taken under
the lock of the order's row: of two that exclude each other one wins, and the other is refused.
What follows from a step is in `shop.step_effects`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import WORK_ORDER_ACTORS, WORK_ORDER_DESK, Actor
from catalog.audit import record, record_buyer, record_program
from catalog.checks import Check
from catalog.models import Kind
from shop import step_effects
from shop.carriers import read_parcel
from shop.errors import WrongWorkOrderState
from shop.models import WorkOrder, WorkOrderState
from shop.notices import Event
from shop.provenance import issue_cards
from shop.work_orders import lock_part, read_work_order, work_order_for

UNANSWERED = "作坊一直没有答复"
"""The reason, which the buyer reads, of what the program declined."""


@dataclass(frozen=True, slots=True)
class _Step:
    after: frozenset[WorkOrderState]
    to: WorkOrderState
    too_early: str
    stamp: str = ""
    pieces_leave: str = ""
    refund: str = ""
    """The first word of the cause under which its money goes back; empty where none does."""
    pieces_free: bool = False


_S = WorkOrderState
_STEPS = {
    "accept": _Step(
        frozenset({_S.NEW}), _S.ACCEPTED, "这张工单还没有付款，不能接。", "accepted_at"
    ),
    "start": _Step(frozenset({_S.ACCEPTED}), _S.MAKING, "先接下这张工单，再开始做。", "started_at"),
    "ready": _Step(
        frozenset({_S.ACCEPTED, _S.MAKING}), _S.READY, "先接下这张工单，再标记做好。", "ready_at"
    ),
    "ship": _Step(
        frozenset({_S.ACCEPTED, _S.MAKING, _S.READY}),
        _S.SHIPPED,
        "先接下这张工单，再寄出。",
        "shipped_at",
        "寄出",
    ),
    "deliver": _Step(
        frozenset({_S.SHIPPED}), _S.DELIVERED, "还没有寄出，不能标记签收。", "delivered_at"
    ),
    "decline": _Step(
        frozenset({_S.NEW, _S.ACCEPTED}),
        _S.DECLINED,
        "已经动工，不能再说接不了。",
        "",
        "接不了",
        "decline",
    ),
    "cancel": _Step(
        frozenset({_S.NEW, _S.ACCEPTED}),
        _S.CANCELLED,
        "这张工单现在不能直接取消。",
        refund="cancel",
        pieces_free=True,
    ),
    # What the desk agrees to when a buyer asks: the family has begun, but not yet sent.
    "call_off": _Step(
        frozenset({_S.NEW, _S.ACCEPTED, _S.MAKING, _S.READY}),
        _S.CANCELLED,
        "这张工单现在不能取消。",
        refund="cancel",
        pieces_free=True,
    ),
}
_NOT_CANCELLED = {
    _S.WAITING: "还没有付款，请取消整笔订单。",
    _S.MAKING: "作坊已经动工，不能直接取消了。可以申请取消，由社工站和作坊商量。",
    _S.READY: "作坊已经做好，不能直接取消了。可以申请取消，由社工站和作坊商量。",
    _S.SHIPPED: "已经寄出，不能取消了。",
    _S.DELIVERED: "已经签收，不能取消了。",
    _S.DECLINED: "这家作坊已经说了接不了，这部分的钱在退给买家。",
}
_USUALLY_NEXT = {
    _S.NEW: "accept",
    _S.ACCEPTED: "start",
    _S.MAKING: "ready",
    _S.READY: "ship",
    _S.SHIPPED: "deliver",
}


async def accept(
    session: AsyncSession, actor: Actor, work_order_id: int, now: datetime
) -> WorkOrder:
    """The workshop takes the work. Raises NotFound, WrongWorkOrderState."""
    return await _step(session, actor, work_order_id, "accept", now)


async def start(
    session: AsyncSession, actor: Actor, work_order_id: int, now: datetime
) -> WorkOrder:
    """Making has begun; from here on the buyer can not simply cancel."""
    return await _step(session, actor, work_order_id, "start", now)


async def ready(
    session: AsyncSession, actor: Actor, work_order_id: int, now: datetime
) -> WorkOrder:
    """The piece is finished and waits to be sent."""
    return await _step(session, actor, work_order_id, "ready", now)


async def ship(
    session: AsyncSession,
    actor: Actor,
    work_order_id: int,
    carrier: object,
    tracking: object,
    now: datetime,
) -> WorkOrder:
    """The parcel is on its way: its pieces leave the stock.

    Raises Invalid for carrier and tracking; NotFound; WrongWorkOrderState, as `must_have` too.
    """
    by, number = read_parcel(carrier, tracking)
    parcel = {"carrier": by, "tracking": number}
    return await _step(session, actor, work_order_id, "ship", now, parcel)


async def deliver(
    session: AsyncSession, actor: Actor, work_order_id: int, now: datetime
) -> WorkOrder:
    """The buyer has signed for it. The order is completed with its last work order."""
    return await _step(session, actor, work_order_id, "deliver", now)


async def decline(
    session: AsyncSession, actor: Actor, work_order_id: int, reason: object, now: datetime
) -> WorkOrder:
    """The workshop can not: exactly its goods and postage go back to the buyer, others stay.

    Its finished pieces leave the stock, for a family that can not send a piece does not have
    it; it counts them in again should it be otherwise. Raises Invalid without a reason.
    """
    check = Check()
    why = check.text("reason", reason, "原因", most=200)
    check.done()
    return await _step(session, actor, work_order_id, "decline", now, {"decline_reason": why})


async def decline_unanswered(
    session: AsyncSession, work_order_id: int, now: datetime
) -> WorkOrder | None:
    """As `decline`, by the program, for a family that did not answer in time.

    Returns the work order, or None for one that was answered: its order is locked, so of an
    answer and this one comes first and the other sees it. `shop.reminding` decides when.
    """
    work_order = await read_work_order(session, work_order_id, lock=True)
    if work_order.state != _S.NEW:
        return None
    facts = {"decline_reason": UNANSWERED}
    before, after = await _take(session, work_order, "decline", facts, "", now)
    record_program(session, "work_order.decline", work_order, now, before=before, after=after)
    await session.flush()
    return work_order


async def cancel(
    session: AsyncSession, actor: Actor, work_order_id: int, reason: object, now: datetime
) -> WorkOrder:
    """The desk cancels for the buyer before work has begun: goods and postage go back.

    The finished pieces are free to be sold again, and the buyer is told. Raises Invalid without a reason, NotFound,
    WrongWorkOrderState.
    """
    return await _call_off(session, actor, work_order_id, "cancel", reason, now)


async def call_off(
    session: AsyncSession, actor: Actor, work_order_id: int, reason: object, now: datetime
) -> WorkOrder:
    """As `cancel`, for work that has begun and is not sent; `shop.requests` decides when."""
    return await _call_off(session, actor, work_order_id, "call_off", reason, now)


async def _call_off(
    session: AsyncSession,
    actor: Actor,
    work_order_id: int,
    name: str,
    reason: object,
    now: datetime,
) -> WorkOrder:
    actor.must_be(WORK_ORDER_DESK)
    check = Check()
    why = check.text("reason", reason, "原因", most=200)
    check.done()
    return await _step(session, actor, work_order_id, name, now, why=why)


async def cancel_for_buyer(
    session: AsyncSession, token: str, work_order_id: int, now: datetime
) -> WorkOrder:
    """As `cancel`, by whoever holds the order's token, who need not say why."""
    work_order = await lock_part(session, token, work_order_id)
    await take_for_buyer(session, work_order, "cancel", "买家取消", now)
    return work_order


async def take_for_buyer(
    session: AsyncSession, work_order: WorkOrder, name: str, why: str, now: datetime
) -> None:
    """Take a step ("cancel", "call_off") for the buyer, of a work order that `lock_part` locked.

    Raises WrongWorkOrderState; a step that was taken already changes nothing.
    """
    if _may(work_order, name):
        before, after = await _take(session, work_order, name, {}, why, now)
        record_buyer(session, f"work_order.{name}", work_order, now, before=before, after=after)
        await session.flush()


def next_step(work_order: WorkOrder) -> str | None:
    """The step that usually comes next; finished pieces are sent without being made first."""
    to_make = any(line.product.kind == Kind.MADE_TO_ORDER for line in work_order.lines)
    if work_order.state == _S.ACCEPTED and not to_make:
        return "ship"
    return _USUALLY_NEXT.get(work_order.state)


def may_take(work_order: WorkOrder, step: str) -> bool:
    """Whether a step ("ship", "decline", …) can be taken now."""
    return work_order.state in _STEPS[step].after


def must_have(actor: Actor, work_order: WorkOrder) -> None:
    """Raise WrongWorkOrderState for a family whose pieces are at the station, which sends them."""
    if actor.workshop_id is not None and work_order.handover_id is not None:
        raise WrongWorkOrderState("东西已经交给社工站了，由站里寄出。")


def _may(work_order: WorkOrder, name: str) -> bool:
    """Whether the step is to be taken; False when it was. Raises WrongWorkOrderState."""
    step = _STEPS[name]
    if work_order.state == step.to:
        return False
    if work_order.state not in step.after:
        raise WrongWorkOrderState(_refusal(work_order, step))
    return True


def _refusal(work_order: WorkOrder, step: _Step) -> str:
    if step.to == _S.CANCELLED:
        return _NOT_CANCELLED[work_order.state]
    if work_order.state == _S.DECLINED and work_order.decline_reason == UNANSWERED:
        return "六天没有答复，这张工单已经自动退单，钱在退给买家，不用做了。"
    if work_order.state == _S.DECLINED:
        return "这张工单已经说了接不了，钱在退给买家。"
    if work_order.state == _S.CANCELLED:
        return "这张工单已经取消。"
    if step.to != _S.DECLINED and list(_S).index(work_order.state) > list(_S).index(step.to):
        return "这张工单已经走过这一步了。"
    return step.too_early


async def _step(
    session: AsyncSession,
    actor: Actor,
    work_order_id: int,
    name: str,
    now: datetime,
    facts: Mapping[str, str] | None = None,
    why: str = "",
) -> WorkOrder:
    """Take one step under the order's lock, with all that follows from it."""
    actor.must_be(WORK_ORDER_ACTORS)
    work_order = await work_order_for(session, actor, work_order_id, lock=True)
    if not _may(work_order, name):
        return work_order
    if name == "ship":
        must_have(actor, work_order)
    before, after = await _take(session, work_order, name, facts or {}, why, now)
    if name == "cancel":
        step_effects.tell_buyer_of(session, Event.CANCELLED, work_order, now)
    if work_order.state in (_S.READY, _S.SHIPPED):
        await issue_cards(session, work_order, actor.member_id, now)
    record(
        session,
        actor,
        f"work_order.{name}",
        work_order,
        now,
        before=before,
        after=after,
        workshop_id=work_order.workshop_id,
    )
    await session.flush()
    return work_order


async def _take(
    session: AsyncSession,
    work_order: WorkOrder,
    name: str,
    facts: Mapping[str, str],
    why: str,
    now: datetime,
) -> tuple[dict[str, str], dict[str, str]]:
    """Take a step that may be taken; what stood before it and after it, for the trail."""
    step = _STEPS[name]
    before, work_order.state = work_order.state, step.to
    for field, value in facts.items():
        setattr(work_order, field, value)
    if step.stamp:
        setattr(work_order, step.stamp, now)
    if step.to == _S.DELIVERED:
        work_order.payable_on = step_effects.payable_on(work_order, now)
    if step.pieces_leave:
        await step_effects.pieces_leave(session, work_order, step.pieces_leave, now)
    if step.pieces_free:
        await step_effects.pieces_free(session, work_order)
    if step.pieces_leave or step.refund:
        await step_effects.ask_no_more(session, work_order, now)
    if name in ("decline", "cancel"):
        await step_effects.withdraw_request(session, work_order, now)
    if step.refund:
        reason = why or work_order.decline_reason
        await step_effects.refund(
            session, work_order, f"{step.refund}:{work_order.id}", reason, now
        )
    await session.flush()
    step_effects.tell_of_step(session, work_order, name, before, now)
    await step_effects.close_order(session, work_order.order_id)
    return {"state": before}, {"state": step.to, **facts, **({"reason": why} if why else {})}
