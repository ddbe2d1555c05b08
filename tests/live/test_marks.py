"""Sold out, marked by hand: the show's links sell no more, and what is held stays held."""

import pytest
from sqlalchemy import select

from catalog.db import Sessions
from catalog.errors import NotFound
from catalog.models import AuditEntry, Product, Role
from live.board import board
from live.errors import WrongShowState
from live.marks import mark_sold_out, undo_sold_out
from live.models import Link, Placement, Show
from live.on_air import end_show
from live.selling import Asked, offer
from live.show_view import public_show
from tests.live.acting import host_of, item_of, make_link, pieces, sibling, take_pieces
from tests.making import NOON, act, make_live_show, make_member, make_product, make_station


@pytest.fixture
async def product(sessions: Sessions) -> Product:
    return await make_product(sessions, on_hand=3)


@pytest.fixture
async def show(sessions: Sessions, product: Product) -> Show:
    return await make_live_show(sessions, [product], price_fen=24000)


async def on_sale(sessions: Sessions, asked: Asked) -> bool:
    async with sessions() as session:
        return (await offer(session, asked, NOON.date())).on_sale


async def mark(sessions: Sessions, show: Show, item_id: int, *, undo: bool = False) -> None:
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        do = undo_sold_out if undo else mark_sold_out
        await do(session, host, show.id, item_id, NOON)


async def actions(sessions: Sessions) -> list[str]:
    async with sessions() as session:
        found = select(AuditEntry.action).where(AuditEntry.subject == "line_up_items")
        return list(await session.scalars(found.order_by(AuditEntry.id)))


async def test_a_marked_item_is_not_for_sale_by_the_show_s_links(
    sessions: Sessions, product: Product, show: Show
) -> None:
    link = await make_link(sessions, product, show)
    whole = Link(
        station_id=show.station_id,
        code="WHLSH",
        show_id=show.id,
        placement=Placement.CARD,
        created_at=NOON,
    )
    async with sessions.begin() as session:
        session.add(whole)
    by_show = [Asked(link=link.code), Asked(link=whole.code, product_id=product.id)]
    item = await item_of(sessions, show, product)
    assert [await on_sale(sessions, asked) for asked in by_show] == [True, True]
    for _ in range(2):
        await mark(sessions, show, item.id)
    assert [await on_sale(sessions, asked) for asked in by_show] == [False, False]
    assert await on_sale(sessions, Asked(product_id=product.id))
    async with sessions() as session:
        assert (await board(session, show.id)).items[0].sold_out
        _, shown = await public_show(session, show.id)
    assert shown[0].free == 0
    for _ in range(2):
        await mark(sessions, show, item.id, undo=True)
    assert [await on_sale(sessions, asked) for asked in by_show] == [True, True]
    assert await actions(sessions) == ["line_up_item.sold_out", "line_up_item.on_sale"]


async def test_who_holds_a_piece_keeps_it_and_after_the_show_it_is_for_sale_again(
    sessions: Sessions, product: Product, show: Show
) -> None:
    link = await make_link(sessions, product, show)
    async with sessions.begin() as session:
        await take_pieces(session, link.code, 1)
    await mark(sessions, show, (await item_of(sessions, show, product)).id)
    assert await pieces(sessions, product) == (3, 1)
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        await end_show(session, host, show.id, NOON)
    assert await on_sale(sessions, Asked(link=link.code))


async def test_what_can_not_be_marked_is_refused(
    sessions: Sessions, product: Product, show: Show
) -> None:
    other = await make_live_show(sessions, [await sibling(sessions, product)])
    foreign = (await item_of(sessions, other, (other.items[0].product))).id
    for item_id in (foreign, 999_999):
        with pytest.raises(NotFound):
            await mark(sessions, show, item_id)
    stranger = act(await make_member(sessions, await make_station(sessions, "o"), Role.ASSISTANT))
    item = await item_of(sessions, show, product)
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await mark_sold_out(session, stranger, show.id, item.id, NOON)
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        await end_show(session, host, show.id, NOON)
    for undo in (False, True):
        with pytest.raises(WrongShowState):
            await mark(sessions, show, item.id, undo=undo)
    assert (await item_of(sessions, show, product)).sold_out_at is None
    assert await actions(sessions) == []
