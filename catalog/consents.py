"""Asking a family what may be told of it: facts and names, each with a yes of its own.

Every change locks the family's row first, so that two people at the desk come one after the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.audit import record
from catalog.checks import BEIJING, Check
from catalog.claims import proven_by_family, refuse_unproven
from catalog.errors import Invalid, NotFound
from catalog.facts import facts_of, is_delicate
from catalog.models import FamilyFact, Maker, Workshop
from catalog.workshops import workshop_for

MOST_FACTS = 30
LONGEST = 300

CHANGED_MEANWHILE = "这句话刚刚有人改过。请把新的念给家里听，再记同意。"


class Told(Protocol):
    """A fact or a maker: something with a family's two answers."""

    on_page: bool
    on_air: bool
    agreed_on: date | None
    witness: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What a family answered, when and before whom."""

    on_page: bool
    on_air: bool
    agreed_on: date | None
    witness: str


_NO = Answers(on_page=False, on_air=False, agreed_on=None, witness="")


def words_of(maker: Maker) -> str:
    """A maker's name and what is told of them, as it is read out to the family."""
    return f"{maker.name}：{maker.about}" if maker.about else maker.name


async def add_fact(
    session: AsyncSession, actor: Actor, workshop_id: int, typed: Mapping[str, Any], now: datetime
) -> FamilyFact:
    """One more fact, the last: `text`, `delicate`, and what the family answered (`read_answers`).

    Raises Invalid with every fault, NotFound; nothing is kept then.
    """
    workshop = await _lock(session, actor, workshop_id)
    check = Check()
    text, delicate = await _read_words(session, check, workshop.id, typed)
    answers = read_answers(check, typed, now, delicate=delicate)
    count, last = (
        await session.execute(
            select(func.count(), func.max(FamilyFact.position)).where(
                FamilyFact.workshop_id == workshop.id, FamilyFact.removed_at.is_(None)
            )
        )
    ).one()
    if count >= MOST_FACTS:
        check.fault("text", f"一家最多 {MOST_FACTS} 条，先拿下一条。")
    check.done()
    fact = FamilyFact(
        station_id=workshop.station_id,
        workshop_id=workshop.id,
        position=0 if last is None else last + 1,
        text=text,
        delicate=delicate,
        made_by=actor.member_id,
        made_at=now,
    )
    _write(fact, answers)
    session.add(fact)
    await session.flush()
    _record(session, actor, "fact.add", fact, now, after=_of_fact(fact))
    return fact


async def change_words(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int,
    fact_id: int,
    typed: Mapping[str, Any],
    now: datetime,
) -> FamilyFact:
    """Other words, or another mind about `delicate`: the consent is gone, unless nothing changed.

    Raises Invalid, NotFound; nothing is changed then.
    """
    await _lock(session, actor, workshop_id)
    fact = await _fact(session, workshop_id, fact_id)
    check = Check()
    text, delicate = await _read_words(session, check, workshop_id, typed)
    check.done()
    if (text, delicate) == (fact.text, fact.delicate):
        return fact
    before = _of_fact(fact)
    fact.text, fact.delicate = text, delicate
    _write(fact, _NO)
    _record(session, actor, "fact.change", fact, now, before=before, after=_of_fact(fact))
    await session.flush()
    return fact


async def agree(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int,
    fact_id: int,
    typed: Mapping[str, Any],
    now: datetime,
) -> FamilyFact:
    """What the family answered about a fact, whose words as they were read out are `seen`.

    Raises Invalid, also when somebody has changed the words meanwhile, and NotFound.
    """
    await _lock(session, actor, workshop_id)
    fact = await _fact(session, workshop_id, fact_id)
    answers = _answers(typed, fact.text, now, delicate=fact.delicate)
    before = _of_fact(fact)
    _write(fact, answers)
    _record(session, actor, "fact.agree", fact, now, before=before, after=_of_fact(fact))
    await session.flush()
    return fact


async def agree_maker(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int,
    maker_id: int,
    typed: Mapping[str, Any],
    now: datetime,
) -> Maker:
    """As `agree`, for the name of one of the family and what is told of them."""
    await _lock(session, actor, workshop_id)
    maker = await session.get(Maker, maker_id, populate_existing=True)
    if maker is None or maker.workshop_id != workshop_id:
        raise NotFound(f"maker {maker_id}")
    words = words_of(maker)
    answers = _answers(typed, words, now, delicate=is_delicate(words))
    before = {"words": words, **_of_answers(maker)}
    _write(maker, answers)
    after = {"words": words, **_of_answers(maker)}
    _record(session, actor, "maker.agree", maker, now, before=before, after=after)
    await session.flush()
    return maker


