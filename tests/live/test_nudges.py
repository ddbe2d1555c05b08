"""Hints from those who commit to those who watch, in a process and through Redis."""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis

from catalog import stock
from catalog.db import Database
from catalog.models import Product, Role
from catalog.products import change_product
from catalog.touched import PRODUCT, Touched
from live.nudges import ITEM, SHOW, Nudges
from live.on_air import show_now
from tests.live.acting import host_of, item_of, make_link, member_of, sibling, take_pieces
from tests.making import NOON, act, make_live_show, make_product
from tests.serving import free_port


class RedisServer:
    """A Redis of the test's own, which can be killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--save", "", "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + 30
        with redis.Redis(port=self.port) as client:
            while time.monotonic() < until:
                with suppress(redis.ConnectionError):
                    if client.ping():
                        return
                time.sleep(0.02)
        raise AssertionError("Redis did not start")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def own_redis(folder: Path) -> Iterator[RedisServer]:
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def heard_by(nudges: Nudges) -> list[Touched]:
    heard: list[Touched] = []
    nudges.listen(heard.append)
    return heard


def ids_of(heard: list[Touched], kind: str) -> set[int]:
    return {id_ for touched in heard for id_ in touched.get(kind, ())}


async def test_what_is_committed_is_told_and_what_is_rolled_back_is_not(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    second = await sibling(sessions, product)
    show = await make_live_show(sessions, [product, second], allotment=1)
    link = await make_link(sessions, product, show)
    item, host = await item_of(sessions, show, product), await host_of(sessions, show)
    heard = heard_by(Nudges(database))

    async with sessions() as session:
        await take_pieces(session, link.code, 1)
        await session.rollback()
    assert heard == []

    async with sessions.begin() as session:
        async with session.begin_nested():
            await take_pieces(session, link.code, 2)
        assert heard == []
    assert heard == [{ITEM: {item.id}, PRODUCT: {product.id}}]

    heard.clear()
    async with sessions.begin() as session:
        await show_now(session, host, show.id, show.items[1].id, NOON)
    assert ids_of(heard, SHOW) == {show.id}


async def test_stock_and_facts_of_a_product_are_told_by_its_id(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    manager = act(await member_of(sessions, product, Role.MANAGER))
    heard = heard_by(Nudges(database))
    async with sessions.begin() as session:
        loaded = await session.get_one(Product, product.id)
        await stock.change(session, manager, loaded, 2, "盘点", NOON)
    assert ids_of(heard, PRODUCT) == {product.id}
    heard.clear()
    async with sessions.begin() as session:
        await change_product(session, manager, product.id, {"price_fen": 30000}, NOON)
    assert ids_of(heard, PRODUCT) == {product.id}


async def test_reading_and_a_database_without_listeners_tell_nothing(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    heard = heard_by(Nudges(database))
    async with database.reading() as session:
        await session.get_one(Product, product.id)
        await session.commit()
    assert heard == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_redis_brings_a_hint_to_the_other_process_once_and_comes_back_after_a_fall(
    database: Database, tmp_path: Path
) -> None:
    other = Database.connect(database.url)
    sessions = database.writing
    product = await make_product(sessions)
    manager = act(await member_of(sessions, product, Role.MANAGER))

    async def price(fen: int) -> None:
        async with sessions.begin() as session:
            await change_product(session, manager, product.id, {"price_fen": fen}, NOON)

    with own_redis(tmp_path) as server:
        here, there = Nudges(database, server.url), Nudges(other, server.url)
        own, theirs = heard_by(here), heard_by(there)
        running = [asyncio.create_task(nudges.run()) for nudges in (here, there)]
        async with asyncio.timeout(60):
            while not theirs:
                await price(30000)
                await asyncio.sleep(0.1)
            assert ids_of(theirs, PRODUCT) == {product.id}

            server.kill()
            before = len(own)
            await price(31000)
            assert len(own) == before + 1
            await asyncio.sleep(0.2)
            theirs.clear()
            server.start()
            while not theirs:
                await price(32000)
                await asyncio.sleep(0.1)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        # Each heard of its own commits from itself alone.
        commits = len(own)
        assert commits == len([touched for touched in own if PRODUCT in touched])
        await here.close()
        await there.close()
    await other.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_worker_that_publishes_to_nobody_goes_on(database: Database) -> None:
    nudges = Nudges(database, f"redis://127.0.0.1:{free_port()}/0")
    heard = heard_by(nudges)
    product = await make_product(database.writing)
    await nudges.publish()
    assert ids_of(heard, PRODUCT) == {product.id}
    await nudges.close()
