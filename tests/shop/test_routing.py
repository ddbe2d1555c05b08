"""A paid order is told to each of its workshops once."""

import asyncio

from sqlalchemy import select

from catalog import outbox
from catalog.db import Sessions
from shop import routing
from shop.models import Notice
from tests.making import (
    NOON,
    make_product,
)
from tests.shop.sales import (
    jobs,
    look,
    order,
    pay,
    two_workshops,
    want,
)


async def route(sessions: Sessions, job_id: int, order_id: int) -> None:
    async with sessions.begin() as session:
        await routing.route_orders(session, {job_id: order_id}, NOON)


async def notices(sessions: Sessions) -> list[tuple[int | None, str]]:
    async with sessions() as session:
        rows = await session.scalars(select(Notice).order_by(Notice.workshop_id))
        return [(row.workshop_id, row.text) for row in rows]


async def test_each_workshop_is_told_of_its_part_once(sessions: Sessions) -> None:
    low, high = await two_workshops(sessions)
    placed = await pay(sessions, await order(sessions, want(low, 2), want(high, 2)))
    (job,) = await jobs(sessions)
    expected = [(product.workshop_id, "有新工单：福字圆挂 ×2") for product in (high, low)]
    for _ in range(2):
        await route(sessions, job.id, placed.id)
        assert await notices(sessions) == expected
    assert await jobs(sessions) == []
    done = await look(sessions, placed)
    assert [part.routed_at for part in done.work_orders] == [NOON, NOON]


async def test_two_jobs_for_one_order_tell_each_workshop_once(sessions: Sessions) -> None:
    low, high = await two_workshops(sessions)
    placed = await pay(sessions, await order(sessions, want(low), want(high)))
    async with sessions.begin() as session:
        outbox.add(session, "shop.route_order", NOON, order_id=placed.id)
    both = await jobs(sessions)
    await asyncio.gather(*(route(sessions, job.id, placed.id) for job in both))
    assert len(await notices(sessions)) == 2
    assert await jobs(sessions) == []


async def test_an_order_that_is_not_paid_tells_nobody(sessions: Sessions) -> None:
    placed = await order(sessions, want(await make_product(sessions)))
    async with sessions.begin() as session:
        outbox.add(session, "shop.route_order", NOON, order_id=placed.id)
        outbox.add(session, "shop.route_order", NOON, order_id=10**6)
    for job, order_id in zip(await jobs(sessions), (placed.id, 10**6), strict=True):
        await route(sessions, job.id, order_id)
    assert await notices(sessions) == []
    assert await jobs(sessions) == []
