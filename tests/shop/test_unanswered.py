"""Families that do not answer in time, and addresses that may not be found."""

from datetime import timedelta

from sqlalchemy import select

from catalog.db import Database, Sessions
from catalog.models import Member
from shop import doctor, routing, work_steps
from shop.examine.work import is_odd
from shop.models import Trouble
from shop.troubles import close
from tests.making import BUYER, NOON, act, make_product
from tests.shop.sales import jobs, order, pay, staff, want


async def told(sessions: Sessions) -> list[tuple[str, str, bool]]:
    """Kind, subject and whether it is open, of every trouble."""
    async with sessions() as session:
        rows = await session.scalars(select(Trouble).order_by(Trouble.id))
        return [(row.kind, row.subject, row.closed_at is None) for row in rows]


async def routed(database: Database, detail: str = BUYER["detail"]) -> tuple[int, int, Member]:
    """An order at noon whose family was told: its id, its work order's, and a manager."""
    sessions = database.writing
    product = await make_product(sessions)
    placed = await order(sessions, want(product), buyer={**BUYER, "detail": detail})
    await pay(sessions, placed, NOON)
    (job,) = await jobs(sessions)
    async with sessions.begin() as session:
        await routing.route_orders(session, {job.id: placed.id}, NOON)
    return placed.id, placed.work_orders[0].id, await staff(sessions, product)


async def test_a_family_that_does_not_answer_in_time_is_told_to_the_desk(
    database: Database,
) -> None:
    _, part_id, manager = await routed(database)
    late = NOON + timedelta(days=2)
    await doctor.watch(database, late - timedelta(seconds=1))
    assert await told(database.writing) == []
    for _ in range(2):
        await doctor.watch(database, late)
        assert await told(database.writing) == [("no_answer", f"work_order:{part_id}", True)]
    async with database.writing.begin() as session:
        await work_steps.accept(session, act(manager), part_id, late)
    await doctor.watch(database, late)
    assert await told(database.writing) == [("no_answer", f"work_order:{part_id}", False)]


async def test_what_a_person_has_closed_is_not_told_again(database: Database) -> None:
    order_id, _, manager = await routed(database, detail="随便")
    await doctor.watch(database, NOON)
    assert await told(database.writing) == [("address_odd", f"order:{order_id}", True)]
    async with database.writing.begin() as session:
        (trouble,) = await session.scalars(select(Trouble))
        await close(session, act(manager), trouble.id, "问过了，地址对", NOON)
    await doctor.watch(database, NOON)
    assert await told(database.writing) == [("address_odd", f"order:{order_id}", False)]


def test_an_address_names_a_number_or_a_village() -> None:
    for found in ("东岗西路 1 号", "红崖村三组", "幸福小区 5-2-301", "清水驿乡李家庄"):
        assert not is_odd(found)
    for lost in ("城里", "你看着办吧", "aaaaaaaa", "……………"):
        assert is_odd(lost)
