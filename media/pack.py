"""Drawing a show's paper pack: what a team needs to go on when the network is away.

Run of show with what to say and not to say, a sheet of codes to scan and to read aloud, boxes to
tally what was held and sold for cash. A4, ink on white. Drawn by a process of its own, as cards
are (`media.paper`); sizes are in millimetres, type in points.
"""

import sys
from collections.abc import Iterable, Sequence

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
    code,
    document,
    fitted,
    lines_of,
    printable,
    seal,
    spoken,
)
from media.paper import Pack, PackItem

MARGIN = 14
WIDTH = A4[0] - 2 * MARGIN
TOP, BOTTOM = 24, A4[1] - 16
"""Between the running head and the page's number."""

DUE_WIDTH, CODE_WIDTH = 26, 44
WORDS = MARGIN + DUE_WIDTH
WORDS_WIDTH = WIDTH - DUE_WIDTH - CODE_WIDTH - 4

SHEET_COLUMNS, SHEET_ROWS = 3, 4
SHEET_CODE = 36
"""Side of a code to scan, without its quiet zone: read from an arm and a half away."""

TALLY_ROWS = 8
HOLDERS = 4
"""Lines for the names of those for whom a piece is reserved."""


class Paper:
    """A document that is being filled from the top, page after page."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self.pdf = document(A4, f"{pack.title} 纸上应急包")
        self.y = 0.0
        self.part = ""

    def begin(self, part: str) -> None:
        """A new part, on a page of its own."""
        self.part = part
        self.page()

    def page(self) -> None:
        """A new page with its running head and number."""
        pdf = self.pdf
        pdf.add_page()
        seal(pdf, MARGIN, 9, side=7)
        pdf.set_text_color(*INK)
        pdf.text(MARGIN + 10, 14.4, fitted(pdf, SONG, self.part, 50, 15, smallest=12))
        pdf.set_text_color(*SECOND_INK)
        head = f"{self.pack.title} · {self.pack.when}"
        text = fitted(pdf, SANS, head, WIDTH - 64, largest=9, smallest=7)
        pdf.text(A4[0] - MARGIN - pdf.get_string_width(text), 14.2, text)
        self.rule(18.5)
        foot = f"{self.pack.station} · {self.pack.printed} · 第 {pdf.page_no()} 页"
        pdf.set_text_color(*SECOND_INK)
        centred(pdf, fitted(pdf, SANS, foot, WIDTH, largest=8, smallest=6), A4[0] / 2, A4[1] - 8)
        self.y = TOP

    def room_for(self, height: float) -> bool:
        """Whether so much more fits on the page."""
        return self.y + height <= BOTTOM

    def rule(self, y: float) -> None:
        """A line from margin to margin."""
        self.pdf.set_draw_color(*LINE)
        self.pdf.set_line_width(0.2)
        self.pdf.line(MARGIN, y, A4[0] - MARGIN, y)

    def words(self, text: str, x: float, width: float, points: float) -> None:
        """A paragraph from the current place down; what does not fit goes on on the next page."""
        pdf, leading = self.pdf, points * MM_PER_PT * 1.5
        for line in lines_of(pdf, text, width, points):
            if not self.room_for(leading):
                colour = pdf.text_color
                self.page()
                pdf.text_color = colour
            pdf.set_font(SANS, size=points)
            pdf.text(x, self.y + leading * 0.72, line)
            self.y += leading


def pack_pdf(pack: Pack) -> bytes:
    """Draw the whole pack. What is too long for its place is set smaller or goes on below."""
    paper = Paper(pack)
    paper.begin("怎么用")
    _front(paper)
    paper.begin("讲解单")
    for item in pack.items:
        _run(paper, item)
    coded = [item for item in pack.items if item.code]
    if coded:
        paper.begin("商品码")
        _sheet(paper, coded)
    paper.begin("记数")
    for start in range(0, len(pack.items), TALLY_ROWS):
        if start:
            paper.page()
        _tally(paper, pack.items[start : start + TALLY_ROWS])
    return bytes(paper.pdf.output())


HOW = (
    "断了网，按讲解单接着讲。换一件，就在“记数”那页写下开讲的时间。",
    "码照样能扫、能念：买家用自己的网络下单，不靠直播间的网。",
    "有人要留、有人付现金，记在那一件的格子里，写清名字和电话，一件一笔。",
    "孤品只答应一个人。卖掉了马上划掉，别再留给第二个人。",
    "网络回来：先看中控台上等着送的几个，再到“纸上补记”把讲解和现金卖的补进去。",
)


def _front(paper: Paper) -> None:
    """Title and facts, what to do, and whom to call; the show's own code beside them."""
    pdf, pack = paper.pdf, paper.pack
    wide = WIDTH - 58
    pdf.set_text_color(*INK)
    pdf.text(MARGIN, 36, fitted(pdf, SONG, pack.title, wide, largest=30, smallest=15))
    pdf.set_text_color(*CINNABAR)
    pdf.text(MARGIN, 46, fitted(pdf, SANS, pack.when, wide, largest=16, smallest=9))
    y = 55.0
    for label, words in pack.facts:
        _pair(pdf, MARGIN, y, wide, label, words, 11)
        y += 7
    if pack.code:
        x = A4[0] - MARGIN - 46
        code(pdf, pack.url, x, 28, 42)
        spoken(pdf, pack.code, x + 21, 82, points=20)
        pdf.set_text_color(*SECOND_INK)
        pdf.set_font(SANS, size=9)
        centred(pdf, "整场的码", x + 21, 88)
    paper.y = max(y, 92) + 4
    _heading(paper, "断网了怎么办")
    for n, step in enumerate(HOW, 1):
        pdf.set_text_color(*CINNABAR)
        pdf.set_font(SANS, size=12)
        pdf.text(MARGIN, paper.y + 4.6, str(n))
        pdf.set_text_color(*INK)
        paper.words(step, MARGIN + 8, WIDTH - 8, 12)
        paper.y += 1.5
    paper.y += 5
    _heading(paper, "打给谁")
    _phones(paper)


