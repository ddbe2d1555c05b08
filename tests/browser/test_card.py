"""From the card to the money on a small phone: large enough to read and to hit, scripts on and off."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, ViewportSize

from catalog.db import Sessions
from shop import work_steps
from shop.cards import issue_card
from tests.browser.test_artisan_targets import FAULTS, VOICE
from tests.making import BUYER, NOON, act, make_product
from tests.serving import Served, served
from tests.shop.pages.family import Family, make_family, order_paid
from tests.shop.test_cards import desk_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# What there is to press and nobody reads aloud; the keys of a keypad are in its page's own words.
SILENT = """[...document.querySelectorAll('main .button')]
  .filter((e) => e.checkVisibility() && !e.closest('.keypad') && !e.parentElement.querySelector('[data-say]'))
  .map((e) => `silent ${e.textContent}`)"""

PHONE: ViewportSize = {"width": 360, "height": 740}


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Served]:
    with served(database_url, tmp_path) as server:
        yield server


async def a_card(sessions: Sessions, family: Family) -> str:
    """Where a new card of the family's artisan leads."""
    desk = await desk_of(sessions, family)
    async with sessions.begin() as session:
        about = (family.workshop.id, family.artisan.id)
        return f"/K/{await issue_card(session, desk, *about, datetime.now(UTC))}"


async def faults(page: Page) -> list[str]:
    """What is silent, too small, too pale or sticks out, and again with all letters doubled."""
    found: list[str] = await page.evaluate(SILENT)
    if not await page.get_attribute("header .say", "data-say"):
        found.append("a page without words of its own")
    found += await page.evaluate(FAULTS)
    await page.evaluate("document.documentElement.style.fontSize = '200%'")
    found += await page.evaluate(FAULTS)
    await page.evaluate("document.documentElement.style.fontSize = ''")
    return [f"{page.url}: {fault}" for fault in found]


async def a_phone(chromium: Browser) -> Page:
    """Somebody's small phone, with a Chinese voice."""
    context = await chromium.new_context(viewport=PHONE)
    await context.add_init_script(f"({VOICE})()")
    return await context.new_page()


async def press(page: Page, pin: str) -> None:
    for digit in pin:
        await page.click(f".keypad button[value='{digit}']")
    await page.click(".keypad .button-primary")


async def test_scan_work_and_money_by_thumb(
    sessions: Sessions, server: Served, chromium: Browser
) -> None:
    family = await make_family(sessions)
    part = await order_paid(sessions, (await make_product(sessions, family.workshop), 1))
    async with sessions.begin() as session:
        await work_steps.accept(session, act(family.artisan), part.id, NOON)
        await work_steps.ready(session, act(family.artisan), part.id, NOON)
    path = await a_card(sessions, family)
    page = await a_phone(chromium)
    await page.goto(f"{server.base}{path}")
    found = await faults(page)
    await page.click("text=是我，进去")
    await page.wait_for_url("**/workshop")
    await page.goto(f"{server.base}/workshop/work-orders/{part.id}")
    await page.click("text=看全号码")
    assert BUYER["phone"] in await page.inner_text("main")
    await page.click("header .say")
    [said] = await page.evaluate("window.spoken")
    assert said == (
        "收件人，王芳。电话，1 3 8 0 0 1 3 8 0 0 0。地址，甘肃兰州城关东岗西路 1 号。照着抄。"
    )
    found += await faults(page)
    await page.goto(f"{server.base}/workshop/earnings")
    found += await faults(page)
    await page.click(".keypad button[value='9']")
    await page.click("text=退一格")
    await press(page, "25801")
    assert "再输一遍一样的" in await page.inner_text("main")
    found += await faults(page)
    await press(page, "25801")
    await page.wait_for_url("**/workshop/earnings")
    stranger = await a_phone(chromium)
    await stranger.goto(f"{server.base}{path}")
    await stranger.click("text=是我，进去")
    assert "另一部手机" in await stranger.inner_text("main")
    found += await faults(stranger)
    assert found == []


async def test_without_scripts_the_phones_own_keys_do(
    sessions: Sessions, server: Served, chromium: Browser
) -> None:
    family = await make_family(sessions)
    path = await a_card(sessions, family)
    context = await chromium.new_context(viewport=PHONE, java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{server.base}{path}")
    await page.click("text=是我，进去")
    await page.goto(f"{server.base}/workshop/earnings")
    assert not await page.is_visible(".keypad")
    for _ in range(2):
        assert await page.get_attribute("#f-pin", "inputmode") == "numeric"
        await page.fill("#f-pin", "2580")
        await page.click("form .button-primary:visible")
    await page.wait_for_url("**/workshop/earnings")
