"""What may be told of a family, and where."""

import pytest

from catalog.db import Sessions
from catalog.facts import (
    Person,
    facts_of,
    is_delicate,
    people_on_page,
    removed_facts,
    told_on_air,
    told_on_page,
)
from catalog.models import FamilyFact, Maker, Workshop
from tests.making import NOON, make_station, make_workshop


async def tell(sessions: Sessions, workshop: Workshop, text: str, **values: object) -> None:
    async with sessions.begin() as session:
        session.add(
            FamilyFact(
                station_id=workshop.station_id,
                workshop_id=workshop.id,
                text=text,
                made_at=NOON,
                **values,
            )
        )


async def test_each_place_tells_what_was_agreed_for_it(sessions: Sessions) -> None:
    station = await make_station(sessions)
    family = await make_workshop(sessions, station)
    other = await make_workshop(sessions, station, "李家木雕")
    await tell(sessions, family, "后说的", on_page=True, position=2)
    await tell(sessions, family, "都说", on_page=True, on_air=True, position=1)
    await tell(sessions, family, "只直播", on_air=True)
    await tell(sessions, family, "都不说")
    await tell(sessions, family, "拿下的", on_page=True, on_air=True, removed_at=NOON)
    await tell(sessions, other, "别家的", on_page=True, on_air=True)
    async with sessions() as session:
        assert await told_on_page(session, [family.id, other.id]) == {
            family.id: ["都说", "后说的"],
            other.id: ["别家的"],
        }
        on_air = await told_on_air(session, family.id)
        assert [fact.text for fact in on_air.facts] == ["只直播", "都说"]
        assert [fact.text for fact in await facts_of(session, family.id)] == [
            "只直播",
            "都不说",
            "都说",
            "后说的",
        ]
        assert [fact.text for fact in await removed_facts(session, family.id)] == ["拿下的"]


async def test_who_did_not_agree_is_nobody_in_particular(sessions: Sessions) -> None:
    family = await make_workshop(sessions, await make_station(sessions))
    yes, no = {"on_page": True, "on_air": False}, {"on_page": False, "on_air": True}
    async with sessions.begin() as session:
        session.add_all(
            Maker(station_id=family.station_id, workshop_id=family.id, **values)
            for values in (
                {"name": "王爷爷", "about": "画样", **yes},
                {"name": "王师傅", "about": "不说", **no},
            )
        )
    async with sessions() as session:
        makers = (await told_on_air(session, family.id)).people
        assert makers == [Person("王师傅", "不说"), Person("这家的一位师傅")]
    assert people_on_page([]) == []
    silent = [Maker(name=name, about="", on_page=False) for name in "甲乙"]
    assert people_on_page(silent) == [Person("这家的几位师傅")]


@pytest.mark.parametrize(
    ("text", "delicate"),
    [("爷爷有病。", True), ("家里吃低保。", True), ("奶奶去世早。", True), ("冬天雕花。", False)],
)
def test_a_few_words_show_illness_and_poverty(text: str, delicate: bool) -> None:
    assert is_delicate(text) is delicate
