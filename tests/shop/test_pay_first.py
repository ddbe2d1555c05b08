"""Who holds and lapses is kept nothing any more: the pieces are taken when the money has come."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from catalog.db import Database, Sessions
from catalog.errors import OutOfStock
from catalog.models import Kind, Product
from shop import work_steps
from shop.buying import hold_pieces, order_pieces
from shop.checkout import OrderRequest, place_order, read_buyer
from shop.errors import PieceHeld
from shop.examine import stock as examined
from shop.holds import Held, lapse_holds
from shop.models import (
    Hold,
    HoldState,
    Order,
    OrderState,
    PaymentState,
    RefundState,
    Trouble,
    WorkOrderState,
)
from shop.paying import sweep
from shop.waiting import join_line
from tests.making import BUYER, NOON, make_product
from tests.shop.sales import (
    GATEWAY,
    expire,
    figures,
    hold,
    hold_of,
    look,
    order,
    pay,
    refunds,
    request_for,
    shop_of,
    want,
)
from tests.shop.test_holds import count_holds, release, state_of

QUARTER = timedelta(minutes=15)
LATER = NOON + 3 * QUARTER
"""When the third hold of `lapse_thrice` is over."""


async def lapse_thrice(database: Database, product: Product, browser: str = "b1") -> None:
    for n in range(3):
        now = NOON + n * QUARTER
        assert (await hold(database.writing, want(product), browser=browser, now=now)).state == (
            HoldState.ACTIVE
        )
        await lapse_holds(database, now + QUARTER)


async def pay_first(database: Database, product: Product) -> Held:
    """What a browser gets that has let three holds lapse."""
    await lapse_thrice(database, product)
    return await hold_pieces(shop_of(database), (want(product),), "b1", LATER)


async def order_of(sessions: Sessions, made: Held) -> Order:
    request = OrderRequest(read_buyer(BUYER), GATEWAY, hold=made.token)
    async with sessions.begin() as session:
        placed = await place_order(session, request, "b1", LATER)
    return await look(sessions, placed)


async def agrees(sessions: Sessions) -> bool:
    """Whether what is promised agrees with who was promised it."""
    async with sessions() as session:
        return (await examined.held(session)).faults == []


async def test_after_three_lapses_within_a_day_nothing_is_kept(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    made = await pay_first(database, product)
    assert made.state == HoldState.PAY_FIRST
    assert await figures(sessions, product) == [(1, 0)]
    other = await hold(sessions, want(product), browser="b2", now=LATER)
    assert other.state == HoldState.ACTIVE
    await release(sessions, other)
    day = timedelta(days=1)
    assert (await hold(sessions, want(product), browser="b1", now=NOON + day)).state == (
        HoldState.ACTIVE
    )


async def test_money_that_comes_while_the_piece_is_free_has_it(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    placed = await order_of(sessions, await pay_first(database, product))
    assert await figures(sessions, product) == [(1, 0)]
    paid = await pay(sessions, placed, LATER)
    assert paid.state == OrderState.PAID
    assert [part.state for part in paid.work_orders] == [WorkOrderState.NEW]
    assert await figures(sessions, product) == [(1, 1)]
    assert await agrees(sessions)
    async with sessions.begin() as session:
        await work_steps.cancel_for_buyer(session, paid.token, paid.work_orders[0].id, LATER)
    assert await figures(sessions, product) == [(1, 0)]
    assert await agrees(sessions)


async def test_money_that_comes_when_the_piece_is_gone_goes_back(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    placed = await order_of(sessions, await pay_first(database, product))
    other = await pay(sessions, await order(sessions, want(product), now=LATER), LATER)
    after = await pay(sessions, placed, LATER)
    assert after.state == OrderState.EXPIRED
    assert [part.state for part in after.work_orders] == [WorkOrderState.CANCELLED]
    (refund,) = await refunds(sessions)
    assert (refund.payment_id, refund.amount_fen) == (placed.payments[0].id, placed.total_fen)
    assert refund.state == RefundState.REQUESTED
    async with sessions() as session:
        (trouble,) = await session.scalars(select(Trouble))
    assert (trouble.subject, trouble.order_id) == (f"payment:{placed.payments[0].id}", placed.id)
    assert await figures(sessions, product) == [(1, 1)]
    assert (await look(sessions, other)).state == OrderState.PAID
    assert await agrees(sessions)


async def test_money_that_does_not_come_gives_back_nothing_that_was_never_had(
    database: Database,
) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=2)
    made = await pay_first(database, product)
    assert await release(sessions, made) == HoldState.PAY_FIRST
    placed = await order_of(sessions, made)
    other = await hold(sessions, want(product), browser="b2", now=LATER)
    await sweep(shop_of(database), LATER + timedelta(minutes=1))
    after = await expire(sessions, placed, LATER + timedelta(minutes=34))
    assert (after.state, after.payments[0].state) == (OrderState.EXPIRED, PaymentState.EXPIRED)
    assert (await hold_of(sessions, placed)).state == HoldState.PAY_FIRST
    assert await state_of(sessions, other) == HoldState.ACTIVE
    assert await figures(sessions, product) == [(2, 1)]
    assert await agrees(sessions)


async def test_asking_again_finds_the_same_and_ordering_again_the_same_order(
    database: Database,
) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    made = await pay_first(database, product)
    before = await count_holds(sessions)
    again = await asyncio.gather(
        *(hold_pieces(shop_of(database), (want(product),), "b1", LATER) for _ in range(4))
    )
    assert {one.token for one in again} == {made.token}
    assert await count_holds(sessions) == before
    request = OrderRequest(read_buyer(BUYER), GATEWAY, hold=made.token)
    sheets = await asyncio.gather(
        *(order_pieces(shop_of(database), request, "b1", LATER) for _ in range(4))
    )
    assert len({sheet.token for sheet in sheets}) == 1
    async with sessions() as session:
        assert len(list(await session.scalars(select(Order)))) == 1
    # What has become an order is not gone on with: a second piece is asked for anew.
    fresh = await hold(sessions, want(product), browser="b1", now=LATER)
    assert (fresh.state, fresh.token == made.token) == (HoldState.PAY_FIRST, False)


async def test_nobody_is_sent_to_pay_for_what_is_not_there_or_is_the_lines(
    database: Database,
) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    await pay_first(database, product)
    held = await hold(sessions, want(product), browser="b2", now=LATER)
    with pytest.raises(PieceHeld):
        await hold_pieces(shop_of(database), (want(product),), "b1", LATER)
    async with sessions.begin() as session:
        await join_line(session, product.id, "", BUYER["phone"], "b3", LATER)
    await release(sessions, held)
    with pytest.raises(OutOfStock):
        await hold(sessions, want(product), browser="b1", now=LATER)


async def test_a_phone_that_left_three_orders_unpaid_pays_first(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=1)
    for _ in range(3):
        await expire(sessions, await order(sessions, want(product)))
    placed = await order(sessions, want(product))
    assert (await hold_of(sessions, placed)).state == HoldState.PAY_FIRST
    assert await figures(sessions, product) == [(1, 0)]
    assert await agrees(sessions)
    elsewhere = {**BUYER, "phone": "13900139000"}
    other = await order(sessions, want(product), buyer=elsewhere)
    assert (await hold_of(sessions, other)).state == HoldState.ORDERED
    assert await figures(sessions, product) == [(1, 1)]


async def test_a_browser_has_one_open_hold_of_a_one_of_a_kind(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, kind=Kind.ONE_OF_A_KIND, on_hand=1)
    shop = shop_of(database)
    first = await hold_pieces(shop, (want(product),), "b1", NOON)
    again = await hold_pieces(shop, (want(product),), "b1", NOON + timedelta(minutes=5))
    assert again.token == first.token
    with pytest.raises(OutOfStock):
        await hold_pieces(shop, (want(product, 2),), "b1", NOON)
    request = request_for(want(product))
    placed = await order_pieces(shop, request, "b1", NOON + timedelta(minutes=6))
    async with sessions() as session:
        rows = list(await session.scalars(select(Hold)))
    assert [(row.token, row.state) for row in rows] == [(first.token, HoldState.ORDERED)]
    assert (await look(sessions, placed)).hold_id == first.id
    assert await figures(sessions, product) == [(1, 1)]
