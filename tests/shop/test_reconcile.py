"""Our books against the rehearsal service over real HTTP: overdue payments, differences, refunds."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from catalog.db import Sessions
from catalog.errors import NotAllowed, NotFound
from catalog.models import AuditEntry, Member, Role, Station
from shop import work_steps
from shop.context import Shop
from shop.errors import WrongOrderState
from shop.models import Order, OrderState, PaymentState, RefundState, Trouble
from shop.overdue import decide_no_money, look_at_overdue
from shop.paying import open_payment, send_refund
from shop.reconcile import nightly
from shop.refunds import retry_refund
from shop.settle import REFUND_JOB
from tests.making import NOON, act, make_member, make_station
from tests.shop.sales import (
    figures,
    is_paid,
    jobs,
    look,
    order,
    refunds,
    settle_as,
    shop_of,
    two_workshops,
    want,
)
from tests.shop.test_paying import Till, opened, shop, till  # noqa: F401 - fixtures

# The imported fixtures are asked for by their names.
# ruff: noqa: F811

END = NOON + timedelta(minutes=31)
DUE = END + timedelta(minutes=2)
NIGHT = NOON + timedelta(hours=15)


async def troubles(sessions: Sessions) -> list[tuple[str, str, str]]:
    """What is open: kind, subject, words."""
    async with sessions() as session:
        query = select(Trouble).where(Trouble.closed_at.is_(None)).order_by(Trouble.id)
        return [(row.kind, row.subject, row.text) for row in await session.scalars(query)]


async def change(sessions: Sessions, statement: str, **values: Any) -> None:
    async with sessions.begin() as session:
        await session.execute(text(statement), values)


async def member_of(sessions: Sessions, placed: Any, role: Role = Role.MANAGER) -> Member:
    async with sessions() as session:
        station = await session.get_one(Station, placed.station_id)
    return await make_member(sessions, station, role)


async def paid_silently(shop: Shop, sessions: Sessions, till: Till, behaviour: str) -> Order:
    """An order that is paid for at the gateway, and here."""
    placed, url = await opened(shop, sessions)
    await till.pay(url, behaviour)
    till.at(DUE)
    assert await look_at_overdue(shop, DUE) == 1
    return await look(sessions, placed)


async def test_money_that_nobody_told_of_is_found_two_minutes_after_the_end(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        placed, url = await opened(shop, sessions)
        await till.pay(url)
        early = till.at(DUE - timedelta(seconds=1))
        assert await look_at_overdue(shop, early) == 0
        assert (await look(sessions, placed)).state == OrderState.UNPAID
        assert await look_at_overdue(shop, till.at(DUE)) == 1
        assert (await look(sessions, placed)).state == OrderState.PAID
        assert await look_at_overdue(shop, till.at(DUE)) == 0
    assert await troubles(sessions) == []


async def test_a_gateway_that_is_away_leaves_all_as_it_is(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        placed, _ = await opened(shop, sessions)
    assert await look_at_overdue(shop, DUE) == 0
    assert (await look(sessions, placed)).state == OrderState.UNPAID
    assert await troubles(sessions) == []


async def forgotten(shop: Shop, sessions: Sessions, till: Till) -> tuple[Order, str]:
    """An unpaid order whose session the gateway does not know any more, and its trouble."""
    async with till.open():
        placed, _ = await opened(shop, sessions)
        await change(sessions, "UPDATE payments SET session_id = 'cs_test_nobody'")
        for _ in range(2):
            await look_at_overdue(shop, till.at(DUE))
    return await look(sessions, placed), f"payment:{placed.payments[0].id}"


async def test_a_session_that_the_gateway_forgot_is_for_a_person_to_decide(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    placed, subject = await forgotten(shop, sessions, till)
    assert await troubles(sessions) == [
        ("payment_unreachable", subject, "¥276 不知道付了没有：付款服务说没有这笔付款。")
    ]
    assert placed.state == OrderState.UNPAID
    finance = act(await member_of(sessions, placed, Role.FINANCE))
    payment_id = placed.payments[0].id
    async with sessions.begin() as session:
        await decide_no_money(session, finance, payment_id, DUE)
    after = await look(sessions, placed)
    assert (after.state, after.payments[0].state) == (OrderState.EXPIRED, PaymentState.EXPIRED)
    assert await figures(sessions, placed.work_orders[0].lines[0].product) == [(3, 0)]
    async with sessions() as session:
        [told] = await session.scalars(
            select(AuditEntry).where(AuditEntry.action == "payment.no_money")
        )
        assert (told.member_id, told.subject, told.subject_id) == (
            finance.member_id,
            "payments",
            payment_id,
        )
    # What is left of it in the inbox goes with the next look.
    await look_at_overdue(shop, DUE)
    assert await troubles(sessions) == []


async def test_only_what_can_not_be_asked_is_decided_and_only_by_some(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        placed, _ = await opened(shop, sessions)
    payment_id = placed.payments[0].id
    manager = act(await member_of(sessions, placed))
    desk = act(await member_of(sessions, placed, Role.ORDER_DESK))
    other = act(await make_member(sessions, await make_station(sessions, "other"), Role.MANAGER))
    for actor, refusal in ((manager, WrongOrderState), (desk, NotAllowed), (other, NotFound)):
        with pytest.raises(refusal):
            async with sessions.begin() as session:
                await decide_no_money(session, actor, payment_id, DUE)
    assert (await look(sessions, placed)).payments[0].state == PaymentState.OPEN


async def test_a_gateway_that_is_not_set_up_any_more_is_told_until_it_is_again(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        placed, url = await opened(shop, sessions)
        await till.pay(url)
        await look_at_overdue(shop_of(shop.database), DUE)
        subject = f"payment:{placed.payments[0].id}"
        assert await troubles(sessions) == [
            (
                "payment_unreachable",
                subject,
                "¥276 不知道付了没有：付款服务 rehearsal 已经不在设置里。",
            )
        ]
        await look_at_overdue(shop, till.at(DUE))
    assert await troubles(sessions) == []
    assert (await look(sessions, placed)).state == OrderState.PAID


async def test_what_was_settled_otherwise_is_no_trouble_any_more(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    placed, _ = await forgotten(shop, sessions, till)
    await settle_as(sessions, placed.payments[0], is_paid(placed.payments[0]))
    await look_at_overdue(shop, DUE)
    assert await troubles(sessions) == []


async def test_books_that_agree_make_no_trouble(shop: Shop, sessions: Sessions, till: Till) -> None:
    async with till.open():
        await paid_silently(shop, sessions, till, "silent")
        await nightly(shop, till.at(NIGHT))
    assert await troubles(sessions) == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE payments SET amount_fen = 27601", "我们记的是 ¥276.01，付款服务说是 ¥276。"),
        ("UPDATE payments SET session_id = 'cs_test_nobody'", "付款服务说没有这一笔。"),
    ],
)
async def test_a_payment_that_differs_is_told_until_it_does_not(
    shop: Shop, sessions: Sessions, till: Till, statement: str, words: str
) -> None:
    async with till.open():
        placed = await paid_silently(shop, sessions, till, "silent")
        payment = placed.payments[0]
        await change(sessions, statement)
        for _ in range(2):
            await nightly(shop, till.at(NIGHT))
        found = await troubles(sessions)
        assert found[0] == ("difference", f"payment:{payment.id}", words)
        await change(
            sessions,
            "UPDATE payments SET amount_fen = 27600, session_id = :session",
            session=payment.session_id,
        )
        await nightly(shop, till.at(NIGHT))
        assert await troubles(sessions) == []
        # After three days it is not asked about any more.
        await change(sessions, statement)
        await nightly(shop, till.at(DUE + timedelta(days=3, seconds=1)))
        assert await troubles(sessions) == []


async def test_money_taken_for_received_that_was_not_is_told(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        placed, _ = await opened(shop, sessions)
        payment = (await look(sessions, placed)).payments[0]
        await change(sessions, "UPDATE payments SET state = 'succeeded', settled_at = created_at")
        await nightly(shop, till.at(NIGHT))
    assert await troubles(sessions) == [
        ("difference", f"payment:{payment.id}", "我们记了收到 ¥276，付款服务说没有付。")
    ]


async def test_money_for_what_we_gave_up_is_taken_in(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        placed, url = await opened(shop, sessions)
        await till.pay(url)
        known = await look(sessions, placed)
        await change(sessions, "UPDATE payments SET state = 'expired', settled_at = created_at")
        await change(sessions, "UPDATE orders SET state = 'expired'")
        await nightly(shop, till.at(NIGHT))
        after = await look(sessions, placed)
    assert (after.state, after.payments[0].state) == (OrderState.PAID, PaymentState.SUCCEEDED)
    assert after.payments[0].session_id == known.payments[0].session_id


async def test_money_that_is_in_no_book_of_ours_is_told(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    """As after an older copy of the database was put back."""
    async with till.open():
        placed = await paid_silently(shop, sessions, till, "silent")
        payment = placed.payments[0]
        await change(sessions, "UPDATE payments SET gateway = 'other'")
        await nightly(shop, till.at(NIGHT))
    assert await troubles(sessions) == [
        (
            "difference",
            f"intent:{payment.intent_id}",
            f"付款服务收到 ¥276（{payment.intent_id}），我们没有这笔付款。",
        )
    ]


async def test_money_that_came_by_a_session_whose_name_was_lost_is_taken_in(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        placed, url = await opened(shop, sessions)
        await till.pay(url)
        await change(sessions, "UPDATE payments SET session_id = NULL")
        await nightly(shop, till.at(NIGHT))
        after = await look(sessions, placed)
    assert (after.state, after.payments[0].session_id) == (
        OrderState.PAID,
        url.rpartition("/")[2].partition("?")[0],
    )
    assert await troubles(sessions) == []


async def declined(shop: Shop, sessions: Sessions, till: Till, behaviour: str) -> Order:
    """A paid order whose only family declined, and the refund asked for."""
    placed = await paid_silently(shop, sessions, till, behaviour)
    manager = act(await member_of(sessions, placed))
    async with sessions.begin() as session:
        await work_steps.decline(session, manager, placed.work_orders[0].id, "木头裂了", DUE)
    await send(shop, sessions, DUE)
    return placed


async def send(shop: Shop, sessions: Sessions, now: datetime) -> None:
    job = (await jobs(sessions, REFUND_JOB))[-1]
    await send_refund(shop, job.id, job.args["refund_id"], now)


async def test_a_refund_under_way_is_followed_and_one_that_differs_is_told(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        await declined(shop, sessions, till, "refund_later")
        [refund] = await refunds(sessions)
        assert refund.state == RefundState.PENDING
        await nightly(shop, till.at(NIGHT))
        [refund] = await refunds(sessions)
        assert (refund.state, refund.done_at) == (RefundState.SUCCEEDED, NIGHT)
        assert await troubles(sessions) == []
        await change(sessions, "UPDATE refunds SET state = 'failed'")
        await nightly(shop, till.at(NIGHT))
        found = await troubles(sessions)
        assert found == [
            (
                "difference",
                f"refund:{refund.id}",
                "我们记的退款没有退到，付款服务说已经退到。",
            ),
            ("refund_failed", f"refund:{refund.id}", "¥276 没有退成：木头裂了"),
        ]
        await change(sessions, "UPDATE refunds SET state = 'succeeded'")
        await nightly(shop, till.at(NIGHT))
        assert await troubles(sessions) == []
        await change(sessions, "UPDATE refunds SET amount_fen = 100")
        await nightly(shop, till.at(NIGHT))
        assert [words for *_, words in await troubles(sessions)] == [
            "我们退的是 ¥1，付款服务说是 ¥276。"
        ]


async def test_a_refund_that_waits_for_three_days_is_stuck_until_it_is_done(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        await declined(shop, sessions, till, "refund_later")
        [refund] = await refunds(sessions)
    # The gateway does not answer from here on.
    await nightly(shop, DUE + timedelta(days=3) - timedelta(seconds=1))
    assert await troubles(sessions) == []
    await nightly(shop, DUE + timedelta(days=3))
    assert await troubles(sessions) == [
        ("refund_stuck", f"refund:{refund.id}", "¥276 三天多了还没有退到：木头裂了")
    ]
    async with till.open():
        await nightly(shop, till.at(DUE + timedelta(days=4)))
    assert [row.state for row in await refunds(sessions)] == [RefundState.SUCCEEDED]
    assert await troubles(sessions) == []


async def test_a_refund_that_failed_is_asked_for_once_more(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        placed = await declined(shop, sessions, till, "refund_fails")
        await nightly(shop, till.at(NIGHT))
        [refund] = await refunds(sessions)
        first_name = refund.gateway_id
        assert (refund.state, refund.attempt) == (RefundState.FAILED, 1)
        assert [kind for kind, *_ in await troubles(sessions)] == ["refund_failed"]
        desk = act(await member_of(sessions, placed, Role.ORDER_DESK))
        async with sessions.begin() as session:
            await retry_refund(session, desk, refund.id, NIGHT)
        assert await troubles(sessions) == []
        [refund] = await refunds(sessions)
        assert (refund.state, refund.attempt, refund.gateway_id, refund.done_at) == (
            RefundState.REQUESTED,
            2,
            None,
            None,
        )
        with pytest.raises(WrongOrderState):
            async with sessions.begin() as session:
                await retry_refund(session, desk, refund.id, NIGHT)
        await send(shop, sessions, NIGHT)
        [refund] = await refunds(sessions)
        assert refund.state == RefundState.PENDING
        assert refund.gateway_id not in (None, first_name)
        # And when that fails too, the desk hears of it again.
        await nightly(shop, till.at(NIGHT + timedelta(hours=1)))
        assert [kind for kind, *_ in await troubles(sessions)] == ["refund_failed"]
    async with sessions() as session:
        [told] = await session.scalars(
            select(AuditEntry).where(AuditEntry.action == "refund.retry")
        )
    assert (told.member_id, told.subject_id, told.after) == (
        desk.member_id,
        refund.id,
        {"attempt": 2},
    )


async def test_a_refund_is_retried_by_its_own_desk(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        placed = await declined(shop, sessions, till, "refund_fails")
    await change(sessions, "UPDATE refunds SET state = 'failed'")
    [refund] = await refunds(sessions)
    other = await make_member(sessions, await make_station(sessions, "other"), Role.MANAGER)
    host = await member_of(sessions, placed, Role.HOST)
    for member, refusal in ((other, NotFound), (host, NotAllowed)):
        with pytest.raises(refusal):
            async with sessions.begin() as session:
                await retry_refund(session, act(member), refund.id, NIGHT)
    assert [(row.state, row.attempt) for row in await refunds(sessions)] == [
        (RefundState.FAILED, 1)
    ]


async def test_one_payment_without_an_answer_does_not_stop_the_rest(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    low, high = await two_workshops(sessions)
    async with till.open():
        lost = await order(sessions, want(low))
        await open_payment(shop, await look(sessions, lost))
        placed = await order(sessions, want(high))
        url = await open_payment(shop, await look(sessions, placed))
        await till.pay(url)
        await change(
            sessions,
            "UPDATE payments SET session_id = 'cs_test_nobody' WHERE order_id = :id",
            id=lost.id,
        )
        assert await look_at_overdue(shop, till.at(DUE)) == 2
    assert (await look(sessions, placed)).state == OrderState.PAID
    assert [kind for kind, *_ in await troubles(sessions)] == ["payment_unreachable"]
