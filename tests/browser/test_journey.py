"""The main job in Chromium: the desk on a laptop, buyer and family on phones, scripts on and off."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from catalog.checks import BEIJING
from tests.making import BUYER
from tests.paper import codes_on

pytestmark = pytest.mark.xdist_group("demo")

LAPTOP = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}

Open = Callable[[dict[str, int]], Awaitable[Page]]


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
async def new_page(
    request: pytest.FixtureRequest, chromium: Browser, demo: dict[str, Any]
) -> AsyncIterator[Open]:
    """Opens a browser of its own at the demo; no request may leave this machine, none may fail."""
    faults: list[str] = []
    contexts = []

    async def new(size: dict[str, int]) -> Page:
        context = await chromium.new_context(
            viewport=size, java_script_enabled=request.param, base_url=demo["base"], locale="zh-CN"
        )
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("response", lambda r: faults.append(r.url) if r.status >= 500 else None)
        return page

    yield new
    for context in contexts:
        await context.close()
    assert faults == []


async def sign_in(page: Page, demo: dict[str, Any], login: str) -> None:
    member = next(m for m in demo["members"] if m["login"] == login)
    await page.goto("/sign-in")
    await page.get_by_label("登录名").fill(login)
    await page.get_by_label("密码").fill(member["password"])
    await page.get_by_role("button", name="登录").click()
    await page.wait_for_url(re.compile("/(desk|workshop)"))


async def line_up(page: Page, days_ahead: int, names: tuple[str, ...]) -> None:
    """Schedule a show, put the products into its line-up, make their codes, go on air."""
    start = datetime.now(UTC).astimezone(BEIJING) + timedelta(days=days_ahead)
    await page.goto("/desk/shows/new")
    await page.get_by_label("名称").fill(f"浏览器专场{days_ahead}")
    await page.get_by_label("开始（北京时间）").fill(f"{start:%Y-%m-%dT%H:%M}")
    await page.get_by_label("结束（北京时间）").fill(f"{start + timedelta(hours=1):%Y-%m-%dT%H:%M}")
    await page.locator("main form button[type=submit]").last.click()
    await page.wait_for_url(re.compile(r"/desk/shows/\d+"))
    show = page.url.removesuffix("/line-up")
    await page.goto(f"{show}/line-up")
    for name in names:
        await page.locator("input[name=q]").fill(name)
        await page.get_by_role("button", name="找在售的作品").click()
        await page.get_by_role("button", name=f"加入{name}").click()
        await expect(page.get_by_text(name).first).to_be_visible()
    await page.locator("button[name=save]").first.click()
    await page.wait_for_load_state()
    await page.goto(show)
    await page.locator(f"form[action='{show.removeprefix(base_of(page))}/links'] button").click()
    await page.wait_for_load_state()


def base_of(page: Page) -> str:
    return "/".join(page.url.split("/")[:3])


async def printed_code(page: Page, title: str, name: str, paper: Path) -> str:
    """Read the product's printed card with a scanner's eyes."""
    await page.goto("/desk/links")
    row = page.get_by_role("row").filter(has_text=name).filter(has_text=title)
    address = await row.locator("a[href$='card.pdf']").first.get_attribute("href")
    assert address is not None
    (text,) = codes_on(await (await page.request.get(address)).body(), paper)
    return text


async def buy(page: Page, codes: list[str]) -> None:
    """Both products into the basket, one payment, back at the order page."""
    await page.goto(codes[0])
    await page.get_by_role("link", name="放进篮子").click()
    first = re.search(r"[?&]i=([^&]+)", page.url)
    assert first is not None
    await page.goto(f"{codes[1]}?cart={first[1]}")
    await page.get_by_role("link", name="放进篮子").click()
    await page.get_by_role("button", name="一起买").click()
    await page.wait_for_url(re.compile("/checkout/"))
    for label, field in (("收件人", "name"), ("手机号", "phone"), ("城市", "city")):
        await page.get_by_label(label).fill(BUYER[field])
    await page.get_by_label("省份").select_option(BUYER["province"])
    await page.get_by_label("区县").fill(BUYER["district"])
    await page.get_by_label("详细地址").fill(BUYER["detail"])
    await page.get_by_role("button", name=re.compile("去付款")).click()
    await expect(page.get_by_text("彩排").first).to_be_visible()
    await page.locator("form button").first.click()
    await page.wait_for_url(re.compile(r"/o/[^/]+$"))


async def test_scan_buy_pay_make_send(
    request: pytest.FixtureRequest, new_page: Open, demo: dict[str, Any], tmp_path: Path
) -> None:
    days = 10 if "no-scripts" in request.node.name else 20
    host = await new_page(LAPTOP)
    await sign_in(host, demo, "host")
    await line_up(host, days, ("茶字方牌", "明月圆盘"))
    title = f"浏览器专场{days}"
    codes = [
        await printed_code(host, title, name, tmp_path / f"{name}.pdf")
        for name in ("茶字方牌", "明月圆盘")
    ]
    buyer = await new_page(PHONE)
    await buy(buyer, codes)
    await expect(buyer.get_by_role("heading", name="已经付款")).to_be_visible()

    zhao, liu = await new_page(PHONE), await new_page(PHONE)
    await sign_in(zhao, demo, "zhao")
    await sign_in(liu, demo, "liu")
    await expect(zhao.get_by_text("茶字方牌").first).to_be_visible()
    await expect(zhao.get_by_text("明月圆盘")).to_have_count(0)
    await expect(liu.get_by_text("明月圆盘").first).to_be_visible()

    await liu.get_by_role("link").filter(has_text="明月圆盘").first.click()
    for button in ("我能寄", "包好了"):
        await liu.get_by_role("button", name=button).click()
    await liu.get_by_role("link", name="寄了").click()
    await liu.get_by_label("快递单号").fill(f"YT8812345{days}")
    await liu.get_by_text("圆通").click()
    await liu.get_by_role("button", name="寄出了", exact=True).click()
    await liu.wait_for_load_state()
    await buyer.reload()
    await expect(buyer.get_by_text(f"YT8812345{days}").first).to_be_visible()
