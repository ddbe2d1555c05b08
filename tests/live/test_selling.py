"""What a show means for a sale: its price, its own pieces first, its counters."""

from datetime import timedelta

import pytest

from catalog.db import Sessions
from catalog.errors import NotFound, OutOfStock
from catalog.models import Kind, Product
from live import selling
from live.errors import LinkRetired
from live.links import retire_link
from live.models import Show
from live.on_air import end_show
from live.selling import Asked, Offer, Pieces, Sale, Share
from tests.live.acting import host_of, item_of, make_link, pieces, take_pieces
from tests.making import NOON, make_live_show, make_product

CODE = "7K3FD"


async def take(sessions: Sessions, quantity: int) -> int:
    """Hold pieces by the product's code; how many were the show's own."""
    async with sessions.begin() as session:
        return await take_pieces(session, CODE, quantity)


async def offered(sessions: Sessions) -> Offer:
    async with sessions() as session:
        return await selling.offer(session, Asked(link=CODE), NOON.date())


async def give_back(
    sessions: Sessions, show: Show, product: Product, quantity: int, fenced: int
) -> None:
    item = await item_of(sessions, show, product)
    async with sessions.begin() as session:
        share = Share(product.id, item.id, quantity, product.kind == Kind.MADE_TO_ORDER, fenced)
        locked = await Pieces.lock(session, [], [share])
        locked.give_back(share)
        await locked.write(session)


async def end(sessions: Sessions, show: Show) -> None:
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        await end_show(session, host, show.id, NOON + timedelta(hours=1))


async def counters(sessions: Sessions, show: Show, product: Product) -> tuple[int, int, int, int]:
    item = await item_of(sessions, show, product)
    return item.allotment_left, item.holding, item.sold, item.sold_fen


async def test_the_show_price_holds_while_the_show_is_on_air(sessions: Sessions) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product], price_fen=24100)
    await make_link(sessions, product, show)
    assert (await offered(sessions)).price_fen == 24100
    async with sessions() as session:
        assert (
            await selling.offer(session, Asked(product_id=product.id), NOON.date())
        ).price_fen == 26800
    await end(sessions, show)
    assert (await offered(sessions)).price_fen == 26800


async def test_without_a_show_price_the_usual_one_holds(sessions: Sessions) -> None:
    product = await make_product(sessions)
    await make_link(sessions, product, await make_live_show(sessions, [product]))
    found = await offered(sessions)
    assert found.item_id is not None
    assert found.price_fen == 26800


async def test_a_retired_or_unknown_code_offers_nothing(sessions: Sessions) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    await make_link(sessions, product, show)
    async with sessions.begin() as session:
        await retire_link(session, await host_of(sessions, show), CODE, NOON)
    with pytest.raises(LinkRetired):
        await offered(sessions)
    async with sessions() as session:
        with pytest.raises(NotFound):
            await selling.offer(session, Asked(link="22222"), NOON.date())


async def test_the_shows_own_pieces_go_first(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    show = await make_live_show(sessions, [product], allotment=2)
    await make_link(sessions, product, show)
    assert await take(sessions, 1) == 1
    assert await pieces(sessions, product) == (5, 2)
    assert await take(sessions, 3) == 1
    assert await pieces(sessions, product) == (5, 4)
    assert await counters(sessions, show, product) == (0, 4, 0, 0)
    with pytest.raises(OutOfStock):
        await take(sessions, 2)
    assert await pieces(sessions, product) == (5, 4)
    assert await counters(sessions, show, product) == (0, 4, 0, 0)


async def test_fenced_pieces_are_not_sold_outside_the_show(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=2)
    show = await make_live_show(sessions, [product], allotment=2)
    async with sessions.begin() as session:
        share = Share(product.id, None, 1, carved=False)
        locked = await Pieces.lock(session, [share])
        with pytest.raises(OutOfStock):
            locked.take(share)
    await make_link(sessions, product, show)
    assert await take(sessions, 2) == 2


async def test_what_is_given_back_goes_where_it_came_from(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    show = await make_live_show(sessions, [product], allotment=2)
    await make_link(sessions, product, show)
    fenced = await take(sessions, 3)
    await give_back(sessions, show, product, 3, fenced)
    assert await counters(sessions, show, product) == (2, 0, 0, 0)
    assert await pieces(sessions, product) == (5, 2)


async def test_after_the_end_everything_given_back_is_free(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    show = await make_live_show(sessions, [product], allotment=2)
    await make_link(sessions, product, show)
    fenced = await take(sessions, 1)
    await end(sessions, show)
    assert await pieces(sessions, product) == (5, 1)
    await give_back(sessions, show, product, 1, fenced)
    assert await pieces(sessions, product) == (5, 0)
    assert await counters(sessions, show, product) == (0, 0, 0, 0)


async def test_a_sale_counts_and_leaves_the_holds(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    show = await make_live_show(sessions, [product], allotment=2, price_fen=24100)
    await make_link(sessions, product, show)
    await take(sessions, 2)
    item = await item_of(sessions, show, product)
    async with sessions.begin() as session:
        await selling.record_sales(
            session, [Sale(item.id, 2, 2, 48200), Sale(item.id, 1, 0, 24100)]
        )
    assert await counters(sessions, show, product) == (0, 0, 3, 72300)


async def test_what_is_carved_to_order_is_counted_and_takes_no_pieces(sessions: Sessions) -> None:
    product = await make_product(sessions, kind=Kind.MADE_TO_ORDER, on_hand=0)
    show = await make_live_show(sessions, [product])
    await make_link(sessions, product, show)
    assert await take(sessions, 4) == 0
    assert await counters(sessions, show, product) == (0, 4, 0, 0)
    await give_back(sessions, show, product, 4, 0)
    assert await pieces(sessions, product) == (0, 0)
