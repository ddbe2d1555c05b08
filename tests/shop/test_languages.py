"""In which language a buyer is told."""

import pytest

from shop.languages import language_of

HEADERS = [
    ("", "zh"),
    ("*", "zh"),
    ("fr-FR, de;q=0.8", "zh"),
    ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
    ("en-GB,en;q=0.9,zh;q=0.8", "en"),
    ("fr, en;q=0.2", "en"),
    ("EN-us", "en"),
    ("en;q=0.5, zh;q=0.5", "zh"),
    ("en;q=0", "zh"),
    ("zh;q=0.3, en ; Q=0.31", "en"),
    ("en;q=very", "zh"),
    ("en;q=nan", "zh"),
    ("en;q=7", "zh"),
    ("en;level=1", "zh"),
    ("fr," * 19 + "en", "en"),
    ("fr," * 20 + "en", "zh"),
]


@pytest.mark.parametrize(("accepted", "language"), HEADERS)
def test_the_header_decides(accepted: str, language: str) -> None:
    assert language_of(accepted) == language
