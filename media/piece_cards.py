"""Drawing the cards of sold pieces: business cards, ten to an A4 sheet with cut marks.

Drawn by a process of its own, as other cards are (`media.paper`); sizes in millimetres, type in
points. White paper, ink, one cinnabar seal; the code is drawn with its quiet zone.
"""

import sys
from collections.abc import Iterator, Sequence

import msgspec
from fpdf import FPDF

from media.drawing import (
    A4,
    CINNABAR,
    INK,
    SANS,
    SECOND_INK,
    SONG,
    centred,
    code,
    document,
    fitted,
    seal,
)
from media.paper import PieceFace

CARD = (90, 54)
COLUMNS, ROWS = 2, 5
CODE = 21.0
"""Side of the code without its quiet zone; read at arm's length."""


def cards_pdf(faces: Sequence[PieceFace]) -> bytes:
    """Draw the cards, ten to a page. Text too long for its place is set smaller, then cut with …

    Raises ValueError when there is none.
    """
    if not faces:
        raise ValueError("a sheet needs at least one card")
    pdf = document(A4, "出身卡")
    for start in range(0, len(faces), COLUMNS * ROWS):
        pdf.add_page()
        for x, y in _corners(COLUMNS + 1, ROWS + 1):
            pdf.set_draw_color(*SECOND_INK)
            pdf.set_line_width(0.1)
            pdf.line(x - 1.5, y, x + 1.5, y)
            pdf.line(x, y - 1.5, x, y + 1.5)
        for face, (x, y) in zip(faces[start:], _corners(COLUMNS, ROWS), strict=False):
            _face(pdf, face, x, y)
    return bytes(pdf.output())


def _face(pdf: FPDF, face: PieceFace, x: float, y: float) -> None:
    """The piece and its making at the left, the code with what it is for at the right."""
    left, right = x + 6, x + CARD[0] - 8 - CODE
    width = right - left - 5
    seal(pdf, left, y + 6, side=7)
    pdf.set_text_color(*CINNABAR)
    pdf.text(left + 9.5, y + 11.2, fitted(pdf, SONG, face.number, width - 9.5, 12, smallest=8))
    pdf.set_text_color(*INK)
    pdf.text(left, y + 21.5, fitted(pdf, SONG, face.name, width, largest=17, smallest=9))
    at = y + 28.5
    for label, words in face.facts[:4]:
        pdf.set_text_color(*SECOND_INK)
        pdf.set_font(SANS, size=8)
        pdf.text(left, at, label)
        pdf.set_text_color(*INK)
        pdf.text(left + 10, at, fitted(pdf, SANS, words, width - 10, largest=9, smallest=6))
        at += 4.8
    pdf.set_text_color(*SECOND_INK)
    pdf.text(left, y + CARD[1] - 5, fitted(pdf, SANS, face.station, width, 7.5, smallest=5.5))
    code(pdf, face.url, right, y + 9, CODE)
    middle = right + CODE / 2
    pdf.set_text_color(*INK)
    for text, line, points in (
        (" ".join((face.code[:4], face.code[4:8], face.code[8:])), 38.5, 8.5),
        ("扫码看它怎么做出来", 43.5, 7.5),
    ):
        centred(pdf, fitted(pdf, SANS, text, CODE + 12, points, smallest=5), middle, y + line)


def _corners(columns: int, rows: int) -> Iterator[tuple[float, float]]:
    """The upper left corners of the cards of a page, row by row."""
    left, top = (A4[0] - COLUMNS * CARD[0]) / 2, (A4[1] - ROWS * CARD[1]) / 2
    for row in range(rows):
        for column in range(columns):
            yield left + column * CARD[0], top + row * CARD[1]


def main() -> None:
    """Read what to print from standard input, write the PDF to standard output."""
    faces = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[PieceFace])
    sys.stdout.buffer.write(cards_pdf(faces))


if __name__ == "__main__":
    main()
