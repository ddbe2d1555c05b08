"""The line: what comes free goes to those who wait, in their order, and to nobody between them."""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from catalog import stock
from catalog.db import Database, Sessions
from catalog.errors import Invalid, NotFound, OutOfStock
from catalog.models import Kind, Product, ProductState
from catalog.products import change_product, get_product
from live.links import retire_link
from live.models import Link
from live.on_air import end_show
from shop.buying import hold_pieces, let_go
from shop.errors import NoLine, PieceHeld
from shop.holding import HoldRequest, Wanted, make_holds
from shop.holds import Held, lapse_holds
from shop.line import WAITS
from shop.models import Hold, HoldState, Notice, Waiter, WaiterState
from shop.paying import sweep
from shop.waiting import before, join_line, leave_line, place_of, serve
from tests.live.acting import sibling
from tests.making import NOON, act, make_live_show, make_product
from tests.shop.sales import (
    figures,
    hold,
    item_figures,
    link_to,
    order,
    pay,
    shop_of,
    staff,
    two_workshops,
    want,
)
from tests.shop.test_holds import DEAD, state_of

MINUTE = timedelta(minutes=1)


def number(n: int) -> str:
    return f"138001380{n:02d}"


async def join(
    sessions: Sessions,
    product: Product,
    n: int = 1,
    *,
    link: Link | None = None,
    now: datetime = NOON,
    browser: str | None = None,
) -> Waiter:
    """The n-th buyer's place in line."""
    who = f"waiter{n}" if browser is None else browser
    async with sessions.begin() as session:
        return await join_line(session, product.id, link.code if link else "", number(n), who, now)


async def waiters(sessions: Sessions) -> list[Waiter]:
    async with sessions() as session:
        return list(await session.scalars(select(Waiter).order_by(Waiter.id)))


async def served(sessions: Sessions) -> list[int]:
    """The ids of those whose turn has come, in its order."""
    async with sessions() as session:
        query = select(Waiter.id).where(Waiter.state == WaiterState.OFFERED)
        return list(await session.scalars(query.order_by(Waiter.hold_id)))


async def hold_for(sessions: Sessions, waiter: Waiter) -> Hold:
    async with sessions() as session:
        fresh = await session.get_one(Waiter, waiter.id)
        return await session.get_one(Hold, fresh.hold_id)


async def notices(sessions: Sessions) -> list[Notice]:
    async with sessions() as session:
        return list(await session.scalars(select(Notice).order_by(Notice.id)))


async def count_in(sessions: Sessions, product: Product, pieces: int) -> None:
    manager = act(await staff(sessions, product))
    async with sessions.begin() as session:
        mine = await get_product(session, product.id)
        await stock.change(session, manager, mine, pieces, "盘点", NOON)


async def held_piece(sessions: Sessions) -> tuple[Product, Held]:
    """A product whose only piece somebody holds."""
    product = await make_product(sessions, on_hand=1)
    return product, await hold(sessions, want(product), browser="holder")


async def test_who_waits_is_offered_the_piece_for_a_quarter_of_an_hour(database: Database) -> None:
    sessions = database.writing
    product, _ = await held_piece(sessions)
    waiter = await join(sessions, product)
    assert await serve(database, NOON) == 0
    assert await sweep(shop_of(database), DEAD) == 1
    (after,) = await waiters(sessions)
    assert (after.state, after.offered_at) == (WaiterState.OFFERED, DEAD)
    offered = await hold_for(sessions, waiter)
    assert (offered.state, offered.browser) == (HoldState.ACTIVE, "waiter1")
    assert offered.shown_until == DEAD + timedelta(minutes=15)
    assert offered.expires_at == DEAD + timedelta(minutes=18)
    assert await figures(sessions, product) == [(1, 1)]
    (call,) = await notices(sessions)
    assert (call.kind, call.waiter_id, call.phone) == ("your_turn", waiter.id, number(1))
    assert call.text == "您等的“福字圆挂”轮到您了，给您留到 12:30。"
    found = await hold_pieces(shop_of(database), (want(product),), "waiter1", DEAD)
    assert found.token == offered.token


