"""Buyers' whole numbers: who sees them, and that each look is written down."""

from typing import Any

import pytest
from sqlalchemy import select

from catalog.db import Sessions
from catalog.errors import NotAllowed, NotFound
from catalog.models import AuditEntry, Role
from catalog.words import covered_on_paper, covered_phone
from shop import work_steps
from shop.models import Notice, Order, WorkOrder
from shop.orders import history_of
from shop.phones import see_notice_phone, see_order_phone, see_parcel_phone
from shop.work_orders import work_order_for
from tests.making import BUYER, NOON, act, make_member, make_product, make_station
from tests.shop.pages.family import make_family, order_paid
from tests.shop.sales import look, order, pay, staff, want

STAFF = [role for role in Role if role != Role.ARTISAN]


async def seen(sessions: Sessions) -> list[tuple[str, str, int | None, Any]]:
    async with sessions() as session:
        query = select(AuditEntry).where(AuditEntry.action.endswith("phone_seen"))
        rows = await session.scalars(query.order_by(AuditEntry.id))
        return [(row.action, row.subject, row.member_id, row.after) for row in rows]


def test_of_a_covered_number_three_and_four_digits_are_left() -> None:
    assert covered_phone("13800138000") == "138****8000"


def test_on_paper_three_and_two_digits_are_left() -> None:
    assert [covered_on_paper(n) for n in ("13800138000", "09370000000", "093700000001")] == [
        "138******00", "093******00", "093*******01",
    ]  # fmt: skip


async def test_an_orders_number_is_for_those_with_the_right(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed = await pay(sessions, await order(sessions, want(product)))
    shown = {}
    for role in STAFF:
        member = await staff(sessions, product, role)
        try:
            async with sessions.begin() as session:
                shown[role] = see_order_phone(session, act(member), placed, NOON)
        except NotAllowed:
            continue
    assert shown == {Role.MANAGER: BUYER["phone"], Role.ORDER_DESK: BUYER["phone"]}
    assert [entry[:2] for entry in await seen(sessions)] == [("order.phone_seen", "orders")] * 2
    async with sessions() as session:
        history = await history_of(session, await look(sessions, placed))
    assert [(told.who, told.entry.action, told.for_whom) for told in history] == [
        ("manager", "order.phone_seen", ""),
        ("order_desk", "order.phone_seen", ""),
    ]


async def test_a_family_sees_it_while_it_sends_the_parcel(sessions: Sessions) -> None:
    family = await make_family(sessions)
    product = await make_product(sessions, family.workshop)
    part = await order_paid(sessions, (product, 1))
    artisan = act(family.artisan)
    shown = {}

    async def look_now(state: str) -> None:
        try:
            async with sessions.begin() as session:
                work_order = await work_order_for(session, artisan, part.id)
                shown[state] = see_parcel_phone(session, artisan, work_order, NOON)
        except NotAllowed:
            shown[state] = ""

    await look_now("new")
    for step, more in (("accept", ()), ("start", ()), ("ready", ()), ("ship", ("顺丰速运", "SF1234567890123")), ("deliver", ())):  # fmt: skip
        async with sessions.begin() as session:
            await getattr(work_steps, step)(session, artisan, part.id, *more, NOON)
        await look_now(step)
    assert [state for state, number in shown.items() if number == BUYER["phone"]] == [
        "accept", "start", "ready", "ship",
    ]  # fmt: skip
    about = ("order.phone_seen", "orders", artisan.member_id, {"work_order": part.id})
    assert await seen(sessions) == [about] * 4


async def test_a_call_to_a_buyer_is_written_down_with_its_order_or_alone(
    sessions: Sessions,
) -> None:
    product = await make_product(sessions)
    placed = await order(sessions, want(product))
    desk = act(await staff(sessions, product, Role.ORDER_DESK))
    host = act(await staff(sessions, product, Role.HOST))
    other = act(await make_member(sessions, await make_station(sessions, "b"), Role.MANAGER))
    async with sessions.begin() as session:
        about = {
            "station_id": placed.station_id,
            "kind": "test",
            "text": "打电话",
            "created_at": NOON,
        }
        of_order = Notice(**about, phone="13800138000", order_id=placed.id)
        of_waiter = Notice(**about, phone="13900139000")
        of_family = Notice(**about)
        session.add_all([of_order, of_waiter, of_family])
    for actor, notice, error in (
        (host, of_order, NotAllowed),
        (host, of_waiter, NotAllowed),
        (other, of_waiter, NotFound),
        (desk, of_family, NotFound),
    ):
        with pytest.raises(error):
            async with sessions.begin() as session:
                await see_notice_phone(session, actor, notice.id, NOON)
    assert await seen(sessions) == []
    async with sessions.begin() as session:
        for notice, number in ((of_order, "13800138000"), (of_waiter, "13900139000")):
            assert (await see_notice_phone(session, desk, notice.id, NOON)).phone == number
    assert await seen(sessions) == [
        ("order.phone_seen", "orders", desk.member_id, None),
        ("notice.phone_seen", "notices", desk.member_id, {"text": "打电话"}),
    ]
    async with sessions() as session:
        assert len(list(await session.scalars(select(Order)))) == 1
        assert len(list(await session.scalars(select(WorkOrder)))) == 1
