"""Members: added, stopped, let in again."""

from typing import Any

import pytest
from sqlalchemy import func, select

from catalog.db import Sessions
from catalog.errors import Invalid, NotFound
from catalog.models import AuditEntry, Member, Role
from catalog.people import HASHER, ROLE_NAMES, add_member, list_members, set_active
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
