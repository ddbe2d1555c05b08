"""Which scans followed which airing: those while it was on, and those in the ten minutes after it.

Spans are half-open, as shows are: a scan at the very moment when ten minutes are over is outside.
`docs/report.md` tells the rule in plain words.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import BigInteger, ColumnElement, column, func, select, true, values
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.db import UtcDateTime
from live.models import Scan

TAIL = timedelta(minutes=10)
"""Who saw a piece on the screen takes this long, at most, to find the phone and scan."""

# Databases take some ten thousand values with one statement; a span is three of them.
_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Spell:
    """A span of time in which something was so; `key` says what."""

    key: int
    starts_at: datetime
    ends_at: datetime

    def covers(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at


def windows(shown: Sequence[Spell]) -> list[Spell]:
    """For each piece the times in which a scan of its code counts for its airings, each once.

    A piece that was shown twice within ten minutes has one window, so no scan counts twice.
    """
    merged: defaultdict[int, list[Spell]] = defaultdict(list)
    for one in sorted(shown, key=lambda spell: spell.starts_at):
        spell, known = Spell(one.key, one.starts_at, one.ends_at + TAIL), merged[one.key]
        if known and spell.starts_at <= known[-1].ends_at:
            last = known.pop()
            spell = Spell(one.key, last.starts_at, max(last.ends_at, spell.ends_at))
        known.append(spell)
    return [spell for key in merged for spell in merged[key]]


def turns(shown: Sequence[Spell]) -> list[Spell]:
    """Which piece was on the screen, or the last to be there within ten minutes, at each moment.

    The airing that began last decides, so each moment belongs to one piece at most.
    """
    ordered = sorted(shown, key=lambda spell: spell.starts_at)
    until = [min(one.ends_at + TAIL, after.starts_at) for one, after in pairwise(ordered)]
    until += [one.ends_at + TAIL for one in ordered[-1:]]
    return [
        Spell(one.key, one.starts_at, end)
        for one, end in zip(ordered, until, strict=True)
        if one.starts_at < end
    ]


async def scans_in_windows(
    session: AsyncSession, show_id: int, spells: Sequence[Spell]
) -> Counter[int]:
    """Scans of products' own links of a show within their `windows`, by product id."""
    return await _count(session, show_id, spells, lambda key: Scan.product_id == key)


async def scans_of_show_in_turns(
    session: AsyncSession, show_id: int, spells: Sequence[Spell]
) -> Counter[int]:
    """Scans of the links that open the show itself, by the key of the turn that they fell in."""
    return await _count(session, show_id, spells, lambda _: Scan.product_id.is_(None))


async def scans_in(session: AsyncSession, show_id: int, spells: Sequence[Spell]) -> Counter[int]:
    """All scans of a show's links within some spells, by the spell's key."""
    return await _count(session, show_id, spells, lambda _: true())


async def _count(
    session: AsyncSession,
    show_id: int,
    spells: Sequence[Spell],
    fits: Callable[[ColumnElement[int]], ColumnElement[bool]],
) -> Counter[int]:
    found: Counter[int] = Counter()
    for first in range(0, len(spells), _AT_ONCE):
        some = spells[first : first + _AT_ONCE]
        of = (
            values(
                column("key", BigInteger()),
                column("starts_at", UtcDateTime()),
                column("ends_at", UtcDateTime()),
                name="spells",
            )
            .data([(one.key, one.starts_at, one.ends_at) for one in some])
            .cte("spells")
        )
        within = (Scan.at >= of.c.starts_at) & (Scan.at < of.c.ends_at)
        query = (
            select(of.c.key, func.count())
            .select_from(of)
            .join(Scan, within & fits(of.c.key))
            .where(Scan.show_id == show_id)
            .group_by(of.c.key)
        )
        found.update(dict((await session.execute(query)).all()))
    return found
