"""Families that are checked, in stations that look before they sell, for the tests."""

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import select, update

from catalog.db import Sessions
from catalog.models import CheckKind, Member, Station, Workshop, WorkshopCheck
from tests.making import NOON


async def make_strict(sessions: Sessions, station: Station) -> None:
    """From now on a second person looks at what the station sells."""
    async with sessions.begin() as session:
        await session.execute(
            update(Station).where(Station.id == station.id).values(review_products=True)
        )


async def make_checks(
    sessions: Sessions,
    workshop: Workshop,
    member: Member,
    kinds: Iterable[CheckKind] = CheckKind,
    *,
    renew_on: date | None = None,
    at: datetime = NOON,
) -> None:
    """The member has made sure of these things about a family."""
    async with sessions.begin() as session:
        session.add_all(
            WorkshopCheck(
                station_id=workshop.station_id,
                workshop_id=workshop.id,
                kind=kind,
                renew_on=renew_on,
                checked_by=member.id,
                checked_at=at,
            )
            for kind in kinds
        )


async def all_checks(sessions: Sessions) -> list[WorkshopCheck]:
    async with sessions() as session:
        return list(await session.scalars(select(WorkshopCheck).order_by(WorkshopCheck.id)))
