"""What happened on paper, written down afterwards: when each piece was shown, what was sold for cash.

The airings of a show are given whole, those that the console noted among them: where it noted one
piece for the whole outage, that one's end is put right and the others stand behind it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog import stock
from catalog.access import Actor
from catalog.audit import record
from catalog.checks import BEIJING, MOST_PIECES, Check
from catalog.errors import Invalid
from catalog.models import Kind
from live import selling
from live.errors import WrongShowState
from live.models import Airing, LineUpItem, Show, ShowState
from live.shows import lock_show

MOST_AIRINGS = 300
MINUTE = timedelta(minutes=1)
"""Paper and forms know no seconds, the console does."""
ALLOWED = (ShowState.LIVE, ShowState.ENDED)


@dataclass(slots=True)
class Span:
    """One airing as it was typed, checked. `airing` is the one it puts right, None for a new one."""

    row: int
    airing: Airing | None
    item_id: int
    started_at: datetime
    ended_at: datetime


async def airings_of(session: AsyncSession, show_id: int) -> list[Airing]:
    """A show's airings in the order in which they happened."""
    query = select(Airing).where(Airing.show_id == show_id)
    return list(await session.scalars(query.order_by(Airing.started_at, Airing.id)))


async def type_in(
    session: AsyncSession,
    actor: Actor,
    show_id: int,
    airings: Sequence[Mapping[str, str]],
    sales: Sequence[Mapping[str, str]],
    now: datetime,
) -> Show:
    """Write down airings and cash sales of a show that is on air or over; all of it, or nothing.

    An airing: `id` (empty for a new one), `item`, `from`, `to`, Beijing's time; a row with none of
    the last three is passed over. A sale: `item`, `pieces`, and `seen`, the count on hand that the
    person saw, so that a form sent twice counts once. Locks the show, then items and stock by
    product. Raises Invalid with the fault of each field (`airings.3.to`, `sales.0.pieces`), and
    WrongShowState; the caller's transaction then keeps nothing.
    """
    show = await lock_show(session, actor, show_id)
    if show.state not in ALLOWED:
        raise WrongShowState(
            "这一场已经归档，不能再补记。"
            if show.state == ShowState.REPORTED
            else "这一场还没有开播，没有要补记的。"
        )
    check = Check()
    kept = {airing.id: airing for airing in await airings_of(session, show.id)}
    spans = _read_airings(check, show, kept, airings, now)
    open_ones = [airing for airing in kept.values() if airing.ended_at is None]
    _refuse_overlaps(check, show, open_ones, spans)
    sold = await _in_stock(session, check, _read_sales(check, show, sales))
    check.done()
    await _write_airings(session, actor, show, spans, now)
    await _sell(session, actor, show, sold, now)
    await session.flush()
    return show


def day_of(show: Show, now: datetime) -> tuple[datetime, datetime]:
    """Between which moments its airings lie: from midnight of the day it began in Beijing, to the
    next midnight, or its end where that is later; never in the future."""
    begin = (show.started_at or show.starts_at).astimezone(BEIJING)
    midnight = datetime.combine(begin.date(), time(), BEIJING)
    end = max(midnight + timedelta(days=1), show.ended_at or now)
    return midnight, min(end, now)


def _read_airings(
    check: Check,
    show: Show,
    kept: Mapping[int, Airing],
    rows: Sequence[Mapping[str, str]],
    now: datetime,
) -> list[Span]:
    if len(rows) > MOST_AIRINGS:
        raise Invalid({"": f"一次最多 {MOST_AIRINGS} 行。"})
    spans = [_read_airing(check, show, kept, n, row, now) for n, row in enumerate(rows)]
    return [span for span in spans if span is not None]


def _read_airing(
    check: Check,
    show: Show,
    kept: Mapping[int, Airing],
    n: int,
    row: Mapping[str, str],
    now: datetime,
) -> Span | None:
    airing = kept.get(_number(row.get("id")))
    if airing is not None and airing.ended_at is None:
        # What is being shown now is the console's business.
        return None
    if not any(row.get(field, "").strip() for field in ("item", "from", "to")):
        if airing is not None:
            check.fault(f"airings.{n}.from", "中控台记下的这一段不能清空，时间不对就改时间。")
        return None
    field = f"airings.{n}"
    item_id = _number(row.get("item"))
    if item_id not in {item.id for item in show.items}:
        check.fault(f"{field}.item", "请选择讲的是哪一件。")
    begin = check.beijing_time(f"{field}.from", row.get("from"), "开讲的时间")
    end = check.beijing_time(f"{field}.to", row.get("to"), "讲完的时间")
    if begin is None or end is None:
        return None
    begin, end = _as_before(airing, begin, end)
    earliest, latest = day_of(show, now)
    if begin < earliest or begin > latest:
        check.fault(f"{field}.from", _outside(earliest, begin, now))
    elif end > latest:
        check.fault(f"{field}.to", _outside(earliest, end, now))
    elif end <= begin:
        check.fault(f"{field}.to", "讲完的时间要在开讲之后。")
    return Span(n, airing, item_id, begin, end)


def _as_before(airing: Airing | None, begin: datetime, end: datetime) -> tuple[datetime, datetime]:
    """What was not touched keeps the seconds that it had."""
    if airing is None or airing.ended_at is None:
        return begin, end
    begin = airing.started_at if timedelta() <= airing.started_at - begin < MINUTE else begin
    end = airing.ended_at if timedelta() <= airing.ended_at - end < MINUTE else end
    return begin, end


def _outside(earliest: datetime, at: datetime, now: datetime) -> str:
    if at > now:
        return "这个时间还没有到。"
    return f"要在这一场的那一天：{earliest.month}月{earliest.day}日。"


