"""Money that comes, or goes back, in the moment in which something else is decided about it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from catalog import stock
from catalog.access import Actor
from catalog.db import Database
from catalog.errors import OutOfStock
from catalog.models import Job, Product, Role
from live.selling import Pieces, Share
from shop import work_steps
from shop.buying import hold_pieces
from shop.cancelling import cancel
from shop.context import Shop
from shop.errors import PieceHeld, WrongWorkOrderState
from shop.models import (
    Order,
    OrderState,
    Payment,
    PaymentState,
    Refund,
    RefundState,
    WorkOrder,
    WorkOrderState,
)
from shop.paying import close_dead_orders, look_at_payment, open_payment, send_refund
from shop.payments.gateway import GatewayRefund, GatewaySession, RefundRequest
from shop.refunds import retry_refund
from shop.settle import REFUND_JOB, settle
from shop.webhooks import Kept, Signed, keep_events, take_event
from tests.machine.bank import Bank, Message, RefundMood
from tests.making import NOON, act, make_product, make_station, make_workshop
from tests.shop.sales import (
    GATEWAY,
    entries,
    figures,
    is_expired,
    is_paid,
    jobs,
    look,
    order,
    pay,
    refunds,
    staff,
    want,
)

DEAD = NOON + timedelta(minutes=34)
ROUNDS = 6
DONE, SENT = WorkOrderState.DECLINED, WorkOrderState.SHIPPED


async def opened(shop: Shop, product: Product) -> Order:
    """An order whose buyer is at the bank."""
    placed = await order(shop.database.writing, want(product))
    await open_payment(shop, placed)
    return await look(shop.database.writing, placed)


def pay_at(bank: Bank, placed: Order) -> Message:
    """The money is at the bank; what it will tell of it."""
    bank.pay(bank.tills[placed.payments[0].session_id or ""])
    return bank.messages[-1]


async def hear(shop: Shop, bank: Bank, message: Message) -> None:
    """A webhook call, seen to at once."""
    event = bank.verify_event(message.payload, "", NOON)
    signed = Signed(GATEWAY, event, message.payload.decode(), NOON)
    kept = (await keep_events(shop, [signed]))[signed]
    if isinstance(kept, Kept):
        await take_event(shop, kept)


# Webhook against return page


async def test_webhook_and_return_page_count_the_money_once(shops: list[Shop], bank: Bank) -> None:
    sessions = shops[0].database.writing
    product = await make_product(sessions, on_hand=ROUNDS)
    for n in range(ROUNDS):
        here, there = shops if n % 2 else shops[::-1]
        placed = await opened(here, product)
        message, payment = pay_at(bank, placed), placed.payments[0]
        await asyncio.gather(
            hear(here, bank, message),
            look_at_payment(there, payment.id, NOON),
            hear(there, bank, message),
            look_at_payment(here, payment.id, NOON),
        )
        assert (await look(sessions, placed)).state == OrderState.PAID
    assert await figures(sessions, product) == [(ROUNDS, ROUNDS)]
    assert len(await jobs(sessions, "shop.route_order")) == ROUNDS
    brought = [fen for _, account, _, fen in await entries(sessions) if account == "buyers"]
    assert brought == [-27600] * ROUNDS


async def settle_naively(database: Database, placed: Order, looked: asyncio.Barrier) -> None:
    """Is it open? Then it is paid now, and its pieces are sold."""
    async with database.reading() as session:
        state = (await session.get_one(Payment, placed.payments[0].id)).state
    await looked.wait()
    if state != PaymentState.OPEN:
        return
    async with database.writing.begin() as session:
        (await session.get_one(Payment, placed.payments[0].id)).state = PaymentState.SUCCEEDED
        product_id = placed.work_orders[0].lines[0].product_id
        product = await session.get_one(Product, product_id)
        await stock.send(session, product, 1, "卖出", NOON)


async def test_the_naive_way_sells_the_pieces_for_each_of_them(shops: list[Shop]) -> None:
    sessions = shops[0].database.writing
    product = await make_product(sessions, on_hand=2)
    placed = await order(sessions, want(product))
    await order(sessions, want(product))
    looked = asyncio.Barrier(2)
    await asyncio.gather(*(settle_naively(shop.database, placed, looked) for shop in shops))
    # One order was paid for, and the piece of the other is gone too.
    assert await figures(sessions, product) == [(0, 0)]


# Settling against expiry, with somebody else waiting for the piece


async def try_to_hold(shop: Shop, product: Product, browser: str) -> bool:
    try:
        await hold_pieces(shop, (want(product),), browser, DEAD)
    except (OutOfStock, PieceHeld):
        return False
    return True


async def judge(shop: Shop, told: GatewaySession) -> None:
    async with shop.database.writing.begin() as session:
        await settle(session, told.payment_id or 0, told, DEAD)


async def test_money_expiry_and_the_next_buyer_at_once_one_piece_one_owner(
    shops: list[Shop],
) -> None:
    """Told paid and told expired: whoever has the piece then, no money is kept for nothing."""
    sessions = shops[0].database.writing
    family = await make_workshop(sessions, await make_station(sessions))
    for n in range(ROUNDS):
        product = await make_product(sessions, family, on_hand=1)
        placed = await order(sessions, want(product))
        payment = placed.payments[0]
        *_, other = await asyncio.gather(
            judge(shops[n % 2], is_expired(payment)),
            judge(shops[1 - n % 2], is_paid(payment)),
            try_to_hold(shops[0], product, "b2"),
        )
        done = await look(sessions, placed)
        assert done.state == (OrderState.EXPIRED if other else OrderState.PAID)
        assert [one.amount_fen for one in done.payments[0].refunds] == ([27600] if other else [])
        assert await figures(sessions, product) == [(1, 1)]


async def test_a_sweep_and_the_money_at_once_take_the_money(shops: list[Shop], bank: Bank) -> None:
    """The buyer paid in the last second; the sweep's question finds it, and so does the event."""
    sessions = shops[0].database.writing
    family = await make_workshop(sessions, await make_station(sessions))
    for n in range(ROUNDS):
        product = await make_product(sessions, family, on_hand=1)
        placed = await opened(shops[0], product)
        message = pay_at(bank, placed)
        *_, other = await asyncio.gather(
            close_dead_orders(shops[n % 2], DEAD),
            hear(shops[1 - n % 2], bank, message),
            try_to_hold(shops[0], product, "b2"),
        )
        assert not other
        assert (await look(sessions, placed)).state == OrderState.PAID
        assert await figures(sessions, product) == [(1, 1)]
    assert await refunds(sessions) == []