async def test_a_place_is_told_by_how_many_stand_before_it(sessions: Sessions) -> None:
    product, _ = await held_piece(sessions)
    places = [await join(sessions, product, n) for n in range(3)]
    async with sessions.begin() as session:
        assert [await before(session, place, NOON) for place in places] == [0, 1, 2]
        await leave_line(session, places[0].token)
        await leave_line(session, places[0].token)
    async with sessions() as session:
        assert [await before(session, place, NOON) for place in places[1:]] == [0, 1]
        assert await place_of(session, "waiter0", product.id, NOON) is None
        assert await place_of(session, "waiter1", product.id, NOON) == f"/line/{places[1].token}"
        assert await place_of(session, "", product.id, NOON) is None


async def test_the_same_phone_and_the_same_browser_find_their_place(sessions: Sessions) -> None:
    product, _ = await held_piece(sessions)
    first = await join(sessions, product, 1)
    assert (await join(sessions, product, 1, browser="another")).token == first.token
    assert (await join(sessions, product, 2, browser="waiter1")).token == first.token
    assert (await join(sessions, product, 2, browser="another")).token != first.token
    assert len(await waiters(sessions)) == 2


async def test_whose_turn_has_come_finds_the_place_with_it(database: Database) -> None:
    sessions = database.writing
    product, _ = await held_piece(sessions)
    first = await join(sessions, product)
    await sweep(shop_of(database), DEAD)
    assert (await join(sessions, product, now=DEAD)).token == first.token
    await hold_pieces(shop_of(database), (want(product),), "b2", DEAD + 18 * MINUTE)
    again = await join(sessions, product, now=DEAD + 18 * MINUTE)
    assert again.token != first.token


async def test_a_phone_that_is_none_gets_no_place(sessions: Sessions) -> None:
    product, _ = await held_piece(sessions)
    for typed in ("", "12345", "07311234567", None, "1" * 400, "<b>"):
        with pytest.raises(Invalid) as refused:
            async with sessions.begin() as session:
                await join_line(session, product.id, "", typed, "b1", NOON)
        assert list(refused.value.errors) == ["phone"]
    assert await waiters(sessions) == []


async def refused(sessions: Sessions, product: Product, n: int = 1) -> str:
    with pytest.raises(NoLine) as refusal:
        await join(sessions, product, n)
    return refusal.value.text


async def test_there_is_a_line_only_for_what_others_hold(sessions: Sessions) -> None:
    free, sold = await two_workshops(sessions, on_hand=1)
    await pay(sessions, await order(sessions, want(sold)))
    carved = await sibling(sessions, free, kind=Kind.MADE_TO_ORDER, on_hand=0)
    assert "现在就能买" in await refused(sessions, free)
    assert "卖完了" in await refused(sessions, sold)
    assert "定做" in await refused(sessions, carved)
    await hold(sessions, want(free), browser="holder")
    manager = act(await staff(sessions, free))
    async with sessions.begin() as session:
        await change_product(session, manager, free.id, {"state": ProductState.OFF}, NOON)
    assert "现在不卖" in await refused(sessions, free)
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await join_line(session, 10**12, "", number(1), "b1", NOON)
    assert await waiters(sessions) == []


async def test_what_only_a_dead_hold_keeps_is_to_be_bought_not_waited_for(
    sessions: Sessions,
) -> None:
    product, _ = await held_piece(sessions)
    with pytest.raises(NoLine, match="现在就能买"):
        await join(sessions, product, now=DEAD)


async def test_who_holds_the_piece_does_not_stand_in_line_for_it(sessions: Sessions) -> None:
    product, _ = await held_piece(sessions)
    with pytest.raises(NoLine, match="正给您留着"):
        await join(sessions, product, browser="holder")


async def test_a_line_has_twenty_places(sessions: Sessions) -> None:
    product, _ = await held_piece(sessions)
    for n in range(20):
        await join(sessions, product, n)
    assert "已经有 20 位" in await refused(sessions, product, 20)
    assert len(await waiters(sessions)) == 20


