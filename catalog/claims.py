"""Phrases that need proof, or are never taken. `docs/trust.md` says which law they come from."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.checks import Check
from catalog.models import Claim, Product


@dataclass(frozen=True, slots=True)
class Rule:
    """A phrase, where it is not part of a harmless word, and what would prove it; "" if nothing."""

    phrase: str
    found: re.Pattern[str]
    proof: str


def _rule(phrase: str, proof: str = "", *, before: str = "", after: str = "") -> Rule:
    """`before` and `after` are what makes it a harmless word."""
    pattern = (f"(?<!{before})" if before else "") + phrase + (f"(?!{after})" if after else "")
    return Rule(phrase, re.compile(pattern), proof)


_TITLE = "文化部门公布的名录，或者发的证书"
_WOOD = "鉴定证书，或者写明树种的进料单"

RULES: Mapping[str, Rule] = {
    rule.phrase: rule
    for rule in (
        _rule("老料", "拆旧料时的照片，或者收旧料的单子"),
        _rule("非遗", _TITLE, after="憾|忘|漏|失|弃"),
        _rule("传承人", _TITLE),
        _rule("大师", "评定单位发的证书", after="傅"),
        _rule("百年", "看得出年头的老物件、老照片或者文书", after="好合|偕老|树人|之好"),
        _rule("纯手工", "从开料到打磨都有人在做的照片"),
        _rule("野生", "采伐许可，或者写明来处的进料单"),
        # The woods that GB/T 18107 calls hongmu, and the word itself.
        _rule("红木", _WOOD, before="女"),
        _rule("紫檀", _WOOD),
        _rule("黄花梨", _WOOD),
        _rule("花梨木", _WOOD),
        _rule("香枝木", _WOOD),
        _rule("酸枝", _WOOD),
        _rule("鸡翅木", _WOOD),
        _rule("乌木", _WOOD),
        _rule("国家级"),
        _rule("最高级"),
        _rule("最佳"),
        _rule("收藏级"),
        _rule("升值"),
    )
}

PROVABLE = tuple(rule.phrase for rule in RULES.values() if rule.proof)

# What people put between or around letters, and the traditional characters of the phrases.
_BETWEEN = re.compile(r"[\s·・*_\-'\"“”‘’「」『』〈〉<>]+")
_SIMPLE = str.maketrans("遺傳師純級紅黃雞烏國", "遗传师纯级红黄鸡乌国")


def phrases_in(text: str) -> list[str]:
    """The phrases that a text says, however it is written, in the order of the rules."""
    plain = _BETWEEN.sub("", unicodedata.normalize("NFKC", text)).translate(_SIMPLE)
    return [phrase for phrase, rule in RULES.items() if rule.found.search(plain)]


def fault_of(text: str, proven: Collection[str]) -> str:
    """What is wrong with a text where so much is proven, as a sentence; "" when nothing is."""
    for phrase in phrases_in(text):
        proof = RULES[phrase].proof
        if not proof:
            return f"“{phrase}”不能用：广告法不许这样说，什么凭证都不行。请换个说法。"
        if phrase not in proven:
            return (
                f"“{phrase}”要有凭证才能说：{proof}。请社工站先登记凭证，另一个人看过确认了再写。"
            )
    return ""


def refuse_unproven(check: Check, texts: Mapping[str, str], proven: Collection[str]) -> None:
    """Note a fault for each field of `texts` that says what is not proven."""
    for field, text in texts.items():
        fault = fault_of(text, proven)
        if fault:
            check.fault(field, fault)


async def proven_of(session: AsyncSession, product_ids: Iterable[int]) -> dict[int, set[str]]:
    """The phrases that two people have found proven, by product."""
    found: dict[int, set[str]] = {product_id: set() for product_id in product_ids}
    query = select(Claim.product_id, Claim.phrase).where(Claim.product_id.in_(found), *_PROVEN)
    for product_id, phrase in await session.execute(query):
        found[product_id].add(phrase)
    return found


async def proven_by_family(session: AsyncSession, workshop_id: int) -> set[str]:
    """The phrases that are proven for any product of a family."""
    query = (
        select(Claim.phrase)
        .join(Product, Product.id == Claim.product_id)
        .where(Product.workshop_id == workshop_id, *_PROVEN)
    )
    return set(await session.scalars(query))


_PROVEN = (Claim.confirmed_at.is_not(None), Claim.removed_at.is_(None))
