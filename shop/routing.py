"""Work orders: how a paid order reaches its workshops, and every step until it is delivered.

waiting -> new -> accepted -> making -> ready -> shipped -> delivered, or declined. What stands
in the table `_STEPS` is what may follow what; a step that was already taken changes nothing, so
a tap that is sent twice is harmless.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.orm.interfaces import ORMOption

from catalog import outbox, stock
from catalog.access import WORK_ORDER_ACTORS, Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.errors import NotFound
from catalog.models import Kind, Product, Role
from shop import ledger
from shop.errors import WrongWorkOrderState
from shop.models import (
    Notice,
    Order,
    OrderLine,
    OrderState,
    WorkOrder,
    WorkOrderState,
)
from shop.settle import request_refund

CARRIERS = ("邮政快递", "顺丰", "中通", "圆通", "韵达", "申通", "极兔", "京东", "德邦", "其他")

NEW_WORK = "new_work"


@dataclass(frozen=True, slots=True)
class _Step:
    after: frozenset[WorkOrderState]
    to: WorkOrderState
    too_early: str
    stamp: str = ""
    pieces_leave: str = ""


_S = WorkOrderState
_STEPS = {
    "accept": _Step(
        frozenset({_S.NEW}), _S.ACCEPTED, "这张工单还没有付款，不能接。", "accepted_at"
    ),
    "start": _Step(frozenset({_S.ACCEPTED}), _S.MAKING, "先接下这张工单，再开始做。"),
    "ready": _Step(frozenset({_S.ACCEPTED, _S.MAKING}), _S.READY, "先接下这张工单，再标记做好。"),
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
        frozenset({_S.NEW, _S.ACCEPTED}), _S.DECLINED, "已经动工，不能再说接不了。", "", "接不了"
    ),
}
_CLOSED = frozenset({_S.DELIVERED, _S.DECLINED, _S.CANCELLED})
_USUALLY_NEXT = {
    _S.NEW: "accept",
    _S.ACCEPTED: "start",
    _S.MAKING: "ready",
    _S.READY: "ship",
    _S.SHIPPED: "deliver",
}


async def route_order(session: AsyncSession, job_id: int, order_id: int, now: datetime) -> None:
    """Tell each workshop of a paid order about its part, once.

    Safe to repeat: the job's row is taken in this transaction, and a notice is unique per kind
    and work order. Does nothing for an order that is not paid.
    """
    if not await outbox.take(session, job_id):
        return
    order = await session.get(
        Order,
        order_id,
        options=[selectinload(Order.work_orders).selectinload(WorkOrder.lines)],
        populate_existing=True,
    )
    if order is None or order.state != OrderState.PAID:
        return
    for work_order in order.work_orders:
        if work_order.routed_at is None:
            work_order.routed_at = now
            await _tell(session, work_order, now)


async def _tell(session: AsyncSession, work_order: WorkOrder, now: datetime) -> None:
    what = "、".join(f"{line.name} ×{line.quantity}" for line in work_order.lines)
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    await session.execute(
        insert(Notice)
        .values(
            station_id=work_order.station_id,
            kind=NEW_WORK,
            workshop_id=work_order.workshop_id,
            work_order_id=work_order.id,
            text=f"有新工单：{what}"[:200],
            created_at=now,
        )
        .on_conflict_do_nothing()
    )


async def work_order_for(
    session: AsyncSession, actor: Actor, work_order_id: int, *, lock: bool = False
) -> WorkOrder:
    """A work order with order, workshop, lines and products, when the actor may see it.

    With `lock` its order's row is locked first, as in `settle`. Raises NotFound; a work order
    that is not paid for is not there for artisans.
    """
    if lock:
        order_of = select(WorkOrder.order_id).where(WorkOrder.id == work_order_id)
        await session.execute(
            select(Order.id).where(Order.id == order_of.scalar_subquery()).with_for_update()
        )
    work_order = await session.get(
        WorkOrder, work_order_id, options=_parts(), populate_existing=True
    )
    if work_order is None or work_order.station_id != actor.station_id:
        raise NotFound(f"work order {work_order_id}")
    actor.must_see_workshop(work_order.workshop_id)
    if actor.role == Role.ARTISAN and work_order.order.paid_at is None:
        raise NotFound(f"work order {work_order_id}")
    return work_order


async def list_work_orders(
    session: AsyncSession,
    actor: Actor,
    *,
    states: tuple[WorkOrderState, ...] | None = None,
    workshop_id: int | None = None,
    before: int | None = None,
    most: int = 100,
) -> list[WorkOrder]:
    """Work orders that the actor may see, newest first; artisans see their own, once paid for."""
    query = select(WorkOrder).where(WorkOrder.station_id == actor.station_id)
    if actor.workshop_id is not None:
        query = query.where(
            WorkOrder.workshop_id == actor.workshop_id,
            WorkOrder.order.has(Order.paid_at.is_not(None)),
        )
    if workshop_id is not None:
        query = query.where(WorkOrder.workshop_id == workshop_id)
    if states is not None:
        query = query.where(WorkOrder.state.in_(states))
    if before is not None:
        query = query.where(WorkOrder.id < before)
    query = query.options(*_parts()).order_by(WorkOrder.id.desc()).limit(most)
    return list(await session.scalars(query))


def _parts() -> list[ORMOption]:
    products = selectinload(WorkOrder.lines).selectinload(OrderLine.product)
    return [
        joinedload(WorkOrder.order),
        joinedload(WorkOrder.workshop),
        products.selectinload(Product.photos),
    ]


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
    """The parcel is on its way: its pieces leave the stock. Raises Invalid for carrier, tracking."""
    check = Check()
    by = check.text("carrier", carrier, "快递公司", most=30)
    number = check.text("tracking", tracking, "快递单号", most=40, least=5).replace(" ", "").upper()
    if not (number.isascii() and number.replace("-", "").isalnum()):
        check.fault("tracking", "快递单号只有数字和字母，请对着单子再看一遍。")
    check.done()
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


def next_step(work_order: WorkOrder) -> str | None:
    """The step that usually comes next; finished pieces are sent without being made first."""
    to_make = any(line.product.kind == Kind.MADE_TO_ORDER for line in work_order.lines)
    if work_order.state == _S.ACCEPTED and not to_make:
        return "ship"
    return _USUALLY_NEXT.get(work_order.state)


def may_take(work_order: WorkOrder, step: str) -> bool:
    """Whether a step ("ship", "decline", …) can be taken now."""
    return work_order.state in _STEPS[step].after


def _may(work_order: WorkOrder, name: str) -> bool:
    """Whether the step is to be taken; False when it was. Raises WrongWorkOrderState."""
    step = _STEPS[name]
    if work_order.state == step.to:
        return False
    if work_order.state not in step.after:
        raise WrongWorkOrderState(_refusal(work_order, step))
    return True


def _refusal(work_order: WorkOrder, step: _Step) -> str:
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
) -> WorkOrder:
    """Take one step under the order's lock, with all that follows from it."""
    actor.must_be(WORK_ORDER_ACTORS)
    work_order = await work_order_for(session, actor, work_order_id, lock=True)
    if not _may(work_order, name):
        return work_order
    step = _STEPS[name]
    before, work_order.state = work_order.state, step.to
    for field, value in (facts or {}).items():
        setattr(work_order, field, value)
    if step.stamp:
        setattr(work_order, step.stamp, now)
    if step.pieces_leave:
        await _pieces_leave(session, work_order, step.pieces_leave, now)
    if step.to == _S.DECLINED:
        await _refund(session, work_order, now)
    await session.flush()
    await _close_order(session, work_order.order_id)
    record(
        session,
        actor,
        f"work_order.{name}",
        work_order,
        now,
        before={"state": before},
        after={"state": step.to, **(facts or {})},
        workshop_id=work_order.workshop_id,
    )
    await session.flush()
    return work_order


