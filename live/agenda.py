"""What the desk lists of its shows: what comes, what is over, and where shows have been."""

from datetime import datetime

from sqlalchemy import not_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from live.models import Show, ShowState
from live.shows import OPEN

PAGE = 50


async def agenda(
    session: AsyncSession,
    station_id: int,
    now: datetime,
    *,
    states: tuple[ShowState, ...] = tuple(ShowState),
    before: datetime | None = None,
    most: int = PAGE,
) -> tuple[list[Show], list[Show]]:
    """What is on air or still to come, soonest first, and what is over, latest first.

    `before` turns the pages of what is over: only shows that began earlier.
    """
    query = select(Show).where(Show.station_id == station_id, Show.state.in_(states))
    query = query.options(selectinload(Show.host), selectinload(Show.items))
    ahead = (Show.state == ShowState.LIVE) | (Show.state.in_(OPEN) & (Show.ends_at > now))
    coming = query.where(ahead).order_by(Show.starts_at, Show.id)
    over = query.where(not_(ahead)).order_by(Show.starts_at.desc(), Show.id.desc()).limit(most)
    if before is not None:
        return [], list(await session.scalars(over.where(Show.starts_at < before)))
    return list(await session.scalars(coming)), list(await session.scalars(over))


async def places(session: AsyncSession, station_id: int) -> list[str]:
    """Where the station's shows have been; the same place is known by the same words."""
    query = select(Show.place).where(Show.station_id == station_id, Show.place != "")
    return list(await session.scalars(query.distinct().order_by(Show.place).limit(50)))
