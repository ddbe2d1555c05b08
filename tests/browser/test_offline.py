"""The console when the network dies in the room: a real browser, and a server that is really gone."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Error, Page, expect
from sqlalchemy import select

from catalog.db import Sessions
from catalog.models import Member, Role, Station
from live.lineup import put_line_up
from live.models import Airing, Show, Tap
from live.on_air import end_show, start_show
from live.scheduling import schedule_show
from shop.signin import new_session
from shop.web.visit import SESSION_COOKIE
from tests.making import act, make_member, make_product, make_station, make_workshop
from tests.serving import Served, eventually, served

# One kind of database is enough, and SQLite lets this process write beside the server.
pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.xdist_group("offline"),
]

NAMES = ("福字圆挂", "驼铃方屏", "丰年竖匾")
KEPT = "caches.match(location.pathname).then(Boolean)"
"""The page itself is kept last of all that belongs to it."""

COPIES = "caches.keys().then((names) => names.filter((name) => name.startsWith('console ')))"
BACK_WITHIN_MS = 30_000


@dataclass
class Room:
    """A studio: the show on air, who hosts it, their browser and the server."""

    server: Served
    sessions: Sessions
    station: Station
    host: Member
    show: Show
    context: BrowserContext

    async def enter(self, member: Member) -> None:
        async with self.sessions.begin() as session:
            token = await new_session(session, member, datetime.now(UTC))
        await self.context.add_cookies(
            [{"name": SESSION_COOKIE, "value": token, "url": self.server.base}]
        )

    async def console(self) -> Page:
        """The console, once it has all that it needs without a network."""
        page = await self.context.new_page()
        await page.goto(f"{self.server.base}/desk/shows/{self.show.id}/console")
        await expect(page.locator("[data-connection]")).to_have_attribute("data-state", "open")
        await eventually(lambda: page.evaluate(KEPT))
        return page

    async def airings(self) -> list[Airing]:
        async with self.sessions() as session:
            query = select(Airing).where(Airing.show_id == self.show.id).order_by(Airing.id)
            return list(await session.scalars(query))

    async def taps(self) -> list[Tap]:
        async with self.sessions() as session:
            return list(await session.scalars(select(Tap).order_by(Tap.id)))


@contextmanager
def away(room: Room) -> Iterator[None]:
    """Without the server, until the end of the block."""
    room.server.stop()
    try:
        yield
    finally:
        room.server.start()


@pytest.fixture
async def room(
    sessions: Sessions, database_url: str, tmp_path: Path, chromium: Browser
) -> AsyncIterator[Room]:
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    products = [await make_product(sessions, workshop, name=name) for name in NAMES]
    host = await make_member(sessions, station, Role.HOST)
    now = datetime.now(UTC)
    rows = [
        {"product": product.id, "talking_points": f"{product.name}的来历。"} for product in products
    ]
    when = {"starts_at": now, "ends_at": now + timedelta(hours=2)}
    async with sessions.begin() as session:
        show = await schedule_show(session, act(host), {"title": "周日专场", **when}, now)
        await put_line_up(session, act(host), show.id, rows, now)
        show = await start_show(session, act(host), show.id, now)
    with served(database_url, tmp_path) as server:
        context = await chromium.new_context(viewport={"width": 1366, "height": 768})
        room = Room(server, sessions, station, host, show, context)
        await room.enter(host)
        yield room
        await context.close()


async def test_presses_are_shown_kept_over_a_reload_and_sent_in_order(room: Room) -> None:
    page = await room.console()
    with away(room):
        await page.keyboard.press("k")
        await expect(page.locator("#piece h1")).to_have_text("驼铃方屏")
        await expect(page.locator("#talk")).to_contain_text("驼铃方屏的来历。")
        await expect(page.locator("#taps summary")).to_have_text("等网络：1 个")
        await page.keyboard.press("k")
        await expect(page.locator("#piece h1")).to_have_text("丰年竖匾")
        await expect(page.locator("#lineup .now")).to_contain_text("丰年竖匾")
        await page.reload()
        await expect(page.locator("#taps")).to_contain_text("没有网络，这是北京时间")
        await expect(page.locator("#taps summary")).to_have_text("等网络：2 个")
        await expect(page.locator("#piece h1")).to_have_text("丰年竖匾")
        await page.locator("#taps summary").click()
        await expect(page.locator("#taps li").first).to_contain_text("讲“驼铃方屏”")
    await expect(page.locator("#taps")).to_be_hidden(timeout=BACK_WITHIN_MS)
    first, second, third = await room.airings()
    assert first.ended_at == second.started_at
    assert second.ended_at == third.started_at
    assert third.ended_at is None
    taps = await room.taps()
    assert [tap.outcome for tap in taps] == ["", ""]
    assert [tap.at for tap in taps] == [second.started_at, third.started_at]
    assert first.started_at < second.started_at < third.started_at < taps[0].received_at
    await expect(page.locator("#piece h1")).to_have_text("丰年竖匾")


async def test_with_a_network_a_press_is_one_tap_and_leaves_no_strip(room: Room) -> None:
    page = await room.console()
    await page.keyboard.press("k")
    await expect(page.locator("#piece h1")).to_have_text("驼铃方屏")
    await eventually(room.taps)
    assert [(tap.kind, tap.outcome) for tap in await room.taps()] == [("now", "")]
    assert len(await room.airings()) == 2
    await expect(page.locator("#taps")).to_be_hidden()


async def test_what_makes_no_sense_any_more_stays_with_its_reason_until_it_was_seen(
    room: Room,
) -> None:
    page = await room.console()
    with away(room):
        await page.keyboard.press("k")
        await expect(page.locator("#taps summary")).to_have_text("等网络：1 个")
        async with room.sessions.begin() as session:
            await end_show(session, act(room.host), room.show.id, datetime.now(UTC))
    refused = page.locator("#taps .refused")
    await expect(refused).to_contain_text("讲“驼铃方屏”", timeout=BACK_WITHIN_MS)
    await expect(refused).to_contain_text("没有在直播")
    await expect(page.locator("#piece h1")).to_have_text("这一场已经结束")
    await page.reload()
    await page.get_by_role("button", name="知道了").click()
    await expect(page.locator("#taps")).to_be_hidden()
    await page.reload()
    await expect(page.locator("#taps")).to_be_hidden()
    assert len(await room.airings()) == 1


async def test_two_tabs_send_what_waits_once(room: Room) -> None:
    page, other = await room.console(), await room.console()
    with away(room):
        for name in NAMES[1:]:
            await page.keyboard.press("k")
            await expect(page.locator("#piece h1")).to_have_text(name)
        await expect(other.locator("#taps summary")).to_have_text("等网络：2 个")
    for tab in (page, other):
        await expect(tab.locator("#taps")).to_be_hidden(timeout=BACK_WITHIN_MS)
    assert len(await room.taps()) == 2
    assert len(await room.airings()) == 3


async def test_who_signs_out_leaves_nothing_for_the_next(room: Room) -> None:
    page = await room.console()
    await page.goto(f"{room.server.base}/desk")
    await page.get_by_role("button", name="退出").click()
    await page.wait_for_url("**/sign-in")
    await eventually(lambda: page.evaluate(f"{COPIES}.then((names) => !names.length)"))
    with away(room), pytest.raises(Error, match="ERR_CONNECTION_REFUSED"):
        await page.goto(f"{room.server.base}/desk/shows/{room.show.id}/console")


async def test_a_copy_is_for_the_member_who_was_there(room: Room) -> None:
    await room.console()
    helper = await make_member(room.sessions, room.station, Role.ASSISTANT)
    await room.enter(helper)
    page = await room.context.new_page()
    await page.goto(f"{room.server.base}/desk/shows/{room.show.id}/console")
    mine = f"console {helper.id} /desk/shows/{room.show.id}/console"
    await eventually(lambda: page.evaluate(f"{COPIES}.then((names) => names.join() === '{mine}')"))
