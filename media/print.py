"""Drawing on paper: a card for each product and sheets of hang tags, as PDF.

White paper, ink, one cinnabar accent; every code is drawn with its quiet zone. Sizes are in
millimetres, type in points. A document takes about half a second, nearly all of it fonts, so
`media.paper` runs this module as a process of its own: what to print comes in on standard input.
"""

import sys
import unicodedata
from collections.abc import Iterator, Sequence
from io import BytesIO

import msgspec
from fpdf import FPDF
from fpdf.fonts import TTFFont
from PIL import Image
from pylopdf_fonts_zh_cn import sans_path, serif_path

from media.paper import Card, Tag
from media.qr import QUIET_ZONE, qr_png

SONG, SANS = "song", "sans"

PAPER = (0xF7, 0xF2, 0xE8)
LINE = (0xDD, 0xD2, 0xBD)
INK = (0x22, 0x1C, 0x16)
SECOND_INK = (0x5D, 0x53, 0x46)
CINNABAR = (0xA8, 0x32, 0x1F)
WHITE = (0xFF, 0xFF, 0xFF)

MM_PER_PT = 25.4 / 72

A6 = (105, 148)
CARD_MARGIN = 8
CARD_CODE = 30
"""Side of the card's code without its quiet zone; read from a metre away."""

A4 = (210, 297)
TAG = (64, 38)
COLUMNS, ROWS = 3, 7
TAG_CODE = 21
"""Side of a tag's code without its quiet zone; read at arm's length."""

MODULE_PX = 20
"""Enough that no viewer's smoothing softens a module; a print takes about 490 dots to the inch."""

UNKNOWN = "〓"
"""What Chinese printers set where a character is wanting."""


def card_pdf(card: Card) -> bytes:
    """Draw one product card on A6. Text too long for its place is set smaller, then cut with …"""
    pdf = _document(A6, card.name)
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
    pdf = _document(A4, "吊牌")
    for start in range(0, len(tags), COLUMNS * ROWS):
        pdf.add_page()
        _cut_marks(pdf)
        for tag, (x, y) in zip(tags[start:], _corners(COLUMNS, ROWS), strict=False):
            _tag(pdf, tag, x, y)
    return bytes(pdf.output())


def _document(size: tuple[int, int], title: str) -> FPDF:
    """Begin a PDF with our two typefaces; only the characters used are embedded."""
    pdf = FPDF(unit="mm", format=size)
    pdf.set_lang("zh-CN")
    pdf.set_auto_page_break(False)
    pdf.add_font(SONG, fname=serif_path())
    pdf.add_font(SANS, fname=sans_path())
    pdf.set_title(_printable(pdf, SANS, title))
    return pdf


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
    initial = _printable(pdf, SONG, card.name)[:1]
    _centred(pdf, initial, x + width / 2, y + height / 2 + pdf.font_size * 0.36)


def _card_caption(pdf: FPDF, card: Card) -> None:
    """Name the piece, then who made it and of what."""
    x, width = CARD_MARGIN, A6[0] - 2 * CARD_MARGIN
    pdf.set_text_color(*INK)
    pdf.text(x, 86, _fitted(pdf, SONG, card.name, width, largest=22, smallest=13))
    pdf.set_text_color(*SECOND_INK)
    details = (card.workshop, card.village, card.wood, card.size)
    line = " · ".join(detail for detail in details if detail)
    pdf.text(x, 92.8, _fitted(pdf, SANS, line, width, largest=10, smallest=7))
    pdf.set_draw_color(*LINE)
    pdf.set_line_width(0.2)
    pdf.line(x, 96.8, x + width, 96.8)


def _card_foot(pdf: FPDF, card: Card) -> None:
    """Put the code with its letters at the left; price, what to do and the station beside it."""
    top, right = 102.0, CARD_MARGIN + CARD_CODE + 8
    width = A6[0] - CARD_MARGIN - right
    _code(pdf, card.url, CARD_MARGIN, top, CARD_CODE)
    _spoken(pdf, card.code, CARD_MARGIN + CARD_CODE / 2, top + CARD_CODE + 9.2, points=17)
    pdf.set_text_color(*CINNABAR)
    pdf.text(right, top + 8, _fitted(pdf, SANS, card.price_text, width, largest=26, smallest=12))
    pdf.set_text_color(*INK)
    pdf.text(right, top + 16, _fitted(pdf, SANS, "扫码看作品、下单", width, largest=12, smallest=9))
    _seal(pdf, right, top + CARD_CODE - 7, side=7)
    pdf.set_text_color(*SECOND_INK)
    station = _fitted(pdf, SANS, card.station, width - 9.5, largest=9.5, smallest=6.5)
    pdf.text(right + 9.5, top + CARD_CODE - 2.3, station)


