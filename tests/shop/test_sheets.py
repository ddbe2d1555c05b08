"""Spreadsheets: what people typed stays text, amounts stay numbers, Chinese stays Chinese."""

import csv
import io
from datetime import date, datetime

import openpyxl
import pytest

from shop.sheets import Sheet, to_csv, to_xlsx, yuan_cell
from tests.making import NOON

EVIL = "=cmd|' /C calc'!A0"
SHEET = Sheet(
    title="王家木作 2026年11月 [对/账:单]，名字很长很长很长很长很长很长",
    headers=("时间（北京时间）", "作品", "金额（元）", "几件", "日子"),
    rows=[
        (NOON, EVIL, yuan_cell(-120050), -3, date(2026, 11, 30)),
        (None, "福字\x01圆挂", yuan_cell(5), None, None),
    ],
)


def read_csv(sheet: Sheet) -> list[list[str]]:
    data = to_csv(sheet)
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_csv_has_numbers_as_numbers_and_no_formula() -> None:
    assert read_csv(SHEET) == [
        ["时间（北京时间）", "作品", "金额（元）", "几件", "日子"],
        ["2026-11-22 12:00", f"'{EVIL}", "-1200.50", "-3", "2026-11-30"],
        ["", "福字\x01圆挂", "0.05", "", ""],
    ]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_a_spreadsheet_would_run_is_disarmed(first: str) -> None:
    rows = read_csv(Sheet("", (f"{first}head",), [(f"{first}1+1",), (f"a{first}",)]))
    assert rows == [[f"'{first}head"], [f"'{first}1+1"], [f"a{first}"]]


def test_xlsx_reads_back_as_it_was_meant() -> None:
    page = openpyxl.load_workbook(io.BytesIO(to_xlsx(SHEET))).active
    assert page.title == "王家木作 2026年11月  对 账 单 ，名字很长很长很长很"
    assert page.freeze_panes == "A2"
    rows = [[(cell.value, cell.data_type) for cell in row] for row in page.iter_rows()]
    assert rows[0] == [(header, "s") for header in SHEET.headers]
    assert rows[1] == [
        (datetime(2026, 11, 22, 12, 0), "d"),  # noqa: DTZ001 - a spreadsheet knows no zones
        (EVIL, "s"),
        (-1200.5, "n"),
        (-3, "n"),
        (datetime(2026, 11, 30), "d"),  # noqa: DTZ001
    ]
    assert rows[2] == [(None, "n"), ("福字圆挂", "s"), (0.05, "n"), (None, "n"), (None, "n")]
    assert page["C2"].number_format == "#,##0.00"
    assert page["B2"].number_format == "@"
