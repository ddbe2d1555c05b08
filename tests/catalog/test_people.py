"""Members: added, stopped, let in again."""

from typing import Any

import pytest
from sqlalchemy import func, select

from catalog.db import Sessions
from catalog.errors import Invalid, NotFound
from catalog.models import AuditEntry, Member, Role
from catalog.people import (
    HASHER,
    ROLE_NAMES,
    STATION_ROLES,
    add_artisan,
    add_member,
    list_members,
    set_active,
    set_sees_phones,
)
from tests.making import NOON, act, make_member, make_station, make_workshop

FACTS = {"name": "小林", "role": "host", "login": " XiaoLin ", "password": "correct horse"}


async def count(sessions: Sessions) -> int:
    async with sessions() as session:
        return int(await session.scalar(select(func.count(Member.id))) or 0)


def test_every_role_has_a_name() -> None:
    assert set(ROLE_NAMES) == set(Role)


async def test_a_member_is_kept_without_the_password(sessions: Sessions) -> None:
    manager = act(await make_member(sessions, await make_station(sessions), Role.MANAGER))
    async with sessions.begin() as session:
        member = await add_member(session, manager, FACTS, NOON)
        entry = (await session.scalars(select(AuditEntry))).one()
    assert (member.login, member.role, member.workshop_id) == ("xiaolin", Role.HOST, None)
    assert HASHER.verify(member.password_hash, "correct horse")
    assert entry.after == {"role": "host", "login": "xiaolin", "name": "小林", "workshop_id": None}


async def test_an_artisan_has_a_workshop_of_the_station(sessions: Sessions) -> None:
    station = await make_station(sessions)
    manager = act(await make_member(sessions, station, Role.MANAGER))
    own = await make_workshop(sessions, station)
    other = await make_workshop(sessions, await make_station(sessions, "other"))
    for typed in ("", "一", other.id):
        values = {**FACTS, "role": "artisan", "workshop_id": typed}
        with pytest.raises(Invalid) as refusal:
            async with sessions.begin() as session:
                await add_member(session, manager, values, NOON)
        assert list(refusal.value.errors) == ["workshop_id"]
    async with sessions.begin() as session:
        values = {**FACTS, "role": "artisan", "workshop_id": str(own.id)}
        assert (await add_member(session, manager, values, NOON)).workshop_id == own.id


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        (
            {"name": "", "role": "king", "login": "王", "password": "short"},
            {
                "name": "请填写姓名。",
                "role": "请选择角色。",
                "login": "登录名用 2 到 40 个小写字母、数字、点或横线。",
                "password": "密码要 8 到 128 个字符。",
            },
        ),
        ({"password": "长" * 129}, {"password": "密码要 8 到 128 个字符。"}),
        ({"login": "a" * 41}, {"login": "登录名用 2 到 40 个小写字母、数字、点或横线。"}),
    ],
)
async def test_a_member_with_faults_is_not_kept(
    sessions: Sessions, change: dict[str, Any], errors: dict[str, str]
) -> None:
    manager = act(await make_member(sessions, await make_station(sessions), Role.MANAGER))
    with pytest.raises(Invalid) as refusal:
        async with sessions.begin() as session:
            await add_member(session, manager, {**FACTS, **change}, NOON)
    assert refusal.value.errors == errors
    assert await count(sessions) == 1


async def test_a_login_is_one_persons_whatever_its_letters(sessions: Sessions) -> None:
    manager = act(await make_member(sessions, await make_station(sessions), Role.MANAGER))
    async with sessions.begin() as session:
        await add_member(session, manager, FACTS, NOON)
    with pytest.raises(Invalid) as refusal:
        async with sessions.begin() as session:
            await add_member(session, manager, {**FACTS, "login": "XIAOLIN"}, NOON)
    assert refusal.value.errors == {"login": "这个登录名已经有人用了。"}
    assert await count(sessions) == 2


