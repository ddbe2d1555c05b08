"""The calendar's weeks and months: every show in its place, and none on top of another."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.access import Actor
from catalog.db import Sessions
from catalog.models import Role
from catalog.spans import Span, day_begins
from live.calendar import (
    COLUMNS,
    View,
    Week,
    beside,
    days_of,
    may_begin,
    month_weeks,
    read_day,
    read_view,
    shows_in,
    span_of,
    week_table,
)
from live.models import Show
from live.scheduling import schedule_show
from tests.making import NOON, act, make_member, make_station

MONDAY = date(2026, 11, 16)
WEEK = Span(MONDAY, date(2026, 11, 22))
TODAY = date(2026, 11, 22)


def show(day: int, start: str, minutes: int, title: str = "专场") -> Show:
    """A show that begins `day` days after the Monday."""
    hours, _, rest = start.partition(":")
    begins = day_begins(MONDAY + timedelta(days=day))
    begins += timedelta(hours=int(hours), minutes=int(rest))
    return Show(title=title, starts_at=begins, ends_at=begins + timedelta(minutes=minutes))


def layout(shows: list[Show], day: int) -> list[tuple[str, int, int, int, int]]:
    """Title, first and last half hour, lane and lanes of what is in one day."""
    groups = days_of(shows, WEEK)[day].groups
    return [
        (piece.show.title, piece.first, piece.end, piece.lane, len(group.lanes))
        for group in groups
        for piece in group.pieces
    ]


def test_a_show_takes_the_half_hours_that_it_touches() -> None:
    assert layout([show(0, "19:30", 120)], 0) == [("专场", 39, 43, 0, 1)]
    assert layout([show(0, "19:40", 15)], 0) == [("专场", 39, 40, 0, 1)]
    assert layout([show(0, "19:45", 30)], 0) == [("专场", 39, 41, 0, 1)]
    assert layout([show(0, "19:30", 120)], 1) == []


def test_shows_at_one_time_stand_beside_each_other() -> None:
    shows = [
        show(0, "9:00", 180, "长"),
        show(0, "9:30", 60, "短"),
        show(0, "10:40", 60, "后来"),
        show(0, "12:00", 60, "另一群"),
    ]
    assert layout(shows, 0) == [
        ("长", 18, 24, 0, 2),
        ("短", 19, 21, 1, 2),
        ("后来", 21, 24, 1, 2),
        ("另一群", 24, 26, 0, 1),
    ]


def test_a_show_past_midnight_is_in_both_days() -> None:
    night = show(0, "23:00", 120)
    assert layout([night], 0) == [("专场", 46, 48, 0, 1)]
    assert layout([night], 1) == [("专场", 0, 2, 0, 1)]
    monday, tuesday = (day.pieces[0] for day in days_of([night], WEEK)[:2])
    assert not monday.goes_on_from(MONDAY)
    assert tuesday.goes_on_from(MONDAY + timedelta(days=1))


def test_a_week_shows_the_usual_hours_and_those_with_shows() -> None:
    usual = week_table([], WEEK)
    assert (usual.rows[0].at, usual.rows[-1].at, len(usual.rows)) == ("07:00", "22:30", 32)
    wider = week_table([show(2, "4:45", 30), show(3, "22:50", 30)], WEEK)
    assert (wider.rows[0].at, wider.rows[-1].at) == ("04:00", "23:30")
    assert [row.at for row in wider.rows if row.full][:4] == ["04:00", "05:00", "07:00", "08:00"]
    assert [row.at for row in wider.rows if row.after_gap] == ["07:00"]
    assert [row.at for row in usual.rows if row.after_gap] == []


def filled(week: Week) -> list[list[int]]:
    """How often each place of the table is covered, as a browser would lay its cells out."""
    width = 7 * week.columns
    covered = [[0] * width for _ in week.rows]
    for n, row in enumerate(week.rows):
        at = 0
        for cell in row.cells:
            while covered[n][at]:
                at += 1
            for down in range(cell.rows):
                for across in range(cell.columns):
                    covered[n + down][at + across] += 1
    return covered


@given(
    st.lists(
        st.builds(
            show,
            day=st.integers(0, 6),
            start=st.builds("{}:{}".format, st.integers(0, 23), st.integers(0, 59)),
            minutes=st.integers(1, 720),
        ),
        max_size=25,
    )
)
def test_no_show_ever_covers_another_and_no_place_stays_open(shows: list[Show]) -> None:
    shows.sort(key=lambda one: one.starts_at)
    week = week_table(shows, WEEK)
    assert all(times == 1 for row in filled(week) for times in row)
    pieces = [cell.piece for row in week.rows for cell in row.cells if cell.piece]
    assert len(pieces) == sum(len(day.pieces) for day in week.days)
    assert {id(piece.show) for piece in pieces} == {id(one) for one in shows}


def test_more_shows_at_once_than_columns_still_have_a_place_each() -> None:
    week = week_table([show(0, "9:00", 60, str(n)) for n in range(COLUMNS + 3)], WEEK)
    assert week.columns == COLUMNS + 3
    assert all(times == 1 for row in filled(week) for times in row)


def test_a_month_is_shown_in_whole_weeks() -> None:
    november = span_of(View.MONTH, TODAY)
    weeks = month_weeks([show(13, "9:00", 60)], november)
    assert [len(week) for week in weeks] == [7] * 6
    days = [day for week in weeks for day in week]
    assert (days[0].date, days[-1].date) == (date(2026, 10, 26), date(2026, 12, 6))
    assert [day.date for day in days if not day.outside] == [
        date(2026, 11, day) for day in range(1, 31)
    ]
    assert [day.date for day in days if day.pieces] == [date(2026, 11, 29)]


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("2026-12-31", date(2026, 12, 31)),
        ("", TODAY),
        ("gestern", TODAY),
        ("2026-02-30", TODAY),
        ("1999-12-31", TODAY),
        ("9999-12-31", TODAY),
    ],
)
def test_an_address_names_a_day_or_it_is_today(typed: str, day: date) -> None:
    assert read_day(typed, TODAY) == day


def test_an_address_names_a_view_or_it_is_the_week() -> None:
    assert [read_view(typed) for typed in ("month", "week", "", "year")] == [
        View.MONTH, View.WEEK, View.WEEK, View.WEEK,
    ]  # fmt: skip


def test_one_turns_the_pages_as_far_as_the_calendar_goes() -> None:
    assert beside(View.WEEK, TODAY, 1) == date(2026, 11, 29)
    assert beside(View.MONTH, date(2026, 1, 31), 1) == date(2026, 2, 1)
    assert beside(View.MONTH, date(2026, 3, 31), -1) == date(2026, 2, 28)
    assert beside(View.MONTH, date(2100, 12, 5), 1) is None
    assert beside(View.WEEK, date(2000, 1, 3), -1) is None


def test_a_free_half_hour_opens_the_form_until_it_lies_too_far_back() -> None:
    assert may_begin(NOON, NOON)
    assert may_begin(NOON, NOON + timedelta(minutes=15))
    assert not may_begin(NOON, NOON + timedelta(minutes=16))


async def test_only_the_stations_shows_that_touch_the_days_are_read(sessions: Sessions) -> None:
    station = await make_station(sessions)
    host = act(await make_member(sessions, station, Role.HOST))
    far = act(await make_member(sessions, await make_station(sessions, "far"), Role.HOST))
    midnight = day_begins(MONDAY)

    async def plan(actor: Actor, start: datetime) -> None:
        values: dict[str, Any] = {"title": f"{start:%d %H}", "starts_at": start}
        values["ends_at"] = start + timedelta(hours=2)
        async with sessions.begin() as session:
            await schedule_show(session, actor, values, midnight - timedelta(days=9))

    await plan(host, midnight - timedelta(hours=2))
    await plan(host, midnight + timedelta(hours=1))
    await plan(host, day_begins(date(2026, 11, 22)) + timedelta(hours=23))
    await plan(host, day_begins(date(2026, 11, 23)) + timedelta(hours=2))
    await plan(far, midnight + timedelta(hours=5))
    async with sessions() as session:
        found = await shows_in(session, station.id, WEEK)
    assert [one.title for one in found] == ["16 01", "22 23"]
    assert [(one.host.id, one.cover) for one in found] == [(host.member_id, None)] * 2
