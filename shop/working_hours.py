"""Working hours: eight to eight in Beijing, every day. A family is given time in these, not at night."""

from datetime import date, datetime, time, timedelta

from catalog.checks import BEIJING

OPENS, CLOSES = time(8), time(20)
A_DAY = timedelta(hours=12)


def ago(now: datetime, span: timedelta) -> datetime:
    """Whoever was told by then has had `span` of working hours; the end of a day is before a night."""
    day, gone = _place(now)
    days, rest = divmod(span, A_DAY)
    if gone < rest:
        day, gone = day - timedelta(days=1), gone + A_DAY
    return datetime.combine(day - timedelta(days=days), OPENS, BEIJING) + gone - rest


def ahead(now: datetime, span: timedelta) -> datetime:
    """When `span` of working hours will be over; the beginning of a day is after a night."""
    day, gone = _place(now)
    days, rest = divmod(gone + span, A_DAY)
    return datetime.combine(day + timedelta(days=days), OPENS, BEIJING) + rest


def _place(now: datetime) -> tuple[date, timedelta]:
    """A working day, and how much of it is over; a night belongs to the end of the day before."""
    here = now.astimezone(BEIJING)
    if here.time() < OPENS:
        return here.date() - timedelta(days=1), A_DAY
    return here.date(), min(here - datetime.combine(here.date(), OPENS, BEIJING), A_DAY)
