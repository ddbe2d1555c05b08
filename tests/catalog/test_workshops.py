"""Workshops and their makers."""

import pytest
from sqlalchemy import func, select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid, NotFound
from catalog.models import AuditEntry, Maker, Product, Role, Workshop
from catalog.workshops import add_workshop, change_workshop, list_workshops, workshop_for
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop

FACTS = {
    "name": "王家木作",
    "village": "红崖村",
    "craft": "浮雕",
    "phone": "0937-6213456",
    "makers": "王师傅：雕了四十年\n\n王小妹: 学徒\n王嫂",
}


async def make_manager(sessions: Sessions, slug: str = "zhongxing") -> Actor:
    return act(await make_member(sessions, await make_station(sessions, slug), Role.MANAGER))


async def test_a_workshop_comes_with_its_makers_and_its_address(sessions: Sessions) -> None:
    manager = await make_manager(sessions)
    async with sessions.begin() as session:
        workshop = await add_workshop(session, manager, FACTS, NOON)
    assert workshop.slug == f"w{workshop.id}"
    assert workshop.active
    assert [(maker.name, maker.about) for maker in workshop.makers] == [
        ("王师傅", "雕了四十年"),
        ("王小妹", "学徒"),
        ("王嫂", ""),
    ]


async def test_a_workshop_with_faults_is_not_kept(sessions: Sessions) -> None:
    manager = await make_manager(sessions)
    values = {"name": "", "phone": "12", "makers": "长" * 41}
    with pytest.raises(Invalid) as refusal:
        async with sessions.begin() as session:
            await add_workshop(session, manager, values, NOON)
    assert refusal.value.errors == {
        "name": "请填写作坊名。",
        "phone": "联系电话不对，要 11 位数字。",
        "makers": "手艺人的名字最多 40 个字，现在有 41 个。",
    }
    async with sessions() as session:
        assert await session.scalar(select(func.count(Workshop.id))) == 0


async def test_a_change_replaces_the_makers_only_when_they_are_given(sessions: Sessions) -> None:
    manager = await make_manager(sessions)
    async with sessions.begin() as session:
        workshop_id = (await add_workshop(session, manager, FACTS, NOON)).id
    async with sessions.begin() as session:
        kept = await change_workshop(session, manager, workshop_id, {"craft": "圆雕"}, NOON)
        assert (kept.craft, len(kept.makers)) == ("圆雕", 3)
    async with sessions.begin() as session:
        changed = await change_workshop(session, manager, workshop_id, {"makers": "王嫂"}, NOON)
        assert [maker.name for maker in changed.makers] == ["王嫂"]
    async with sessions() as session:
        assert await session.scalar(select(func.count(Maker.id))) == 1
        actions = list(await session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions == ["workshop.add", "workshop.change", "workshop.change"]


async def test_a_new_name_is_found_with_the_products(sessions: Sessions) -> None:
    station = await make_station(sessions)
    manager = act(await make_member(sessions, station, Role.MANAGER))
    workshop = await make_workshop(sessions, station)
    product = await make_product(sessions, workshop)
    async with sessions.begin() as session:
        await change_workshop(session, manager, workshop.id, {"name": "红崖木作"}, NOON)
    async with sessions() as session:
        assert "红崖木作" in (await session.get_one(Product, product.id)).search_text


async def test_a_closed_workshop_is_listed_only_when_asked_for(sessions: Sessions) -> None:
    manager = await make_manager(sessions)
    async with sessions.begin() as session:
        for name in ("开着的", "停了的"):
            workshop = await add_workshop(session, manager, {"name": name}, NOON)
        await change_workshop(session, manager, workshop.id, {"active": ""}, NOON)
    async with sessions() as session:
        some = await list_workshops(session, manager.station_id)
        every = await list_workshops(session, manager.station_id, active_only=False)
    assert [w.name for w in some] == ["开着的"]
    assert [w.name for w in every] == ["开着的", "停了的"]


async def test_a_workshop_is_seen_by_its_station_and_its_own_artisans(sessions: Sessions) -> None:
    station = await make_station(sessions)
    own, other = [await make_workshop(sessions, station, name) for name in ("王家", "李家")]
    artisan = act(await make_member(sessions, station, Role.ARTISAN, own))
    stranger = await make_manager(sessions, "other")
    async with sessions() as session:
        assert (await workshop_for(session, artisan, own.id)).name == "王家"
        for actor, workshop in ((artisan, other), (stranger, own)):
            with pytest.raises(NotFound):
                await workshop_for(session, actor, workshop.id)
