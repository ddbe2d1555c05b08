"""Parcels: odd numbers are asked about, known ones corrected, and families do not send twice."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid, NotAllowed, NotFound
from catalog.models import AuditEntry, Role
from shop import handovers, parcels, work_steps
from shop.errors import WrongWorkOrderState
from shop.models import WorkOrder, WorkOrderState
from tests.making import NOON, act, make_member, make_station, make_workshop
from tests.shop.parcel_desk import finished, one_workshop, sold, stands
from tests.shop.sales import order, pay, staff, two_workshops, want

SF = "SF1234567890123"


async def send(
    sessions: Sessions, actor: Actor, part: WorkOrder, *parcel: str, sure: bool = False
) -> WorkOrder:
    async with sessions.begin() as session:
        return await parcels.send(session, actor, part.id, *parcel, sure, NOON)


async def correct(
    sessions: Sessions, actor: Actor, part: WorkOrder, *parcel: str, sure: bool = False
) -> WorkOrder:
    async with sessions.begin() as session:
        return await parcels.correct(session, actor, part.id, *parcel, sure, NOON)


async def test_a_number_that_is_anothers_is_asked_about_once(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    part = await finished(sessions, workshop)
    with pytest.raises(Invalid) as refusal:
        await send(sessions, manager, part, "中通", SF)
    assert refusal.value.errors == {
        "sure": "这个单号像是顺丰的，快递公司选的是中通，对吗？没写错就勾上，再按一次。"
    }
    assert (await stands(sessions, part)).state == WorkOrderState.READY
    await send(sessions, manager, part, "中通", SF, sure=True)
    now = await stands(sessions, part)
    assert (now.state, now.carrier, now.tracking) == (WorkOrderState.SHIPPED, "中通", SF)


async def test_a_number_that_nobody_knows_is_not_asked_about(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    for carrier, number in (
        ("中通", "75123456789012"),
        ("邮政快递", "1234-567"),
        ("其他", "ABCDE"),
    ):
        part = await finished(sessions, workshop)
        assert (await send(sessions, manager, part, carrier, number)).tracking == number


async def test_a_number_that_another_order_has_is_asked_about(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    first, second = await finished(sessions, workshop), await finished(sessions, workshop)
    await send(sessions, manager, first, "顺丰", SF)
    with pytest.raises(Invalid) as refusal:
        await send(sessions, manager, second, "顺丰", SF)
    code = first.order.code
    assert refusal.value.errors["sure"].startswith(f"这个单号已经写在订单 {code} 上了")
    await send(sessions, manager, second, "顺丰", SF, sure=True)
    # Neither is asked about what it has sent itself.
    assert (await send(sessions, manager, first, "顺丰", SF)).tracking == SF


async def test_two_families_of_one_order_may_share_a_parcel(sessions: Sessions) -> None:
    products = await two_workshops(sessions)
    placed = await pay(sessions, await order(sessions, *(want(product) for product in products)))
    manager = act(await staff(sessions, products[0]))
    for part in placed.work_orders:
        async with sessions.begin() as session:
            await work_steps.accept(session, manager, part.id, NOON)
        assert (await send(sessions, manager, part, "顺丰", SF)).tracking == SF


async def test_a_family_does_not_send_what_it_handed_over(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    part = await finished(sessions, workshop)
    artisan = replace(manager, role=Role.ARTISAN, workshop_id=workshop.id)
    async with sessions.begin() as session:
        await handovers.hand_over(
            session, manager, workshop.id, [part.id], "王奶奶", "1", "", "", NOON
        )
    # Sure or not, and about a number that would be asked about otherwise.
    for carrier, sure in (("顺丰", False), ("中通", False), ("顺丰", True)):
        with pytest.raises(WrongWorkOrderState) as refusal:
            await send(sessions, artisan, part, carrier, SF, sure=sure)
        assert refusal.value.text == "东西已经交给社工站了，由站里寄出。"
    assert (await stands(sessions, part)).state == WorkOrderState.READY
    assert (await send(sessions, manager, part, "顺丰", SF)).state == WorkOrderState.SHIPPED


async def test_a_number_is_corrected_on_the_way_and_the_trail_has_both(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    part = await finished(sessions, workshop)
    with pytest.raises(WrongWorkOrderState):
        await correct(sessions, manager, part, "顺丰", SF)
    await send(sessions, manager, part, "邮政快递", "9800123400001")
    with pytest.raises(Invalid):
        await correct(sessions, manager, part, "邮政快递", SF)
    assert (await stands(sessions, part)).tracking == "9800123400001"
    for _ in range(2):
        await correct(sessions, manager, part, "顺丰", SF)
    now = await stands(sessions, part)
    assert (now.carrier, now.tracking, now.state) == ("顺丰", SF, WorkOrderState.SHIPPED)
    async with sessions() as session:
        query = select(AuditEntry).where(AuditEntry.action == "work_order.parcel")
        entries = list(await session.scalars(query))
    assert [(entry.before, entry.after) for entry in entries] == [
        (
            {"carrier": "邮政快递", "tracking": "9800123400001"},
            {"carrier": "顺丰", "tracking": SF},
        )
    ]
    async with sessions.begin() as session:
        await work_steps.deliver(session, manager, part.id, NOON)
    with pytest.raises(WrongWorkOrderState):
        await correct(sessions, manager, part, "顺丰", "SF9999999999999")
    assert (await stands(sessions, part)).tracking == SF


async def test_strangers_to_a_parcel_do_not_touch_it(sessions: Sessions) -> None:
    workshop, manager = await one_workshop(sessions)
    part = await finished(sessions, workshop)
    other = await make_station(sessions, "other")
    stranger = act(await make_member(sessions, other, Role.MANAGER))
    with pytest.raises(NotFound):
        await send(sessions, stranger, part, "顺丰", SF)
    await send(sessions, manager, part, "顺丰", SF)
    with pytest.raises(NotFound):
        await correct(sessions, stranger, part, "其他", "12345")
    with pytest.raises(NotAllowed):
        await correct(sessions, replace(manager, role=Role.FINANCE), part, "其他", "12345")
    # Not even a number of theirs is told of.
    theirs = await sold(sessions, await make_workshop(sessions, other))
    async with sessions.begin() as session:
        await work_steps.accept(session, stranger, theirs.id, NOON)
    assert (await send(sessions, stranger, theirs, "顺丰", SF)).tracking == SF
    assert (await stands(sessions, part)).carrier == "顺丰"
