"""The consent sheet as it comes out of the printer."""

from pathlib import Path

from media.consent_sheet import sheet_pdf
from media.paper import ConsentLine, ConsentSheet, print_consent_sheet
from tests.media.test_print import pages, text_of

SHEET = ConsentSheet(
    workshop="王家木作",
    village="红崖村",
    station="重兴镇社工站",
    phone="0937-5550000",
    facts=[
        ConsentLine("冬天雕花。", delicate=False, on_page=True, on_air=False),
        ConsentLine("爷爷身上有病。", delicate=True, on_page=False, on_air=False),
    ],
    names=[ConsentLine("王师傅：雕了四十年", delicate=False, on_page=True, on_air=True)],
    printed="2026年11月22日打印",
)


def test_it_says_what_is_told_where_and_who_signs(tmp_path: Path) -> None:
    text = text_of(sheet_pdf(SHEET), tmp_path / "paper.pdf").replace(" ", "")
    for part in (
        "王家木作", "红崖村", "0937-5550000", "冬天雕花。", "爷爷身上有病。", "王师傅：雕了四十年",
        "网页上说", "直播时说", "请单独问", "按手印", "作证的人", "2026年11月22日打印", "第1页",
    ):  # fmt: skip
        assert part in text, part
    assert text.count("请单独问") == 1


def test_what_is_long_goes_on_and_the_signatures_stay_together(tmp_path: Path) -> None:
    words = "冬天农闲，一家人围着炉子雕花🪵，雕到夜里十一二点。" * 12
    many = [ConsentLine(words[:300], True, True, True) for _ in range(30)]
    pdf = sheet_pdf(ConsentSheet("长" * 60, "村" * 60, "站", "", many, [], "今天打印"))
    drawn = pages(pdf, tmp_path / "paper.pdf")
    assert len(drawn) > 3
    text = text_of(pdf, tmp_path / "paper.pdf").replace(" ", "")
    assert text.count("雕到夜里") == sum(line.words.count("雕到夜里") for line in many)
    assert text.rindex("作证的人") > text.rindex("雕花")
    assert text.count("家里人") == 1


async def test_it_is_drawn_by_a_process_of_its_own() -> None:
    assert (await print_consent_sheet(SHEET)).startswith(b"%PDF")
