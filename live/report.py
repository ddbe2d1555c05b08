"""What a show came to: when each piece was shown, and what followed. `docs/report.md`."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import structs
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import SHOW_EDITORS, Actor
from catalog.audit import record
from catalog.interface import Named
from catalog.models import AuditEntry, Member
from live.demand import missed
from live.errors import WrongShowState
from live.models import Airing, LineUpItem, Show, ShowState
from live.scans import count_scans
from live.shows import lock_show
from live.windows import (
    TAIL,
    Spell,
    scans_in,
    scans_in_windows,
    scans_of_show_in_turns,
    turns,
    windows,
)

# A timeline has at most as many columns as can be told apart.
MOST_SLICES = 48
_STEPS = (1, 2, 5, 10, 15, 30)
# All of these divide the hour, so slices that are counted from here begin at round times.
_ROUND = datetime(2000, 1, 1, tzinfo=UTC)

# What the audit trail calls the archiving of a show.
_ARCHIVED = "show.report"


@dataclass(frozen=True, slots=True)
class Sold:
    """A line of a paid order that came by a link of the show, ordered `at`; without postage."""

    product_id: int
    at: datetime
    quantity: int
    amount_fen: int
    refunded: bool


class AiringView(msgspec.Struct):
    """A span of time in which the item was the one being shown; open while it still is."""

    started_at: datetime
    ended_at: datetime | None


class Figures(msgspec.Struct, kw_only=True):
    """What followed from something's airings.

    `scans_in_window` of the `scans` fell in an airing or the ten minutes after it. `holds` counts
    the times that a buyer held it, paid for or not. Of what was `sold`, paid for whenever,
    `refunded` pieces went back since; amounts are without postage. `missed` are scans that found
    nothing to buy.
    """

    airtime_seconds: int = 0
    scans: int = 0
    scans_in_window: int = 0
    holds: int = 0
    sold: int = 0
    sold_fen: int = 0
    refunded: int = 0
    refunded_fen: int = 0
    kept_fen: int = 0
    missed: int = 0


class ReportItem(Figures, kw_only=True):
    """One line-up item. Its `scans` are those of its own links, and of the show's in its turn."""

    line_up_item: int
    product: int
    name: str
    workshop: Named
    airings: list[AiringView]


class WorkshopSums(Figures, kw_only=True):
    """The sums over the items of one workshop."""

    workshop: Named
    items: int


class Slice(msgspec.Struct, kw_only=True):
    """Some minutes of the show: scans, and pieces that were ordered then and paid for."""

    at: datetime
    scans: int
    sold: int


class Report(msgspec.Struct, kw_only=True):
    """What a show came to, or has come to so far.

    `others` is what came by the show's links and belongs to no item of its line-up. `totals` are
    the sums of `items` and `others`. `timeline` has a slice for each `step_minutes` from the
    start to ten minutes after the end.
    """

    show: int
    title: str
    state: ShowState
    rehearsal: bool
    started_at: datetime | None
    ended_at: datetime | None
    items: list[ReportItem]
    others: Figures
    workshops: list[WorkshopSums]
    totals: Figures
    step_minutes: int
    timeline: list[Slice]


async def report(
    session: AsyncSession,
    show: Show,
    holds: Mapping[int, int],
    sales: Sequence[Sold],
    now: datetime,
) -> Report:
    """The report of a show loaded by `show_for`. The shop tells `holds` by product, and `sales`."""
    airings = await _airings(session, show)
    shown = [
        Spell(item.product_id, one.started_at, one.ended_at or now)
        for item in show.items
        for one in airings[item.id]
    ]
    found = await _figures(session, show.id, shown)
    for product_id, count in holds.items():
        found[product_id].holds += count
    for sold in sales:
        _count_sale(found[sold.product_id], sold)
    items = [
        _item(item, airings[item.id], found.pop(item.product_id, Figures())) for item in show.items
    ]
    others = _sum(found.values())
    step, timeline = await _timeline(session, show, sales, now)
    return Report(
        show=show.id,
        title=show.title,
        state=show.state,
        rehearsal=show.rehearsal,
        started_at=show.started_at,
        ended_at=show.ended_at,
        items=items,
        others=others,
        workshops=_workshops(items),
        totals=_sum([*items, others]),
        step_minutes=step,
        timeline=timeline,
    )


async def _airings(session: AsyncSession, show: Show) -> defaultdict[int, list[Airing]]:
    """When each line-up item was shown, by its id, in the order of time."""
    found: defaultdict[int, list[Airing]] = defaultdict(list)
    query = select(Airing).where(Airing.show_id == show.id)
    for airing in await session.scalars(query.order_by(Airing.started_at, Airing.id)):
        found[airing.line_up_item_id].append(airing)
    return found


