"""Days on which a family, or a whole station, does not work: harvest, festivals, illness.

`docs/promises.md` says what follows from one: promised dates skip it, and while it lasts nothing
of the family is sold but finished pieces that the station keeps.
"""

from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Date, bindparam, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog import outbox
from catalog.access import WORK_ORDER_ACTORS, WORK_ORDER_DESK, Actor
from catalog.audit import record
from catalog.checks import BEIJING, Check
from catalog.db import table
from catalog.models import Closure, ClosureReason, Kind, Product
from catalog.own import own
from catalog.touched import PRODUCT, touch
from catalog.workshops import workshop_for

LOOK_JOB = "shop.look_at_queues"
"""What was changed moves the days on which work in hand will be done."""

MOST_DAYS = 120
FARTHEST = timedelta(days=730)

REASONS = {
    ClosureReason.HARVEST: "农忙",
    ClosureReason.FESTIVAL: "过节",
    ClosureReason.ILLNESS: "家里有人病了",
    ClosureReason.OTHER: "别的事",
}


async def close(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int | None,
    begins_on: object,
    ends_on: object,
    reason: object,
    note: object,
    now: datetime,
) -> Closure:
    """Note that a workshop does not work from one day to another, both included; None is all.

    Artisans close their own workshop, the desk any of its station and the station itself.
    Raises Invalid for days that make no sense, NotFound and NotAllowed, keeping nothing.
    """
    await _must_be_theirs(session, actor, workshop_id)
    closure = Closure(
        station_id=actor.station_id,
        workshop_id=workshop_id,
        **_read(begins_on, ends_on, reason, note, now),
        made_by=actor.member_id,
        made_at=now,
    )
    session.add(closure)
    await session.flush()
    record(
        session, actor, "closure.add", closure, now, after=_facts(closure), workshop_id=workshop_id
    )
    await _tell_pages(session, closure)
    return closure


async def take_back(session: AsyncSession, actor: Actor, closure_id: int, now: datetime) -> Closure:
    """It was a mistake, or is over sooner: the closure counts no more. Repeating changes nothing.

    Locks its row. Raises NotFound, NotAllowed.
    """
    closure = await own(session, actor, Closure, closure_id, lock=True)
    await _must_be_theirs(session, actor, closure.workshop_id)
    if closure.removed_at is None:
        closure.removed_at = now
        before, family = _facts(closure), closure.workshop_id
        record(session, actor, "closure.take_back", closure, now, before=before, workshop_id=family)
        await _tell_pages(session, closure)
    return closure


async def closures_of(
    session: AsyncSession, station_id: int, workshop_id: int | None, since: date
) -> list[Closure]:
    """What closes a workshop on some day from `since` on, the station's own days too, by day.

    With no workshop named, the station's own alone.
    """
    everybody = Closure.workshop_id.is_(None)
    whose = everybody if workshop_id is None else everybody | (Closure.workshop_id == workshop_id)
    query = select(Closure).where(
        Closure.station_id == station_id,
        whose,
        Closure.ends_on >= since,
        Closure.removed_at.is_(None),
    )
    return list(await session.scalars(query.order_by(Closure.begins_on, Closure.id)))


async def families_away(session: AsyncSession, station_id: int, since: date) -> list[Closure]:
    """The closures of single families of a station from `since` on, with them, by day."""
    query = (
        select(Closure)
        .where(
            Closure.station_id == station_id,
            Closure.workshop_id.is_not(None),
            Closure.ends_on >= since,
            Closure.removed_at.is_(None),
        )
        .options(joinedload(Closure.workshop))
    )
    return list(await session.scalars(query.order_by(Closure.begins_on, Closure.id)))


def away() -> ColumnElement[bool]:
    """Whether a product can not be sold today because its family does not work; for statements.

    True of what is made to order, and of finished pieces that only the family could send. The
    statement joins products and is given `today`, Beijing's day.
    """
    products, closures = table(Product), table(Closure)
    today = bindparam("today", type_=Date())
    everybody, family = closures.c.workshop_id.is_(None), products.c.workshop_id
    closed = exists().where(
        closures.c.station_id == products.c.station_id,
        closures.c.ends_on >= today,
        closures.c.begins_on <= today,
        closures.c.removed_at.is_(None),
        or_(everybody, closures.c.workshop_id == family),
    )
    needs_family = (products.c.kind == Kind.MADE_TO_ORDER) | ~products.c.kept_at_station
    return needs_family & closed.correlate(products)


async def _must_be_theirs(session: AsyncSession, actor: Actor, workshop_id: int | None) -> None:
    if workshop_id is None:
        actor.must_be(WORK_ORDER_DESK)
        return
    actor.must_be(WORK_ORDER_ACTORS)
    await workshop_for(session, actor, workshop_id)


def _read(
    begins_on: object, ends_on: object, reason: object, note: object, now: datetime
) -> dict[str, object]:
    check = Check()
    today = now.astimezone(BEIJING).date()
    begin = check.day("begins_on", begins_on, "从哪天起")
    end = check.day("ends_on", ends_on, "到哪天")
    if begin is not None and end is not None:
        if end < begin:
            check.fault("ends_on", "最后一天不能早于第一天。")
        elif (end - begin).days >= MOST_DAYS:
            check.fault("ends_on", f"一次最多 {MOST_DAYS} 天，更久就分几次记。")
        elif end < today:
            check.fault("ends_on", "这些日子已经过去了，不用记。")
        elif begin > today + FARTHEST:
            check.fault("begins_on", "太远了，最多记到两年以后。")
    facts: dict[str, object] = {
        "begins_on": begin,
        "ends_on": end,
        "reason": check.choice("reason", reason, "为什么歇工", ClosureReason),
        "note": check.text("note", note, "说明", most=100, least=0),
    }
    check.done()
    return facts


def _facts(closure: Closure) -> dict[str, str]:
    return {
        "begins_on": closure.begins_on.isoformat(),
        "ends_on": closure.ends_on.isoformat(),
        "reason": closure.reason.value,
        "note": closure.note,
    }


async def _tell_pages(session: AsyncSession, closure: Closure) -> None:
    """Have the pages and boards that show a product of those look again, and the queues be."""
    outbox.add(session, LOOK_JOB, closure.removed_at or closure.made_at)
    query = select(Product.id).where(Product.station_id == closure.station_id)
    if closure.workshop_id is not None:
        query = query.where(Product.workshop_id == closure.workshop_id)
    touch(session, PRODUCT, list(await session.scalars(query)))
