"""A family stops selling, once nothing of it is open; or takes no new orders first."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import products
from catalog.access import MANAGERS, Actor
from catalog.models import Product, ProductState, Workshop
from catalog.workshops import change_workshop, workshop_for
from shop.errors import OpenWork
from shop.ledger import balance_fen
from shop.models import (
    Hold,
    HoldLine,
    HoldState,
    Order,
    Payout,
    PayoutState,
    WorkOrder,
    WorkOrderState,
)

_DONE = (WorkOrderState.DELIVERED, WorkOrderState.DECLINED, WorkOrderState.CANCELLED)
_UP = (ProductState.ON_SALE, ProductState.REVIEW)


@dataclass(frozen=True, slots=True)
class Open:
    """What of a family is not finished. `owed_fen` is its balance, less than nothing where it owes."""

    work_orders: tuple[tuple[int, str, WorkOrderState], ...]
    holds: int
    payouts: int
    owed_fen: int
    on_sale: int

    def __bool__(self) -> bool:
        """Whether it keeps the family from stopping; what is on sale does not."""
        return bool(self.work_orders or self.holds or self.payouts or self.owed_fen)


async def open_work(session: AsyncSession, workshop_id: int, now: datetime) -> Open:
    """What is open at a family: work orders with the codes of their orders, and the rest counted."""
    # An order that was given up or ran out leaves its parts waiting for ever; they are no work.
    parts = await session.execute(
        select(WorkOrder.id, Order.code, WorkOrder.state)
        .join(Order, Order.id == WorkOrder.order_id)
        .where(
            WorkOrder.workshop_id == workshop_id,
            WorkOrder.state.not_in(_DONE),
            Order.state.in_(("unpaid", "paid", "completed")),
        )
        .order_by(WorkOrder.id)
    )
    held = (
        select(func.count(Hold.id.distinct()))
        .join(HoldLine, HoldLine.hold_id == Hold.id)
        .join(Product, Product.id == HoldLine.product_id)
        .where(
            Product.workshop_id == workshop_id,
            Hold.state == HoldState.ACTIVE,
            Hold.expires_at > now,
        )
    )
    payouts = select(func.count()).where(
        Payout.workshop_id == workshop_id,
        Payout.state.in_((PayoutState.DRAFTED, PayoutState.APPROVED)),
    )
    on_sale = select(func.count()).where(Product.workshop_id == workshop_id, Product.state.in_(_UP))
    return Open(
        work_orders=tuple((id_, code, state) for id_, code, state in parts),
        holds=int(await session.scalar(held) or 0),
        payouts=int(await session.scalar(payouts) or 0),
        owed_fen=await balance_fen(session, workshop_id),
        on_sale=int(await session.scalar(on_sale) or 0),
    )


async def stop(session: AsyncSession, actor: Actor, workshop_id: int, now: datetime) -> Workshop:
    """The family sells no more: buyers see nothing of it. Locks the workshop.

    Orders that are being placed name the workshop, so the lock waits for them. Raises OpenWork,
    with nothing changed, while something is not finished; NotFound.
    """
    actor.must_be(MANAGERS)
    await workshop_for(session, actor, workshop_id)
    await session.execute(select(Workshop.id).where(Workshop.id == workshop_id).with_for_update())
    left = await open_work(session, workshop_id, now)
    if left:
        raise OpenWork(_told(left))
    return await change_workshop(session, actor, workshop_id, {"active": False}, now)


async def go_on(session: AsyncSession, actor: Actor, workshop_id: int, now: datetime) -> Workshop:
    """The family sells again. Raises NotFound."""
    actor.must_be(MANAGERS)
    return await change_workshop(session, actor, workshop_id, {"active": True}, now)


async def take_no_more(session: AsyncSession, actor: Actor, workshop_id: int, now: datetime) -> int:
    """Take everything of the family off sale; what was sold goes on. Returns how many. NotFound."""
    actor.must_be(MANAGERS)
    await workshop_for(session, actor, workshop_id)
    query = select(Product.id).where(Product.workshop_id == workshop_id, Product.state.in_(_UP))
    ids = list(await session.scalars(query.order_by(Product.id)))
    for product_id in ids:
        off = {"state": ProductState.OFF}
        await products.change_product(session, actor, product_id, off, now)
    return len(ids)


def _told(left: Open) -> str:
    parts = [
        f"{len(left.work_orders)} 张工单没有完" if left.work_orders else "",
        f"买家还留着 {left.holds} 份" if left.holds else "",
        f"{left.payouts} 笔结算没有付" if left.payouts else "",
        "账上还有钱没结清" if left.owed_fen else "",
    ]
    return "、".join(part for part in parts if part)
