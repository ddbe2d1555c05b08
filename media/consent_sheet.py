"""Drawing a family's consent sheet: what is told, where, and who signs. A4.

Drawn by a process of its own, as cards are (`media.paper`); sizes in millimetres, type in points.
"""

import sys
from collections.abc import Sequence

import msgspec
from fpdf import FPDF

from media.drawing import (
    A4,
    CINNABAR,
    INK,
    LINE,
    MM_PER_PT,
    SANS,
    SECOND_INK,
    SONG,
    centred,
    document,
    fitted,
    lines_of,
    seal,
)
from media.paper import ConsentLine, ConsentSheet

MARGIN = 18
WIDTH = A4[0] - 2 * MARGIN
TOP, BOTTOM = 20.0, A4[1] - 20.0
BOX = 5.0
COLUMN = 24.0
"""Width of each of the two columns of boxes at the right."""
WORDS_WIDTH = WIDTH - 2 * COLUMN - 4
POINTS = 13
SIGNING = 70.0
"""Height of the foot where people sign; it is never parted."""

PROMISES = (
    "每一条，网页上说不说、直播时说不说，分开问。没有勾的，哪里都不说。打了勾的是以前答应过的。",
    "病、残疾和家里的难处，不单独点头就不说。",
    "以后随时可以改主意，打个电话给社工站就行，马上撤下来。不答应，照样卖货，照样结账。",
)


def sheet_pdf(sheet: ConsentSheet) -> bytes:
    """Draw the sheet; what is long goes on on further pages, and the signatures close it."""
    pdf = document(A4, f"{sheet.workshop} 同意书")
    _page(pdf, sheet)
    y = _head(pdf, sheet)
    for title, lines in (("名字", sheet.names), ("家里的事", sheet.facts)):
        if lines:
            y = _part(pdf, sheet, title, lines, y)
    if y + SIGNING > BOTTOM:
        _page(pdf, sheet)
        y = TOP
    _sign(pdf, max(y + 8, BOTTOM - SIGNING))
    return bytes(pdf.output())


def _page(pdf: FPDF, sheet: ConsentSheet) -> None:
    pdf.add_page()
    pdf.set_text_color(*SECOND_INK)
    foot = f"{sheet.station} · {sheet.workshop} · {sheet.printed} · 第 {pdf.page_no()} 页"
    centred(pdf, fitted(pdf, SANS, foot, WIDTH, largest=8, smallest=6), A4[0] / 2, A4[1] - 9)


def _head(pdf: FPDF, sheet: ConsentSheet) -> float:
    seal(pdf, MARGIN, 18, side=10)
    pdf.set_text_color(*INK)
    title = f"{sheet.workshop}：讲什么、在哪里讲"
    pdf.text(MARGIN + 14, 26, fitted(pdf, SONG, title, WIDTH - 14, largest=22, smallest=12))
    pdf.set_text_color(*SECOND_INK)
    who = " · ".join(filter(None, (sheet.village, sheet.station, sheet.phone)))
    pdf.text(MARGIN, 36, fitted(pdf, SANS, who, WIDTH, largest=10, smallest=7))
    y = 41.0
    for promise in PROMISES:
        y = _words(pdf, promise, MARGIN, y, WIDTH, 10.5) + 1
    return y + 3


def _part(
    pdf: FPDF, sheet: ConsentSheet, title: str, lines: Sequence[ConsentLine], y: float
) -> float:
    """A title, then each line with its two boxes; a box is ticked where it was a yes before."""
    y = _columns(pdf, title, y if y + 30 < BOTTOM else _next(pdf, sheet))
    for line in lines:
        height = _height(pdf, line)
        if y + height > BOTTOM:
            y = _columns(pdf, title, _next(pdf, sheet))
        _line(pdf, line, y)
        y += height
        pdf.set_draw_color(*LINE)
        pdf.set_line_width(0.2)
        pdf.line(MARGIN, y, A4[0] - MARGIN, y)
    return y + 6


def _next(pdf: FPDF, sheet: ConsentSheet) -> float:
    _page(pdf, sheet)
    return TOP


def _columns(pdf: FPDF, title: str, y: float) -> float:
    pdf.set_text_color(*INK)
    pdf.set_font(SONG, size=15)
    pdf.text(MARGIN, y + 6, title)
    pdf.set_text_color(*SECOND_INK)
    pdf.set_font(SANS, size=9)
    for n, label in enumerate(("网页上说", "直播时说")):
        centred(pdf, label, _middle(n), y + 5.5)
    return y + 9


def _middle(column: int) -> float:
    return A4[0] - MARGIN - COLUMN * (1.5 - column)


def _height(pdf: FPDF, line: ConsentLine) -> float:
    lines = sum(1 for _ in lines_of(pdf, line.words, WORDS_WIDTH, POINTS))
    return max(1, lines) * _leading(POINTS) + (6 if line.delicate else 0) + 4


def _line(pdf: FPDF, line: ConsentLine, y: float) -> None:
    pdf.set_text_color(*INK)
    end = _words(pdf, line.words, MARGIN, y + 2, WORDS_WIDTH, POINTS)
    if line.delicate:
        pdf.set_text_color(*CINNABAR)
        pdf.set_font(SANS, size=9)
        pdf.text(MARGIN, end + 3.5, "说的是病或者家里的难处，请单独问")
    for n, ticked in enumerate((line.on_page, line.on_air)):
        x = _middle(n) - BOX / 2
        pdf.set_draw_color(*INK)
        pdf.set_line_width(0.35)
        pdf.rect(x, y + 3, BOX, BOX)
        if ticked:
            pdf.line(x + 1, y + 5.6, x + 2.2, y + 7)
            pdf.line(x + 2.2, y + 7, x + BOX - 0.8, y + 3.9)


def _words(pdf: FPDF, text: str, x: float, y: float, width: float, points: float) -> float:
    """A paragraph from `y` down; returns where it ends."""
    for line in lines_of(pdf, text, width, points):
        pdf.text(x, y + _leading(points) * 0.72, line)
        y += _leading(points)
    return y


def _leading(points: float) -> float:
    return points * MM_PER_PT * 1.5


def _sign(pdf: FPDF, y: float) -> None:
    """Two boxes to sign in, or to press a thumb on, each with its day."""
    half = (WIDTH - 8) / 2
    for n, (title, note) in enumerate(
        (
            ("家里人", "签名或按手印。念给我听过，我听明白了。"),
            ("作证的人", "不是社工站的人更好。我在场，是念过以后答应的。"),
        )
    ):
        x = MARGIN + n * (half + 8)
        pdf.set_draw_color(*SECOND_INK)
        pdf.set_line_width(0.3)
        pdf.rect(x, y, half, SIGNING - 12)
        pdf.set_text_color(*INK)
        pdf.set_font(SONG, size=14)
        pdf.text(x + 4, y + 8, title)
        pdf.set_text_color(*SECOND_INK)
        pdf.text(x + 4, y + 14.5, fitted(pdf, SANS, note, half - 8, largest=9.5, smallest=7))
        pdf.set_draw_color(*LINE)
        pdf.set_line_width(0.2)
        for label, line in (("名字", SIGNING - 27), ("日期", SIGNING - 17)):
            pdf.set_font(SANS, size=10)
            pdf.text(x + 4, y + line, label)
            pdf.line(x + 15, y + line + 1, x + half - 4, y + line + 1)


def main() -> None:
    """Read the sheet from standard input, write the PDF to standard output."""
    sheet = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=ConsentSheet)
    sys.stdout.buffer.write(sheet_pdf(sheet))


if __name__ == "__main__":
    main()
