"""Codes that are read aloud, printed and typed in."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.codes import ALPHABET, new_code, normalise

codes = st.text(ALPHABET, min_size=1, max_size=8)
gaps = st.text(" -\t–—－　·_", max_size=3)


def test_the_alphabet_leaves_out_what_people_mistake() -> None:
    everything = string.digits + string.ascii_uppercase
    assert sorted(set(everything) - set(ALPHABET)) == sorted("0O1ILU")
    assert len(ALPHABET) == len(set(ALPHABET)) == 30


@given(length=st.integers(min_value=1, max_value=40))
def test_a_new_code_has_the_length_and_the_alphabet(length: int) -> None:
    code = new_code(length)
    assert len(code) == length
    assert set(code) <= set(ALPHABET)


def test_new_codes_use_every_symbol_and_do_not_repeat_soon() -> None:
    drawn = [new_code() for _ in range(500)]
    assert {len(code) for code in drawn} == {5}
    assert set("".join(drawn)) == set(ALPHABET)
    assert len(set(drawn)) > 490


@given(code=codes, data=st.data())
def test_however_a_code_is_typed_it_is_found(code: str, data: st.DataObject) -> None:
    typed = ""
    for symbol in code:
        wide = chr(ord(symbol) + 0xFEE0)
        shapes = [symbol, symbol.lower(), wide, wide.lower()]
        typed += data.draw(gaps) + data.draw(st.sampled_from(shapes))
    assert normalise(typed + data.draw(gaps)) == code


@given(code=codes)
def test_a_stored_code_stays_as_it_is(code: str) -> None:
    assert normalise(code) == code


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("7k3fd", "7K3FD"),
        ("７ｋ３ｆｄ", "7K3FD"),
        (" 7k3-fd\n", "7K3FD"),
        ("7K3\u200bFD", "7K3FD"),
        ("0O1IL", "0O1IL"),
        ("骆驼", "骆驼"),
        ("", ""),
        ("- -", ""),
    ],
)
def test_examples(typed: str, code: str) -> None:
    assert normalise(typed) == code
