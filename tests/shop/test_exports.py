"""Lists to keep: what stands in them, whose phones are whole, and where they end."""

import csv
import io
from dataclasses import replace

import pytest
from sqlalchemy import select

from catalog.db import Sessions
from catalog.errors import NotAllowed
from catalog.models import AuditEntry, ProductState
from catalog.products import Wanted
from shop import exports, work_steps
from shop.errors import TooManyRows
from shop.orders import OrdersWanted
from shop.sheets import Sheet, to_csv
from shop.work_order_list import WorkOrdersWanted
from tests.making import BUYER, NOON
from tests.shop.parcel_desk import finished, one_workshop, sold


def rows_of(sheet: Sheet) -> list[dict[str, str]]:
    """The sheet as a program reads its CSV."""
    return list(csv.DictReader(io.StringIO(to_csv(sheet).decode("utf-8-sig"))))


async def test_orders_and_work_orders(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    buyer = {**BUYER, "name": "=1+1"}
    parts = [await finished(sessions, workshop, buyer=buyer), await sold(sessions, workshop)]
    async with sessions.begin() as session:
        await work_steps.ship(session, manager, parts[0].id, "顺丰", "SF1234567890123", NOON)
    async with sessions() as session:
        orders = await exports.orders_sheet(
            session, OrdersWanted(manager.station_id, most=1), whole=False
        )
        work_orders = await exports.work_orders_sheet(
            session, WorkOrdersWanted(manager.station_id), whole=True
        )
    found = rows_of(orders)
    assert [row["订单"] for row in found] == [parts[1].order.code, parts[0].order.code]
    assert found[1]["买家"] == "'=1+1"
    assert (found[0]["电话"], found[0]["状态"], found[0]["合计（元）"]) == (
        "138****8000", "已付款", "276.00",
    )  # fmt: skip
    assert found[0]["下单（北京时间）"] == "2026-11-22 12:00"
    sent = rows_of(work_orders)[1]
    assert (sent["工单"], sent["快递单号"], sent["电话"]) == (
        str(parts[0].id), "SF1234567890123", "13800138000",
    )  # fmt: skip
    assert (sent["状态"], sent["寄出（北京时间）"]) == ("已寄出", "2026-11-22 12:00")


async def test_products_and_workshops(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    await sold(sessions, workshop, on_hand=3)
    async with sessions() as session:
        wanted = Wanted(station_id=manager.station_id, states=tuple(ProductState))
        products = rows_of(await exports.products_sheet(session, wanted))
        workshops = rows_of(await exports.workshops_sheet(session, manager))
    assert [(row["作品"], row["现有"], row["已答应"], row["可卖"]) for row in products] == [
        ("福字圆挂", "3", "1", "2")
    ]
    assert [(row["作坊"], row["在售的作品"]) for row in workshops] == [("王家木作", "1")]


async def test_whole_numbers_are_written_down_and_for_few(sessions: Sessions) -> None:
    _, manager = await one_workshop(sessions)
    seer, blind = (replace(manager, sees_phones=sees) for sees in (True, False))
    trail = select(AuditEntry).where(AuditEntry.action == "export.phones")
    with pytest.raises(NotAllowed):
        async with sessions.begin() as session:
            await exports.whole_numbers(session, blind, "orders", 3, "state=paid", NOON)
    async with sessions() as session:
        assert list(await session.scalars(trail)) == []
    async with sessions.begin() as session:
        await exports.whole_numbers(session, seer, "orders", 3, "state=paid", NOON)
    async with sessions() as session:
        [entry] = await session.scalars(trail)
    assert (entry.subject, entry.subject_id) == ("stations", manager.station_id)
    assert entry.after == {"what": "orders", "rows": 3, "filters": "state=paid"}


async def test_too_long_a_list_is_refused_with_a_word(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    for _ in range(3):
        await sold(sessions, workshop)
    async with sessions() as session:
        with pytest.raises(TooManyRows) as refusal:
            await exports.orders_sheet(
                session, OrdersWanted(manager.station_id), whole=False, most=2
            )
    assert "超过 2 行了" in refusal.value.text