async def _figures(
    session: AsyncSession, show_id: int, shown: Sequence[Spell]
) -> defaultdict[int | None, Figures]:
    """What airings and scans say of each product; None stands for what belongs to none."""
    found: defaultdict[int | None, Figures] = defaultdict(Figures)
    for spell in shown:
        found[spell.key].airtime_seconds += int((spell.ends_at - spell.starts_at).total_seconds())
    for product, count in (await count_scans(session, show_id)).items():
        found[product].scans += count
    for product, count in (await scans_in_windows(session, show_id, windows(shown))).items():
        found[product].scans_in_window += count
    in_turn = await scans_of_show_in_turns(session, show_id, turns(shown))
    for product, count in in_turn.items():
        found[product].scans += count
        found[product].scans_in_window += count
        found[None].scans -= count
    for product, count in (await missed(session, show_id)).items():
        found[product].missed += count
    return found


def _count_sale(figures: Figures, sold: Sold) -> None:
    figures.sold += sold.quantity
    figures.sold_fen += sold.amount_fen
    if sold.refunded:
        figures.refunded += sold.quantity
        figures.refunded_fen += sold.amount_fen
    figures.kept_fen = figures.sold_fen - figures.refunded_fen


def _item(item: LineUpItem, airings: Sequence[Airing], figures: Figures) -> ReportItem:
    workshop = item.product.workshop
    return ReportItem(
        line_up_item=item.id,
        product=item.product_id,
        name=item.product.name,
        workshop=Named(workshop.id, workshop.name),
        airings=[AiringView(airing.started_at, airing.ended_at) for airing in airings],
        **structs.asdict(figures),
    )


def _workshops(items: Sequence[ReportItem]) -> list[WorkshopSums]:
    """The workshops of a line-up, in the order in which they first come up."""
    grouped: defaultdict[int, list[ReportItem]] = defaultdict(list)
    for item in items:
        grouped[item.workshop.id].append(item)
    return [
        WorkshopSums(workshop=some[0].workshop, items=len(some), **structs.asdict(_sum(some)))
        for some in grouped.values()
    ]


def _sum(parts: Iterable[Figures]) -> Figures:
    added: Counter[str] = Counter()
    for part in parts:
        added.update({name: getattr(part, name) for name in Figures.__struct_fields__})
    return Figures(**added)


async def _timeline(
    session: AsyncSession, show: Show, sales: Sequence[Sold], now: datetime
) -> tuple[int, list[Slice]]:
    """How many minutes a slice has, and the slices; a show that was never on air has none."""
    if show.started_at is None:
        return _STEPS[0], []
    step, slices = slices_of(show.started_at, (show.ended_at or now) + TAIL)
    scans = await scans_in(session, show.id, slices)
    sold: Counter[int] = Counter()
    for sale in sales:
        sold.update({one.key: sale.quantity for one in slices if one.covers(sale.at)})
    minutes = int(step.total_seconds()) // 60
    return minutes, [
        Slice(at=one.starts_at, scans=scans[one.key], sold=sold[one.key]) for one in slices
    ]


def slices_of(start: datetime, end: datetime) -> tuple[timedelta, list[Spell]]:
    """A stretch of time in slices that begin at round times; `MOST_SLICES` of half an hour at most."""
    lengths = [timedelta(minutes=minutes) for minutes in _STEPS]
    step = next((one for one in lengths if (end - start) / one < MOST_SLICES - 1), lengths[-1])
    first = start - (start - _ROUND) % step
    count = min(MOST_SLICES, math.ceil((end - first) / step))
    return step, [
        Spell(n, first + step * n, min(first + step * (n + 1), end)) for n in range(count)
    ]


async def archive_show(session: AsyncSession, actor: Actor, show_id: int, now: datetime) -> Show:
    """The show is done with: it is not taken up again. Repeating changes nothing.

    Its figures go on: who pays or sends back later still counts. Raises NotFound, WrongShowState.
    """
    actor.must_be(SHOW_EDITORS)
    show = await lock_show(session, actor, show_id)
    if show.state == ShowState.REPORTED:
        return show
    if show.state != ShowState.ENDED:
        raise WrongShowState("这一场还没有结束，结束以后才能归档。")
    show.state = ShowState.REPORTED
    before, after = {"state": ShowState.ENDED}, {"state": ShowState.REPORTED}
    record(session, actor, _ARCHIVED, show, now, before=before, after=after)
    await session.flush()
    return show


async def archived_by(session: AsyncSession, show_id: int) -> tuple[str, datetime] | None:
    """Who archived a show, and when; None while nobody has."""
    query = (
        select(Member.name, AuditEntry.at)
        .join(Member, Member.id == AuditEntry.member_id)
        .where(AuditEntry.action == _ARCHIVED, AuditEntry.subject == Show.__tablename__)
        .where(AuditEntry.subject_id == show_id)
    )
    found = (await session.execute(query)).first()
    return (found.name, found.at) if found else None
