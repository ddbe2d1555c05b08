"""Sold at the market while somebody holds it, or pays for it at this very moment."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from catalog.access import Actor
from catalog.db import Database, Sessions
from catalog.errors import Invalid, NotAllowed, NotFound, OutOfStock
from catalog.models import AuditEntry, Kind, Product, Role, Stock, StockMovement
from live.models import LineUpItem
from shop.examine.stock import held, movements
from shop.holding import owing_of
from shop.market import MarketSale, sell_at_market, stake
from shop.models import Hold, HoldState, Notice, OrderState, Payment, PaymentState, Trouble
from shop.paying import look_at_payment, open_payment
from tests.live.acting import sibling
from tests.making import BUYER, NOON, act, make_live_show, make_member, make_product, make_station
from tests.shop.sales import (
    figures,
    hold,
    hold_of,
    is_expired,
    item_figures,
    link_to,
    look,
    order,
    pay,
    refunds,
    settle_as,
    shop_of,
    staff,
    two_workshops,
    want,
)
from tests.shop.till import Till, till_in


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    async with till_in(tmp_path) as open_till:
        yield open_till


async def seller(sessions: Sessions, product: Product, role: Role = Role.ASSISTANT) -> Actor:
    return act(await staff(sessions, product, role))


async def sell(
    database: Database,
    product: Product,
    pieces: object = "",
    *,
    till: Till | None = None,
    actor: Actor | None = None,
    seen: object = None,
) -> MarketSale:
    sessions = database.writing
    if seen is None:
        ((seen, _),) = await figures(sessions, product)
    actor = actor or await seller(sessions, product)
    shop = shop_of(database, till.gateway if till else None)
    return await sell_at_market(shop, actor, product.id, pieces, seen, NOON)


async def states(sessions: Sessions) -> list[HoldState]:
    async with sessions() as session:
        return list(await session.scalars(select(Hold.state).order_by(Hold.id)))


async def troubles(sessions: Sessions) -> list[tuple[str, str]]:
    async with sessions() as session:
        rows = await session.scalars(select(Trouble).order_by(Trouble.id))
        return [(row.kind, row.subject) for row in rows]


async def calls(sessions: Sessions) -> list[tuple[str, str]]:
    async with sessions() as session:
        rows = await session.scalars(select(Notice).order_by(Notice.id))
        return [(row.kind, row.phone) for row in rows]


async def must_add_up(sessions: Sessions) -> None:
    async with sessions() as session:
        findings = [await movements(session), await held(session)]
    assert [fault.text for finding in findings for fault in finding.faults] == []


async def test_free_pieces_leave_first_with_their_movement(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=3)
    await hold(sessions, want(product), browser="buyer")
    assistant = await seller(sessions, product)
    sale = await sell(database, product, "2", actor=assistant)
    assert (sale.gone, sale.missing, sale.let_go) == (2, 0, 0)
    assert await figures(sessions, product) == [(1, 1)]
    assert await states(sessions) == [HoldState.ACTIVE]
    async with sessions() as session:
        moved = (await session.scalars(select(StockMovement).order_by(StockMovement.id))).all()[-1]
        entry = await session.scalar(select(AuditEntry).where(AuditEntry.action == "stock.market"))
    assert (moved.change, moved.reason, moved.member_id) == (-2, "集市卖了", assistant.member_id)
    assert entry is not None
    assert (entry.after, entry.on_behalf_of) == ({"pieces": 2, "let_go": 0}, product.workshop_id)
    await must_add_up(sessions)


async def test_the_newest_holds_make_way_and_the_oldest_stay(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=4)
    for n in range(3):
        await hold(sessions, want(product), browser=f"buyer{n}")
    sale = await sell(database, product, 3)
    assert (sale.gone, sale.let_go, sale.missing) == (3, 2, 0)
    assert await states(sessions) == [HoldState.ACTIVE, HoldState.GONE, HoldState.GONE]
    assert await figures(sessions, product) == [(1, 1)]
    async with sessions() as session:
        # It was no lapse of theirs.
        assert await owing_of(session, ["buyer1", "buyer2"], NOON) == set()
    await must_add_up(sessions)


async def test_a_whole_hold_makes_way_with_what_else_was_in_it(database: Database) -> None:
    sessions = database.writing
    product, other = await two_workshops(sessions, on_hand=1)
    await hold(sessions, want(product), want(other), browser="buyer")
    assert (await sell(database, product)).let_go == 1
    assert await figures(sessions, product, other) == [(0, 0), (1, 0)]


async def test_a_show_s_own_pieces_leave_after_the_free_ones(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=5)
    show = await make_live_show(sessions, [product], allotment=3)
    link = await link_to(sessions, product, show, by=await staff(sessions, product))
    await hold(sessions, want(product, link=link.code), browser="buyer")
    sale = await sell(database, product, 4)
    assert (sale.gone, sale.let_go) == (4, 0)
    assert await figures(sessions, product) == [(1, 1)]
    assert await item_figures(sessions, show) == [(0, 1, 0, 0)]
    async with sessions() as session:
        assert await session.scalar(select(LineUpItem.allotment)) == 1
    assert (await sell(database, product)).let_go == 1
    assert await figures(sessions, product) == [(0, 0)]
    assert await item_figures(sessions, show) == [(0, 0, 0, 0)]
    await must_add_up(sessions)


async def test_paid_pieces_stay_and_no_more_than_the_others_can_be_sold(
    database: Database,
) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=2)
    await pay(sessions, await order(sessions, want(product)))
    async with sessions() as session:
        assert (await stake(session, product.id, NOON)).most == 1
    with pytest.raises(Invalid) as refusal:
        await sell(database, product, 2)
    assert refusal.value.errors == {"pieces": "最多 1 件；另外 1 件已经有人付了钱，要寄给他们。"}
    assert (await sell(database, product)).gone == 1
    with pytest.raises(Invalid, match="pieces"):
        await sell(database, product)
    assert await figures(sessions, product) == [(1, 1)]


async def test_what_can_not_be_meant_changes_nothing(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=2)
    carved = await sibling(sessions, product, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3)
    for pieces in ("0", "-1", "3", "x", "1.5", "9" * 30):
        with pytest.raises(Invalid):
            await sell(database, product, pieces)
    with pytest.raises(Invalid) as refusal:
        await sell(database, product, 1, seen="3")
    assert "现在有 2 件" in refusal.value.errors["pieces"]
    with pytest.raises(Invalid):
        await sell(database, carved)
    for role in (Role.FINANCE, Role.VOLUNTEER):
        with pytest.raises(NotAllowed):
            await sell(database, product, actor=await seller(sessions, product, role))
    stranger = act(await make_member(sessions, await make_station(sessions, "o"), Role.MANAGER))
    with pytest.raises(NotFound):
        await sell(database, product, actor=stranger)
    assert await figures(sessions, product) == [(2, 0)]


async def test_a_press_that_comes_twice_sells_once(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=3)
    actor = await seller(sessions, product)
    outcomes = await asyncio.gather(
        *(sell(database, product, 1, actor=actor, seen=3) for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, MarketSale) for one in outcomes) == 1
    assert await figures(sessions, product) == [(2, 0)]


async def test_an_unpaid_order_is_closed_at_the_gateway_before_its_piece_goes(
    database: Database, till: Till
) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    placed = await order(sessions, want(product))
    shop = shop_of(database, till.gateway)
    async with till.open():
        await open_payment(shop, placed)
        sale = await sell(database, product, till=till)
    assert (sale.gone, sale.given_up, sale.missing) == (1, 1, 0)
    after = await look(sessions, placed)
    assert (after.state, after.payments[0].state) == (OrderState.CANCELLED, PaymentState.EXPIRED)
    assert (await hold_of(sessions, placed)).state == HoldState.GONE
    assert await figures(sessions, product) == [(0, 0)]
    assert await calls(sessions) == [("sold_elsewhere", BUYER["phone"])]
    assert await troubles(sessions) == []
    async with sessions() as session:
        entry = await session.scalar(select(AuditEntry).where(AuditEntry.action == "order.cancel"))
    assert entry is not None
    assert entry.after == {"state": "cancelled", "reason": "集市卖了"}
    await must_add_up(sessions)


async def test_plain_holds_make_way_before_those_who_are_paying(
    database: Database, till: Till
) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=2)
    await hold(sessions, want(product), browser="buyer")
    placed = await order(sessions, want(product))
    async with till.open():
        sale = await sell(database, product, 1, till=till)
    assert (sale.gone, sale.let_go, sale.given_up) == (1, 1, 0)
    assert (await look(sessions, placed)).state == OrderState.UNPAID


async def test_who_has_paid_already_keeps_the_piece_and_the_desk_is_told(
    database: Database, till: Till
) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    placed = await order(sessions, want(product))
    shop = shop_of(database, till.gateway)
    async with till.open():
        await till.pay(await open_payment(shop, placed))
        sale = await sell(database, product, till=till)
    assert (sale.gone, sale.missing, sale.paid) == (0, 1, [placed.id])
    assert (await look(sessions, placed)).state == OrderState.PAID
    assert await figures(sessions, product) == [(1, 1)]
    assert await troubles(sessions) == [("sold_twice", f"order:{placed.id}")]
    assert await refunds(sessions) == []
    await must_add_up(sessions)


async def test_a_gateway_that_does_not_answer_keeps_the_piece(
    database: Database, till: Till
) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    placed = await order(sessions, want(product))
    shop = shop_of(database, till.gateway)
    async with till.open():
        url = await open_payment(shop, placed)
    sale = await sell(database, product, till=till)
    assert (sale.gone, sale.missing, sale.unsure) == (0, 1, [placed.id])
    assert await figures(sessions, product) == [(1, 1)]
    assert (await hold_of(sessions, placed)).state == HoldState.ORDERED
    assert await troubles(sessions) == [("sold_twice", f"order:{placed.id}")]
    async with till.open():
        await till.pay(url)
        await look_at_payment(shop, placed.payments[0].id, NOON)
    assert (await look(sessions, placed)).state == OrderState.PAID


@pytest.mark.parametrize("tries", range(3))
async def test_of_a_buyer_who_pays_at_that_moment_and_the_market_exactly_one_has_it(
    database: Database, till: Till, tries: int
) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    placed = await order(sessions, want(product))
    shop = shop_of(database, till.gateway)

    async def buyer(url: str) -> None:
        await asyncio.sleep(0.004 * tries)
        answer = await till.browser.post(url, data={"behaviour": "silent"})
        assert answer.status_code < 500

    async with till.open():
        url = await open_payment(shop, placed)
        _, sale = await asyncio.gather(buyer(url), sell(database, product, till=till))
        await look_at_payment(shop, placed.payments[0].id, NOON)
    after = await look(sessions, placed)
    paid = after.state == OrderState.PAID
    assert after.state in (OrderState.PAID, OrderState.CANCELLED)
    assert (sale.gone, sale.missing) == ((0, 1) if paid else (1, 0))
    assert await figures(sessions, product) == [(1, 1) if paid else (0, 0)]
    assert await troubles(sessions) == ([("sold_twice", f"order:{placed.id}")] if paid else [])
    assert await refunds(sessions) == []
    await must_add_up(sessions)


async def test_freeing_the_piece_without_asking_the_gateway_would_sell_it_twice(
    database: Database, till: Till
) -> None:
    """The twin of the test above: the hold is freed at once, and the money arrives all the same."""
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    placed = await order(sessions, want(product))
    shop = shop_of(database, till.gateway)
    async with till.open():
        url = await open_payment(shop, placed)
        payment = (await look(sessions, placed)).payments[0]
        freed = replace(is_expired(payment), id=payment.session_id or "")
        await settle_as(sessions, payment, freed)
        async with sessions.begin() as session:
            await session.execute(update(Stock).values(on_hand=0))
            await session.execute(update(Payment).values(state=PaymentState.OPEN))
        await till.pay(url)
        await look_at_payment(shop, placed.payments[0].id, NOON)
    # Somebody has paid for a piece that is not there, and waits for the money to come back.
    assert [refund.reason for refund in await refunds(sessions)] == ["钱到的时候作品已经没有了"]


async def test_while_eight_ask_for_it_the_market_s_piece_goes_to_nobody(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    await hold(sessions, want(product), browser="holder")

    async def ask(n: int) -> bool:
        try:
            await hold(sessions, want(product), browser=f"asker{n}")
        except OutOfStock:
            return False
        return True

    market = asyncio.create_task(sell(database, product))
    got = await asyncio.gather(*(ask(n) for n in range(8)))
    sale = await market
    assert (sale.gone, sale.missing, got) == (1, 0, [False] * 8)
    assert await figures(sessions, product) == [(0, 0)]