async def expire_naively(database: Database, placed: Order, looked: asyncio.Barrier) -> None:
    async with database.reading() as session:
        state = (await session.get_one(Order, placed.id)).state
    await looked.wait()
    if state == OrderState.UNPAID:
        async with database.writing.begin() as session:
            share = Share(placed.work_orders[0].lines[0].product_id, None, 1, carved=False)
            pieces = await Pieces.lock(session, [], [share])
            pieces.give_back(share)
            await pieces.write(session)
            (await session.get_one(Order, placed.id)).state = OrderState.EXPIRED


async def pay_naively(database: Database, placed: Order, looked: asyncio.Barrier) -> None:
    async with database.reading() as session:
        state = (await session.get_one(Order, placed.id)).state
    await looked.wait()
    if state == OrderState.UNPAID:
        async with database.writing.begin() as session:
            (await session.get_one(Payment, placed.payments[0].id)).state = PaymentState.SUCCEEDED
            (await session.get_one(Order, placed.id)).state = OrderState.PAID


async def test_the_naive_way_keeps_money_for_a_piece_that_is_free(shops: list[Shop]) -> None:
    """Cancelling a naive way is the same as expiring: the pieces are given back unseen."""
    sessions = shops[0].database.writing
    product = await make_product(sessions, on_hand=1)
    placed = await order(sessions, want(product))
    looked = asyncio.Barrier(2)
    await asyncio.gather(
        pay_naively(shops[0].database, placed, looked),
        expire_naively(shops[1].database, placed, looked),
    )
    done = await look(sessions, placed)
    assert done.payments[0].state == PaymentState.SUCCEEDED
    assert await refunds(sessions) == []
    assert await figures(sessions, product) == [(1, 0)]


