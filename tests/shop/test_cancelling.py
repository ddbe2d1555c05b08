"""A buyer gives up an order or a part of it: exactly one wins of those who decide at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog.access import Actor
from catalog.audit import list_entries
from catalog.db import Database, Sessions
from catalog.errors import Invalid, NotAllowed, NotFound
from catalog.models import AuditEntry, Kind, Product, Role, StockMovement
from shop import work_steps
from shop.cancelling import cancel
from shop.context import Shop
from shop.errors import PaymentNotClosed, WrongOrderState, WrongWorkOrderState
from shop.ledger import balance_fen
from shop.models import Order, OrderState, PaymentState, WorkOrder, WorkOrderState
from shop.paying import look_at_payment, open_payment
from shop.payments.gateway import SessionState
from shop.settle import REFUND_JOB
from tests.making import NOON, act, make_product, make_station, make_workshop
from tests.shop.sales import (
    entries,
    figures,
    jobs,
    look,
    order,
    pay,
    refunds,
    shop_of,
    staff,
    two_workshops,
    want,
)
from tests.shop.till import Till, till_in

AT_ONCE = 4


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with till_in(tmp_path) as open_till:
        yield open_till


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop whose gateway is not set up: what is paid is settled by the tests themselves."""
    return shop_of(database)


async def paid(sessions: Sessions, *products: Product, quantity: int = 1) -> tuple[Order, Actor]:
    """A paid order of all the products, and a manager of their station."""
    placed = await order(sessions, *(want(product, quantity) for product in products))
    return await pay(sessions, placed), act(await staff(sessions, products[0]))


async def step(sessions: Sessions, actor: Actor, part: WorkOrder, name: str) -> None:
    facts = {"ship": ("顺丰", "SF1234567890"), "decline": ("木头裂了",), "cancel": ("不要了",)}
    take: Callable[..., Awaitable[WorkOrder]] = getattr(work_steps, name)
    async with sessions.begin() as session:
        await take(session, actor, part.id, *facts.get(name, ()), NOON)


async def trail(sessions: Sessions) -> list[AuditEntry]:
    async with sessions() as session:
        about = AuditEntry.subject.in_(("orders", "work_orders"))
        return list(await session.scalars(select(AuditEntry).where(about).order_by(AuditEntry.id)))


async def test_a_part_not_begun_is_cancelled_and_exactly_it_goes_back(
    shop: Shop, sessions: Sessions
) -> None:
    low, high = await two_workshops(sessions)
    placed, manager = await paid(sessions, low, high, quantity=2)
    given_up, kept = placed.work_orders
    await step(sessions, manager, given_up, "accept")
    before = await entries(sessions)
    for _ in range(2):
        order_now = await cancel(shop, placed.token, given_up.id, NOON)
        assert order_now.state == OrderState.PAID
        assert [part.state for part in order_now.work_orders] == ["cancelled", "new"]
    (refund,) = await refunds(sessions)
    assert (refund.cause, refund.amount_fen) == (f"cancel:{given_up.id}", 2 * 26800 + 800)
    assert (refund.work_order_id, refund.reason) == (given_up.id, "买家取消")
    assert [job.args for job in await jobs(sessions, REFUND_JOB)] == [{"refund_id": refund.id}]
    assert (await entries(sessions))[len(before) :] == [
        (f"cancel:{given_up.id}", "workshop", given_up.workshop_id, -54400),
        (f"cancel:{given_up.id}", "buyers", None, 54400),
    ]
    async with sessions() as session:
        assert await balance_fen(session, given_up.workshop_id) == 0
        assert await balance_fen(session, kept.workshop_id) == 54400


async def test_cancelled_pieces_are_on_hand_and_free_and_can_be_sold_again(
    shop: Shop, sessions: Sessions
) -> None:
    product = await make_product(sessions, on_hand=1)
    placed, _ = await paid(sessions, product)
    assert await figures(sessions, product) == [(1, 1)]
    await cancel(shop, placed.token, None, NOON)
    assert await figures(sessions, product) == [(1, 0)]
    assert (await look(sessions, placed)).state == OrderState.CANCELLED
    again, _ = await paid(sessions, product)
    assert again.state == OrderState.PAID
    async with sessions() as session:
        moved = await session.scalars(select(StockMovement.reason))
        assert list(moved) == ["新上架"]


