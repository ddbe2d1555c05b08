"""A family's answers about a work order, given by staff in its name.

The work order's page, a slip that came back and a call all end here: the same fields, the same
functions as the family's own presses, and evidence beside each (`shop.acting`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import WORK_ORDER_DESK, Actor
from catalog.audit import PROGRAM, Told, list_entries
from catalog.checks import BEIJING, Check
from catalog.errors import Invalid
from catalog.models import Maker
from media.storage import Storage
from shop import dates, work_orders, work_steps
from shop.acting import Said, act_for, read_said
from shop.context import Shop
from shop.errors import WrongWorkOrderState
from shop.models import ActChannel, DateChange, Evidence, Slip, WorkOrder, WorkOrderState
from shop.slips import must_be_own
from shop.trail_words import ACTIONS, CHANNELS

MOST_DAYS = 365

BLANK = {"answer": "", "days": "", "new_on": "", "why": "", "reason": ""}
"""The fields as a form first shows them; `days` or `new_on` say the other date."""

_S = WorkOrderState
_POSSIBLE = {
    _S.NEW: ("accept", "date", "decline"),
    _S.ACCEPTED: ("start", "ready", "date", "decline"),
    _S.MAKING: ("ready", "date"),
    _S.READY: (),
}
_TAPS = {"accept": work_steps.accept, "start": work_steps.start, "ready": work_steps.ready}
_SAID = {
    "accept": "记下了，接单了。",
    "date": "记下了新日子，买家会知道。",
    "decline": "记下了，钱在退给买家。",
    "start": "记下了，开始做了。",
    "ready": "记下了，做好了。",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a work order's trail, with what shows it where a family said so."""

    told: Told
    evidence: Evidence | None


def possible(work_order: WorkOrder) -> tuple[str, ...]:
    """What a family can say about a work order now, the most likely first."""
    return _POSSIBLE.get(work_order.state, ())


async def take_answer(
    shop: Shop,
    storage: Storage,
    actor: Actor,
    work_order_id: int,
    typed: Mapping[str, str],
    data: bytes | None,
    now: datetime,
) -> str:
    """As `answer`, from a form and its file; both are read before anything is locked.

    Raises Invalid too for the photo of another work order's slip.
    """
    await must_be_own(shop.database, actor, work_order_id, typed, data)
    said = await read_said(storage, actor, typed, data, now)
    async with shop.database.writing.begin() as session:
        return await answer(session, actor, work_order_id, said, typed, now)


async def answer(
    session: AsyncSession,
    actor: Actor,
    work_order_id: int,
    said: Said,
    typed: Mapping[str, str],
    now: datetime,
) -> str:
    """Do what a family said, with its evidence; what to tell the person who wrote it down.

    The order is locked first. Raises Invalid, NotFound, NotAllowed, and WrongWorkOrderState with
    who was faster, when the answer is no longer open; then nothing is kept.
    """
    actor.must_be(WORK_ORDER_DESK)
    work_order = await work_orders.work_order_for(session, actor, work_order_id, lock=True)
    chosen = typed.get("answer", "")
    if chosen not in possible(work_order):
        _must_be_known(chosen)
        raise WrongWorkOrderState(await who_was_first(session, work_order))
    acting = await act_for(
        session, actor, work_order.workshop_id, said, now, work_order_id=work_order.id
    )
    if said.channel == ActChannel.SLIP:
        await _slip_is_back(session, work_order.id, acting, now)
    if chosen == "date":
        await _other_date(session, acting, work_order, typed, now)
    elif chosen == "decline":
        await work_steps.decline(session, acting, work_order.id, typed.get("reason"), now)
    else:
        await _TAPS[chosen](session, acting, work_order.id, now)
    return _SAID[chosen]


async def _slip_is_back(
    session: AsyncSession, work_order_id: int, acting: Actor, now: datetime
) -> None:
    await session.execute(
        update(Slip)
        .where(Slip.work_order_id == work_order_id, Slip.answered_at.is_(None))
        .values(answered_at=now, evidence_id=acting.evidence_id)
        .execution_options(synchronize_session=False)
    )


def _must_be_known(chosen: str) -> None:
    if chosen not in _SAID:
        raise Invalid({"answer": "请选家里怎么答复的。"})


async def _other_date(
    session: AsyncSession,
    acting: Actor,
    work_order: WorkOrder,
    typed: Mapping[str, str],
    now: datetime,
) -> None:
    check = Check()
    new_on = read_day(check, typed, now)
    why = check.text("why", typed.get("why"), "原因", most=200, least=0)
    check.done()
    change = dates.accept_with_date if work_order.state == _S.NEW else dates.change_date
    await change(session, acting, work_order.id, new_on, why, now)


def read_day(check: Check, typed: Mapping[str, str], now: datetime) -> date:
    """The other day, typed as so many days from today or as a date."""
    today = now.astimezone(BEIJING).date()
    if typed.get("days", "").strip():
        days = check.integer("new_on", typed["days"], "天数", least=1, most=MOST_DAYS)
        return today + timedelta(days=days)
    try:
        return date.fromisoformat(typed.get("new_on", ""))
    except ValueError:
        check.fault("new_on", "请填要几天，或者选一个日子。")
        return today


async def who_was_first(session: AsyncSession, work_order: WorkOrder) -> str:
    """What was recorded last of a work order, by whom and when, in a sentence."""
    told = await list_entries(session, work_order.station_id, {"work_orders": [work_order.id]})
    known = [one for one in told if one.entry.action.startswith("work_order.")]
    if not known:
        return "这张工单还没有付款，不用答复。"
    last = known[-1]
    what = ACTIONS.get(last.entry.action, "改动")
    if last.entry.channel == PROGRAM:
        return f"六天没有答复，{_time(last)} 已经自动退单，钱在退给买家。"
    how = f"（{CHANNELS.get(last.entry.channel, last.entry.channel)}）"
    return f"{last.who} {_time(last)} 已经记下“{what}”{how}，这一次没有再记。"


def _time(told: Told) -> str:
    return f"{told.entry.at.astimezone(BEIJING):%-m 月 %-d 日 %H:%M}"


async def makers_of(session: AsyncSession, workshop_id: int) -> list[Maker]:
    """The family's people, one of whom may have spoken."""
    query = select(Maker).where(Maker.workshop_id == workshop_id).order_by(Maker.id)
    return list(await session.scalars(query))


async def trail(session: AsyncSession, work_order: WorkOrder) -> list[Entry]:
    """Everything recorded of a work order and its dates, oldest first, with the evidence."""
    changes = select(DateChange.id).where(DateChange.work_order_id == work_order.id)
    subjects = {
        "work_orders": [work_order.id],
        "date_changes": list(await session.scalars(changes)),
    }
    shown = select(Evidence).where(Evidence.work_order_id == work_order.id)
    by_id = {one.id: one for one in await session.scalars(shown)}
    told = await list_entries(session, work_order.station_id, subjects)
    return [Entry(one, by_id.get((one.entry.after or {}).get("evidence", 0))) for one in told]
