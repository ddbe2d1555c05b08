"""What all our paper is drawn with: two typefaces, ink and cinnabar, codes with their quiet zone.

Sizes are in millimetres, type in points. Only processes of their own load this (`media.paper`).
"""

import unicodedata
from collections.abc import Iterator
from io import BytesIO

from fpdf import FPDF
from fpdf.fonts import TTFFont
from PIL import Image
from pylopdf_fonts_zh_cn import sans_path, serif_path

from media.qr import QUIET_ZONE, qr_png

SONG, SANS = "song", "sans"

PAPER = (0xF7, 0xF2, 0xE8)
LINE = (0xDD, 0xD2, 0xBD)
INK = (0x22, 0x1C, 0x16)
SECOND_INK = (0x5D, 0x53, 0x46)
CINNABAR = (0xA8, 0x32, 0x1F)
WHITE = (0xFF, 0xFF, 0xFF)

MM_PER_PT = 25.4 / 72
A4 = (210, 297)

MODULE_PX = 20
"""Enough that no viewer's smoothing softens a module; a print takes about 490 dots to the inch."""

UNKNOWN = "〓"
"""What Chinese printers set where a character is wanting."""


def document(size: tuple[int, int], title: str) -> FPDF:
    """Begin a PDF with our two typefaces; only the characters used are embedded."""
    pdf = FPDF(unit="mm", format=size)
    pdf.set_lang("zh-CN")
    pdf.set_auto_page_break(False)
    pdf.add_font(SONG, fname=serif_path())
    pdf.add_font(SANS, fname=sans_path())
    pdf.set_title(printable(pdf, SANS, title))
    return pdf


def code(pdf: FPDF, text: str, x: float, y: float, side: float) -> None:
    """Draw a QR code whose dark part has its corner at (x, y); its quiet zone lies around that."""
    picture = qr_png(text, MODULE_PX)
    with Image.open(BytesIO(picture)) as image:
        module = side / (image.width // MODULE_PX - 2 * QUIET_ZONE)
    quiet = module * QUIET_ZONE
    pdf.image(picture, x - quiet, y - quiet, side + 2 * quiet, side + 2 * quiet)


def spoken(pdf: FPDF, code: str, middle: float, baseline: float, points: float) -> None:
    """Set a code with its letters apart, as it is read aloud."""
    pdf.set_font(SANS, size=points)
    pdf.set_text_color(*INK)
    centred(pdf, printable(pdf, SANS, " ".join(code)), middle, baseline)


def seal(pdf: FPDF, x: float, y: float, side: float) -> None:
    """Stamp the red seal."""
    pdf.set_fill_color(*CINNABAR)
    pdf.rect(x, y, side, side, style="F", round_corners=True, corner_radius=0.8)
    pdf.set_font(SONG, size=side * 0.68 / MM_PER_PT)
    pdf.set_text_color(*WHITE)
    centred(pdf, "乡", x + side / 2, y + side * 0.76)


def centred(pdf: FPDF, text: str, middle: float, baseline: float) -> None:
    """Set a line in the current type around `middle`."""
    pdf.text(middle - pdf.get_string_width(text) / 2, baseline, text)


def fitted(pdf: FPDF, family: str, text: str, width: float, largest: float, smallest: float) -> str:
    """Choose the largest type in which `text` is no wider than `width`, and make it current.

    Where even the smallest is too large, the end is cut. Returns what to set.
    """
    text = printable(pdf, family, text)
    pdf.set_font(family, size=largest)
    natural = pdf.get_string_width(text)
    if natural > width:
        pdf.set_font(family, size=max(smallest, largest * width / natural))
    if pdf.get_string_width(text) <= width + 0.01:
        return text
    while text and pdf.get_string_width(text + "…") > width:
        text = text[:-1]
    return text + "…"


def printable(pdf: FPDF, family: str, text: str) -> str:
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


def lines_of(pdf: FPDF, text: str, width: float, points: float) -> Iterator[str]:
    """`text` in lines no wider than `width`: Chinese breaks anywhere, Latin words stay whole."""
    pdf.set_font(SANS, size=points)
    for paragraph in text.split("\n"):
        line = ""
        for word in _words(printable(pdf, SANS, paragraph)):
            if line and pdf.get_string_width(line + word.rstrip()) > width:
                yield line.rstrip()
                line = ""
            line += word.lstrip() if not line else word
            while pdf.get_string_width(line) > width:
                cut = next(
                    n
                    for n in range(len(line), 0, -1)
                    if n == 1 or pdf.get_string_width(line[:n]) <= width
                )
                yield line[:cut]
                line = line[cut:]
        if line.strip():
            yield line.rstrip()


_NOT_FIRST = "，。、；：？！”’）》…"
"""Stays with the character before it."""


def _words(text: str) -> Iterator[str]:
    """What a line may break after: each Chinese character, each Latin word with its blank."""
    word = ""
    for n, symbol in enumerate(text):
        word += symbol
        after = text[n + 1 : n + 2]
        together = symbol.isascii() and symbol != " " and after.isascii() and after not in ("", " ")
        if (not together and after not in _NOT_FIRST) or not after:
            yield word
            word = ""
    if word:
        yield word
