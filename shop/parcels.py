"""Parcels: sent with their number looked at twice, and corrected while they are on their way."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import WORK_ORDER_DESK, Actor
from catalog.audit import record
from catalog.errors import Invalid
from shop import work_orders, work_steps
from shop.carriers import looks_like, read_parcel
from shop.errors import WrongWorkOrderState
from shop.models import Order, WorkOrder, WorkOrderState


async def send(
    session: AsyncSession,
    actor: Actor,
    work_order_id: int,
    carrier: object,
    tracking: object,
    sure: bool,
    now: datetime,
) -> WorkOrder:
    """`work_steps.ship`, for people: a number that looks wrong is asked about unless they are `sure`.

    Raises as `work_steps.ship`, and Invalid with the question at "sure".
    """
    by, number = read_parcel(carrier, tracking)
    work_order = await work_orders.work_order_for(session, actor, work_order_id, lock=True)
    if not sure and work_steps.may_take(work_order, "ship"):
        # Nobody is asked about a number that is then refused whatever the answer.
        work_steps.must_have(actor, work_order)
        await _ask(session, work_order, by, number)
    return await work_steps.ship(session, actor, work_order_id, by, number, now)


async def correct(
    session: AsyncSession,
    actor: Actor,
    work_order_id: int,
    carrier: object,
    tracking: object,
    sure: bool,
    now: datetime,
) -> WorkOrder:
    """Put right the carrier or the number of a parcel that is on its way; the buyer sees the new.

    Locks the order's row. Raises as `send`, and NotAllowed.
    """
    actor.must_be(WORK_ORDER_DESK)
    by, number = read_parcel(carrier, tracking)
    work_order = await work_orders.work_order_for(session, actor, work_order_id, lock=True)
    if work_order.state != WorkOrderState.SHIPPED:
        raise WrongWorkOrderState("只有已经寄出、还没签收的，才能改单号。")
    before = {"carrier": work_order.carrier, "tracking": work_order.tracking}
    after = {"carrier": by, "tracking": number}
    if before == after:
        return work_order
    if not sure:
        await _ask(session, work_order, by, number)
    work_order.carrier, work_order.tracking = by, number
    record(
        session,
        actor,
        "work_order.parcel",
        work_order,
        now,
        before=before,
        after=after,
        workshop_id=work_order.workshop_id,
    )
    await session.flush()
    return work_order


async def doubt(session: AsyncSession, work_order: WorkOrder, carrier: str, number: str) -> str:
    """What to ask about a number that is likely to be a slip; "" where nothing is odd.

    Two families of one order may well be in one parcel.
    """
    plainly = looks_like(number)
    if plainly and plainly != carrier:
        return f"这个单号像是{plainly}的，快递公司选的是{carrier}，对吗？"
    code = await session.scalar(
        select(Order.code)
        .join(WorkOrder, WorkOrder.order_id == Order.id)
        .where(
            WorkOrder.station_id == work_order.station_id,
            WorkOrder.order_id != work_order.order_id,
            WorkOrder.tracking == number,
        )
        .limit(1)
    )
    return f"这个单号已经写在订单 {code} 上了，真是装在一个包裹里吗？" if code else ""


async def _ask(session: AsyncSession, work_order: WorkOrder, carrier: str, number: str) -> None:
    question = await doubt(session, work_order, carrier, number)
    if question:
        raise Invalid({"sure": f"{question}没写错就勾上，再按一次。"})
