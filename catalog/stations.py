"""Stations as strangers find them: the open ones, and the one whose pages stand at `/`."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.errors import NotFound, NotOpen
from catalog.models import Station


async def open_stations(session: AsyncSession) -> list[Station]:
    """The stations that strangers can buy from, as they joined."""
    query = select(Station).where(Station.is_open).order_by(Station.id)
    return list(await session.scalars(query))


async def only_station(session: AsyncSession) -> Station | None:
    """The station that all pages without an address of their own are about.

    The open one; where none is open yet, the first. None with several, and with none at all.
    """
    found = await open_stations(session)
    if found:
        return found[0] if len(found) == 1 else None
    return await session.scalar(select(Station).order_by(Station.id).limit(1))


async def station_by_slug(session: AsyncSession, slug: str) -> Station:
    """The station at `/stations/{slug}`, one that is not open yet too. Raises NotFound."""
    station = await session.scalar(select(Station).where(Station.slug == slug))
    if station is None:
        raise NotFound(f"station {slug}")
    return station


def must_be_open(station: Station, asker: Actor | None) -> None:
    """Raise NotOpen for strangers, while the station is getting ready; its own members see it."""
    if not station.is_open and (asker is None or asker.station_id != station.id):
        raise NotOpen(station.name)