# Cancelling against paying


@pytest.mark.parametrize("paid_before", [True, False])
async def test_cancelling_and_paying_at_once_end_in_order(
    shops: list[Shop], bank: Bank, paid_before: bool
) -> None:
    """The bank says which was first; money that came goes back, or the order goes on."""
    sessions = shops[0].database.writing
    product = await make_product(sessions, on_hand=9)
    for n in range(ROUNDS):
        here, there = shops if n % 2 else shops[::-1]
        placed = await opened(here, product)
        message = pay_at(bank, placed) if paid_before else None

        async def pay_meanwhile(
            there: Shop = there, placed: Order = placed, message: Message | None = message
        ) -> None:
            if (
                message is None
                and bank.tills[placed.payments[0].session_id or ""] in bank.payable()
            ):
                message = pay_at(bank, placed)
            if message is not None:
                await hear(there, bank, message)

        await asyncio.gather(
            cancel(here, placed.token, None, NOON),
            pay_meanwhile(),
            look_at_payment(there, placed.payments[0].id, NOON),
        )
        done = await look(sessions, placed)
        came = done.payments[0].state == PaymentState.SUCCEEDED
        back = [one.amount_fen for one in done.payments[0].refunds]
        assert done.state == OrderState.CANCELLED
        assert back == ([27600] if came else [])
    assert await figures(sessions, product) == [(9, 0)]
    assert sum(fen for _, account, _, fen in await entries(sessions) if account == "buyers") == 0


# Declining against sending


async def take(shop: Shop, actor: Actor, part: WorkOrder, name: str) -> bool:
    more = {"decline": ("没有木料",), "ship": ("顺丰", "SF123456")}[name]
    step: Callable[..., Awaitable[WorkOrder]] = getattr(work_steps, name)
    try:
        async with shop.database.writing.begin() as session:
            await step(session, actor, part.id, *more, NOON)
    except WrongWorkOrderState:
        return False
    return True


async def accepted(shop: Shop, product: Product) -> tuple[Order, Actor]:
    sessions = shop.database.writing
    placed = await pay(sessions, await order(sessions, want(product)))
    desk = act(await staff(sessions, product, Role.ORDER_DESK))
    async with sessions.begin() as session:
        await work_steps.accept(session, desk, placed.work_orders[0].id, NOON)
    return placed, desk


async def test_declining_and_sending_at_once_one_of_them_wins(shops: list[Shop]) -> None:
    sessions = shops[0].database.writing
    product = await make_product(sessions, on_hand=ROUNDS)
    for n in range(ROUNDS):
        placed, desk = await accepted(shops[0], product)
        part = placed.work_orders[0]
        won = await asyncio.gather(
            take(shops[n % 2], desk, part, "decline"), take(shops[1 - n % 2], desk, part, "ship")
        )
        assert sum(won) == 1
        back = [one for one in await refunds(sessions) if one.work_order_id == part.id]
        assert len(back) == won[0]
    assert await figures(sessions, product) == [(0, 0)]


async def take_naively(
    database: Database, placed: Order, to: WorkOrderState, looked: asyncio.Barrier
) -> bool:
    part = placed.work_orders[0]
    async with database.reading() as session:
        state = (await session.get_one(WorkOrder, part.id)).state
    await looked.wait()
    if state != WorkOrderState.ACCEPTED:
        return False
    async with database.writing.begin() as session:
        (await session.get_one(WorkOrder, part.id)).state = to
        product = await session.get_one(Product, part.lines[0].product_id)
        await stock.send(session, product, 1, str(to), NOON)
        if to == DONE:
            session.add(
                Refund(
                    station_id=placed.station_id,
                    payment_id=placed.payments[0].id,
                    cause="naive",
                    amount_fen=placed.total_fen,
                    created_at=NOON,
                )
            )
    return True


