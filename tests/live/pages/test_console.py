"""The console: what the host reads, and the fragments that keep it true."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from httpx import ASGITransport, AsyncClient
from litestar import Litestar

from catalog.db import Sessions
from catalog.models import Product, Role
from live.models import Show
from live.pages.console import PARTS
from live.shows import end_show, show_now
from shop.app import create_app
from shop.signin import sign_in
from tests.live.acting import host_of, item_of, make_link, member_of, sibling, take_pieces
from tests.making import NOON, PASSWORD, make_live_show, make_product
from tests.web import Browser, browser, settings_for


@pytest.fixture
async def products(sessions: Sessions) -> list[Product]:
    first = await make_product(sessions, on_hand=2)
    return [first, await sibling(sessions, first, name="平安竖匾")]


@pytest.fixture
async def show(sessions: Sessions, products: list[Product]) -> Show:
    return await make_live_show(sessions, products, price_fen=24100)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Any:
    return settings_for(database_url, tmp_path)


async def opened(web: Browser, sessions: Sessions, show: Show, role: Role, product: Product) -> str:
    member = await member_of(sessions, product, role)
    await web.sign_in(member.login)
    return (await web.get(f"/desk/shows/{show.id}/console")).text


async def test_the_console_shows_now_and_next_with_their_keys(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    await make_link(sessions, products[0], show)
    second = await item_of(sessions, show, products[1])
    async with browser(settings) as web:
        page = await opened(web, sessions, show, Role.ASSISTANT, products[0])
        assert "<h1>福字圆挂</h1>" in page
        assert "¥241" in page
        assert "还有 2 件" in page
        assert "下一件：平安竖匾" in page
        assert 'data-key="K"' in page
        assert f'id="seat-{second.id}" name="item" value="{second.id}" data-key="2"' in page
        assert "7 K 3 F D" in page
        answer = await web.submit(f"/desk/shows/{show.id}/now", {"item": str(second.id)})
        assert answer.headers["location"] == f"/desk/shows/{show.id}/console"
        page = (await web.get(answer.headers["location"])).text
        assert "<h1>平安竖匾</h1>" in page
        assert "这是最后一件" in page
        assert 'data-key="J"' in page


async def test_a_volunteer_reads_along_without_buttons(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    async with browser(settings) as web:
        page = await opened(web, sessions, show, Role.VOLUNTEER, products[0])
    assert "<h1>福字圆挂</h1>" in page
    assert "data-key=" not in page
    assert "go-next" not in page


async def test_the_console_of_an_ended_show_says_so(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    async with sessions.begin() as session:
        await end_show(session, await host_of(sessions, show), show.id, NOON)
    async with browser(settings) as web:
        page = await opened(web, sessions, show, Role.MANAGER, products[0])
    assert "这一场已经结束" in page
    assert "data-key=" not in page


@asynccontextmanager
async def listening(app: Litestar, path: str, cookie: str) -> AsyncIterator[asyncio.Queue[bytes]]:
    """The bytes of an event stream as they come; clients for tests wait for an answer's end."""
    chunks: asyncio.Queue[bytes] = asyncio.Queue()
    gone = asyncio.Event()

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
        else:
            chunks.put_nowait(message["body"])

    scope: Any = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": path, "raw_path": path.encode(), "root_path": "",
        "query_string": b"", "headers": [(b"cookie", cookie.encode())],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "extensions": {},
    }  # fmt: skip
    answer = asyncio.create_task(app(scope, receive, send))
    try:
        yield chunks
    finally:
        gone.set()
        await answer


async def fragments(chunks: "asyncio.Queue[bytes]", wanted: set[str]) -> dict[str, str]:
    """Read until each part in `wanted` has come."""
    found: dict[str, str] = {}
    async with asyncio.timeout(20):
        while not wanted <= found.keys():
            for line in (await chunks.get()).decode().splitlines():
                if line.startswith("data: "):
                    fragment = msgspec.json.decode(line[6:], type=dict[str, str])
                    found[fragment["id"]] = fragment["html"]
    return found


@pytest.fixture
async def app(settings: Any) -> AsyncIterator[Litestar]:
    """The application in the test's own loop."""
    app = create_app(settings)
    yield app
    await app.state.shop.close()


async def test_what_changes_is_sent_as_fragments_and_the_rest_is_left_alone(
    sessions: Sessions, products: list[Product], show: Show, app: Litestar
) -> None:
    link = await make_link(sessions, products[0], show)
    second = await item_of(sessions, show, products[1])
    host = await host_of(sessions, show)
    login = (await member_of(sessions, products[0], Role.HOST)).login
    token, _ = await sign_in(
        app.state.shop.database, login, PASSWORD, "127.0.0.1", datetime.now(UTC)
    )
    path, cookie = f"/desk/shows/{show.id}/console", f"xb_session={token}"
    async with AsyncClient(transport=ASGITransport(app), base_url="http://x") as client:
        page = (await client.get(path, headers={"Cookie": cookie})).text
    boards = app.state.boards
    async with listening(app, f"{path}/events", cookie) as chunks:
        whole = await fragments(chunks, set(PARTS))
        for part, html in whole.items():
            assert f'id="{part}"' in html
            assert html.strip() in page
        async with sessions.begin() as session:
            await take_pieces(session, link.code, 2)
        await boards.nudge(show.id)
        changed = await fragments(chunks, {"figures", "piece", "lineup"})
        assert "都有人在付款" in changed["piece"]
        assert "预留中" in changed["lineup"]
        assert not {"controls", "code", "state"} & changed.keys()
        async with sessions.begin() as session:
            await show_now(session, host, show.id, second.id, NOON)
        await boards.nudge(show.id)
        changed = await fragments(chunks, {"piece", "controls", "code"})
        assert "平安竖匾" in changed["piece"]
        assert "figures" not in changed
    assert boards._tasks == {}
