"""The weekly letter: what a family's week came to, and everything that was done in its name.

One per family and week, kept as it was made. It is printed, or read out by telephone; who did so,
and when, is noted. A week in which nothing was, and nothing is owed, has no letter.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, joinedload, selectinload

from catalog.access import WORK_ORDER_DESK, Actor
from catalog.audit import record
from catalog.checks import BEIJING
from catalog.models import AuditEntry, Member, Station, Workshop
from catalog.own import own
from catalog.words import spoken_count, spoken_date, spoken_yuan, yuan
from media.paper import FamilyLetter
from shop.earnings import totals
from shop.models import Evidence, Letter, WorkOrder, WorkOrderState
from shop.orders import day_span
from shop.trail_words import ACTIONS, CHANNELS

PRINTED, READ_OUT = "printed", "read"
MOST_WEEKS = 12
MOST_CHANGES = 40
A_WEEK = timedelta(days=7)

_S = WorkOrderState
_IN_WORK = (_S.NEW, _S.ACCEPTED, _S.MAKING, _S.READY)


def last_week(now: datetime) -> date:
    """The Monday of the week that ended on the last Sunday in Beijing."""
    today = now.astimezone(BEIJING).date()
    return today - timedelta(days=today.weekday()) - A_WEEK


async def make_letters(
    session: AsyncSession, week_on: date, now: datetime, station_id: int | None = None
) -> int:
    """Write the letters of a week that families do not have yet; how many. Of all stations or one.

    Each family's row is locked, so two that make them at once make each one once.
    """
    query = select(Workshop).where(Workshop.active).order_by(Workshop.id).with_for_update()
    if station_id is not None:
        query = query.where(Workshop.station_id == station_id)
    workshops = list(await session.scalars(query))
    there = select(Letter.workshop_id).where(Letter.week_on == week_on)
    have = set(await session.scalars(there))
    made = 0
    for workshop in workshops:
        if workshop.id in have or not (facts := await facts_of(session, workshop.id, week_on)):
            continue
        session.add(
            Letter(
                station_id=workshop.station_id,
                workshop_id=workshop.id,
                week_on=week_on,
                facts=facts,
                made_at=now,
            )
        )
        made += 1
    await session.flush()
    return made


async def facts_of(session: AsyncSession, workshop_id: int, week_on: date) -> dict[str, Any]:
    """What a letter says, in plain values; empty where there is nothing to say."""
    start, end = day_span(week_on)[0], day_span(week_on + A_WEEK)[0]
    week = await totals(session, workshop_id, start, end)
    facts = {
        "taken": await _pieces(session, workshop_id, WorkOrder.accepted_at, start, end),
        "sent": await _pieces(session, workshop_id, WorkOrder.shipped_at, start, end),
        "in_work": await _in_work(session, workshop_id),
        "sold_fen": week.sold_fen,
        "fee_fen": -week.fee_fen,
        "returned_fen": -week.returned_fen,
        "paid_fen": -week.paid_fen,
        "owed_fen": (await totals(session, workshop_id, None, end)).balance_fen,
        "changes": await _changes(session, workshop_id, start, end),
    }
    return facts if any(facts.values()) else {}


async def _pieces(
    session: AsyncSession,
    workshop_id: int,
    stamp: InstrumentedAttribute[datetime | None],
    start: datetime,
    end: datetime,
) -> list[dict[str, Any]]:
    """What of a family was stamped in a week, with the day."""
    query = (
        select(WorkOrder)
        .where(WorkOrder.workshop_id == workshop_id, stamp >= start, stamp < end)
        .options(selectinload(WorkOrder.lines))
        .order_by(stamp, WorkOrder.id)
    )
    found = await session.scalars(query)
    return [
        {"name": line.name, "quantity": line.quantity, "on": _day(getattr(one, stamp.key))}
        for one in found
        for line in one.lines
    ]


async def _in_work(session: AsyncSession, workshop_id: int) -> list[dict[str, Any]]:
    query = (
        select(WorkOrder)
        .where(WorkOrder.workshop_id == workshop_id, WorkOrder.state.in_(_IN_WORK))
        .options(selectinload(WorkOrder.lines))
        .order_by(WorkOrder.promised_on, WorkOrder.id)
    )
    return [
        {
            "name": line.name,
            "quantity": line.quantity,
            "answered": one.state != _S.NEW,
            "on": one.promised_on.isoformat() if one.promised_on else "",
        }
        for one in await session.scalars(query)
        for line in one.lines
    ]


async def _changes(
    session: AsyncSession, workshop_id: int, start: datetime, end: datetime
) -> list[dict[str, Any]]:
    """What others did in a family's name: who, what, by which channel, who of the family said so."""
    query = (
        select(AuditEntry, Member.name)
        .outerjoin(Member, Member.id == AuditEntry.member_id)
        .where(
            AuditEntry.on_behalf_of == workshop_id,
            AuditEntry.at >= start,
            AuditEntry.at < end,
        )
        .order_by(AuditEntry.id)
        .limit(MOST_CHANGES)
    )
    rows = [(entry, who) for entry, who in await session.execute(query)]
    shown = {(entry.after or {}).get("evidence") for entry, _ in rows} - {None}
    said = await session.scalars(select(Evidence).where(Evidence.id.in_(shown)))
    by_id = {one.id: one.said_by for one in said}
    return [
        {
            "on": _day(entry.at),
            "who": who or "",
            "what": ACTIONS.get(entry.action, "改动"),
            "channel": CHANNELS.get(entry.channel, entry.channel),
            "said_by": by_id.get((entry.after or {}).get("evidence", 0), ""),
        }
        for entry, who in rows
    ]


