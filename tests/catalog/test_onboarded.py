"""How a family's checks stand, day by day."""

from datetime import date, timedelta

import pytest

from catalog.db import Sessions
from catalog.errors import NotOnboarded
from catalog.models import CheckKind, Role
from catalog.onboarded import CheckState, must_be_onboarded, standings, state_of
from catalog.workshops import change_workshop
from tests.making import NOON, act, make_member, make_station, make_workshop
from tests.onboarding import all_checks, make_checks

TODAY = date(2026, 11, 22)


def test_a_check_is_good_through_its_day_and_told_of_thirty_days_before() -> None:
    for days, state in ((-1, "expired"), (0, "soon"), (30, "soon"), (31, "good")):
        assert state_of(TODAY + timedelta(days=days), TODAY) == state, days
    assert state_of(None, TODAY) == CheckState.GOOD


async def test_the_newest_check_of_a_kind_counts(sessions: Sessions) -> None:
    station = await make_station(sessions)
    family, other = [await make_workshop(sessions, station, name) for name in ("王家", "李家")]
    manager = await make_member(sessions, station, Role.MANAGER)
    await make_checks(sessions, family, manager, [CheckKind.IDENTITY])
    await make_checks(sessions, family, manager, [CheckKind.CONSENT], renew_on=date(2026, 11, 1))
    await make_checks(sessions, family, manager, [CheckKind.CONSENT], renew_on=date(2026, 12, 1))
    async with sessions() as session:
        found = await standings(session, [family.id, other.id], TODAY)
    assert [(one.kind, one.state, one.who) for one in found[family.id]] == [
        ("identity", "good", "manager"),
        ("registration", "missing", ""),
        ("bank_name", "missing", ""),
        ("consent", "soon", "manager"),
    ]
    assert {one.state for one in found[other.id]} == {CheckState.MISSING}


async def test_who_lacks_something_is_told_what(sessions: Sessions) -> None:
    station = await make_station(sessions)
    family = await make_workshop(sessions, station)
    manager = await make_member(sessions, station, Role.MANAGER)
    await make_checks(sessions, family, manager, [CheckKind.IDENTITY, CheckKind.BANK_NAME])
    await make_checks(sessions, family, manager, [CheckKind.CONSENT], renew_on=date(2026, 11, 21))
    async with sessions() as session:
        with pytest.raises(NotOnboarded) as refusal:
            await must_be_onboarded(session, family.id, NOON)
    assert refusal.value.lacking == ("登记：执照或免登记（还没有）", "同意书签了（过期了）")
    await make_checks(
        sessions, family, manager, [CheckKind.REGISTRATION, CheckKind.CONSENT], renew_on=TODAY
    )
    async with sessions() as session:
        await must_be_onboarded(session, family.id, NOON)
        # Sixteen o'clock in UTC is the next day in Beijing.
        with pytest.raises(NotOnboarded):
            await must_be_onboarded(session, family.id, NOON.replace(hour=16))


async def test_another_account_is_looked_at_anew(sessions: Sessions) -> None:
    station = await make_station(sessions)
    family = await make_workshop(sessions, station)
    manager = await make_member(sessions, station, Role.MANAGER)
    await make_checks(sessions, family, manager)
    async with sessions.begin() as session:
        await change_workshop(session, act(manager), family.id, {"craft": "浮雕"}, NOON)
    assert {one.renew_on for one in await all_checks(sessions)} == {None}
    async with sessions.begin() as session:
        account = {"pay_way": "bank", "pay_to": "农行 6228 王"}
        await change_workshop(session, act(manager), family.id, account, NOON)
    past = [one.kind for one in await all_checks(sessions) if one.renew_on == date(2026, 11, 21)]
    assert past == [CheckKind.BANK_NAME]
