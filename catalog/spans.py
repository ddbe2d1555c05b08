"""Days in Beijing from one to another, as reports and statements are asked for."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from catalog.checks import BEIJING


@dataclass(frozen=True, slots=True)
class Span:
    """Days in Beijing, both included."""

    since: date
    until: date

    @property
    def starts_at(self) -> datetime:
        """When the first day begins."""
        return day_begins(self.since)

    @property
    def ends_at(self) -> datetime:
        """When the day after the last begins."""
        return day_begins(self.until + timedelta(days=1))

    @property
    def is_month(self) -> bool:
        return self == month_of(self.since)

    @property
    def month_before(self) -> "Span":
        return month_of(self.since.replace(day=1) - timedelta(days=1))

    @property
    def month_after(self) -> "Span":
        return month_of(month_of(self.since).until + timedelta(days=1))

    @property
    def words(self) -> str:
        """ "2026年11月", or "2026-11-03 至 2026-11-20"."""
        if self.is_month:
            return f"{self.since.year}年{self.since.month}月"
        return f"{self.since} 至 {self.until}"


def day_begins(day: date) -> datetime:
    """Midnight in Beijing."""
    return datetime.combine(day, time(), BEIJING)


def month_of(day: date) -> Span:
    """The calendar month that a day is in."""
    first = day.replace(day=1)
    return Span(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))


def read_span(since: str, until: str, today: date) -> Span:
    """What was typed as the first and the last day; where that is no span, the month of today."""
    try:
        span = Span(date.fromisoformat(since), date.fromisoformat(until))
    except ValueError:
        return month_of(today)
    # Near the calendar's ends a day has no beginning or end in another time zone.
    fits = span.since.year >= 2000 and span.since <= span.until and span.until.year <= 2100
    return span if fits else month_of(today)
