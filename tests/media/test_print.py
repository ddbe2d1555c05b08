"""Cards and tags as a printer sees them: drawn by poppler, codes read back by zxing."""

import logging
import os
import re
import shutil
import subprocess
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image, ImageChops

from media.codes import ALPHABET
from media.paper import Card, Tag
from media.print import card_pdf, tag_sheet_pdf

CARVING = (Path(__file__).parent / "carving.jpg").read_bytes()
DPI = 200
MM = DPI / 25.4

CARD = Card(
    url="HTTPS://XIANGBO.EXAMPLE/Q/7K3FD",
    code="7K3FD",
    name="寿字圆挂",
    workshop="王家木作",
    village="红崖村",
    wood="核桃木",
    size="30 × 30 cm",
    price_text="¥268",
    photo=CARVING,
    station="重兴镇社工站",
)
TAG = Tag(
    url="HTTPS://XIANGBO.EXAMPLE/Q/7K3FD",
    code="7K3FD",
    name="寿字圆挂",
    workshop="王家木作",
    price_text="¥268",
)
ENDLESS = "十二生肖富贵吉祥花开满堂核桃木大屏风 Wide Latin Words " * 6


def poppler(tool: str, *arguments: str) -> bytes:
    """Run one of poppler's tools; without poppler, skip at home and fail where CI is set."""
    if shutil.which(tool) is None:
        reason = f"{tool} is missing: install poppler-utils"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return subprocess.run([tool, *arguments], check=True, capture_output=True).stdout


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    return tmp_path / "paper.pdf"


def pages(pdf: bytes, paper: Path) -> list[Image.Image]:
    """Rasterise as an office printer would, in grey."""
    paper.write_bytes(pdf)
    poppler("pdftoppm", "-r", str(DPI), "-png", str(paper), str(paper.with_suffix("")))
    drawn = sorted(paper.parent.glob("paper-*.png"))
    return [Image.open(BytesIO(path.read_bytes())).convert("L") for path in drawn]


def words(pdf: bytes, paper: Path) -> list[tuple[float, float, float, float, str]]:
    """Find every word with its box in millimetres: left, top, right, bottom."""
    paper.write_bytes(pdf)
    listed = poppler("pdftotext", "-bbox", str(paper), "-").decode()
    pattern = r'<word xMin="(\S+)" yMin="(\S+)" xMax="(\S+)" yMax="(\S+)">(.*?)</word>'
    return [
        (*(float(points) * 25.4 / 72 for points in box), text)
        for *box, text in re.findall(pattern, listed)
    ]


def text_of(pdf: bytes, paper: Path) -> str:
    return " ".join(word for *_, word in words(pdf, paper))


def side_mm(found: zxingcpp.Barcode) -> float:
    position = found.position
    return (position.top_right.x - position.top_left.x) / MM


def dark_part_of_the_quiet_zone(page: Image.Image, found: zxingcpp.Barcode) -> list[int]:
    """List the tones in the four modules around a version 3 code that are not white."""
    left, top = found.position.top_left.x, found.position.top_left.y
    right, bottom = found.position.bottom_right.x, found.position.bottom_right.y
    quiet = round((right - left) / 29 * 3.9)
    zone = page.crop((left - quiet, top - quiet, right + quiet, bottom + quiet))
    zone.paste(255, (quiet - 2, quiet - 2, zone.width - quiet + 2, zone.height - quiet + 2))
    return [tone for tone, count in enumerate(zone.histogram()) if count and tone < 250]


def test_a_card_is_one_a6_page(paper: Path) -> None:
    (page,) = pages(card_pdf(CARD), paper)
    assert [round(length / MM) for length in page.size] == [105, 148]


def test_the_code_on_a_card_reads_back_30_mm_wide_with_a_white_quiet_zone(paper: Path) -> None:
    (page,) = pages(card_pdf(CARD), paper)
    (found,) = zxingcpp.read_barcodes(page)
    assert (found.text, found.ec_level) == (CARD.url, "Q")
    assert side_mm(found) == pytest.approx(30, abs=0.5)
    assert dark_part_of_the_quiet_zone(page, found) == []


def test_a_card_says_everything(paper: Path) -> None:
    said = text_of(card_pdf(CARD), paper)
    for part in ("寿字圆挂", "王家木作", "红崖村", "核桃木", "30 × 30 cm", "¥268"):
        assert part in said
    assert "扫码看作品、下单" in said
    assert "重兴镇社工站" in said
    assert "7K3FD" in said.replace(" ", "")


def test_a_missing_detail_leaves_no_gap(paper: Path) -> None:
    assert "王家木作 · 核桃木 · 30" in text_of(card_pdf(replace(CARD, village="")), paper)


def test_the_photo_is_whole_and_as_it_was(paper: Path) -> None:
    paper.write_bytes(card_pdf(CARD))
    listed = poppler("pdfimages", "-list", str(paper)).decode().splitlines()[2:]
    assert [line.split()[2:5] for line in listed] == [
        ["image", "1280", "1280"],
        ["image", "740", "740"],
    ]
    (page,) = pages(card_pdf(CARD), paper)
    left, top, right, bottom = (round(edge * MM) for edge in (21.5, 11, 83.5, 73))
    seen = page.crop((left, top, right, bottom)).resize((31, 31), Image.Resampling.BOX)
    with Image.open(BytesIO(CARVING)) as original:
        expected = original.convert("L").resize((31, 31), Image.Resampling.BOX)
    (_, most) = ImageChops.difference(seen, expected).getextrema()
    assert most < 25


