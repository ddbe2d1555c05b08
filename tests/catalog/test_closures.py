"""Days on which nobody works: who may note them, which make no sense, and how they are taken back."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from catalog.audit import list_entries
from catalog.closures import close, closures_of, take_back
from catalog.db import Sessions
from catalog.errors import Invalid, NotAllowed, NotFound
from catalog.models import Closure, ClosureReason, Role, Station, Workshop
from tests.making import NOON, act, make_member, make_station, make_workshop

TODAY = date(2026, 11, 22)
DAY = timedelta(days=1)
WEEK = (TODAY + DAY, TODAY + 7 * DAY)


@pytest.fixture
async def station(sessions: Sessions) -> Station:
    return await make_station(sessions)


@pytest.fixture
async def workshop(sessions: Sessions, station: Station) -> Workshop:
    return await make_workshop(sessions, station)


async def count(sessions: Sessions) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(Closure)) or 0


async def test_a_closure_is_in_the_trail_and_taken_back_counts_no_more(
    sessions: Sessions, station: Station, workshop: Workshop
) -> None:
    desk = act(await make_member(sessions, station, Role.ORDER_DESK))
    async with sessions.begin() as session:
        made = await close(
            session, desk, workshop.id, "2026-11-23", "2026-11-29", "harvest", "收玉米", NOON
        )
    assert (made.begins_on, made.ends_on, made.reason) == (*WEEK, ClosureReason.HARVEST)
    async with sessions() as session:
        assert [one.id for one in await closures_of(session, station.id, workshop.id, TODAY)] == [
            made.id
        ]
        assert await closures_of(session, station.id, workshop.id, WEEK[1] + DAY) == []
        assert await closures_of(session, station.id, None, TODAY) == []
    for _ in range(2):
        async with sessions.begin() as session:
            await take_back(session, desk, made.id, NOON)
    async with sessions() as session:
        assert await closures_of(session, station.id, workshop.id, TODAY) == []
        told = await list_entries(session, station.id, {"closures": [made.id]})
    assert [(one.entry.action, one.for_whom) for one in told] == [
        ("closure.add", workshop.name),
        ("closure.take_back", workshop.name),
    ]
    assert told[0].entry.after == {
        "begins_on": "2026-11-23",
        "ends_on": "2026-11-29",
        "reason": "harvest",
        "note": "收玉米",
    }
    assert told[1].entry.before == told[0].entry.after


async def test_a_festival_of_the_station_closes_every_workshop(
    sessions: Sessions, station: Station, workshop: Workshop
) -> None:
    manager = act(await make_member(sessions, station, Role.MANAGER))
    other = await make_workshop(sessions, await make_station(sessions, "other"))
    async with sessions.begin() as session:
        made = await close(session, manager, None, *WEEK, "festival", "", NOON)
    async with sessions() as session:
        for whose in (workshop.id, None):
            found = await closures_of(session, station.id, whose, TODAY)
            assert [one.id for one in found] == [made.id]
        assert await closures_of(session, other.station_id, other.id, TODAY) == []


@pytest.mark.parametrize(
    ("days", "faults"),
    [
        ((WEEK[1], WEEK[0]), {"ends_on": "最后一天不能早于第一天。"}),
        (
            (TODAY, TODAY + 120 * DAY),
            {"ends_on": "一次最多 120 天，更久就分几次记。"},
        ),
        (
            (TODAY - 9 * DAY, TODAY - DAY),
            {"ends_on": "这些日子已经过去了，不用记。"},
        ),
        (
            (TODAY + 800 * DAY, TODAY + 801 * DAY),
            {"begins_on": "太远了，最多记到两年以后。"},
        ),
        (("", "30. Februar"), {"begins_on": "请填写从哪天起。", "ends_on": "请填写到哪天。"}),
    ],
)
async def test_days_that_make_no_sense_are_refused(
    sessions: Sessions, workshop: Workshop, days: tuple[object, object], faults: dict[str, str]
) -> None:
    async with sessions() as session:
        station = await session.get_one(Station, workshop.station_id)
    desk = act(await make_member(sessions, station, Role.ORDER_DESK))
    with pytest.raises(Invalid) as refused:
        async with sessions.begin() as session:
            await close(session, desk, workshop.id, *days, "strike", "字" * 101, NOON)
    assert refused.value.errors == {
        **faults,
        "reason": "请选择为什么歇工。",
        "note": "说明最多 100 个字，现在有 101 个。",
    }
    assert await count(sessions) == 0


async def test_the_longest_closure_may_have_begun_and_end_today(
    sessions: Sessions, station: Station, workshop: Workshop
) -> None:
    desk = act(await make_member(sessions, station, Role.ORDER_DESK))
    async with sessions.begin() as session:
        await close(session, desk, workshop.id, TODAY - 119 * DAY, TODAY, "illness", "", NOON)
    assert await count(sessions) == 1


async def test_an_artisan_closes_their_own_workshop_and_nothing_else(
    sessions: Sessions, station: Station, workshop: Workshop
) -> None:
    artisan = act(await make_member(sessions, station, Role.ARTISAN, workshop))
    neighbour = await make_workshop(sessions, station, "李家木雕")
    async with sessions.begin() as session:
        await close(session, artisan, workshop.id, *WEEK, "harvest", "", NOON)
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await close(session, artisan, neighbour.id, *WEEK, "harvest", "", NOON)
    with pytest.raises(NotAllowed):
        async with sessions.begin() as session:
            await close(session, artisan, None, *WEEK, "festival", "", NOON)
    desk = act(await make_member(sessions, station, Role.ORDER_DESK))
    async with sessions.begin() as session:
        theirs = await close(session, desk, neighbour.id, *WEEK, "harvest", "", NOON)
        festival = await close(session, desk, None, *WEEK, "festival", "", NOON)
    for closure, refusal in ((theirs, NotFound), (festival, NotAllowed)):
        with pytest.raises(refusal):
            async with sessions.begin() as session:
                await take_back(session, artisan, closure.id, NOON)
    async with sessions() as session:
        assert len(await closures_of(session, station.id, neighbour.id, TODAY)) == 2


@pytest.mark.parametrize("role", [Role.HOST, Role.ASSISTANT, Role.FINANCE])
async def test_others_of_the_station_close_nothing(
    sessions: Sessions, station: Station, workshop: Workshop, role: Role
) -> None:
    member = act(await make_member(sessions, station, role))
    for whose in (workshop.id, None):
        with pytest.raises(NotAllowed):
            async with sessions.begin() as session:
                await close(session, member, whose, *WEEK, "festival", "", NOON)
    assert await count(sessions) == 0


async def test_another_stations_workshop_or_closure_is_not_there(
    sessions: Sessions, station: Station, workshop: Workshop
) -> None:
    desk = act(await make_member(sessions, station, Role.ORDER_DESK))
    stranger = act(
        await make_member(sessions, await make_station(sessions, "other"), Role.ORDER_DESK)
    )
    async with sessions.begin() as session:
        made = await close(session, desk, workshop.id, *WEEK, "harvest", "", NOON)
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await close(session, stranger, workshop.id, *WEEK, "harvest", "", NOON)
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await take_back(session, stranger, made.id, NOON)
    async with sessions() as session:
        assert (await session.get_one(Closure, made.id)).removed_at is None
