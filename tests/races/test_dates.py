"""Days promised and answered in one moment, through two shops on one database."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select, update

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Refusal
from catalog.models import Kind, Product, Workshop
from shop import work_steps
from shop.buying import order_pieces
from shop.context import Shop
from shop.dates import cancel_for_date, change_date, changes_of, keep_date
from shop.errors import WorkshopFull
from shop.models import Order, Refund, WorkOrder
from shop.promise import queues
from tests.making import NOON, act, make_product, make_station, make_workshop
from tests.shop.sales import look, order, pay, request_for, staff, want

TODAY = date(2026, 11, 22)
DAY = timedelta(days=1)
BUYERS = 6


async def plate_of(sessions: Sessions, *, capacity: int) -> Product:
    """A plate of three days, of a family that takes on so many."""
    workshop = await make_workshop(sessions, await make_station(sessions))
    async with sessions.begin() as session:
        family = update(Workshop).where(Workshop.id == workshop.id)
        await session.execute(family.values(capacity_days=capacity))
    return await make_product(
        sessions, workshop, name="竖匾", kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3
    )


async def promised(sessions: Sessions) -> list[date | None]:
    async with sessions() as session:
        return list(await session.scalars(select(WorkOrder.promised_on).order_by(WorkOrder.id)))


async def test_of_six_who_order_the_last_days_at_once_two_get_them(shops: list[Shop]) -> None:
    sessions = shops[0].database.writing
    plate = await plate_of(sessions, capacity=7)

    async def buy(n: int) -> bool:
        try:
            await order_pieces(shops[n % 2], request_for(want(plate)), f"browser {n}", NOON)
        except WorkshopFull:
            return False
        return True

    outcomes = await asyncio.gather(*(buy(n) for n in range(BUYERS)))
    assert sorted(outcomes) == [False] * 4 + [True] * 2
    assert sorted(await promised(sessions), key=str) == [TODAY + 3 * DAY, TODAY + 6 * DAY]


async def test_looking_without_the_lock_promises_all_of_them_the_same_days(
    shops: list[Shop],
) -> None:
    """The twin of the test above: each looks, then each writes down what it saw."""
    sessions = shops[0].database.writing
    plate = await plate_of(sessions, capacity=7)
    # One after the other and late: they wait for their money, so they keep no days yet.
    placed = [await order(sessions, want(plate)) for _ in range(2)]
    async with sessions.begin() as session:
        ids = [one.work_orders[0].id for one in placed]
        gone = update(WorkOrder).where(WorkOrder.id.in_(ids)).values(state="cancelled")
        await session.execute(gone)
    looked = asyncio.Barrier(2)

    async def naive(shop: Shop, part_id: int) -> None:
        async with shop.database.reading() as session:
            queue = (await queues(session, [plate.workshop_id], TODAY))[plate.workshop_id]
        await looked.wait()
        async with shop.database.writing.begin() as session:
            found = update(WorkOrder).where(WorkOrder.id == part_id)
            facts: dict[str, Any] = {"state": "waiting", "promised_on": queue.promise(3, TODAY)}
            await session.execute(found.values(**facts))

    await asyncio.gather(*(naive(shop, part) for shop, part in zip(shops, ids, strict=True)))
    assert await promised(sessions) == [TODAY + 3 * DAY] * 2


async def asked(sessions: Sessions) -> tuple[Order, int, Actor]:
    """A paid order that is accepted, a question about its date, and the desk."""
    plate = await plate_of(sessions, capacity=0)
    placed = await pay(sessions, await order(sessions, want(plate)))
    desk = act(await staff(sessions, plate))
    part = placed.work_orders[0].id
    async with sessions.begin() as session:
        await work_steps.accept(session, desk, part, NOON)
        change = await change_date(session, desk, part, TODAY + 9 * DAY, "", NOON)
    return placed, change.id, desk


async def take(sessions: Sessions, step: Callable[..., Awaitable[object]], *asked: object) -> bool:
    try:
        async with sessions.begin() as session:
            await step(session, *asked, NOON)
    except Refusal:
        return False
    return True


async def how_it_ended(sessions: Sessions, placed: Order) -> tuple[str, str, int]:
    """The work order's state, the question's, and how many refunds there are."""
    part = (await look(sessions, placed)).work_orders[0]
    async with sessions() as session:
        (change,) = await changes_of(session, [part.id])
        refunds = len(list(await session.scalars(select(Refund.id))))
    return part.state.value, change.state.value, refunds


async def test_of_two_answers_at_once_one_counts(shops: list[Shop]) -> None:
    one, other = [shop.database.writing for shop in shops]
    placed, change_id, _ = await asked(one)
    kept, cancelled = await asyncio.gather(
        take(one, keep_date, placed.token, change_id),
        take(other, cancel_for_date, placed.token, change_id),
    )
    assert kept != cancelled
    ended = ("accepted", "kept", 0) if kept else ("cancelled", "cancelled", 1)
    assert await how_it_ended(one, placed) == ended


async def test_a_parcel_that_leaves_and_a_buyer_who_cancels_do_not_both_win(
    shops: list[Shop],
) -> None:
    one, other = [shop.database.writing for shop in shops]
    placed, change_id, desk = await asked(one)
    part = placed.work_orders[0].id
    shipped, cancelled = await asyncio.gather(
        take(one, work_steps.ship, desk, part, "顺丰", "SF1234567890"),
        take(other, cancel_for_date, placed.token, change_id),
    )
    assert shipped != cancelled
    ended = ("shipped", "asked", 0) if shipped else ("cancelled", "cancelled", 1)
    assert await how_it_ended(one, placed) == ended


async def test_of_four_cancels_at_once_the_money_goes_back_once(shops: list[Shop]) -> None:
    one, other = [shop.database.writing for shop in shops]
    placed, change_id, _ = await asked(one)
    outcomes = await asyncio.gather(
        *(
            take(sessions, cancel_for_date, placed.token, change_id)
            for sessions in (one, other, one, other)
        )
    )
    assert outcomes == [True] * 4
    assert await how_it_ended(one, placed) == ("cancelled", "cancelled", 1)


async def test_two_new_days_at_once_leave_one_question(shops: list[Shop]) -> None:
    one, other = [shop.database.writing for shop in shops]
    placed, _, desk = await asked(one)
    part = placed.work_orders[0].id
    outcomes = await asyncio.gather(
        take(one, change_date, desk, part, TODAY + 12 * DAY, "湿"),
        take(other, change_date, desk, part, TODAY + 14 * DAY, "病"),
    )
    assert outcomes == [True, True]
    async with one() as session:
        changes = await changes_of(session, [part])
        promised_on = (await session.get_one(WorkOrder, part)).promised_on
    assert [change.state.value for change in changes] == ["superseded", "superseded", "asked"]
    assert promised_on == changes[-1].now_on