def test_without_a_photo_the_first_character_stands_in(paper: Path) -> None:
    found = words(card_pdf(replace(CARD, photo=None)), paper)
    (initial,) = [word for word in found if word[4] == "寿"]
    assert initial[2] - initial[0] > 35
    assert (initial[0] + initial[2]) / 2 == pytest.approx(105 / 2, abs=0.5)


def test_only_the_characters_used_are_embedded(paper: Path) -> None:
    pdf = card_pdf(replace(CARD, photo=None))
    paper.write_bytes(pdf)
    fonts = [line.split() for line in poppler("pdffonts", str(paper)).decode().splitlines()[2:]]
    assert [(name.partition("+")[2], *rest[-5:-2]) for name, *rest in fonts] == [
        ("NotoSerifSC", "yes", "yes", "yes"),
        ("NotoSansSC", "yes", "yes", "yes"),
    ]
    assert len(pdf) < 40_000


def test_nothing_on_a_card_overflows(paper: Path) -> None:
    endless = replace(
        CARD,
        name=ENDLESS,
        workshop=ENDLESS,
        price_text="¥12,345,678.00 起" * 4,
        station=ENDLESS,
        photo=None,
    )
    found = words(card_pdf(endless), paper)
    assert max(right for _, _, right, _, _ in found) <= 105 - 8 + 0.1
    assert min(left for left, *_ in found) >= 8 - 0.1
    assert text_of(card_pdf(endless), paper).count("…") == 4


@pytest.mark.parametrize("tag_name", ["寿字圆挂", ENDLESS])
def test_nothing_on_a_tag_overflows(tag_name: str, paper: Path) -> None:
    """Of the 64 mm of the first tag, which begins at 9 mm, the last 4 stay free."""
    tag = replace(TAG, name=tag_name, workshop=tag_name, price_text="¥12,345,678.00 起")
    found = words(tag_sheet_pdf([tag]), paper)
    assert max(right for _, _, right, _, _ in found) <= 9 + 64 - 4 + 0.1
    assert min(left for left, *_ in found) >= 9 + 4 - 0.1
    assert max(bottom for _, _, _, bottom, _ in found) <= 15.5 + 38


def test_every_tag_prints_its_code_for_those_who_type(paper: Path) -> None:
    codes = ["7K3FD", "2A9Z", "MNPQR"]
    said = text_of(tag_sheet_pdf([replace(TAG, code=code) for code in codes]), paper)
    for code in codes:
        assert code in said.replace(" ", "")


@pytest.mark.parametrize(("count", "sheets"), [(1, 1), (21, 1), (22, 2)])
def test_every_tag_of_every_sheet_reads_back(count: int, sheets: int, paper: Path) -> None:
    codes = [f"7K{first}{second}" for first in ALPHABET for second in ALPHABET][:count]
    links = [f"HTTPS://XIANGBO.EXAMPLE/Q/{code}" for code in codes]
    pdf = tag_sheet_pdf(
        [replace(TAG, url=link, code=code) for link, code in zip(links, codes, strict=True)]
    )
    drawn = pages(pdf, paper)
    assert len(drawn) == sheets
    found = [(page, code) for page in drawn for code in zxingcpp.read_barcodes(page)]
    assert sorted(code.text for _, code in found) == sorted(links)
    assert min(side_mm(code) for _, code in found) >= 20
    assert [dark_part_of_the_quiet_zone(page, code) for page, code in found] == [[]] * count
    said = text_of(pdf, paper).replace(" ", "")
    assert all(code in said for code in codes)


def test_tags_follow_in_reading_order(paper: Path) -> None:
    pdf = tag_sheet_pdf([replace(TAG, price_text=f"¥{number}") for number in range(1, 6)])
    found = {word: (left, top) for left, top, _, _, word in words(pdf, paper)}
    assert found["¥1"][1] == found["¥2"][1] == found["¥3"][1] < found["¥4"][1]
    assert found["¥1"][0] == found["¥4"][0] < found["¥2"][0] == found["¥5"][0] < found["¥3"][0]


def test_a_sheet_of_no_tags_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one tag"):
        tag_sheet_pdf([])


def test_characters_the_font_lacks_do_no_harm(
    paper: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A letter leaves a mark that something is wanting; an emoji or a control character does not."""
    names = {
        "骆驼🐫一": "骆驼一",
        "骆驼👩‍👩‍👧二": "骆驼二",
        "骆\u0007驼\ud800三": "骆驼三",
        "骆驼م四": "骆驼〓四",
        "骆驼\n五": "骆驼 五",
    }
    with caplog.at_level(logging.WARNING):
        sheet = text_of(tag_sheet_pdf([replace(TAG, name=name) for name in names]), paper)
        card = text_of(card_pdf(replace(CARD, name="".join(names), station="站🐫")), paper)
    assert [shown for shown in names.values() if shown not in sheet] == []
    assert "".join(names.values()) in card
    assert caplog.records == []


def test_a_name_of_emoji_alone_leaves_its_place_empty(paper: Path) -> None:
    said = text_of(card_pdf(replace(CARD, name="🐫", photo=None)), paper)
    assert said.startswith("王家木作")
