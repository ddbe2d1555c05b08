"""What people type: phones, amounts, texts, times."""

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.checks import MOST_FEN, Check, clean
from catalog.errors import Invalid
from catalog.models import Kind


@pytest.mark.parametrize(
    "typed",
    ["13800138000", "138 0013 8000", "138-0013-8000", "+8613800138000", "+86 138 0013 8000",
     "8613800138000", " 13800138000 ", "１３８００１３８０００"],
)  # fmt: skip
def test_a_mobile_number_is_kept_as_eleven_digits(typed: str) -> None:
    check = Check()
    assert check.phone("phone", typed) == "13800138000"
    assert check.errors == {}


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("", "请填写手机号。"),
        (None, "请填写手机号。"),
        ("12800138000", "手机号不对，要 11 位数字。"),
        ("1380013800", "手机号不对，要 11 位数字。"),
        ("138001380001", "手机号不对，要 11 位数字。"),
        ("0937-6213456", "手机号不对，要 11 位数字。"),
        ("一三八", "手机号不对，要 11 位数字。"),
    ],
)
def test_what_is_no_mobile_number_is_refused(typed: object, error: str) -> None:
    check = Check()
    check.phone("phone", typed)
    assert check.errors == {"phone": error}


@pytest.mark.parametrize("typed", ["0937-6213456", "09376213456", "010-12345678-12"])
def test_a_workshop_may_have_a_landline(typed: str) -> None:
    check = Check()
    assert check.phone("phone", typed, landline=True) == typed
    assert check.errors == {}


@pytest.mark.parametrize(
    ("typed", "fen"),
    [
        ("268", 26800),
        ("268.5", 26850),
        ("268.05", 26805),
        ("0.01", 1),
        ("¥1,268.00", 126800),
        ("￥268元", 26800),
        ("２６８", 26800),
        ("1000000", MOST_FEN),
        (268, 26800),
    ],
)
def test_yuan_are_read_to_the_fen(typed: object, fen: int) -> None:
    check = Check()
    assert check.yuan("price", typed, "价格") == fen
    assert check.errors == {}


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("", "价格要填数字，比如 268 或 268.50。"),
        ("-1", "价格不能是负数。"),
        ("0", "价格要大于 0。"),
        ("2.685", "价格要填数字，比如 268 或 268.50。"),
        ("1e3", "价格要填数字，比如 268 或 268.50。"),
        ("1000000.01", "价格太大了，最多 1,000,000 元。"),
        ("1000000000", "价格要填数字，比如 268 或 268.50。"),
        ("9" * 100_000, "价格要填数字，比如 268 或 268.50。"),
        ("两百", "价格要填数字，比如 268 或 268.50。"),
    ],
)
def test_what_is_no_price_is_refused(typed: str, error: str) -> None:
    check = Check()
    check.yuan("price", typed, "价格")
    assert check.errors == {"price": error}


@given(st.integers(min_value=1, max_value=MOST_FEN))
def test_every_amount_survives_being_typed_in_yuan(fen: int) -> None:
    check = Check()
    assert check.yuan("price", f"{fen // 100}.{fen % 100:02d}", "价格") == fen
    assert check.errors == {}


@given(st.text(alphabet=st.characters()), st.booleans())
def test_a_cleaned_text_is_clean_and_stays_so(typed: str, lines: bool) -> None:
    cleaned = clean(typed, lines=lines)
    assert clean(cleaned, lines=lines) == cleaned
    assert cleaned == cleaned.strip()
    allowed = {"\n", "\u200d"} if lines else {"\u200d"}
    hidden = {"Cc", "Cs", "Co", "Cn", "Cf"}
    assert all(c in allowed or unicodedata.category(c) not in hidden for c in cleaned)
    cleaned.encode()


def test_a_text_keeps_what_can_be_seen() -> None:
    assert clean("  福\u200b字\t 圆挂\x00 ") == "福字 圆挂"
    assert clean("老\r\n树  根\r新枝", lines=True) == "老\n树 根\n新枝"
    assert clean("一家 👨‍👩‍👧 𠮷野家") == "一家 👨‍👩‍👧 𠮷野家"
    assert clean("<b>粗</b>") == "<b>粗</b>"


def test_all_faults_are_told_together_and_the_first_of_a_field_stands() -> None:
    check = Check()
    check.text("name", " ", "名称", most=5)
    check.text("name", "比五个字更长的名称", "名称", most=5)
    check.text("wood", "六个字的木料", "木料", most=5)
    check.integer("stock", "多", "库存", least=0, most=9)
    check.integer("weight_g", "10", "重量", least=0, most=9)
    check.integer("work_days", True, "工期", least=0, most=9)
    check.choice("kind", "gift", "做法", Kind)
    with pytest.raises(Invalid) as refusal:
        check.done()
    assert refusal.value.errors == {
        "name": "请填写名称。",
        "wood": "木料最多 5 个字，现在有 6 个。",
        "stock": "库存要填整数。",
        "weight_g": "重量要在 0 到 9 之间。",
        "work_days": "工期要填整数。",
        "kind": "请选择做法。",
    }


def test_a_time_is_beijings_unless_it_says_otherwise() -> None:
    check = Check()
    noon = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
    assert check.beijing_time("at", "2026-11-22T12:00", "时间") == noon
    assert check.beijing_time("at", "2026-11-22T04:00:00+00:00", "时间") == noon
    assert check.beijing_time("none", "", "时间") is None
    assert check.beijing_time("far", "9999-12-31T23:59", "时间") is None
    assert check.errors == {"none": "请填写时间。", "far": "时间不在日历里。"}