async def test_members_are_stopped_but_not_by_themselves_or_strangers(sessions: Sessions) -> None:
    station = await make_station(sessions)
    manager = await make_member(sessions, station, Role.MANAGER)
    host = await make_member(sessions, station, Role.HOST)
    stranger = await make_member(sessions, await make_station(sessions, "other"), Role.MANAGER)
    async with sessions.begin() as session:
        await set_active(session, act(manager), host.id, False, NOON)
    with pytest.raises(Invalid) as refusal:
        async with sessions.begin() as session:
            await set_active(session, act(manager), manager.id, False, NOON)
    assert refusal.value.errors == {"active": "不能停用自己。"}
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await set_active(session, act(stranger), manager.id, False, NOON)
    async with sessions() as session:
        members = await list_members(session, station.id)
        entry = (await session.scalars(select(AuditEntry))).one()
    assert {m.id: m.active for m in members} == {manager.id: True, host.id: False}
    assert (entry.before, entry.after) == ({"active": True}, {"active": False})


async def test_who_calls_buyers_sees_their_numbers_from_the_start(sessions: Sessions) -> None:
    manager = act(await make_member(sessions, await make_station(sessions), Role.MANAGER))
    seen = {}
    for role in STATION_ROLES:
        if role != Role.ARTISAN:
            values = {**FACTS, "role": role.value, "login": f"x{role.value}".replace("_", "-")}
            async with sessions.begin() as session:
                seen[role] = (await add_member(session, manager, values, NOON)).sees_phones
    assert {role for role, sees in seen.items() if sees} == {Role.MANAGER, Role.ORDER_DESK}


async def test_the_right_to_see_numbers_is_given_and_taken(sessions: Sessions) -> None:
    station = await make_station(sessions)
    manager = await make_member(sessions, station, Role.MANAGER)
    host = await make_member(sessions, station, Role.HOST)
    stranger = await make_member(sessions, await make_station(sessions, "other"), Role.MANAGER)
    for sees in (True, False):
        async with sessions.begin() as session:
            await set_sees_phones(session, act(manager), host.id, sees, NOON)
        async with sessions() as session:
            assert (await session.get_one(Member, host.id)).sees_phones is sees
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await set_sees_phones(session, act(stranger), host.id, True, NOON)
    async with sessions() as session:
        assert not (await session.get_one(Member, host.id)).sees_phones
        entries = list(await session.scalars(select(AuditEntry).order_by(AuditEntry.id)))
    assert [(e.action, e.member_id, e.before, e.after) for e in entries] == [
        ("member.sees_phones", manager.id, {"sees_phones": False}, {"sees_phones": True}),
        ("member.sees_phones", manager.id, {"sees_phones": True}, {"sees_phones": False}),
    ]


async def test_an_artisan_is_added_by_name_alone(sessions: Sessions) -> None:
    station = await make_station(sessions)
    desk = act(await make_member(sessions, station, Role.ORDER_DESK))
    own = await make_workshop(sessions, station)
    other = await make_workshop(sessions, await make_station(sessions, "other"))
    for workshop, name, error in ((own, " ", Invalid), (own, "长" * 41, Invalid), (other, "王师傅", NotFound)):  # fmt: skip
        with pytest.raises(error):
            async with sessions.begin() as session:
                await add_artisan(session, desk, workshop.id, name, NOON)
    assert await count(sessions) == 1
    async with sessions.begin() as session:
        members = [await add_artisan(session, desk, own.id, "王师傅", NOON) for _ in range(2)]
    assert [(m.name, m.role, m.workshop_id, m.sees_phones) for m in members] == [
        ("王师傅", Role.ARTISAN, own.id, False)
    ] * 2
    assert members[0].login != members[1].login
    async with sessions() as session:
        entry = (await session.scalars(select(AuditEntry).order_by(AuditEntry.id))).first()
    assert entry is not None
    assert (entry.action, entry.on_behalf_of) == ("member.add", own.id)
    assert entry.after == {
        "role": "artisan", "login": members[0].login, "name": "王师傅", "workshop_id": own.id,
    }  # fmt: skip
