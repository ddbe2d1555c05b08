"""Families' days reckoned one by one, slowly and plainly, without a look at the code that they watch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.checks import BEIJING
from catalog.models import Closure, Kind, Product
from shop.models import OrderLine, WorkOrder, WorkOrderState

DAY = timedelta(days=1)
MORNING, EVENING = time(8), time(20)
IN_HAND = (
    WorkOrderState.WAITING,
    WorkOrderState.NEW,
    WorkOrderState.ACCEPTED,
    WorkOrderState.MAKING,
)


def day_of(at: datetime) -> date:
    return at.astimezone(BEIJING).date()


def worked(since: datetime, until: datetime) -> timedelta:
    """The working hours between two moments."""
    gone = timedelta()
    day = day_of(since)
    while day <= day_of(until):
        begin = max(since, datetime.combine(day, MORNING, BEIJING))
        end = min(until, datetime.combine(day, EVENING, BEIJING))
        gone += max(timedelta(), end - begin)
        day += DAY
    return gone


@dataclass(frozen=True, slots=True)
class Calendar:
    """Who works when, by the closures that stand now: (workshop or None for all, first, last day)."""

    closures: Sequence[tuple[int | None, date, date]]

    def is_open(self, workshop_id: int, day: date) -> bool:
        return not any(
            whose in (None, workshop_id) and begin <= day <= end
            for whose, begin, end in self.closures
        )

    def between(self, workshop_id: int, first: date, last: date) -> int:
        """How many open days there are, both ends included."""
        days = ((first + n * DAY) for n in range((last - first).days + 1))
        return sum(self.is_open(workshop_id, day) for day in days)

    def after(self, workshop_id: int, days: int, first: date) -> date:
        """The day on which so many open days, 1 or more, are over when `first` is the first day."""
        day = first
        while True:
            days -= self.is_open(workshop_id, day)
            if days == 0:
                return day
            day += DAY


@dataclass(frozen=True, slots=True)
class Carving:
    """A work order with something to carve, in days of work."""

    id: int
    workshop_id: int
    state: WorkOrderState
    days: int
    begun_on: date | None
    promised_on: date | None

    def left(self, calendar: Calendar, last: date) -> int:
        """The days that it takes yet when `last` is over."""
        if self.begun_on is None:
            return self.days
        return max(0, self.days - calendar.between(self.workshop_id, self.begun_on, last))


@dataclass(frozen=True, slots=True)
class Work:
    """All that families have in hand, and their days."""

    calendar: Calendar
    carvings: Sequence[Carving]

    def before(self, new: Carving, today: date) -> int:
        """The days in hand when `new` was ordered, today."""
        return sum(
            one.left(self.calendar, today)
            for one in self.carvings
            if one.workshop_id == new.workshop_id and one.id < new.id
        )

    def promise(self, new: Carving, today: date) -> date:
        """For when a work order is promised that was ordered today, after all others."""
        days = max(1, self.before(new, today) + new.days)
        return self.calendar.after(new.workshop_id, days, today + DAY)

    def late(self, today: date) -> Iterator[tuple[Carving, int]]:
        """What comes out later than promised if families work from today on, by open days."""
        gone: dict[int, int] = {}
        for one in sorted(self.carvings, key=lambda one: (one.promised_on or date.max, one.id)):
            whose = one.workshop_id
            gone[whose] = gone.get(whose, 0) + max(1, one.left(self.calendar, today - DAY))
            likely_on = self.calendar.after(whose, gone[whose], today)
            if one.promised_on is not None and likely_on > one.promised_on:
                yield one, self.calendar.between(whose, one.promised_on + DAY, likely_on)


async def read_calendar(session: AsyncSession) -> Calendar:
    query = select(Closure.workshop_id, Closure.begins_on, Closure.ends_on)
    rows = await session.execute(query.where(Closure.removed_at.is_(None)))
    return Calendar([(row[0], row[1], row[2]) for row in rows])


async def read_work(session: AsyncSession) -> Work:
    """What is in hand as it stands in the database."""
    query = (
        select(
            WorkOrder.id,
            WorkOrder.workshop_id,
            WorkOrder.state,
            func.sum(OrderLine.quantity * Product.work_days).label("days"),
            WorkOrder.started_at,
            WorkOrder.promised_on,
        )
        .join(OrderLine, OrderLine.work_order_id == WorkOrder.id)
        .join(Product, Product.id == OrderLine.product_id)
        .where(Product.kind == Kind.MADE_TO_ORDER, WorkOrder.state.in_(IN_HAND))
        .group_by(WorkOrder.id)
    )
    carvings = [
        Carving(
            row.id,
            row.workshop_id,
            row.state,
            int(row.days),
            day_of(row.started_at) if row.started_at else None,
            row.promised_on,
        )
        for row in await session.execute(query)
    ]
    return Work(await read_calendar(session), carvings)
