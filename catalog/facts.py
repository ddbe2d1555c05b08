"""What is told of a family, and where it agreed to have it told. `docs/trust.md` has the rules.

Whatever is shown of a family's life or of its people's names is read through this module.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import Select

from catalog.models import FamilyFact, Maker

DELICATE = (
    "病", "残疾", "瘫", "癌", "聋", "盲", "贫困", "困难户", "低保", "五保", "特困", "救济", "去世", "过世",
)  # fmt: skip
"""Words of illness and poverty: a fact that has one is told only with a yes of its own."""

NOBODY_NAMED = "这家的一位师傅"


@dataclass(frozen=True, slots=True)
class Person:
    """One of a family as it may be named here; who did not agree is nobody in particular."""

    name: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class OnAir:
    """What a host may tell of a family: its facts with their consent, and its people."""

    facts: Sequence[FamilyFact]
    people: Sequence[Person]


def is_delicate(text: str) -> bool:
    """Whether a text speaks of illness or poverty, as far as a few words show it."""
    return any(word in text for word in DELICATE)


async def facts_of(session: AsyncSession, workshop_id: int) -> list[FamilyFact]:
    """All facts of a family that were not removed, in their order, with or without consent."""
    return list(await session.scalars(_facts([workshop_id])))


async def removed_facts(session: AsyncSession, workshop_id: int) -> list[FamilyFact]:
    """What was removed, the latest first."""
    query = (
        select(FamilyFact)
        .where(FamilyFact.workshop_id == workshop_id, FamilyFact.removed_at.is_not(None))
        .order_by(FamilyFact.removed_at.desc(), FamilyFact.id.desc())
        .limit(20)
    )
    return list(await session.scalars(query))


async def told_on_page(
    session: AsyncSession, workshop_ids: Collection[int]
) -> dict[int, list[str]]:
    """What pages may tell, by family, in its order."""
    told: dict[int, list[str]] = {workshop_id: [] for workshop_id in workshop_ids}
    for fact in await session.scalars(_facts(told).where(FamilyFact.on_page)):
        told[fact.workshop_id].append(fact.text)
    return told


async def told_on_air(session: AsyncSession, workshop_id: int) -> OnAir:
    """What a host may tell, and whom the host may name."""
    facts = await session.scalars(_facts([workshop_id]).where(FamilyFact.on_air))
    makers = await session.scalars(
        select(Maker).where(Maker.workshop_id == workshop_id).order_by(Maker.id)
    )
    return OnAir(list(facts), _people((maker, maker.on_air) for maker in makers))


def people_on_page(makers: Iterable[Maker]) -> list[Person]:
    """The people of a family as pages may name them."""
    return _people((maker, maker.on_page) for maker in makers)


def _people(makers: Iterable[tuple[Maker, bool]]) -> list[Person]:
    told = list(makers)
    named = [Person(maker.name, maker.about) for maker, agreed in told if agreed]
    others = len(told) - len(named)
    if others:
        named.append(Person(NOBODY_NAMED if others == 1 else "这家的几位师傅"))
    return named


def _facts(workshop_ids: Collection[int]) -> Select[FamilyFact]:
    return (
        select(FamilyFact)
        .where(FamilyFact.workshop_id.in_(workshop_ids), FamilyFact.removed_at.is_(None))
        .order_by(FamilyFact.workshop_id, FamilyFact.position, FamilyFact.id)
    )
