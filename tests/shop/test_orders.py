"""Orders found, and what the desk sees of one."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from catalog.db import Sessions
from catalog.errors import NotFound
from catalog.models import Role
from shop import work_steps
from shop.models import Order, OrderState
from shop.orders import (
    OrdersWanted,
    find_orders,
    history_of,
    order_for,
    postings_of,
)
from tests.making import BUYER, NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.sales import order, pay, staff, want


async def found(sessions: Sessions, station_id: int, **wanted: Any) -> list[int]:
    async with sessions() as session:
        rows, after = await find_orders(session, OrdersWanted(station_id, **wanted))
    assert after is None
    return [row.id for row in rows]


async def three_orders(sessions: Sessions) -> list[Order]:
    station = await make_station(sessions)
    fortune, crane = [
        await make_product(
            sessions, await make_workshop(sessions, station, family), on_hand=9, name=name
        )
        for family, name in (("祁家木雕", "福字圆挂"), ("马家木雕", "驼铃方屏"))
    ]
    buyers = [
        {**BUYER, "name": "王芳", "phone": "13800138000"},
        {**BUYER, "name": "李强 Lee", "phone": "13912345678"},
        {**BUYER, "name": "王小明", "phone": "13912345679"},
    ]
    both = (want(fortune), want(crane))
    return [
        await order(sessions, want(fortune), buyer=buyers[0]),
        await order(sessions, *both, buyer=buyers[1]),
        await pay(sessions, await order(sessions, want(crane), buyer=buyers[2])),
    ]


async def test_orders_are_found_by_code_name_phone_and_product(sessions: Sessions) -> None:
    first, second, third = await three_orders(sessions)
    station = first.station_id
    every = [third.id, second.id, first.id]
    assert await found(sessions, station) == every
    assert await found(sessions, station, words=first.code.lower()) == [first.id]
    assert await found(sessions, station, words=f"{first.code[:4]}-{first.code[4:]}") == [first.id]
    assert await found(sessions, station, words="王") == [third.id, first.id]
    assert await found(sessions, station, words="lee") == [second.id]
    assert await found(sessions, station, words="5678") == [second.id]
    assert await found(sessions, station, words="13912345679") == [third.id]
    assert await found(sessions, station, words="678") == []
    assert await found(sessions, station, words="圆挂") == [second.id, first.id]
    assert await found(sessions, station, words="王 圆挂 8000") == [first.id]
    assert await found(sessions, station, words="王 方屏") == [third.id]
    assert await found(sessions, station, words="马家") == [third.id, second.id]
    assert await found(sessions, station, words="王 马家") == [third.id]
    assert await found(sessions, station, words="李 王") == []
    assert await found(sessions, station, words="%") == []
    assert await found(sessions, station, words="_") == []
    assert await found(sessions, station, words="\x00\ud800") == every
    assert await found(sessions, station + 1) == []


async def test_orders_are_found_by_state_and_beijings_day(sessions: Sessions) -> None:
    first, second, third = await three_orders(sessions)
    midnight = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
    product = first.work_orders[0].lines[0].product
    before, after = [
        await order(sessions, want(product), now=midnight - timedelta(seconds=s)) for s in (1, 0)
    ]
    station = first.station_id
    assert await found(sessions, station, state=OrderState.PAID) == [third.id]
    assert await found(sessions, station, day=date(2026, 11, 23)) == [after.id]
    assert await found(sessions, station, day=date(2026, 11, 22)) == [
        before.id, third.id, second.id, first.id,
    ]  # fmt: skip


async def test_pages_of_orders_follow_each_other(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=9)
    placed = [(await order(sessions, want(product))).id for _ in range(5)]
    seen: list[list[int]] = []
    before = None
    while before is not None or not seen:
        async with sessions() as session:
            wanted = OrdersWanted(product.station_id, before=before, most=2)
            rows, before = await find_orders(session, wanted)
        seen.append([row.id for row in rows])
    assert seen == [placed[:2:-1], placed[2:0:-1], placed[:1]]


async def test_an_order_is_opened_by_its_own_station(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed = await pay(sessions, await order(sessions, want(product)))
    finance = act(await staff(sessions, product, Role.FINANCE))
    other = await make_member(sessions, await make_station(sessions, "other"), Role.MANAGER)
    async with sessions() as session:
        assert (await order_for(session, finance, placed.code.lower())).id == placed.id
        for actor, code in ((act(other), placed.code), (finance, "2222222"), (finance, "\x00")):
            with pytest.raises(NotFound):
                await order_for(session, actor, code)


async def test_an_orders_history_and_money_are_told_together(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed = await pay(sessions, await order(sessions, want(product)))
    desk = act(await staff(sessions, product, Role.ORDER_DESK))
    part = placed.work_orders[0]
    async with sessions.begin() as session:
        await work_steps.accept(session, desk, part.id, NOON)
        await work_steps.decline(session, desk, part.id, "病了", NOON)
    async with sessions() as session:
        history = await history_of(session, placed)
        postings = await postings_of(session, placed)
    assert [(t.entry.action, t.who, t.for_whom) for t in history] == [
        ("work_order.accept", "order_desk", "王家木作"),
        ("work_order.decline", "order_desk", "王家木作"),
    ]
    assert [(p.kind, [e.amount_fen for e in p.entries]) for p in postings] == [
        ("sale", [-27600, 26800, 800]),
        ("refund", [-27600, 27600]),
    ]
