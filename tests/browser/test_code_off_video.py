"""The overlay's code can be read off the stream: by a program, and by a phone before a screen."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, Page, expect

from catalog.db import Database
from tests.browser.on_air import CARVING, PUBLIC_URL, SAYS, go_on_air
from tests.serving import served
from tests.video import by_phone, codes_in, decoded, moving, through_h264

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

WIDE, TALL = (1920, 1080), (1080, 1920)
# The encoder needs some frames to find its rate; the last ten count.
FRAMES, COUNTED = 20, 10


@dataclass(frozen=True)
class Stream:
    """A canvas, and how it is sent."""

    canvas: tuple[int, int]
    size: tuple[int, int]
    bits: int


STREAMS = {
    "1080p": Stream(WIDE, (1920, 1080), 2_500_000),
    "720p": Stream(WIDE, (1280, 720), 1_200_000),
    "480p": Stream(WIDE, (854, 480), 600_000),
    "tall-540p": Stream(TALL, (540, 960), 1_000_000),
}


@pytest.fixture
async def overlay(
    database: Database, database_url: str, tmp_path: Path, chromium: Browser
) -> AsyncIterator[Page]:
    """The real page, as OBS would have it open."""
    on_air = await go_on_air(database, tmp_path)
    with served(database_url, tmp_path, PUBLIC_URL=PUBLIC_URL) as server:
        page = await chromium.new_page()
        page.set_default_timeout(30_000)
        await page.goto(server.base + on_air.path)
        yield page


async def drawn(page: Page, canvas: tuple[int, int]) -> Image.Image:
    """What the overlay draws, with nothing behind it."""
    width, height = canvas
    await page.set_viewport_size({"width": width, "height": height})
    await page.goto(page.url.partition("?")[0] + f"?canvas={width}x{height}")
    await expect(page.locator(".photo img")).to_have_js_property("complete", value=True)
    return Image.open(BytesIO(await page.screenshot(omit_background=True)))


def sent(overlay: Image.Image, stream: Stream) -> list[Image.Image]:
    """The last frames of a stream with the overlay over a moving picture, as viewers get them."""
    with Image.open(CARVING) as photo:
        frames = []
        for frame in moving(photo, stream.canvas, FRAMES):
            frame.paste(overlay, mask=overlay.getchannel("A"))
            frames.append(frame)
    return decoded(through_h264(frames, stream.size, stream.bits))[-COUNTED:]


async def test_every_frame_of_every_stream_reads(overlay: Page) -> None:
    pictures = {canvas: await drawn(overlay, canvas) for canvas in (WIDE, TALL)}
    read = {}
    for name, stream in STREAMS.items():
        frames = sent(pictures[stream.canvas], stream)
        photos = [by_phone(frame, seed) for seed, frame in enumerate(frames)]
        read[name] = (
            sum(codes_in(frame) == [SAYS] for frame in frames),
            sum(codes_in(photo) == [SAYS] for photo in photos),
        )
    assert read == dict.fromkeys(STREAMS, (COUNTED, COUNTED))


async def test_at_four_pixels_a_module_no_phone_reads_it(overlay: Page) -> None:
    await drawn(overlay, WIDE)
    smaller = "code => { code.style.width = `${code.naturalWidth * 4 / 10}px` }"
    await overlay.locator(".qr").evaluate(smaller)
    picture = Image.open(BytesIO(await overlay.screenshot(omit_background=True)))
    assert codes_in(picture.convert("RGB")) == [SAYS]
    frames = sent(picture, STREAMS["480p"])
    photos = [by_phone(frame, seed) for seed, frame in enumerate(frames)]
    assert [codes_in(photo) for photo in photos] == [[]] * COUNTED
