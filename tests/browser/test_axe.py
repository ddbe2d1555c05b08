"""Every page that can be reached by links, read by axe-core as those see it who use it."""

import re
from collections import deque
from collections.abc import Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

pytestmark = pytest.mark.xdist_group("demo")

PHONE, SMALL_PHONE = {"width": 390, "height": 844}, {"width": 360, "height": 740}
LAPTOP = {"width": 1366, "height": 768}
# What is not a page: paper, tables, pictures, streams.
FILES = (
    ".pdf",
    ".csv",
    ".xlsx",
    ".ics",
    ".png",
    ".svg",
    ".jpg",
    ".webp",
    ".avif",
    ".json",
    "/events",
)
# The API's documentation is drawn by a library of its own.
ELSEWHERE = ("/schema", "/photos/", "/static/", "/files/", "/rehearsal")
LINKS = "[...document.querySelectorAll('a[href]')].map((a) => a.href)"


def shape(address: str) -> str:
    """An address without what tells one thing from another of its kind."""
    path = re.sub(r"/(\d+|[0-9A-Za-z_-]{16,}|[A-Z0-9]{5,12})(?=/|$)", "/…", urlsplit(address).path)
    return re.sub(r"^/(Q|workshops|products|stations)/[^/]+$", r"/\1/…", path, flags=re.IGNORECASE)


async def walk(page: Page, base: str, starts: Sequence[str]) -> dict[str, list[str]]:
    """Follow links from `starts`, one page of each shape; what axe finds serious on which."""
    waiting = deque(urljoin(base, start) for start in starts)
    seen: set[str] = set()
    found: dict[str, list[str]] = {}
    while waiting:
        address = waiting.popleft()
        path = urlsplit(address).path
        if shape(address) in seen or not address.startswith(f"{base}/"):
            continue
        if path.endswith(FILES) or path.startswith(ELSEWHERE):
            continue
        seen.add(shape(address))
        answer = await page.goto(address)
        assert answer is not None
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        assert answer.status < 500, address
        waiting.extend(await page.evaluate(LINKS))
        faults = await serious(page)
        if faults:
            found[f"{answer.status} {urlsplit(page.url).path}"] = faults
    found.setdefault("pages", []).append(str(len(seen)))
    return found


async def serious(page: Page) -> list[str]:
    """Rules broken in a serious way, each with the first places where."""
    told = (await Axe().run(page)).response["violations"]
    return [
        f"{rule['id']}: {'; '.join(node['html'][:90] for node in rule['nodes'][:3])}"
        for rule in told
        if rule["impact"] in ("serious", "critical")
    ]


def buy(demo: dict[str, Any]) -> list[str]:
    """The pages of one buyer: a hold, and an order not paid for."""
    by_kind = {product["kind"]: product["id"] for product in demo["products"]}
    wanted = {"items": [{"product": by_kind["batch"], "quantity": 1}]}
    buyer = {
        "name": "王芳",
        "phone": "13800138000",
        "address": {
            "province": "甘肃省",
            "city": "兰州市",
            "district": "城关区",
            "detail": "一号楼",
        },
    }
    with httpx.Client(base_url=f"{demo['base']}/api") as api:
        hold = api.post("/holds", json=wanted).json()
        order = api.post(
            "/orders", json={**wanted, "buyer": buyer}, headers={"Idempotency-Key": "axe"}
        ).json()
    return [f"/checkout/{hold['token']}", f"/o/{order['token']}"]


async def sign_in(page: Page, demo: dict[str, Any], role: str) -> None:
    member = next(member for member in demo["members"] if member["role"] == role)
    await page.goto(f"{demo['base']}/sign-in")
    await page.fill("[name=login]", member["login"])
    await page.fill("[name=password]", member["password"])
    await page.press("[name=password]", "Enter")
    await page.wait_for_url(re.compile(r"/(desk|workshop)$"))


@pytest.mark.parametrize(
    ("role", "size", "starts", "least"),
    [
        ("", PHONE, ["/", "/products", "/workshops", "/c", "/cart", "/sign-in", "/nothing"], 12),
        ("artisan", SMALL_PHONE, ["/workshop"], 8),
        ("manager", LAPTOP, ["/desk"], 40),
        ("host", PHONE, ["/desk/shows"], 20),
    ],
    ids=["buyer", "artisan", "manager", "host"],
)
async def test_no_page_has_a_serious_fault(
    chromium: Browser,
    demo: dict[str, Any],
    role: str,
    size: Any,
    starts: list[str],
    least: int,
) -> None:
    context = await chromium.new_context(viewport=size, locale="zh-CN")
    page = await context.new_page()
    if role:
        await sign_in(page, demo, role)
    else:
        starts = [*starts, *buy(demo), *(link["url"] for link in demo["links"][:2])]
    found = await walk(page, demo["base"], starts)
    await context.close()
    assert int(found.pop("pages")[0]) >= least
    assert found == {}


async def test_the_reader_sees_a_fault(chromium: Browser) -> None:
    page = await chromium.new_page()
    await page.set_content("<html lang=zh><title>t</title><main><img src='x.png'></main></html>")
    assert [fault.split(":")[0] for fault in await serious(page)] == ["image-alt"]
    await page.close()
