"""What families, buyers and staff are told, and in which words: one template per event and language.

A notice is a row, written with what it tells of. Where somebody's channel is set, its job is
written with it (`shop.sending` does it); else it is a call that somebody at the desk makes.
`docs/notices.md` tells who is told of what.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.event import listens_for
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper, object_session

from catalog import outbox
from catalog.db import Database, table
from catalog.models import Job
from shop.channels import Audience
from shop.languages import CHINESE
from shop.models import Notice, Order, Waiter

SEND_JOB = "shop.send_notice"
MOST_TEXT = 200

_AUDIENCES = "shop.notices.audiences"


class Event(StrEnum):
    """What somebody must be told of."""

    NEW_WORK = "new_work"
    REMIND = "remind"
    REMIND_AGAIN = "remind_again"
    BEHIND = "behind"
    CALLED_OFF = "called_off"
    PAID_OUT = "paid_out"
    PAID = "paid"
    SHIPPED = "shipped"
    DATE_CHANGED = "date_changed"
    DATE_SOONER = "date_sooner"
    DATE_BACK = "date_back"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    REFUNDING = "refunding"
    ANSWERED = "answered"
    YOUR_TURN = "your_turn"
    SOLD_ELSEWHERE = "sold_elsewhere"
    TROUBLE = "trouble"


NEVER_A_CALL = frozenset(
    {Event.PAID, Event.SHIPPED, Event.REFUNDING, Event.PAID_OUT, Event.TROUBLE}
)
"""What is told elsewhere too: written only where a channel takes it, and nobody need telephone."""

NAMES = {
    Event.NEW_WORK: "有新工单",
    Event.REMIND: "催答复",
    Event.REMIND_AGAIN: "再催答复",
    Event.BEHIND: "活晚了",
    Event.CALLED_OFF: "不用做了",
    Event.PAID_OUT: "结算",
    Event.PAID: "收到付款",
    Event.SHIPPED: "寄出了",
    Event.DATE_CHANGED: "改日子",
    Event.DATE_SOONER: "提前了",
    Event.DATE_BACK: "还是原来的日子",
    Event.DECLINED: "做不了",
    Event.CANCELLED: "取消了",
    Event.REFUNDING: "退款",
    Event.ANSWERED: "答复申请",
    Event.YOUR_TURN: "轮到了",
    Event.SOLD_ELSEWHERE: "集市卖了",
    Event.TROUBLE: "要处理的事",
}
"""What the desk calls an event."""

TEMPLATES: Mapping[Event, Mapping[str, str]] = {
    Event.NEW_WORK: {"zh": "有新工单：{pieces}"},
    Event.REMIND: {"zh": "还有工单等您答复：{piece}。接不接，请说一声。"},
    Event.REMIND_AGAIN: {
        "zh": "{piece}，买家还在等您一句话。再不答复，钱会退给买家，这张单就没有了。"
    },
    Event.BEHIND: {"zh": "您手上的活比答应的日子晚了：{piece}答应{before}，照现在要到{date}。"},
    Event.CALLED_OFF: {"zh": "这件不用做了，买家不要了：{piece}（订单 {code}）。"},
    Event.PAID_OUT: {"zh": "社工站给您家结了 ¥{amount}（{way}）。"},
    Event.PAID: {
        "zh": "收到您付的 ¥{amount}，订单 {code} 已经交给作坊。寄出会再告诉您。",
        "en": "We received your ¥{amount}. Order {code} is with its makers; we write again when it is sent.",
    },
    Event.SHIPPED: {
        "zh": "您订的{piece}寄出了：{carrier} {tracking}。",
        "en": "Your {piece} is on its way: {carrier} {tracking}.",
    },
    Event.DATE_CHANGED: {
        "zh": "您订的{piece}要到{date}才能做好，原来说的是{before}。可以等，也可以取消，全额退款。",
        "en": "Your {piece} will be ready on {date} instead of {before}. Wait, or cancel with a full refund.",
    },
    Event.DATE_SOONER: {
        "zh": "好消息：您订的{piece}{date}就能做好，不用等到{before}。",
        "en": "Good news: your {piece} will be ready on {date}, not {before}.",
    },
    Event.DATE_BACK: {
        "zh": "您订的{piece}还是{date}前做好，前面说的{before}不算了，不用您做什么。",
        "en": "Your {piece} will be ready on {date} after all, not {before}. There is nothing to do.",
    },
    Event.DECLINED: {
        "zh": "您订的{piece}这家做不了，{amount} 正在退给您，几天内到账。",
        "en": "{piece} can not be made; {amount} is on its way back to you.",
    },
    Event.CANCELLED: {
        "zh": "您订的{piece}已经取消，{amount} 正在退给您，几天内到账。",
        "en": "{piece} was cancelled; {amount} is on its way back to you.",
    },
    Event.REFUNDING: {
        "zh": "订单 {code} 的 ¥{amount} 正在按原路退给您，几天内到账。",
        "en": "¥{amount} of order {code} is on its way back to you.",
    },
    Event.ANSWERED: {
        "zh": "社工站答复了您对订单 {code} 的申请：{answer}",
        "en": "The station answered what you asked about order {code}: {answer}",
    },
    Event.YOUR_TURN: {"zh": "您等的“{piece}”轮到您了，给您留到 {until}。"},
    Event.SOLD_ELSEWHERE: {
        "zh": "“{piece}”在集市上卖掉了，订单 {code} 没有做成，没有收您的钱。",
        "en": "{piece} was sold at the market. Order {code} is off, and you were not charged.",
    },
    Event.TROUBLE: {"zh": "{title}：{text}"},
}
"""The words by event and language; what stands in braces is given by whoever tells. The address of
the order's page is put behind them when they are sent: who telephones need not read it out."""

