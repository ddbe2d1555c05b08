"""What follows from a step of a work order: who is told, which pieces move, what money goes back."""

from collections.abc import Iterator
from datetime import date, datetime

from sqlalchemy import String, cast, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from catalog import stock
from catalog.audit import record_program
from catalog.models import Kind
from catalog.words import yuan
from shop import ledger
from shop.models import (
    BuyerRequest,
    DateChange,
    Notice,
    Order,
    OrderLine,
    OrderState,
    RequestKind,
    RequestState,
    WorkOrder,
    WorkOrderState,
)
from shop.notices import Event, tell_buyer, tell_family
from shop.return_window import payable_on_for
from shop.settle import request_refund

_CLOSED = frozenset({WorkOrderState.DELIVERED, WorkOrderState.DECLINED, WorkOrderState.CANCELLED})


def tell_of_step(
    session: AsyncSession, part: WorkOrder, name: str, before: WorkOrderState, now: datetime
) -> None:
    """Tell the buyer what they can not know yet, and a family that has begun of a cancelled part."""
    if name == "ship":
        tell_buyer_of(session, Event.SHIPPED, part, now)
    elif name == "decline":
        tell_buyer_of(session, Event.DECLINED, part, now)
    elif part.state == WorkOrderState.CANCELLED and before != WorkOrderState.NEW:
        tell_family(
            session,
            Event.CALLED_OFF,
            part.station_id,
            part.workshop_id,
            now,
            cause=f"work_order:{part.id}",
            work_order_id=part.id,
            piece=_pieces(part),
            code=part.order.code,
        )


def tell_buyer_of(session: AsyncSession, event: Event, part: WorkOrder, now: datetime) -> None:
    tell_buyer(
        session,
        event,
        part.order,
        now,
        cause=f"work_order:{part.id}",
        piece=_pieces(part),
        amount=f"¥{yuan(part.goods_fen + part.shipping_fen)}",
        carrier=part.carrier,
        tracking=part.tracking,
    )


async def ask_no_more(session: AsyncSession, part: WorkOrder, now: datetime) -> None:
    """Nobody is called to ask about a new day for what was sent or is off: the answer would be refused."""
    question = literal(f"{Event.DATE_CHANGED}:").concat(cast(DateChange.id, String))
    await session.execute(
        update(Notice)
        .where(
            Notice.cause.in_(select(question).where(DateChange.work_order_id == part.id)),
            Notice.sent_at.is_(None),
            Notice.done_at.is_(None),
        )
        .values(done_at=now)
        .execution_options(synchronize_session=False)
    )


async def withdraw_request(session: AsyncSession, part: WorkOrder, now: datetime) -> None:
    """A request to cancel what is off by now waits for no answer: its buyer has it all back.

    There is one where the family took back that it had begun.
    """
    waiting = await session.scalar(
        select(BuyerRequest).where(
            BuyerRequest.work_order_id == part.id,
            BuyerRequest.kind == RequestKind.CANCEL,
            BuyerRequest.state == RequestState.ASKED,
        )
    )
    if waiting is not None:
        waiting.state = RequestState.WITHDRAWN
        before, after = {"state": RequestState.ASKED}, {"state": waiting.state}
        record_program(session, "request.withdraw", waiting, now, before=before, after=after)


def _pieces(part: WorkOrder) -> str:
    return "、".join(line.name for line in part.lines)[:60]


def payable_on(work_order: WorkOrder, now: datetime) -> date:
    finished = any(line.product.kind != Kind.MADE_TO_ORDER for line in work_order.lines)
    return payable_on_for(now, work_order.order.custom_agreed_at is not None, finished)


async def pieces_leave(
    session: AsyncSession, work_order: WorkOrder, reason: str, now: datetime
) -> None:
    for line in _finished(work_order):
        await stock.send(session, line.product, line.quantity, reason, now)


async def pieces_free(session: AsyncSession, work_order: WorkOrder) -> None:
    for line in _finished(work_order):
        await stock.release(session, line.product_id, line.quantity)


def _finished(work_order: WorkOrder) -> Iterator[OrderLine]:
    """The lines whose pieces are stock, in the order in which products are locked."""
    for line in sorted(work_order.lines, key=lambda line: line.product_id):
        if line.product.kind != Kind.MADE_TO_ORDER:
            yield line


async def refund(
    session: AsyncSession, work_order: WorkOrder, cause: str, why: str, now: datetime
) -> None:
    order = await session.get_one(
        Order, work_order.order_id, options=[selectinload(Order.payments)], populate_existing=True
    )
    payment = next(payment for payment in order.payments if payment.kept)
    amount = work_order.goods_fen + work_order.shipping_fen
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


async def close_order(session: AsyncSession, order_id: int) -> None:
    """Complete an order whose work orders are all done; cancel it when none was sent."""
    states = set(
        await session.scalars(select(WorkOrder.state).where(WorkOrder.order_id == order_id))
    )
    if states <= _CLOSED:
        order = await session.get_one(Order, order_id)
        order.state = (
            OrderState.COMPLETED if WorkOrderState.DELIVERED in states else OrderState.CANCELLED
        )
