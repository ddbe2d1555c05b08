"""What a viewer's phone loads after scanning, on its first visit."""

from typing import Any

import pytest
from playwright.async_api import Browser, Response

pytestmark = pytest.mark.xdist_group("demo")

MOST_BYTES = 150_000


async def test_the_scan_page_with_its_photo_is_small(
    chromium: Browser, demo: dict[str, Any]
) -> None:
    code = next(link["code"] for link in demo["links"] if link["product"])
    context = await chromium.new_context(
        viewport={"width": 390, "height": 844}, device_scale_factor=3, base_url=demo["base"]
    )
    page = await context.new_page()
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    await page.goto(f"/Q/{code}", wait_until="networkidle")
    sizes = {answer.url.rsplit("/", 1)[1]: len(await answer.body()) for answer in answers}
    await context.close()
    assert any(name.endswith((".avif", ".webp", ".jpg")) for name in sizes)
    assert sum(sizes.values()) <= MOST_BYTES, sizes
    print(f"first load of the scan page: {sum(sizes.values()):,} bytes", sizes)
