"""The slip of a work order on paper, and its code read back off a phone's photo of it."""

import random
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageFilter
from pillow_heif import from_pillow

from media.paper import WorkSlip, print_slips
from media.photos import BadPhoto
from media.reading import Unreadable, codes_in_photo
from tests.pictures import CARVING, HUGE_PNG, truncated

URL = "HTTPS://SHOP.EXAMPLE/S/7K3FD9"


def slip(**values: object) -> WorkSlip:
    facts = {
        "url": URL,
        "code": "7K3FD9",
        "number": 12,
        "workshop": "王家木作",
        "lines": [("福字圆挂", "2 件")],
        "facts": "核桃木",
        "photo": CARVING,
        "due": "12月13日以前",
        "share": "¥241.20",
        "station": "中兴社工站",
        "phone": "0937-1234567",
        "printed": "11月22日",
    }
    return WorkSlip(**{**facts, **values})  # type: ignore[arg-type]


async def printed(folder: Path, *slips: WorkSlip) -> list[Image.Image]:
    return pages_of(await print_slips(slips), folder)


def pages_of(pdf: bytes, folder: Path) -> list[Image.Image]:
    paper = folder / "slips.pdf"
    paper.write_bytes(pdf)
    subprocess.run(["pdftoppm", "-r", "200", "-png", str(paper), str(folder / "page")], check=True)
    return [Image.open(page) for page in sorted(folder.glob("page*.png"))]


def on_a_table(page: Image.Image, scale: float) -> Image.Image:
    """A page on a dark table, which it fills in part."""
    small = page.convert("RGB").resize((round(page.width * scale), round(page.height * scale)))
    table = Image.new("RGB", (round(small.width * 1.5), round(small.height * 1.4)), "#5b4a3a")
    table.paste(small, (small.width // 4, small.height // 6))
    return table


def jpeg(image: Image.Image, quality: int = 60) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


async def test_a_slip_is_a5_and_says_its_code_twice(tmp_path: Path) -> None:
    (page,) = await printed(tmp_path, slip())
    assert (round(page.width / 200 * 25.4), round(page.height / 200 * 25.4)) == (148, 210)
    assert await codes_in_photo(jpeg(page, 90)) == [URL, URL]


async def test_what_is_long_or_missing_still_fits(tmp_path: Path) -> None:
    many = [(f"喜上眉梢双面透雕大挂屏带框 {n}", "1 件") for n in range(9)]
    pages = await printed(
        tmp_path,
        slip(lines=many, photo=None, workshop="很" * 60, phone=""),
        slip(lines=[("𰻝😀" * 20, "9999 件")], facts="木" * 300),
    )
    assert len(pages) == 2
    for page in pages:
        # Nothing runs over the edge of the paper.
        edge = page.convert("L").crop((page.width - 40, 60, page.width, 1300))
        assert edge.getextrema() == (255, 255)


@pytest.mark.parametrize("seed", range(4))
async def test_the_code_is_read_off_a_phone_photo(tmp_path: Path, seed: int) -> None:
    """Askew, from the side, out of focus, noisy, and packed small."""
    (page,) = await printed(tmp_path, slip())
    seen = on_a_table(page, 0.9)
    turned = seen.rotate(random.Random(seed).uniform(-25, 25), expand=True, fillcolor="#333")
    wide, high = turned.size
    corners = (40, 90, 0, high - 20, wide - 60, high, wide, 30)
    tilted = turned.transform(turned.size, Image.Transform.QUAD, corners, Image.Resampling.BILINEAR)
    blurred = tilted.filter(ImageFilter.GaussianBlur(2.2))
    noise = Image.effect_noise(blurred.size, 40).convert("RGB")
    photo = Image.blend(blurred, noise, 0.15)
    assert set(await codes_in_photo(jpeg(photo, 35))) == {URL}


async def test_a_photo_that_lies_on_its_side_is_read(tmp_path: Path) -> None:
    (page,) = await printed(tmp_path, slip())
    buffer = BytesIO()
    from_pillow(on_a_table(page, 0.8).rotate(90, expand=True)).save(buffer, quality=60)
    assert set(await codes_in_photo(buffer.getvalue())) == {URL}


async def test_a_large_photo_with_a_small_slip_in_it_is_read(tmp_path: Path) -> None:
    (page,) = await printed(tmp_path, slip())
    table = Image.new("RGB", (8000, 6000), "#5b4a3a")
    table.paste(page.convert("RGB"), (3000, 2000))
    assert set(await codes_in_photo(jpeg(table, 70))) == {URL}


async def test_what_shows_no_code_says_nothing() -> None:
    assert await codes_in_photo(CARVING) == []
    for data in (b"", b"<html>", HUGE_PNG):
        with pytest.raises(BadPhoto):
            await codes_in_photo(data)


async def test_a_photo_cut_short_can_not_be_read() -> None:
    with pytest.raises(Unreadable):
        await codes_in_photo(truncated(CARVING))
