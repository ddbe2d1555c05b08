"""The overlay in a browser: what it shows, how it follows, and what it does when nobody answers."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser, Page, expect
from sqlalchemy import update

from catalog.db import Database, Sessions
from live.models import LineUpItem, Overlay, Show
from live.on_air import end_show, show_now
from live.overlays import revoke, set_policy, set_side
from tests.browser.on_air import CODE, PUBLIC_URL, OnAir, go_on_air
from tests.making import NOON, make_live_show
from tests.serving import Served, eventually, served

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# The server looks twice a second; a crowded machine takes its time.
PATIENCE = 20_000
CANVASES = {"1920x1080": (1920, 1080), "1080x1920": (1080, 1920)}


@pytest.fixture
async def on_air(database: Database, tmp_path: Path) -> OnAir:
    return await go_on_air(database, tmp_path)


@pytest.fixture
def server(on_air: OnAir, database_url: str, tmp_path: Path) -> Iterator[Served]:
    with served(database_url, tmp_path, PUBLIC_URL=PUBLIC_URL) as server:
        yield server


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A page as large as the wide canvas; nothing on it may go wrong."""
    faults: list[str] = []
    context = await chromium.new_context(viewport={"width": 1920, "height": 1080})
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    yield page
    await context.close()
    assert [fault for fault in faults if "ERR_" not in fault] == []


async def set_item(sessions: Sessions, show: Show, **values: Any) -> None:
    async with sessions.begin() as session:
        item = update(LineUpItem).where(LineUpItem.id == show.items[0].id)
        await session.execute(item.values(**values))


async def visible_text(page: Page) -> str:
    return await page.locator("body").inner_text()


