"""Packing lists, labels and receipts as a printer sees them: drawn by poppler, codes read back."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from media.paper import (
    HandoverReceipt,
    Label,
    PackedLine,
    PackingList,
    ParcelPaper,
    print_parcels,
)
from media.parcel_print import parcel_pdf
from tests.paper import codes_on

LINE = PackedLine(
    number="112",
    order="7K3FD2QX",
    what=["福字圆挂 ×1", "荷塘月色 ×2"],
    pieces=3,
    to="王* 甘肃 兰州 城关",
    promised="12月3日",
)
LIST = PackingList("王家木作", "重兴镇社工站", "11月22日 15:30 打印", [LINE])
LABEL = Label(
    url="https://shop.example/desk/handovers/new?take=112",
    number="112",
    order="7K3FD2QX",
    name="王*",
    phone="138******00",
    address="甘肃 兰州 城关 东岗西路 1 号",
    what=["福字圆挂 ×1"],
    workshop="王家木作",
    station="重兴镇社工站",
    station_phone="09370000000",
    how="遮盖打印",
)
RECEIPT = HandoverReceipt(
    number="7",
    station="重兴镇社工站",
    workshop="王家木作",
    facts=[("交的人", "王奶奶"), ("件数", "3 件")],
    lines=[LINE],
    printed="11月22日 15:30 打印",
)


def words_on(pdf: bytes, paper: Path) -> list[str]:
    """What each page says."""
    paper.write_bytes(pdf)
    text = subprocess.run(
        ["pdftotext", "-layout", str(paper), "-"], check=True, capture_output=True, text=True
    ).stdout
    return text.removesuffix("\f").split("\f")


def sizes_of(pdf: bytes, paper: Path) -> list[tuple[int, int]]:
    """Width and height of each page in whole millimetres."""
    paper.write_bytes(pdf)
    told = subprocess.run(
        ["pdfinfo", "-l", "99", str(paper)], check=True, capture_output=True, text=True
    ).stdout
    lines = [line.split() for line in told.splitlines() if line.startswith("Page ")]
    lines = [line for line in lines if line[2] == "size:"]
    return [(round(float(x[3]) * 25.4 / 72), round(float(x[5]) * 25.4 / 72)) for x in lines]


def test_each_kind_has_a_paper_of_its_own(tmp_path: Path) -> None:
    pdf = parcel_pdf(ParcelPaper([LIST], [LABEL], [RECEIPT]))
    assert sizes_of(pdf, tmp_path / "all.pdf") == [(210, 297), (100, 150), (148, 210)]


def test_the_code_of_a_label_is_read_back(tmp_path: Path) -> None:
    pdf = parcel_pdf(ParcelPaper(labels=[LABEL]))
    assert codes_on(pdf, tmp_path / "label.pdf") == [LABEL.url]
    [words] = words_on(pdf, tmp_path / "label.pdf")
    for text in ("王*", "138******00", "东岗西路", "订单 7K3FD2QX", "工单 112", "遮盖打印"):
        assert text in words


def test_a_long_list_goes_on_and_its_sum_is_at_the_end(tmp_path: Path) -> None:
    lines = [replace(LINE, number=str(n)) for n in range(100, 140)]
    pages = words_on(parcel_pdf(ParcelPaper([replace(LIST, lines=lines)])), tmp_path / "list.pdf")
    assert len(pages) == 3
    assert all("王家木作 装箱单" in page for page in pages)
    assert "一共 40 个包裹，120 件。" in pages[2]
    for number in range(100, 140):
        assert sum(f"工单 {number}" in page for page in pages) == 1


def test_what_does_not_fit_on_a_label_is_counted(tmp_path: Path) -> None:
    label = replace(LABEL, what=[f"第{n}样 ×1" for n in range(20)], address="很长的地址" * 40)
    [words] = words_on(parcel_pdf(ParcelPaper(labels=[label])), tmp_path / "label.pdf")
    assert "第0样 ×1" in words
    assert "第19样 ×1" not in words
    assert "另有" in words
    assert codes_on(parcel_pdf(ParcelPaper(labels=[label])), tmp_path / "l.pdf") == [LABEL.url]


def test_letters_that_no_font_has_do_not_stop_a_print(tmp_path: Path) -> None:
    label = replace(LABEL, name="阿依古丽🌹𠮷", address="🏠")
    [words] = words_on(parcel_pdf(ParcelPaper(labels=[label])), tmp_path / "label.pdf")
    assert "阿依古丽" in words


def test_a_receipt_says_who_gave_what(tmp_path: Path) -> None:
    [words] = words_on(parcel_pdf(ParcelPaper(receipts=[RECEIPT])), tmp_path / "receipt.pdf")
    for text in ("收到 王家木作", "交件单 7", "王奶奶", "荷塘月色 ×2", "一共 1 个包裹，3 件。"):
        assert text in words


async def test_it_is_drawn_in_a_process_of_its_own(tmp_path: Path) -> None:
    pdf = await print_parcels(ParcelPaper(labels=[LABEL]))
    assert codes_on(pdf, tmp_path / "label.pdf") == [LABEL.url]
    with pytest.raises(ValueError, match="nothing"):
        await print_parcels(ParcelPaper())
