"""Amounts in capital numerals: the rules' own examples, and every place where zeros can stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.capital import capital_yuan

WORTH = {digit: value for value, digit in enumerate("零壹贰叁肆伍陆柒捌玖")}


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        # The examples of 正确填写票据和结算凭证的基本规定.
        (140950, "壹仟肆佰零玖元伍角整"),
        (600714, "陆仟零柒元壹角肆分"),
        (168032, "壹仟陆佰捌拾元零叁角贰分"),
        (10700053, "壹拾万柒仟元零伍角叁分"),
        (1640902, "壹万陆仟肆佰零玖元零贰分"),
        (32504, "叁佰贰拾伍元零肆分"),
        (0, "零元整"),
        (1, "壹分"),
        (10, "壹角整"),
        (15, "壹角伍分"),
        (100, "壹元整"),
        (101, "壹元零壹分"),
        (110, "壹元壹角整"),
        (1000, "壹拾元整"),
        (1050, "壹拾元零伍角整"),
        (26800, "贰佰陆拾捌元整"),
        (100100, "壹仟零壹元整"),
        (101000, "壹仟零壹拾元整"),
        (1000000, "壹万元整"),
        (1000100, "壹万零壹元整"),
        (1100000, "壹万壹仟元整"),
        (10010000, "壹拾万零壹佰元整"),
        (10000000000, "壹亿元整"),
        (10000000100, "壹亿零壹元整"),
        (100500000000, "壹拾亿零伍佰万元整"),
        (100000100000, "壹拾亿零壹仟元整"),
        (12345678901, "壹亿贰仟叁佰肆拾伍万陆仟柒佰捌拾玖元零壹分"),
        (99999999999999, "玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
    ],
)
def test_an_amount_is_written_as_on_a_receipt(fen: int, text: str) -> None:
    assert capital_yuan(fen) == text


@given(st.integers(0, 10**14 - 1))
def test_what_is_written_reads_back(fen: int) -> None:
    text = capital_yuan(fen)
    assert "零零" not in text
    assert read(text) == fen


@pytest.mark.parametrize("fen", [-1, 10**14])
def test_what_no_receipt_holds_is_refused(fen: int) -> None:
    with pytest.raises(ValueError, match=str(fen)):
        capital_yuan(fen)


def read(text: str) -> int:
    """The amount as somebody reads it who knows each numeral's place."""
    whole, _, rest = text.rpartition("元")
    total = section = digit = 0
    for letter in whole:
        if letter in WORTH:
            digit = WORTH[letter]
        elif letter in "拾佰仟":
            section += digit * 10 ** ("拾佰仟".index(letter) + 1)
            digit = 0
        else:
            total += (section + digit) * {"万": 10**4, "亿": 10**8}[letter]
            section = digit = 0
    fen = (total + section + digit) * 100
    digit = 0
    for letter in rest.removesuffix("整"):
        if letter in WORTH:
            digit = WORTH[letter]
        else:
            fen += digit * {"角": 10, "分": 1}[letter]
    return fen
