"""What the county sees of its stations: sums of a month or a quarter, and no household's own.

`docs/stations.md`. Where fewer than `LEAST_FAMILIES` stand behind a sum it is nobody's to know.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql import Select

from catalog.checks import BEIJING
from catalog.models import Station, Workshop
from live.models import Show, ShowState
from shop.models import Order, Payout, PayoutState
from shop.turnover import sold_between

LEAST_FAMILIES = 3

_OVER = (ShowState.ENDED, ShowState.REPORTED)


@dataclass(frozen=True, slots=True)
class Period:
    """A month ("2026-11") or a quarter ("2026-Q4") of Beijing's calendar: [start, end)."""

    name: str
    start: datetime
    end: datetime

    def holds(
        self, at: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]
    ) -> ColumnElement[bool]:
        return (at >= self.start) & (at < self.end)


@dataclass(frozen=True, slots=True)
class StationSums:
    """A station's line. Of what too few families stand behind, there is None.

    One that is not open yet has reason to have sold nothing.
    """

    name: str
    families: int
    sold_families: int
    shows: int
    orders: int | None
    sold_fen: int | None
    paid_out_fen: int | None
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Totals:
    """The lines together; what is not shown in one is not counted here either."""

    families: int
    sold_families: int
    shows: int
    orders: int
    sold_fen: int
    paid_out_fen: int


def read_period(typed: str, now: datetime) -> Period:
    """What an address asks for; the quarter that is going on for anything that is no period."""
    today = now.astimezone(BEIJING)
    quarter = re.fullmatch(r"(20\d\d)-Q([1-4])", typed)
    month = re.fullmatch(r"(20\d\d)-(0[1-9]|1[0-2])", typed)
    if month:
        return _months(typed, int(month[1]), int(month[2]), 1)
    if quarter:
        return _months(typed, int(quarter[1]), int(quarter[2]) * 3 - 2, 3)
    number = (today.month + 2) // 3
    return _months(f"{today.year}-Q{number}", today.year, number * 3 - 2, 3)


def _months(name: str, year: int, first: int, many: int) -> Period:
    last = first + many
    return Period(
        name,
        datetime(year, first, 1, tzinfo=BEIJING),
        datetime(year + (last > 12), (last - 1) % 12 + 1, 1, tzinfo=BEIJING),
    )


def periods(now: datetime) -> list[tuple[str, str]]:
    """What can be chosen: four quarters and twelve months back, with their names for people."""
    today = now.astimezone(BEIJING)
    months = [divmod(today.year * 12 + today.month - 1 - back, 12) for back in range(12)]
    quarters = [divmod(today.year * 4 + (today.month - 1) // 3 - back, 4) for back in range(4)]
    return [
        *((f"{year}-Q{n + 1}", f"{year} 年第{'一二三四'[n]}季度") for year, n in quarters),
        *((f"{year}-{n + 1:02d}", f"{year} 年 {n + 1} 月") for year, n in months),
    ]


async def stations(session: AsyncSession, period: Period) -> list[StationSums]:
    """A line for each station, as they joined."""
    sold = await _of_families(session, sold_between(period.start, period.end))
    paid_out = await _of_families(session, _paid_out(period))
    families = select(Workshop.station_id, func.count()).where(Workshop.active)
    shows = select(Show.station_id, func.count()).where(
        period.holds(Show.ends_at), Show.state.in_(_OVER), ~Show.rehearsal
    )
    orders = select(Order.station_id, func.count()).where(period.holds(Order.paid_at))
    counted = [
        dict((await session.execute(query.group_by(station))).all())
        for query, station in (
            (families, Workshop.station_id),
            (shows, Show.station_id),
            (orders, Order.station_id),
        )
    ]
    rows = await session.scalars(select(Station).order_by(Station.id))
    return [
        _line(row, [count.get(row.id, 0) for count in counted], sold[row.id], paid_out[row.id])
        for row in rows
    ]


def _paid_out(period: Period) -> Select[int, int, int]:
    return (
        select(Payout.station_id, Payout.workshop_id, func.sum(Payout.amount_fen))
        .where(Payout.state == PayoutState.PAID, period.holds(Payout.paid_at))
        .group_by(Payout.station_id, Payout.workshop_id)
    )


async def _of_families(
    session: AsyncSession, query: Select[int, int, int]
) -> defaultdict[int, list[int]]:
    """By station, an amount for each of its families that the query tells of."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for station_id, _, fen in await session.execute(query):
        found[station_id].append(int(fen))
    return found


def _line(
    station: Station, counted: Sequence[int], sold: Sequence[int], paid_out: Sequence[int]
) -> StationSums:
    families, shows, orders = counted
    nobody, enough = not sold, len(sold) >= LEAST_FAMILIES
    return StationSums(
        name=station.name,
        families=families,
        sold_families=len(sold),
        shows=shows,
        orders=orders if nobody or enough else None,
        sold_fen=sum(sold) if nobody or enough else None,
        paid_out_fen=sum(paid_out) if not paid_out or len(paid_out) >= LEAST_FAMILIES else None,
        is_open=station.is_open,
    )


def total(lines: Sequence[StationSums]) -> Totals:
    """The first line of the page."""

    def known(amounts: Iterable[int | None]) -> int:
        return sum(amount or 0 for amount in amounts)

    return Totals(
        families=sum(line.families for line in lines),
        sold_families=sum(line.sold_families for line in lines),
        shows=sum(line.shows for line in lines),
        orders=known(line.orders for line in lines),
        sold_fen=known(line.sold_fen for line in lines),
        paid_out_fen=known(line.paid_out_fen for line in lines),
    )
