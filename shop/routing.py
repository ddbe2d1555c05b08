"""Routing: a paid order reaches its workshops, once, and its buyer is told of the money."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import outbox
from catalog.db import table
from catalog.one_of import one_of
from catalog.words import yuan
from shop import notices
from shop.channels import Audience
from shop.languages import CHINESE
from shop.models import Order, OrderLine, OrderState, WorkOrder
from shop.notices import Event

_work_orders, _lines, _orders = table(WorkOrder), table(OrderLine), table(Order)
_TO_ROUTE = (
    select(
        _work_orders.c.id,
        _work_orders.c.order_id,
        _work_orders.c.station_id,
        _work_orders.c.workshop_id,
        _lines.c.name,
        _lines.c.quantity,
    )
    .join(_lines, _lines.c.work_order_id == _work_orders.c.id)
    .join(_orders, _orders.c.id == _work_orders.c.order_id)
    .where(
        one_of(_work_orders.c.order_id, "orders"),
        _work_orders.c.routed_at.is_(None),
        _orders.c.state == OrderState.PAID,
    )
    .order_by(_work_orders.c.id, _lines.c.id)
)
_ROUTED = (
    update(_work_orders).where(one_of(_work_orders.c.id, "ids")).values(routed_at=bindparam("at"))
)


async def route_orders(session: AsyncSession, orders: Mapping[int, int], now: datetime) -> None:
    """Tell each workshop of paid orders about its part, once; `orders` are ids by their job's id.

    Buyers are told that their money came, where they have a channel. Safe to repeat: the jobs'
    rows are taken in this transaction, and a notice is unique per kind and work order. Does
    nothing for an order that is not paid.
    """
    taken = await outbox.take_all(session, list(orders))
    rows = await session.execute(_TO_ROUTE, {"orders": [orders[job] for job in taken]})
    parts: dict[int, Row[*tuple[Any, ...]]] = {}
    pieces: defaultdict[int, list[str]] = defaultdict(list)
    for row in rows:
        parts[row.id] = row
        pieces[row.id].append(f"{row.name} ×{row.quantity}")
    if not parts:
        return
    await session.execute(_ROUTED, {"ids": [*parts], "at": now})
    told = [
        {
            "station_id": row.station_id,
            "workshop_id": row.workshop_id,
            "work_order_id": row.id,
            "text": notices.text_for(Event.NEW_WORK, CHINESE, pieces="、".join(pieces[row.id])),
        }
        for row in parts.values()
    ]
    await notices.tell_all(session, Event.NEW_WORK, Audience.FAMILY, told, now)
    if notices.can_tell(session, Audience.BUYER):
        await _tell_of_money(session, {row.order_id for row in parts.values()}, now)


async def _tell_of_money(session: AsyncSession, order_ids: Collection[int], now: datetime) -> None:
    orders = await session.scalars(select(Order).where(Order.id.in_(order_ids)).order_by(Order.id))
    told = [
        {
            "station_id": order.station_id,
            "order_id": order.id,
            "phone": order.buyer_phone,
            "cause": f"{Event.PAID}:order:{order.id}",
            "text": notices.text_for(
                Event.PAID, order.language, amount=yuan(order.total_fen), code=order.code
            ),
        }
        for order in orders
    ]
    await notices.tell_all(session, Event.PAID, Audience.BUYER, told, now)
