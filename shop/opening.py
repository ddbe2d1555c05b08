"""Who may buy while a station is getting ready: its own members, to try things out."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.checks import Check
from catalog.db import MOST_ID, table
from catalog.errors import NotOpen
from catalog.models import Product, Station
from live.models import Link
from media.codes import normalise
from shop.holding import Wanted
from shop.models import Hold

_stations = table(Station)
_CLOSED = select(_stations.c.id, _stations.c.name).where(~_stations.c.is_open)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What somebody wants held or ordered: things, or a hold by its token; `of_station` is a member's."""

    wanted: tuple[Wanted, ...]
    of_station: int | None
    hold: str | None = None


async def turned_away(session: AsyncSession, asked: Sequence[Asked]) -> dict[int, NotOpen]:
    """Those of `asked`, by their place, that want something of a station that is not open to them.

    One small query where all stations are open. What nobody has is left for others to tell.
    """
    closed: dict[int, str] = dict((await session.execute(_CLOSED)).all())
    if not closed:
        return {}
    away = {}
    for place, one in enumerate(asked):
        shut = (closed.keys() & await _stations_of(session, one)) - {one.of_station}
        if shut:
            away[place] = NotOpen(closed[min(shut)])
    return away


async def _stations_of(session: AsyncSession, one: Asked) -> set[int]:
    codes = [normalise(wanted.link) for wanted in one.wanted if wanted.link]
    numbers = [
        Check().integer("product", wanted.product, "作品", least=0, most=MOST_ID)
        for wanted in one.wanted
        if wanted.product
    ]
    found = set(await session.scalars(select(Link.station_id).where(Link.code.in_(codes))))
    found |= set(await session.scalars(select(Product.station_id).where(Product.id.in_(numbers))))
    if one.hold:
        found |= set(await session.scalars(select(Hold.station_id).where(Hold.token == one.hold)))
    return found
