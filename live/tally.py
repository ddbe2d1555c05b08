"""The scans of a show by product, counted on from where the last count ended.

A long show has a hundred thousand of them, and its board is computed every second. Scans that have
been there for a while are counted once and remembered; only the latest are counted each time.
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, case, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.db import table
from live.models import Scan

Counts = Counter[int | None]
"""Scans by product id; None stands for scans of the show itself."""

# Ids are given out before the commit, so a scan may turn up behind one that was counted already.
# A batch takes milliseconds to commit, and after this long nothing turns up any more.
SETTLED_SECONDS = 10.0
# Should scans be written otherwise, from a backup for instance, this sets it right.
RECOUNT_SECONDS = 600.0
MOST_SHOWS = 100

_scans = table(Scan)
_OLD = case((_scans.c.id <= bindparam("settled"), 1), else_=0)
_COUNT = select(_scans.c.product_id, _OLD, func.count(), func.max(_scans.c.id)).group_by(
    _scans.c.product_id, _OLD
)
_ALL = _COUNT.where(_scans.c.show_id == bindparam("show"))
# In the first seconds everything is counted each time: this one reads nothing but the index.
_WHOLE = (
    select(_scans.c.product_id, literal_column("0"), func.count(), func.max(_scans.c.id))
    .where(_scans.c.show_id == bindparam("show"))
    .group_by(_scans.c.product_id)
)
# As a sum, so that neither database takes the index of the show: the new ids are few, while the
# rows of the show are many.
_LATEST = _COUNT.where(
    _scans.c.id > bindparam("counted"),
    _scans.c.show_id + literal_column("0") == bindparam("show"),
)


class Tally:
    """The scans of one show, as one process counts them."""

    def __init__(self, show_id: int, settled_seconds: float = SETTLED_SECONDS) -> None:
        self._show_id, self._settled_seconds = show_id, settled_seconds
        self.begun_at = time.monotonic()
        # Scans up to `_counted` are in `_counts`; those up to `_settled` will join them next.
        self._counts: Counts = Counter()
        self._counted = self._settled = 0
        self._settled_at = self.begun_at

    async def count(self, session: AsyncSession) -> Counts:
        """All scans of the show now."""
        asked = {"show": self._show_id, "settled": self._settled, "counted": self._counted}
        before, due = self._counts, self._is_due()
        query = _LATEST if self._counted else _ALL if due and self._settled else _WHOLE
        rows = (await session.execute(query, asked)).all()
        counts = before.copy()
        for product_id, _, count, _ in rows:
            counts[product_id] += count
        # Who counted at the same time has not advanced meanwhile.
        if due and before is self._counts:
            self._advance(rows)
        return counts

    def _is_due(self) -> bool:
        waited = time.monotonic() - self._settled_at
        return not self._settled or waited >= self._settled_seconds

    def _advance(self, rows: Sequence[Any]) -> None:
        old = Counter({product_id: count for product_id, is_old, count, _ in rows if is_old})
        self._counts = self._counts + old
        self._counted = self._settled
        self._settled = max([self._settled, *(last for *_, last in rows)])
        self._settled_at = time.monotonic()


class Tallies:
    """The tallies of the shows that this process has counted lately."""

    def __init__(self, most: int = MOST_SHOWS) -> None:
        self._most = most
        self._tallies: OrderedDict[int, Tally] = OrderedDict()

    async def count(self, session: AsyncSession, show_id: int) -> Counts:
        """All scans of a show now."""
        tally = self._tallies.get(show_id)
        if tally is None or time.monotonic() - tally.begun_at > RECOUNT_SECONDS:
            tally = self._tallies[show_id] = Tally(show_id)
            if len(self._tallies) > self._most:
                self._tallies.popitem(last=False)
        return await tally.count(session)
