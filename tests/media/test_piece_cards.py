"""The cards of sold pieces as they come out of the printer; their codes are read back."""

from dataclasses import replace
from pathlib import Path

import pytest
import zxingcpp

from media.paper import PieceFace, print_piece_cards
from media.piece_cards import cards_pdf
from tests.media.test_print import pages, text_of

FACE = PieceFace(
    name="平安竖匾",
    number="第 12 件",
    workshop="王家木作",
    facts=[("谁做的", "王师傅"), ("木料", "枣木")],
    url="HTTPS://XIANGBO.EXAMPLE/P/7K3FDQ2W9HXM",
    code="7K3FDQ2W9HXM",
    station="重兴镇社工站",
)


def test_each_card_has_its_words_and_a_code_that_reads(tmp_path: Path) -> None:
    faces = [replace(FACE, url=f"{FACE.url[:-2]}{n + 20}") for n in range(11)]
    pdf = cards_pdf(faces)
    drawn = pages(pdf, tmp_path / "paper.pdf")
    read = [[code.text for code in zxingcpp.read_barcodes(page)] for page in drawn]
    assert [len(codes) for codes in read] == [10, 1]
    assert sorted(text for codes in read for text in codes) == [face.url for face in faces]
    text = text_of(pdf, tmp_path / "paper.pdf").replace(" ", "")
    for part in ("平安竖匾", "第12件", "王师傅", "枣木", "7K3FDQ2W9HXM", "重兴镇社工站"):
        assert text.count(part) == 11, part


def test_endless_words_stay_on_their_card(tmp_path: Path) -> None:
    endless = "王老爷子、王师傅、小王、" * 20
    face = replace(FACE, name=endless, facts=[("谁做的", endless)] * 9, station=endless)
    (page,) = pages(cards_pdf([face]), tmp_path / "paper.pdf")
    assert [code.text for code in zxingcpp.read_barcodes(page)] == [FACE.url]
    # The place of the second card is white.
    width, height = page.size
    beside = page.crop((width // 2 + 20, height // 20, width - 20, height // 5))
    assert sum(beside.histogram()[:128]) < 400  # the cut marks


async def test_it_is_drawn_by_a_process_of_its_own() -> None:
    assert (await print_piece_cards([FACE])).startswith(b"%PDF")
    with pytest.raises(ValueError, match="at least one card"):
        await print_piece_cards([])
    with pytest.raises(ValueError, match="at least one card"):
        cards_pdf([])