def _heading(paper: Paper, text: str) -> None:
    pdf = paper.pdf
    pdf.set_text_color(*INK)
    pdf.set_font(SONG, size=15)
    pdf.text(MARGIN, paper.y + 5, printable(pdf, SONG, text))
    paper.y += 10


def _phones(paper: Paper) -> None:
    """Known numbers first, then empty lines to fill in by hand, two to a row."""
    pdf = paper.pdf
    blanks = ("网络报修", "电工", "备用热点", "快递", "", "", "", "")
    rows = [*paper.pack.phones[:4], *((label, "") for label in blanks)]
    rows = rows[: len(rows) // 2 * 2]
    half, height = WIDTH / 2, 11
    pdf.set_draw_color(*SECOND_INK)
    pdf.set_line_width(0.2)
    for n, (label, number) in enumerate(rows):
        x, y = MARGIN + n % 2 * half, paper.y + n // 2 * height
        pdf.rect(x, y, half, height)
        _pair(pdf, x + 3, y + 7.3, half - 6, label, number, 12)
    paper.y += (len(rows) + 1) // 2 * height


def _pair(
    pdf: FPDF, x: float, y: float, width: float, label: str, words: str, points: float
) -> None:
    pdf.set_text_color(*SECOND_INK)
    pdf.text(x, y, fitted(pdf, SANS, label, 30, largest=points, smallest=7))
    pdf.set_text_color(*INK)
    pdf.text(x + 32, y, fitted(pdf, SANS, words, width - 32, largest=points, smallest=7))


def _run(paper: Paper, item: PackItem) -> None:
    """One piece of the run of show: when, what it is, what to say, the code big enough to read out."""
    if not paper.room_for(34):
        paper.page()
    pdf, top, page = paper.pdf, paper.y, paper.pdf.page_no()
    pdf.set_text_color(*SECOND_INK)
    pdf.set_font(SANS, size=10)
    pdf.text(MARGIN, top + 5, f"第 {item.number} 件")
    pdf.set_text_color(*CINNABAR)
    pdf.text(MARGIN, top + 13.5, fitted(pdf, SANS, item.due, DUE_WIDTH - 2, 22, smallest=12))
    pdf.set_text_color(*SECOND_INK)
    pdf.set_font(SANS, size=10)
    pdf.text(MARGIN, top + 19.5, f"{item.minutes} 分钟")
    if item.speaker:
        pdf.set_text_color(*INK)
        words = f"{item.speaker}讲"
        pdf.text(MARGIN, top + 25, fitted(pdf, SANS, words, DUE_WIDTH - 2, 11, smallest=7))
    _code_aloud(pdf, item, top)
    pdf.set_text_color(*INK)
    pdf.text(WORDS, top + 6.5, fitted(pdf, SONG, item.name, WORDS_WIDTH, 18, smallest=11))
    pdf.set_text_color(*SECOND_INK)
    pdf.text(WORDS, top + 12.5, fitted(pdf, SANS, item.facts, WORDS_WIDTH, 10, smallest=7))
    paper.y = top + 15
    pdf.set_text_color(*INK)
    paper.words(item.talking_points or "（没有写讲解词）", WORDS, WORDS_WIDTH, 13)
    if item.do_not_say:
        pdf.set_text_color(*CINNABAR)
        paper.words(f"不说：{item.do_not_say}", WORDS, WORDS_WIDTH, 12)
    if pdf.page_no() == page:
        paper.y = max(paper.y, top + 28)
    paper.y += 3
    paper.rule(paper.y)
    paper.y += 2


def _code_aloud(pdf: FPDF, item: PackItem, top: float) -> None:
    """At the right: the price, how many there are, and the code with its letters apart."""
    right, width = A4[0] - MARGIN, CODE_WIDTH
    for text, y, colour, points in (
        (item.price_text, top + 6.5, CINNABAR, 17),
        (item.pieces, top + 12.5, SECOND_INK, 10),
        (" ".join(item.code), top + 22, INK, 24),
    ):
        pdf.set_text_color(*colour)
        line = fitted(pdf, SANS, text, width, points, smallest=8)
        pdf.text(right - pdf.get_string_width(line), y, line)


def _sheet(paper: Paper, items: Sequence[PackItem]) -> None:
    """Codes to hold up to a phone, twelve to a page, each with its letters and its price."""
    a_page = SHEET_COLUMNS * SHEET_ROWS
    width, height = WIDTH / SHEET_COLUMNS, (BOTTOM - TOP) / SHEET_ROWS
    for n, item in enumerate(items):
        if n and n % a_page == 0:
            paper.page()
        x = MARGIN + n % SHEET_COLUMNS * width
        y = TOP + n % a_page // SHEET_COLUMNS * height
        _to_scan(paper.pdf, item, x, y, width)


def _to_scan(pdf: FPDF, item: PackItem, x: float, y: float, width: float) -> None:
    middle = x + width / 2
    code(pdf, item.url, middle - SHEET_CODE / 2, y + 5, SHEET_CODE)
    spoken(pdf, item.code, middle, y + SHEET_CODE + 14, points=15)
    pdf.set_text_color(*INK)
    name = fitted(pdf, SONG, f"{item.number} · {item.name}", width - 6, 12, smallest=8)
    centred(pdf, name, middle, y + SHEET_CODE + 20)
    pdf.set_text_color(*CINNABAR)
    centred(
        pdf, fitted(pdf, SANS, item.price_text, width - 6, 12, 8), middle, y + SHEET_CODE + 25.5
    )


_TALLY = (
    ("第几件，开讲、讲完的时间", 54.0),
    ("留给谁：名字、电话，一人一行", 80.0),
    ("现金卖出，一件画一格", 48.0),
)
BOXES, BOX = 10, 7.2


def _tally(paper: Paper, items: Iterable[PackItem]) -> None:
    """A row of boxes for each piece: its times, who has it reserved, what was sold for cash."""
    pdf, x = paper.pdf, float(MARGIN)
    for label, width in _TALLY:
        pdf.set_text_color(*SECOND_INK)
        pdf.text(x + 1.5, paper.y + 3.5, fitted(pdf, SANS, label, width - 3, 9, smallest=6))
        x += width
    paper.y += 5.5
    height = (BOTTOM - TOP - 5.5) / TALLY_ROWS
    for item in items:
        _tally_row(pdf, item, paper.y, height)
        paper.y += height


def _tally_row(pdf: FPDF, item: PackItem, top: float, height: float) -> None:
    pdf.set_draw_color(*SECOND_INK)
    pdf.set_line_width(0.2)
    for x, width in _columns():
        pdf.rect(x, top, width, height)
    (x, width), (names, names_width), (cash, _) = _columns()
    pdf.set_text_color(*INK)
    name = fitted(pdf, SONG, f"{item.number} · {item.name}", width - 4, 12, smallest=8)
    pdf.text(x + 2, top + 6.5, name)
    pdf.set_text_color(*SECOND_INK)
    facts = f"{item.price_text} · {item.pieces}"
    pdf.text(x + 2, top + 12, fitted(pdf, SANS, facts, width - 4, 9, smallest=6))
    pdf.set_font(SANS, size=10)
    for label, y in (("开讲", top + 20), ("讲完", top + 27)):
        pdf.text(x + 2, y, f"{label} ＿＿ : ＿＿")
    pdf.set_draw_color(*LINE)
    for n in range(1, HOLDERS):
        y = top + n * height / HOLDERS
        pdf.line(names + 2, y, names + names_width - 2, y)
    pdf.set_draw_color(*SECOND_INK)
    for n in range(BOXES):
        pdf.rect(cash + 4 + n % 5 * (BOX + 1), top + 3 + n // 5 * (BOX + 1), BOX, BOX)
    pdf.set_font(SANS, size=9)
    pdf.text(cash + 4, top + height - 4, "共收 ＿＿＿＿＿ 元")


def _columns() -> list[tuple[float, float]]:
    """Left edge and width of the tally's columns."""
    found, x = [], float(MARGIN)
    for _, width in _TALLY:
        found.append((x, width))
        x += width
    return found


def main() -> None:
    """Read the pack from standard input, write the PDF to standard output."""
    pack = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Pack)
    sys.stdout.buffer.write(pack_pdf(pack))


if __name__ == "__main__":
    main()