async def test_it_stands_within_safe_margins_and_asks_nothing_of_anyone(
    page: Page, server: Served, on_air: OnAir
) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    for canvas, (width, height) in CANVASES.items():
        await page.set_viewport_size({"width": width, "height": height})
        await page.goto(f"{server.base}{on_air.path}?canvas={canvas}")
        await expect(page.locator(".photo img")).to_have_js_property("complete", value=True)
        # The picture is sent anew as the stream opens, and takes the first one's place.
        box = await eventually(page.locator(".card").bounding_box)
        assert box is not None
        assert box["x"] + box["width"] == width * 0.95
        assert box["y"] >= height * 0.05
        assert box["y"] + box["height"] <= height * 0.95
        shot = Image.open(BytesIO(await page.screenshot(omit_background=True)))
        assert shot.getpixel((width // 4, height // 2)) == (0, 0, 0, 0)
        assert await page.locator("a, button, input, select, textarea, form").count() == 0
        assert await page.evaluate("getComputedStyle(document.body).cursor") == "none"
        assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert all(url.startswith((server.base, "data:")) for url in requests), requests


async def test_the_code_is_crisp(page: Page, server: Served, on_air: OnAir) -> None:
    await page.goto(server.base + on_air.path)
    shot = Image.open(BytesIO(await page.locator(".qr").screenshot())).convert("L")
    assert set(shot.tobytes()) == {0, 255}
    for n in range(shot.height):
        row = shot.crop((0, n, shot.width, n + 1)).tobytes()
        assert all(len(list(run)) % 10 == 0 for _, run in groupby(row))
    # Four white modules on every side.
    assert Image.eval(shot, lambda value: 255 - value).getbbox() == (40, 40, 330, 330)


async def test_it_follows_the_show_the_policy_and_the_side(
    page: Page, server: Served, on_air: OnAir, sessions: Sessions
) -> None:
    await page.goto(server.base + on_air.path)
    name, code, price = page.locator("h1"), page.locator(".code"), page.locator(".price")
    await expect(name).to_have_text("福字圆挂")
    await expect(code).to_have_text(CODE)
    await expect(price).to_have_text("¥268")
    await expect(page.locator(".stock")).to_have_text("仅此一件")
    await expect(page.locator(".next b")).to_have_text("平安竖匾")

    async with sessions.begin() as session:
        await set_policy(session, on_air.host, on_air.overlay.id, "price", NOON)
    await expect(page.locator(".qr")).to_have_count(0, timeout=PATIENCE)
    await expect(code).to_have_count(0)
    await expect(price).to_have_text("¥268")
    assert CODE not in await page.content()
    async with sessions.begin() as session:
        await set_policy(session, on_air.host, on_air.overlay.id, "spoken", NOON)
    await expect(code).to_have_text(CODE, timeout=PATIENCE)
    await expect(page.locator(".qr")).to_have_count(0)
    await expect(price).to_have_count(0)
    async with sessions.begin() as session:
        await set_policy(session, on_air.host, on_air.overlay.id, "qr", NOON)
        await set_side(session, on_air.host, on_air.overlay.id, "left", NOON)
    await expect(page.locator("#overlay.left .qr")).to_be_visible(timeout=PATIENCE)
    box = await page.locator(".card").bounding_box()
    assert box is not None
    assert box["x"] == 96

    await set_item(sessions, on_air.show, sold_out_at=NOON)
    await expect(page.locator(".stamp")).to_have_text("已售", timeout=PATIENCE)
    await expect(page.locator(".qr")).to_have_count(0)
    async with sessions.begin() as session:
        await show_now(session, on_air.host, on_air.show.id, on_air.show.items[1].id, NOON)
    await expect(name).to_have_text("平安竖匾", timeout=PATIENCE)
    await expect(page.locator(".stock")).to_have_text("余 3 件")
    await expect(page.locator(".next")).to_have_count(0)


async def test_it_comes_and_goes_with_the_shows_of_its_channel(
    page: Page, server: Served, on_air: OnAir, sessions: Sessions
) -> None:
    await page.goto(server.base + on_air.path)
    await expect(page.locator("h1")).to_have_text("福字圆挂")
    async with sessions.begin() as session:
        await end_show(session, on_air.host, on_air.show.id, NOON)
    await expect(page.locator(".card")).to_have_count(0, timeout=PATIENCE)
    assert await visible_text(page) == ""
    rehearsed = await make_live_show(sessions, [on_air.products[1]])
    async with sessions.begin() as session:
        show = update(Show).where(Show.id == rehearsed.id)
        await session.execute(show.values(rehearsal=True, channels=["抖音"]))
    await expect(page.locator("h1")).to_have_text("平安竖匾", timeout=PATIENCE)
    await expect(page.locator(".watermark")).to_have_text("彩排")
    await expect(page.locator(".ribbon")).to_have_text("彩排，不是真的卖")
    async with sessions.begin() as session:
        show = update(Show).where(Show.id == rehearsed.id)
        await session.execute(show.values(channels=["快手"]))
    await expect(page.locator(".card")).to_have_count(0, timeout=PATIENCE)


async def test_when_nobody_answers_what_may_be_untrue_goes_and_comes_back(
    page: Page, server: Served, on_air: OnAir, sessions: Sessions
) -> None:
    await page.clock.install()
    await page.goto(server.base + on_air.path)
    card, gone = page.locator(".card"), (".qr", ".code", ".price", ".stock", ".next")
    await expect(card).to_contain_text(CODE)

    async def heard() -> bool:
        async with sessions() as session:
            return (await session.get_one(Overlay, on_air.overlay.id)).seen_at is not None

    # The page follows: only now is there something to lose.
    await eventually(heard)
    server.kill()
    for part in gone:
        await expect(page.locator(part)).to_be_visible()
    await page.clock.fast_forward(20_000)
    for part in gone:
        await expect(page.locator(part)).to_be_hidden()
    await expect(page.locator("h1")).to_be_visible()
    await expect(page.locator(".photo img")).to_be_visible()

    async with sessions.begin() as session:
        await show_now(session, on_air.host, on_air.show.id, on_air.show.items[1].id, NOON)
    server.start()
    await expect(page.locator("h1")).to_have_text("平安竖匾", timeout=PATIENCE)
    for part in gone[:-1]:
        await expect(page.locator(part)).to_be_visible()


async def test_silence_from_the_beginning_is_silence_too(
    page: Page, server: Served, on_air: OnAir
) -> None:
    await page.clock.install()
    await page.route("**/events", lambda route: route.abort())
    await page.goto(server.base + on_air.path)
    await expect(page.locator(".qr")).to_be_visible()
    await page.clock.fast_forward(20_000)
    await expect(page.locator(".qr")).to_be_hidden()
    await expect(page.locator("h1")).to_be_visible()


async def test_a_revoked_address_goes_blank_and_stays_blank(
    page: Page, server: Served, on_air: OnAir, sessions: Sessions
) -> None:
    await page.goto(server.base + on_air.path)
    await expect(page.locator(".qr")).to_be_visible()
    async with sessions.begin() as session:
        await revoke(session, on_air.host, on_air.overlay.id, NOON)
    await expect(page.locator(".card")).to_have_count(0, timeout=PATIENCE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    async with sessions.begin() as session:
        await show_now(session, on_air.host, on_air.show.id, on_air.show.items[1].id, NOON)
    await page.wait_for_timeout(2500)
    assert await visible_text(page) == ""
    assert asked == []
    await page.reload()
    await expect(page.locator("#overlay")).to_have_count(1)
    assert await visible_text(page) == ""


async def test_one_that_was_away_when_it_was_revoked_goes_blank_as_it_comes_back(
    page: Page, server: Served, on_air: OnAir, sessions: Sessions
) -> None:
    await page.goto(server.base + on_air.path)
    await expect(page.locator(".qr")).to_be_visible()
    server.kill()
    async with sessions.begin() as session:
        await revoke(session, on_air.host, on_air.overlay.id, NOON)
    server.start()
    await expect(page.locator(".card")).to_have_count(0, timeout=PATIENCE)


async def test_a_holds_clock_runs_on_the_stations_time(
    page: Page, server: Served, on_air: OnAir
) -> None:
    """Two hours behind in the studio, the clock is right all the same."""
    await page.clock.install(time=datetime.now(UTC) - timedelta(hours=2))
    await page.route("**/events", lambda route: route.abort())
    await page.goto(server.base + on_air.path)
    until = (datetime.now(UTC) + timedelta(minutes=9)).isoformat()
    await page.locator(".stock").evaluate(
        "(stock, until) => { const b = document.createElement('b'); b.dataset.until = until;"
        " stock.append(b); }",
        until,
    )
    await page.clock.fast_forward(1000)
    left = await page.locator("[data-until]").inner_text()
    minutes, seconds = map(int, left.split(":"))
    assert 0 < minutes * 60 + seconds <= 9 * 60
    assert minutes >= 7
    await page.clock.fast_forward(9 * 60_000)
    await expect(page.locator("[data-until]")).to_have_text("0:00")