async def test_the_naive_way_sends_the_piece_and_gives_the_money_back(shops: list[Shop]) -> None:
    sessions = shops[0].database.writing
    product = await make_product(sessions, on_hand=2)
    placed, _ = await accepted(shops[0], product)
    await order(sessions, want(product))
    looked = asyncio.Barrier(2)
    won = await asyncio.gather(
        take_naively(shops[0].database, placed, DONE, looked),
        take_naively(shops[1].database, placed, SENT, looked),
    )
    assert all(won)
    assert len(await refunds(sessions)) == 1
    assert await figures(sessions, product) == [(0, 0)]


# Refunds asked for at once


async def refund_job(shop: Shop) -> tuple[int, int]:
    (job,) = await jobs(shop.database.writing, REFUND_JOB)
    return job.id, job.args["refund_id"]


async def declined(shop: Shop, bank: Bank) -> Actor:
    """A work order that its family can not make; its refund waits to be sent."""
    sessions = shop.database.writing
    product = await make_product(sessions)
    placed = await opened(shop, product)
    await hear(shop, bank, pay_at(bank, placed))
    desk = act(await staff(sessions, product, Role.ORDER_DESK))
    assert await take(shop, desk, placed.work_orders[0], "decline")
    return desk


async def test_a_refund_sent_by_two_at_once_goes_back_once(shops: list[Shop], bank: Bank) -> None:
    await declined(shops[0], bank)
    job_id, refund_id = await refund_job(shops[0])
    await asyncio.gather(*(send_refund(shop, job_id, refund_id, NOON) for shop in shops * 2))
    assert len(bank.backs) == 1
    (refund,) = await refunds(shops[0].database.writing)
    assert (refund.state, refund.gateway_id) == (RefundState.SUCCEEDED, "re_1")
    async with shops[0].database.reading() as session:
        assert await session.scalar(select(Job.id).where(Job.id == job_id)) is None


class SlowBank(Bank):
    """Keeps back the answer to the first refund: `made` is set with it, `answering` by the test."""

    made: asyncio.Event
    answering: asyncio.Event

    async def refund(self, request: RefundRequest) -> GatewayRefund:
        first = not self.backs
        answer = await super().refund(request)
        if first:
            self.made.set()
            await self.answering.wait()
        return answer


async def test_an_answer_from_before_a_new_try_is_no_answer_to_it(
    shops: list[Shop], bank: Bank
) -> None:
    """A worker sleeps over the answer; another hears the refund fail, and the desk tries again."""
    desk = await declined(shops[0], bank)
    slow = SlowBank(bank.clock, tills=bank.tills, messages=bank.messages)
    slow.made, slow.answering = asyncio.Event(), asyncio.Event()
    for shop in shops:
        assert isinstance(shop.gateways, dict)
        shop.gateways[GATEWAY] = slow
    slow.refund_mood = RefundMood.FAIL_LATER
    job_id, refund_id = await refund_job(shops[0])
    sleeping = asyncio.create_task(send_refund(shops[0], job_id, refund_id, NOON))
    await slow.made.wait()
    slow.end(slow.backs["re_1"])
    await send_refund(shops[1], job_id, refund_id, NOON)
    async with shops[1].database.writing.begin() as session:
        await retry_refund(session, desk, refund_id, NOON)
    slow.refund_mood = RefundMood.LATER
    await send_refund(shops[1], *await refund_job(shops[1]), NOON)
    slow.answering.set()
    await sleeping
    (refund,) = await refunds(shops[0].database.writing)
    assert (refund.state, refund.gateway_id, refund.attempt) == (RefundState.PENDING, "re_2", 2)
