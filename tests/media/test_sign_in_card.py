"""The card that signs an artisan in, as a printer sees it."""

from dataclasses import replace
from pathlib import Path

import pytest
import zxingcpp

from media.paper import SignInCard, print_sign_in_card
from media.sign_in_card import STEPS, sign_in_card_pdf
from tests.media.test_print import ENDLESS, pages, side_mm, text_of, words

CARD = SignInCard(
    url="HTTPS://XIANGBO.EXAMPLE/K/7K3FD7K3FD7K3FD7K3FD7K3FD7K",
    name="王师傅",
    workshop="王家木作",
    station="重兴镇社工站",
    station_phone="0937-0000000",
)


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    return tmp_path / "paper.pdf"


def test_the_code_reads_back_62_mm_wide_from_one_a6_page(paper: Path) -> None:
    (page,) = pages(sign_in_card_pdf(CARD), paper)
    assert [round(length / 200 * 25.4) for length in page.size] == [105, 148]
    (found,) = zxingcpp.read_barcodes(page)
    assert (found.text, found.ec_level) == (CARD.url, "Q")
    assert side_mm(found) == pytest.approx(62, abs=0.5)


def test_it_says_whose_it_is_how_it_is_used_and_whom_to_call(paper: Path) -> None:
    said = text_of(sign_in_card_pdf(CARD), paper).replace(" ", "")
    for part in ("王师傅", "王家木作", *STEPS, "重兴镇社工站", "0937-0000000"):
        assert part in said


def test_nothing_overflows(paper: Path) -> None:
    endless = replace(CARD, name=ENDLESS, workshop=ENDLESS, station=ENDLESS)
    found = words(sign_in_card_pdf(endless), paper)
    assert max(right for _, _, right, _, _ in found) <= 105 - 8 + 0.1
    assert min(left for left, *_ in found) >= 8 - 0.1


async def test_a_process_of_its_own_prints_it(paper: Path) -> None:
    pdf = await print_sign_in_card(CARD)
    (page,) = pages(pdf, paper)
    assert [found.text for found in zxingcpp.read_barcodes(page)] == [CARD.url]