async def move_fact(
    session: AsyncSession, actor: Actor, workshop_id: int, fact_id: int, by: int, now: datetime
) -> None:
    """One place up (-1) or down (1); nothing happens at the end. Raises NotFound."""
    await _lock(session, actor, workshop_id)
    facts = await facts_of(session, workshop_id)
    at = next((n for n, fact in enumerate(facts) if fact.id == fact_id), None)
    if at is None:
        raise NotFound(f"fact {fact_id}")
    to = at + by
    if not 0 <= to < len(facts):
        return
    fact = facts[at]
    facts[at], facts[to] = facts[to], facts[at]
    for position, one in enumerate(facts):
        one.position = position
    told = {"position": at}, {"position": to}
    _record(session, actor, "fact.move", fact, now, before=told[0], after=told[1])
    await session.flush()


async def remove_fact(
    session: AsyncSession, actor: Actor, workshop_id: int, fact_id: int, now: datetime
) -> None:
    """The fact is told nowhere any more; `put_back` undoes it. Raises NotFound."""
    await _lock(session, actor, workshop_id)
    fact = await _fact(session, workshop_id, fact_id)
    fact.removed_at = now
    _record(session, actor, "fact.remove", fact, now, before=_of_fact(fact))
    await session.flush()


async def put_back(
    session: AsyncSession, actor: Actor, workshop_id: int, fact_id: int, now: datetime
) -> None:
    """A removed fact is what it was, with its consent. Raises NotFound, Invalid when it is full."""
    await _lock(session, actor, workshop_id)
    fact = await _fact(session, workshop_id, fact_id, removed=True)
    if len(await facts_of(session, workshop_id)) >= MOST_FACTS:
        raise Invalid({"": f"一家最多 {MOST_FACTS} 条，先拿下一条。"})
    fact.removed_at = None
    _record(session, actor, "fact.put_back", fact, now, after=_of_fact(fact))
    await session.flush()


def read_answers(
    check: Check, typed: Mapping[str, Any], now: datetime, *, delicate: bool
) -> Answers:
    """What a form says of a family's answer: `on_page`, `on_air`, `agreed_on`, `witness`.

    Day and witness are needed with a yes, `delicate_agreed` too where it is about illness or
    poverty; without a yes they are nothing.
    """
    on_page, on_air = (bool(typed.get(box)) for box in ("on_page", "on_air"))
    if not (on_page or on_air):
        return _NO
    agreed_on = _day(check, typed.get("agreed_on"), _today(now))
    witness = check.text("witness", typed.get("witness"), "谁在场作证", most=40)
    if delicate and not typed.get("delicate_agreed"):
        check.fault(
            "delicate_agreed", "这一条说到病或者家里的难处。单独问过家里、家里说行，再勾这一格。"
        )
    return Answers(on_page=on_page, on_air=on_air, agreed_on=agreed_on, witness=witness)


def _day(check: Check, typed: object, today: date) -> date | None:
    try:
        day = date.fromisoformat(str(typed or "").strip())
    except ValueError:
        check.fault("agreed_on", "请填写哪天同意的。")
        return None
    if day.year < 2000 or day > today:
        check.fault("agreed_on", "同意的日子要在今天或者以前。")
    return day


def _answers(typed: Mapping[str, Any], words: str, now: datetime, *, delicate: bool) -> Answers:
    check = Check()
    if typed.get("seen") != words:
        check.fault("seen", CHANGED_MEANWHILE)
    answers = read_answers(check, typed, now, delicate=delicate)
    check.done()
    return answers


async def _read_words(
    session: AsyncSession, check: Check, workshop_id: int, typed: Mapping[str, Any]
) -> tuple[str, bool]:
    text = check.text("text", typed.get("text"), "这句话", most=LONGEST)
    refuse_unproven(check, {"text": text}, await proven_by_family(session, workshop_id))
    return text, bool(typed.get("delicate")) or is_delicate(text)


async def _lock(session: AsyncSession, actor: Actor, workshop_id: int) -> Workshop:
    workshop = await workshop_for(session, actor, workshop_id)
    await session.execute(
        select(Workshop.id).where(Workshop.id == workshop_id).with_for_update(key_share=True)
    )
    return workshop


async def _fact(
    session: AsyncSession, workshop_id: int, fact_id: int, *, removed: bool = False
) -> FamilyFact:
    fact = await session.get(FamilyFact, fact_id, populate_existing=True)
    if fact is None or fact.workshop_id != workshop_id or (fact.removed_at is not None) != removed:
        raise NotFound(f"fact {fact_id}")
    return fact


def _write(told: Told, answers: Answers) -> None:
    told.on_page, told.on_air = answers.on_page, answers.on_air
    told.agreed_on, told.witness = answers.agreed_on, answers.witness


def _of_fact(fact: FamilyFact) -> dict[str, Any]:
    return {"text": fact.text, "delicate": fact.delicate, **_of_answers(fact)}


def _of_answers(told: Told) -> dict[str, Any]:
    return {
        "on_page": told.on_page,
        "on_air": told.on_air,
        "agreed_on": told.agreed_on.isoformat() if told.agreed_on else None,
        "witness": told.witness,
    }


def _record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    told: FamilyFact | Maker,
    now: datetime,
    **what: dict[str, Any],
) -> None:
    family = told.workshop_id
    record(session, actor, action, told, now, workshop_id=family, **what)


def _today(now: datetime) -> date:
    return now.astimezone(BEIJING).date()
