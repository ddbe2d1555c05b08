"""The live board: figures from the database, sent when they change."""

import asyncio
from contextlib import aclosing
from datetime import timedelta

import msgspec
import pytest

from catalog.db import Database, Sessions
from catalog.errors import NotFound
from catalog.models import Kind
from live import selling
from live.board import Board, board
from live.boards import Boards
from live.models import Show, ShowState
from live.scans import ScanCounter
from live.selling import Sale
from live.shows import end_show, show_now
from tests.live.acting import host_of, item_of, make_link, sibling, take_pieces
from tests.live.test_scans import note
from tests.making import NOON, make_live_show, make_product


async def look(database: Database, show_id: int) -> Board:
    async with database.reading() as session:
        return await board(session, show_id)


async def test_the_figures_are_those_of_the_database(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=5)
    carved = await sibling(sessions, product, kind=Kind.MADE_TO_ORDER, on_hand=0)
    show = await make_live_show(sessions, [product, carved], allotment=0, price_fen=24100)
    link = await make_link(sessions, product, show)
    counter = ScanCounter(database)
    note(counter, link, 7)
    await counter.flush()
    async with sessions.begin() as session:
        await take_pieces(session, link.code, 3)
    item = await item_of(sessions, show, product)
    async with sessions.begin() as session:
        await selling.record_sales(session, [Sale(item.id, 2, 2, 48200)])
    now = await look(database, show.id)
    assert (now.state, now.now, now.next) == (
        ShowState.LIVE,
        item.id,
        (await item_of(sessions, show, carved)).id,
    )
    assert (now.scans, now.holds, now.sold, now.sold_fen) == (7, 1, 2, 48200)
    first, second = now.items
    assert (first.price_fen, first.free, first.holds, first.sold, first.scans) == (
        24100, 2, 1, 2, 7,
    )  # fmt: skip
    assert (second.free, second.holds, second.sold, second.scans) == (None, 0, 0, 0)


async def test_free_counts_the_shows_own_pieces(database: Database) -> None:
    product = await make_product(database.writing, on_hand=5)
    show = await make_live_show(database.writing, [product], allotment=4)
    assert (await look(database, show.id)).items[0].free == 5


async def test_the_last_piece_has_no_next_and_the_end_has_no_now(database: Database) -> None:
    product = await make_product(database.writing)
    second = await sibling(database.writing, product)
    show = await make_live_show(database.writing, [product, second])
    host = await host_of(database.writing, show)
    async with database.writing.begin() as session:
        await show_now(session, host, show.id, show.items[1].id, NOON)
    at_last = await look(database, show.id)
    assert (at_last.now, at_last.next) == (show.items[1].id, None)
    async with database.writing.begin() as session:
        await end_show(session, host, show.id, NOON + timedelta(hours=1))
    over = await look(database, show.id)
    assert (over.state, over.now) == (ShowState.ENDED, None)
    with pytest.raises(NotFound):
        await look(database, 999_999)


async def switch(sessions: Sessions, show_id: int, item_id: int) -> None:
    async with sessions.begin() as session:
        show = await session.get_one(Show, show_id)
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        await show_now(session, host, show_id, item_id, NOON)


async def test_watchers_get_the_state_at_once_and_at_each_change(database: Database) -> None:
    product = await make_product(database.writing)
    second = await sibling(database.writing, product)
    show = await make_live_show(database.writing, [product, second])
    items = [item.id for item in show.items]
    boards = Boards(database)

    async def watch(reached: asyncio.Event) -> list[int | None]:
        seen: list[int | None] = []
        async with aclosing(boards.watch(show.id)) as states:
            async for state in states:
                now = msgspec.json.decode(state, type=Board).now
                if now not in seen:
                    seen.append(now)
                reached.set()
                if now == items[1]:
                    break
        return seen

    reached = [asyncio.Event() for _ in range(3)]
    watchers = [asyncio.create_task(watch(event)) for event in reached]
    async with asyncio.timeout(20):
        await asyncio.gather(*(event.wait() for event in reached))
        await switch(database.writing, show.id, items[1])
        assert await asyncio.gather(*watchers) == [items] * 3
    assert boards._tasks == {}
    assert boards._shows == {}


async def test_nobody_watches_a_show_that_is_not_there(database: Database) -> None:
    boards = Boards(database)
    with pytest.raises(NotFound):
        await anext(boards.watch(999_999))
    assert boards._tasks == {}
