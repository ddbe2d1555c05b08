"""The overlay's page and its messages over HTTP."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar import Litestar

from catalog.db import Sessions
from live.models import Overlay, Show
from live.overlays import make_overlay, revoke, set_policy
from live.pages import overlay as pages
from tests.live.acting import host_of, make_link
from tests.live.pages.test_console import listening
from tests.making import NOON, make_live_show, make_product
from tests.serving import eventually
from tests.web import application, browser, settings_for


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Any:
    return settings_for(database_url, tmp_path)


@pytest.fixture
async def app(settings: Any) -> AsyncIterator[Litestar]:
    """The application in the test's own loop."""
    with application(settings) as app:
        yield app
        await app.state.shop.close()


@pytest.fixture
async def show(sessions: Sessions) -> Show:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    await make_link(sessions, product, show)
    return show


async def made(sessions: Sessions, show: Show) -> tuple[Overlay, str]:
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        return await make_overlay(session, host, NOON, channel="抖音")


async def test_a_stranger_with_the_address_sees_the_piece_and_nothing_to_press(
    sessions: Sessions, show: Show, settings: Any
) -> None:
    _, token = await made(sessions, show)
    async with browser(settings) as web:
        for canvas, name in (
            ("", "wide"),
            ("?canvas=1920x1080", "wide"),
            ("?canvas=1080x1920", "tall"),
        ):
            answer = await web.get(f"/overlay/{token}{canvas}")
            assert answer.status_code == 200
            assert f'<body class="{name}"' in answer.text
            assert f'data-events="/overlay/{token}/events"' in answer.text
            assert "福字圆挂" in answer.text
            assert "7K3FD" in answer.text
            assert re.findall("<(?:a|button|form|input)[ >]", answer.text) == []
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy


async def test_what_is_wrong_with_an_address_is_said_in_plain_text(
    sessions: Sessions, show: Show, settings: Any
) -> None:
    _, token = await made(sessions, show)
    async with browser(settings) as web:
        for canvas in ("", "1280x720", "1920X1080", "<script>"):
            answer = await web.get(f"/overlay/{token}?canvas={canvas}")
            assert (answer.status_code, answer.text) == (
                400,
                "画布只能是 1920x1080 或 1080x1920，请改地址里 canvas= 后面的字。",
            )
            assert answer.headers["content-type"].startswith("text/plain")
        answer = await web.get("/overlay/nobody-has-this")
        assert (answer.status_code, answer.text) == (
            404,
            "没有这个叠加层。请到工作台“叠加层”里重新做一个地址。",
        )
        assert (await web.get("/overlay/nobody-has-this/events")).status_code == 404


async def test_a_revoked_address_shows_nothing(
    sessions: Sessions, show: Show, settings: Any
) -> None:
    overlay, token = await made(sessions, show)
    async with sessions.begin() as session:
        await revoke(session, await host_of(sessions, show), overlay.id, NOON)
    async with browser(settings) as web:
        answer = await web.get(f"/overlay/{token}")
        body = answer.text.partition("<body")[2].partition(">")[2]
        assert re.sub("<[^>]*>", "", body).strip() == ""
        events = await web.get(f"/overlay/{token}/events")
        assert (events.status_code, events.text) == (
            200,
            "event: revoked\r\ndata: revoked\r\n\r\n",
        )


async def pictures(chunks: "asyncio.Queue[bytes]", wanted: str) -> str:
    """Read until a picture holds the words, or until the last message."""
    async with asyncio.timeout(30):
        while True:
            message = (await chunks.get()).decode()
            if "event: revoked" in message:
                return "revoked"
            for line in message.splitlines():
                if line.startswith("data: "):
                    heard = msgspec.json.decode(line[6:], type=dict[str, str])
                    assert heard.keys() == {"html", "now"}
                    if wanted in heard["html"]:
                        return heard["html"]


async def test_each_message_is_the_whole_picture_until_the_last(
    sessions: Sessions, show: Show, app: Litestar
) -> None:
    overlay, token = await made(sessions, show)
    host = await host_of(sessions, show)
    async with listening(app, f"/overlay/{token}/events", "") as chunks:
        assert "7K3FD" in await pictures(chunks, "福字圆挂")
        async with sessions.begin() as session:
            await set_policy(session, host, overlay.id, "price", NOON)
        # The whole picture again when nothing has changed: a sign of life.
        for html in (await pictures(chunks, "¥268"), await pictures(chunks, "¥268")):
            assert "福字圆挂" in html
        async with sessions.begin() as session:
            await revoke(session, host, overlay.id, NOON)
        assert await pictures(chunks, "none has this") == "revoked"

    async def nobody_watches() -> bool:
        return bool(app.state.boards._tasks == {})

    await eventually(nobody_watches)
    async with sessions() as session:
        seen = await session.get_one(Overlay, overlay.id)
    assert seen.seen_at is not None


async def test_one_address_is_not_opened_by_hundreds(
    sessions: Sessions, show: Show, app: Litestar, settings: Any
) -> None:
    _, token = await made(sessions, show)
    path = f"/overlay/{token}/events"
    open_ones = [listening(app, path, "") for _ in range(pages.MOST_OPEN)]
    for one in open_ones:
        await pictures(await one.__aenter__(), "福字圆挂")
    async with browser(settings) as web:
        assert (await web.get(path)).status_code == 503
    for one in open_ones:
        await one.__aexit__(None, None, None)

    async def all_have_left() -> bool:
        return not +pages._open

    await eventually(all_have_left)
    async with listening(app, path, "") as chunks:
        assert "福字圆挂" in await pictures(chunks, "福字圆挂")
