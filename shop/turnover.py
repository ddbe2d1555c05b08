"""What each family sold in a year, as the law counts it. `docs/onboarding.md`."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import Select

from catalog.checks import BEIJING
from shop.fees import STATION
from shop.models import LedgerEntry, Posting, WorkOrder


@dataclass(frozen=True, slots=True)
class Turnover:
    """What buyers paid a family for in a year, less what went back to them; postage included."""

    sold_fen: int = 0

    def part_of(self, alert_fen: int) -> int:
        """How much of the sum that is told of, in hundredths; 100 and more is past it."""
        return 100 if alert_fen <= 0 else max(0, self.sold_fen * 100 // alert_fen)


def year_of(now: datetime) -> tuple[datetime, datetime]:
    """The calendar year of Beijing that a moment lies in: its beginning, and the next one's."""
    year = now.astimezone(BEIJING).year
    return datetime(year, 1, 1, tzinfo=BEIJING), datetime(year + 1, 1, 1, tzinfo=BEIJING)


async def of_year(
    session: AsyncSession, station_id: int | None, now: datetime
) -> dict[int, Turnover]:
    """By family, what the year has come to so far: of a station, or of all."""
    start, end = year_of(now)
    query = sold_between(start, end)
    if station_id is not None:
        query = query.where(LedgerEntry.station_id == station_id)
    return {family: Turnover(int(fen)) for _, family, fen in await session.execute(query)}


def sold_between(start: datetime, end: datetime) -> Select[int, int, int]:
    """Station, family and what buyers paid it less what went back, from `start` to before `end`.

    A sale and a refund each have two sides that are the family's doing: what it is owed, and the
    station's share, whose entry names the work order. Together they are what the buyer paid.
    """
    return (
        select(WorkOrder.station_id, WorkOrder.workshop_id, func.sum(LedgerEntry.amount_fen))
        .join(LedgerEntry, LedgerEntry.work_order_id == WorkOrder.id)
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .where(
            Posting.kind.in_(("sale", "refund")),
            LedgerEntry.account.in_(("workshop", STATION)),
            LedgerEntry.at >= start,
            LedgerEntry.at < end,
        )
        .group_by(WorkOrder.station_id, WorkOrder.workshop_id)
    )
