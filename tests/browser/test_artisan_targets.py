"""A family's pages in a real browser: large enough to read and to hit, on a small phone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from catalog.db import Sessions
from catalog.models import Kind, ProductState
from catalog.products import change_product
from shop import routing
from tests.making import NOON, PASSWORD, act, make_product
from tests.serving import Served, served
from tests.shop.pages.family import Family, make_family, order_paid

# What a page has of too small targets, too small or too pale text, and parts that stick out.
FAULTS = """() => {
  const faults = [], width = document.documentElement.clientWidth;
  const shown = (e) => {
    const box = e.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && !e.closest('.skip, .hidden-text, script, style');
  };
  const name = (e) => `${e.tagName} ${e.textContent.trim().slice(0, 20) || e.name || ''}`;
  for (const e of document.querySelectorAll('a, button, input, select, textarea')) {
    const target = e.closest('label') ?? e, box = target.getBoundingClientRect();
    if (shown(e) && (box.height < 60 || box.width < 60)) {
      faults.push(`target ${name(target)} ${box.width} x ${box.height}`);
    }
  }
  const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3)
    .map((c) => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
  const ground = (e) => {
    const colour = getComputedStyle(e).backgroundColor;
    return colour.endsWith(', 0)') && e.parentElement ? ground(e.parentElement) : colour;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement, style = getComputedStyle(e);
    if (!texts.currentNode.textContent.trim() || !shown(e)) continue;
    if (parseFloat(style.fontSize) < 18) faults.push(`text ${name(e)} ${style.fontSize}`);
    const [pale, deep] = [light(style.color), light(ground(e))].sort((a, b) => b - a);
    const contrast = (pale + .05) / (deep + .05);
    if (contrast < 4.5) faults.push(`contrast ${name(e)} ${contrast.toFixed(2)}`);
  }
  for (const e of document.querySelectorAll('body *')) {
    if (shown(e) && e.getBoundingClientRect().right > width + 1) faults.push(`wide ${name(e)}`);
  }
  const over = document.documentElement.scrollWidth - width;
  return over > 0 ? [...faults, `page ${over} px too wide`] : faults;
}"""

STEPS = {
    "new": (),
    "accepted": ("accept",),
    "making": ("accept", "start"),
    "ready": ("accept", "ready"),
    "shipped": ("accept", "ready", "ship"),
    "delivered": ("accept", "ready", "ship", "deliver"),
    "declined": ("decline",),
}


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Served]:
    with served(database_url, tmp_path) as server:
        yield server


@pytest.fixture
async def family(sessions: Sessions) -> Family:
    return await make_family(sessions)


async def _take(sessions: Sessions, family: Family, work_order_id: int, step: str) -> None:
    more = {"ship": ("邮政快递", "SF9876543210123456"), "decline": ("没有合适的料了",)}
    async with sessions.begin() as session:
        who = act(family.artisan)
        await getattr(routing, step)(session, who, work_order_id, *more.get(step, ()), NOON)


async def _pages(sessions: Sessions, family: Family) -> list[str]:
    """A page of every kind, with something on it."""
    made = await make_product(
        sessions, family.workshop, name="平安竖匾", kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7
    )
    batch = await make_product(sessions, family.workshop, on_hand=40, price_fen=12345600)
    ids = {}
    for state, steps in STEPS.items():
        work_order = await order_paid(sessions, (made, 1), (batch, 2))
        ids[state] = work_order.id
        for step in steps:
            await _take(sessions, family, work_order.id, step)
    packed = await order_paid(sessions, (batch, 1))
    await _take(sessions, family, packed.id, "accept")
    async with sessions.begin() as session:
        who = act(family.artisan)
        await change_product(session, who, made.id, {"state": ProductState.OFF}, NOON)
    work, products = "/workshop/work-orders", "/workshop/products"
    return [
        "/workshop",
        *(f"{work}/{work_order_id}" for work_order_id in (*ids.values(), packed.id)),
        f"{work}/{ids['ready']}/ship",
        f"{work}/{ids['new']}/decline",
        f"{work}/{packed.id}/decline",
        products,
        f"{products}/new",
        *(f"{products}/{product.id}" for product in (made, batch)),
        *(f"{products}/{batch.id}/{form}" for form in ("price", "count", "photos")),
        "/workshop/earnings",
        "/workshop/earnings/account",
    ]


async def _sign_in(page: Page, server: Served, family: Family) -> None:
    await page.goto(f"{server.base}/sign-in")
    await page.fill("[name=login]", family.artisan.login)
    await page.fill("[name=password]", PASSWORD)
    await page.click("button.button")
    await page.wait_for_url("**/workshop")


async def _faults(page: Page, address: str) -> dict[str, Any]:
    """Faults of a page as it comes, and of one whose reader has doubled all letters."""
    answer = await page.goto(address)
    assert answer is not None
    assert answer.status == 200, address
    plain = await page.evaluate(FAULTS)
    await page.evaluate("document.documentElement.style.fontSize = '200%'")
    doubled = await page.evaluate(FAULTS)
    return {name: found for name, found in (("plain", plain), ("doubled", doubled)) if found}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_every_page_can_be_read_and_hit_on_a_small_phone(
    sessions: Sessions, server: Served, family: Family
) -> None:
    beginners = await make_family(sessions, family.station, "李家木雕")
    addresses = await _pages(sessions, family)
    found = {}
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        for whose, paths in (
            (family, addresses),
            (beginners, ["/workshop", "/workshop/products", "/workshop/earnings"]),
        ):
            context = await chromium.new_context(viewport={"width": 360, "height": 740})
            page = await context.new_page()
            await _sign_in(page, server, whose)
            for path in paths:
                faults = await _faults(page, f"{server.base}{path}")
                if faults:
                    found[path] = faults
            await context.close()
        await chromium.close()
    assert found == {}
