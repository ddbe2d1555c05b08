"""What a program says for a family."""

from datetime import date

import pytest

from catalog.db import Sessions
from catalog.errors import Invalid
from catalog.spoken import speak_for
from catalog.workshops import change_workshop, workshop_for
from tests.catalog.test_consents import a_family, answers, look
from tests.making import NOON


async def test_a_program_speaks_for_a_family_as_its_witness(sessions: Sessions) -> None:
    family, actor = await a_family(sessions)
    async with sessions.begin() as session:
        await change_workshop(session, actor, family.id, {"makers": "王爷爷"}, NOON)
        await speak_for(session, actor, family.id, "三代木匠。\n\n冬天雕花。", NOON)
    facts = await look(sessions, family)
    assert [fact.text for fact in facts] == ["三代木匠。", "冬天雕花。"]
    assert {answers(fact) for fact in facts} == {(True, True, date(2026, 11, 22), "manager")}
    async with sessions() as session:
        (maker,) = (await workshop_for(session, actor, family.id)).makers
    assert answers(maker) == (True, True, date(2026, 11, 22), "manager")
    for story in ("爷爷有病。", "长" * 301, "非遗手艺。", "\n".join("一" for _ in range(29))):
        with pytest.raises(Invalid) as refused:
            async with sessions.begin() as session:
                await speak_for(session, actor, family.id, story, NOON)
        assert list(refused.value.errors) == ["story"]
    assert len(await look(sessions, family)) == 2
