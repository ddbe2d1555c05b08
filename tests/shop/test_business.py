"""Who sells here, and what must be told of it before strangers may buy."""

import pytest
from sqlalchemy import select

from catalog.db import Sessions
from catalog.errors import Invalid, NotAllowed
from catalog.models import AuditEntry, Role, Station
from shop.business import EXEMPT, FIELDS, change_business, right_code
from tests.making import NOON, act, make_member, make_station

# Of no organisation: an area that does not exist, made up for this test.
CODE = "91009900MA0000000L"
COMPLETE = {
    "business_name": "重兴镇社会工作服务站",
    "credit_code": CODE,
    "complaints_phone": "0937-1234567",
    "is_open": "1",
}


async def own(sessions: Sessions) -> Station:
    async with sessions() as session:
        return (await session.scalars(select(Station))).one()


async def change(sessions: Sessions, role: Role = Role.MANAGER, **typed: str) -> Station:
    async with sessions() as session:
        station = await session.scalar(select(Station))
    actor = act(await make_member(sessions, station or await make_station(sessions), role))
    async with sessions.begin() as session:
        return await change_business(session, actor, typed, NOON)


async def faults(sessions: Sessions, **typed: str) -> set[str]:
    before = await own(sessions)
    with pytest.raises(Invalid) as refused:
        await change(sessions, **typed)
    after = await own(sessions)
    for name in (*FIELDS, "is_open"):
        assert getattr(after, name) == getattr(before, name)
    return set(refused.value.errors)


def test_a_code_has_its_check_character() -> None:
    assert right_code(CODE)
    assert not right_code(CODE[:17] + "Q")
    assert not right_code("19009900MA0000000L")
    assert not right_code(CODE[:17])
    assert not right_code(CODE.lower())
    assert not right_code("I" * 18)


async def test_a_station_opens_with_all_that_is_asked_for_and_closes(sessions: Sessions) -> None:
    await change(sessions, **{**COMPLETE, "is_open": ""})
    assert not (await own(sessions)).is_open
    await change(sessions, **COMPLETE, icp="陇ICP备12345678号-1", rules_url="https://a.example/r")
    opened = await own(sessions)
    assert opened.is_open
    assert [getattr(opened, name) for name in FIELDS] == [
        "重兴镇社会工作服务站",
        CODE,
        "陇ICP备12345678号-1",
        "0937-1234567",
        "https://a.example/r",
    ]
    await change(sessions, **COMPLETE, icp="陇ICP备12345678号-1", rules_url="https://a.example/r")
    async with sessions() as session:
        rows = list(await session.scalars(select(AuditEntry).order_by(AuditEntry.id)))
    assert [row.action for row in rows] == ["station.business"] * 2
    assert (rows[1].before["is_open"], rows[1].after["is_open"]) == (False, True)


async def test_what_is_missing_to_open_is_named(sessions: Sessions) -> None:
    await make_station(sessions)
    required = {"business_name", "credit_code", "complaints_phone"}
    assert await faults(sessions, is_open="1") == required
    for name in required:
        assert await faults(sessions, **{**COMPLETE, name: " "}) == {name}
    # Not open, it may be filled in bit by bit.
    await change(sessions, business_name="重兴镇社会工作服务站")
    kept = await own(sessions)
    assert (kept.business_name, kept.is_open) == ("重兴镇社会工作服务站", False)


async def test_who_need_not_register_says_so(sessions: Sessions) -> None:
    await change(sessions, **{**COMPLETE, "credit_code": "", "exempt": "1"})
    assert ((await own(sessions)).credit_code, (await own(sessions)).is_open) == (EXEMPT, True)


async def test_what_can_not_be_is_refused(sessions: Sessions) -> None:
    await make_station(sessions)
    for field, wrong in {
        "credit_code": [CODE[:17] + "0", "1234", "没有"],
        "icp": ["12345678", "ICP", "<script>"],
        "complaints_phone": ["12315x", "123"],
        "rules_url": ["javascript:alert(1)", "rules", "https://a b", "ftp://a.example"],
        "business_name": ["长" * 81],
    }.items():
        for value in wrong:
            assert await faults(sessions, **{**COMPLETE, field: value}) == {field}, value


async def test_only_a_manager_may(sessions: Sessions) -> None:
    await make_station(sessions)
    with pytest.raises(NotAllowed):
        await change(sessions, Role.ORDER_DESK, **COMPLETE)
    assert (await own(sessions)).business_name == ""
