"""Days on which nobody works, promised days and new ones, and the mornings on which they are looked at."""

from collections.abc import Awaitable
from datetime import date, datetime, timedelta

from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from catalog import closures
from catalog.checks import BEIJING
from catalog.errors import Refusal
from catalog.models import Closure, Kind, Product, Workshop
from shop import behind, dates, queues
from shop.models import (
    DateChange,
    DateChangeState,
    HoldLine,
    Order,
    Trouble,
    WorkOrder,
    WorkOrderState,
)
from shop.troubles import TroubleKind
from tests.machine.base import NEWEST, Broken, act_as
from tests.machine.desk import BY_WHOM, Desk
from tests.machine.reckoning import DAY, day_of, read_calendar, read_work

FAMILY = st.sampled_from([0, 1, 1, None])
AHEAD = st.sampled_from([-4, -1, 1, 3, 9])
"""Days between the day that is promised and a new one."""

NOT_MADE = (WorkOrderState.NEW, WorkOrderState.ACCEPTED, WorkOrderState.MAKING)
NOT_SENT = (*NOT_MADE, WorkOrderState.READY)
TAKEN_ON = (WorkOrderState.ACCEPTED, WorkOrderState.MAKING)


class Promises(Desk):
    """The rules of promised dates (docs/promises.md)."""

    def __init__(self) -> None:
        super().__init__()
        self.promised_to = 0
        self.held_to = 0

    @property
    def today(self) -> date:
        return day_of(self.now)

    async def only_if(self, allowed: bool, work: Awaitable[object]) -> None:
        """What is refused must be, and nothing else may."""
        try:
            await work
        except Refusal:
            if allowed:
                raise Broken("refused what is allowed") from None
            raise
        if not allowed:
            raise Broken("allowed what must be refused")

    @act_as(family=FAMILY, begins=st.integers(0, 6), days=st.integers(1, 5), who=BY_WHOM)
    async def close_days(self, family: int | None, begins: int, days: int, who: str) -> None:
        """A family, or with none named the whole station, does not work."""
        first = self.today + begins * DAY
        whose = None if family is None else self.families[family].id
        by_desk = family is None or who == "desk"
        actor = self.desk if by_desk else self.artisans[family or 0]
        until = first + (days - 1) * DAY
        span = (first.isoformat(), until.isoformat())
        async with self.writing.begin() as session:
            await closures.close(session, actor, whose, *span, "harvest", "", self.now)

    @act_as("closures", n=NEWEST)
    async def open_again(self, n: int) -> None:
        closure = await self.one(select(Closure.id).order_by(Closure.id), n)
        async with self.writing.begin() as session:
            await closures.take_back(session, self.desk, closure, self.now)

    @act_as("orders", days=st.sampled_from([0, 5, 10, 20]))
    async def limit_work(self, days: int) -> None:
        whose = self.families[1].id
        async with self.writing.begin() as session:
            await queues.set_capacity(session, self.desk, whose, days, self.now)

    @act_as("work_orders new", "work_orders accepted", n=NEWEST, ahead=AHEAD, who=BY_WHOM)
    async def change_date(self, n: int, ahead: int, who: str) -> None:
        part = await self._in(NOT_MADE, n)
        day, agreed = self._day(part, ahead), await self._agreed(part)
        async with self.writing.begin() as session:
            actor = self._who(part, who)
            await dates.change_date(session, actor, part.id, day, "木料没到", self.now)
        await self._asks(part, day, agreed)

    @act_as("work_orders new", n=NEWEST, ahead=AHEAD, who=BY_WHOM)
    async def accept_another_day(self, n: int, ahead: int, who: str) -> None:
        part = await self._in((WorkOrderState.NEW,), n)
        day, agreed = self._day(part, ahead), await self._agreed(part)
        async with self.writing.begin() as session:
            actor = self._who(part, who)
            await dates.accept_with_date(session, actor, part.id, day, "", self.now)
        await self._asks(part, day, agreed)

    def _day(self, part: WorkOrder, ahead: int) -> date:
        return max(self.today, (part.promised_on or self.today) + ahead * DAY)

    async def _agreed(self, part: WorkOrder) -> date | None:
        """The day bought by, or kept last."""
        changes = await self._changes(part)
        kept = [one.now_on for one in changes if one.state == DateChangeState.KEPT]
        bought_by = changes[0].was_on if changes else part.promised_on
        return kept[-1] if kept else bought_by

    async def _asks(self, part: WorkOrder, day: date, agreed: date | None) -> None:
        """A day later than agreed to is a question, another is not."""
        newest = (await self._changes(part))[-1]
        later = agreed is None or day > agreed
        state = DateChangeState.ASKED if later else DateChangeState.KEPT
        if (newest.state, newest.now_on) != (state, day):
            raise Broken(f"agreed to {agreed}, now {day}: {newest.state}")

    @act_as("date_changes asked", n=NEWEST, who=BY_WHOM)
    async def undo_date(self, n: int, who: str) -> None:
        """Taken back within a day, before an answer; and then the day before holds again."""
        change = await self._change(n)
        part = change.work_order
        stood = [one for one in await self._changes(part) if one.state != DateChangeState.UNDONE]
        fresh = change.state == DateChangeState.ASKED and self.now < change.made_at + DAY
        undone = change.state == DateChangeState.UNDONE
        theirs = who != "other family"
        may = undone or (fresh and part.state in NOT_SENT)
        await self.only_if(theirs and may, self._undo_date(change, who))
        (now,) = await self.found(select(WorkOrder).where(WorkOrder.id == part.id))
        if now.promised_on != (part.promised_on if undone else change.was_on):
            raise Broken(f"promised for {now.promised_on} after {change.id} was taken back")
        before = [one for one in stood if one.id < change.id]
        if not undone and before and before[-1].state == DateChangeState.SUPERSEDED:
            (question,) = await self.found(select(DateChange).where(DateChange.id == before[-1].id))
            if question.state != DateChangeState.ASKED:
                raise Broken(f"the question before is not asked again: {question.id}")

    async def _undo_date(self, change: DateChange, who: str) -> None:
        async with self.writing.begin() as session:
            actor = self._who(change.work_order, who)
            await dates.undo_change(session, actor, change.id, self.now)

    @act_as("date_changes asked", n=NEWEST, keep=st.booleans())
    async def answer_date(self, n: int, keep: bool) -> None:
        change = await self._change(n)
        answer = DateChangeState.KEPT if keep else DateChangeState.CANCELLED
        open_one = change.state == DateChangeState.ASKED and change.work_order.state in NOT_SENT
        await self.only_if(open_one or change.state == answer, self._answer_date(change, keep))

    async def _answer_date(self, change: DateChange, keep: bool) -> None:
        answer = dates.keep_date if keep else dates.cancel_for_date
        async with self.writing.begin() as session:
            order = await session.get_one(Order, change.work_order.order_id)
            await answer(session, order.token, change.id, self.now)

    @act_as("work_orders accepted", "work_orders making", "work_orders new")
    async def morning(self) -> None:
        """A quarter past eight, and once more at ten: buyers are told of days, the desk of all."""
        tomorrow = datetime.combine(self.today + DAY, datetime.min.time(), BEIJING)
        self.now = tomorrow + timedelta(hours=8, minutes=15)
        await behind.look_each_morning(self.database, self.now)
        self.now = tomorrow + timedelta(hours=10)
        if again := await behind.look_each_morning(self.database, self.now):
            raise Broken(f"told {again} once more of what has not changed")
        async with self.database.reading() as session:
            late = list((await read_work(session)).late(self.today))
        if untold := [one for one, days in late if one.state in TAKEN_ON and days > 1]:
            raise Broken(f"late by days, and the buyer was not told: {untold}")
        query = select(Trouble.subject).where(
            Trouble.kind == TroubleKind.BEHIND, Trouble.closed_at.is_(None)
        )
        known = {f"work_order:{one.id}" for one, _ in late if one.state in NOT_MADE}
        if known != (told := set(await self.found(query))):
            raise Broken(f"behind are {known}, and the desk knows of {told}")

    async def sold_as_promised(self) -> None:
        """What was sold in the last step is for the day of the rule, in the limit, by who is there."""
        async with self.database.reading() as session:
            work = await read_work(session)
            limits = dict(
                (await session.execute(select(Workshop.id, Workshop.capacity_days))).all()
            )
        for new in work.carvings:
            if new.id <= self.promised_to:
                continue
            if (day := work.promise(new, self.today)) != new.promised_on:
                raise Broken(f"promised for {new.promised_on}, and the rule says {day}: {new}")
            limit = limits[new.workshop_id]
            if limit and work.before(new, self.today) + new.days > limit:
                raise Broken(f"more than the family takes on: {new}")
        parts = await self.found(select(WorkOrder.id).order_by(WorkOrder.id))
        self.promised_to = max(parts, default=0)
        await self._sold_by_who_is_there()

    async def _sold_by_who_is_there(self) -> None:
        """Nothing is held that a family would have to carve or send that is away today."""
        query = select(HoldLine.hold_id, Product).join(Product, Product.id == HoldLine.product_id)
        async with self.database.reading() as session:
            calendar = await read_calendar(session)
            query = query.where(HoldLine.hold_id > self.held_to).order_by(HoldLine.hold_id)
            for hold_id, product in await session.execute(query):
                kept = product.kept_at_station and product.kind != Kind.MADE_TO_ORDER
                if not kept and not calendar.is_open(product.workshop_id, self.today):
                    raise Broken(f"sold while the family is away: hold {hold_id}")
                self.held_to = hold_id

    async def _in(self, states: tuple[WorkOrderState, ...], n: int) -> WorkOrder:
        """A work order in one of these states if there is one; else any."""
        parts = await self.found(select(WorkOrder).order_by(WorkOrder.id))
        found: WorkOrder = self.pick([one for one in parts if one.state in states] or parts, n)
        return found

    async def _changes(self, part: WorkOrder) -> list[DateChange]:
        query = select(DateChange).where(DateChange.work_order_id == part.id)
        return await self.found(query.order_by(DateChange.id))

    async def _change(self, n: int) -> DateChange:
        """A question that waits for its answer, or else any; each third time any."""
        query = select(DateChange).options(joinedload(DateChange.work_order))
        every = await self.found(query.order_by(DateChange.id))
        asked = [one for one in every if one.state == DateChangeState.ASKED]
        found: DateChange = self.pick(every if n % 3 == 2 else asked or every, n)
        return found
