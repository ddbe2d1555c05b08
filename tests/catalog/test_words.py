"""Numbers, money and days in the words in which they are said."""

from datetime import date

import pytest

from catalog.words import spoken_count, spoken_date, spoken_number, spoken_yuan


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "零"),
        (2, "二"),
        (10, "十"),
        (12, "十二"),
        (20, "二十"),
        (105, "一百零五"),
        (110, "一百一十"),
        (2003, "二千零三"),
        (2030, "二千零三十"),
        (10_000, "一万"),
        (12_000, "一万二千"),
        (10_268, "一万零二百六十八"),
        (100_005, "十万零五"),
        (123_456, "十二万三千四百五十六"),
        (1_000_000, "一百万"),
        (200_000_000, "二亿"),
    ],
)
def test_a_number_is_said_as_people_say_it(number: int, said: str) -> None:
    assert spoken_number(number) == said


@pytest.mark.parametrize(
    ("fen", "said"),
    [
        (0, "零元"),
        (5, "五分"),
        (50, "五角"),
        (805, "八元零五分"),
        (26800, "二百六十八元"),
        (26850, "二百六十八元五角"),
        (26855, "二百六十八元五角五分"),
    ],
)
def test_money_is_said_in_yuan_jiao_and_fen(fen: int, said: str) -> None:
    assert spoken_yuan(fen) == said


def test_two_pieces_are_liang_and_the_day_has_its_weekday() -> None:
    assert (spoken_count(2, "件"), spoken_count(12, "天")) == ("两件", "十二天")
    assert spoken_date(date(2026, 12, 3)) == "十二月三日，星期四"
    assert spoken_date(date(2026, 11, 22)) == "十一月二十二日，星期日"
