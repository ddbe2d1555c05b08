"""The station's shows laid out by week and by month, in Beijing's days.

A week is a table of half hours. A show takes the half hours that it touches; shows that touch the
same one stand in lanes beside each other, so that none ever covers another.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog.checks import BEIJING
from catalog.spans import Span, day_begins, month_of
from live.models import Show
from live.scheduling import LATE_AT_MOST

SLOT = timedelta(minutes=30)
SLOTS = 48
# What is shown of a day even when nothing happens: from seven in the morning to eleven at night.
FIRST, LAST = 14, 46
# Columns of a day: two, three, four and six lanes share them evenly.
COLUMNS = 12
MOST_SHOWS = 500


class View(StrEnum):
    """How much of the calendar is on the page."""

    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a show that is in one day: half hours `first` to before `end`, in a lane."""

    show: Show
    first: int
    end: int
    lane: int

    def goes_on_from(self, day: date) -> bool:
        """Whether the show began before the day that this part is in."""
        return self.show.starts_at < day_begins(day)


@dataclass(slots=True)
class Group:
    """Pieces of one day that touch each other, and until when each of their lanes is taken."""

    pieces: list[Piece]
    lanes: list[int]

    def has(self, slot: int) -> bool:
        return self.pieces[0].first <= slot < max(self.lanes)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the week's table: a piece, or half an hour that is free, `at` its beginning."""

    rows: int
    columns: int
    piece: Piece | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Day:
    """One day and what is in it, the earliest first; `outside` the month that is shown."""

    date: date
    groups: tuple[Group, ...]
    outside: bool = False

    @property
    def pieces(self) -> list[Piece]:
        return [piece for group in self.groups for piece in group.pieces]


@dataclass(frozen=True, slots=True)
class Row:
    """Half an hour of all days; `full` where an hour begins, `after_gap` where some were left out."""

    at: str
    full: bool
    after_gap: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """The table of a week: its days, each `columns` wide, and its half hours."""

    days: tuple[Day, ...]
    columns: int
    rows: tuple[Row, ...]


def read_day(typed: str, today: date) -> date:
    """The day that an address names; today where it names none that a calendar shows."""
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return today
    return day if _shown(day) else today


def _shown(day: date) -> bool:
    return 2000 <= day.year <= 2100


def read_view(typed: str) -> View:
    """The view that an address names, or the week."""
    return View(typed) if typed in set(View) else View.WEEK


def span_of(view: View, day: date) -> Span:
    """The week from Monday, or the month, that a day is in."""
    if view == View.MONTH:
        return month_of(day)
    monday = day - timedelta(days=day.weekday())
    return Span(monday, monday + timedelta(days=6))


def beside(view: View, day: date, step: int) -> date | None:
    """A day in the week or month before (-1) or after (1); None where the calendar ends."""
    span = span_of(view, day)
    edge = span.since - timedelta(days=1) if step < 0 else span.until + timedelta(days=1)
    day = edge if view == View.MONTH else day + step * timedelta(days=7)
    return day if _shown(day) else None


async def shows_in(session: AsyncSession, station_id: int, span: Span) -> list[Show]:
    """The station's shows that touch these days, with host and cover, the earliest first."""
    query = (
        select(Show)
        .where(
            Show.station_id == station_id,
            Show.ends_at > span.starts_at,
            Show.starts_at < span.ends_at,
        )
        .options(joinedload(Show.host), joinedload(Show.cover))
        .order_by(Show.starts_at, Show.id)
        .limit(MOST_SHOWS)
    )
    return list(await session.scalars(query))


def days_of(shows: Sequence[Show], span: Span) -> list[Day]:
    """Every day of the span with its shows."""
    count = (span.until - span.since).days + 1
    dates = [span.since + timedelta(days=n) for n in range(count)]
    return [Day(day, tuple(_groups(shows, day))) for day in dates]


def month_weeks(shows: Sequence[Show], month: Span) -> list[list[Day]]:
    """The weeks that a month touches, whole."""
    days = [
        Day(day.date, day.groups, outside=not month.since <= day.date <= month.until)
        for day in days_of(shows, around(month))
    ]
    return [days[n : n + 7] for n in range(0, len(days), 7)]


def around(span: Span) -> Span:
    """The whole weeks that a span touches."""
    return Span(span_of(View.WEEK, span.since).since, span_of(View.WEEK, span.until).until)


def week_table(shows: Sequence[Show], week: Span) -> Week:
    """The usual hours of a week, and those of the night that shows are in."""
    days = tuple(days_of(shows, week))
    pieces = [piece for day in days for piece in day.pieces]
    slots = set(range(FIRST, LAST)).union(*(range(piece.first, piece.end) for piece in pieces))
    hours = {slot // 2 for slot in slots}
    columns = max([COLUMNS, *(len(group.lanes) for day in days for group in day.groups)])
    rows = tuple(
        Row(
            at=f"{slot // 2:02}:{slot % 2 * 30:02}",
            full=slot % 2 == 0,
            after_gap=slot % 2 == 0 and slot // 2 - 1 not in hours and slot // 2 != min(hours),
            cells=tuple(cell for day in days for cell in _cells(day, slot, columns)),
        )
        for slot in range(SLOTS)
        if slot // 2 in hours
    )
    return Week(days, columns, rows)


def may_begin(at: datetime, now: datetime) -> bool:
    """Whether a show may still be scheduled to begin at the start of a free half hour."""
    return at >= now - LATE_AT_MOST


def _groups(shows: Iterable[Show], day: date) -> list[Group]:
    """A day's shows in groups that touch, each piece in the first lane of its group that is free."""
    groups: list[Group] = []
    for show in shows:
        first = max(math.floor((show.starts_at - day_begins(day)) / SLOT), 0)
        end = min(math.ceil((show.ends_at - day_begins(day)) / SLOT), SLOTS)
        if first >= end:
            continue
        if not groups or not groups[-1].has(first):
            groups.append(Group([], []))
        lanes = groups[-1].lanes
        lane = next((n for n, taken in enumerate(lanes) if taken <= first), len(lanes))
        lanes[lane : lane + 1] = [end]
        groups[-1].pieces.append(Piece(show, first, end, lane))
    return groups


def _cells(day: Day, slot: int, columns: int) -> Iterator[Cell]:
    """The cells of a day that begin in this half hour; a piece that goes on has none."""
    at = day_begins(day.date) + slot * SLOT
    group = next((group for group in day.groups if group.has(slot)), Group([], [0]))
    lanes = len(group.lanes)
    for lane in range(lanes):
        width = columns * (lane + 1) // lanes - columns * lane // lanes
        piece = next((p for p in group.pieces if p.lane == lane and p.first <= slot < p.end), None)
        if piece is None:
            yield Cell(1, width, None, at)
        elif piece.first == slot:
            yield Cell(piece.end - piece.first, width, piece, at)


def today_in_beijing(now: datetime) -> date:
    """The day that it is in Beijing."""
    return now.astimezone(BEIJING).date()
