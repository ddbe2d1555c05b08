"""Families that fall behind: who is told of it, when, and when it is over."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from catalog.closures import LOOK_JOB, close, take_back
from catalog.db import Database, Sessions
from catalog.models import Kind, Product, Role, Station, Workshop
from shop import work_steps
from shop.behind import look_again, look_each_morning, look_now
from shop.dates import change_date, changes_of
from shop.models import Notice, Order, Trouble, WorkOrder
from shop.troubles import TroubleKind
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.sales import jobs, look, order, pay, staff, want

TODAY = date(2026, 11, 22)
DAY = timedelta(days=1)


@pytest.fixture
async def plate(sessions: Sessions) -> Product:
    """A plate that takes five days."""
    workshop = await make_workshop(sessions, await make_station(sessions))
    return await make_product(
        sessions, workshop, name="竖匾", kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=5
    )


def morning(days: int) -> datetime:
    """A quarter past eight in Beijing, so many days from today."""
    return NOON.replace(hour=0, minute=15) + days * DAY


async def sell(sessions: Sessions, plate: Product, *steps: str) -> Order:
    """A paid order whose work order has taken some steps."""
    placed = await pay(sessions, await order(sessions, want(plate)))
    desk = act(await staff(sessions, plate))
    for step in steps:
        async with sessions.begin() as session:
            await getattr(work_steps, step)(session, desk, placed.work_orders[0].id, NOON)
    return await look(sessions, placed)


async def troubles(sessions: Sessions) -> list[str]:
    """What the desk is told now of work that is behind."""
    async with sessions() as session:
        query = select(Trouble.text).where(
            Trouble.kind == TroubleKind.BEHIND, Trouble.closed_at.is_(None)
        )
        return list(await session.scalars(query.order_by(Trouble.id)))


async def told(sessions: Sessions, kind: str) -> list[str]:
    async with sessions() as session:
        query = select(Notice.text).where(Notice.kind == kind).order_by(Notice.id)
        return list(await session.scalars(query))


async def part_of(sessions: Sessions, placed: Order) -> WorkOrder:
    return (await look(sessions, placed)).work_orders[0]


async def test_a_family_that_keeps_its_pace_is_never_behind(
    database: Database, sessions: Sessions, plate: Product
) -> None:
    await sell(sessions, plate, "accept", "start")
    await sell(sessions, plate, "accept")
    for day in range(1, 5):
        assert await look_each_morning(database, morning(day)) == 0
        assert await troubles(sessions) == []


async def test_one_day_late_the_desk_and_the_family_know_and_the_buyer_does_not(
    database: Database, sessions: Sessions, plate: Product
) -> None:
    placed = await sell(sessions, plate, "accept")
    assert placed.work_orders[0].promised_on == TODAY + 5 * DAY
    assert await look_each_morning(database, morning(1)) == 0
    assert await troubles(sessions) == []
    for _ in range(2):
        assert await look_each_morning(database, morning(2)) == 0
        assert await troubles(sessions) == ["王家木作：竖匾答应11月27日，照现在要到11月28日。"]
    said = ["您手上的活比答应的日子晚了：竖匾答应11月27日，照现在要到11月28日。"]
    assert await told(sessions, "behind") == said
    assert await told(sessions, "date_changed") == []
    desk = act(await staff(sessions, plate))
    async with sessions.begin() as session:
        await work_steps.start(session, desk, placed.work_orders[0].id, morning(1))
    assert await look_each_morning(database, morning(2)) == 0
    assert await troubles(sessions) == []
    async with sessions() as session:
        trouble = await session.scalar(select(Trouble))
    assert trouble is not None
    assert (trouble.closing, trouble.subject) == (
        "自己好了",
        f"work_order:{placed.work_orders[0].id}",
    )


async def test_two_days_late_the_buyer_is_told_once_for_each_slip(
    database: Database, sessions: Sessions, plate: Product
) -> None:
    placed = await sell(sessions, plate, "accept")
    told_on = [day for day in range(1, 8) if await look_each_morning(database, morning(day))]
    assert told_on == [3, 5, 7]
    assert (await part_of(sessions, placed)).promised_on == TODAY + 11 * DAY
    async with sessions() as session:
        changes = await changes_of(session, [placed.work_orders[0].id])
    assert [(one.state.value, one.was_on, one.now_on, one.made_by) for one in changes] == [
        ("superseded", TODAY + 5 * DAY, TODAY + 7 * DAY, None),
        ("superseded", TODAY + 7 * DAY, TODAY + 9 * DAY, None),
        ("asked", TODAY + 9 * DAY, TODAY + 11 * DAY, None),
    ]
    assert await look_each_morning(database, morning(7)) == 0
    assert await troubles(sessions) == []


async def test_the_second_waits_for_the_first(
    database: Database, sessions: Sessions, plate: Product
) -> None:
    first = await sell(sessions, plate, "accept", "start")
    second = await sell(sessions, plate, "accept")
    # The first should be done on the 27th; on the morning of the 29th it is not.
    assert await look_each_morning(database, morning(7)) == 2
    assert (await part_of(sessions, first)).promised_on == TODAY + 7 * DAY
    assert (await part_of(sessions, second)).promised_on == TODAY + 12 * DAY


@pytest.mark.parametrize("steps", [(), ("accept", "ready")])
async def test_what_is_not_taken_on_or_made_is_no_matter_of_the_buyers(
    database: Database, sessions: Sessions, plate: Product, steps: tuple[str, ...]
) -> None:
    placed = await sell(sessions, plate, *steps)
    assert await look_each_morning(database, morning(9)) == 0
    assert (await part_of(sessions, placed)).promised_on == TODAY + 5 * DAY
    assert len(await troubles(sessions)) == (0 if steps else 1)


async def test_what_is_not_paid_for_is_nobodys_matter(
    database: Database, sessions: Sessions, plate: Product
) -> None:
    await order(sessions, want(plate))
    assert await look_each_morning(database, morning(9)) == 0
    assert await troubles(sessions) == []


async def test_a_closure_puts_work_behind_at_once_and_taken_back_it_is_over(
    database: Database, sessions: Sessions, plate: Product
) -> None:
    placed = await sell(sessions, plate, "accept")
    desk = act(await staff(sessions, plate))
    week = (TODAY + DAY, TODAY + 7 * DAY)
    async with sessions.begin() as session:
        made = await close(session, desk, plate.workshop_id, *week, "illness", "", NOON)
    (job,) = await jobs(sessions, LOOK_JOB)
    for _ in range(2):
        await look_again(database, job.id, NOON)
    assert await troubles(sessions) == ["王家木作：竖匾答应11月27日，照现在要到12月3日。"]
    assert await told(sessions, "date_changed") == []
    assert await jobs(sessions, LOOK_JOB) == []
    async with sessions.begin() as session:
        await take_back(session, desk, made.id, NOON)
    (job,) = await jobs(sessions, LOOK_JOB)
    await look_again(database, job.id, NOON)
    assert await troubles(sessions) == []
    assert await look_each_morning(database, morning(1)) == 0
    assert (await part_of(sessions, placed)).promised_on == TODAY + 5 * DAY


async def test_a_day_that_the_desk_gives_closes_the_trouble(
    sessions: Sessions, plate: Product
) -> None:
    placed = await sell(sessions, plate, "accept")
    async with sessions.begin() as session:
        await look_now(session, morning(4))
    assert len(await troubles(sessions)) == 1
    desk = act(await staff(sessions, plate))
    async with sessions.begin() as session:
        new_on = TODAY + 9 * DAY
        await change_date(session, desk, placed.work_orders[0].id, new_on, "", morning(4))
        await look_now(session, morning(4))
    assert await troubles(sessions) == []


async def test_other_families_are_not_held_up(
    database: Database, sessions: Sessions, plate: Product
) -> None:
    async with sessions() as session:
        station = await session.get_one(Station, plate.station_id)
    other: Workshop = await make_workshop(sessions, station, "李家木雕")
    swift = await make_product(
        sessions, other, name="圆挂", kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=9
    )
    await sell(sessions, plate, "accept")
    await sell(sessions, swift, "accept", "start")
    manager = act(await make_member(sessions, station, Role.MANAGER))
    async with sessions.begin() as session:
        days = (TODAY + DAY, TODAY + 3 * DAY)
        await close(session, manager, plate.workshop_id, *days, "harvest", "", NOON)
    assert await look_each_morning(database, morning(1)) == 1
    assert (await told(sessions, "date_changed"))[0].startswith("您订的竖匾要到11月30日才能做好")
