"""A family's pages in a real browser: large enough to read and to hit, on a small phone."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from catalog import closures, stock
from catalog.checks import BEIJING
from catalog.db import Sessions
from catalog.models import Kind, Product, ProductState
from catalog.products import change_product
from media.storage import Storage
from shop import dates, making, work_steps
from shop.letters import last_week, make_letters
from shop.models import WorkOrder, WorkOrderState
from tests.making import NOON, PASSWORD, act, make_product
from tests.pictures import CARVING
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
  for (const e of document.querySelectorAll('.button, .card, .input, .tabs a, h1, p')) {
    if (shown(e) && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline') {
      faults.push(`cut ${name(e)}`);
    }
  }
  for (const e of document.querySelectorAll('body *')) {
    if (shown(e) && e.getBoundingClientRect().right > width + 1) faults.push(`wide ${name(e)}`);
  }
  for (const e of document.querySelectorAll('input, select, textarea')) {
    if (e.type !== 'hidden' && !e.labels.length && !e.ariaLabel) faults.push(`no label ${name(e)}`);
  }
  const levels = [...document.querySelectorAll('h1, h2, h3')].map((e) => +e.tagName[1]);
  if (levels.filter((level) => level === 1).length !== 1 || levels[0] !== 1) faults.push('not one h1 first');
  levels.forEach((level, i) => i && level > levels[i - 1] + 1 && faults.push(`heading ${level} after ${levels[i - 1]}`));
  const over = document.documentElement.scrollWidth - width;
  return over > 0 ? [...faults, `page ${over} px too wide`] : faults;
}"""

# A phone with a Chinese voice: a browser without a screen has none. What it says is kept.
VOICE = """() => {
  window.spoken = [];
  const voice = { lang: 'zh-CN', name: 'told' };
  const speech = Object.assign(new EventTarget(), {
    getVoices: () => [voice],
    cancel: () => {},
    speak: ({ words }) => window.spoken.push(words),
  });
  Object.defineProperty(window, 'speechSynthesis', { value: speech });
  window.SpeechSynthesisUtterance = class { constructor(words) { this.words = words; } };
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
        await getattr(work_steps, step)(session, who, work_order_id, *more.get(step, ()), NOON)


async def _pages(sessions: Sessions, storage: Storage, family: Family) -> list[str]:
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
    await _more(sessions, storage, family, ids["making"], batch)
    async with sessions.begin() as session:
        who = act(family.artisan)
        await change_product(session, who, made.id, {"state": ProductState.OFF}, NOON)
    work, products = "/workshop/work-orders", "/workshop/products"
    soon = beijing_today() + timedelta(days=40)
    return [
        "/workshop",
        *(f"{work}/{work_order_id}" for work_order_id in (*ids.values(), packed.id)),
        f"{work}/{ids['ready']}/ship",
        f"{work}/{ids['new']}/decline",
        f"{work}/{packed.id}/decline",
        f"{work}/{ids['new']}/date",
        f"{work}/{ids['making']}/date?on={soon}",
        f"{work}/{ids['making']}/stages",
        f"{work}/{ids['making']}/stages/fine",
        products,
        f"{products}/new",
        *(f"{products}/{product.id}" for product in (made, batch)),
        *(f"{products}/{batch.id}/{form}" for form in ("price", "count", "photos")),
        "/workshop/earnings",
        "/workshop/earnings/account",
        "/workshop/letters",
        "/workshop/rest",
        "/workshop/rest/new",
        "/workshop/rest/new?reason=illness",
        f"/workshop/rest/new?reason=illness&begins_on={soon}",
        f"/workshop/rest/new?reason=illness&begins_on={soon}&ends_on={soon}",
    ]


def beijing_today() -> date:
    return datetime.now(BEIJING).date()


async def _more(
    sessions: Sessions, storage: Storage, family: Family, making_id: int, batch: Product
) -> None:
    """What can be taken back: a new date, a stage's picture, a count, days of rest."""
    who, now = act(family.artisan), datetime.now(UTC)
    async with sessions.begin() as session:
        later = beijing_today() + timedelta(days=60)
        await dates.change_date(session, who, making_id, later, "料还没到", now)
        for stage in ("wood", "rough"):
            await making.add_stage_photo(
                session, storage, who, making_id, {"stage": stage}, f"f-{stage}", CARVING, now
            )
        await stock.change(session, who, batch, 1, "数过", now)
        await make_letters(session, last_week(NOON + timedelta(days=1)), now)
        days = beijing_today() + timedelta(days=90), beijing_today() + timedelta(days=96)
        await closures.close(session, who, who.workshop_id, *days, "harvest", "", now)


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


