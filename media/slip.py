"""Drawing the slip of a work order: A5, to be read without glasses and answered with a pencil.

What, how many, until when and for how much; three boxes; a stub with the same code that the
family tears off and keeps. Drawn by a process of its own, as cards are (`media.paper`).
"""

import sys
from collections.abc import Sequence
from io import BytesIO

import msgspec
from fpdf import FPDF

from media.drawing import (
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
from media.paper import WorkSlip

A5 = (148, 210)
MARGIN = 10
WIDTH = A5[0] - 2 * MARGIN
CODE = 27
"""Side of the code without its quiet zone; large enough for a poor photo of the whole slip."""

PICTURE = 44
CUT = 171
"""Where the stub begins."""

MOST_LINES = 4


def slips_pdf(slips: Sequence[WorkSlip]) -> bytes:
    """Draw slips, one to a page. Text too long for its place is set smaller, then cut with …"""
    pdf = document(A5, "工单")
    for slip in slips:
        pdf.add_page()
        _head(pdf, slip)
        _what(pdf, slip)
        _facts(pdf, slip)
        _boxes(pdf, slip)
        _stub(pdf, slip)
    return bytes(pdf.output())


def _head(pdf: FPDF, slip: WorkSlip) -> None:
    """Who it is for and from, with the code at the right."""
    right = A5[0] - MARGIN - CODE
    width = right - MARGIN - 8
    seal(pdf, MARGIN, 9, side=8)
    pdf.set_text_color(*SECOND_INK)
    pdf.text(MARGIN + 11, 14.8, fitted(pdf, SANS, slip.station, width - 11, 13, smallest=8))
    pdf.set_text_color(*INK)
    pdf.text(MARGIN, 30, fitted(pdf, SONG, slip.workshop, width, largest=28, smallest=15))
    pdf.set_text_color(*SECOND_INK)
    said = f"有新活了 · 工单 {slip.number} · {slip.printed}"
    pdf.text(MARGIN, 38.5, fitted(pdf, SANS, said, width, largest=11.5, smallest=8))
    code(pdf, slip.url, right, 11, CODE)
    spoken(pdf, slip.code, right + CODE / 2, 11 + CODE + 8, points=15)


def _what(pdf: FPDF, slip: WorkSlip) -> None:
    """The picture, and what is wanted beside it."""
    top, left = 51, MARGIN + PICTURE + 6
    width = A5[0] - MARGIN - left
    _picture(pdf, slip, MARGIN, top)
    shown = slip.lines[:MOST_LINES]
    step = min(20.0, (PICTURE - 8) / len(shown))
    for n, (name, many) in enumerate(shown):
        y = top + 9 + n * step
        pdf.set_text_color(*CINNABAR)
        pdf.set_font(SANS, size=min(30, step * 1.5))
        taken = pdf.get_string_width(many) + 4
        pdf.text(A5[0] - MARGIN - taken + 4, y, many)
        pdf.set_text_color(*INK)
        pdf.text(left, y, fitted(pdf, SONG, name, width - taken, min(26, step * 1.4), smallest=11))
    pdf.set_text_color(*SECOND_INK)
    more = len(slip.lines) - len(shown)
    words = f"还有 {more} 样，看工单" if more else slip.facts
    pdf.text(left, top + PICTURE - 1, fitted(pdf, SANS, words, width, largest=13, smallest=9))


def _picture(pdf: FPDF, slip: WorkSlip, x: float, y: float) -> None:
    """The photo whole on paper; without one, the first name's first character stands in."""
    pdf.set_fill_color(*PAPER)
    pdf.rect(x, y, PICTURE, PICTURE, style="F")
    if slip.photo:
        inner = PICTURE - 3
        pdf.image(BytesIO(slip.photo), x + 1.5, y + 1.5, inner, inner, keep_aspect_ratio=True)
        return
    pdf.set_font(SONG, size=72)
    pdf.set_text_color(*LINE)
    initial = printable(pdf, SONG, slip.lines[0][0])[:1]
    centred(pdf, initial, x + PICTURE / 2, y + PICTURE / 2 + pdf.font_size * 0.36)


def _facts(pdf: FPDF, slip: WorkSlip) -> None:
    """Until when, and what the family gets."""
    half = WIDTH / 2
    for x, label, words in (
        (MARGIN, "什么时候做好", slip.due),
        (MARGIN + half + 2, "您家得", slip.share),
    ):
        pdf.set_text_color(*SECOND_INK)
        pdf.set_font(SANS, size=12)
        pdf.text(x, 104, label)
        pdf.set_text_color(*INK)
        pdf.text(x, 114, fitted(pdf, SANS, words, half - 4, largest=26, smallest=13))
    pdf.set_draw_color(*LINE)
    pdf.set_line_width(0.3)
    pdf.line(MARGIN, 119, A5[0] - MARGIN, 119)


def _boxes(pdf: FPDF, slip: WorkSlip) -> None:
    """What to tick, with lines to write on."""
    pdf.set_text_color(*SECOND_INK)
    pdf.text(MARGIN, 126, fitted(pdf, SANS, "在一个框里打勾", WIDTH, largest=12, smallest=9))
    pdf.set_draw_color(*INK)
    pdf.set_text_color(*INK)
    for n, words in enumerate(("接", "接，要", "不接，因为")):
        y = 138 + n * 10.5
        pdf.set_line_width(0.6)
        pdf.rect(MARGIN, y - 7, 8, 8)
        pdf.set_font(SANS, size=22)
        pdf.text(MARGIN + 12, y, words)
        pdf.set_line_width(0.3)
    pdf.line(MARGIN + 37, 149.5, MARGIN + 59, 149.5)
    pdf.text(MARGIN + 61, 148.5, "天")
    pdf.line(MARGIN + 53, 160, A5[0] - MARGIN, 160)
    if slip.phone:
        call = f"打电话也行：{slip.phone}"
        pdf.text(MARGIN, 167.3, fitted(pdf, SANS, call, WIDTH, largest=14, smallest=9))


def _stub(pdf: FPDF, slip: WorkSlip) -> None:
    """What the family keeps: the same code and facts, for when it calls."""
    pdf.set_draw_color(*SECOND_INK)
    pdf.set_line_width(0.2)
    pdf.set_dash_pattern(dash=2, gap=1.5)
    pdf.line(0, CUT, A5[0], CUT)
    pdf.set_dash_pattern()
    left, side = MARGIN + 27, 20
    width = A5[0] - MARGIN - left
    code(pdf, slip.url, MARGIN, CUT + 6, side)
    spoken(pdf, slip.code, MARGIN + side / 2, CUT + 6 + side + 6.5, points=13)
    pdf.set_text_color(*SECOND_INK)
    kept = f"这一条撕下来，自己留着 · 工单 {slip.number}"
    pdf.text(left, CUT + 8, fitted(pdf, SANS, kept, width, largest=10, smallest=8))
    pdf.set_text_color(*INK)
    what = "、".join(f"{name} {many}" for name, many in slip.lines)
    pdf.text(left, CUT + 17, fitted(pdf, SONG, what, width, largest=18, smallest=10))
    pdf.text(
        left, CUT + 26, fitted(pdf, SANS, f"{slip.due} · {slip.share}", width, 16, smallest=10)
    )
    pdf.set_text_color(*SECOND_INK)
    pdf.text(
        left, CUT + 33, fitted(pdf, SANS, f"{slip.station} {slip.phone}", width, 12, smallest=8)
    )


def main() -> None:
    """Read what to print from standard input, write the PDF to standard output."""
    slips = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=list[WorkSlip])
    sys.stdout.buffer.write(slips_pdf(slips))


if __name__ == "__main__":
    main()