def _day(at: datetime) -> str:
    return at.astimezone(BEIJING).date().isoformat()


def sums(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The amounts of a letter, label and yuan."""
    said = [
        ("卖了（连邮费）", facts["sold_fen"]),
        ("社工站留的", facts["fee_fen"]),
        ("退给买家", facts["returned_fen"]),
        ("付给您了", facts["paid_fen"]),
    ]
    told = [(label, f"¥{yuan(fen)}") for label, fen in said if fen]
    owed = facts["owed_fen"]
    return [*told, ("还欠您" if owed >= 0 else "多付了您", f"¥{yuan(abs(owed))}")]


def parts(facts: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """A letter's headings with their sentences, as they stand on paper."""
    told = [
        ("这一周接的", [_line(one) for one in facts["taken"]], 5),
        ("手上在做的", [_line(one, "要做好") for one in facts["in_work"]], 5),
        ("这一周寄出的", [_line(one) for one in facts["sent"]], 5),
        ("别人替您办的", [_change(one) for one in facts["changes"]], 9),
    ]
    return [(head, _at_most(lines, most) or ["没有。"]) for head, lines, most in told]


def _at_most(lines: list[str], most: int) -> list[str]:
    """So many lines that four parts go onto a page; what is left out is said."""
    rest = len(lines) - most
    return [*lines[:most], f"还有 {rest} 条，打电话来问。"] if rest > 0 else lines


def _line(one: dict[str, Any], what: str = "") -> str:
    day = f"，{_short(one['on'])}{what}" if one["on"] else ""
    unanswered = "，还没有答复" if not one.get("answered", True) else ""
    return f"{one['name']} {one['quantity']} 件{day}{unanswered}"


def _change(one: dict[str, Any]) -> str:
    said = f"，{one['said_by']}说的" if one["said_by"] else ""
    return f"{_short(one['on'])}，{one['who']}替您记下“{one['what']}”（{one['channel']}{said}）"


def _short(day: str) -> str:
    on = date.fromisoformat(day)
    return f"{on.month}月{on.day}日"


def aloud(letter: Letter) -> list[str]:
    """A letter as it is read out by telephone, sentence by sentence, numbers in words."""
    facts = letter.facts
    said = [
        f"{letter.workshop.name}，您好。跟您说说{spoken_date(letter.week_on)}到{spoken_date(letter.week_on + timedelta(days=6))}这一周。",
        f"接了{_counted(facts['taken'])}。" if facts["taken"] else "这一周没有接新活。",
        f"手上有{_counted(facts['in_work'])}。" if facts["in_work"] else "手上没有活。",
    ]
    if facts["sent"]:
        said.append(f"寄出了{_counted(facts['sent'])}。")
    for label, key in (
        ("卖了", "sold_fen"),
        ("社工站留了", "fee_fen"),
        ("退给买家", "returned_fen"),
    ):
        if facts[key]:
            said.append(f"{label}{spoken_yuan(facts[key])}。")
    said.append(f"这一周付给您{spoken_yuan(facts['paid_fen'])}。" if facts["paid_fen"] else "")
    owed = facts["owed_fen"]
    said.append(f"现在{'还欠您' if owed >= 0 else '多付了您'}{spoken_yuan(abs(owed))}。")
    for one in facts["changes"]:
        by = f"，是{one['said_by']}说的" if one["said_by"] else ""
        day = spoken_date(date.fromisoformat(one["on"])).partition("，")[0]
        said.append(f"{day}，{one['who']}替您记下：{one['what']}{by}。对吗？")
    if not facts["changes"]:
        said.append("这一周没有人替您办过什么。")
    said.append("有哪一样不对，现在就说，我们马上改。")
    return [sentence for sentence in said if sentence]


def _counted(lines: Sequence[dict[str, Any]]) -> str:
    return "、".join(f"{one['name']}{spoken_count(one['quantity'], '件')}" for one in lines)


async def letters_of_week(session: AsyncSession, station_id: int, week_on: date) -> list[Letter]:
    """A station's letters of a week, with their families, by name."""
    query = (
        select(Letter)
        .join(Letter.workshop)
        .where(Letter.station_id == station_id, Letter.week_on == week_on)
        .options(joinedload(Letter.workshop))
        .order_by(Workshop.name, Letter.id)
    )
    return list(await session.scalars(query))


async def weeks(session: AsyncSession, station_id: int) -> list[date]:
    """The weeks of which there are letters, the latest first."""
    query = select(Letter.week_on).where(Letter.station_id == station_id).distinct()
    return list(await session.scalars(query.order_by(Letter.week_on.desc()).limit(MOST_WEEKS)))


async def own_letters(session: AsyncSession, actor: Actor) -> list[Letter]:
    """An artisan's family's letters, the latest first."""
    query = select(Letter).where(Letter.workshop_id == actor.workshop_id)
    query = query.options(joinedload(Letter.workshop)).order_by(Letter.week_on.desc())
    return list(await session.scalars(query.limit(MOST_WEEKS)))


async def letter_for(session: AsyncSession, actor: Actor, letter_id: int) -> Letter:
    """A letter of the actor's station, with its family. Raises NotFound."""
    return await own(session, actor, Letter, letter_id, joinedload(Letter.workshop))


async def note_told(
    session: AsyncSession, actor: Actor, letter: Letter, way: str, now: datetime
) -> None:
    """A letter was printed, or read out by telephone. Reading out counts for more, once."""
    actor.must_be(WORK_ORDER_DESK)
    if letter.told_way == READ_OUT or letter.told_way == way:
        return
    before = {"way": letter.told_way} if letter.told_way else None
    letter.told_way, letter.told_at, letter.told_by = way, now, actor.member_id
    after = {"way": way, "week_on": letter.week_on.isoformat()}
    record(session, actor, "letter.tell", letter, now, before=before, after=after)


async def on_paper(session: AsyncSession, letters: Sequence[Letter]) -> list[FamilyLetter]:
    """What letters of one station say on paper. There is at least one."""
    station = await session.get_one(Station, letters[0].station_id)
    return [
        FamilyLetter(
            workshop=letter.workshop.name,
            week=f"{_short(letter.week_on.isoformat())} 到 {_short((letter.week_on + timedelta(days=6)).isoformat())}",
            sums=sums(letter.facts),
            parts=parts(letter.facts),
            station=station.name,
            phone=station.phone,
            printed=_short(_day(letter.made_at)),
        )
        for letter in letters
    ]
