"""Drawing what goes with parcels: packing lists (A4), labels (100 × 150 mm), receipts (A5).

Ink on white, so that a label printer can do it too. Drawn by a process of its own, as cards are
(`media.paper`); sizes are in millimetres, type in points.
"""

import sys

import msgspec
from fpdf import FPDF

from media.drawing import (
    INK,
    LINE,
    SANS,
    SECOND_INK,
    SONG,
    centred,
    code,
    document,
    fitted,
    printable,
    seal,
)
from media.paper import HandoverReceipt, Label, PackedLine, PackingList, ParcelPaper

A4_PAGE, A5_PAGE, LABEL_PAGE = (210, 297), (148, 210), (100, 150)

MARGIN = 14
LABEL_MARGIN = 6
LABEL_CODE = 26
"""Side of a label's code without its quiet zone; read at arm's length."""

LINE_HEIGHT = 5.5
ROW_PADDING = 4


def parcel_pdf(paper: ParcelPaper) -> bytes:
    """Draw all of it; what is too long for its place is set smaller, then cut with …"""
    pdf = document(A4_PAGE, "包裹")
    for packing in paper.lists:
        _Sheet(pdf, A4_PAGE, f"{packing.workshop} 装箱单", packing).draw()
    for label in paper.labels:
        _label(pdf, label)
    for receipt in paper.receipts:
        _receipt(pdf, receipt)
    return bytes(pdf.output())


class _Sheet:
    """A table of parcels, page after page, with its head on each."""

    def __init__(
        self,
        pdf: FPDF,
        size: tuple[int, int],
        title: str,
        of: PackingList | HandoverReceipt,
        top: float = 0,
    ) -> None:
        self.pdf, self.size, self.title, self.of = pdf, size, title, of
        self.width = size[0] - 2 * MARGIN
        self.y = top
        wide = size == A4_PAGE
        # Box to tick, work order, what, for whom, promised day.
        shares = (0.05, 0.17, 0.40, 0.24, 0.14) if wide else (0.07, 0.24, 0.40, 0.29, 0)
        self.columns = [share * self.width for share in shares]

    def draw(self) -> None:
        """Head, a row for each parcel, the sum."""
        if not self.y:
            self._page()
        for line in self.of.lines:
            height = max(len(line.what), 2) * LINE_HEIGHT + ROW_PADDING
            if self.y + height > self.size[1] - 26:
                self._page()
            self._row(line, height)
        pieces = sum(line.pieces for line in self.of.lines)
        self.pdf.set_text_color(*INK)
        self.pdf.set_font(SANS, size=12)
        self.pdf.text(MARGIN, self.y + 9, f"一共 {len(self.of.lines)} 个包裹，{pieces} 件。")

    def _page(self) -> None:
        self.pdf.add_page(format=self.size)
        self.y = head(self.pdf, self.size, self.title, f"{self.of.station} · {self.of.printed}")

    def _row(self, line: PackedLine, height: float) -> None:
        pdf, top = self.pdf, self.y + 5
        pdf.set_draw_color(*INK)
        pdf.set_line_width(0.3)
        pdf.rect(MARGIN + 0.5, top - 3.4, 4, 4)
        cells = [
            [f"工单 {line.number}", f"订单 {line.order}"],
            line.what,
            [line.to.partition(" ")[0], line.to.partition(" ")[2]],
            [line.promised, ""],
        ]
        x = MARGIN + self.columns[0]
        for width, texts in zip(self.columns[1:], cells, strict=True):
            for number, text in enumerate(texts if width else []):
                pdf.set_text_color(*(SECOND_INK if number and texts is not line.what else INK))
                shown = fitted(pdf, SANS, text, width - 3, 11, smallest=7)
                pdf.text(x, top + number * LINE_HEIGHT, shown)
            x += width
        self.y += height
        _rule(pdf, MARGIN, self.y - 1.5, self.width)


def head(pdf: FPDF, size: tuple[int, int], title: str, words: str) -> float:
    """Seal, title and a line of words; returns where the page goes on."""
    seal(pdf, MARGIN, 11, side=9)
    pdf.set_text_color(*INK)
    width = size[0] - 2 * MARGIN - 13
    pdf.text(MARGIN + 13, 18, fitted(pdf, SONG, title, width, 20, smallest=12))
    pdf.set_text_color(*SECOND_INK)
    pdf.text(MARGIN, 27, fitted(pdf, SANS, words, size[0] - 2 * MARGIN, 9.5, smallest=7))
    _rule(pdf, MARGIN, 30, size[0] - 2 * MARGIN)
    return 32


