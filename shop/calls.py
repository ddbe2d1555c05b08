"""Whom to telephone now: families that have not answered, and what no channel could tell.

A family's call is kept on the notice of its new work (`tries`, `try_after`, `owner_id`), and is
over with its answer. What is to be told otherwise is a notice, and over when it was told.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from catalog.access import WORK_ORDER_DESK, Actor
from catalog.audit import record
from catalog.checks import BEIJING
from catalog.errors import NotFound
from catalog.models import Member, Reach, Workshop
from catalog.own import own
from catalog.words import spoken_count, spoken_date, spoken_yuan
from shop.examine.work import ANSWER_WITHIN
from shop.models import Hold, HoldState, Notice, Order, Waiter, WorkOrder, WorkOrderState
from shop.notices import Event
from shop.reminding import GIVEN_UP_AFTER, REMINDERS
from shop.today import finish_notice
from shop.work_orders import work_order_for
from shop.working_hours import ago, ahead

MOST_CALLS = 100
TRY_AGAIN = timedelta(hours=2)
"""Working hours until somebody who did not take a call is called again."""

ANSWERS_LATER = timedelta(hours=6)
"""Working hours until a family that wanted to think about it is called again."""

_OF_WORK = (Event.NEW_WORK, *REMINDERS)
_ASKS = {
    Event.YOUR_TURN: "给您留着，现在就能付款，过了时间轮到下一位。",
    Event.DATE_CHANGED: "您愿意等，还是不要了、全额退款？",
    Event.BEHIND: "照现在，哪天能做好？我们跟买家说一声。",
    Event.DECLINED: "实在不好意思。钱按原路退回，您不用做什么。",
    Event.CANCELLED: "钱按原路退回，您不用做什么。",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call to make: to a family about `work_order` that it has not answered, or of a notice.

    `script` is what to say, sentence by sentence; `owner` who makes it, "" for nobody yet.
    """

    notice: Notice
    work_order: WorkOrder | None
    workshop: Workshop | None
    order_code: str
    owner: str
    urgent: bool
    script: list[str]


async def open_calls(
    session: AsyncSession, actor: Actor, now: datetime, most: int = MOST_CALLS
) -> list[Call]:
    """The calls to make now, urgent ones first, then those that have waited longest."""
    found = [
        *[_about_work(actor, row, now) for row in await _unanswered(session, actor, now, most)],
        *[_about_notice(actor, row) for row in await _untold(session, actor, now, most)],
    ]
    found.sort(
        key=lambda call: (not call.urgent, call.notice.kind != Event.YOUR_TURN, call.notice.id)
    )
    return found[:most]


async def _unanswered(
    session: AsyncSession, actor: Actor, now: datetime, most: int
) -> list[tuple[Notice, WorkOrder, str | None]]:
    query = (
        _of_silence(select(Notice, WorkOrder, Member.name), actor, now)
        .outerjoin(Member, Member.id == Notice.owner_id)
        .options(
            joinedload(WorkOrder.workshop).selectinload(Workshop.makers),
            joinedload(WorkOrder.order),
            selectinload(WorkOrder.lines),
        )
        .order_by(Notice.id)
        .limit(most)
    )
    rows = await session.execute(query)
    return [(notice, work_order, owner) for notice, work_order, owner in rows]


async def _untold(
    session: AsyncSession, actor: Actor, now: datetime, most: int
) -> list[tuple[Notice, str | None, str | None]]:
    query = (
        _of_notices(select(Notice, Member.name, Order.code), actor, now)
        .outerjoin(Member, Member.id == Notice.owner_id)
        .outerjoin(Order, Order.id == Notice.order_id)
        .options(joinedload(Notice.workshop))
        .order_by((Notice.kind == Event.YOUR_TURN).desc(), Notice.id)
        .limit(most)
    )
    rows = await session.execute(query)
    return [(notice, owner, code) for notice, owner, code in rows]


async def count_calls(session: AsyncSession, actor: Actor, now: datetime) -> int:
    """How many calls are to be made now."""
    notices = select(func.count(Notice.id)).select_from(Notice)
    counts = [narrow(notices, actor, now) for narrow in (_of_silence, _of_notices)]
    return sum([int(await session.scalar(query) or 0) for query in counts])


