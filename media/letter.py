"""Drawing the weekly letter of a family: one A4 page in big type.

A full week is set in smaller type; `shop.letters` tells no more than goes onto a page. Drawn by a
process of its own, as cards are (`media.paper`); sizes in millimetres, type in points.
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
    document,
    fitted,
    lines_of,
    seal,
)
from media.paper import FamilyLetter

MARGIN = 18
WIDTH = A4[0] - 2 * MARGIN
TOP, BOTTOM = 62.0, A4[1] - 32.0
LARGEST, SMALLEST = 20.0, 10.0
LEADING = 1.5


def letters_pdf(letters: Sequence[FamilyLetter]) -> bytes:
    """Draw letters, one to a page."""
    pdf = document(A4, "每周的信")
    for letter in letters:
        pdf.add_page()
        _head(pdf, letter)
        _body(pdf, letter)
        _foot(pdf, letter)
    return bytes(pdf.output())


def _head(pdf: FPDF, letter: FamilyLetter) -> None:
    seal(pdf, MARGIN, 16, side=10)
    pdf.set_text_color(*SECOND_INK)
    head = f"{letter.station} 每周的信"
    pdf.text(MARGIN + 14, 23.5, fitted(pdf, SANS, head, WIDTH - 14, 16, smallest=10))
    pdf.set_text_color(*INK)
    pdf.text(MARGIN, 42, fitted(pdf, SONG, letter.workshop, WIDTH, largest=36, smallest=18))
    pdf.set_text_color(*SECOND_INK)
    pdf.text(MARGIN, 53, fitted(pdf, SANS, letter.week, WIDTH, largest=18, smallest=12))


def _body(pdf: FPDF, letter: FamilyLetter) -> None:
    """The sums, then each part; in the largest type in which all of it has room."""
    points = LARGEST
    while points > SMALLEST and _height(pdf, letter, points) > BOTTOM - TOP:
        points -= 1
    step = points * MM_PER_PT * LEADING
    y = _sums(pdf, letter, points, step)
    for head, sentences in letter.parts:
        y += 0.5 * step
        pdf.set_text_color(*CINNABAR)
        pdf.set_font(SONG, size=points * 1.05)
        pdf.text(MARGIN, y + step * 0.75, head)
        y = _sentences(pdf, sentences, points, step, y + step)


def _height(pdf: FPDF, letter: FamilyLetter, points: float) -> float:
    lines = len(letter.sums) + 0.6
    for _, sentences in letter.parts:
        lines += 1.5 + sum(len(list(lines_of(pdf, one, WIDTH - 6, points))) for one in sentences)
    return lines * points * MM_PER_PT * LEADING


def _sums(pdf: FPDF, letter: FamilyLetter, points: float, step: float) -> float:
    y = TOP
    pdf.set_text_color(*INK)
    for label, amount in letter.sums:
        pdf.set_font(SANS, size=points)
        pdf.text(MARGIN, y + step * 0.75, label)
        pdf.text(A4[0] - MARGIN - pdf.get_string_width(amount), y + step * 0.75, amount)
        y += step
    pdf.set_draw_color(*LINE)
    pdf.set_line_width(0.3)
    pdf.line(MARGIN, y + 0.3 * step, A4[0] - MARGIN, y + 0.3 * step)
    return y + 0.6 * step


def _sentences(pdf: FPDF, sentences: Sequence[str], points: float, step: float, y: float) -> float:
    """Sentences one below the other."""
    pdf.set_text_color(*INK)
    for sentence in sentences:
        for line in lines_of(pdf, sentence, WIDTH - 6, points):
            pdf.text(MARGIN + 6, y + step * 0.75, line)
            y += step
    return y


def _foot(pdf: FPDF, letter: FamilyLetter) -> None:
    pdf.set_draw_color(*LINE)
    pdf.line(MARGIN, BOTTOM + 6, A4[0] - MARGIN, BOTTOM + 6)
    pdf.set_text_color(*INK)
    ask = "有哪一样不对，打电话跟我们说" + (f"：{letter.phone}" if letter.phone else "。")
    pdf.text(MARGIN, BOTTOM + 15, fitted(pdf, SANS, ask, WIDTH, largest=17, smallest=11))
    pdf.set_text_color(*SECOND_INK)
    said = f"{letter.station} · {letter.printed}写的"
    pdf.text(MARGIN, BOTTOM + 22, fitted(pdf, SANS, said, WIDTH, largest=11, smallest=8))


def main() -> None:
    """Read what to print from standard input, write the PDF to standard output."""
    letters = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[FamilyLetter])
    sys.stdout.buffer.write(letters_pdf(letters))


if __name__ == "__main__":
    main()