async def _pieces_leave(
    session: AsyncSession, work_order: WorkOrder, reason: str, now: datetime
) -> None:
    for line in sorted(work_order.lines, key=lambda line: line.product_id):
        if line.product.kind != Kind.MADE_TO_ORDER:
            await stock.send(session, line.product, line.quantity, reason, now)


async def _refund(session: AsyncSession, work_order: WorkOrder, now: datetime) -> None:
    order = await session.get_one(
        Order, work_order.order_id, options=[selectinload(Order.payments)], populate_existing=True
    )
    payment = next(payment for payment in order.payments if payment.kept)
    amount = work_order.goods_fen + work_order.shipping_fen
    cause, why = f"decline:{work_order.id}", work_order.decline_reason
    await ledger.post(
        session,
        station_id=order.station_id,
        cause=cause,
        kind="refund",
        order_id=order.id,
        entries=ledger.refund_entries(work_order),
        now=now,
    )
    await request_refund(session, payment, cause, work_order.id, amount, why, now)


async def _close_order(session: AsyncSession, order_id: int) -> None:
    """Complete an order whose work orders are all done; cancel it when none was sent."""
    states = set(
        await session.scalars(select(WorkOrder.state).where(WorkOrder.order_id == order_id))
    )
    if states <= _CLOSED:
        order = await session.get_one(Order, order_id)
        order.state = OrderState.COMPLETED if _S.DELIVERED in states else OrderState.CANCELLED
