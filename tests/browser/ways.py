"""The two ways in which a family answers for an order: its own small phone, or slip and calls at the desk."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from playwright.async_api import Browser, FilePayload, Page

from catalog.models import Member
from catalog.words import spoken_date
from shop.models import WorkOrder
from tests.browser.test_artisan_targets import FAULTS, VOICE
from tests.making import PASSWORD
from tests.paper import codes_on
from tests.pictures import CARVING
from tests.serving import Served
from tests.shop.pages.family import Family
from tests.shop.pages.test_desk_slips import first_page

LATER_DAYS = 7
WHY = "料还没到"
SAID_BY = "李奶奶"

_DOUBLED = """addEventListener('DOMContentLoaded', () => {
  document.documentElement.style.fontSize = '200%';
})"""


@dataclass
class Sale:
    """A family, and the piece that it is to carve for a buyer who has paid."""

    family: Family
    part: WorkOrder
    promised_on: date

    @property
    def path(self) -> str:
        """Its page at the desk."""
        return f"/desk/work-orders/{self.part.id}"


@asynccontextmanager
async def laptop(chromium: Browser, server: Served, member: Member) -> AsyncIterator[Page]:
    """The desk, signed in."""
    context = await chromium.new_context(
        viewport={"width": 1366, "height": 768}, base_url=server.base
    )
    page = await context.new_page()
    await page.goto("/sign-in")
    await page.fill("[name=login]", member.login)
    await page.fill("[name=password]", PASSWORD)
    await press(page, "登录")
    yield page
    await context.close()


@asynccontextmanager
async def small_phone(chromium: Browser) -> AsyncIterator[Page]:
    """A phone with a Chinese voice, whose owner has set all text to twice its size."""
    context = await chromium.new_context(viewport={"width": 360, "height": 740})
    await context.add_init_script(f"({VOICE})()")
    await context.add_init_script(_DOUBLED)
    yield await context.new_page()
    await context.close()


async def press(page: Page, words: str) -> None:
    """The button that begins with these words; what follows has come when this returns."""
    async with page.expect_navigation():
        await page.locator("main .button:visible", has_text=re.compile(f"^{words}")).click()


async def _printed(page: Page, action: str) -> bytes:
    """The PDF that a form of this page sends to the printer."""
    form = page.locator(f"form[action='{action}']")
    fields = await form.evaluate("(form) => Object.fromEntries(new FormData(form))")
    answer = await page.request.post(action, form=fields)
    assert answer.headers["content-type"] == "application/pdf"
    return await answer.body()


def _jpeg(data: bytes) -> FilePayload:
    return {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": data}


async def card_address(desk: Page, family: Family, paper: Path) -> str:
    """What the code on a new card says, issued and printed at the desk."""
    cards = f"/desk/workshops/{family.workshop.id}/cards"
    await desk.goto(cards)
    await press(desk, "发一张卡")
    [address] = codes_on(await _printed(desk, f"{cards}/{family.artisan.id}/print"), paper)
    return address


async def _fits(phone: Page) -> None:
    """With letters doubled, nothing is cut, too small to hit, or sticks out sideways."""
    assert await phone.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
    assert await phone.evaluate(FAULTS) == [], phone.url


async def _tap(phone: Page, words: str) -> None:
    await press(phone, words)
    await _fits(phone)


async def by_phone(phone: Page, sale: Sale, address: str) -> None:
    """Sign in by scanning, hear the order, take it for another day, show two stages, be done."""
    await phone.goto(address)
    await _fits(phone)
    await _tap(phone, "是我，进去")
    assert await phone.inner_text("h1") == "有 1 单新活等您回话"
    async with phone.expect_navigation():
        await phone.click(f"[href='/workshop/work-orders/{sale.part.id}']")
    await _fits(phone)
    assert "给您 ¥241.20，邮费另给 ¥8" in await phone.inner_text("main")
    await phone.click("header .say")
    assert await phone.evaluate("window.spoken") == [
        "平安竖匾。甘肃兰州的买家，已经付了钱。给您二百四十一元二角，邮费另给八元。"
        f"要在{spoken_date(sale.promised_on)}前做好。接不接？"
    ]
    for words in ("换个日子", f"晚 {LATER_DAYS} 天", WHY, "开始做"):
        await _tap(phone, words)
    for stage in ("选料", "开料"):
        await _tap(phone, "拍一张进度")
        await _tap(phone, stage)
        await phone.set_input_files("[name=photo]", _jpeg(CARVING))
        await _tap(phone, "给买家看")
    await _tap(phone, "做好了")
    assert (await phone.inner_text("h1")).split() == ["平安竖匾", "寄到这里"]


async def earned(phone: Page) -> str:
    """What the family reads of its money; before that a PIN is set, twice the same."""
    await phone.click("nav >> text=我挣的")
    await phone.wait_for_url("**/workshop/earnings/pin*")
    for _ in range(2):
        await _fits(phone)
        for digit in "2580":
            await phone.click(f".keypad button[value='{digit}']")
        async with phone.expect_navigation():
            await phone.click(".keypad .button-primary")
    await _fits(phone)
    return " ".join((await phone.inner_text("main")).split())


async def by_slip(desk: Page, sale: Sale, days: int, paper: Path) -> None:
    """The slip is printed and comes back: taken, but in so many days."""
    await desk.goto(sale.path)
    slip = await _printed(desk, "/desk/slips/print")
    [address] = set(codes_on(slip, paper))
    await desk.goto(address)
    await desk.check("[name=answer][value=date]")
    await desk.fill("[name=days]", str(days))
    await desk.fill("[name=why]", WHY)
    assert await desk.is_checked("[name=said_channel][value=slip]")
    await desk.fill("[name=said_by]", SAID_BY)
    await desk.set_input_files("[name=said_file]", _jpeg(first_page(slip, paper)))
    await press(desk, "记下来")
    assert await desk.inner_text(".flash") == "李家木雕：记下了新日子，买家会知道。"


async def by_calls(desk: Page, sale: Sale) -> None:
    """The family calls: it has begun; here are two pictures; it is done."""
    await _said_on_call(desk, sale, "start")
    for stage in ("wood", "cutting"):
        await desk.goto(f"{sale.path}/stages")
        await desk.select_option("[name=stage]", stage)
        await desk.set_input_files("[name=photo]", _jpeg(CARVING))
        await desk.fill("[name=said_by]", SAID_BY)
        await press(desk, "给买家看")
        assert await desk.inner_text(".flash") == "照片收到了，买家过一会儿就能看到。"
    await _said_on_call(desk, sale, "ready")


async def _said_on_call(desk: Page, sale: Sale, answer: str) -> None:
    await desk.goto(sale.path)
    await desk.check(f"[name=answer][value={answer}]")
    assert await desk.is_checked("[name=said_channel][value=call]")
    await desk.fill("[name=said_by]", SAID_BY)
    await press(desk, "记下来")
