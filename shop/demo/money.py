"""What finance and the order desk have done at the demo station, and what waits for them."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from shop import requests
from shop.models import Order, RequestKind, WorkOrder, WorkOrderState
from shop.payouts import Proof, approve_run, draft_run, mark_paid

WITNESS = "村会计"


async def pay_families(
    session: AsyncSession, finance: Actor, manager: Actor, now: datetime
) -> None:
    """One run paid in cash some days ago, and one that waits for the second person."""
    then = now - timedelta(days=3)
    run = await draft_run(session, finance, then)
    await approve_run(session, manager, run.id, then + timedelta(hours=1))
    for payout in run.payouts:
        await mark_paid(
            session, finance, payout.id, Proof(witness=WITNESS), then + timedelta(days=1)
        )
    await draft_run(session, finance, now)


async def ask_for_a_return(session: AsyncSession, now: datetime) -> None:
    """The buyer of the newest delivered order would like to send it back."""
    token, part_id = (
        await session.execute(
            select(Order.token, WorkOrder.id)
            .join(WorkOrder, WorkOrder.order_id == Order.id)
            .where(WorkOrder.state == WorkOrderState.DELIVERED)
            .order_by(WorkOrder.delivered_at.desc())
            .limit(1)
        )
    ).one()
    await requests.ask(session, token, part_id, RequestKind.RETURN, "颜色比家里的柜子深", now)