async def test_a_phone_stands_in_three_lines(sessions: Sessions) -> None:
    first, _ = await held_piece(sessions)
    products = [first]
    for _ in range(3):
        products.append(await sibling(sessions, first, on_hand=1))
        await hold(sessions, want(products[-1]), browser="holder")
    places = [await join(sessions, product) for product in products[:3]]
    assert "已经在等 3 件作品" in await refused(sessions, products[3])
    async with sessions.begin() as session:
        await leave_line(session, places[0].token)
    await join(sessions, products[3])


async def test_eight_taps_at_once_are_one_place(sessions: Sessions) -> None:
    product, _ = await held_piece(sessions)
    places = await asyncio.gather(*(join(sessions, product) for _ in range(8)))
    assert len({place.token for place in places}) == 1
    assert len(await waiters(sessions)) == 1


async def test_a_place_lasts_a_day(database: Database) -> None:
    sessions = database.writing
    product, held = await held_piece(sessions)
    late = await join(sessions, product, 1)
    fresh = await join(sessions, product, 2, now=NOON + MINUTE)
    await lapse_holds(database, DEAD)
    assert await serve(database, NOON + WAITS) == 1
    assert await served(sessions) == [fresh.id]
    assert late.id != fresh.id
    assert await state_of(sessions, held) == HoldState.LAPSED


async def test_who_lets_holds_lapse_gets_no_place(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    for n in range(3):
        await hold(sessions, want(product), browser="waiter1", now=NOON + n * 15 * MINUTE)
        await lapse_holds(database, NOON + (n + 1) * 15 * MINUTE)
    now = NOON + 45 * MINUTE
    await hold(sessions, want(product), browser="holder", now=now)
    with pytest.raises(NoLine, match="留了没付款"):
        await join(sessions, product, now=now)
    await join(sessions, product, 2, now=now)


async def test_whose_turn_passes_makes_way_for_the_next_and_it_counts_as_a_lapse(
    database: Database,
) -> None:
    sessions = database.writing
    product, _ = await held_piece(sessions)
    first, second = await join(sessions, product, 1), await join(sessions, product, 2)
    await sweep(shop_of(database), DEAD)
    assert await served(sessions) == [first.id]
    await sweep(shop_of(database), DEAD + 18 * MINUTE - timedelta(seconds=1))
    assert await served(sessions) == [first.id]
    await sweep(shop_of(database), DEAD + 18 * MINUTE)
    assert await served(sessions) == [first.id, second.id]
    passed = await hold_for(sessions, first)
    assert (passed.state, passed.browser) == (HoldState.LAPSED, "waiter1")


async def test_a_piece_that_is_given_back_is_the_first_waiters_at_once(database: Database) -> None:
    sessions = database.writing
    product, held = await held_piece(sessions)
    first, _ = await join(sessions, product, 1), await join(sessions, product, 2)
    await let_go(shop_of(database), held.token, NOON)
    assert await served(sessions) == [first.id]
    assert await state_of(sessions, held) == HoldState.RELEASED
    await let_go(shop_of(database), held.token, NOON)
    assert await served(sessions) == [first.id]


async def test_pieces_counted_in_go_to_the_line_and_what_is_left_to_all(database: Database) -> None:
    sessions = database.writing
    product, _ = await held_piece(sessions)
    places = [await join(sessions, product, n) for n in range(2)]
    await count_in(sessions, product, 3)
    with pytest.raises(OutOfStock):
        await hold(sessions, want(product, 2), browser="b1")
    assert (await hold(sessions, want(product), browser="b1")).state == HoldState.ACTIVE
    with pytest.raises(OutOfStock):
        await hold(sessions, want(product), browser="b2")
    await sweep(shop_of(database), NOON)
    assert await served(sessions) == [place.id for place in places]
    assert await figures(sessions, product) == [(4, 4)]


async def test_a_buyer_who_wants_fewer_keeps_them_and_leaves_the_rest_to_the_line(
    database: Database,
) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=2)
    await hold(sessions, want(product, 2), browser="b1")
    waiter = await join(sessions, product)
    fewer = await hold(sessions, want(product), browser="b1")
    assert [line.quantity for line in fewer.lines] == [1]
    with pytest.raises(PieceHeld):
        await hold_pieces(shop_of(database), (want(product),), "b2", NOON)
    assert await served(sessions) == [waiter.id]
    with pytest.raises(OutOfStock):
        await hold(sessions, want(product, 2), browser="b1")
    assert await state_of(sessions, fewer) == HoldState.ACTIVE


