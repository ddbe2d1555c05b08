"""Drawing the card by which an artisan signs in: A6, the code as large as it goes.

`media.paper` runs this module as a process of its own, as it does `media.print`.
"""

import sys

import msgspec
from fpdf import FPDF

from media.drawing import (
    CINNABAR,
    INK,
    LINE,
    SANS,
    SECOND_INK,
    SONG,
    centred,
    code,
    document,
    fitted,
    seal,
)
from media.paper import SignInCard

A6 = (105, 148)
MARGIN = 8
CODE = 62
"""Side of the code without its quiet zone; read by an old phone from half a metre."""

STEPS = (
    "微信里点“扫一扫”，对准这个方块",
    "看到您的名字，点绿色的大按钮",
    "要做的活儿就都看到了",
)


def sign_in_card_pdf(card: SignInCard) -> bytes:
    """Draw one card. Text too long for its place is set smaller, then cut with …"""
    pdf = document(A6, f"{card.name}的卡")
    pdf.add_page()
    _head(pdf, card)
    code(pdf, card.url, (A6[0] - CODE) / 2, 33, CODE)
    _steps(pdf)
    _foot(pdf, card)
    return bytes(pdf.output())


def _head(pdf: FPDF, card: SignInCard) -> None:
    """Say whose card it is: the person large, the family beneath."""
    width = A6[0] - 2 * MARGIN
    pdf.set_text_color(*INK)
    centred(pdf, fitted(pdf, SONG, card.name, width, largest=26, smallest=14), A6[0] / 2, 17)
    pdf.set_text_color(*SECOND_INK)
    centred(pdf, fitted(pdf, SANS, card.workshop, width, largest=13, smallest=8), A6[0] / 2, 24.5)


def _steps(pdf: FPDF) -> None:
    """Tell how it is used in three lines."""
    left, width = MARGIN + 9, A6[0] - 2 * MARGIN - 9
    for number, text in enumerate(STEPS, start=1):
        baseline = 108 + (number - 1) * 7.6
        pdf.set_fill_color(*CINNABAR)
        pdf.circle(MARGIN + 3.2, baseline - 1.7, 3, style="F")
        pdf.set_font(SANS, size=11)
        pdf.set_text_color(255, 255, 255)
        centred(pdf, str(number), MARGIN + 3.2, baseline - 0.3)
        pdf.set_text_color(*INK)
        pdf.text(left, baseline, fitted(pdf, SANS, text, width, largest=14, smallest=10))


def _foot(pdf: FPDF, card: SignInCard) -> None:
    """Whom to call, and that it is like a key."""
    pdf.set_draw_color(*LINE)
    pdf.set_line_width(0.2)
    pdf.line(MARGIN, 128.5, A6[0] - MARGIN, 128.5)
    seal(pdf, MARGIN, 131.5, side=8.5)
    left, width = MARGIN + 11.5, A6[0] - 2 * MARGIN - 11.5
    pdf.set_text_color(*SECOND_INK)
    lost = "像钥匙一样收好，只认一部手机。丢了、换手机，打电话："
    pdf.text(left, 134.8, fitted(pdf, SANS, lost, width, largest=9, smallest=7))
    pdf.set_text_color(*INK)
    whom = " ".join(part for part in (card.station, card.station_phone) if part)
    pdf.text(left, 140, fitted(pdf, SANS, whom, width, largest=13, smallest=8))


def main() -> None:
    """Read the card from standard input, write the PDF to standard output."""
    card = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=SignInCard)
    sys.stdout.buffer.write(sign_in_card_pdf(card))


if __name__ == "__main__":
    main()
