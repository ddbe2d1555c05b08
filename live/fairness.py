"""Fair airtime: who was on air how long, whom the next line-up should show, and when to ask why not.

`docs/line-up.md` has the rule in words, with an example.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.models import Kind, Product, ProductState, Stock, Workshop
from live.models import Airing, LineUpItem, Show, ShowState

WINDOW = timedelta(days=90)

# Far ahead: at least this much more than the average, and half as much again.
AHEAD_MINUTES = 30
AHEAD_TIMES = 1.5


@dataclass(frozen=True, slots=True)
class Airtime:
    """A workshop's time on air within `WINDOW`, and what is planned for it.

    It is `in_turn` while it is open and has something on sale: those share the time.
    """

    workshop_id: int
    name: str
    in_turn: bool
    minutes: int
    slots: int
    planned_minutes: int
    planned_slots: int


@dataclass(frozen=True, slots=True)
class Departure:
    """A workshop that is far ahead, and that a line-up gives more than an equal share."""

    name: str
    minutes: int
    average: int
    wanted: int
    share: int


@dataclass(frozen=True, slots=True)
class _Heard:
    """One airing, as much of it as lies within the window."""

    workshop_id: int
    product_id: int
    item_id: int
    started_at: datetime
    seconds: float


async def airtimes(session: AsyncSession, station_id: int, now: datetime) -> list[Airtime]:
    """Each open workshop, and each that was on air or is to be; most minutes first.

    A slot is one piece in one show, however often the host came back to it. Rehearsals count
    nowhere.
    """
    heard = await _heard(session, station_id, now)
    planned = await _planned(session, station_id, now)
    in_turn = await _in_turn(session, station_id)
    seconds: dict[int, float] = {}
    slots: dict[int, set[int]] = {}
    for one in heard:
        seconds[one.workshop_id] = seconds.get(one.workshop_id, 0) + one.seconds
        slots.setdefault(one.workshop_id, set()).add(one.item_id)
    workshops = await session.scalars(select(Workshop).where(Workshop.station_id == station_id))
    found = [
        Airtime(
            workshop.id,
            workshop.name,
            workshop.id in in_turn,
            round(seconds.get(workshop.id, 0) / 60),
            len(slots.get(workshop.id, ())),
            *planned.get(workshop.id, (0, 0)),
        )
        for workshop in workshops
        if workshop.active or workshop.id in seconds or workshop.id in planned
    ]
    return sorted(found, key=lambda one: (-one.minutes, one.workshop_id))


def average(times: Sequence[Airtime]) -> float:
    """The minutes that each workshop in turn had, had they been shared out equally."""
    shared = [one.minutes for one in times if one.in_turn]
    return sum(shared) / len(shared) if shared else 0


def far_ahead(one: Airtime, mean: float) -> bool:
    """Whether a workshop had so much more than the others that its next turn can wait."""
    return one.minutes - mean >= AHEAD_MINUTES and one.minutes >= AHEAD_TIMES * mean


def departures(times: Sequence[Airtime], line_up: Sequence[tuple[int, int]]) -> list[Departure]:
    """Where a line-up departs from fairness: (workshop, minutes) for each of its rows.

    One slot is never too much: a family that is far ahead may still be seen.
    """
    mean, in_turn = average(times), [one for one in times if one.in_turn]
    if len(in_turn) < 2:
        return []
    share = sum(minutes for _, minutes in line_up) / len(in_turn)
    found = []
    for one in in_turn:
        rows = [minutes for workshop_id, minutes in line_up if workshop_id == one.workshop_id]
        if len(rows) > 1 and sum(rows) > share and far_ahead(one, mean):
            found.append(Departure(one.name, one.minutes, round(mean), sum(rows), round(share)))
    return found


async def suggest(
    session: AsyncSession,
    station_id: int,
    line_up: Sequence[tuple[int, int]],
    minutes: int,
    slot: int,
    most: int,
    now: datetime,
) -> list[int]:
    """Products that fill a line-up up to `minutes`, `slot` minutes each and at most `most` of them.

    `line_up` is what it has already: (product, minutes). Each next slot goes to the workshop
    with the least airtime, this line-up counted in; of its products that can be had, to the one
    shown longest ago. Who is equal comes in the order in which they joined.
    """
    heard = await _heard(session, station_id, now)
    had: dict[int, float] = {}
    shown: dict[int, datetime] = {}
    for one in heard:
        had[one.workshop_id] = had.get(one.workshop_id, 0) + one.seconds / 60
        shown[one.product_id] = max(one.started_at, shown.get(one.product_id, one.started_at))
    offers, chosen = await _offers(session, station_id), dict(line_up)
    for product_id, workshop_id, _ in offers:
        had[workshop_id] = had.get(workshop_id, 0) + chosen.get(product_id, 0)
    never = now - WINDOW * 2
    waiting: dict[int, list[int]] = {}
    for product_id, workshop_id, to_be_had in sorted(
        offers, key=lambda offer: (shown.get(offer[0], never), offer[0])
    ):
        if to_be_had and product_id not in chosen:
            waiting.setdefault(workshop_id, []).append(product_id)
    found: list[int] = []
    left = minutes - sum(chosen.values())
    while waiting and left >= slot and len(found) < most:
        next_one = min(waiting, key=lambda workshop_id: (had[workshop_id], workshop_id))
        found.append(waiting[next_one].pop(0))
        had[next_one] += slot
        left -= slot
        if not waiting[next_one]:
            del waiting[next_one]
    return found


async def _heard(session: AsyncSession, station_id: int, now: datetime) -> list[_Heard]:
    since = now - WINDOW
    query = (
        select(
            Product.workshop_id,
            LineUpItem.product_id,
            LineUpItem.id,
            Airing.started_at,
            Airing.ended_at,
        )
        .join(LineUpItem, LineUpItem.id == Airing.line_up_item_id)
        .join(Product, Product.id == LineUpItem.product_id)
        .join(Show, Show.id == Airing.show_id)
        .where(
            Show.station_id == station_id,
            Show.rehearsal.is_(False),
            Airing.started_at < now,
            (Airing.ended_at > since) | Airing.ended_at.is_(None),
        )
    )
    return [
        _Heard(
            workshop_id,
            product_id,
            item_id,
            started_at,
            (min(ended_at or now, now) - max(started_at, since)).total_seconds(),
        )
        for workshop_id, product_id, item_id, started_at, ended_at in await session.execute(query)
    ]


async def _planned(
    session: AsyncSession, station_id: int, now: datetime
) -> dict[int, tuple[int, int]]:
    """Minutes and slots by workshop in shows that are scheduled and not over."""
    query = (
        select(Product.workshop_id, func.sum(LineUpItem.minutes), func.count())
        .select_from(LineUpItem)
        .join(Product, Product.id == LineUpItem.product_id)
        .join(Show, Show.id == LineUpItem.show_id)
        .where(
            Show.station_id == station_id,
            Show.rehearsal.is_(False),
            Show.state.in_((ShowState.DRAFT, ShowState.READY)),
            Show.ends_at > now,
        )
        .group_by(Product.workshop_id)
    )
    return {
        workshop_id: (minutes, slots)
        for workshop_id, minutes, slots in await session.execute(query)
    }


async def _in_turn(session: AsyncSession, station_id: int) -> set[int]:
    query = (
        select(Product.workshop_id)
        .join(Workshop, Workshop.id == Product.workshop_id)
        .where(
            Product.station_id == station_id,
            Product.state == ProductState.ON_SALE,
            Workshop.active,
        )
        .distinct()
    )
    return set(await session.scalars(query))


async def _offers(session: AsyncSession, station_id: int) -> list[tuple[int, int, bool]]:
    """What is on sale: product, workshop, and whether a piece is free or made when ordered."""
    query = (
        select(Product.id, Product.workshop_id, Product.kind, Stock.on_hand > Stock.held)
        .join(Workshop, Workshop.id == Product.workshop_id)
        .join(Stock, Stock.product_id == Product.id)
        .where(
            Product.station_id == station_id,
            Product.state == ProductState.ON_SALE,
            Workshop.active,
        )
    )
    return [
        (product_id, workshop_id, bool(free) or kind == Kind.MADE_TO_ORDER)
        for product_id, workshop_id, kind, free in await session.execute(query)
    ]