def _label(pdf: FPDF, label: Label) -> None:
    """To whom at the top, what and from whom below, the code at the foot."""
    pdf.add_page(format=LABEL_PAGE)
    x, width = LABEL_MARGIN, LABEL_PAGE[0] - 2 * LABEL_MARGIN
    seal(pdf, x, 6, side=7)
    pdf.set_text_color(*SECOND_INK)
    pdf.text(x + 10, 11.2, fitted(pdf, SANS, label.station, 52, 10, smallest=7))
    _right(pdf, label.how, x + width, 11.2, 9)
    _rule(pdf, x, 16, width)
    pdf.set_text_color(*SECOND_INK)
    pdf.set_font(SANS, size=9)
    pdf.text(x, 22.5, "收")
    pdf.set_text_color(*INK)
    pdf.text(x + 7, 25, fitted(pdf, SANS, label.name, width - 7, 20, smallest=10))
    pdf.text(x + 7, 33, fitted(pdf, SANS, label.phone, width - 7, 16, smallest=10))
    y = max(_paragraph(pdf, label.address, x + 7, 41, width - 7, 14, most=3), 54)
    _rule(pdf, x, y, width)
    pdf.set_text_color(*SECOND_INK)
    sender = " ".join(filter(None, (label.station, label.station_phone)))
    pdf.set_font(SANS, size=9)
    pdf.text(x, y + 6, "寄")
    pdf.text(x + 7, y + 6, fitted(pdf, SANS, sender, width - 7, 10, smallest=7))
    _rule(pdf, x, y + 10, width)
    _contents(pdf, label.what, x, y + 17, width)
    _label_foot(pdf, label, x, width)


def _contents(pdf: FPDF, what: list[str], x: float, y: float, width: float) -> None:
    """What is in the parcel, as far as there is room; then how many more things."""
    rows = int((LABEL_PAGE[1] - LABEL_MARGIN - LABEL_CODE - 11 - y) // 6.5) + 1
    shown = what if len(what) <= rows else [*what[: rows - 1], f"另有 {len(what) - rows + 1} 样"]
    pdf.set_text_color(*INK)
    for number, text in enumerate(shown):
        pdf.text(x, y + number * 6.5, fitted(pdf, SANS, text, width, 12, smallest=8))


def _label_foot(pdf: FPDF, label: Label, x: float, width: float) -> None:
    top = LABEL_PAGE[1] - LABEL_MARGIN - LABEL_CODE - 2
    _rule(pdf, x, top - 6, width)
    code(pdf, label.url, x + 2, top, LABEL_CODE)
    left = x + LABEL_CODE + 9
    room = x + width - left
    pdf.set_text_color(*SECOND_INK)
    pdf.text(left, top + 5, fitted(pdf, SANS, label.workshop, room, 11, smallest=8))
    pdf.set_text_color(*INK)
    pdf.text(left, top + 15, fitted(pdf, SANS, f"订单 {label.order}", room, 16, smallest=9))
    pdf.text(left, top + 23, fitted(pdf, SANS, f"工单 {label.number}", room, 13, smallest=9))


def _receipt(pdf: FPDF, receipt: HandoverReceipt) -> None:
    """What was brought, who gave and who took, and two lines to sign on."""
    pdf.add_page(format=A5_PAGE)
    title, words = f"收到 {receipt.workshop}", f"{receipt.station} · 交件单 {receipt.number}"
    y = head(pdf, A5_PAGE, title, words) + 4
    for label, text in receipt.facts:
        pdf.set_text_color(*SECOND_INK)
        pdf.set_font(SANS, size=11)
        pdf.text(MARGIN, y + 4, printable(pdf, SANS, label))
        pdf.set_text_color(*INK)
        y = _paragraph(pdf, text, MARGIN + 26, y + 4, A5_PAGE[0] - 2 * MARGIN - 26, 12, most=2)
    _rule(pdf, MARGIN, y, A5_PAGE[0] - 2 * MARGIN)
    sheet = _Sheet(pdf, A5_PAGE, title, receipt, top=y + 3)
    sheet.draw()
    foot = A5_PAGE[1] - 16
    pdf.set_text_color(*INK)
    pdf.set_font(SANS, size=11)
    pdf.text(MARGIN, foot, "交的人签字 ______________")
    pdf.text(A5_PAGE[0] / 2 + 4, foot, "收的人签字 ______________")


def _paragraph(
    pdf: FPDF, text: str, x: float, y: float, width: float, points: float, *, most: int
) -> float:
    """Set a text in lines from the baseline `y` down, `most` at most; returns the next baseline."""
    pdf.set_font(SANS, size=points)
    rest = printable(pdf, SANS, text)
    for number in range(most):
        if number == most - 1:
            shown, rest = fitted(pdf, SANS, rest, width, points, smallest=points * 0.6), ""
        else:
            end = len(rest)
            while pdf.get_string_width(rest[:end]) > width:
                end -= 1
            shown, rest = rest[:end], rest[end:].lstrip()
        pdf.text(x, y, shown)
        y += points * 0.52
        if not rest:
            break
    return y


def _right(pdf: FPDF, text: str, right: float, baseline: float, points: float) -> None:
    pdf.set_font(SANS, size=points)
    centred(pdf, text, right - pdf.get_string_width(text) / 2, baseline)


def _rule(pdf: FPDF, x: float, y: float, width: float) -> None:
    pdf.set_draw_color(*LINE)
    pdf.set_line_width(0.2)
    pdf.line(x, y, x + width, y)


def main() -> None:
    """Read what to print from standard input, write the PDF to standard output."""
    paper = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=ParcelPaper)
    sys.stdout.buffer.write(parcel_pdf(paper))


if __name__ == "__main__":
    main()
