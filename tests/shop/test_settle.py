"""The one judge of a payment: each row of its table, in any order, twice, and at once."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from catalog.db import Database, Sessions
from catalog.errors import NotFound
from catalog.models import Kind, Product
from live.models import Show
from live.on_air import end_show
from shop import ledger, work_steps
from shop.holding import Wanted
from shop.models import Order, OrderState, Payment, PaymentState, WorkOrder, WorkOrderState
from shop.payments.gateway import SessionState
from shop.settle import REFUND_JOB, ROUTE_JOB, settle
from tests.making import NOON, act, make_live_show, make_product
from tests.shop.sales import (
    entries,
    expire,
    figures,
    hold,
    hold_of,
    is_expired,
    is_paid,
    item_figures,
    jobs,
    link_to,
    look,
    order,
    pay,
    refunds,
    second_payment,
    settle_as,
    staff,
    tell,
    two_workshops,
    want,
)

LATER = NOON + timedelta(minutes=40)


def states(placed: Order) -> tuple[str, set[str], list[str]]:
    """Of the order, of its work orders, of its payments."""
    parts = {str(part.state) for part in placed.work_orders}
    return str(placed.state), parts, [str(payment.state) for payment in placed.payments]


async def told(sessions: Sessions) -> list[tuple[str, dict[str, int]]]:
    """The jobs that were written down."""
    return [(job.name, job.args) for job in await jobs(sessions)]


async def on_show(
    sessions: Sessions, product: Product, *, allotment: int = 0, quantity: int = 1
) -> tuple[Show, Order]:
    """An order by the code of a show that is on air, at its price."""
    show = await make_live_show(sessions, [product], allotment=allotment, price_fen=20000)
    link = await link_to(sessions, product, show, by=await staff(sessions, product))
    return show, await order(sessions, Wanted(quantity, link=link.code))


async def test_paid_and_unpaid(sessions: Sessions) -> None:
    low, high = await two_workshops(sessions)
    placed = await order(sessions, want(low, 2), want(high))
    done = await pay(sessions, placed, NOON)
    assert states(done) == ("paid", {"new"}, ["succeeded"])
    assert (done.paid_at, done.payments[0].settled_at) == (NOON, NOON)
    assert (done.payments[0].kept, done.payments[0].intent_id) == (
        True,
        f"pi_{done.payments[0].id}",
    )
    cause = f"payment:{done.payments[0].id}"
    first, second = done.work_orders
    assert await entries(sessions) == [
        (cause, "buyers", None, -(3 * 26800 + 2 * 800)),
        (cause, "workshop", first.workshop_id, 26800),
        (cause, "workshop", first.workshop_id, 800),
        (cause, "workshop", second.workshop_id, 2 * 26800),
        (cause, "workshop", second.workshop_id, 800),
    ]
    assert (first.workshop_id, second.workshop_id) == (high.workshop_id, low.workshop_id)
    assert await told(sessions) == [(ROUTE_JOB, {"order_id": placed.id})]
    assert await figures(sessions, low, high) == [(3, 2), (3, 1)]


async def test_a_payment_told_of_again_changes_nothing(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed = await pay(sessions, await order(sessions, want(product)))
    before = await entries(sessions), await told(sessions)
    for said in (is_paid(placed.payments[0]), is_expired(placed.payments[0])):
        await settle_as(sessions, placed.payments[0], said, LATER)
    again = await look(sessions, placed)
    assert states(again) == ("paid", {"new"}, ["succeeded"])
    assert (again.paid_at, again.payments[0].settled_at) == (NOON, NOON)
    assert (await entries(sessions), await told(sessions)) == before
    assert await figures(sessions, product) == [(3, 1)]


async def test_open_and_complete_without_money_change_nothing(sessions: Sessions) -> None:
    placed = await order(sessions, want(await make_product(sessions)))
    for state in (SessionState.OPEN, SessionState.COMPLETE):
        await settle_as(sessions, placed.payments[0], tell(placed.payments[0], state))
        again = await look(sessions, placed)
        assert states(again) == ("unpaid", {"waiting"}, ["open"])
    assert await entries(sessions) == []
    assert await told(sessions) == []


async def test_expired_and_unpaid(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed = await order(sessions, want(product, 2))
    for _ in range(2):
        done = await expire(sessions, placed, LATER)
        assert states(done) == ("expired", {"cancelled"}, ["expired"])
        assert (await hold_of(sessions, done)).state == "lapsed"
        assert done.payments[0].settled_at == LATER
        assert await figures(sessions, product) == [(3, 0)]
    assert await entries(sessions) == []
    assert await told(sessions) == []


async def test_expired_while_another_payment_is_open(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed = await order(sessions, want(product))
    second = await second_payment(sessions, placed)
    await settle_as(sessions, placed.payments[0], is_expired(placed.payments[0]))
    assert states(await look(sessions, placed)) == ("unpaid", {"waiting"}, ["expired", "open"])
    assert await figures(sessions, product) == [(3, 1)]
    await settle_as(sessions, second, is_expired(second))
    assert states(await look(sessions, placed)) == ("expired", {"cancelled"}, ["expired"] * 2)
    assert await figures(sessions, product) == [(3, 0)]


async def test_late_money_is_taken_while_the_pieces_are_free(sessions: Sessions) -> None:
    low, high = await two_workshops(sessions)
    placed = await expire(sessions, await order(sessions, want(low), want(high, 3)))
    done = await pay(sessions, placed, LATER)
    assert states(done) == ("paid", {"new"}, ["succeeded"])
    assert (done.paid_at, done.payments[0].kept) == (LATER, True)
    assert await figures(sessions, low, high) == [(3, 1), (3, 3)]
    assert await told(sessions) == [(ROUTE_JOB, {"order_id": placed.id})]
    assert sum(amount for *_, amount in await entries(sessions)) == 0
    assert await refunds(sessions) == []


async def test_late_money_goes_back_when_a_piece_is_gone(sessions: Sessions) -> None:
    low, high = await two_workshops(sessions)
    placed = await expire(sessions, await order(sessions, want(low), want(high)))
    await hold(sessions, want(high, 3))
    done = await pay(sessions, placed, LATER)
    assert states(done) == ("expired", {"cancelled"}, ["succeeded"])
    assert (done.paid_at, done.payments[0].kept) == (None, False)
    (refund,) = await refunds(sessions)
    assert (refund.amount_fen, refund.work_order_id, refund.state) == (55200, None, "requested")
    assert refund.reason == "钱到的时候作品已经没有了"
    assert await entries(sessions) == [
        (f"payment:{done.payments[0].id}", "buyers", None, -55200),
        (f"payment:{done.payments[0].id}", "unplaced", None, 55200),
        (f"refund:{refund.id}", "unplaced", None, -55200),
        (f"refund:{refund.id}", "buyers", None, 55200),
    ]
    assert await told(sessions) == [(REFUND_JOB, {"refund_id": refund.id})]
    assert await figures(sessions, low, high) == [(3, 0), (3, 3)]
    await pay(sessions, placed, LATER)
    assert len(await refunds(sessions)) == 1


async def test_a_second_payment_of_a_paid_order_goes_back(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed = await order(sessions, want(product))
    second = await second_payment(sessions, placed)
    await settle_as(sessions, second, is_paid(second))
    done = await look(sessions, placed)
    assert states(done) == ("paid", {"new"}, ["open", "succeeded"])
    first = placed.payments[0]
    await settle_as(sessions, first, is_paid(first), LATER)
    (refund,) = await refunds(sessions)
    assert (refund.payment_id, refund.amount_fen) == (first.id, 27600)
    assert refund.reason == "同一笔订单付了两次"
    done = await look(sessions, placed)
    assert [(payment.id, payment.kept) for payment in done.payments] == [
        (first.id, False),
        (second.id, True),
    ]
    assert done.paid_at == NOON
    assert await figures(sessions, product) == [(3, 1)]


async def test_a_second_payment_of_a_declined_order_goes_back(sessions: Sessions) -> None:
    """Made to order: nothing is missing that would keep the money from being taken again."""
    product = await make_product(sessions, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3)
    placed = await order(sessions, want(product))
    second = await second_payment(sessions, placed)
    first = placed.payments[0]
    await settle_as(sessions, first, is_paid(first))
    manager = act(await staff(sessions, product))
    async with sessions.begin() as session:
        await work_steps.decline(session, manager, placed.work_orders[0].id, "木头裂了", NOON)
    await settle_as(sessions, second, is_paid(second), LATER)
    done = await look(sessions, placed)
    assert states(done) == ("cancelled", {"declined"}, ["succeeded"] * 2)
    assert [(one.payment_id, one.amount_fen) for one in await refunds(sessions)] == [
        (first.id, 27600),
        (second.id, 27600),
    ]
    assert sum(amount for *_, amount in await entries(sessions)) == 0


async def test_an_unknown_payment_is_not_found(sessions: Sessions) -> None:
    placed = await order(sessions, want(await make_product(sessions)))
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await settle(session, 10**6, is_paid(placed.payments[0]), NOON)


async def test_a_sale_counts_on_its_show(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    show, placed = await on_show(sessions, product, allotment=2, quantity=3)
    assert await item_figures(sessions, show) == [(0, 3, 0, 0)]
    await pay(sessions, placed)
    await pay(sessions, placed)
    assert await item_figures(sessions, show) == [(0, 0, 3, 60000)]
    assert await figures(sessions, product) == [(5, 3)]


async def test_an_expired_order_leaves_its_show_as_it_was(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    show, placed = await on_show(sessions, product, allotment=2, quantity=3)
    await expire(sessions, placed)
    assert await item_figures(sessions, show) == [(2, 0, 0, 0)]
    assert await figures(sessions, product) == [(5, 2)]


async def test_an_order_that_expires_after_its_show_frees_all_pieces(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    show, placed = await on_show(sessions, product, allotment=3, quantity=2)
    host = act(await staff(sessions, product))
    async with sessions.begin() as session:
        await end_show(session, host, show.id, NOON)
    await expire(sessions, placed)
    assert await item_figures(sessions, show) == [(0, 0, 0, 0)]
    assert await figures(sessions, product) == [(5, 0)]


async def test_late_money_counts_on_its_show_and_takes_from_free_stock(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    show, placed = await on_show(sessions, product, allotment=2, quantity=2)
    await expire(sessions, placed)
    await pay(sessions, placed, LATER)
    assert await item_figures(sessions, show) == [(2, 0, 2, 40000)]
    assert await figures(sessions, product) == [(5, 4)]


async def test_late_money_that_goes_back_does_not_count(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=2)
    show, placed = await on_show(sessions, product, allotment=2)
    await expire(sessions, placed)
    await pay(sessions, placed, LATER)
    assert await item_figures(sessions, show) == [(2, 0, 0, 0)]
    assert await figures(sessions, product) == [(2, 2)]
    assert len(await refunds(sessions)) == 1


async def test_told_eight_times_at_once_it_is_paid_once(sessions: Sessions) -> None:
    low, high = await two_workshops(sessions)
    placed = await order(sessions, want(low), want(high))
    payment = placed.payments[0]
    await asyncio.gather(*(settle_as(sessions, payment, is_paid(payment)) for _ in range(8)))
    assert states(await look(sessions, placed)) == ("paid", {"new"}, ["succeeded"])
    assert len(await entries(sessions)) == 5
    assert await told(sessions) == [(ROUTE_JOB, {"order_id": placed.id})]


async def settle_naively(database: Database, payment: Payment) -> None:
    """Look whether it is paid, and if not, post it: without a lock, and without a unique cause."""
    async with database.reading() as session:
        open_yet = (await session.get_one(Payment, payment.id)).state == PaymentState.OPEN
    await asyncio.sleep(0)
    if not open_yet:
        return
    async with database.writing.begin() as session:
        row = await session.get_one(Payment, payment.id)
        row.state = PaymentState.SUCCEEDED
        amount = payment.amount_fen
        await ledger.post(
            session,
            station_id=row.station_id,
            cause=f"payment:{row.id} {id(session)}",
            kind="sale",
            order_id=row.order_id,
            entries=[ledger.Entry("buyers", -amount), ledger.Entry("unplaced", amount)],
            now=NOON,
        )


async def test_the_naive_way_counts_the_money_more_than_once(database: Database) -> None:
    placed = await order(database.writing, want(await make_product(database.writing)))
    await asyncio.gather(*(settle_naively(database, placed.payments[0]) for _ in range(8)))
    assert len(await entries(database.writing)) > 2


async def test_money_and_expiry_at_once(sessions: Sessions) -> None:
    """Whichever is judged first, the order ends paid: late money finds its piece still free."""
    product = await make_product(sessions, on_hand=9)
    placed = [await order(sessions, want(product)) for _ in range(4)]
    for one in placed:
        payment = one.payments[0]
        await asyncio.gather(
            settle_as(sessions, payment, is_expired(payment)),
            settle_as(sessions, payment, is_paid(payment)),
        )
    done = [await look(sessions, one) for one in placed]
    assert [states(one) for one in done] == [("paid", {"new"}, ["succeeded"])] * 4
    assert await figures(sessions, product) == [(9, 4)]
    assert sum(amount for *_, amount in await entries(sessions)) == 0


async def test_two_payments_of_one_order_at_once(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed = await order(sessions, want(product))
    payments = [placed.payments[0], await second_payment(sessions, placed)]
    await asyncio.gather(*(settle_as(sessions, one, is_paid(one)) for one in payments))
    done = await look(sessions, placed)
    assert states(done) == ("paid", {"new"}, ["succeeded"] * 2)
    assert sorted(payment.kept for payment in done.payments) == [False, True]
    (refund,) = await refunds(sessions)
    assert refund.payment_id == next(one.id for one in done.payments if not one.kept)
    assert await figures(sessions, product) == [(3, 1)]


async def test_buyers_and_payers_of_one_show_do_not_wait_in_a_circle(sessions: Sessions) -> None:
    """Families and products are in opposite order, so an order's own order is not the locks'."""
    low, high = await two_workshops(sessions, on_hand=20)
    show = await make_live_show(sessions, [high, low], allotment=12, price_fen=100)
    by = await staff(sessions, low)
    links = [await link_to(sessions, product, show, by=by) for product in (low, high)]
    cart = [Wanted(1, link=link.code) for link in links]

    async def buy(n: int) -> None:
        placed = await order(sessions, *cart)
        payment = placed.payments[0]
        await settle_as(sessions, payment, is_paid(payment) if n % 2 else is_expired(payment))

    await asyncio.gather(*(buy(n) for n in range(12)))
    assert await item_figures(sessions, show) == [(6, 0, 6, 600)] * 2
    assert await figures(sessions, low, high) == [(20, 12)] * 2
    async with sessions() as session:
        states = list(await session.scalars(select(Order.state).order_by(Order.state)))
        parts = set(await session.scalars(select(WorkOrder.state)))
    assert states == [OrderState.EXPIRED] * 6 + [OrderState.PAID] * 6
    assert parts == {WorkOrderState.CANCELLED, WorkOrderState.NEW}
