"""Families that do not answer: two reminders, a name at the desk, and at last their money goes back."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from catalog.access import Actor
from catalog.db import Database, Sessions
from catalog.errors import Refusal
from catalog.models import AuditEntry, Role, Station, Workshop
from shop import doctor, routing, work_steps
from shop.errors import WrongWorkOrderState
from shop.models import (
    Notice,
    Order,
    OrderState,
    Payment,
    Refund,
    Trouble,
    WorkOrder,
    WorkOrderState,
)
from shop.reminding import see_to_unanswered
from shop.settle import request_refund
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.sales import figures, jobs, order, pay, want

# Told on Sunday at noon; a day has twelve working hours.
SIX = NOON + timedelta(hours=6)
EIGHTEEN = NOON + timedelta(days=1, hours=6)
A_DAY_WORK = NOON + timedelta(days=2)
GIVEN_UP = NOON + timedelta(days=6)
A_SECOND = timedelta(seconds=1)


async def routed(sessions: Sessions, workshop: Workshop | None = None) -> tuple[Order, int]:
    product = await make_product(sessions, workshop)
    placed = await pay(sessions, await order(sessions, want(product), now=NOON), NOON)
    job = (await jobs(sessions, "shop.route_order"))[-1]
    async with sessions.begin() as session:
        await routing.route_orders(session, {job.id: placed.id}, NOON)
    return placed, placed.work_orders[0].id


async def kinds(sessions: Sessions) -> list[str]:
    async with sessions() as session:
        rows = await session.scalars(select(Notice).order_by(Notice.id))
        return [row.kind for row in rows if row.workshop_id]


async def part(sessions: Sessions, work_order_id: int) -> WorkOrder:
    async with sessions() as session:
        return await session.get_one(WorkOrder, work_order_id)


async def artisan(sessions: Sessions, work_order_id: int) -> Actor:
    async with sessions() as session:
        work_order = await session.get_one(WorkOrder, work_order_id)
        station = await session.get_one(Station, work_order.station_id)
        workshop = await session.get_one(Workshop, work_order.workshop_id)
    return act(await make_member(sessions, station, Role.ARTISAN, workshop))


async def test_a_family_is_reminded_twice(database: Database, sessions: Sessions) -> None:
    await routed(sessions)
    for now, known in (
        (SIX - A_SECOND, ["new_work"]),
        (SIX, ["new_work", "remind"]),
        (SIX, ["new_work", "remind"]),
        # The evening's end is eight hours after noon; the next morning goes on from there.
        (EIGHTEEN - A_SECOND, ["new_work", "remind"]),
        (EIGHTEEN, ["new_work", "remind", "remind_again"]),
        (A_DAY_WORK, ["new_work", "remind", "remind_again"]),
    ):
        await see_to_unanswered(database, now)
        assert await kinds(sessions) == known


async def test_who_has_answered_is_not_reminded(database: Database, sessions: Sessions) -> None:
    _, work_order_id = await routed(sessions)
    actor = await artisan(sessions, work_order_id)
    async with sessions.begin() as session:
        await work_steps.accept(session, actor, work_order_id, NOON)
    for now in (SIX, EIGHTEEN, GIVEN_UP):
        await see_to_unanswered(database, now)
    assert await kinds(sessions) == ["new_work"]
    assert (await part(sessions, work_order_id)).state == WorkOrderState.ACCEPTED


async def test_the_trouble_is_of_whoever_looks_after_the_family(
    database: Database, sessions: Sessions
) -> None:
    station = await make_station(sessions)
    carer = await make_member(sessions, station, Role.ORDER_DESK)
    gone = await make_member(sessions, station, Role.ORDER_DESK)
    for member in (carer, gone, None):
        workshop = await make_workshop(sessions, station, f"作坊{member and member.id}")
        async with sessions.begin() as session:
            (await session.get_one(Workshop, workshop.id)).carer_id = member.id if member else None
            gone.active = False
            await session.merge(gone)
        await routed(sessions, workshop)
    await doctor.watch(database, A_DAY_WORK)
    await see_to_unanswered(database, A_DAY_WORK)
    async with sessions() as session:
        troubles = await session.scalars(select(Trouble).order_by(Trouble.id))
        assert [(t.kind, t.owner_id) for t in troubles] == [
            ("no_answer", carer.id),
            ("no_answer", None),
            ("no_answer", None),
        ]


async def test_after_three_days_of_work_all_of_it_goes_back(
    database: Database, sessions: Sessions
) -> None:
    placed, work_order_id = await routed(sessions)
    await see_to_unanswered(database, GIVEN_UP - A_SECOND)
    assert (await part(sessions, work_order_id)).state == WorkOrderState.NEW
    for _ in range(2):
        await see_to_unanswered(database, GIVEN_UP)
    declined = await part(sessions, work_order_id)
    assert (declined.state, declined.decline_reason) == ("declined", "作坊一直没有答复")
    async with sessions() as session:
        (refund,) = await session.scalars(select(Refund))
        assert (refund.amount_fen, refund.work_order_id) == (27600, work_order_id)
        assert (await session.get_one(Order, placed.id)).state == OrderState.CANCELLED
        query = select(AuditEntry).where(AuditEntry.action == "work_order.decline")
        (entry,) = await session.scalars(query)
        assert (entry.channel, entry.member_id, entry.before, entry.after) == (
            "program",
            None,
            {"state": "new"},
            {"state": "declined", "decline_reason": "作坊一直没有答复"},
        )
        (told,) = await session.scalars(select(Notice).where(Notice.phone != ""))
        assert (told.kind, told.order_id) == ("declined", placed.id)
    # As with any decline, a piece that nobody speaks for is not there to be sold.
    assert await figures(sessions, placed.work_orders[0].lines[0].product) == [(2, 0)]


async def test_a_family_that_answers_afterwards_is_told_so(
    database: Database, sessions: Sessions
) -> None:
    _, work_order_id = await routed(sessions)
    await see_to_unanswered(database, GIVEN_UP)
    actor = await artisan(sessions, work_order_id)
    with pytest.raises(WrongWorkOrderState) as refused:
        async with sessions.begin() as session:
            await work_steps.accept(session, actor, work_order_id, GIVEN_UP)
    assert refused.value.text == "六天没有答复，这张工单已经自动退单，钱在退给买家，不用做了。"


async def accepts(
    sessions: Sessions, actor: Actor, work_order_id: int, now: datetime
) -> Refusal | None:
    try:
        async with sessions.begin() as session:
            await work_steps.accept(session, actor, work_order_id, now)
    except Refusal as refusal:
        return refusal
    return None


async def test_an_answer_at_the_last_moment_wins_or_loses_whole(
    database: Database, sessions: Sessions
) -> None:
    for _ in range(4):
        workshop = await make_workshop(sessions, await station_of(sessions))
        _, work_order_id = await routed(sessions, workshop)
        actor = await artisan(sessions, work_order_id)
        refused, _ = await asyncio.gather(
            accepts(sessions, actor, work_order_id, GIVEN_UP),
            see_to_unanswered(database, GIVEN_UP),
        )
        async with sessions() as session:
            query = select(Refund).where(Refund.work_order_id == work_order_id)
            refunds = len(list(await session.scalars(query)))
        ended = (await part(sessions, work_order_id)).state
        assert (ended, refused is None, refunds) in (
            (WorkOrderState.ACCEPTED, True, 0),
            (WorkOrderState.DECLINED, False, 1),
        )


async def give_up_naively(sessions: Sessions, work_order_id: int, looked: asyncio.Barrier) -> None:
    """Has nobody answered? Then the money goes back."""
    before = (await part(sessions, work_order_id)).state
    await looked.wait()
    await looked.wait()
    if before == WorkOrderState.NEW:
        async with sessions.begin() as session:
            work_order = await session.get_one(WorkOrder, work_order_id)
            work_order.state = WorkOrderState.DECLINED
            query = select(Payment).where(Payment.order_id == work_order.order_id)
            payment = (await session.scalars(query)).one()
            amount = work_order.goods_fen + work_order.shipping_fen
            await request_refund(session, payment, "naive", work_order_id, amount, "", GIVEN_UP)


async def test_the_naive_way_gives_back_what_the_family_has_taken_on(sessions: Sessions) -> None:
    _, work_order_id = await routed(sessions)
    actor = await artisan(sessions, work_order_id)
    looked = asyncio.Barrier(2)

    async def accept_between() -> Refusal | None:
        await looked.wait()
        refused = await accepts(sessions, actor, work_order_id, GIVEN_UP)
        await looked.wait()
        return refused

    refused, _ = await asyncio.gather(
        accept_between(), give_up_naively(sessions, work_order_id, looked)
    )
    assert refused is None
    assert (await part(sessions, work_order_id)).state == WorkOrderState.DECLINED
    async with sessions() as session:
        assert len(list(await session.scalars(select(Refund)))) == 1


async def station_of(sessions: Sessions) -> Station:
    async with sessions() as session:
        found = await session.scalar(select(Station))
    return found or await make_station(sessions)
