"""Holds: pieces promised to one buyer, all or nothing, and never kept by a dead hold."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from catalog.db import Database, Sessions
from catalog.errors import Invalid, NotFound, OutOfStock
from catalog.models import Kind, Product, ProductState, Stock
from catalog.products import change_product
from live.errors import LinkRetired
from live.links import retire_link
from live.on_air import end_show
from shop import holds
from shop.buying import hold_pieces
from shop.errors import NotOnSale, PieceHeld, PriceChanged
from shop.holding import MOST_LINES, Wanted
from shop.holds import (
    KEPT,
    SHOWN,
    Held,
    get_hold,
    is_open,
    lapse_holds,
    release_hold,
)
from shop.models import Hold, HoldState
from tests.making import NOON, act, make_live_show, make_product, make_station, make_workshop
from tests.shop.sales import (
    expire,
    figures,
    hold,
    hold_of,
    item_figures,
    link_to,
    order,
    pay,
    shop_of,
    staff,
    two_workshops,
    want,
)

DEAD = NOON + KEPT
"""The moment at which a hold made at noon is over."""


async def count_holds(sessions: Sessions) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(Hold)) or 0


async def state_of(sessions: Sessions, made: Held) -> HoldState:
    async with sessions() as session:
        return (await get_hold(session, made.token)).state


async def release(sessions: Sessions, made: Held) -> HoldState:
    """How the hold stands after its buyer gave it back."""
    async with sessions.begin() as session:
        await release_hold(session, made.token)
    return await state_of(sessions, made)


async def change(sessions: Sessions, product: Product, **values: object) -> None:
    manager = await staff(sessions, product)
    async with sessions.begin() as session:
        await change_product(session, act(manager), product.id, values, NOON)


async def test_a_hold_has_a_clock_for_the_buyer_and_a_longer_one_for_the_pieces(
    sessions: Sessions,
) -> None:
    product = await make_product(sessions, on_hand=3)
    made = await hold(sessions, want(product, 2))
    assert made.state == HoldState.ACTIVE
    assert (made.shown_until, made.expires_at) == (
        NOON + timedelta(minutes=12),
        NOON + timedelta(minutes=15),
    )
    assert [(line.product_id, line.quantity, line.unit_fen) for line in made.lines] == [
        (product.id, 2, 26800)
    ]
    assert await figures(sessions, product) == [(3, 2)]


async def test_a_hold_is_open_until_its_second_clock_is_over(sessions: Sessions) -> None:
    made = await hold(sessions, want(await make_product(sessions)))
    assert is_open(made, NOON + SHOWN)
    assert is_open(made, DEAD - timedelta(microseconds=1))
    assert not is_open(made, DEAD)


async def test_the_same_browser_finds_its_hold_again(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=1)
    first = await hold(sessions, want(product), browser="b1")
    again = await hold(sessions, want(product), browser="b1", now=NOON + timedelta(minutes=5))
    assert again.token == first.token
    assert again.expires_at == DEAD
    assert await figures(sessions, product) == [(1, 1)]


async def test_another_browser_and_one_without_a_name_do_not_find_it(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    tokens = {
        (await hold(sessions, want(product), browser=browser)).token
        for browser in ("b1", "b2", "", "")
    }
    assert len(tokens) == 4
    assert await figures(sessions, product) == [(5, 4)]


async def test_a_hold_that_is_over_or_given_back_is_not_found_again(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    first = await hold(sessions, want(product), browser="b1")
    second = await hold(sessions, want(product), browser="b1", now=DEAD)
    assert second.token != first.token
    await release(sessions, second)
    third = await hold(sessions, want(product), browser="b1", now=DEAD)
    assert third.token not in (first.token, second.token)


async def test_a_price_that_changes_later_does_not_change_a_hold(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=1)
    first = await hold(sessions, want(product), browser="b1")
    await change(sessions, product, price_fen=30000)
    again = await hold(sessions, want(product, seen_fen=30000), browser="b1")
    assert again.token == first.token
    assert again.lines[0].unit_fen == 26800


async def test_a_price_other_than_the_one_seen_holds_nothing(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=1)
    await change(sessions, product, price_fen=30000)
    with pytest.raises(PriceChanged):
        await hold(sessions, want(product, seen_fen=26800))
    assert await figures(sessions, product) == [(1, 0)]
    assert (await hold(sessions, want(product, seen_fen=30000))).lines[0].unit_fen == 30000


async def test_a_link_gives_the_price_of_its_show_while_it_is_on_air(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    show = await make_live_show(sessions, [product], price_fen=19900)
    host = await staff(sessions, product)
    link = await link_to(sessions, product, show, by=host)
    made = await hold(sessions, Wanted(1, link=link.code))
    assert (made.lines[0].unit_fen, made.lines[0].link_id) == (19900, link.id)
    assert (await hold(sessions, want(product))).lines[0].unit_fen == 26800
    async with sessions.begin() as session:
        await end_show(session, act(host), show.id, NOON)
    assert (await hold(sessions, Wanted(1, link=link.code))).lines[0].unit_fen == 26800


async def test_a_shows_own_code_gives_its_price_to_the_product_chosen_there(
    sessions: Sessions,
) -> None:
    product = await make_product(sessions, on_hand=2)
    show = await make_live_show(sessions, [product], price_fen=19900)
    link = await link_to(sessions, None, show, by=await staff(sessions, product))
    made = await hold(sessions, Wanted(1, link=link.code, product=product.id))
    assert (made.lines[0].unit_fen, made.lines[0].link_id) == (19900, link.id)
    with pytest.raises(NotFound):
        await hold(sessions, Wanted(1, link=link.code))


async def test_a_retired_link_sells_nothing(sessions: Sessions) -> None:
    product = await make_product(sessions)
    manager = await staff(sessions, product)
    link = await link_to(sessions, product, by=manager)
    async with sessions.begin() as session:
        await retire_link(session, act(manager), link.code, NOON)
    with pytest.raises(LinkRetired):
        await hold(sessions, Wanted(1, link=link.code))
    assert await figures(sessions, product) == [(3, 0)]


async def test_what_is_not_on_sale_is_not_held(sessions: Sessions) -> None:
    product = await make_product(sessions)
    for state in (ProductState.DRAFT, ProductState.OFF):
        await change(sessions, product, state=state)
        with pytest.raises(NotOnSale):
            await hold(sessions, want(product))
    assert await figures(sessions, product) == [(3, 0)]


async def test_what_nobody_made_is_not_found(sessions: Sessions) -> None:
    for link in ("ZZZZZ", "", "\x00", "扫", "7K3FD' OR 1=1", "7" * 5000, "\ud800"):
        with pytest.raises(NotFound):
            await hold(sessions, Wanted(1, link=link))
    for product in (0, -1, 1, 2**63, 10**30, "x", None, 1.5, True):
        with pytest.raises(NotFound):
            await hold(sessions, Wanted(1, product=product))


async def test_what_is_carved_to_order_takes_no_pieces(sessions: Sessions) -> None:
    product = await make_product(sessions, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7)
    show = await make_live_show(sessions, [product])
    link = await link_to(sessions, product, show, by=await staff(sessions, product))
    made = await hold(sessions, Wanted(40, link=link.code))
    assert await figures(sessions, product) == [(0, 0)]
    assert await item_figures(sessions, show) == [(0, 40, 0, 0)]
    await release(sessions, made)
    assert await figures(sessions, product) == [(0, 0)]
    assert await item_figures(sessions, show) == [(0, 0, 0, 0)]


async def test_several_products_are_held_together_in_id_order(sessions: Sessions) -> None:
    low, high = await two_workshops(sessions)
    made = await hold(sessions, want(high, 2), want(low), want(high))
    assert [(line.product_id, line.quantity) for line in made.lines] == [(low.id, 1), (high.id, 3)]
    assert await figures(sessions, low, high) == [(3, 1), (3, 3)]


async def test_a_hold_is_all_or_nothing(sessions: Sessions) -> None:
    low, high = await two_workshops(sessions, on_hand=2)
    show = await make_live_show(sessions, [low], allotment=1)
    link = await link_to(sessions, low, show, by=await staff(sessions, low))
    with pytest.raises(OutOfStock) as refused:
        await hold(sessions, Wanted(2, link=link.code), want(high, 3))
    assert (refused.value.product_id, refused.value.wanted) == (high.id, 3)
    assert await figures(sessions, low, high) == [(2, 1), (2, 0)]
    assert await item_figures(sessions, show) == [(1, 0, 0, 0)]
    assert await count_holds(sessions) == 0


async def test_a_number_of_pieces_that_makes_no_sense_is_refused(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=200)
    for quantity in (0, -1, 100, 10**9, 10**30, "x", "", None, 1.5, True):
        with pytest.raises(Invalid) as refused:
            await hold(sessions, want(product), want(product, quantity))
        assert list(refused.value.errors) == ["items.1.quantity"]
    assert await figures(sessions, product) == [(200, 0)]


async def test_the_limit_of_pieces_counts_all_lines_of_a_product(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=200)
    with pytest.raises(Invalid) as refused:
        await hold(sessions, want(product, 60), want(product, 40))
    assert list(refused.value.errors) == ["items.1.quantity"]
    assert (await hold(sessions, want(product, "60"), want(product, "39"))).lines[0].quantity == 99


async def test_an_empty_cart_and_one_too_long_are_refused(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=99)
    for wanted in ([], [want(product)] * (MOST_LINES + 1)):
        with pytest.raises(Invalid) as refused:
            await hold(sessions, *wanted)
        assert list(refused.value.errors) == ["items"]


async def test_the_pieces_of_two_stations_are_not_bought_at_once(sessions: Sessions) -> None:
    ours = await make_product(sessions)
    theirs = await make_product(
        sessions, await make_workshop(sessions, await make_station(sessions, "other"))
    )
    with pytest.raises(Invalid) as refused:
        await hold(sessions, want(ours), want(theirs))
    assert refused.value.errors == {"items": "不同站的作品请分开买。"}
    assert await figures(sessions, ours, theirs) == [(3, 0), (3, 0)]


async def test_what_is_given_back_is_free_again_once(sessions: Sessions) -> None:
    low, high = await two_workshops(sessions)
    made = await hold(sessions, want(low, 2), want(high))
    other = await hold(sessions, want(low))
    await release(sessions, made)
    assert await release(sessions, made) == HoldState.RELEASED
    assert await figures(sessions, low, high) == [(3, 1), (3, 0)]
    assert await state_of(sessions, other) == HoldState.ACTIVE


async def test_pieces_of_a_show_go_back_to_the_show_while_it_lasts(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    show = await make_live_show(sessions, [product], allotment=2)
    link = await link_to(sessions, product, show, by=await staff(sessions, product))
    made = await hold(sessions, Wanted(3, link=link.code))
    assert made.lines[0].fenced == 2
    assert await figures(sessions, product) == [(5, 3)]
    assert await item_figures(sessions, show) == [(0, 3, 0, 0)]
    await release(sessions, made)
    assert await figures(sessions, product) == [(5, 2)]
    assert await item_figures(sessions, show) == [(2, 0, 0, 0)]


async def test_pieces_of_a_show_that_has_ended_go_back_to_free_stock(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    show = await make_live_show(sessions, [product], allotment=3)
    manager = await staff(sessions, product)
    link = await link_to(sessions, product, show, by=manager)
    made = await hold(sessions, Wanted(2, link=link.code))
    async with sessions.begin() as session:
        await end_show(session, act(manager), show.id, NOON)
    assert await figures(sessions, product) == [(5, 2)]
    await release(sessions, made)
    assert await figures(sessions, product) == [(5, 0)]
    assert await item_figures(sessions, show) == [(0, 0, 0, 0)]


async def test_the_pieces_of_a_show_are_not_for_those_who_come_by_no_link(
    sessions: Sessions,
) -> None:
    product = await make_product(sessions, on_hand=2)
    await make_live_show(sessions, [product], allotment=2)
    with pytest.raises(OutOfStock):
        await hold(sessions, want(product))
    assert await figures(sessions, product) == [(2, 2)]


async def test_the_sweep_frees_exactly_what_is_due(database: Database) -> None:
    sessions = database.writing
    product, other = await two_workshops(sessions, on_hand=9)
    dead = await hold(sessions, want(product, 2))
    alive = await hold(sessions, want(product), now=NOON + timedelta(seconds=1))
    elsewhere = await hold(sessions, want(other, 4))
    released = await hold(sessions, want(product))
    await release(sessions, released)
    placed = await order(sessions, want(product))
    assert await lapse_holds(database, DEAD - timedelta(microseconds=1)) == 0
    assert await lapse_holds(database, DEAD, product_id=product.id) == 1
    assert await figures(sessions, product, other) == [(9, 2), (9, 4)]
    assert await lapse_holds(database, DEAD) == 1
    assert await lapse_holds(database, DEAD) == 0
    assert await figures(sessions, product, other) == [(9, 2), (9, 0)]
    states = [await state_of(sessions, one) for one in (dead, alive, elsewhere, released)]
    assert states == [HoldState.LAPSED, HoldState.ACTIVE, HoldState.LAPSED, HoldState.RELEASED]
    assert (await hold_of(sessions, placed)).state == HoldState.ORDERED


async def test_who_needs_the_piece_reclaims_a_dead_hold_at_once(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    dead = await hold(sessions, want(product))
    made = await hold_pieces(shop_of(database), (want(product),), "b2", DEAD)
    assert made.state == HoldState.ACTIVE
    assert await state_of(sessions, dead) == HoldState.LAPSED
    assert await figures(sessions, product) == [(1, 1)]


async def test_who_comes_second_reads_until_when_the_piece_is_held(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    await hold(sessions, want(product))
    with pytest.raises(PieceHeld) as refused:
        await hold_pieces(shop_of(database), (want(product),), "b2", NOON)
    assert refused.value.until == DEAD
    assert "留到 12:15。" in refused.value.text


async def test_who_comes_while_an_order_is_being_paid_reads_until_when(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    await order(sessions, want(product))
    with pytest.raises(PieceHeld) as refused:
        await hold_pieces(shop_of(database), (want(product),), "b2", NOON)
    assert refused.value.until == NOON + timedelta(minutes=34)


async def test_who_comes_after_the_sale_reads_that_the_piece_is_gone(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    await pay(sessions, await order(sessions, want(product)))
    with pytest.raises(OutOfStock) as refused:
        await hold_pieces(shop_of(database), (want(product),), "b2", NOON)
    assert refused.value.text == "这件作品刚刚没有了。"


async def test_a_piece_that_an_expired_order_gave_back_can_be_bought(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    await expire(sessions, await order(sessions, want(product)))
    await hold_pieces(shop_of(database), (want(product),), "b2", NOON)
    assert await figures(sessions, product) == [(1, 1)]


async def test_a_browser_that_asks_for_more_is_not_in_its_own_way(database: Database) -> None:
    sessions = database.writing
    low, high = await two_workshops(sessions, on_hand=1)
    shop = shop_of(database)
    first = await hold_pieces(shop, (want(high),), "b1", NOON)
    both = await hold_pieces(shop, (want(low), want(high)), "b1", NOON)
    assert await state_of(sessions, first) == HoldState.RELEASED
    assert await figures(sessions, low, high) == [(1, 1), (1, 1)]
    again = await hold_pieces(shop, (want(low), want(high)), "b1", NOON)
    assert again.token == both.token


async def test_a_browser_that_can_not_have_more_keeps_what_it_has(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    shop = shop_of(database)
    first = await hold_pieces(shop, (want(product),), "b1", NOON)
    with pytest.raises(OutOfStock):
        await hold_pieces(shop, (want(product, 2),), "b1", NOON)
    assert await state_of(sessions, first) == HoldState.ACTIVE
    assert await figures(sessions, product) == [(1, 1)]


async def try_to_hold(database: Database, wanted: tuple[Wanted, ...], browser: str) -> bool:
    try:
        await hold_pieces(shop_of(database), wanted, browser, DEAD)
    except (OutOfStock, PieceHeld):
        return False
    return True


async def test_two_buyers_of_one_piece_at_once(database: Database) -> None:
    product = await make_product(database.writing, on_hand=1)
    outcomes = await asyncio.gather(
        *(try_to_hold(database, (want(product),), f"b{n}") for n in range(2))
    )
    assert sorted(outcomes) == [False, True]
    assert await figures(database.writing, product) == [(1, 1)]
    assert await count_holds(database.writing) == 1


def carts(a: Product, b: Product) -> list[tuple[Wanted, ...]]:
    """What forty buyers want: both products in either order, or one of them."""
    kinds = [(want(a), want(b)), (want(b), want(a)), (want(a),), (want(b),)]
    return [kinds[n % 4] for n in range(40)]


async def test_forty_buyers_of_five_pieces_at_once(database: Database) -> None:
    sessions = database.writing
    a, b = await two_workshops(sessions, on_hand=3)
    await hold(sessions, want(b), now=DEAD)
    wanted = carts(a, b)
    outcomes = await asyncio.gather(
        *(try_to_hold(database, cart, f"b{n}") for n, cart in enumerate(wanted))
    )
    assert sum(len(cart) for cart, won in zip(wanted, outcomes, strict=True) if won) == 5
    assert await figures(sessions, a, b) == [(3, 3), (3, 3)]


async def hold_naively(database: Database, cart: tuple[Wanted, ...]) -> bool:
    """Read, think, write back: what a hold must not do."""
    ids = [int(str(one.product)) for one in cart]
    async with database.reading() as session:
        held = {n: (await session.get_one(Stock, n)).held for n in ids}
    await asyncio.sleep(0)
    async with database.writing.begin() as session:
        for n in sorted(ids):
            row = await session.get_one(Stock, n)
            if held[n] >= row.on_hand:
                return False
            row.held = held[n] + 1
    return True


async def test_the_naive_way_sells_more_than_there_is(database: Database) -> None:
    a, b = await two_workshops(database.writing, on_hand=3)
    wanted = carts(a, b)
    outcomes = await asyncio.gather(*(hold_naively(database, cart) for cart in wanted))
    assert sum(len(cart) for cart, won in zip(wanted, outcomes, strict=True) if won) > 6


async def test_all_who_need_what_one_dead_hold_keeps_get_it(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=8)
    await hold(sessions, want(product, 8))
    outcomes = await asyncio.gather(
        *(try_to_hold(database, (want(product),), f"b{n}") for n in range(8))
    )
    assert outcomes == [True] * 8
    assert await figures(sessions, product) == [(8, 8)]


async def test_a_button_pressed_twice_finds_one_hold(database: Database) -> None:
    product = await make_product(database.writing, on_hand=1)
    made = await asyncio.gather(
        *(hold_pieces(shop_of(database), (want(product),), "b1", NOON) for _ in range(4))
    )
    assert len({one.token for one in made}) == 1
    assert await figures(database.writing, product) == [(1, 1)]


@pytest.mark.parametrize("allotment", [0, 4])
async def test_buyers_who_take_and_give_back_at_once_do_not_block_each_other(
    database: Database, allotment: int
) -> None:
    sessions = database.writing
    low, high = await two_workshops(sessions, on_hand=8)
    show = await make_live_show(sessions, [high, low], allotment=allotment)
    by = await staff(sessions, low)
    links = [await link_to(sessions, product, show, by=by) for product in (low, high)]

    async def come_and_go(n: int) -> None:
        cart = [Wanted(1, link=link.code) for link in links[:: 1 if n % 2 else -1]]
        for _ in range(4):
            await release(sessions, await hold(sessions, *cart))

    await asyncio.gather(*(come_and_go(n) for n in range(8)))
    assert await figures(sessions, low, high) == [(8, allotment)] * 2
    assert await item_figures(sessions, show) == [(allotment, 0, 0, 0)] * 2


async def test_a_hold_that_is_given_back_as_it_is_looked_for_is_not_handed_out(
    database: Database,
) -> None:
    """The browser's other tab gives the hold back while this one asks for it again."""
    sessions = database.writing
    product = await make_product(sessions, on_hand=2)
    first = await hold(sessions, want(product), browser="b1")
    tokens = await asyncio.gather(
        release(sessions, first), hold(sessions, want(product), browser="b1")
    )
    async with sessions() as session:
        found = await get_hold(session, tokens[1].token)
    assert found.state == HoldState.ACTIVE or found.token == first.token
    assert (await figures(sessions, product)) == [(2, int(found.state == HoldState.ACTIVE))]


async def test_until_when_somebody_pays_for_a_product(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=5)
    async with database.reading() as session:
        assert await holds.held_until(session, product.id, NOON) is None
    await hold(sessions, want(product), now=NOON + timedelta(minutes=1))
    await hold(sessions, want(product))
    async with database.reading() as session:
        assert await holds.held_until(session, product.id, NOON) == DEAD
        later = DEAD + timedelta(minutes=1)
        assert await holds.held_until(session, product.id, DEAD) == later
        assert await holds.held_until(session, product.id, later) is None
