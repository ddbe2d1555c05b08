"""What the shop counts for pages of this package: handed in, for orders stand above it."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Sold:
    """What was paid for by those who came by one link, without postage."""

    orders: int
    pieces: int
    fen: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of the shop.

    `sold_by_link` leaves out a link by which nothing was sold. `waited_in_vain` says how many
    people waited for each product of a station in vain, since when, as it stands at a time.
    """

    sold_by_link: Callable[[AsyncSession, Collection[int]], Awaitable[Mapping[int, Sold]]]
    waited_in_vain: Callable[[AsyncSession, int, datetime, datetime], Awaitable[Mapping[int, int]]]
