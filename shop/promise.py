"""The day by which a workshop will have carved what was ordered, after what it has in hand.

`docs/promises.md` has the rule and worked examples. The reckoning stands by itself: days and spans
in, a day out; `queues` reads what it needs from the database.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.checks import BEIJING
from catalog.models import Closure, Kind, Product, Workshop
from shop.models import OrderLine, WorkOrder, WorkOrderState

Span = tuple[date, date]
"""Days that are closed, both ends included."""

DAY = timedelta(days=1)
# A century: whoever orders more gets this day, and the calendar does not end before the queue.
MOST_DAYS = 36_500
# How far back a closure still matters, for work that was begun before it.
_LOOK_BACK = timedelta(days=365)

# Work in hand counts for a promised date from the moment it is ordered until it is done.
IN_HAND = (
    WorkOrderState.WAITING,
    WorkOrderState.NEW,
    WorkOrderState.ACCEPTED,
    WorkOrderState.MAKING,
)


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same days as spans that neither touch nor overlap, by day."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1] + DAY:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def open_day(days: int, first: date, closed: Sequence[Span]) -> date:
    """The `days`-th open day, 1 or more, from `first` on; `closed` is as `merged` leaves it."""
    day = first + (min(days, MOST_DAYS) - 1) * DAY
    for begin, end in closed:
        if end >= first:
            begin = max(begin, first)
            if begin > day:
                break
            day += end - begin + DAY
    return day


def open_days(first: date, until: date, closed: Sequence[Span]) -> int:
    """How many open days there are from `first` to before `until`."""
    shut = sum(max(0, (min(end + DAY, until) - max(begin, first)).days) for begin, end in closed)
    return max(0, (until - first).days - shut)


@dataclass(frozen=True, slots=True)
class Job:
    """A work order in hand: its days of carving in all, and the day on which it was begun."""

    days: int
    begun_on: date | None = None
    work_order_id: int = 0
    promised_on: date | None = None

    def left(self, first: date, closed: Sequence[Span]) -> int:
        """The days it still takes when the next day of work is `first`."""
        if self.begun_on is None:
            return self.days
        return max(0, self.days - open_days(self.begun_on, first, closed))


@dataclass(slots=True)
class Queue:
    """What a workshop has in hand, by promised day, and when it works; `capacity` 0 is no limit."""

    jobs: list[Job] = field(default_factory=list)
    closed: Sequence[Span] = ()
    capacity: int = 0

    def in_hand(self, today: date) -> int:
        """The days of carving that are promised and not done when today is over."""
        return sum(job.left(today + DAY, self.closed) for job in self.jobs)

    def promise(self, days: int, today: date) -> date:
        """The day by which an order of so many days of carving would be done."""
        return open_day(max(1, self.in_hand(today) + days), today + DAY, self.closed)

    def has_room(self, days: int, today: date) -> bool:
        """Whether the family takes on so many days more."""
        return self.capacity == 0 or self.in_hand(today) + days <= self.capacity

    def room_from(self, days: int, today: date) -> date | None:
        """The first open day on which it would, as it is now; None when it never does."""
        if self.has_room(days, today):
            return open_day(1, today + DAY, self.closed)
        if days > self.capacity:
            return None
        too_much = self.in_hand(today) + days - self.capacity
        return open_day(too_much + 1, today + DAY, self.closed)

    def back_on(self, today: date) -> date | None:
        """The day on which the family works again; None when it works today."""
        first = open_day(1, today, self.closed)
        return first if first > today else None

    def add(self, days: int) -> None:
        """One order more is in hand."""
        self.jobs.append(Job(days))

    def put_off(self, days: Mapping[int, date]) -> None:
        """Promise some work orders, by id, for other days; the queue is in the order of days again."""
        self.jobs = [
            replace(job, promised_on=days.get(job.work_order_id, job.promised_on))
            for job in self.jobs
        ]
        self.jobs.sort(key=lambda job: (job.promised_on or date.max, job.work_order_id))

    def projected(self, today: date) -> list[tuple[Job, date]]:
        """When each work order would be done if the family works from today on, in this order.

        What should be done and is not takes today at least.
        """
        found, days = [], 0
        for job in self.jobs:
            days += max(1, job.left(today, self.closed))
            found.append((job, open_day(days, today, self.closed)))
        return found


def beijing_day(now: datetime) -> date:
    """The day it is in Beijing."""
    return now.astimezone(BEIJING).date()


async def queues(
    session: AsyncSession, workshop_ids: Collection[int], today: date, *, lock: bool = False
) -> dict[int, Queue]:
    """What each workshop has in hand, with its closures; nothing is asked for no workshop.

    With `lock` the workshops' rows are locked first, by id, until the caller's transaction ends:
    who places an order for days that are left is alone with them.
    """
    if not workshop_ids:
        return {}
    found = await _benches(session, workshop_ids, today, lock=lock)
    for row in await session.execute(_JOBS.where(WorkOrder.workshop_id.in_(workshop_ids))):
        begun = beijing_day(row.started_at) if row.started_at else None
        found[row.workshop_id].jobs.append(Job(int(row.days), begun, row.id, row.promised_on))
    return found


_JOBS = (
    select(
        WorkOrder.workshop_id,
        WorkOrder.id,
        WorkOrder.promised_on,
        WorkOrder.started_at,
        func.sum(OrderLine.quantity * Product.work_days).label("days"),
    )
    .join(OrderLine, OrderLine.work_order_id == WorkOrder.id)
    .join(Product, Product.id == OrderLine.product_id)
    .where(WorkOrder.state.in_(IN_HAND), Product.kind == Kind.MADE_TO_ORDER)
    .group_by(WorkOrder.id)
    .order_by(func.coalesce(WorkOrder.promised_on, date.max), WorkOrder.id)
)


async def _benches(
    session: AsyncSession, workshop_ids: Collection[int], today: date, *, lock: bool
) -> dict[int, Queue]:
    """Queues with capacity and closures, and no work yet."""
    theirs = or_(Closure.workshop_id.is_(None), Closure.workshop_id == Workshop.id)
    closing = and_(
        Closure.station_id == Workshop.station_id,
        theirs,
        Closure.removed_at.is_(None),
        Closure.ends_on >= today - _LOOK_BACK,
    )
    query = (
        select(Workshop.id, Workshop.capacity_days, Closure.begins_on, Closure.ends_on)
        .outerjoin(Closure, closing)
        .where(Workshop.id.in_(workshop_ids))
        .order_by(Workshop.id)
    )
    if lock:
        # Rows that name a workshop may still be written: the order's own parts are.
        query = query.with_for_update(of=Workshop, key_share=True)
    found: dict[int, Queue] = {}
    spans: dict[int, list[Span]] = {}
    for workshop_id, capacity, begins_on, ends_on in await session.execute(query):
        found.setdefault(workshop_id, Queue(capacity=capacity))
        if begins_on is not None:
            spans.setdefault(workshop_id, []).append((begins_on, ends_on))
    for workshop_id, closed in spans.items():
        found[workshop_id].closed = merged(closed)
    return found