async def test_what_is_carved_gives_no_pieces_back(shop: Shop, sessions: Sessions) -> None:
    product = await make_product(sessions, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3)
    placed, _ = await paid(sessions, product)
    await cancel(shop, placed.token, None, NOON)
    assert await figures(sessions, product) == [(0, 0)]
    assert [refund.amount_fen for refund in await refunds(sessions)] == [27600]


async def test_of_a_whole_order_exactly_what_has_not_begun_is_cancelled(
    shop: Shop, sessions: Sessions
) -> None:
    low, high = await two_workshops(sessions)
    placed, manager = await paid(sessions, low, high)
    begun, waiting = placed.work_orders
    for name in ("accept", "start"):
        await step(sessions, manager, begun, name)
    order_now = await cancel(shop, placed.token, None, NOON)
    assert [part.state for part in order_now.work_orders] == ["making", "cancelled"]
    assert [refund.work_order_id for refund in await refunds(sessions)] == [waiting.id]
    with pytest.raises(WrongWorkOrderState) as refusal:
        await cancel(shop, placed.token, None, NOON)
    assert refusal.value.text.startswith("作坊已经动工，不能直接取消了。")
    assert len(await refunds(sessions)) == 1


async def test_what_has_begun_or_left_is_not_cancelled(shop: Shop, sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=9)
    for way, text in (
        (("accept", "start"), "作坊已经动工，不能直接取消了。可以申请取消，由社工站和作坊商量。"),
        (("accept", "ready"), "作坊已经做好，不能直接取消了。可以申请取消，由社工站和作坊商量。"),
        (("accept", "ship"), "已经寄出，不能取消了。"),
        (("decline",), "这家作坊已经说了接不了，这部分的钱在退给买家。"),
    ):
        placed, manager = await paid(sessions, product)
        part = placed.work_orders[0]
        for name in way:
            await step(sessions, manager, part, name)
        before = (await figures(sessions, product), await entries(sessions))
        with pytest.raises(WrongWorkOrderState) as refusal:
            await cancel(shop, placed.token, part.id, NOON)
        assert refusal.value.text == text
        assert (await figures(sessions, product), await entries(sessions)) == before
    placed, manager = await paid(sessions, product)
    for name in ("accept", "ship", "deliver"):
        await step(sessions, manager, placed.work_orders[0], name)
    with pytest.raises(WrongOrderState):
        await cancel(shop, placed.token, None, NOON)


async def test_only_the_order_s_own_token_cancels_its_own_parts(
    shop: Shop, sessions: Sessions
) -> None:
    product = await make_product(sessions)
    (one, _), (other, _) = [await paid(sessions, product) for _ in range(2)]
    for token, part_id in (
        (one.token, other.work_orders[0].id),
        (one.token, 2**60),
        ("x" * 32, one.work_orders[0].id),
    ):
        with pytest.raises(NotFound):
            await cancel(shop, token, part_id, NOON)
    with pytest.raises(NotFound):
        await cancel(shop, "x" * 32, None, NOON)
    assert await refunds(sessions) == []


