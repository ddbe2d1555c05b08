"""Two web servers on one PostgreSQL, with Redis between them: the real programs over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from catalog.db import Sessions
from catalog.models import Member
from live.models import Show
from shop.signin import new_api_token
from tests.live.acting import sibling
from tests.live.test_nudges import own_redis
from tests.making import make_live_show, make_product
from tests.serving import Served, served

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

PATIENCE_SECONDS = 60.0

Follow = Callable[[], Awaitable[dict[str, Any]]]


@asynccontextmanager
async def watching(server: Served, show: Show) -> AsyncIterator[Follow]:
    """A watcher that waits for the next board; nothing when the server has ended the stream."""
    url = f"{server.base}/api/shows/{show.id}/events"
    async with (
        httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client,
        client.stream("GET", url) as answer,
    ):
        assert answer.status_code == 200
        lines = answer.aiter_lines()

        async def following() -> dict[str, Any]:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    line = await anext(lines, None)
                    if line is None:
                        return {}
                    if line.startswith("data: "):
                        board: dict[str, Any] = json.loads(line.removeprefix("data: "))
                        return board

        yield following


async def until(following: Follow, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    while not fits(board := await following()):
        pass
    return board


async def pin(server: Served, show: Show, item: int, token: str) -> None:
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        answer = await client.post(
            f"{server.base}/api/shows/{show.id}/now",
            json={"lineup_item": item},
            headers={"Authorization": f"Bearer {token}"},
        )
    assert answer.status_code == 200, answer.text


async def on_air(sessions: Sessions) -> tuple[Show, list[int], str]:
    """A show with two items, and what its host may pin them with."""
    first = await make_product(sessions)
    show = await make_live_show(sessions, [first, await sibling(sessions, first)])
    async with sessions.begin() as session:
        host = await session.get_one(Member, show.host_id)
        token = await new_api_token(session, host, "test", datetime.now(UTC))
    return show, [item.id for item in show.items], token


async def test_a_pin_in_one_reaches_a_watcher_of_the_other_and_outlives_both_falls(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    show, (first, second), token = await on_air(sessions)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    with (
        own_redis(tmp_path) as redis,
        served(database_url, tmp_path / "a", REDIS_URL=redis.url) as one,
        served(database_url, tmp_path / "b", REDIS_URL=redis.url) as two,
    ):
        async with watching(one, show) as following:
            assert (await following())["now"] == first
            await pin(two, show, second, token)
            board = await until(following, lambda board: board["now"] == second)
            assert board["next"] is None

            # Without Redis the same way is taken once a second.
            redis.kill()
            await pin(two, show, first, token)
            await until(following, lambda board: board["now"] == first)
            redis.start()
            await pin(two, show, second, token)
            await until(following, lambda board: board["now"] == second)

            one.kill()
            # Cut off, or ended in time: the last of the server's processes hears of the first.
            with suppress(httpx.HTTPError):
                await until(following, lambda board: not board)
        async with watching(two, show) as following:
            whole = await following()
            assert whole["now"] == second
            assert [item["id"] for item in whole["items"]] == [first, second]


async def test_a_server_that_is_told_to_stop_ends_its_streams_properly(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    show, _, _ = await on_air(sessions)
    with served(database_url, tmp_path) as server:
        async with watching(server, show) as following:
            await following()
            await asyncio.to_thread(server.stop)
            assert await following() == {}
