"""The calendar in Chromium: from the keyboard, by a click on a free half hour, and on a phone."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from catalog.checks import BEIJING
from tests.browser.test_journey import LAPTOP, PHONE, Open, new_page, sign_in

pytestmark = pytest.mark.xdist_group("demo")

__all__ = ["new_page"]


@pytest.fixture
def week(request: pytest.FixtureRequest) -> int:
    """How many weeks ahead to plan: not where the other run, with or without scripts, did."""
    return 7 if "no-scripts" in request.node.name else 6


def in_days(days: int) -> str:
    return f"{datetime.now(UTC).astimezone(BEIJING) + timedelta(days=days):%Y-%m-%d}"


async def test_a_click_on_a_free_half_hour_opens_the_form_with_that_time(
    new_page: Open, demo: dict[str, Any], week: int
) -> None:
    page = await new_page(LAPTOP)
    await sign_in(page, demo, "manager")
    day = in_days(7 * week)
    await page.goto(f"/desk/calendar?view=week&day={day}")
    await page.locator(f"a.free[href='/desk/shows/new?start={day}T08:30']").click()
    await expect(page.get_by_label("开始（北京时间）")).to_have_value(f"{day}T08:30")
    await page.get_by_label("名称").fill("日历上点的")
    await page.get_by_label("这一场是彩排").check()
    await page.locator("main form button[type=submit]").last.click()
    await page.wait_for_url(re.compile(r"/desk/shows/\d+"))
    await page.goto(f"/desk/calendar?view=week&day={day}")
    block = page.locator("td.taken", has_text="日历上点的")
    await expect(block).to_have_count(1)
    assert await block.get_attribute("rowspan") == "4"
    await expect(block).to_contain_text("彩排")


async def test_blocks_of_one_time_do_not_cover_each_other(
    new_page: Open, demo: dict[str, Any], week: int
) -> None:
    page = await new_page(LAPTOP)
    await sign_in(page, demo, "manager")
    day = in_days(7 * week + 14)
    for n, (begins, ends) in enumerate((("10:00", "12:10"), ("11:00", "11:30"))):
        await page.goto(f"/desk/shows/new?start={day}T{begins}")
        await page.get_by_label("名称").fill(f"并排{n}")
        await page.get_by_label("结束（北京时间）").fill(f"{day}T{ends}")
        await page.get_by_label("主播").select_option(index=n)
        await page.locator("main form button[type=submit]").last.click()
        await page.wait_for_url(re.compile(r"/desk/shows/\d+"))
    await page.goto(f"/desk/calendar?view=week&day={day}")
    boxes = [await page.locator("a.block", has_text=f"并排{n}").bounding_box() for n in range(2)]
    first, second = boxes
    assert first is not None
    assert second is not None
    assert first["x"] + first["width"] <= second["x"]
    # A short show stays within its half hour.
    assert second["height"] < first["height"] / 4


async def test_a_phone_lists_the_days(new_page: Open, demo: dict[str, Any]) -> None:
    page = await new_page(PHONE)
    await sign_in(page, demo, "manager")
    await page.goto("/desk/calendar")
    await expect(page.locator("table.calendar")).to_be_hidden()
    await expect(page.locator(".day-list > li")).to_have_count(7)
    # A show that goes on past midnight stands at both days.
    await expect(page.locator(".day-show", has_text="周末木雕专场").first).to_be_visible()
    box = await page.locator(".day-list").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= PHONE["width"]
    await page.goto("/desk/calendar?view=month")
    await expect(page.locator(".day-show", has_text="周末木雕专场").first).to_be_visible()


async def test_the_calendar_is_turned_from_the_keyboard(
    chromium: Browser, demo: dict[str, Any]
) -> None:
    context = await chromium.new_context(viewport=LAPTOP, base_url=demo["base"], locale="zh-CN")
    page = await context.new_page()
    await sign_in(page, demo, "manager")
    await page.goto("/desk/calendar")
    for key, view, there in (
        ("ArrowRight", "week", in_days(7)),
        ("ArrowRight", "week", in_days(14)),
        ("ArrowLeft", "week", in_days(7)),
        ("m", "month", in_days(7)),
        ("w", "week", in_days(7)),
        ("t", "week", in_days(0)),
    ):
        await page.keyboard.press(key)
        await page.wait_for_url(re.compile(f"view={view}&day={there}"))
    await page.keyboard.press("n")
    await page.wait_for_url("**/desk/shows/new")
    await page.goto("/desk")
    await page.keyboard.press("g")
    await page.keyboard.press("c")
    await page.wait_for_url("**/desk/calendar")
    await context.close()


async def test_a_feeds_address_is_copied(chromium: Browser, demo: dict[str, Any]) -> None:
    context = await chromium.new_context(
        base_url=demo["base"], locale="zh-CN", permissions=["clipboard-read", "clipboard-write"]
    )
    page = await context.new_page()
    await sign_in(page, demo, "manager")
    await page.goto("/desk/calendar/feeds")
    await page.locator("button[value=mine]").click()
    address = await page.locator("#f-address").input_value()
    await page.get_by_role("button", name="复制").click()
    await expect(page.get_by_role("button", name="复制好了")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == address
    answer = await page.request.get(address)
    assert (answer.status, (await answer.text())[:15]) == (200, "BEGIN:VCALENDAR")
    await context.close()
