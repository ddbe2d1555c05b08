"""Scheduling without two shows in one place, and the states that a show goes through."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid, NotFound
from catalog.models import AuditEntry, Photo, PhotoState, Role
from live.agenda import agenda
from live.errors import OverlappingShow, WrongShowState
from live.lineup import put_line_up
from live.models import Airing, Show, ShowState
from live.on_air import end_show, show_now, start_show
from live.scheduling import change_show, schedule_show
from live.shows import list_shows, show_for
from tests.live.acting import host_of, make_photo, member_of, sibling
from tests.making import NOON, act, make_live_show, make_member, make_product, make_station

HOUR = timedelta(hours=1)
WEEK_BEFORE = NOON - timedelta(days=7)


async def make_host(sessions: Sessions) -> Actor:
    return act(await make_member(sessions, await make_station(sessions), Role.HOST))


def facts(start: timedelta = HOUR, length: timedelta = 2 * HOUR, **values: Any) -> dict[str, Any]:
    """A show that begins `start` after noon."""
    begins = NOON + start
    return {"title": "专场", "starts_at": begins, "ends_at": begins + length, **values}


async def schedule(
    sessions: Sessions, actor: Actor, values: dict[str, Any], now: datetime = WEEK_BEFORE
) -> Show:
    async with sessions.begin() as session:
        return await schedule_show(session, actor, values, now)


async def count(sessions: Sessions) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(Show)) or 0


async def test_a_show_is_kept_as_typed_in_beijing_time(sessions: Sessions) -> None:
    host = await make_host(sessions)
    typed = {
        "title": " 周六晚 · 木雕专场 ",
        "starts_at": "2026-11-28T19:30",
        "ends_at": "2026-11-28T21:30",
        "place": "文化站二楼",
        "channels": ["抖音", "视频号"],
        "host_id": str(host.member_id),
    }
    show = await schedule(sessions, host, typed)
    assert show.title == "周六晚 · 木雕专场"
    assert show.starts_at.isoformat() == "2026-11-28T11:30:00+00:00"
    assert show.ends_at - show.starts_at == 2 * HOUR
    assert (show.state, show.channels) == (ShowState.DRAFT, ["抖音", "视频号"])
    async with sessions() as session:
        entry = await session.scalar(select(AuditEntry).where(AuditEntry.subject == "shows"))
    assert entry is not None
    assert (entry.action, entry.member_id) == ("show.schedule", host.member_id)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"title": " "}, "title"),
        ({"ends_at": NOON}, "ends_at"),
        ({"ends_at": NOON + HOUR}, "ends_at"),
        ({"ends_at": NOON + 41 * HOUR}, "ends_at"),
        ({"starts_at": "soon"}, "starts_at"),
        ({"host_id": 999_999}, "host_id"),
        ({"channels": ["广播"]}, "channels"),
    ],
)
async def test_what_can_not_be_a_show_is_refused(
    sessions: Sessions, values: dict[str, Any], field: str
) -> None:
    host = await make_host(sessions)
    with pytest.raises(Invalid) as refused:
        await schedule(sessions, host, facts() | values)
    assert list(refused.value.errors) == [field]
    assert await count(sessions) == 0


async def test_another_stations_member_can_not_be_the_host(sessions: Sessions) -> None:
    host = await make_host(sessions)
    stranger = await make_member(sessions, await make_station(sessions, "other"), Role.HOST)
    with pytest.raises(Invalid) as refused:
        await schedule(sessions, host, facts(host_id=stranger.id))
    assert refused.value.errors == {"host_id": "请选择本站的主播或管理员。"}


@pytest.mark.parametrize(
    ("start", "length", "fits"),
    [
        (HOUR, 2 * HOUR, False),
        (2 * HOUR, 4 * HOUR, False),
        (-2 * HOUR, 12 * HOUR, False),
        (timedelta(hours=3, minutes=14), HOUR, False),
        (timedelta(hours=3, minutes=15), HOUR, True),
        (-HOUR, timedelta(hours=1, minutes=46), False),
        (-HOUR, timedelta(hours=1, minutes=45), True),
    ],
)
async def test_a_host_has_fifteen_minutes_between_shows(
    sessions: Sessions, start: timedelta, length: timedelta, fits: bool
) -> None:
    host = await make_host(sessions)
    await schedule(sessions, host, facts(title="先排的"))
    if fits:
        await schedule(sessions, host, facts(start, length))
    else:
        with pytest.raises(OverlappingShow, match="先排的") as refused:
            await schedule(sessions, host, facts(start, length))
        assert "这位主播已经排了“先排的”（11月22日 13:00–15:00）" in refused.value.text
    assert await count(sessions) == (2 if fits else 1)


async def test_two_hosts_can_not_share_a_place_but_may_have_none(sessions: Sessions) -> None:
    station = await make_station(sessions)
    first, second = [act(await make_member(sessions, station, Role.HOST)) for _ in range(2)]
    await schedule(sessions, first, facts(place="文化站"))
    with pytest.raises(OverlappingShow, match="地点"):
        await schedule(sessions, second, facts(place="文化站"))
    await schedule(sessions, second, facts(place=""))
    third = act(await make_member(sessions, station, Role.HOST))
    await schedule(sessions, third, facts(place=""))


async def test_another_stations_show_is_not_in_the_way(sessions: Sessions) -> None:
    one = await make_host(sessions)
    other = act(await make_member(sessions, await make_station(sessions, "other"), Role.HOST))
    await schedule(sessions, one, facts(place="文化站"))
    await schedule(sessions, other, facts(place="文化站"))


async def test_a_change_is_held_against_other_shows_and_not_against_itself(
    sessions: Sessions,
) -> None:
    host = await make_host(sessions)
    await schedule(sessions, host, facts(title="先排的"))
    show = await schedule(sessions, host, facts(4 * HOUR))
    async with sessions.begin() as session:
        await change_show(session, host, show.id, {"title": "改了名"}, NOON)
    with pytest.raises(OverlappingShow, match="先排的"):
        async with sessions.begin() as session:
            await change_show(session, host, show.id, {"starts_at": NOON + 2 * HOUR}, NOON)
    async with sessions() as session:
        kept = await show_for(session, host, show.id)
    assert (kept.title, kept.starts_at) == ("改了名", NOON + 4 * HOUR)


async def outcome(sessions: Sessions, actor: Actor) -> bool:
    try:
        await schedule(sessions, actor, facts())
    except OverlappingShow:
        return False
    return True


async def test_of_four_who_save_at_once_one_gets_the_time(sessions: Sessions) -> None:
    host = await make_host(sessions)
    outcomes = await asyncio.gather(*(outcome(sessions, host) for _ in range(4)))
    assert sorted(outcomes) == [False, False, False, True]
    assert await count(sessions) == 1


async def test_looking_before_writing_alone_would_book_twice(sessions: Sessions) -> None:
    """The twin of the test above, without the lock: both look, then both write."""
    host = await make_host(sessions)
    looked = asyncio.Barrier(2)

    async def naive() -> None:
        async with sessions() as session:
            taken = await list_shows(session, host.station_id)
        await looked.wait()
        if not taken:
            async with sessions.begin() as session:
                row = facts() | {"station_id": host.station_id, "host_id": host.member_id}
                session.add(Show(**row))

    await asyncio.gather(naive(), naive())
    assert await count(sessions) == 2


async def test_the_states_of_a_show_in_their_order(sessions: Sessions) -> None:
    product = await make_product(sessions)
    live = await make_live_show(sessions, [product])
    host = await host_of(sessions, live)
    assert (live.state, live.started_at) == (ShowState.LIVE, NOON)
    async with sessions.begin() as session:
        again = await start_show(session, host, live.id, NOON + HOUR)
        assert again.started_at == NOON
    with pytest.raises(Invalid, match="state"):
        async with sessions.begin() as session:
            await change_show(session, host, live.id, {"state": "draft"}, NOON)
    async with sessions.begin() as session:
        await end_show(session, host, live.id, NOON + HOUR)
    async with sessions.begin() as session:
        ended = await end_show(session, host, live.id, NOON + 2 * HOUR)
        assert (ended.state, ended.ended_at) == (ShowState.ENDED, NOON + HOUR)
        assert ended.now_item_id is None
    for refused in (
        lambda s: start_show(s, host, live.id, NOON),
        lambda s: show_now(s, host, live.id, ended.items[0].id, NOON),
        lambda s: change_show(s, host, live.id, {"title": "晚了"}, NOON),
        lambda s: put_line_up(s, host, live.id, [], NOON),
    ):
        with pytest.raises(WrongShowState):
            async with sessions.begin() as session:
                await refused(session)


async def test_a_show_without_a_line_up_is_not_ready_and_not_started(sessions: Sessions) -> None:
    host = await make_host(sessions)
    show = await schedule(sessions, host, facts())
    with pytest.raises(Invalid, match="讲解单还是空的"):
        async with sessions.begin() as session:
            await change_show(session, host, show.id, {"state": "ready"}, NOON)
    with pytest.raises(WrongShowState, match="空的"):
        async with sessions.begin() as session:
            await start_show(session, host, show.id, NOON)
    with pytest.raises(WrongShowState, match="还没有开播"):
        async with sessions.begin() as session:
            await end_show(session, host, show.id, NOON)
    async with sessions() as session:
        assert (await show_for(session, host, show.id)).state == ShowState.DRAFT


async def test_airings_follow_each_other_without_a_gap(sessions: Sessions) -> None:
    product = await make_product(sessions)
    second = await sibling(sessions, product)
    show = await make_live_show(sessions, [product, second])
    host = await host_of(sessions, show)
    first_item, second_item = [item.id for item in show.items]
    for minutes, item in ((5, second_item), (6, second_item), (9, first_item)):
        async with sessions.begin() as session:
            await show_now(session, host, show.id, item, NOON + timedelta(minutes=minutes))
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await show_now(session, host, show.id, 999_999, NOON)
    async with sessions.begin() as session:
        await end_show(session, host, show.id, NOON + HOUR)
    async with sessions() as session:
        airings = list(await session.scalars(select(Airing).order_by(Airing.id)))
    spans = [
        (a.line_up_item_id, *((t - NOON).seconds // 60 for t in (a.started_at, a.ended_at) if t))
        for a in airings
    ]
    assert spans == [(first_item, 0, 5), (second_item, 5, 9), (first_item, 9, 60)]


async def test_another_station_does_not_find_the_show(sessions: Sessions) -> None:
    host = await make_host(sessions)
    show = await schedule(sessions, host, facts())
    other = act(await make_member(sessions, await make_station(sessions, "other"), Role.MANAGER))
    for asked in (
        lambda s: show_for(s, other, show.id),
        lambda s: change_show(s, other, show.id, {"title": "x"}, NOON),
        lambda s: start_show(s, other, show.id, NOON),
        lambda s: end_show(s, other, show.id, NOON),
        lambda s: show_for(s, host, 2**80),
    ):
        with pytest.raises(NotFound):
            async with sessions.begin() as session:
                await asked(session)


async def test_the_agenda_puts_what_is_on_air_among_what_comes(sessions: Sessions) -> None:
    product = await make_product(sessions)
    live = await make_live_show(sessions, [product])
    host = await host_of(sessions, live)
    for start in (3 * HOUR, 30 * HOUR, -30 * HOUR, -50 * HOUR):
        await schedule(sessions, host, facts(start, title=str(start)))
    late = NOON + timedelta(hours=2, minutes=30)
    async with sessions() as session:
        coming, over = await agenda(session, host.station_id, late)
        only, _ = await agenda(session, host.station_id, late, states=(ShowState.LIVE,))
        _, older = await agenda(session, host.station_id, late, before=over[0].starts_at)
    assert [show.title for show in coming] == ["周日专场", str(3 * HOUR), str(30 * HOUR)]
    assert [show.title for show in over] == [str(-30 * HOUR), str(-50 * HOUR)]
    assert [show.id for show in only] == [live.id]
    assert [show.title for show in older] == [str(-50 * HOUR)]


@pytest.mark.parametrize("day", ["2027-03-14", "2027-03-28", "2027-10-31", "2027-11-07"])
async def test_beijing_has_no_clock_change_when_others_have_one(
    sessions: Sessions, day: str
) -> None:
    """Days on which America or Europe skips or repeats an hour, each hour of them typed."""
    host = await make_host(sessions)
    midnight = datetime.fromisoformat(f"{day}T00:00+08:00")
    assert midnight.utcoffset() == 8 * HOUR
    for hour in range(24):
        typed = {"starts_at": f"{day}T{hour:02}:00", "ends_at": f"{day}T{hour:02}:30"}
        show = await schedule(sessions, host, {"title": "专场", **typed})
        assert show.starts_at == midnight + hour * HOUR
        assert show.starts_at.isoformat().endswith(f"T{(hour - 8) % 24:02}:00:00+00:00")
        assert show.ends_at - show.starts_at == HOUR / 2
    assert await count(sessions) == 24


async def test_a_time_with_another_zone_is_the_same_moment(sessions: Sessions) -> None:
    host = await make_host(sessions)
    # Half past three in New York, an hour after its clocks went forward.
    typed = {"starts_at": "2027-03-14T03:30-04:00", "ends_at": "2027-03-14T04:30-04:00"}
    show = await schedule(sessions, host, {"title": "专场", **typed})
    assert show.starts_at.isoformat() == "2027-03-14T07:30:00+00:00"


@pytest.mark.parametrize(("minutes", "fits"), [(15, True), (16, False), (24 * 60, False)])
async def test_a_new_show_does_not_begin_in_the_past(
    sessions: Sessions, minutes: int, fits: bool
) -> None:
    host = await make_host(sessions)
    values = facts(-timedelta(minutes=minutes))
    if fits:
        await schedule(sessions, host, values, NOON)
    else:
        with pytest.raises(Invalid) as refused:
            await schedule(sessions, host, values, NOON)
        assert refused.value.errors == {
            "starts_at": "开始时间已经过去了，现在是北京时间 12:00。请换个以后的时间。"
        }
    assert await count(sessions) == fits


async def test_a_show_whose_time_has_passed_may_change_in_all_but_its_start(
    sessions: Sessions,
) -> None:
    host = await make_host(sessions)
    show = await schedule(sessions, host, facts(timedelta(seconds=20)))
    later = NOON + 24 * HOUR
    # As a form sends it, without the seconds.
    typed = {"title": "改了名", "starts_at": "2026-11-22T12:00", "ends_at": show.ends_at}
    async with sessions.begin() as session:
        await change_show(session, host, show.id, typed, later)
    with pytest.raises(Invalid) as refused:
        async with sessions.begin() as session:
            await change_show(session, host, show.id, {"starts_at": NOON + HOUR}, later)
    assert list(refused.value.errors) == ["starts_at"]
    async with sessions() as session:
        kept = await show_for(session, host, show.id)
    assert (kept.title, kept.starts_at) == ("改了名", NOON)


async def test_whether_it_is_a_rehearsal_is_settled_once_it_was_on_air(
    sessions: Sessions,
) -> None:
    product = await make_product(sessions)
    station_host = await member_of(sessions, product, Role.HOST)
    host = act(station_host)
    show = await schedule(sessions, host, facts(rehearsal="1"))
    assert show.rehearsal is True
    async with sessions.begin() as session:
        await change_show(session, host, show.id, {"rehearsal": ""}, NOON)
        await change_show(session, host, show.id, {"rehearsal": True}, NOON)
        await put_line_up(session, host, show.id, [{"product": product.id}], NOON)
        await start_show(session, host, show.id, NOON)
    with pytest.raises(Invalid) as refused:
        async with sessions.begin() as session:
            await change_show(session, host, show.id, {"rehearsal": False}, NOON)
    assert refused.value.errors == {"rehearsal": "已经开播过，不能再改是不是彩排。"}
    async with sessions.begin() as session:
        kept = await change_show(session, host, show.id, {"title": "改了名"}, NOON)
    assert (kept.title, kept.rehearsal) == ("改了名", True)


async def test_a_cover_is_a_photo_of_the_line_up(sessions: Sessions) -> None:
    product = await make_product(sessions)
    outside = await sibling(sessions, product)
    host = act(await member_of(sessions, product, Role.HOST))
    photo = await make_photo(sessions, product)
    waiting = await make_photo(sessions, product, state=PhotoState.WAITING)
    other = await make_photo(sessions, outside)
    show = await schedule(sessions, host, facts())
    async with sessions.begin() as session:
        await put_line_up(session, host, show.id, [{"product": product.id}], NOON)
        await change_show(session, host, show.id, {"cover_photo_id": str(photo.id)}, NOON)
    for wrong in (other.id, waiting.id, 999_999):
        with pytest.raises(Invalid) as refused:
            async with sessions.begin() as session:
                await change_show(session, host, show.id, {"cover_photo_id": wrong}, NOON)
        assert refused.value.errors == {"cover_photo_id": "封面要从这一场讲解单的照片里选。"}
    with pytest.raises(Invalid):
        await schedule(sessions, host, facts(10 * HOUR, cover_photo_id=photo.id))
    async with sessions() as session:
        kept = await show_for(session, host, show.id)
        assert kept.cover is not None
        assert kept.cover.folder == photo.folder
    # The product leaves the line-up: its picture stays the cover until another is chosen.
    async with sessions.begin() as session:
        await put_line_up(session, host, show.id, [{"product": outside.id}], NOON)
    async with sessions.begin() as session:
        stays = await change_show(session, host, show.id, {"cover_photo_id": photo.id}, NOON)
        assert stays.cover_photo_id == photo.id
    async with sessions.begin() as session:
        await session.delete(await session.get_one(Photo, photo.id))
    async with sessions() as session:
        assert (await show_for(session, host, show.id)).cover is None
