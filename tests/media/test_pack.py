"""The paper pack as a printer sees it: drawn by poppler, codes read back by zxing."""

import subprocess
from dataclasses import replace
from io import BytesIO
from itertools import chain
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from media.pack import pack_pdf
from media.paper import Pack, PackItem, print_pack

DPI = 120
CODES = [f"7K3F{letter}" for letter in "ABCDEFGHJKMNPQ"]
ITEM = PackItem(
    number=1,
    due="19:30",
    minutes=5,
    name="驼铃方屏",
    facts="马家驼铃木坊 · 榆木 · 32×32 cm",
    price_text="¥366",
    pieces="仅此一件",
    talking_points="驼铃是民勤出沙的声音。",
    do_not_say="老料",
    speaker="小李",
    url="HTTPS://XIANGBO.EXAMPLE/Q/7K3FA",
    code="7K3FA",
)
PACK = Pack(
    title="周六晚 · 木雕专场",
    when="11月28日 19:30–21:30（北京时间）",
    station="重兴镇社工站",
    facts=[("主播", "陈晓"), ("地点", "文化站二楼")],
    phones=[("社工站", "0937-0000000")],
    url="HTTPS://XIANGBO.EXAMPLE/Q/9PWXA",
    code="9PWXA",
    items=[
        replace(
            ITEM,
            number=n,
            name=f"第{n}号作品",
            code=code,
            url=f"HTTPS://XIANGBO.EXAMPLE/Q/{code}",
        )
        for n, code in enumerate(CODES, 1)
    ],
    printed="11月28日 12:00 打印",
)


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    return tmp_path / "pack.pdf"


def pages(pdf: bytes, paper: Path) -> list[Image.Image]:
    """Rasterise as an office printer would, in grey."""
    paper.write_bytes(pdf)
    command = ["pdftoppm", "-r", str(DPI), "-png", str(paper), str(paper.with_suffix(""))]
    subprocess.run(command, check=True)
    drawn = sorted(paper.parent.glob("pack-*.png"))
    return [Image.open(BytesIO(path.read_bytes())).convert("L") for path in drawn]


def texts(pdf: bytes, paper: Path) -> list[str]:
    """What each page says after its seal, blanks left out."""
    paper.write_bytes(pdf)
    said = subprocess.run(["pdftotext", str(paper), "-"], check=True, capture_output=True)
    drawn = said.stdout.decode().split("\f")[:-1]
    return ["".join(page.split()).removeprefix("乡") for page in drawn]


def test_every_code_reads_back_from_the_sheets(paper: Path) -> None:
    read = [
        [found.text for found in zxingcpp.read_barcodes(page)]
        for page in pages(pack_pdf(PACK), paper)
    ]
    assert read[0] == ["HTTPS://XIANGBO.EXAMPLE/Q/9PWXA"]
    sheets = [codes for codes in read[1:] if codes]
    assert [len(codes) for codes in sheets] == [12, 2]
    assert sorted(chain(*sheets)) == [f"HTTPS://XIANGBO.EXAMPLE/Q/{code}" for code in CODES]


def test_all_pages_are_a4_and_say_whose_they_are(paper: Path) -> None:
    pdf = pack_pdf(PACK)
    sizes = {tuple(round(px * 25.4 / DPI) for px in page.size) for page in pages(pdf, paper)}
    assert sizes == {(210, 297)}
    for number, said in enumerate(texts(pdf, paper), 1):
        assert f"重兴镇社工站·11月28日12:00打印·第{number}页" in said
        assert "周六晚·木雕专场·11月28日19:30–21:30（北京时间）" in said


def test_the_run_of_show_says_when_what_and_what_not(paper: Path) -> None:
    pack = replace(
        PACK, items=[ITEM, replace(ITEM, number=2, due="19:35", do_not_say="", speaker="")]
    )
    front, run, *_ = texts(pack_pdf(pack), paper)
    for part in ("主播陈晓", "0937-0000000", "断网了怎么办", "网络报修", "9PWXA"):
        assert part in front
    for part in ("19:30", "19:35", "驼铃方屏", "¥366", "仅此一件", "7K3FA", "不说：老料"):
        assert part in run
    assert run.count("驼铃是民勤出沙的声音。") == 2
    assert run.count("不说") == 1
    assert run.count("小李讲") == 1


def test_talking_points_as_long_as_they_may_be_go_on_on_the_next_page(paper: Path) -> None:
    sentence = "".join(chr(0x4E00 + n) for n in range(99)) + "。"
    longest = replace(ITEM, talking_points=sentence * 20)
    said = texts(pack_pdf(replace(PACK, items=[longest])), paper)
    run = [page for page in said if page.startswith("讲解单")]
    assert len(run) == 3
    assert "".join(run).count(sentence[-5:]) >= 15
    assert "不说：老料" in run[-1]


def test_a_tally_row_for_each_piece(paper: Path) -> None:
    tallies = [page for page in texts(pack_pdf(PACK), paper) if page.startswith("记数")]
    assert len(tallies) == 2
    both = "".join(tallies)
    assert [both.count(words) for words in ("开讲", "讲完", "共收")] == [14 + 2, 14 + 2, 14]
    for n in range(1, 15):
        assert f"{n}·第{n}号作品" in both


def test_pieces_without_codes_and_a_show_without_pieces_can_be_printed(paper: Path) -> None:
    bare = replace(PACK, code="", url="", items=[replace(ITEM, code="", url="", facts="")])
    said = texts(pack_pdf(bare), paper)
    assert [page[:2] for page in said] == ["怎么", "讲解", "记数"]
    assert pages(pack_pdf(bare), paper) != []
    said = texts(pack_pdf(replace(PACK, items=[])), paper)
    assert len(said) == 3


def test_what_no_font_shows_and_what_is_too_long_does_no_harm(paper: Path) -> None:
    odd = replace(
        ITEM,
        name="驼铃🐪" * 20,
        talking_points="Extraordinarily" * 30 + "\n\n\n🐪𠮷",
        facts="x" * 200,
    )
    said = texts(pack_pdf(replace(PACK, items=[odd])), paper)
    assert any("Extraordinarily" in page for page in said)


async def test_it_is_drawn_by_a_process_of_its_own() -> None:
    assert (await print_pack(PACK)).startswith(b"%PDF-")
