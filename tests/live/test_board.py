"""The live board: figures from the database, sent when they change."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import update

from catalog.db import Database, Sessions
from catalog.errors import NotFound
from catalog.models import Kind, Station
from live import selling
from live.board import Board, board
from live.boards import Boards, Fragments
from live.errors import TooManyWatchers
from live.models import Show, ShowState
from live.on_air import end_show, show_now
from live.scans import ScanCounter
from live.selling import Sale
from live.watching import write_pages
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


def told(message: str) -> dict[str, str]:
    """The fragments in one message."""
    name, data = message.split("\r\n", 1)
    assert name == "event: fragments"
    return msgspec.json.decode(data.removeprefix("data: "), type=dict[str, str])


async def test_a_view_is_rendered_once_for_all_who_watch_it(database: Database) -> None:
    product = await make_product(database.writing)
    second = await sibling(database.writing, product)
    show = await make_live_show(database.writing, [product, second])
    boards, rendered = Boards(database), []

    async def render(latest: Board) -> Fragments:
        rendered.append(latest.now)
        parts = {"now": f"<b id=now>{latest.now}</b>", "same": "<i id=same></i>"}
        return Fragments(parts, {"all": "".join(parts.values())})

    watches = [boards.watch_view(show.id, "page x", render, lambda b: b.now) for _ in range(5)]
    async with asyncio.timeout(20):
        (whole,) = {(await anext(watch)).decode() for watch in watches}
        assert boards.pages() == {show.id: 5}
        await switch(database.writing, show.id, show.items[1].id)
        await boards.nudge(show.id)
        (changed,) = {(await anext(watch)).decode() for watch in watches}
    assert rendered == [show.items[0].id, show.items[1].id]
    frame = f"<b id=now>{show.items[0].id}</b><i id=same></i>"
    assert told(whole) == {"all": frame}
    assert told(changed) == {"now": f"<b id=now>{show.items[1].id}</b>"}
    for watch in watches:
        await watch.aclose()
    assert boards._tasks == {}


async def test_who_missed_a_change_gets_the_whole_state(database: Database) -> None:
    product = await make_product(database.writing)
    show = await make_live_show(database.writing, [product])
    boards, n = Boards(database), iter(range(100))

    async def render(_: Board) -> Fragments:
        return Fragments({"one": f"<b id=one>{next(n)}</b>", "two": "<b id=two></b>"})

    slow = boards.watch_view(show.id, "page y", render, lambda _: next(n))
    quick = boards.watch_view(show.id, "page y", render)
    async with aclosing(slow), aclosing(quick), asyncio.timeout(20):
        await anext(slow)
        await anext(quick)
        for _ in range(2):
            assert told((await anext(quick)).decode()).keys() == {"one"}
        assert told((await anext(slow)).decode()).keys() == {"one", "two"}


async def test_a_view_that_fails_is_tried_again_and_the_others_go_on(database: Database) -> None:
    product = await make_product(database.writing)
    show = await make_live_show(database.writing, [product])
    boards, tries = Boards(database), iter(range(100))

    async def render(_: Board) -> Fragments:
        turn = next(tries)
        if turn in (1, 2):
            raise RuntimeError
        return Fragments({"one": f"{turn}"})

    async with asyncio.timeout(20):
        async with aclosing(
            boards.watch_view(show.id, "page z", render, lambda _: object())
        ) as watch:
            assert b'"0"' in await anext(watch)
            assert b'"3"' in await anext(watch)
    assert boards._tasks == {}


async def test_who_comes_to_a_show_that_is_watched_and_public_needs_no_question(
    database: Database,
) -> None:
    product = await make_product(database.writing)
    show = await make_live_show(database.writing, [product])
    boards = Boards(database)
    assert not boards.is_public(show.id)
    async with asyncio.timeout(20), aclosing(boards.watch_events(show.id)) as watch:
        await anext(watch)
        assert boards.is_public(show.id)
        for table, key, gone, back in (
            (Station, show.station_id, {"is_open": False}, {"is_open": True}),
            (Show, show.id, {"state": ShowState.DRAFT}, {"state": ShowState.LIVE}),
        ):
            for values in (gone, back):
                async with database.writing.begin() as session:
                    await session.execute(update(table).where(table.id == key).values(values))
                await boards.nudge(show.id)
                await anext(watch)
                assert boards.is_public(show.id) is (values is back)
                assert boards.has_view(show.id, "board events") is (values is back)
                assert not boards.has_view(show.id, "another")
    assert not boards.is_public(show.id)


async def test_more_than_a_process_feeds_are_refused(database: Database) -> None:
    product = await make_product(database.writing)
    show = await make_live_show(database.writing, [product])
    boards = Boards(database, most=2)
    watches = [boards.watch_events(show.id) for _ in range(2)]
    for watch in watches:
        boards.must_have_room()
        await anext(watch)
    with pytest.raises(TooManyWatchers):
        boards.must_have_room()
    await watches[0].aclose()
    boards.must_have_room()
    await watches[1].aclose()


async def test_open_pages_are_those_of_processes_that_still_tell(database: Database) -> None:
    product = await make_product(database.writing)
    show = await make_live_show(database.writing, [product])
    now = datetime.now(UTC)
    for process, pages, at in (
        ("a", 3, now),
        ("b", 5, now - timedelta(seconds=14)),
        ("dead", 7, now - timedelta(seconds=16)),
        ("a", 4, now),
    ):
        async with database.writing.begin() as session:
            await write_pages(session, process, {show.id: pages}, at)
    assert (await look(database, show.id)).watching == 9
    async with database.writing.begin() as session:
        await write_pages(session, "a", {}, now)
    assert (await look(database, show.id)).watching == 5
