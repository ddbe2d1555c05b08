"""Another way to pay for the same order: the buyer's wallet did not open, or another is nearer."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shop.checkout import get_order
from shop.context import Shop
from shop.errors import WrongOrderState
from shop.models import Order, OrderState, Payment, PaymentState
from shop.paying import open_payment
from shop.rehearsal_rule import must_be_real
from shop.wallets import Way


async def pay_by(shop: Shop, token: str, way: Way, now: datetime) -> str:
    """The address where an order is paid in this way.

    A payment that is open in this way already is gone on with. Otherwise the order gets one
    more; what is open of the earlier ones stays so, for its money may be on the way, and money
    that comes twice goes back. Raises NotFound, WrongOrderState, RehearsalShow, PaymentUnavailable.
    """
    async with shop.database.writing.begin() as session:
        order = await _to_be_paid(session, token, now)
        await must_be_real(session, order.id, way.gateway)
        fitting = [payment for payment in order.payments if _fits(payment, way)]
        for payment in fitting:
            if payment.pay_url:
                return payment.pay_url
        if order.payments[-1] not in fitting:
            session.add(_payment(order, way, now))
            await session.flush()
            order = await get_order(session, token)
    return await open_payment(shop, order)


async def _to_be_paid(session: AsyncSession, token: str, now: datetime) -> Order:
    await session.execute(select(Order.id).where(Order.token == token).with_for_update())
    order = await get_order(session, token)
    if order.state != OrderState.UNPAID or order.expires_at <= now:
        raise WrongOrderState("这笔订单现在不用付款。")
    return order


def _fits(payment: Payment, way: Way) -> bool:
    """Whether a payment is open and made for this way alone: its page shows nothing else."""
    open_there = payment.state == PaymentState.OPEN and payment.gateway == way.gateway
    return open_there and tuple(payment.methods) == way.methods


def _payment(order: Order, way: Way, now: datetime) -> Payment:
    return Payment(
        station_id=order.station_id,
        order_id=order.id,
        gateway=way.gateway,
        amount_fen=order.total_fen,
        methods=list(way.methods),
        created_at=now,
        expires_at=order.expires_at,
    )
