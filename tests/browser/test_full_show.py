"""A whole show on two servers with Redis between them: everybody who looks sees the same.

One of the servers is killed in the middle and comes back. How long a change takes to arrive is
measured by `make bench` (FANOUT); here it must arrive, on every screen, and be right.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from catalog.db import Sessions
from catalog.models import Product, Role
from live.links import link_line_up, links_of_show
from live.models import Link, Show
from live.on_air import end_show
from live.overlays import make_overlay
from shop.signin import new_session
from shop.web.visit import SESSION_COOKIE
from tests.live.acting import host_of, member_of, sibling
from tests.live.test_nudges import own_redis
from tests.making import BUYER, NOON, make_live_show, make_product
from tests.serving import Served, served

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

LAPTOP = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}
WIDE, TALL = {"width": 1920, "height": 1080}, {"width": 1080, "height": 1920}
PATIENCE = 30_000
NAMES = ("驼铃方屏", "福字圆挂", "莲花梅瓣盘", "丰年竖匾", "茶字方牌", "团龙圆盘")
PIECES = 4
ADDRESS = {name: BUYER[name] for name in ("province", "city", "district", "detail")}


@dataclass
class Stage:
    """Two servers of one station, its show of six pieces, and the screens that follow it."""

    servers: tuple[Served, Served]
    sessions: Sessions
    show: Show
    products: list[Product]
    links: list[Link]
    console: Page
    helper: Page
    overlays: list[Page]
    visitor: Page
    buyer: Page

    async def agree(self, name: str, free: int) -> None:
        """Every screen shows this piece, with so many that may be had."""
        for page in (self.console, self.helper):
            await expect(page.locator("#piece h1")).to_have_text(name)
            await expect(page.locator("#piece")).to_contain_text(f"还有 {free} 件")
        for page in self.overlays:
            await expect(page.locator("#overlay h1")).to_have_text(name)
            await expect(page.locator("#overlay .stock")).to_have_text(f"余 {free} 件")
        await expect(self.visitor.locator("#showing")).to_contain_text(name)
        await expect(self.visitor.locator("#showing")).to_contain_text(f"还有 {free} 件")

    async def sell(self, n: int, server: Served) -> None:
        """Somebody scans the piece and pays for one, through this server."""
        async with httpx.AsyncClient(base_url=server.base, timeout=60) as buyer:
            items = [{"link": self.links[n].code, "quantity": 1}]
            held = await buyer.post("/api/holds", json={"items": items})
            person = {"name": BUYER["name"], "phone": BUYER["phone"], "address": ADDRESS}
            body = {"hold": held.json()["token"], "buyer": person}
            placed = await buyer.post("/api/orders", json=body)
            paid = await buyer.post(
                placed.json()["pay_url"], data={"method": "alipay", "behaviour": "succeed"}
            )
            assert paid.status_code == 303


@pytest.fixture
async def stage(
    sessions: Sessions, database_url: str, tmp_path: Path, chromium: Browser
) -> AsyncIterator[Stage]:
    first = await make_product(sessions, on_hand=PIECES, name=NAMES[0])
    products = [first] + [
        await sibling(sessions, first, on_hand=PIECES, name=name) for name in NAMES[1:]
    ]
    show = await make_live_show(sessions, products)
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        await link_line_up(session, host, show.id, NOON)
        found = {link.product_id: link for link in await links_of_show(session, show.id)}
        links = [found[product.id] for product in products]
        _, token = await make_overlay(session, host, NOON, channel="抖音")
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(own_redis(tmp_path))
        one, two = (
            stack.enter_context(_beside(database_url, tmp_path, redis.url, n)) for n in "ab"
        )
        expect.set_options(timeout=PATIENCE)

        async def screen(size: dict[str, int], role: Role | None = None) -> Page:
            context = await chromium.new_context(viewport=size, locale="zh-CN")
            stack.push_async_callback(context.close)
            if role is not None:
                await _sign_in(context, sessions, products[0], role)
            page = await context.new_page()
            page.set_default_timeout(PATIENCE)
            return page

        console, helper = await screen(LAPTOP, Role.HOST), await screen(PHONE, Role.ASSISTANT)
        wide, tall = await screen(WIDE), await screen(TALL)
        visitor, buyer = await screen(PHONE), await screen(PHONE)
        for page, address in (
            (console, f"{two.base}/desk/shows/{show.id}/console"),
            (helper, f"{one.base}/desk/shows/{show.id}/console"),
            (wide, f"{one.base}/overlay/{token}?canvas=1920x1080"),
            (tall, f"{two.base}/overlay/{token}?canvas=1080x1920"),
            (visitor, f"{two.base}/shows/{show.id}"),
            (buyer, f"{one.base}/Q/{links[3].code}"),
        ):
            await page.goto(address)
        yield Stage(
            (one, two),
            sessions,
            show,
            products,
            links,
            console,
            helper,
            [wide, tall],
            visitor,
            buyer,
        )


def _beside(
    database_url: str, folder: Path, redis_url: str, name: str
) -> AbstractContextManager[Served]:
    (folder / name).mkdir()
    return served(database_url, folder / name, REDIS_URL=redis_url)


async def _sign_in(
    context: BrowserContext, sessions: Sessions, product: Product, role: Role
) -> None:
    """Both servers know the session: it is in the database."""
    member = await member_of(sessions, product, role)
    async with sessions.begin() as session:
        token = await new_session(session, member, datetime.now(UTC))
    await context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": "http://127.0.0.1"}])


async def test_all_screens_agree_through_a_whole_show(stage: Stage) -> None:
    one, two = stage.servers
    await stage.agree(NAMES[0], PIECES)
    for n, name in enumerate(NAMES):
        if n:
            await stage.console.keyboard.press("k")
            await stage.agree(name, PIECES)
        if n == 2:
            one.kill()
            await stage.sell(n, two)
            one.start()
        else:
            await stage.sell(n, (one, two)[n % 2])
        await stage.agree(name, PIECES - 1)
        if n == 3:
            await _sells_out(stage)
    await stage.console.keyboard.press("4")
    await expect(stage.console.locator("#piece h1")).to_have_text(NAMES[3])
    for page in stage.overlays:
        await expect(page.locator("#overlay .stamp")).to_have_text("已售")
        await expect(page.locator("#overlay .qr")).to_have_count(0)
    await _ends(stage)


async def _sells_out(stage: Stage) -> None:
    """The buyer who has this piece's page open sees each one go, on whichever server it is sold."""
    await expect(stage.buyer.locator("#figures")).to_contain_text(f"还有 {PIECES - 1} 件")
    for left in range(PIECES - 2, -1, -1):
        await stage.sell(3, stage.servers[left % 2])
        if left:
            await expect(stage.buyer.locator("#figures")).to_contain_text(f"还有 {left} 件")
    await expect(stage.buyer.get_by_role("button", name=re.compile("要这件"))).to_have_count(0)


async def _ends(stage: Stage) -> None:
    host = await host_of(stage.sessions, stage.show)
    async with stage.sessions.begin() as session:
        await end_show(session, host, stage.show.id, datetime.now(UTC))
    for page in stage.overlays:
        await expect(page.locator("#overlay .card")).to_have_count(0)
    screens: Sequence[Page] = (stage.console, stage.helper)
    for page in screens:
        await expect(page.locator("#piece")).to_contain_text("结束")
    await expect(stage.visitor.locator("#stand")).to_contain_text("已结束")
