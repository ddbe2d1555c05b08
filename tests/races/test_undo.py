"""A step taken back in the moment in which the parcel leaves, or the buyer cancels."""

import asyncio
from datetime import timedelta

import pytest

from catalog.access import Actor
from catalog.db import Database
from catalog.errors import NotTakenBack
from catalog.models import Product, Role
from shop import work_orders, work_steps
from shop.context import Shop
from shop.errors import WrongWorkOrderState
from shop.models import WorkOrder, WorkOrderState
from shop.undo import undo_step
from tests.making import NOON, act, make_product
from tests.shop.sales import figures, look, order, pay, refunds, staff, want

_S = WorkOrderState
ROUNDS = 6
SOON = NOON + timedelta(minutes=5)
REFUSED = (WrongWorkOrderState, NotTakenBack)


async def in_hand(shop: Shop, product: Product, actor: Actor, *steps: str) -> WorkOrder:
    """A paid work order of one finished piece, so many steps on."""
    sessions = shop.database.writing
    placed = await pay(sessions, await order(sessions, want(product)))
    async with sessions.begin() as session:
        for step in steps:
            await getattr(work_steps, step)(session, actor, placed.work_orders[0].id, NOON)
    return (await look(sessions, placed)).work_orders[0]


async def undo(shop: Shop, actor: Actor, work_order: WorkOrder, step: str) -> bool:
    try:
        async with shop.database.writing.begin() as session:
            await undo_step(session, actor, work_order.id, step, SOON)
    except REFUSED:
        return False
    return True


async def ship(shop: Shop, actor: Actor, work_order: WorkOrder) -> bool:
    try:
        async with shop.database.writing.begin() as session:
            parcel = ("邮政快递", "9876543210123")
            await work_steps.ship(session, actor, work_order.id, *parcel, SOON)
    except REFUSED:
        return False
    return True


async def cancel(shop: Shop, token: str, work_order: WorkOrder) -> bool:
    try:
        async with shop.database.writing.begin() as session:
            await work_steps.cancel_for_buyer(session, token, work_order.id, SOON)
    except REFUSED:
        return False
    return True


async def state(shop: Shop, work_order: WorkOrder) -> WorkOrderState:
    async with shop.database.reading() as session:
        return (await session.get_one(WorkOrder, work_order.id)).state


async def test_what_is_sent_was_not_taken_back_to_before_it_was_accepted(
    shops: list[Shop],
) -> None:
    sessions = shops[0].database.writing
    product = await make_product(sessions, on_hand=ROUNDS)
    actor, sent = act(await staff(sessions, product, Role.ORDER_DESK)), 0
    for n in range(ROUNDS):
        here, there = shops if n % 2 else shops[::-1]
        work_order = await in_hand(here, product, actor, "accept")
        took, left = await asyncio.gather(
            undo(here, actor, work_order, "accept"), ship(there, actor, work_order)
        )
        assert (took, left) in {(True, False), (False, True)}
        assert await state(here, work_order) == (_S.NEW if took else _S.SHIPPED)
        sent += left
    assert await figures(sessions, product) == [(ROUNDS - sent, ROUNDS - sent)]


async def test_a_cancelled_work_order_is_not_brought_back(shops: list[Shop]) -> None:
    sessions = shops[0].database.writing
    product = await make_product(sessions, on_hand=ROUNDS)
    actor = act(await staff(sessions, product, Role.ORDER_DESK))
    for n in range(ROUNDS):
        here, there = shops if n % 2 else shops[::-1]
        work_order = await in_hand(here, product, actor, "accept")
        async with sessions() as session:
            token = (await work_orders.work_order_for(session, actor, work_order.id)).order.token
        _, gone = await asyncio.gather(
            undo(here, actor, work_order, "accept"), cancel(there, token, work_order)
        )
        assert gone
        assert await state(here, work_order) == _S.CANCELLED
        assert len(await refunds(sessions)) == n + 1
    assert await figures(sessions, product) == [(ROUNDS, 0)]


async def undo_naively(database: Database, work_order: WorkOrder, looked: asyncio.Barrier) -> None:
    """Is it still accepted? Then it is new again."""
    async with database.reading() as session:
        before = (await session.get_one(WorkOrder, work_order.id)).state
    await looked.wait()
    await looked.wait()
    if before == _S.ACCEPTED:
        async with database.writing.begin() as session:
            (await session.get_one(WorkOrder, work_order.id)).state = _S.NEW


async def cancel_between(
    shop: Shop, token: str, work_order: WorkOrder, looked: asyncio.Barrier
) -> None:
    await looked.wait()
    assert await cancel(shop, token, work_order)
    await looked.wait()


async def test_the_naive_way_brings_back_what_was_refunded(shops: list[Shop]) -> None:
    sessions = shops[0].database.writing
    product = await make_product(sessions, on_hand=1)
    actor = act(await staff(sessions, product, Role.ORDER_DESK))
    work_order = await in_hand(shops[0], product, actor, "accept")
    async with sessions() as session:
        token = (await work_orders.work_order_for(session, actor, work_order.id)).order.token
    looked = asyncio.Barrier(2)
    await asyncio.gather(
        undo_naively(shops[0].database, work_order, looked),
        cancel_between(shops[1], token, work_order, looked),
    )
    assert await state(shops[0], work_order) == _S.NEW
    assert len(await refunds(sessions)) == 1


@pytest.mark.parametrize("step", ["start", "ready"])
async def test_two_who_take_back_one_step_take_back_one(shops: list[Shop], step: str) -> None:
    sessions = shops[0].database.writing
    product = await make_product(sessions, on_hand=1)
    actor = act(await staff(sessions, product, Role.ORDER_DESK))
    steps = ("accept", "start", "ready")[: 2 if step == "start" else 3]
    work_order = await in_hand(shops[0], product, actor, *steps)
    assert await asyncio.gather(*(undo(shop, actor, work_order, step) for shop in shops)) == [
        True,
        True,
    ]
    assert await state(shops[0], work_order) == (_S.ACCEPTED if step == "start" else _S.MAKING)
