"""Work orders found: by words of all kinds, by promised day, by where they are."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import update

from catalog.db import Sessions
from catalog.models import Kind
from shop import handovers, work_steps
from shop.models import WorkOrder, WorkOrderState
from shop.orders import OrdersWanted, find_orders
from shop.work_order_list import WorkOrdersWanted, find_work_orders
from tests.making import BUYER, NOON
from tests.shop.parcel_desk import finished, one_workshop, sold


async def ids(sessions: Sessions, station_id: int, **wanted: Any) -> list[int]:
    async with sessions() as session:
        rows, _ = await find_work_orders(session, WorkOrdersWanted(station_id, **wanted))
        return [row.id for row in rows]


@pytest.mark.parametrize("by", ["code", "name", "phone", "product", "workshop", "tracking"])
async def test_words_find_work_orders_and_their_orders(sessions: Sessions, by: str) -> None:
    workshop, manager = await one_workshop(sessions)
    buyer = {**BUYER, "name": "李晓", "phone": "13912345678"}
    part = await finished(sessions, workshop, buyer=buyer, name="荷塘月色")
    await sold(sessions, workshop)
    async with sessions.begin() as session:
        await work_steps.ship(session, manager, part.id, "顺丰", "SF1234567890123", NOON)
    words = {
        "code": part.order.code.lower(),
        "name": "李晓",
        "phone": "5678",
        "product": "荷塘",
        "workshop": "王家",
        "tracking": "sf12345678",
    }[by]
    station_id = manager.station_id
    found = await ids(sessions, station_id, words=words, states=None)
    assert found[-1:] == [part.id]
    assert len(found) == (2 if by == "workshop" else 1)
    async with sessions() as session:
        orders, _ = await find_orders(session, OrdersWanted(station_id, words=words))
    assert len(orders) == len(found)
    assert await ids(sessions, station_id, words=f"{words} 没有的词") == []
    assert await ids(sessions, station_id + 1, words=words, states=None) == []


async def test_days_and_places_narrow(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    made = {"kind": Kind.MADE_TO_ORDER, "on_hand": 0, "work_days": 3}
    late, soon, sent = [await sold(sessions, workshop, **made) for _ in range(3)]
    here = await finished(sessions, workshop)
    async with sessions.begin() as session:
        for part, day in ((late, 20), (soon, 25), (sent, 20)):
            await work_steps.accept(session, manager, part.id, NOON)
            await session.execute(
                update(WorkOrder)
                .where(WorkOrder.id == part.id)
                .values(promised_on=date(2026, 11, day))
            )
        await work_steps.ship(session, manager, sent.id, "顺丰", "SF1234567890123", NOON)
        await handovers.hand_over(
            session, manager, workshop.id, [here.id], "王奶奶", 1, "", "", NOON
        )
    station_id = manager.station_id
    assert await ids(sessions, station_id, due_by=date(2026, 11, 21)) == [late.id]
    assert await ids(sessions, station_id, due_by=date(2026, 11, 25)) == [soon.id, late.id]
    assert await ids(sessions, station_id, here=True) == [here.id]
    assert await ids(sessions, station_id, states=(WorkOrderState.SHIPPED,)) == [sent.id]
    assert await ids(sessions, station_id, most=1) == [here.id]
    assert await ids(sessions, station_id, workshop_id=workshop.id + 1) == []