async def test_the_desk_cancels_with_a_reason_and_no_artisan_does(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, manager = await paid(sessions, product)
    part = placed.work_orders[0]
    for role in set(Role) - {Role.MANAGER, Role.ORDER_DESK, Role.ARTISAN}:
        with pytest.raises(NotAllowed):
            await step(sessions, act(await staff(sessions, product, role)), part, "cancel")
    with pytest.raises(Invalid) as refusal:
        async with sessions.begin() as session:
            await work_steps.cancel(session, manager, part.id, " ", NOON)
    assert list(refusal.value.errors) == ["reason"]
    await step(sessions, manager, part, "cancel")
    (entry,) = await trail(sessions)
    assert (entry.member_id, entry.on_behalf_of) == (manager.member_id, product.workshop_id)
    assert entry.after == {"state": "cancelled", "reason": "不要了"}
    assert [refund.reason for refund in await refunds(sessions)] == ["不要了"]


async def test_what_a_buyer_did_is_in_the_trail_without_a_member(
    shop: Shop, sessions: Sessions
) -> None:
    placed, _ = await paid(sessions, await make_product(sessions))
    part = placed.work_orders[0]
    await cancel(shop, placed.token, part.id, NOON)
    (entry,) = await trail(sessions)
    assert (entry.member_id, entry.on_behalf_of, entry.channel) == (None, None, "buyer")
    assert (entry.action, entry.subject_id) == ("work_order.cancel", part.id)
    assert (entry.before, entry.after) == (
        {"state": "new"},
        {"state": "cancelled", "reason": "买家取消"},
    )
    assert entry.seq is not None
    async with sessions() as session:
        (told,) = await list_entries(session, placed.station_id, {"work_orders": [part.id]})
    assert told.who == "买家"


async def test_delivery_says_from_when_on_the_family_may_be_paid(sessions: Sessions) -> None:
    workshop = await make_workshop(sessions, await make_station(sessions))
    for kind, ticked, day in (
        (Kind.BATCH, True, date(2026, 11, 30)),
        (Kind.MADE_TO_ORDER, True, date(2026, 11, 22)),
        (Kind.MADE_TO_ORDER, False, date(2026, 11, 30)),
    ):
        on_hand = 1 if kind == Kind.BATCH else 0
        product = await make_product(sessions, workshop, kind=kind, work_days=2, on_hand=on_hand)
        placed, manager = await paid(sessions, product)
        async with sessions.begin() as session:
            agreed = await session.get_one(Order, placed.id)
            agreed.custom_agreed_at = NOON if ticked else None
        for name in ("accept", "ship", "deliver"):
            await step(sessions, manager, placed.work_orders[0], name)
        assert (await look(sessions, placed)).work_orders[0].payable_on == day


async def test_an_unpaid_order_is_closed_at_the_gateway_and_its_pieces_are_free(
    database: Database,
    till: Till,
) -> None:
    sessions, shop = database.writing, shop_of(database, till.gateway)
    product = await make_product(sessions)
    placed = await order(sessions, want(product, 2))
    async with till.open():
        await open_payment(shop, await look(sessions, placed))
        for _ in range(2):
            order_now = await cancel(shop, placed.token, None, NOON)
            assert order_now.state == OrderState.CANCELLED
        payment = order_now.payments[0]
        assert payment.state == PaymentState.EXPIRED
        told = await till.gateway.fetch_session(payment.session_id or "")
    assert (told.state, told.paid) == (SessionState.EXPIRED, False)
    assert await figures(sessions, product) == [(3, 0)]
    assert await refunds(sessions) == []
    (entry,) = await trail(sessions)
    assert (entry.action, entry.channel) == ("order.cancel", "buyer")
    assert (entry.before, entry.after) == ({"state": "unpaid"}, {"state": "cancelled"})


async def test_only_all_of_an_unpaid_order_is_cancelled(shop: Shop, sessions: Sessions) -> None:
    placed = await order(sessions, want(await make_product(sessions)))
    with pytest.raises(WrongOrderState):
        await cancel(shop, placed.token, placed.work_orders[0].id, NOON)
    assert (await look(sessions, placed)).state == OrderState.UNPAID


async def test_while_the_gateway_is_away_nothing_is_cancelled(
    database: Database,
    till: Till,
) -> None:
    sessions, shop = database.writing, shop_of(database, till.gateway)
    product = await make_product(sessions)
    placed = await order(sessions, want(product))
    with pytest.raises(PaymentNotClosed):
        await cancel(shop, placed.token, None, NOON)
    assert (await look(sessions, placed)).state == OrderState.UNPAID
    assert await figures(sessions, product) == [(3, 1)]
    assert await trail(sessions) == []


async def test_money_that_came_first_makes_it_a_paid_order_that_is_refunded(
    database: Database,
    till: Till,
) -> None:
    sessions, shop = database.writing, shop_of(database, till.gateway)
    product = await make_product(sessions)
    placed = await order(sessions, want(product))
    async with till.open():
        await till.pay(await open_payment(shop, await look(sessions, placed)))
        order_now = await cancel(shop, placed.token, None, NOON)
    assert (order_now.state, order_now.paid_at) == (OrderState.CANCELLED, NOON)
    (refund,) = await refunds(sessions)
    assert (refund.cause, refund.amount_fen) == (f"cancel:{placed.work_orders[0].id}", 27600)
    assert await figures(sessions, product) == [(3, 0)]
    assert sum(fen for *_, fen in await entries(sessions)) == 0


async def test_cancel_and_pay_at_once_one_of_them_wins(
    database: Database,
    till: Till,
) -> None:
    sessions, shop = database.writing, shop_of(database, till.gateway)
    product = await make_product(sessions, on_hand=9)
    async with till.open():
        for paid_first in (True, False):
            placed = await order(sessions, want(product))
            url = await open_payment(shop, await look(sessions, placed))
            if paid_first:
                await till.pay(url)
            payment_id = placed.payments[0].id
            await asyncio.gather(
                *(cancel(shop, placed.token, None, NOON) for _ in range(2)),
                *(look_at_payment(shop, payment_id, NOON) for _ in range(2)),
            )
            done = await look(sessions, placed)
            assert done.state == OrderState.CANCELLED
            back = [one for one in await refunds(sessions) if one.payment_id == payment_id]
            assert [one.amount_fen for one in back] == ([27600] if paid_first else [])
            assert await figures(sessions, product) == [(9, 0)]
    assert sum(fen for *_, fen in await entries(sessions)) == 0


@pytest.mark.parametrize("other", ["accept", "start", "ship", "decline"])
async def test_a_buyer_s_cancel_and_a_step_at_once_one_of_them_wins(
    shop: Shop, sessions: Sessions, other: str
) -> None:
    product = await make_product(sessions, on_hand=9)
    placed, manager = await paid(sessions, product)
    part = placed.work_orders[0]
    if other in ("start", "ship"):
        await step(sessions, manager, part, "accept")
    outcomes = await asyncio.gather(
        *(cancel(shop, placed.token, part.id, NOON) for _ in range(AT_ONCE)),
        *(step(sessions, manager, part, other) for _ in range(AT_ONCE)),
        return_exceptions=True,
    )
    lost = [one for one in outcomes if isinstance(one, BaseException)]
    assert all(isinstance(one, WrongWorkOrderState) for one in lost)
    ended = (await look(sessions, placed)).work_orders[0].state
    back = [refund.cause for refund in await refunds(sessions)]
    if ended == WorkOrderState.CANCELLED:
        assert back == [f"cancel:{part.id}"]
        assert await figures(sessions, product) == [(9, 0)]
    else:
        assert ended == {"start": "making", "ship": "shipped", "decline": "declined"}[other]
        assert back == ([f"decline:{part.id}"] if other == "decline" else [])
    if other == "accept":
        # Any of them may come before a cancel, which is taken all the same.
        assert ended == WorkOrderState.CANCELLED
        assert not any(isinstance(one, BaseException) for one in outcomes[:AT_ONCE])
    else:
        assert len(lost) == AT_ONCE
    async with sessions() as session:
        kept = 0 if ended in (WorkOrderState.CANCELLED, WorkOrderState.DECLINED) else 27600
        assert await balance_fen(session, part.workshop_id) == kept


async def decide_naively(
    database: Database, part: WorkOrder, to: WorkOrderState, looked: asyncio.Barrier
) -> bool:
    """Look, and then do it: what a step under the order's lock must not be."""
    async with database.reading() as session:
        state = (await session.get_one(WorkOrder, part.id)).state
    await looked.wait()
    if state != WorkOrderState.ACCEPTED:
        return False
    async with database.writing.begin() as session:
        (await session.get_one(WorkOrder, part.id)).state = to
    return True


async def test_the_naive_way_tells_both_that_they_have_won(database: Database) -> None:
    sessions = database.writing
    placed, manager = await paid(sessions, await make_product(sessions))
    part = placed.work_orders[0]
    await step(sessions, manager, part, "accept")
    looked = asyncio.Barrier(2)
    ends = (WorkOrderState.CANCELLED, WorkOrderState.MAKING)
    won = await asyncio.gather(*(decide_naively(database, part, to, looked) for to in ends))
    assert won == [True, True]
