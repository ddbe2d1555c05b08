"""The line-up editor under the hand: by keys, by mouse, with undo, and with a warning."""

import itertools
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.test_journey import LAPTOP, sign_in

pytestmark = pytest.mark.xdist_group("demo")

# One host has one show at a time.
DAYS = itertools.count(1)


@pytest.fixture
async def editor(chromium: Browser, demo: dict[str, Any]) -> AsyncIterator[Page]:
    """An editor with what the fair suggestion put into an hour, not saved."""
    context = await chromium.new_context(viewport=LAPTOP, base_url=demo["base"], locale="zh-CN")
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    await sign_in(page, demo, "host")
    await page.goto("/desk/shows/new")
    await page.get_by_label("名称").fill("编排练习")
    day = f"2094-06-{next(DAYS):02}"
    await page.get_by_label("开始（北京时间）").fill(f"{day}T19:30")
    await page.get_by_label("结束（北京时间）").fill(f"{day}T20:00")
    await page.locator("main form button[type=submit]").last.click()
    await page.wait_for_url(re.compile("/line-up"))
    await page.get_by_role("button", name="按公平排满").click()
    await expect(page.locator("[data-row]")).to_have_count(6)
    yield page
    await context.close()
    assert faults == []


async def names(page: Page) -> list[str]:
    found: list[str] = await page.locator("[data-row]").evaluate_all(
        "rows => rows.map((row) => row.dataset.name)"
    )
    return found


async def due(page: Page) -> list[str]:
    return await page.locator("[data-due]").all_text_contents()


async def test_rows_move_by_keys_by_mouse_and_by_buttons(editor: Page) -> None:
    a, b, c, d, e, f = await names(editor)
    said = editor.locator("[data-said]")
    grips = editor.locator("[data-grip]")

    await grips.nth(1).focus()
    await editor.keyboard.press("ArrowUp")
    assert await names(editor) == [b, a, c, d, e, f]
    await expect(said).to_have_text(f"{b}挪到第 1 位，共 6 位，北京时间 19:30 讲。")
    await expect(grips.nth(0)).to_be_focused()
    await editor.keyboard.press("ArrowUp")
    await expect(said).to_have_text("已经是第一位。")

    talk = editor.locator('[name$=".talking_points"]').nth(0)
    await talk.fill("说到一半")
    await editor.keyboard.press("Alt+ArrowDown")
    assert await names(editor) == [a, b, c, d, e, f]
    await expect(editor.locator('[name$=".talking_points"]').nth(1)).to_be_focused()

    await editor.get_by_role("button", name=f"往后挪：{a}").click()
    assert await names(editor) == [b, a, c, d, e, f]

    # Three rows further in one jump of the mouse: those between keep their order.
    start, end = await grips.nth(0).bounding_box(), await grips.nth(3).bounding_box()
    assert start is not None
    assert end is not None
    await editor.mouse.move(start["x"] + 5, start["y"] + 5)
    await editor.mouse.down()
    await editor.mouse.move(end["x"] + 5, end["y"] + end["height"] + 30)
    await editor.mouse.up()
    assert await names(editor) == [a, c, d, b, e, f]
    await expect(said).to_have_text(f"{b}挪到第 4 位，共 6 位，北京时间 19:45 讲。")

    await editor.locator("button[name=save]").click()
    await expect(editor.get_by_text("讲解单已保存。")).to_be_visible()
    await editor.goto(f"{editor.url}/line-up")
    await expect(editor.locator("[data-row]")).to_have_count(6)
    assert await names(editor) == [a, c, d, b, e, f]


async def test_minutes_add_up_and_what_was_taken_out_comes_back(editor: Page) -> None:
    before = await names(editor)
    total = editor.locator("[data-minutes]")
    await expect(total).to_have_text("6 件，共 30 分钟，正好排满")
    await editor.locator('[name$=".minutes"]').nth(0).fill("11")
    await expect(total).to_have_text("6 件，共 36 分钟，比排的多 6 分钟")
    assert (await due(editor))[:3] == ["19:30", "19:41", "19:46"]
    for n in (1, 1):
        await editor.locator("[name=remove]").nth(n).click()
    await expect(total).to_have_text("4 件，共 26 分钟，比排的少 4 分钟")
    await expect(editor.get_by_text(f"拿掉了“{before[2]}”")).to_be_visible()
    for name in (before[1], ""):
        await editor.get_by_role("button", name="放回去").click()
        words = editor.locator("[data-removed-name]")
        await expect(words).to_have_text(f"拿掉了“{name}”" if name else "")
    assert await names(editor) == before
    await expect(editor.get_by_role("button", name="放回去")).to_be_hidden()


async def test_a_low_price_asks_for_the_makers_word_and_leaving_asks_first(editor: Page) -> None:
    box, price = (
        editor.locator("[data-consent]").first,
        editor.locator('[name$=".show_price"]').first,
    )
    await expect(box).to_be_hidden()
    await price.fill("1")
    await expect(box).to_be_visible()
    await price.fill("")
    await expect(box).to_be_hidden()
    await expect(editor.get_by_text("还没有保存")).to_be_visible()
    async with editor.expect_event("dialog") as asked:
        await editor.evaluate("setTimeout(() => location.assign('/desk'), 0)")
    dialog = await asked.value
    assert dialog.type == "beforeunload"
    await dialog.dismiss()
    await expect(editor.get_by_text("还没有保存")).to_be_visible()
    assert editor.url.endswith("/line-up")
