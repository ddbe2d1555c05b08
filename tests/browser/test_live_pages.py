"""Buyers' pages that follow a show while it is on air, in a real browser at a real server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from catalog.db import Sessions
from catalog.models import Product
from live.models import Link, Show
from live.on_air import end_show, show_now
from shop.holds import Held, release_hold
from tests.live.acting import host_of, sibling
from tests.making import make_live_show, make_product
from tests.serving import served
from tests.shop.sales import hold, link_to, staff, want

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

PATIENCE = 30_000


@dataclass
class OnAir:
    """A show on air, its pieces and their codes, and a phone that looks at it."""

    sessions: Sessions
    show: Show
    products: list[Product]
    links: list[Link]
    phone: Page

    async def taken(self, quantity: int) -> Held:
        """Somebody else takes pieces of the first product."""
        wanted = want(self.products[0], quantity)
        return await hold(self.sessions, wanted, now=datetime.now(UTC))


@pytest.fixture
async def on_air(
    sessions: Sessions, database_url: str, tmp_path: Path, chromium: Browser
) -> AsyncIterator[OnAir]:
    async with opened(sessions, database_url, tmp_path, chromium) as found:
        yield found


@asynccontextmanager
async def opened(
    sessions: Sessions, database_url: str, folder: Path, chromium: Browser
) -> AsyncIterator[OnAir]:
    first = await make_product(sessions, on_hand=4)
    products = [first, await sibling(sessions, first, name="平安竖匾")]
    show = await make_live_show(sessions, products, price_fen=24100)
    manager = await staff(sessions, first)
    links = [await link_to(sessions, product, show, by=manager) for product in products]
    with served(database_url, folder) as server:
        context = await chromium.new_context(
            viewport={"width": 390, "height": 844}, base_url=server.base
        )
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        yield OnAir(sessions, show, products, links, page)
        await context.close()


async def test_the_product_page_follows_and_keeps_what_was_typed(on_air: OnAir) -> None:
    page = on_air.phone
    async with page.expect_response(lambda answer: "/events" in answer.url):
        await page.goto(f"/Q/{on_air.links[0].code}")
    figures, quantity = page.locator("#figures"), page.locator("#f-quantity")
    await expect(figures).to_contain_text("还有 4 件")
    await quantity.fill("2")
    await on_air.taken(1)
    await expect(figures).to_contain_text("还有 3 件")
    await expect(figures).to_contain_text("1 人正在付款")
    await expect(quantity).to_have_value("2")

    await on_air.taken(3)
    await expect(figures).to_contain_text("现有的都有人要")
    await expect(page.locator("#turn")).to_contain_text("有人正在付款，给他留着")
    phone_number = page.locator("#line input[name=phone]")
    await phone_number.fill("13800138001")
    await page.get_by_role("button", name="排队等这件").click()
    await page.wait_for_url("**/line/**")


async def test_a_button_that_comes_with_a_fragment_buys(on_air: OnAir) -> None:
    held = await on_air.taken(4)
    page = on_air.phone
    async with page.expect_response(lambda answer: "/events" in answer.url):
        await page.goto(f"/Q/{on_air.links[0].code}")
    await expect(page.locator("#turn")).to_contain_text("排下一位")
    async with on_air.sessions.begin() as session:
        await release_hold(session, held.token)
    await page.get_by_role("button", name="要这件，留 12 分钟").click()
    await page.wait_for_url("**/checkout/**")


async def test_the_show_page_follows_the_pin_and_stops_with_the_show(on_air: OnAir) -> None:
    page, show = on_air.phone, on_air.show
    async with page.expect_response(lambda answer: "/events" in answer.url):
        await page.goto(f"/shows/{show.id}")
    await expect(page.locator("#showing")).to_contain_text("福字圆挂")
    host, second = await host_of(on_air.sessions, show), show.items[1]
    async with on_air.sessions.begin() as session:
        await show_now(session, host, show.id, second.id, datetime.now(UTC))
    await expect(page.locator("#showing")).to_contain_text("平安竖匾")
    await expect(page.locator(f"#item-{second.id}")).to_contain_text("正在讲")
    await on_air.taken(1)
    await expect(page.locator(f"#item-{show.items[0].id}")).to_contain_text("还有 3 件")
    async with on_air.sessions.begin() as session:
        await end_show(session, host, show.id, datetime.now(UTC))
    await expect(page.locator("#stand")).to_contain_text("已结束")
    await expect(page.locator("#on-air")).not_to_contain_text("直播中")
    await expect(page.locator("[data-events]")).to_have_count(0)