def _tag(pdf: FPDF, tag: Tag, x: float, y: float) -> None:
    """Draw one tag with its upper left corner at (x, y)."""
    _code(pdf, tag.url, x + 4, y + 4, TAG_CODE)
    _spoken(pdf, tag.code, x + 4 + TAG_CODE / 2, y + TAG[1] - 5, points=13)
    left = x + TAG_CODE + 9
    width = x + TAG[0] - 4 - left
    pdf.set_draw_color(*SECOND_INK)
    pdf.set_line_width(0.1)
    pdf.circle(x + TAG[0] - 6, y + 6, 2)
    pdf.set_text_color(*INK)
    pdf.text(left, y + 17, _fitted(pdf, SONG, tag.name, width, largest=14, smallest=9))
    pdf.set_text_color(*SECOND_INK)
    pdf.text(left, y + 22.5, _fitted(pdf, SANS, tag.workshop, width, largest=8, smallest=6))
    pdf.set_text_color(*CINNABAR)
    pdf.text(left, y + TAG[1] - 5, _fitted(pdf, SANS, tag.price_text, width, 15, smallest=8))


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


def _code(pdf: FPDF, text: str, x: float, y: float, side: float) -> None:
    """Draw a QR code whose dark part has its corner at (x, y); its quiet zone lies around that."""
    picture = qr_png(text, MODULE_PX)
    with Image.open(BytesIO(picture)) as image:
        module = side / (image.width // MODULE_PX - 2 * QUIET_ZONE)
    quiet = module * QUIET_ZONE
    pdf.image(picture, x - quiet, y - quiet, side + 2 * quiet, side + 2 * quiet)


def _spoken(pdf: FPDF, code: str, middle: float, baseline: float, points: float) -> None:
    """Set a code with its letters apart, as it is read aloud."""
    pdf.set_font(SANS, size=points)
    pdf.set_text_color(*INK)
    _centred(pdf, _printable(pdf, SANS, " ".join(code)), middle, baseline)


def _seal(pdf: FPDF, x: float, y: float, side: float) -> None:
    """Stamp the red seal."""
    pdf.set_fill_color(*CINNABAR)
    pdf.rect(x, y, side, side, style="F", round_corners=True, corner_radius=0.8)
    pdf.set_font(SONG, size=side * 0.68 / MM_PER_PT)
    pdf.set_text_color(*WHITE)
    _centred(pdf, "乡", x + side / 2, y + side * 0.76)


def _centred(pdf: FPDF, text: str, middle: float, baseline: float) -> None:
    """Set a line in the current type around `middle`."""
    pdf.text(middle - pdf.get_string_width(text) / 2, baseline, text)


def _fitted(
    pdf: FPDF, family: str, text: str, width: float, largest: float, smallest: float
) -> str:
    """Choose the largest type in which `text` is no wider than `width`, and make it current.

    Where even the smallest is too large, the end is cut. Returns what to set.
    """
    text = _printable(pdf, family, text)
    pdf.set_font(family, size=largest)
    natural = pdf.get_string_width(text)
    if natural > width:
        pdf.set_font(family, size=max(smallest, largest * width / natural))
    if pdf.get_string_width(text) <= width + 0.01:
        return text
    while text and pdf.get_string_width(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _printable(pdf: FPDF, family: str, text: str) -> str:
    """Replace what the font cannot show: a letter by 〓, an emoji by nothing."""
    font = pdf.fonts[family]
    assert isinstance(font, TTFFont)
    shown = []
    for symbol in " ".join(text.split()):
        if ord(symbol) in font.cmap:
            shown.append(symbol)
        elif unicodedata.category(symbol).startswith("L"):
            shown.append(UNKNOWN)
    return "".join(shown).strip()


def main() -> None:
    """Read what to print from standard input, write the PDF to standard output."""
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Card | list[Tag])
    sys.stdout.buffer.write(card_pdf(order) if isinstance(order, Card) else tag_sheet_pdf(order))


if __name__ == "__main__":
    main()
