"""The register of recordings: three years at least, nothing dropped too early, what is missing."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid, NotFound
from catalog.models import AuditEntry, Product, Role
from live.errors import WrongShowState
from live.models import Recording, Show, ShowState
from live.on_air import end_show
from live.recordings import (
    MOST_OF_A_SHOW,
    add_recording,
    change_recording,
    drop_recording,
    kept_at_least_until,
    list_recordings,
    recording_for,
    recordings_of,
    shows_without,
)
from tests.live.acting import host_of
from tests.making import NOON, act, make_live_show, make_member, make_product, make_station
from tests.shop.pages.buyer import change

TYPED = {
    "lies_at": "站里 2 号硬盘",
    "channel": "抖音",
    "keeper": "王老师",
    "keep_until": "2029-11-22",
    "note": "",
}


async def ended(
    sessions: Sessions, product: Product | None = None, at: datetime = NOON
) -> tuple[Actor, Show]:
    show = await make_live_show(sessions, [product or await make_product(sessions)])
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        show = await end_show(session, host, show.id, at)
    return host, show


async def add(sessions: Sessions, host: Actor, show: Show, **typed: str) -> Recording:
    async with sessions.begin() as session:
        return await add_recording(session, host, show.id, TYPED | typed, NOON)


async def count(sessions: Sessions) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(Recording)) or 0


@pytest.mark.parametrize(
    ("ended_at", "least"),
    [
        (datetime(2026, 11, 22, 4, tzinfo=UTC), date(2029, 11, 22)),
        (datetime(2026, 11, 22, 16, tzinfo=UTC), date(2029, 11, 23)),
        (datetime(2028, 2, 29, 4, tzinfo=UTC), date(2031, 3, 1)),
    ],
)
def test_three_years_are_counted_by_beijings_calendar(ended_at: datetime, least: date) -> None:
    assert kept_at_least_until(Show(ended_at=ended_at)) == least
    assert kept_at_least_until(Show(ends_at=ended_at)) == least


async def test_a_recording_is_written_in_corrected_and_told(sessions: Sessions) -> None:
    host, show = await ended(sessions)
    recording = await add(sessions, host, show)
    async with sessions.begin() as session:
        typed = TYPED | {"lies_at": "https://pan.example/x", "keep_until": "2030-01-01"}
        await change_recording(session, host, recording.id, typed, NOON)
    async with sessions() as session:
        (kept,) = await recordings_of(session, show)
        (listed,) = await list_recordings(session, show.station_id)
        assert await list_recordings(session, show.station_id, before=recording.id) == []
        told = list(
            await session.execute(
                select(AuditEntry.action, AuditEntry.before, AuditEntry.after)
                .where(AuditEntry.subject == "recordings")
                .order_by(AuditEntry.id)
            )
        )
    assert (kept.recording.lies_at, kept.recording.keep_until) == (
        "https://pan.example/x",
        date(2030, 1, 1),
    )
    assert (listed.show.id, listed.written_by) == (show.id, host.name)
    assert [(action, bool(before)) for action, before, _ in told] == [
        ("recording.add", False),
        ("recording.change", True),
    ]
    assert told[1].before["lies_at"] == "站里 2 号硬盘"
    assert told[1].after["keep_until"] == "2030-01-01"


async def test_a_date_that_is_too_early_is_refused_with_the_reason(sessions: Sessions) -> None:
    host, show = await ended(sessions)
    cases: list[tuple[dict[str, str], str, str]] = [
        (
            {"keep_until": "2029-11-21"},
            "keep_until",
            "直播录像至少要留 3 年：这一场2026年11月22日结束，最早留到2029年11月22日。",
        ),
        ({"keep_until": "2101-01-01"}, "keep_until", "最晚填到2100年12月31日。"),
        ({"keep_until": "明年"}, "keep_until", "请填写留到哪一天。"),
        ({"lies_at": ""}, "lies_at", "请填写录像放在哪里。"),
        ({"lies_at": "x" * 301}, "lies_at", "录像放在哪里最多 300 个字，现在有 301 个。"),
        ({"keeper": " "}, "keeper", "请填写谁保管。"),
        ({"note": "x" * 201}, "note", "备注最多 200 个字，现在有 201 个。"),
        ({"channel": "电视"}, "channel", "平台请从这些里选"),
    ]
    for typed, field, sentence in cases:
        with pytest.raises(Invalid) as refused:
            await add(sessions, host, show, **typed)
        assert refused.value.errors[field].startswith(sentence), typed
    assert await count(sessions) == 0
    recording = await add(sessions, host, show)
    early = TYPED | {"keep_until": "2027-01-01"}
    with pytest.raises(Invalid):
        async with sessions.begin() as session:
            await change_recording(session, host, recording.id, early, NOON)
    async with sessions() as session:
        kept = await recording_for(session, host, recording.id)
    assert kept.recording.keep_until == date(2029, 11, 22)


async def test_only_a_show_that_is_over_has_recordings_and_not_without_end(
    sessions: Sessions,
) -> None:
    show = await make_live_show(sessions, [await make_product(sessions)])
    host = await host_of(sessions, show)
    with pytest.raises(WrongShowState, match="还没有结束"):
        await add(sessions, host, show)
    await change(sessions, show, state=ShowState.ENDED, ended_at=NOON)
    for _ in range(MOST_OF_A_SHOW):
        await add(sessions, host, show)
    with pytest.raises(WrongShowState, match="最多登记"):
        await add(sessions, host, show)
    assert await count(sessions) == MOST_OF_A_SHOW


async def drop(sessions: Sessions, host: Actor, recording: Recording, at: datetime = NOON) -> bool:
    try:
        async with sessions.begin() as session:
            await drop_recording(session, host, recording.id, at)
    except WrongShowState:
        return False
    return True


async def test_the_last_one_stays_until_its_day_is_over(sessions: Sessions) -> None:
    host, show = await ended(sessions)
    first, twice = await add(sessions, host, show), await add(sessions, host, show)
    assert await drop(sessions, host, twice)
    # Midnight in Beijing is 16:00 in UTC.
    last_minute = datetime(2029, 11, 22, 15, 59, tzinfo=UTC)
    assert not await drop(sessions, host, first, last_minute)
    assert await count(sessions) == 1
    async with sessions() as session:
        kept = await recording_for(session, host, first.id)
        assert not kept.may_go(date(2029, 11, 22))
        assert kept.may_go(date(2029, 11, 23))
    assert await drop(sessions, host, first, last_minute + timedelta(minutes=1))
    assert await count(sessions) == 0


async def test_two_who_drop_one_each_leave_one(sessions: Sessions) -> None:
    host, show = await ended(sessions)
    both = [await add(sessions, host, show) for _ in range(2)]
    done = await asyncio.gather(*(drop(sessions, host, one) for one in both))
    assert sorted(done) == [False, True]
    assert await count(sessions) == 1


async def test_looking_first_and_dropping_then_would_leave_none(sessions: Sessions) -> None:
    """The naive way: each of two sees two recordings, and each drops one."""
    host, show = await ended(sessions)
    both = [await add(sessions, host, show) for _ in range(2)]
    looked = asyncio.Barrier(2)

    async def naively(recording: Recording) -> bool:
        async with sessions() as session:
            seen = await session.scalar(
                select(func.count()).where(Recording.show_id == recording.show_id)
            )
        await looked.wait()
        if (seen or 0) < 2:
            return False
        async with sessions.begin() as session:
            await session.execute(delete(Recording).where(Recording.id == recording.id))
        return True

    assert await asyncio.gather(*(naively(one) for one in both)) == [True, True]
    assert await count(sessions) == 0


async def test_a_show_whose_recording_is_missing_is_pointed_out(sessions: Sessions) -> None:
    product = await make_product(sessions)
    host, missing = await ended(sessions, product)
    _, has_one = await ended(sessions, product)
    _, late = await ended(sessions, product, NOON + timedelta(hours=1))
    _, rehearsed = await ended(sessions, product)
    await change(sessions, rehearsed, rehearsal=True)
    await make_live_show(sessions, [product])
    await add(sessions, host, has_one)

    async def without(at: datetime) -> list[int]:
        async with sessions() as session:
            return [show.id for show in await shows_without(session, product.station_id, at)]

    week = NOON + timedelta(days=7)
    assert await without(week) == []
    assert await without(week + timedelta(seconds=1)) == [missing.id]
    assert await without(week + timedelta(hours=2)) == [missing.id, late.id]
    assert await without(datetime(2029, 11, 22, 4, tzinfo=UTC)) == [missing.id, late.id]
    assert await without(datetime(2029, 11, 23, 4, tzinfo=UTC)) == []
    elsewhere = await make_station(sessions, "other")
    async with sessions() as session:
        assert await shows_without(session, elsewhere.id, week + timedelta(days=1)) == []


async def test_another_station_neither_sees_nor_touches_it(sessions: Sessions) -> None:
    host, show = await ended(sessions)
    recording = await add(sessions, host, show)
    elsewhere = await make_station(sessions, "other")
    other = act(await make_member(sessions, elsewhere, Role.MANAGER))
    asked: list[Any] = [
        lambda s: add_recording(s, other, show.id, TYPED, NOON),
        lambda s: change_recording(s, other, recording.id, TYPED, NOON),
        lambda s: drop_recording(s, other, recording.id, NOON),
        lambda s: recording_for(s, other, recording.id),
        lambda s: recording_for(s, host, 2**80),
    ]
    for ask in asked:
        with pytest.raises(NotFound):
            async with sessions.begin() as session:
                await ask(session)
    async with sessions() as session:
        assert await list_recordings(session, elsewhere.id) == []
    assert await count(sessions) == 1
