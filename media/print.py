"""Drawing on paper: a card for each product and sheets of hang tags, as PDF.

White paper, ink, one cinnabar accent; every code is drawn with its quiet zone. Sizes are in
millimetres, type in points. A document takes about half a second, nearly all of it fonts, so
`media.paper` runs this module as a process of its own: what to print comes in on standard input.
"""

import sys
from collections.abc import Iterator, Sequence
from io import BytesIO

import msgspec
from fpdf import FPDF

from media.drawing import (
    A4,
    CINNABAR,
    INK,
    LINE,
    PAPER,
    SANS,
    SECOND_INK,
    SONG,
    centred,
    code,
    document,
    fitted,
    printable,
    seal,
    spoken,
)
from media.paper import Card, Tag

A6 = (105, 148)
CARD_MARGIN = 8
CARD_CODE = 30
"""Side of the card's code without its quiet zone; read from a metre away."""

TAG = (64, 38)
COLUMNS, ROWS = 3, 7
TAG_CODE = 21
"""Side of a tag's code without its quiet zone; read at arm's length."""


def card_pdf(card: Card) -> bytes:
    """Draw one product card on A6. Text too long for its place is set smaller, then cut with …"""
    pdf = document(A6, card.name)
    pdf.add_page()
    _card_picture(pdf, card)
    _card_caption(pdf, card)
    _card_foot(pdf, card)
    return bytes(pdf.output())


def tag_sheet_pdf(tags: Sequence[Tag]) -> bytes:
    """Draw hang tags on A4, 21 to a page, with cut marks and a ring where the string goes.

    Raises ValueError when there is no tag.
    """
    if not tags:
        raise ValueError("a tag sheet needs at least one tag")
    pdf = document(A4, "吊牌")
    for start in range(0, len(tags), COLUMNS * ROWS):
        pdf.add_page()
        _cut_marks(pdf)
        for tag, (x, y) in zip(tags[start:], _corners(COLUMNS, ROWS), strict=False):
            _tag(pdf, tag, x, y)
    return bytes(pdf.output())


def _card_picture(pdf: FPDF, card: Card) -> None:
    """Mount the photo whole on paper; without one, the name's first character stands in."""
    x, y, width, height, mount = CARD_MARGIN, CARD_MARGIN, A6[0] - 2 * CARD_MARGIN, 68, 3
    pdf.set_fill_color(*PAPER)
    pdf.rect(x, y, width, height, style="F")
    if card.photo:
        inner = (width - 2 * mount, height - 2 * mount)
        pdf.image(BytesIO(card.photo), x + mount, y + mount, *inner, keep_aspect_ratio=True)
        return
    pdf.set_font(SONG, size=120)
    pdf.set_text_color(*LINE)
    initial = printable(pdf, SONG, card.name)[:1]
    centred(pdf, initial, x + width / 2, y + height / 2 + pdf.font_size * 0.36)


def _card_caption(pdf: FPDF, card: Card) -> None:
    """Name the piece, then who made it and of what."""
    x, width = CARD_MARGIN, A6[0] - 2 * CARD_MARGIN
    pdf.set_text_color(*INK)
    pdf.text(x, 86, fitted(pdf, SONG, card.name, width, largest=22, smallest=13))
    pdf.set_text_color(*SECOND_INK)
    details = (card.workshop, card.village, card.wood, card.size)
    line = " · ".join(detail for detail in details if detail)
    pdf.text(x, 92.8, fitted(pdf, SANS, line, width, largest=10, smallest=7))
    pdf.set_draw_color(*LINE)
    pdf.set_line_width(0.2)
    pdf.line(x, 96.8, x + width, 96.8)


def _card_foot(pdf: FPDF, card: Card) -> None:
    """Put the code with its letters at the left; price, what to do and the station beside it."""
    top, right = 102.0, CARD_MARGIN + CARD_CODE + 8
    width = A6[0] - CARD_MARGIN - right
    code(pdf, card.url, CARD_MARGIN, top, CARD_CODE)
    spoken(pdf, card.code, CARD_MARGIN + CARD_CODE / 2, top + CARD_CODE + 9.2, points=17)
    pdf.set_text_color(*CINNABAR)
    pdf.text(right, top + 8, fitted(pdf, SANS, card.price_text, width, largest=26, smallest=12))
    pdf.set_text_color(*INK)
    pdf.text(right, top + 16, fitted(pdf, SANS, "扫码看作品、下单", width, largest=12, smallest=9))
    seal(pdf, right, top + CARD_CODE - 7, side=7)
    pdf.set_text_color(*SECOND_INK)
    station = fitted(pdf, SANS, card.station, width - 9.5, largest=9.5, smallest=6.5)
    pdf.text(right + 9.5, top + CARD_CODE - 2.3, station)


def _tag(pdf: FPDF, tag: Tag, x: float, y: float) -> None:
    """Draw one tag with its upper left corner at (x, y)."""
    code(pdf, tag.url, x + 4, y + 4, TAG_CODE)
    spoken(pdf, tag.code, x + 4 + TAG_CODE / 2, y + TAG[1] - 5, points=13)
    left = x + TAG_CODE + 9
    width = x + TAG[0] - 4 - left
    pdf.set_draw_color(*SECOND_INK)
    pdf.set_line_width(0.1)
    pdf.circle(x + TAG[0] - 6, y + 6, 2)
    pdf.set_text_color(*INK)
    pdf.text(left, y + 17, fitted(pdf, SONG, tag.name, width, largest=14, smallest=9))
    pdf.set_text_color(*SECOND_INK)
    pdf.text(left, y + 22.5, fitted(pdf, SANS, tag.workshop, width, largest=8, smallest=6))
    pdf.set_text_color(*CINNABAR)
    pdf.text(left, y + TAG[1] - 5, fitted(pdf, SANS, tag.price_text, width, 15, smallest=8))


def _cut_marks(pdf: FPDF) -> None:
    """Set a small cross at every corner of every tag."""
    pdf.set_draw_color(*SECOND_INK)
    pdf.set_line_width(0.1)
    for x, y in _corners(COLUMNS + 1, ROWS + 1):
        pdf.line(x - 1.5, y, x + 1.5, y)
        pdf.line(x, y - 1.5, x, y + 1.5)


def _corners(columns: int, rows: int) -> Iterator[tuple[float, float]]:
    """Walk the upper left corners of the tags of a page, row by row."""
    left, top = (A4[0] - COLUMNS * TAG[0]) / 2, (A4[1] - ROWS * TAG[1]) / 2
    for row in range(rows):
        for column in range(columns):
            yield left + column * TAG[0], top + row * TAG[1]


def main() -> None:
    """Read what to print from standard input, write the PDF to standard output."""
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Card | list[Tag])
    sys.stdout.buffer.write(card_pdf(order) if isinstance(order, Card) else tag_sheet_pdf(order))


if __name__ == "__main__":
    main()
