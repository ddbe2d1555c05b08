"""What the desk is told at the start of a day."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from catalog.db import Sessions
from catalog.errors import NotAllowed, NotFound
from catalog.models import AuditEntry, Role
from shop import routing, today, work_steps
from shop.models import Notice, Order
from tests.making import NOON, act, make_member, make_product, make_station
from tests.shop.sales import jobs, order, pay, staff, two_workshops, want

DAY = date(2026, 11, 22)
MIDNIGHT = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
"""When that day begins in Beijing."""


async def route(sessions: Sessions, placed: Order) -> None:
    job = (await jobs(sessions, "shop.route_order"))[-1]
    async with sessions.begin() as session:
        await routing.route_orders(session, {job.id: placed.id}, NOON)


async def test_a_day_counts_what_was_paid_between_its_midnights(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=20)
    second = timedelta(seconds=1)
    for quantity, at in (
        (1, MIDNIGHT - second),
        (2, MIDNIGHT),
        (3, MIDNIGHT + timedelta(days=1) - second),
        (4, MIDNIGHT + timedelta(days=1)),
    ):
        await pay(sessions, await order(sessions, want(product, quantity), now=at), now=at)
    await order(sessions, want(product, 5))
    other = await make_station(sessions, "other")
    async with sessions() as session:
        sold = await today.takings(session, product.station_id, DAY)
        nothing = await today.takings(session, other.id, DAY)
    assert sold == today.Takings(orders=2, total_fen=5 * 26800 + 2 * 800, pieces=5)
    assert nothing == today.Takings(orders=0, total_fen=0, pieces=0)


async def test_work_waits_until_the_family_has_answered(sessions: Sessions) -> None:
    first, second = await two_workshops(sessions)
    manager = act(await staff(sessions, first))
    later = await pay(sessions, await order(sessions, want(first)), now=NOON + timedelta(hours=1))
    early = await pay(sessions, await order(sessions, want(first), want(second)))
    await order(sessions, want(second))
    async with sessions() as session:
        waiting = await today.unanswered(session, first.station_id)
    parts = [part.id for part in (*early.work_orders, *later.work_orders)]
    assert [work_order.id for work_order in waiting] == parts
    async with sessions.begin() as session:
        await work_steps.accept(session, manager, parts[0], NOON)
    async with sessions() as session:
        waiting = await today.unanswered(session, first.station_id)
    assert [work_order.id for work_order in waiting] == parts[1:]


async def test_a_call_is_taken_by_who_makes_it(sessions: Sessions) -> None:
    product = await make_product(sessions)
    await route(sessions, await pay(sessions, await order(sessions, want(product))))
    desk, manager = [
        act(await staff(sessions, product, r)) for r in (Role.ORDER_DESK, Role.MANAGER)
    ]
    stranger = act(await make_member(sessions, await make_station(sessions, "other"), Role.MANAGER))
    for actor, refusal in (
        (stranger, NotFound),
        (act(await staff(sessions, product, Role.FINANCE)), NotAllowed),
    ):
        with pytest.raises(refusal):
            async with sessions.begin() as session:
                await today.take_notice(session, actor, 1, NOON)
    for actor in (desk, desk, manager):
        async with sessions.begin() as session:
            await today.take_notice(session, actor, 1, NOON)
    async with sessions() as session:
        taken = await session.get_one(Notice, 1)
        query = select(AuditEntry).where(AuditEntry.action == "notice.take")
        entries = list(await session.scalars(query.order_by(AuditEntry.id)))
    assert (taken.owner_id, taken.done_at) == (manager.member_id, None)
    assert [(entry.before, entry.member_id) for entry in entries] == [
        ({"owner": None}, desk.member_id),
        ({"owner": desk.member_id}, manager.member_id),
    ]


async def test_a_call_is_made_once_and_by_somebody(sessions: Sessions) -> None:
    product = await make_product(sessions)
    await route(sessions, await pay(sessions, await order(sessions, want(product))))
    desk, manager = [
        act(await staff(sessions, product, r)) for r in (Role.ORDER_DESK, Role.MANAGER)
    ]
    stranger = act(await make_member(sessions, await make_station(sessions, "other"), Role.MANAGER))
    async with sessions() as session:
        call = (await session.scalars(select(Notice))).one()
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await today.finish_notice(session, stranger, call.id, NOON)
    for actor in (desk, manager):
        async with sessions.begin() as session:
            await today.finish_notice(session, actor, call.id, NOON)
    async with sessions() as session:
        done = await session.get_one(Notice, call.id)
        entries = list(
            await session.scalars(select(AuditEntry).where(AuditEntry.action == "notice.done"))
        )
    assert (done.done_at, done.done_by) == (NOON, desk.member_id)
    assert [(e.member_id, e.subject_id) for e in entries] == [(desk.member_id, call.id)]
    assert entries[0].after == {"text": "有新工单：福字圆挂 ×1"}


async def test_the_next_order_to_run_out_comes_first(sessions: Sessions) -> None:
    product = await make_product(sessions)
    late = await order(sessions, want(product), now=NOON + timedelta(minutes=5))
    soon = await order(sessions, want(product))
    await pay(sessions, await order(sessions, want(product)))
    async with sessions() as session:
        found = await today.running_out(session, product.station_id)
    assert [row.id for row in found] == [soon.id, late.id]


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=-5), "0 分钟"),
        (timedelta(minutes=59, seconds=59), "59 分钟"),
        (timedelta(hours=1), "1 小时"),
        (timedelta(hours=47, minutes=59), "47 小时"),
        (timedelta(hours=48), "2 天"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(age: timedelta, text: str) -> None:
    assert today.age_text(age) == text
