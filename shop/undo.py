"""Steps taken back within the day, while nothing followed from them.

The table `_UNDO` says which. Each is taken back under the lock of the order's row, as steps are
taken (`shop.work_steps`): of taking back, sending and cancelling one wins, the others are refused.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import WORK_ORDER_ACTORS, Actor
from catalog.audit import record
from catalog.errors import NotFound, NotTakenBack
from catalog.recount import TAKE_BACK_WITHIN
from shop.errors import WrongWorkOrderState
from shop.models import DateChange, DateChangeState, StagePhoto, WorkOrder, WorkOrderState
from shop.work_orders import work_order_for


@dataclass(frozen=True, slots=True)
class _Undo:
    state: WorkOrderState
    """Where the step has led, and where the work order must still be."""
    stamp: str
    back: tuple[WorkOrderState, ...]
    """Where it may have come from."""
    dates_bind: bool = False
    stages_bind: bool = False


_S = WorkOrderState
_UNDO = {
    "accept": _Undo(_S.ACCEPTED, "accepted_at", (_S.NEW,), dates_bind=True, stages_bind=True),
    "start": _Undo(_S.MAKING, "started_at", (_S.ACCEPTED,), stages_bind=True),
    "ready": _Undo(_S.READY, "ready_at", (_S.MAKING, _S.ACCEPTED)),
}
_STANDS = (DateChangeState.ASKED, DateChangeState.KEPT)


async def undo_step(
    session: AsyncSession, actor: Actor, work_order_id: int, step: str, now: datetime
) -> WorkOrder:
    """Take back "accept", "start" or "ready"; taking it back twice changes nothing.

    Under the order's lock. What the buyer may do follows the state again. Raises NotFound,
    WrongWorkOrderState when another step came after, NotTakenBack when something followed from
    it or a day has passed.
    """
    actor.must_be(WORK_ORDER_ACTORS)
    if step not in _UNDO:
        raise NotFound(step)
    undo = _UNDO[step]
    work_order = await work_order_for(session, actor, work_order_id, lock=True)
    if work_order.state in undo.back and getattr(work_order, undo.stamp) is None:
        return work_order
    if work_order.state != undo.state:
        raise WrongWorkOrderState("这张工单已经不在这一步，收不回了。")
    why_not = await _why_not(session, work_order, undo, now)
    if why_not:
        raise NotTakenBack(why_not)
    work_order.state = _where_from(work_order, undo)
    setattr(work_order, undo.stamp, None)
    record(
        session,
        actor,
        f"work_order.undo_{step}",
        work_order,
        now,
        before={"state": undo.state},
        after={"state": work_order.state},
        workshop_id=work_order.workshop_id,
    )
    await session.flush()
    return work_order


def _where_from(work_order: WorkOrder, undo: _Undo) -> WorkOrderState:
    """Where the step set out: "ready" may be said of what was never begun."""
    begun = work_order.started_at is not None
    return undo.back[0] if begun or len(undo.back) == 1 else undo.back[1]


async def step_to_undo(session: AsyncSession, work_order: WorkOrder, now: datetime) -> str | None:
    """The step that could be taken back now; None when there is none."""
    for step, undo in _UNDO.items():
        if work_order.state == undo.state and not await _why_not(session, work_order, undo, now):
            return step
    return None


async def _why_not(session: AsyncSession, work_order: WorkOrder, undo: _Undo, now: datetime) -> str:
    """Why a step can not be taken back, as a sentence; "" when it can."""
    at: datetime | None = getattr(work_order, undo.stamp)
    if at is None or now >= at + TAKE_BACK_WITHIN:
        return "过了一天，收不回了。请给社工站打电话。"
    if work_order.handover_id is not None:
        return "东西已经交到社工站，收不回了。"
    if undo.dates_bind and await _any_date(session, work_order.id, at):
        return "日子改过，买家已经知道了。先收回改的日子，再收回接单。"
    if undo.stages_bind and await _any_stage(session, work_order.id, at):
        return "您给买家看过进度照片。先收回照片，再收回这一步。"
    return ""


async def _any_date(session: AsyncSession, work_order_id: int, since: datetime) -> bool:
    query = select(DateChange.id).where(
        DateChange.work_order_id == work_order_id,
        DateChange.state.in_(_STANDS),
        DateChange.made_at >= since,
    )
    return await session.scalar(query.limit(1)) is not None


async def _any_stage(session: AsyncSession, work_order_id: int, since: datetime) -> bool:
    query = select(StagePhoto.id).where(
        StagePhoto.work_order_id == work_order_id,
        StagePhoto.removed_at.is_(None),
        StagePhoto.created_at >= since,
    )
    return await session.scalar(query.limit(1)) is not None
