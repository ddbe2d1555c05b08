"""A buyer gives up an order, or one part of it: before it is paid, or before work has begun."""

from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.audit import record_buyer
from catalog.errors import NotFound
from shop import work_steps
from shop.context import Shop
from shop.errors import PaymentNotClosed, WrongOrderState, WrongWorkOrderState
from shop.models import Order, OrderState, PaymentState, WorkOrder, WorkOrderState
from shop.offline import waiting_receipt
from shop.paying import close_payment
from shop.payments.gateway import GatewayRefused, GatewayUnavailable
from shop.sheet import OrderSheet, read_sheets

log = structlog.get_logger()

_GONE = (WorkOrderState.DECLINED, WorkOrderState.CANCELLED)


async def cancel(shop: Shop, token: str, work_order_id: int | None, now: datetime) -> OrderSheet:
    """Cancel all of an order that can be cancelled, or just one work order; how it stands then.

    Before it is paid, its payments are closed first, so that no money can arrive any more;
    money that came in time makes it a paid order. Of a paid order, exactly the work that has
    not begun is cancelled and refunded. Repeating changes nothing.
    Raises NotFound, PaymentNotClosed, WrongOrderState, WrongWorkOrderState; nothing is cancelled
    then.
    """
    async with shop.database.reading() as session:
        order = await _sheet(session, token)
        handed_over = await waiting_receipt(session, order.id)
    was_unpaid = order.state == OrderState.UNPAID
    if was_unpaid:
        if work_order_id is not None:
            raise WrongOrderState("还没有付款，只能整笔取消。")
        if handed_over is not None:
            raise WrongOrderState("社工站正在核对您付的钱，核对好了再取消，钱会退给您。")
        await _close_payments(shop, order, now)
    async with shop.database.writing.begin() as session:
        if work_order_id is not None:
            await work_steps.cancel_for_buyer(session, token, work_order_id, now)
        else:
            await _cancel_whole(session, token, was_unpaid, now)
        return await _sheet(session, token)


async def _sheet(session: AsyncSession, token: str) -> OrderSheet:
    found = (await read_sheets(session, [token])).get(token)
    if found is None:
        raise NotFound("order")
    return found


async def _close_payments(shop: Shop, order: OrderSheet, now: datetime) -> None:
    """Every payment of an unpaid order closed or settled; no row is locked meanwhile."""
    for payment in order.payments:
        if payment.state != PaymentState.OPEN:
            continue
        try:
            await close_payment(shop, payment.id, now)
        except (GatewayUnavailable, GatewayRefused) as error:
            log.warning("order not cancelled", payment=payment.id, error=type(error).__name__)
            raise PaymentNotClosed(f"payment {payment.id}") from error


async def _cancel_whole(session: AsyncSession, token: str, was_unpaid: bool, now: datetime) -> None:
    order = await session.scalar(select(Order).where(Order.token == token).with_for_update())
    if order is None:
        raise NotFound("order")
    if order.state == OrderState.UNPAID:
        # Opened again by somebody in this very moment: its money may still come.
        raise PaymentNotClosed(f"order {order.id}")
    if order.state == OrderState.PAID:
        await _cancel_parts(session, order, now)
    elif order.state == OrderState.COMPLETED:
        raise WrongOrderState("这笔订单已经签收，不能取消了。")
    elif order.state == OrderState.EXPIRED and was_unpaid:
        order.state = OrderState.CANCELLED
        states = {"before": {"state": "unpaid"}, "after": {"state": "cancelled"}}
        record_buyer(session, "order.cancel", order, now, **states)


async def _cancel_parts(session: AsyncSession, order: Order, now: datetime) -> None:
    """Cancel what has not begun; raises WrongWorkOrderState where nothing of it is left."""
    left = (WorkOrder.order_id == order.id, WorkOrder.state.not_in(_GONE))
    refusals = []
    cancelled = 0
    for part_id in list(await session.scalars(select(WorkOrder.id).where(*left))):
        try:
            await work_steps.cancel_for_buyer(session, order.token, part_id, now)
            cancelled += 1
        except WrongWorkOrderState as refusal:
            refusals.append(refusal)
    if refusals and not cancelled:
        raise refusals[0]