_notices, _jobs = table(Notice), table(Job)
_TELL = {
    name: insert_into(_notices).on_conflict_do_nothing()
    for name, insert_into in (("sqlite", sqlite_insert), ("postgresql", postgresql_insert))
}


def text_for(event: Event, language: str, **given: str) -> str:
    """What is said of an event, no longer than a notice may be."""
    return TEMPLATES[event][language].format(**given)[:MOST_TEXT]


def offer_channels(database: Database, audiences: Collection[Audience]) -> None:
    """Have all that is written through `database` know who can be told by a channel."""
    database.carry(_AUDIENCES, frozenset(audiences))


def can_tell(session: AsyncSession, audience: Audience) -> bool:
    """Whether some channel takes what is for them."""
    return audience in session.info.get(_AUDIENCES, ())


def audience_of(notice: Notice) -> Audience:
    """Whom a notice is for."""
    if notice.workshop_id is not None:
        return Audience.FAMILY
    return Audience.BUYER if notice.phone else Audience.STAFF


def language_for(session: AsyncSession, order: Order) -> str:
    """What an order's buyer is told in: the desk, which telephones where no channel is, talks Chinese."""
    return order.language if can_tell(session, Audience.BUYER) else CHINESE


def tell_buyer(
    session: AsyncSession, event: Event, order: Order, now: datetime, *, cause: str, **words: str
) -> None:
    """Write down that an order's buyer is to be told; `cause` makes it once ("date_change:7")."""
    language = language_for(session, order)
    whom = {"station_id": order.station_id, "order_id": order.id, "phone": order.buyer_phone}
    _tell(session, event, Audience.BUYER, whom, now, cause, language, words)


def tell_waiter(
    session: AsyncSession, event: Event, waiter: Waiter, now: datetime, **words: str
) -> None:
    """Write down that somebody in line is to be told, once of an event."""
    whom = {"station_id": waiter.station_id, "waiter_id": waiter.id, "phone": waiter.phone}
    _tell(session, event, Audience.BUYER, whom, now, f"waiter:{waiter.id}", CHINESE, words)


def tell_family(
    session: AsyncSession,
    event: Event,
    station_id: int,
    workshop_id: int,
    now: datetime,
    *,
    cause: str,
    work_order_id: int | None = None,
    **words: str,
) -> None:
    """Write down that a family is to be told, once for a `cause`, and of a work order once."""
    whom = {"station_id": station_id, "workshop_id": workshop_id, "work_order_id": work_order_id}
    _tell(session, event, Audience.FAMILY, whom, now, cause, CHINESE, words)


def tell_staff(
    session: AsyncSession, event: Event, station_id: int, now: datetime, **words: str
) -> None:
    """Write down that the people of a station are to be told; the caller sees to it that it is once."""
    _tell(session, event, Audience.STAFF, {"station_id": station_id}, now, None, CHINESE, words)


def _tell(
    session: AsyncSession,
    event: Event,
    audience: Audience,
    whom: Mapping[str, Any],
    now: datetime,
    cause: str | None,
    language: str,
    given: Mapping[str, str],
) -> None:
    if event in NEVER_A_CALL and not can_tell(session, audience):
        return
    once = {"cause": f"{event}:{cause}"} if cause else {}
    text = text_for(event, language, **given)
    session.add(Notice(**_row(event, now, {**whom, **once, "text": text})))


def _row(event: Event, now: datetime, values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a notice. Of one that is never a call nothing is left for people to do."""
    done_at = now if event in NEVER_A_CALL else None
    return {"kind": event.value, "created_at": now, "done_at": done_at, **values}


async def tell_all(
    session: AsyncSession,
    event: Event,
    audience: Audience,
    told: Sequence[Mapping[str, Any]],
    now: datetime,
) -> None:
    """Write many notices of one event at once; those that were written before are left alone.

    Each of `told` has the columns that say who is told, and `text`.
    """
    statement = _TELL[session.get_bind().dialect.name]
    rows = [_row(event, now, one) for one in told]
    if not can_tell(session, audience):
        await session.execute(statement, rows)
        return
    written = await session.scalars(statement.returning(_notices.c.id), rows)
    todo = [{"notice_id": id_} for id_ in written]
    if todo:
        await outbox.add_all(session, SEND_JOB, now, todo)


@listens_for(Notice, "after_insert")
def _bring_job(_: Mapper[Notice], connection: Connection, notice: Notice) -> None:
    """Whoever adds a notice, the job that sends it is written with it, if there is a channel."""
    session = object_session(notice)
    if session is not None and audience_of(notice) in session.info.get(_AUDIENCES, ()):
        args = {"notice_id": notice.id}
        connection.execute(insert(_jobs), outbox.row(SEND_JOB, notice.created_at, args))
