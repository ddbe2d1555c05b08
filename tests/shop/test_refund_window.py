"""How long money can go back, and which promises outlast it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from catalog.db import Sessions
from catalog.models import Product
from shop.models import Order, Payment, Trouble, WorkOrder, WorkOrderState
from shop.refund_window import (
    Verdict,
    order_verdicts,
    outlook,
    refund_until,
    verdict,
    verdict_until,
    warn,
)
from shop.troubles import TroubleKind, close
from tests.making import NOON, act, make_product
from tests.shop.sales import look, order, pay, staff, want

PAID_ON = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("method", "paid_at", "until"),
    [
        ("alipay", NOON, date(2027, 2, 20)),
        ("wechat_pay", NOON, date(2027, 5, 21)),
        ("card", NOON, date(2027, 5, 21)),
        # The evening before in UTC is the same day in Beijing.
        ("alipay", datetime(2026, 11, 21, 16, 0, tzinfo=UTC), date(2027, 2, 20)),
        ("alipay", datetime(2026, 11, 21, 15, 59, tzinfo=UTC), date(2027, 2, 19)),
        ("offline", NOON, None),
        ("", NOON, None),
    ],
)
def test_each_way_of_paying_has_its_last_day(
    method: str, paid_at: datetime, until: date | None
) -> None:
    assert refund_until(method, paid_at) == until


@pytest.mark.parametrize(
    ("days", "method", "found"),
    [
        (0, "alipay", Verdict.GREEN),
        (55, "alipay", Verdict.GREEN),
        (56, "alipay", Verdict.AMBER),
        (69, "alipay", Verdict.AMBER),
        (70, "alipay", Verdict.RED),
        (145, "wechat_pay", Verdict.GREEN),
        (146, "card", Verdict.AMBER),
        (160, "wechat_pay", Verdict.RED),
        (999, "offline", Verdict.GREEN),
    ],
)
def test_a_promise_is_held_against_the_window(days: int, method: str, found: Verdict) -> None:
    assert verdict(PAID_ON + timedelta(days=days), method, PAID_ON) == found
    assert verdict_until(PAID_ON + timedelta(days=days), refund_until(method, NOON)) == found


def test_a_product_is_judged_by_the_way_that_ends_first() -> None:
    assert [outlook(days) for days in (0, 55, 56, 69, 70, 400)] == [
        Verdict.GREEN,
        Verdict.GREEN,
        Verdict.AMBER,
        Verdict.AMBER,
        Verdict.RED,
        Verdict.RED,
    ]


async def sold(
    sessions: Sessions, product: Product, until: date | None, promised_on: date | None = None
) -> Order:
    """A paid order whose money can go back until a day."""
    placed = await pay(sessions, await order(sessions, want(product)))
    async with sessions.begin() as session:
        payment = await session.get_one(Payment, placed.payments[-1].id)
        payment.refund_until = until
        part = await session.get_one(WorkOrder, placed.work_orders[0].id)
        part.promised_on = promised_on
    return await look(sessions, placed)


async def troubles(sessions: Sessions) -> list[Trouble]:
    async with sessions() as session:
        return list(await session.scalars(select(Trouble).order_by(Trouble.id)))


async def warn_on(sessions: Sessions, day: date) -> int:
    at = datetime(day.year, day.month, day.day, 1, tzinfo=UTC)
    async with sessions.begin() as session:
        return await warn(session, at)


async def finish(sessions: Sessions, placed: Order) -> None:
    async with sessions.begin() as session:
        part = await session.get_one(WorkOrder, placed.work_orders[0].id)
        part.state = WorkOrderState.DELIVERED


async def test_the_desk_is_told_two_weeks_before_and_once(sessions: Sessions) -> None:
    until = date(2027, 2, 20)
    placed = await sold(sessions, await make_product(sessions), until)
    assert await warn_on(sessions, until - timedelta(days=15)) == 0
    assert await troubles(sessions) == []
    assert await warn_on(sessions, until - timedelta(days=14)) == 1
    assert await warn_on(sessions, until - timedelta(days=13)) == 0
    [trouble] = await troubles(sessions)
    assert (trouble.kind, trouble.subject, trouble.order_id, trouble.station_id) == (
        TroubleKind.REFUND_WINDOW,
        f"payment:{placed.payments[-1].id}",
        placed.id,
        placed.station_id,
    )
    assert trouble.text == f"订单 {placed.code} 还没有完，2月20日以后钱退不回原路，还有 14 天。"


async def test_what_a_person_has_seen_to_is_not_told_again(sessions: Sessions) -> None:
    until = date(2027, 2, 20)
    product = await make_product(sessions)
    await sold(sessions, product, until)
    await warn_on(sessions, until)
    [trouble] = await troubles(sessions)
    manager = act(await staff(sessions, product))
    async with sessions.begin() as session:
        await close(session, manager, trouble.id, "跟买家说好了，愿意等", NOON)
    assert await warn_on(sessions, until + timedelta(days=1)) == 0
    [closed] = await troubles(sessions)
    assert closed.closed_at == NOON


async def test_a_finished_order_needs_no_warning(sessions: Sessions) -> None:
    until = date(2027, 2, 20)
    product = await make_product(sessions)
    placed = await sold(sessions, product, until)
    await sold(sessions, product, None)
    await warn_on(sessions, until + timedelta(days=2))
    [trouble] = await troubles(sessions)
    assert trouble.text.endswith("2月20日以后钱退不回原路，已经过了。")
    await finish(sessions, placed)
    assert await warn_on(sessions, until + timedelta(days=3)) == 0
    [trouble] = await troubles(sessions)
    assert (trouble.closed_by, trouble.closing) == (None, "自己好了")


async def test_only_what_is_not_finished_is_amber_or_red(sessions: Sessions) -> None:
    late = await sold(sessions, await make_product(sessions), date(2027, 2, 20), date(2027, 2, 1))
    part = late.work_orders[0].id
    assert order_verdicts(late.work_orders, late.payments) == {part: Verdict.RED}
    await finish(sessions, late)
    done = await look(sessions, late)
    assert order_verdicts(done.work_orders, done.payments) == {}
