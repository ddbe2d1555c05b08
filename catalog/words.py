"""Amounts and names as people read them, and as they are said aloud."""

from datetime import date

PAY_WAYS = {"bank": "银行转账", "wechat": "微信转账", "cash": "现金"}
"""How a family's money is handed over."""

_DIGITS = "零一二三四五六七八九"
_WEEKDAYS = "一二三四五六日"


def yuan(fen: int) -> str:
    """Fen in yuan: 32800 -> "328", 32850 -> "328.50", 160800 -> "1,608"."""
    whole, rest = divmod(abs(fen), 100)
    return f"{'−' if fen < 0 else ''}{whole:,}" + (f".{rest:02d}" if rest else "")


def covered_phone(phone: str) -> str:
    """A buyer's number as pages show it: "138****8000"; the whole is asked for (`shop.phones`)."""
    return f"{phone[:3]}****{phone[-4:]}"


def covered_on_paper(phone: str) -> str:
    """As `covered_phone`, for paper: six digits hidden, more where it is longer: "138******00".

    A label goes through many hands and can not be closed like a page; a page shows the end that
    a buyer names on the telephone.
    """
    return f"{phone[:3]}{'*' * max(6, len(phone) - 5)}{phone[-2:]}"


def spoken_number(number: int) -> str:
    """A number from 0 as it is said: 12 -> "十二", 205 -> "二百零五", 12000 -> "一万二千"."""
    for size, word in ((10**8, "亿"), (10**4, "万")):
        if number >= size:
            many, rest = divmod(number, size)
            skipped = "零" if rest and rest < size // 10 else ""
            return f"{spoken_number(many)}{word}{skipped}{spoken_number(rest) if rest else ''}"
    said = _below_ten_thousand(number)
    return said.removeprefix("一") if 10 <= number < 20 else said


def _below_ten_thousand(number: int) -> str:
    said, gap = "", False
    for size, word in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // size % 10
        if digit:
            said += ("零" if gap and said else "") + _DIGITS[digit] + word
        gap = digit == 0
    return said or _DIGITS[0]


def spoken_count(number: int, unit: str) -> str:
    """So many of something: (2, "件") -> "两件", (12, "天") -> "十二天"."""
    return f"{'两' if number == 2 else spoken_number(number)}{unit}"


def spoken_yuan(fen: int) -> str:
    """Fen, from 0, as money is said: 26800 -> "二百六十八元", 26850 -> "二百六十八元五角", 5 -> "五分"."""
    whole, rest = divmod(fen, 100)
    jiao, small = divmod(rest, 10)
    said = f"{spoken_number(whole)}元" if whole or not rest else ""
    if jiao:
        said += f"{_DIGITS[jiao]}角"
    if small:
        said += f"{'零' if whole and not jiao else ''}{_DIGITS[small]}分"
    return said


def spoken_date(day: date) -> str:
    """A day as it is said: "十二月三日，星期四"."""
    weekday = _WEEKDAYS[day.weekday()]
    return f"{spoken_number(day.month)}月{spoken_number(day.day)}日，星期{weekday}"
