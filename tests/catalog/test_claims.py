"""Phrases that need proof, however they are written, and harmless words that look like them."""

import pytest

from catalog.checks import Check
from catalog.claims import PROVABLE, fault_of, phrases_in, refuse_unproven


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("百年老料，非遗传承人纯手工", ["老料", "非遗", "传承人", "百年", "纯手工"]),
        ("老 料", ["老料"]),
        ("“非”·“遗”", ["非遗"]),
        ("非遺傳承人", ["非遗", "传承人"]),
        ("Ｎ 收藏级，会升值", ["收藏级", "升值"]),
        ("小叶紫檀", ["紫檀"]),
        ("海南黄花梨", ["黄花梨"]),
        ("百年好合，大师傅掌刀，并非遗憾", []),
        ("刘家女红木坊", []),
        ("暗香枝头，梨花木纹，枣木、榆木", []),
        ("", []),
    ],
)
def test_phrases_are_found_and_harmless_words_are_not(text: str, phrases: list[str]) -> None:
    assert phrases_in(text) == phrases


def test_a_sentence_says_which_phrase_and_what_would_prove_it() -> None:
    assert fault_of("榆木老料", ()) == (
        "“老料”要有凭证才能说：拆旧料时的照片，或者收旧料的单子。请社工站先登记凭证，另一个人看过确认了再写。"
    )
    assert fault_of("榆木老料", {"老料"}) == ""
    assert fault_of("非遗老料", {"老料"}).startswith("“非遗”要有凭证")
    for phrase in ("国家级", "最高级", "最佳", "收藏级", "升值"):
        assert phrase not in PROVABLE
        assert fault_of(phrase, {phrase}).startswith(f"“{phrase}”不能用")


def test_each_field_has_its_own_fault() -> None:
    check = Check()
    refuse_unproven(check, {"name": "老料福字", "meaning": "迎门纳福", "wood": "紫檀"}, {"老料"})
    assert list(check.errors) == ["wood"]
