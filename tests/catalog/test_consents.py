"""What a family agreed to: asked anew with every word, before a witness."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from catalog import consents
from catalog.access import Actor
from catalog.consents import CHANGED_MEANWHILE, MOST_FACTS
from catalog.db import Sessions
from catalog.errors import Invalid, NotFound
from catalog.facts import facts_of, removed_facts
from catalog.models import AuditEntry, FamilyFact, Maker, Role, Workshop
from catalog.workshops import change_workshop
from tests.making import NOON, act, make_member, make_station, make_workshop

YES = {"on_page": "1", "on_air": "1", "agreed_on": "2026-11-20", "witness": "村文书老魏"}


async def a_family(sessions: Sessions) -> tuple[Workshop, Actor]:
    station = await make_station(sessions)
    family = await make_workshop(sessions, station)
    return family, act(await make_member(sessions, station, Role.MANAGER))


async def add(sessions: Sessions, family: Workshop, actor: Actor, **typed: Any) -> FamilyFact:
    async with sessions.begin() as session:
        return await consents.add_fact(session, actor, family.id, typed, NOON)


async def look(sessions: Sessions, family: Workshop) -> list[FamilyFact]:
    async with sessions() as session:
        return await facts_of(session, family.id)


def answers(told: FamilyFact | Maker) -> tuple[bool, bool, date | None, str]:
    return told.on_page, told.on_air, told.agreed_on, told.witness


async def entries(sessions: Sessions) -> list[AuditEntry]:
    async with sessions() as session:
        query = select(AuditEntry).where(AuditEntry.subject.in_(("family_facts", "makers")))
        return list(await session.scalars(query.order_by(AuditEntry.id)))


async def test_a_fact_without_an_answer_is_told_nowhere(sessions: Sessions) -> None:
    family, actor = await a_family(sessions)
    # Without a yes, day and witness are nothing.
    fact = await add(sessions, family, actor, text=" 冬天雕花。 ", witness="老魏", agreed_on="x")
    assert (fact.text, fact.position, fact.delicate) == ("冬天雕花。", 0, False)
    assert answers(fact) == (False, False, None, "")
    (entry,) = await entries(sessions)
    assert (entry.action, entry.member_id, entry.on_behalf_of) == (
        "fact.add",
        actor.member_id,
        family.id,
    )
    assert entry.after == {
        "text": "冬天雕花。",
        "delicate": False,
        "on_page": False,
        "on_air": False,
        "agreed_on": None,
        "witness": "",
    }


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"on_page": "1"}, {"agreed_on": "请填写哪天同意的。", "witness": "请填写谁在场作证。"}),
        ({**YES, "agreed_on": "2026-11-23"}, {"agreed_on": "同意的日子要在今天或者以前。"}),
        ({**YES, "witness": "长" * 41}, {"witness": "谁在场作证最多 40 个字，现在有 41 个。"}),
        ({**YES, "text": ""}, {"text": "请填写这句话。"}),
        ({"text": "长" * 301}, {"text": "这句话最多 300 个字，现在有 301 个。"}),
    ],
)
async def test_a_yes_needs_its_day_and_its_witness(
    sessions: Sessions, typed: dict[str, str], errors: dict[str, str]
) -> None:
    family, actor = await a_family(sessions)
    with pytest.raises(Invalid) as refused:
        await add(sessions, family, actor, **{"text": "冬天雕花。", **typed})
    assert refused.value.errors == errors
    assert await look(sessions, family) == []


@pytest.mark.parametrize("typed", [{"text": "爷爷有病。"}, {"text": "日子难。", "delicate": "1"}])
async def test_illness_and_poverty_need_a_yes_of_their_own(
    sessions: Sessions, typed: dict[str, str]
) -> None:
    family, actor = await a_family(sessions)
    with pytest.raises(Invalid) as refused:
        await add(sessions, family, actor, **typed, **YES)
    assert list(refused.value.errors) == ["delicate_agreed"]
    assert await look(sessions, family) == []
    silent = await add(sessions, family, actor, **typed)
    assert (silent.delicate, *answers(silent)) == (True, False, False, None, "")
    told = await add(sessions, family, actor, **typed, **YES, delicate_agreed="1")
    assert (told.delicate, told.on_page, told.position) == (True, True, 1)


async def test_changed_words_lose_their_consent(sessions: Sessions) -> None:
    family, actor = await a_family(sessions)
    fact = await add(sessions, family, actor, text="冬天雕花。", **YES)
    assert answers(fact) == (True, True, date(2026, 11, 20), "村文书老魏")
    async with sessions.begin() as session:
        same = {"text": "冬天雕花。"}
        await consents.change_words(session, actor, family.id, fact.id, same, NOON)
    assert answers((await look(sessions, family))[0])[:2] == (True, True)
    assert len(await entries(sessions)) == 1
    async with sessions.begin() as session:
        await consents.change_words(
            session, actor, family.id, fact.id, {"text": "冬天画样。"}, NOON
        )
    (changed,) = await look(sessions, family)
    assert (changed.text, *answers(changed)) == ("冬天画样。", False, False, None, "")
    entry = (await entries(sessions))[-1]
    assert [told and told["witness"] for told in (entry.before, entry.after)] == ["村文书老魏", ""]


async def test_a_yes_is_for_the_words_that_were_read_out(sessions: Sessions) -> None:
    family, actor = await a_family(sessions)
    fact = await add(sessions, family, actor, text="冬天雕花。")
    for typed in ({**YES, "seen": "冬天画样。"}, YES):
        with pytest.raises(Invalid) as refused:
            async with sessions.begin() as session:
                await consents.agree(session, actor, family.id, fact.id, typed, NOON)
        assert refused.value.errors == {"seen": CHANGED_MEANWHILE}
    assert answers((await look(sessions, family))[0]) == (False, False, None, "")
    async with sessions.begin() as session:
        typed = {**YES, "on_air": "", "seen": "冬天雕花。"}
        await consents.agree(session, actor, family.id, fact.id, typed, NOON)
    assert answers((await look(sessions, family))[0])[:2] == (True, False)
    async with sessions.begin() as session:
        taken_back = {"seen": "冬天雕花。", "witness": "老魏", "agreed_on": "2026-11-22"}
        await consents.agree(session, actor, family.id, fact.id, taken_back, NOON)
    assert answers((await look(sessions, family))[0]) == (False, False, None, "")


async def test_facts_are_put_in_order_removed_and_put_back(sessions: Sessions) -> None:
    family, actor = await a_family(sessions)
    one, two, three = [await add(sessions, family, actor, text=t, **YES) for t in "一二三"]
    async with sessions.begin() as session:
        await consents.move_fact(session, actor, family.id, three.id, -1, NOON)
        await consents.move_fact(session, actor, family.id, one.id, -1, NOON)
        await consents.remove_fact(session, actor, family.id, two.id, NOON)
    assert [fact.text for fact in await look(sessions, family)] == ["一", "三"]
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await consents.agree(session, actor, family.id, two.id, {"seen": "二"}, NOON)
    async with sessions() as session:
        assert [fact.id for fact in await removed_facts(session, family.id)] == [two.id]
    async with sessions.begin() as session:
        await consents.put_back(session, actor, family.id, two.id, NOON)
    back = (await look(sessions, family))[-1]
    assert (back.text, *answers(back)[:2]) == ("二", True, True)
    actions = [entry.action for entry in await entries(sessions)]
    assert actions[3:] == ["fact.move", "fact.remove", "fact.put_back"]


async def test_there_are_so_many_facts_and_no_more(sessions: Sessions) -> None:
    family, actor = await a_family(sessions)
    for n in range(MOST_FACTS):
        await add(sessions, family, actor, text=f"第{n}")
    with pytest.raises(Invalid) as refused:
        await add(sessions, family, actor, text="再一条")
    assert refused.value.errors == {"text": "一家最多 30 条，先拿下一条。"}


async def test_a_name_is_told_when_they_agreed_and_keeps_its_consent_while_it_stays(
    sessions: Sessions,
) -> None:
    family, actor = await a_family(sessions)
    async with sessions.begin() as session:
        names = {"makers": "王爷爷：画样\n王师傅"}
        changed = await change_workshop(session, actor, family.id, names, NOON)
    grandfather, master = changed.makers
    assert answers(grandfather) == answers(master) == (False, False, None, "")
    async with sessions.begin() as session:
        typed = {**YES, "seen": "王爷爷：画样"}
        await consents.agree_maker(session, actor, family.id, grandfather.id, typed, NOON)
    with pytest.raises(Invalid):
        async with sessions.begin() as session:
            await consents.agree_maker(session, actor, family.id, master.id, typed, NOON)
    async with sessions.begin() as session:
        names = {"makers": "王爷爷：画样\n王师傅：雕刻\n小王"}
        changed = await change_workshop(session, actor, family.id, names, NOON)
    assert [(m.name, m.about, m.on_page) for m in changed.makers] == [
        ("王爷爷", "画样", True),
        ("王师傅", "雕刻", False),
        ("小王", "", False),
    ]
    assert changed.makers[0].id == grandfather.id


async def test_the_facts_of_another_family_are_not_there(sessions: Sessions) -> None:
    family, actor = await a_family(sessions)
    fact = await add(sessions, family, actor, text="冬天雕花。")
    sibling = await make_workshop(sessions, await make_station(sessions, "other"), "李家木雕")
    stranger = act(await make_member(sessions, await make_station(sessions, "third"), Role.MANAGER))
    typed = {**YES, "seen": "冬天雕花。", "text": "别的"}
    for who, whose in ((actor, sibling), (stranger, family)):
        for step in (consents.change_words, consents.agree, consents.agree_maker):
            with pytest.raises(NotFound):
                async with sessions.begin() as session:
                    await step(session, who, whose.id, fact.id, typed, NOON + timedelta(days=1))
    assert answers((await look(sessions, family))[0]) == (False, False, None, "")