def _of_silence(
    query: Select[*tuple[Any, ...]], actor: Actor, now: datetime
) -> Select[*tuple[Any, ...]]:
    told_by = ago(now, REMINDERS[Event.REMIND])
    return (
        query.join(WorkOrder, WorkOrder.id == Notice.work_order_id)
        .join(Workshop, Workshop.id == WorkOrder.workshop_id)
        .where(
            *_due(actor, now),
            Notice.kind == Event.NEW_WORK,
            WorkOrder.state == WorkOrderState.NEW,
            or_(Workshop.reached_by != Reach.SCREEN, WorkOrder.routed_at <= told_by),
        )
    )


def _of_notices(
    query: Select[*tuple[Any, ...]], actor: Actor, now: datetime
) -> Select[*tuple[Any, ...]]:
    turn = Notice.kind == Event.YOUR_TURN
    return (
        query.outerjoin(Waiter, Waiter.id == Notice.waiter_id)
        .outerjoin(Hold, Hold.id == Waiter.hold_id)
        .where(
            *_due(actor, now),
            Notice.kind.not_in(_OF_WORK),
            Notice.done_at.is_(None),
            and_(turn, Hold.state != HoldState.ACTIVE).is_not(True),
        )
    )


def _due(actor: Actor, now: datetime) -> tuple[ColumnElement[bool], ...]:
    not_yet = Notice.try_after > now
    return Notice.station_id == actor.station_id, not_yet.is_not(True)


def _about_work(actor: Actor, row: tuple[Notice, WorkOrder, str | None], now: datetime) -> Call:
    notice, work_order, owner = row
    told_at = work_order.routed_at or notice.created_at
    late = told_at <= ago(now, ANSWER_WITHIN)
    return Call(
        notice=notice,
        work_order=work_order,
        workshop=work_order.workshop,
        order_code=work_order.order.code,
        owner=owner or "",
        urgent=late,
        script=_work_script(actor, work_order, told_at, late=late),
    )


def _work_script(
    actor: Actor, work_order: WorkOrder, told_at: datetime, *, late: bool
) -> list[str]:
    pieces = "，".join(
        f"{line.name}{spoken_count(line.quantity, '件')}" for line in work_order.lines
    )
    day = work_order.promised_on
    until = f"答应买家{spoken_date(day)}以前做好。" if day else "是现成的，接了就可以寄。"
    script = [
        f"您好，是{work_order.workshop.name}吗？我是{actor.station_name}的{actor.name}。",
        f"有人买了您家的{pieces}。",
        until,
        f"您家得{spoken_yuan(work_order.share_fen)}。",
        "能接吗？来不及的话，要几天？",
    ]
    if late:
        over = ahead(told_at, GIVEN_UP_AFTER).astimezone(BEIJING)
        script.append(f"买家一直在等。{spoken_date(over.date())}还没有答复，钱就要退给买家了。")
    return script


def _about_notice(actor: Actor, row: tuple[Notice, str | None, str | None]) -> Call:
    notice, owner, code = row
    asks = [_ASKS[event] for event in _ASKS if event.value == notice.kind]
    return Call(
        notice=notice,
        work_order=None,
        workshop=notice.workshop,
        order_code=code or "",
        owner=owner or "",
        urgent=notice.kind == Event.YOUR_TURN,
        script=[f"您好，我是{actor.station_name}的{actor.name}。", notice.text, *asks],
    )


async def nobody_answered(
    session: AsyncSession, actor: Actor, notice_id: int, now: datetime
) -> Notice:
    """Nobody took the call: it comes again after some working hours. Raises NotFound."""
    notice = await _locked(session, actor, notice_id)
    notice.tries += 1
    notice.try_after = ahead(now, TRY_AGAIN)
    record(session, actor, "notice.tried", notice, now, after={"tries": notice.tries})
    return notice


async def told(session: AsyncSession, actor: Actor, notice_id: int, now: datetime) -> Notice:
    """Somebody was told. A family that has yet to answer about its work is called again later.

    Raises NotFound.
    """
    notice = await _locked(session, actor, notice_id)
    if notice.kind in _OF_WORK:
        notice.try_after = ahead(now, ANSWERS_LATER)
    return await finish_notice(session, actor, notice_id, now)


async def _locked(session: AsyncSession, actor: Actor, notice_id: int) -> Notice:
    actor.must_be(WORK_ORDER_DESK)
    return await own(session, actor, Notice, notice_id, lock=True)


async def work_of_call(session: AsyncSession, actor: Actor, notice_id: int) -> WorkOrder:
    """The work order that a call is about. Raises NotFound, also where it is about none."""
    notice = await session.get(Notice, notice_id)
    if notice is None or notice.work_order_id is None or notice.kind not in _OF_WORK:
        raise NotFound(f"work of notice {notice_id}")
    return await work_order_for(session, actor, notice.work_order_id)
