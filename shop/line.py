"""Who stands in line for a piece that others hold, as those see it who make holds.

`shop/waiting.py` puts buyers into the line and serves them; `docs/holds.md` has the rules.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.db import table
from catalog.one_of import one_of
from live.models import LineUpItem, Link, Show, ShowState
from shop.models import Waiter, WaiterState

# Who was not served within a day is waiting no more.
WAITS = timedelta(hours=24)

Line = Counter[int | None]
"""How many wait for a product, by the line-up item whose pieces are theirs too while it is on air."""

_waiters, _links = table(Waiter), table(Link)
_items, _shows = table(LineUpItem), table(Show)
_IN_LINE = (
    select(_waiters.c.product_id, _items.c.id)
    .select_from(_waiters)
    .outerjoin(_links, (_links.c.id == _waiters.c.link_id) & _links.c.retired_at.is_(None))
    .outerjoin(
        _items,
        (_items.c.show_id == _links.c.show_id)
        & (_items.c.product_id == _waiters.c.product_id)
        & exists().where(_shows.c.id == _items.c.show_id, _shows.c.state == ShowState.LIVE),
    )
    .where(
        one_of(_waiters.c.product_id, "products"),
        _waiters.c.state == WaiterState.WAITING,
        _waiters.c.created_at > bindparam("since"),
    )
)


def still_waiting(now: datetime) -> ColumnElement[bool]:
    """Whether a waiter has neither been served nor left, nor waited too long."""
    return and_(Waiter.state == WaiterState.WAITING, Waiter.created_at > now - WAITS)


async def in_line(
    session: AsyncSession, product_ids: Collection[int], now: datetime
) -> Mapping[int, Line]:
    """Who waits for products, by product; nothing for those that nobody waits for."""
    found: defaultdict[int, Line] = defaultdict(Counter)
    asked = {"products": sorted(product_ids), "since": now - WAITS}
    for product_id, item_id in await session.execute(_IN_LINE, asked):
        found[product_id][item_id] += 1
    return found