def _refuse_overlaps(
    check: Check, show: Show, open_ones: Sequence[Airing], spans: Sequence[Span]
) -> None:
    """One thing is shown at a time. The fault stands at the later of two; what overlaps by less
    than a minute is fitted together."""
    names = {item.id: item.product.name for item in show.items}
    in_order = sorted(spans, key=lambda span: (span.started_at, span.row))
    for before, after in pairwise(in_order):
        _fit(before, after)
        if after.started_at < before.ended_at:
            told = f"{_clock(before.started_at)}–{_clock(before.ended_at)}"
            same = before.item_id == after.item_id
            what = "同一件" if same else f"“{names.get(before.item_id, '')}”"
            check.fault(f"airings.{after.row}.from", f"和{told}的{what}重叠了。同一时间只讲一件。")
    for airing in open_ones:
        for span in spans:
            if airing.started_at < span.ended_at < airing.started_at + MINUTE:
                span.ended_at = airing.started_at
            if span.ended_at > airing.started_at:
                name, clock = names.get(airing.line_up_item_id, ""), _clock(airing.started_at)
                check.fault(f"airings.{span.row}.to", f"{clock} 起正在讲“{name}”，要在那以前讲完。")


def _fit(before: Span, after: Span) -> None:
    """Of two that overlap by seconds the typed one gives way, as long as something is left of it."""
    if not timedelta() < before.ended_at - after.started_at < MINUTE:
        return
    typed = before.airing is None or before.ended_at != before.airing.ended_at
    if typed and after.started_at > before.started_at:
        before.ended_at = after.started_at
    elif before.ended_at < after.ended_at:
        after.started_at = before.ended_at


def _read_sales(
    check: Check, show: Show, rows: Sequence[Mapping[str, str]]
) -> list[tuple[int, LineUpItem, int, str]]:
    """Row, item, pieces and what the person saw, of each row with pieces in it."""
    items = {item.id: item for item in show.items}
    sold: list[tuple[int, LineUpItem, int, str]] = []
    for n, row in enumerate(rows):
        if not row.get("pieces", "").strip():
            continue
        field = f"sales.{n}.pieces"
        pieces = check.integer(field, row["pieces"], "卖出的件数", least=0, most=MOST_PIECES)
        item = items.get(_number(row.get("item")))
        if item is None:
            check.fault(field, "这件不在这一场的讲解单里。")
        elif pieces and item.product.kind == Kind.MADE_TO_ORDER:
            check.fault(field, "定做的没有现货，不用记。")
        elif pieces and item.id in {earlier.id for _, earlier, _, _ in sold}:
            check.fault(field, "同一件写了两行，请合在一行。")
        elif pieces:
            sold.append((n, item, pieces, row.get("seen", "")))
    return sold


async def _write_airings(
    session: AsyncSession, actor: Actor, show: Show, spans: Sequence[Span], now: datetime
) -> None:
    before, after = [], []
    for span in spans:
        airing = span.airing
        wanted = (span.item_id, span.started_at, span.ended_at)
        if airing is None:
            airing = Airing(station_id=show.station_id, show_id=show.id)
            session.add(airing)
        elif (airing.line_up_item_id, airing.started_at, airing.ended_at) == wanted:
            continue
        else:
            before.append(_facts(airing))
        airing.line_up_item_id, airing.started_at, airing.ended_at = wanted
        airing.typed_by = actor.member_id
        after.append(_facts(airing))
    if after:
        told = {"airings": after}
        record(session, actor, "show.type_in", show, now, before={"airings": before}, after=told)


async def _in_stock(
    session: AsyncSession, check: Check, sold: Sequence[tuple[int, LineUpItem, int, str]]
) -> list[tuple[LineUpItem, int]]:
    """Item and pieces of the sales that are not counted yet, by product, their stock locked."""
    await selling.lock(session, [(item.product_id, item.id) for _, item, _, _ in sold])
    fresh = []
    for n, item, pieces, seen in sorted(sold, key=lambda one: one[1].product_id):
        row = item.product.stock
        await session.refresh(item, with_for_update={"key_share": True})
        await session.refresh(row)
        if seen and seen == str(row.on_hand + pieces):
            continue
        there = row.free + item.allotment_left
        if pieces > there:
            check.fault(f"sales.{n}.pieces", _too_few(there, row.held - item.allotment_left))
        fresh.append((item, pieces))
    return fresh


async def _sell(
    session: AsyncSession,
    actor: Actor,
    show: Show,
    sold: Sequence[tuple[LineUpItem, int]],
    now: datetime,
) -> None:
    """Count sold pieces out of stock; of what the show keeps for itself first."""
    reason = f"“{show.title}”现金卖出，纸上补记"
    for item, pieces in sold:
        fenced = min(item.allotment_left, pieces)
        if fenced:
            item.allotment -= fenced
            item.allotment_left -= fenced
            await stock.release(session, item.product_id, fenced)
        await stock.change(session, actor, item.product, -pieces, reason, now)


def _too_few(there: int, promised: int) -> str:
    if promised:
        return f"现在只有 {there} 件能记成卖出，另有 {promised} 件已经答应了买家。"
    return f"现在只有 {there} 件，记不了这么多。"


def _facts(airing: Airing) -> dict[str, Any]:
    return {
        "line_up_item": airing.line_up_item_id,
        "from": airing.started_at.isoformat(),
        "to": airing.ended_at.isoformat() if airing.ended_at else None,
    }


def _clock(at: datetime) -> str:
    return f"{at.astimezone(BEIJING):%H:%M}"


def _number(typed: str | None) -> int:
    typed = (typed or "").strip()
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else 0