async def test_a_carved_piece_and_another_product_are_nobodys_line(sessions: Sessions) -> None:
    product, _ = await held_piece(sessions)
    await join(sessions, product)
    other = await sibling(sessions, product, on_hand=1)
    carved = await sibling(sessions, product, kind=Kind.MADE_TO_ORDER, on_hand=0)
    await hold(sessions, want(other), browser="b1")
    await hold(sessions, want(carved, 5), browser="b1")


async def test_who_came_by_a_show_is_served_from_it_at_its_price(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    show = await make_live_show(sessions, [product], allotment=1, price_fen=19900)
    link = await link_to(sessions, product, show, by=await staff(sessions, product))
    held = await hold(sessions, Wanted(1, link=link.code), browser="holder")
    waiter = await join(sessions, product, link=link)
    await let_go(shop_of(database), held.token, NOON)
    assert await item_figures(sessions, show) == [(0, 1, 0, 0)]
    found = await hold_pieces(shop_of(database), (Wanted(1, link=link.code),), "waiter1", NOON)
    assert found.id == (await hold_for(sessions, waiter)).id
    assert [(line.fenced, line.unit_fen) for line in found.lines] == [(1, 19900)]


async def test_a_shows_piece_passes_by_who_came_by_no_link_and_keeps_nobody_from_the_show(
    database: Database,
) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    show = await make_live_show(sessions, [product], allotment=1)
    manager = await staff(sessions, product)
    link = await link_to(sessions, product, show, by=manager)
    held = await hold(sessions, Wanted(1, link=link.code), browser="holder")
    outside = await join(sessions, product, 1)
    await let_go(shop_of(database), held.token, NOON)
    assert await served(sessions) == []
    viewer = await hold(sessions, Wanted(1, link=link.code), browser="viewer")
    inside = await join(sessions, product, 2, link=link)
    await let_go(shop_of(database), viewer.token, NOON)
    assert await served(sessions) == [inside.id]
    async with sessions.begin() as session:
        await end_show(session, act(manager), show.id, NOON)
    await sweep(shop_of(database), NOON + 18 * MINUTE)
    assert await served(sessions) == [inside.id, outside.id]


async def test_the_shows_pieces_are_left_to_its_own_line_and_free_ones_to_both(
    sessions: Sessions,
) -> None:
    product = await make_product(sessions, on_hand=2)
    show = await make_live_show(sessions, [product], allotment=1)
    link = await link_to(sessions, product, show, by=await staff(sessions, product))
    await hold(sessions, want(product), browser="holder")
    await hold(sessions, Wanted(1, link=link.code), browser="viewer")
    await join(sessions, product, 1)
    await join(sessions, product, 2, link=link)
    await count_in(sessions, product, 1)
    for wanted in (want(product), Wanted(1, link=link.code)):
        with pytest.raises(OutOfStock):
            await hold(sessions, wanted, browser="b1")
    await count_in(sessions, product, 1)
    for wanted in (want(product), Wanted(1, link=link.code)):
        with pytest.raises(OutOfStock):
            await hold(sessions, wanted, browser="b1")
    await count_in(sessions, product, 1)
    await hold(sessions, want(product), browser="b1")


async def test_who_came_by_a_link_that_was_retired_since_is_served_at_the_plain_price(
    database: Database,
) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    show = await make_live_show(sessions, [product], price_fen=100)
    manager = await staff(sessions, product)
    link = await link_to(sessions, product, show, by=manager)
    held = await hold(sessions, want(product), browser="holder")
    await join(sessions, product, link=link)
    async with sessions.begin() as session:
        await retire_link(session, act(manager), link.code, NOON)
    await let_go(shop_of(database), held.token, NOON)
    found = await hold_pieces(shop_of(database), (want(product),), "waiter1", NOON)
    assert [line.unit_fen for line in found.lines] == [26800]


async def test_nobody_is_served_what_is_not_on_sale(database: Database) -> None:
    sessions = database.writing
    product, held = await held_piece(sessions)
    waiter = await join(sessions, product)
    manager = act(await staff(sessions, product))
    async with sessions.begin() as session:
        await change_product(session, manager, product.id, {"state": ProductState.OFF}, NOON)
    await let_go(shop_of(database), held.token, NOON)
    assert await served(sessions) == []
    assert await figures(sessions, product) == [(1, 0)]
    async with sessions.begin() as session:
        await change_product(session, manager, product.id, {"state": ProductState.ON_SALE}, NOON)
    assert await serve(database, NOON) == 1
    assert await served(sessions) == [waiter.id]


async def ask(database: Database, product: Product, n: int) -> bool:
    try:
        await hold_pieces(shop_of(database), (want(product),), f"asker{n}", DEAD)
    except (OutOfStock, PieceHeld):
        return False
    return True


async def ask_naively(database: Database, product: Product, n: int) -> bool:
    """Free for whoever asks first: what dead holds keep is reclaimed, and the line forgotten."""
    await lapse_holds(database, DEAD, product_id=product.id)
    request = HoldRequest((want(product),), f"asker{n}", DEAD, in_turn=True)
    async with database.writing.begin() as session:
        (made,) = await make_holds(session, [request])
    return isinstance(made, Held)


async def test_a_freed_piece_is_the_waiters_while_eight_others_ask(database: Database) -> None:
    sessions = database.writing
    product, _ = await held_piece(sessions)
    waiter = await join(sessions, product)
    outcomes = await asyncio.gather(*(ask(database, product, n) for n in range(8)))
    assert outcomes == [False] * 8
    assert await served(sessions) == [waiter.id]
    assert await figures(sessions, product) == [(1, 1)]


async def test_the_naive_way_gives_it_to_somebody_else(database: Database) -> None:
    sessions = database.writing
    product, _ = await held_piece(sessions)
    await join(sessions, product)
    outcomes = await asyncio.gather(*(ask_naively(database, product, n) for n in range(8)))
    assert sorted(outcomes) == [False] * 7 + [True]
    assert await serve(database, DEAD) == 0


async def test_a_piece_given_back_while_eight_others_ask_is_the_waiters(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    held = await hold(sessions, want(product), browser="holder", now=DEAD)
    waiter = await join(sessions, product, now=DEAD)
    shop = shop_of(database)
    _, *outcomes = await asyncio.gather(
        let_go(shop, held.token, DEAD), *(ask(database, product, n) for n in range(8))
    )
    assert outcomes == [False] * 8
    assert await served(sessions) == [waiter.id]


async def test_two_sweeps_serve_each_waiter_once(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=3)
    await hold(sessions, want(product, 3), browser="holder")
    places = [await join(sessions, product, n) for n in range(5)]
    await lapse_holds(database, DEAD)
    counts = await asyncio.gather(*(serve(database, DEAD) for _ in range(4)))
    assert sum(counts) == 3
    assert await served(sessions) == [place.id for place in places[:3]]
    assert await figures(sessions, product) == [(3, 3)]
    assert len(await notices(sessions)) == 3


async def all_held(sessions: Sessions, pieces: int) -> tuple[Product, list[Held]]:
    product = await make_product(sessions, on_hand=pieces)
    held = [await hold(sessions, want(product), browser=f"h{n}") for n in range(pieces)]
    return product, held


@pytest.mark.parametrize("given_back", list(itertools.permutations(range(3))))
async def test_in_whatever_order_pieces_come_free_the_line_is_served_in_its_own(
    database: Database, given_back: Sequence[int]
) -> None:
    sessions = database.writing
    product, held = await all_held(sessions, 3)
    places = [await join(sessions, product, n) for n in range(4)]
    shop = shop_of(database)
    for count, n in enumerate(given_back, 1):
        await let_go(shop, held[n].token, NOON)
        assert await served(sessions) == [place.id for place in places[:count]]
    await sweep(shop, NOON + 18 * MINUTE)
    assert await served(sessions) == [place.id for place in places]
