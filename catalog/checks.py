"""Reading what people type: each value cleaned or answered with a sentence, all faults at once."""

import re
import unicodedata
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from typing import TypeVar

from catalog.errors import Invalid

# Asia/Shanghai has kept UTC+8 with no summer time since 1991 (IANA tz database).
BEIJING = timezone(timedelta(hours=8), "北京时间")

MOST_FEN = 100_000_000  # one million yuan: above it somebody slipped a key
MOST_PIECES = 9_999

_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)
_LANDLINE = re.compile(r"0\d{2,3}-?\d{7,8}(-\d{1,6})?", re.ASCII)
_YUAN = re.compile(r"(\d{1,9})(?:\.(\d{1,2}))?")
_NOT_TEXT = ("Cc", "Cs", "Co", "Cn", "Cf")
# Zero-width joiners hold emoji and some scripts together; every other format character hides.
_KEPT = {"\n", "\u200d"}

E = TypeVar("E", bound=StrEnum)


class Check:
    """Collects a fault per field; `done` raises them together as `Invalid`."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}

    def done(self) -> None:
        """Raise Invalid when any field was refused."""
        if self.errors:
            raise Invalid(self.errors)

    def fault(self, field: str, text: str) -> None:
        """Note a fault; the first one of a field stands."""
        self.errors.setdefault(field, text)

    def text(
        self,
        field: str,
        value: object,
        label: str,
        *,
        most: int,
        least: int = 1,
        lines: bool = False,
    ) -> str:
        """A cleaned text of `least` to `most` characters; 0 for `least` lets it be empty."""
        if not isinstance(value, str):
            value = "" if value is None else str(value)
        cleaned = clean(value, lines=lines)
        if len(cleaned) < least:
            self.fault(field, f"请填写{label}。" if least == 1 else f"{label}至少要 {least} 个字。")
        elif len(cleaned) > most:
            self.fault(field, f"{label}最多 {most} 个字，现在有 {len(cleaned)} 个。")
        return cleaned

    def integer(self, field: str, value: object, label: str, *, least: int, most: int) -> int:
        """A whole number from `least` to `most`, from an int or from digits."""
        number = _integer(value)
        if number is None:
            self.fault(field, f"{label}要填整数。")
        elif not least <= number <= most:
            self.fault(field, f"{label}要在 {least} 到 {most} 之间。")
        else:
            return number
        return least

    def fen(self, field: str, value: object, label: str, *, least: int = 1) -> int:
        """An amount in fen, from a whole number of fen."""
        number = _integer(value)
        if number is None:
            self.fault(field, f"{label}要填数字。")
            return least
        return self._amount(field, number, label, least)

    def yuan(self, field: str, value: object, label: str, *, least: int = 1) -> int:
        """An amount in fen, from yuan as people type them: "268", "268.5", "¥1,268.00"."""
        typed = unicodedata.normalize("NFKC", str(value or ""))
        typed = typed.strip().removeprefix("¥").removesuffix("元").replace(",", "").strip()
        match = _YUAN.fullmatch(typed)
        if match is None:
            text = (
                f"{label}不能是负数。"
                if typed.startswith("-")
                else f"{label}要填数字，比如 268 或 268.50。"
            )
            self.fault(field, text)
            return least
        fen = int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0"))
        return self._amount(field, fen, label, least)

    def _amount(self, field: str, fen: int, label: str, least: int) -> int:
        if fen < least:
            self.fault(field, f"{label}要大于 0。" if least > 0 else f"{label}不能是负数。")
            return least
        if fen > MOST_FEN:
            self.fault(field, f"{label}太大了，最多 {MOST_FEN // 100:,} 元。")
        return fen

    def choice(self, field: str, value: object, label: str, choices: type[E]) -> E | None:
        """One of an enumeration's values."""
        try:
            return choices(str(value))
        except ValueError:
            self.fault(field, f"请选择{label}。")
            return None

    def phone(
        self, field: str, value: object, label: str = "手机号", *, landline: bool = False
    ) -> str:
        """A mainland mobile number, 11 digits, with or without +86, spaces and dashes."""
        typed = unicodedata.normalize("NFKC", str(value or "")).strip()
        digits = re.sub(r"[\s-]", "", typed)
        digits = re.sub(r"^(\+?86)(?=1\d{10}$)", "", digits)
        if _MOBILE.fullmatch(digits):
            return digits
        if landline and _LANDLINE.fullmatch(typed):
            return typed
        self.fault(field, f"请填写{label}。" if not typed else f"{label}不对，要 11 位数字。")
        return digits

    def day(self, field: str, value: object, label: str) -> date | None:
        """A day, from a date or as a form's `date` field sends it; None for what is neither."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value or "").strip())
        except ValueError:
            self.fault(field, f"请填写{label}。")
            return None

    def beijing_time(self, field: str, value: object, label: str) -> datetime | None:
        """A time typed as Beijing's (the form's `datetime-local`), or an aware ISO 8601 text."""
        if isinstance(value, datetime):
            at = value
        else:
            try:
                at = datetime.fromisoformat(str(value or "").strip())
            except ValueError:
                self.fault(field, f"请填写{label}。")
                return None
        if at.tzinfo is None:
            at = at.replace(tzinfo=BEIJING)
        if not 2000 <= at.year <= 2100:
            self.fault(field, f"{label}不在日历里。")
            return None
        return at


def clean(value: str, *, lines: bool = False) -> str:
    """Text as it is kept: NFC, no control or hidden characters, blanks folded, ends trimmed.

    Line breaks stay with `lines`. Emoji, rare characters and other scripts stay as they are.
    """
    value = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))
    value = "".join(
        c for c in value if c in _KEPT or c == "\t" or unicodedata.category(c) not in _NOT_TEXT
    )
    if lines:
        return "\n".join(re.sub(r"[ \t]+", " ", line).strip() for line in value.split("\n")).strip()
    return re.sub(r"\s+", " ", value).strip()


def _integer(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    typed = unicodedata.normalize("NFKC", str(value or "")).strip()
    # The bound keeps int() from working on a megabyte of digits.
    return int(typed) if re.fullmatch(r"-?\d{1,18}", typed) else None