@asynccontextmanager
async def phone(chromium: Browser, server: Served, family: Family) -> AsyncIterator[Page]:
    """The family's small phone, with a Chinese voice, signed in."""
    context = await chromium.new_context(viewport={"width": 360, "height": 740})
    await context.add_init_script(f"({VOICE})()")
    page = await context.new_page()
    await _sign_in(page, server, family)
    yield page
    await context.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_every_page_can_be_read_and_hit_on_a_small_phone(
    sessions: Sessions, server: Served, family: Family, tmp_path: Path, chromium: Browser
) -> None:
    beginners = await make_family(sessions, family.station, "李家木雕")
    storage = Storage.open(f"file://{tmp_path}/data/files")
    addresses = await _pages(sessions, storage, family)
    found = {}
    for whose, paths in (
        (family, addresses),
        (
            beginners,
            [
                "/workshop",
                "/workshop/products",
                "/workshop/earnings",
                "/workshop/letters",
                "/workshop/rest",
            ],
        ),
    ):
        async with phone(chromium, server, whose) as page:
            for path in paths:
                faults = await _faults(page, f"{server.base}{path}")
                if faults:
                    found[path] = faults
    assert found == {}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_no_is_asked_twice_and_every_order_and_button_is_read_aloud(
    sessions: Sessions, server: Served, family: Family, chromium: Browser
) -> None:
    made = await make_product(
        sessions, family.workshop, name="平安竖匾", kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7
    )
    work_order = await order_paid(sessions, (made, 2))
    async with phone(chromium, server, family) as page:
        await page.click(f"[href='/workshop/work-orders/{work_order.id}'] + .say")
        [said] = await page.evaluate("window.spoken")
        pay = "甘肃兰州的买家，已经付了钱。给您五百三十六元，邮费另给八元。"
        assert said.startswith(f"新来的，等您回话。平安竖匾，两件。{pay}要在")
        await page.click(f"[href='/workshop/work-orders/{work_order.id}']")
        await page.click("header .say")
        await page.focus(".aloud:has-text('换个日子') .say")
        await page.keyboard.press("Enter")
        whole, button = await page.evaluate("window.spoken")
        assert whole.endswith("前做好。接不接？")
        assert button == "接，可是要换个日子"
        silent = await page.evaluate(
            "[...document.querySelectorAll('main .button')].filter((e) =>"
            " !e.parentElement.querySelector('[data-say]')).map((e) => e.textContent)"
        )
        assert silent == []
        await page.click("text=接不了")
        await page.click("text=这阵子忙不过来")
        assert await page.evaluate(FAULTS) == []
        assert "马上退给买家" in await page.inner_text("main")
    async with sessions() as session:
        assert (await session.get_one(WorkOrder, work_order.id)).state == WorkOrderState.NEW


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_without_a_voice_the_stations_number_stands_there(
    sessions: Sessions, server: Served, family: Family, chromium: Browser
) -> None:
    for scripts in (True, False):
        context = await chromium.new_context(java_script_enabled=scripts)
        page = await context.new_page()
        await _sign_in(page, server, family)
        assert await page.is_visible("[href='tel:09370000000']")
        assert await page.locator(".say:visible").count() == 0
        await context.close()
