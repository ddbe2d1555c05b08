"""Stations as strangers find them: the open ones, and the one whose pages stand at `/`."""

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.errors import NotFound, NotOpen
from catalog.models import Station


async def open_stations(session: AsyncSession) -> list[Station]:
    """The stations that strangers can buy from, as they joined."""
    query = select(Station).where(Station.is_open).order_by(Station.id)
    return list(await session.scalars(query))


def open_ids() -> Select[int]:
    """The ids of the open stations, for lists of what they have."""
    return select(Station.id).where(Station.is_open)


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


def is_open_to(station: Station, asker: Actor | None) -> bool:
    """Whether the asker may look at the station; its own members also while it is getting ready."""
    return station.is_open or (asker is not None and asker.station_id == station.id)


def must_be_open(station: Station, asker: Actor | None) -> None:
    """Raise NotOpen for strangers, while the station is getting ready; its own members see it."""
    if not is_open_to(station, asker):
        raise NotOpen(station.name)
