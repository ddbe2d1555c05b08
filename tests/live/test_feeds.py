"""Calendar feeds, read back by the library that calendar programs use."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar
from sqlalchemy import func, select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid, NotAllowed, NotFound
from catalog.models import AuditEntry, Member, Role, Station
from live.feeds import KEPT, MOST_FEEDS, list_feeds, make_feed, read_feed, revoke_feed
from live.models import CalendarFeed, Show, ShowState
from live.scheduling import change_show, schedule_show
from live.volunteers import cancel, set_roles, sign_up
from tests.making import NOON, act, make_member, make_station

HOUR = timedelta(hours=1)
PUBLIC_URL = "https://live.example.org:8443"
NASTY = "换行\n逗号, 分号; 反斜杠\\ END:VEVENT"


async def people(sessions: Sessions) -> tuple[Station, Actor, Actor]:
    """A station, its host and a volunteer of it."""
    station = await make_station(sessions)
    host = await make_member(sessions, station, Role.HOST)
    return station, act(host), act(await make_member(sessions, station, Role.VOLUNTEER))


async def plan(
    sessions: Sessions,
    host: Actor,
    start: timedelta,
    *,
    state: ShowState = ShowState.READY,
    **values: Any,
) -> Show:
    begins = NOON + start
    facts = {"title": "专场", "starts_at": begins, "ends_at": begins + 2 * HOUR, **values}
    async with sessions.begin() as session:
        show = await schedule_show(session, host, facts, begins - HOUR)
        show.state = state
    return show


async def make(sessions: Sessions, actor: Actor, *, personal: bool) -> tuple[CalendarFeed, str]:
    async with sessions.begin() as session:
        return await make_feed(session, actor, personal=personal, now=NOON)


async def read(sessions: Sessions, token: str, now: datetime = NOON) -> list[Mapping[str, Any]]:
    """The events of a feed, the first one first."""
    async with sessions() as session:
        body = await read_feed(session, token, PUBLIC_URL, now)
    events = Calendar.from_ical(body).walk("VEVENT")
    return sorted(events, key=lambda event: event.decoded("dtstart"))


async def count(sessions: Sessions, model: Any) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


async def test_a_show_is_told_in_full_and_nothing_else(sessions: Sessions) -> None:
    _, host, _ = await people(sessions)
    show = await plan(
        sessions, host, HOUR, title=NASTY, place="文化站, 二楼", channels=["抖音", "视频号"]
    )
    _, token = await make(sessions, host, personal=False)
    (event,) = await read(sessions, token)
    assert event["uid"] == f"show-{show.id}@live.example.org"
    assert event["summary"] == "换行 逗号, 分号; 反斜杠\\ END:VEVENT"
    assert event["location"] == "文化站, 二楼"
    assert event["description"] == "主播：host\n平台：抖音、视频号"
    assert event["status"] == "CONFIRMED"
    assert event["url"] == f"{PUBLIC_URL}/shows/{show.id}"
    assert event.decoded("dtstart") == NOON + HOUR
    assert event.decoded("dtend") == NOON + 3 * HOUR
    assert event.decoded("dtstart").tzinfo is not None
    assert sorted(event) == sorted(
        ["UID", "SEQUENCE", "LAST-MODIFIED", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "STATUS",
         "LOCATION", "DESCRIPTION", "URL"]
    )  # fmt: skip


async def test_the_file_is_what_calendar_programs_expect(sessions: Sessions) -> None:
    station, host, _ = await people(sessions)
    await plan(sessions, host, HOUR, title="很长的名字" * 12)
    _, token = await make(sessions, host, personal=False)
    async with sessions() as session:
        body = await read_feed(session, token, PUBLIC_URL, NOON)
        again = await read_feed(session, token, PUBLIC_URL, NOON + HOUR)
    assert body == again
    lines = body.split(b"\r\n")
    assert (lines[0], lines[-2], lines[-1]) == (b"BEGIN:VCALENDAR", b"END:VCALENDAR", b"")
    assert all(len(line) <= 75 for line in lines)
    assert b"DTSTART:20261122T050000Z" in lines
    calendar = Calendar.from_ical(body)
    assert (calendar["version"], calendar["method"]) == ("2.0", "PUBLISH")
    assert calendar["x-wr-calname"] == f"{station.name} 直播"
    assert calendar["x-wr-timezone"] == "Asia/Shanghai"


async def test_a_change_keeps_the_uid_and_counts_up(sessions: Sessions) -> None:
    _, host, _ = await people(sessions)
    show = await plan(sessions, host, HOUR)
    _, token = await make(sessions, host, personal=False)
    (before,) = await read(sessions, token)
    for n in (1, 2):
        async with sessions.begin() as session:
            starts_at = NOON + (1 + n) * HOUR
            values = {"starts_at": starts_at, "ends_at": starts_at + HOUR}
            await change_show(session, host, show.id, values, NOON + n * HOUR)
    (after,) = await read(sessions, token)
    assert (before["sequence"], after["sequence"]) == (0, 2)
    assert before["uid"] == after["uid"]
    assert before.decoded("last-modified") == NOON
    assert after.decoded("last-modified") == after.decoded("dtstamp") == NOON + 2 * HOUR
    assert after.decoded("dtstart") == NOON + 3 * HOUR


async def test_a_feed_of_ones_own_has_what_one_hosts_and_helps_at(sessions: Sessions) -> None:
    station, host, volunteer = await people(sessions)
    other = act(await make_member(sessions, station, Role.HOST))
    hosted = await plan(sessions, host, HOUR, state=ShowState.DRAFT, title="自己的")
    helped = await plan(sessions, other, 5 * HOUR, title="帮忙的", rehearsal=True)
    async with sessions.begin() as session:
        await set_roles(session, other, helped.id, {"camera": 2}, NOON)
        await sign_up(session, host, helped.id, "camera", NOON)
        mine = await sign_up(session, volunteer, helped.id, "camera", NOON)
    _, of_host = await make(sessions, host, personal=True)
    _, of_volunteer = await make(sessions, volunteer, personal=True)
    _, of_station = await make(sessions, host, personal=False)
    told = [(event["summary"], event["status"]) for event in await read(sessions, of_host)]
    assert told == [("自己的", "TENTATIVE"), ("【彩排】帮忙的", "CONFIRMED")]
    draft, _ = await read(sessions, of_host)
    assert draft["uid"] == f"show-{hosted.id}@live.example.org"
    assert "url" not in draft
    assert [e["summary"] for e in await read(sessions, of_volunteer)] == ["【彩排】帮忙的"]
    assert [e["summary"] for e in await read(sessions, of_station)] == ["【彩排】帮忙的"]
    async with sessions.begin() as session:
        await cancel(session, volunteer, mine.id, NOON)
    assert await read(sessions, of_volunteer) == []


async def test_another_stations_shows_and_old_ones_are_not_told(sessions: Sessions) -> None:
    _, host, _ = await people(sessions)
    far = act(await make_member(sessions, await make_station(sessions, "far"), Role.HOST))
    await plan(sessions, far, HOUR)
    await plan(sessions, host, -KEPT - 3 * HOUR, title="很久以前", state=ShowState.ENDED)
    await plan(sessions, host, -KEPT, title="还算近", state=ShowState.ENDED)
    _, token = await make(sessions, host, personal=False)
    assert [event["summary"] for event in await read(sessions, token)] == ["还算近"]


async def test_revoked_unknown_and_left_are_all_not_found(sessions: Sessions) -> None:
    _, host, volunteer = await people(sessions)
    feed, token = await make(sessions, host, personal=False)
    _, own = await make(sessions, volunteer, personal=True)
    async with sessions() as session:
        stored = await session.get_one(CalendarFeed, feed.id)
        assert token not in stored.token_hash
    async with sessions.begin() as session:
        await revoke_feed(session, host, feed.id, NOON)
        await revoke_feed(session, host, feed.id, NOON + HOUR)
        member = await session.get_one(Member, volunteer.member_id)
        member.active = False
    for wrong in (token, own, "", "x" * 500, "表情\U0001f600"):
        with pytest.raises(NotFound):
            await read(sessions, wrong)
    async with sessions() as session:
        kept = await session.get_one(CalendarFeed, feed.id)
        assert kept.revoked_at == datetime(2026, 11, 22, 4, tzinfo=UTC)
        actions = await session.scalars(
            select(AuditEntry.action).where(AuditEntry.subject == "calendar_feeds")
        )
        assert sorted(actions) == [
            "calendar_feed.make", "calendar_feed.make", "calendar_feed.revoke",
        ]  # fmt: skip


async def test_who_may_make_and_revoke(sessions: Sessions) -> None:
    _, host, volunteer = await people(sessions)
    with pytest.raises(NotAllowed):
        await make(sessions, volunteer, personal=False)
    assert await count(sessions, CalendarFeed) == 0
    of_station, _ = await make(sessions, host, personal=False)
    own, _ = await make(sessions, volunteer, personal=True)
    far = act(await make_member(sessions, await make_station(sessions, "far"), Role.MANAGER))
    for actor, feed, refusal in (
        (volunteer, of_station, NotAllowed),
        (far, of_station, NotFound),
        (far, own, NotFound),
    ):
        with pytest.raises(refusal):
            async with sessions.begin() as session:
                await revoke_feed(session, actor, feed.id, NOON)
    async with sessions() as session:
        seen = {
            actor.role: [feed.id for feed, _ in await list_feeds(session, actor)]
            for actor in (host, volunteer, far)
        }
    assert seen == {
        Role.HOST: [own.id, of_station.id], Role.VOLUNTEER: [own.id], Role.MANAGER: [],
    }  # fmt: skip


async def test_there_is_an_end_to_making_feeds(sessions: Sessions) -> None:
    _, host, _ = await people(sessions)
    first, _ = await make(sessions, host, personal=True)
    for _ in range(MOST_FEEDS - 1):
        await make(sessions, host, personal=True)
    with pytest.raises(Invalid, match="先停用一个"):
        await make(sessions, host, personal=True)
    assert await count(sessions, CalendarFeed) == MOST_FEEDS
    async with sessions.begin() as session:
        await revoke_feed(session, host, first.id, NOON)
    await make(sessions, host, personal=True)
    await make(sessions, host, personal=False)
