"""The console in Chromium: every key, the clocks, two screens, a laptop and a phone."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select, update

from catalog.db import Sessions
from catalog.models import Product, Role
from live.announcements import Sold, add_all
from live.lineup import put_line_up
from live.models import Airing, LineUpItem, Show, ShowState
from live.overlays import make_overlay
from live.shows import get_show
from tests.live.acting import host_of, item_of, make_link, member_of, sibling
from tests.making import NOON, PASSWORD, make_live_show, make_product
from tests.serving import Served, eventually, served

# One kind of database is enough: what is tested runs in the browser.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

LAPTOP = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}
WORDS = "驼铃是民勤出沙的声音。马家三代养骆驼，也三代做木匠。" * 14

Open = Callable[..., Awaitable[Page]]


@pytest.fixture
async def products(sessions: Sessions) -> list[Product]:
    first = await make_product(sessions, on_hand=2, name="驼铃方屏")
    return [first, await sibling(sessions, first, on_hand=3, name="丰年竖匾")]


@pytest.fixture
async def show(sessions: Sessions, products: list[Product]) -> Show:
    """On air since twelve minutes, its first item planned for five and three too late."""
    show = await make_live_show(sessions, products)
    host = await host_of(sessions, show)
    first, second = products
    await make_link(sessions, first, show)
    async with sessions.begin() as session:
        rows = [
            {"product": first.id, "talking_points": WORDS, "do_not_say": "老料", "minutes": 5},
            {"product": second.id, "talking_points": "第二件", "minutes": 5},
        ]
        await put_line_up(session, host, show.id, rows, NOON)
        await make_overlay(session, host, NOON, channel="抖音")
        await session.execute(
            update(Airing).values(started_at=datetime.now(UTC) - timedelta(minutes=8, seconds=20))
        )
        item = show.items[0].id
        await add_all(
            session, [Sold(item, 1, "王芳", "兰州", NOON), Sold(item, 2, "李四", "", NOON)]
        )
    return show


@pytest.fixture
def server(database_url: str, tmp_path: Path, show: Show) -> Iterator[Served]:
    with served(database_url, tmp_path) as server:
        yield server


@pytest.fixture
async def console(
    chromium: Browser, server: Served, sessions: Sessions, products: list[Product], show: Show
) -> AsyncIterator[Open]:
    """Opens the console as a new member, in a browser of its own; nothing may fail there."""
    faults: list[str] = []
    contexts = []

    async def open_console(role: Role, size: dict[str, int] = LAPTOP, **options: object) -> Page:
        context = await chromium.new_context(
            viewport=size, base_url=server.base, locale="zh-CN", **options
        )
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("response", lambda r: faults.append(r.url) if r.status >= 500 else None)
        member = await member_of(sessions, products[0], role)
        await page.goto("/sign-in")
        await page.get_by_label("登录名").fill(member.login)
        await page.get_by_label("密码").fill(PASSWORD)
        await page.get_by_role("button", name="登录").click()
        await page.wait_for_url(re.compile("/desk"))
        await page.goto(f"/desk/shows/{show.id}/console")
        if options.get("java_script_enabled", True):
            await expect(page.locator("[data-connection]")).to_have_text("已连接")
        return page

    yield open_console
    for context in contexts:
        await context.close()
    assert faults == []


async def test_the_whole_show_from_the_keyboard(
    console: Open, sessions: Sessions, products: list[Product], show: Show
) -> None:
    page = await console(Role.HOST)
    await page.keyboard.press("k")
    await expect(page.locator("#piece h1")).to_have_text("丰年竖匾")
    await page.keyboard.press("j")
    await expect(page.locator("#piece h1")).to_have_text("驼铃方屏")
    await page.keyboard.press("2")
    await expect(page.locator("#piece h1")).to_have_text("丰年竖匾")
    await page.keyboard.press("s")
    await expect(page.locator("#piece")).to_contain_text("已售，直播间不卖了")
    assert (await item_of(sessions, show, products[1])).sold_out_at is not None
    await page.keyboard.press("u")
    await expect(page.locator("#piece")).to_contain_text("还有 3 件")
    assert (await item_of(sessions, show, products[1])).sold_out_at is None
    await page.keyboard.press("n")
    await expect(page.locator("#feed h2 .count")).to_have_text("1")
    await expect(page.locator("#feed")).to_contain_text("李* 买下 驼铃方屏 ×2")
    await page.keyboard.press("q")
    await page.get_by_role("button", name="只报码").click()
    await expect(page.locator("#state")).to_contain_text("抖音 · 只报码")
    await page.keyboard.press("Escape")
    await page.keyboard.press("m")
    await expect(page.get_by_role("dialog")).to_contain_text("现在没有人留着")
    await page.get_by_label("卖了几件").fill("1")
    await page.get_by_role("button", name="卖了，从库存里减掉").click()
    await expect(page.locator(".flash")).to_contain_text("集市卖了 1 件")
    await expect(page.locator("#piece")).to_contain_text("还有 2 件")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("十秒之内撤销已售")
    await page.keyboard.press("Escape")
    await page.keyboard.press("e")
    await page.get_by_role("button", name="结束这一场").click()
    await page.wait_for_url(re.compile(r"/desk/shows/\d+$"))
    async with sessions() as session:
        assert (await get_show(session, show.id)).state == ShowState.ENDED
    await page.goto(f"/desk/shows/{show.id}/console")
    await page.get_by_role("button", name="接着播").click()
    await expect(page.locator("#piece h1")).to_have_text("丰年竖匾")


async def test_the_clocks_run_by_the_rule(console: Open) -> None:
    page = await console(Role.HOST)
    behind, on = page.locator("#pace .behind"), page.locator("[data-tick=on]")
    await expect(behind).to_have_text("慢 3 分钟")
    await expect(on).to_have_text(re.compile(r"^8:\d\d / 5:00$"))
    said = await on.text_content()
    await expect(on).not_to_have_text(said or "")
    # Forty seconds on, another minute is lost; the server is not asked.
    await behind.evaluate("e => e.dataset.since = new Date(Date.parse(e.dataset.since) - 60000)")
    await expect(behind).to_have_text("慢 4 分钟")
    await behind.evaluate("e => { e.dataset.others = -600; }")
    await expect(behind).to_have_text(re.compile("^快 [56] 分钟$"))
    await expect(page.locator(".wall")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))


async def test_another_screen_takes_over_and_the_first_sees_it(
    console: Open, sessions: Sessions, show: Show
) -> None:
    host, other = await console(Role.HOST), await console(Role.ASSISTANT)
    await host.keyboard.press("2")
    await expect(host.locator("#state")).to_contain_text("您在控制")
    await expect(other.locator("#state")).to_contain_text("host在控制")
    await other.keyboard.press("1")
    await expect(other.locator("#piece h1")).to_have_text("丰年竖匾")
    await other.get_by_role("link", name="接过来").click()
    await other.get_by_role("button", name="接过来").click()
    await expect(other.locator("#state")).to_contain_text("您在控制")
    await expect(host.locator("#state")).to_contain_text("assistant在控制")
    await expect(host.locator("#go-next")).to_have_count(0)
    await other.keyboard.press("1")
    await expect(host.locator("#piece h1")).to_have_text("驼铃方屏")
    async with sessions() as session:
        assert (await get_show(session, show.id)).now_item_id == show.items[0].id


async def test_the_undo_key_goes_when_its_ten_seconds_are_over(
    console: Open, sessions: Sessions
) -> None:
    page = await console(Role.HOST)
    await page.keyboard.press("s")
    undo = page.locator("#undo")
    await expect(undo).to_be_enabled()
    await page.locator("form[data-gone-at]").evaluate("e => { e.dataset.goneAt = new Date(0); }")
    await expect(undo).to_be_disabled()
    await page.keyboard.press("u")
    async with sessions() as session:
        assert await session.scalar(
            select(LineUpItem.id).where(LineUpItem.sold_out_at.is_not(None))
        )
    await page.get_by_role("button", name="接着卖").click()
    await expect(page.locator("#sold-out")).to_be_visible()


async def test_the_words_move_on_by_themselves_until_they_are_stopped(console: Open) -> None:
    page = await console(Role.HOST)
    # Looked up where they are measured: a fragment may take the place of the words at any moment.
    down, words = f"{TALK}.scrollTop", f"{TALK}.scrollHeight > {TALK}.clientHeight"
    assert await page.evaluate(words)
    await page.keyboard.press("f")
    await eventually(lambda: page.evaluate(f"{down} > 5"))
    await page.keyboard.press("f")
    stopped = await page.evaluate(down)
    await expect(page.locator("[data-scroll]")).to_have_attribute("aria-pressed", "false")
    # What is read stays where it was when the rest of the page is sent anew.
    await page.keyboard.press("s")
    await expect(page.locator("#undo")).to_be_visible()
    assert abs(await page.evaluate(down) - stopped) <= 2
    calm = await console(Role.HOST, reduced_motion="reduce")
    await expect(calm.locator("[data-scroller]")).to_be_hidden()
    await calm.keyboard.press("f")
    assert await calm.evaluate(down) == 0


TALK = "document.querySelector('.talk')"
BOX = "id => { const b = document.querySelector(id).getBoundingClientRect(); return [b.top, b.height]; }"
FITS = "document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth"


@pytest.mark.parametrize(("size", "least"), [(LAPTOP, 25), (PHONE, 28)], ids=["laptop", "phone"])
async def test_nothing_scrolls_but_the_lists_and_words_are_big(
    console: Open, size: dict[str, int], least: int
) -> None:
    page = await console(Role.HOST, size)
    assert await page.evaluate(FITS)
    font = await page.evaluate(
        "parseFloat(getComputedStyle(document.querySelector('.talk p')).fontSize)"
    )
    assert font >= least
    for button in ("#go-next", "#sold-out", "#go-market"):
        top, height = await page.evaluate(BOX, button)
        assert height >= 48
        assert 0 <= top <= size["height"] - height


async def test_the_phone_shows_one_panel_above_its_buttons(console: Open) -> None:
    page = await console(Role.HOST, PHONE)
    await expect(page.locator(".panel-lineup")).to_be_hidden()
    await page.locator("label", has_text="讲解单").click()
    await expect(page.locator(".panel-lineup")).to_be_visible()
    await page.locator("#seat-" + await second_seat(page)).click()
    await page.locator("label", has_text="这一件").click()
    await expect(page.locator("#piece h1")).to_have_text("丰年竖匾")
    await page.locator("label", has_text="念单").click()
    await expect(page.locator("#feed-count")).to_have_text("2")
    await page.get_by_role("button", name="念过了").first.click()
    await expect(page.locator("#feed-count")).to_have_text("1")
    await expect(page.locator("#feed")).to_be_visible()


async def second_seat(page: Page) -> str:
    name = await page.locator(".lineup li:nth-child(2) button").first.get_attribute("id")
    assert name is not None
    return name.removeprefix("seat-")


async def test_it_works_without_scripts(console: Open) -> None:
    page = await console(Role.HOST, java_script_enabled=False)
    await page.get_by_role("button", name="下一件：丰年竖匾").click()
    await expect(page.locator("#piece h1")).to_have_text("丰年竖匾")
    await page.get_by_role("button", name="已售").click()
    await page.get_by_role("button", name="撤销已售").click()
    await page.get_by_role("button", name="念过了").first.click()
    await page.get_by_role("link", name="集市卖了").click()
    await expect(page.get_by_role("heading", name="集市卖了：丰年竖匾")).to_be_visible()
