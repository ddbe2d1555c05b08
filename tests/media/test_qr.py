"""QR pictures, read back by another library than the one that drew them."""

import re
from io import BytesIO

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from media.codes import new_code
from media.qr import qr_png, qr_svg

LINK = "HTTPS://ZHAN.XIANGBO.EXAMPLE/Q/7K3FD"


def read(picture: Image.Image) -> zxingcpp.Barcode:
    (found,) = zxingcpp.read_barcodes(picture)
    return found


def opened(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png))


def painted(svg: str, module_px: int) -> Image.Image:
    """Paint the path of one of our SVGs; there is no renderer among the test's libraries."""
    side = int(re.findall(r'viewBox="0 0 (\d+) \1"', svg)[0])
    picture = Image.new("L", (side, side), 255)
    for run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", svg):
        x, y, width = map(int, run)
        picture.paste(0, (x, y, x + width, y + 1))
    return picture.resize((side * module_px, side * module_px), Image.Resampling.NEAREST)


def test_a_link_in_capitals_reads_back_at_level_q() -> None:
    found = read(opened(qr_png(LINK)))
    assert (found.text, found.ec_level) == (LINK, "Q")


def test_capitals_take_the_smaller_symbol_of_alphanumeric_mode() -> None:
    """36 symbols fit version 3 in alphanumeric mode (up to 47), but not in byte mode (32)."""
    assert read(opened(qr_png(LINK))).extra["Version"] == "3"
    assert read(opened(qr_png(LINK.lower()))).extra["Version"] == "4"


@pytest.mark.parametrize("module_px", [1, 2, 7, 10])
def test_the_picture_is_1_bit_with_whole_modules_and_quiet_zone(module_px: int) -> None:
    picture = opened(qr_png(LINK, module_px))
    quiet = 4 * module_px
    side = (29 + 8) * module_px
    assert (picture.mode, picture.size) == ("1", (side, side))
    dark = picture.point(lambda light: 255 - light).getbbox()
    assert dark == (quiet, quiet, side - quiet, side - quiet)


def test_the_default_is_10_pixels_to_a_module() -> None:
    assert qr_png(LINK) == qr_png(LINK, 10)
    assert qr_png(LINK) != qr_png(LINK, 9)


@pytest.mark.parametrize("module_px", [0, -1])
def test_no_pixels_to_a_module_is_refused(module_px: int) -> None:
    with pytest.raises(ValueError, match="module_px must be 1 or more"):
        qr_png(LINK, module_px)


def test_the_svg_is_the_same_symbol_as_the_png() -> None:
    from_svg, from_png = painted(qr_svg(LINK), 10), opened(qr_png(LINK, 10)).convert("L")
    assert from_svg.tobytes() == from_png.tobytes()
    assert read(from_svg).text == LINK


def test_the_svg_is_one_crisp_path_and_refers_to_nothing() -> None:
    svg = qr_svg(LINK)
    assert svg.count("<path") == 1
    assert 'viewBox="0 0 37 37"' in svg
    assert 'shape-rendering="crispEdges"' in svg
    assert re.findall(r"https?://[^\"]+|href|url\(", svg) == ["http://www.w3.org/2000/svg"]


@settings(max_examples=20, deadline=None)
@given(length=st.integers(min_value=3, max_value=8))
def test_every_code_reads_back(length: int) -> None:
    text = f"HTTPS://XIANGBO.EXAMPLE/Q/{new_code(length)}"
    assert read(opened(qr_png(text, 3))).text == text


def test_chinese_reads_back() -> None:
    assert read(opened(qr_png("乡播 https://例子.中国", 4))).text == "乡播 https://例子.中国"


def test_more_text_than_a_code_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        qr_png("A" * 2421)
    with pytest.raises(ValueError, match="too long"):
        qr_svg("A" * 2421)
