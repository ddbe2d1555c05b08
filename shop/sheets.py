"""Tables for spreadsheets: the same rows as CSV and as XLSX.

What people typed stays text in both, whatever it looks like: a buyer's name may begin with "=".
Amounts and dates are given as such, so that they can be added up and sorted.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from catalog.checks import BEIJING

CSV_TYPE = "text/csv"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Cell = str | int | Decimal | date | datetime | None

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_FORMATS = {str: "@", Decimal: "#,##0.00", datetime: "yyyy-mm-dd hh:mm", date: "yyyy-mm-dd"}
_WIDEST = 60


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with a name. Times in it are told in Beijing's time, and its headers say so."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def yuan_cell(fen: int) -> Decimal:
    """An amount as a number of yuan."""
    return Decimal(fen).scaleb(-2)


def to_csv(sheet: Sheet) -> bytes:
    """UTF-8 with the mark that Excel needs to read Chinese; no text in it is run as a formula."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([_plain(header) for header in sheet.headers])
    writer.writerows([_plain(cell) for cell in row] for row in sheet.rows)
    return file.getvalue().encode("utf-8-sig")


def _plain(cell: Cell) -> str:
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_BEGINS_A_FORMULA) else cell
    if isinstance(cell, datetime):
        return f"{cell.astimezone(BEIJING):%Y-%m-%d %H:%M}"
    return "" if cell is None else str(cell)


def to_xlsx(sheet: Sheet) -> bytes:
    """One worksheet with its headers fixed at the top; every text is of the type text."""
    book = Workbook(write_only=True)
    # A worksheet's name is at most 31 characters, without these.
    page = book.create_sheet(re.sub(r"[\\/*?:\[\]]", " ", sheet.title)[:31])
    page.freeze_panes = "A2"
    for number, width in enumerate(_widths(sheet), 1):
        page.column_dimensions[get_column_letter(number)].width = width
    page.append([_typed(page, header, bold=True) for header in sheet.headers])
    for row in sheet.rows:
        page.append([_typed(page, cell) for cell in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _typed(page: object, cell: Cell, *, bold: bool = False) -> WriteOnlyCell:
    if isinstance(cell, datetime):
        # A spreadsheet knows no zones.
        cell = cell.astimezone(BEIJING).replace(tzinfo=None)
    if isinstance(cell, str):
        cell = ILLEGAL_CHARACTERS_RE.sub("", cell)
    typed = WriteOnlyCell(page, cell)
    if isinstance(cell, str):
        # Given a text that begins with "=", the library would make it a formula.
        typed.data_type = "s"
    typed.number_format = _FORMATS.get(type(cell), "General")
    if bold:
        typed.font = Font(bold=True)
    return typed


def _widths(sheet: Sheet) -> Iterable[float]:
    for number, header in enumerate(sheet.headers):
        texts = [header, *(_plain(row[number]) for row in sheet.rows)]
        # Chinese letters are twice as wide as figures.
        widest = max(sum(2 if ord(letter) > 0x2E7F else 1 for letter in text) for text in texts)
        yield min(widest, _WIDEST) + 2
