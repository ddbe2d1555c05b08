"""How the items of a show stand with their buyers, for the live board: who holds, who waits.

The board is computed by `live`, which knows no holds; it is handed this at assembly.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.db import UtcDateTime, table
from catalog.touched import PRODUCT
from live.board import Standing
from live.models import LineUpItem
from live.nudges import follow
from shop.line import WAITS
from shop.models import Hold, HoldLine, HoldState, Order, OrderState, Waiter, WaiterState

follow(Waiter, PRODUCT, "product_id")

_holds, _lines, _orders = table(Hold), table(HoldLine), table(Order)
_items, _waiters = table(LineUpItem), table(Waiter)
_NOW, _SINCE = bindparam("now", type_=UtcDateTime()), bindparam("since", type_=UtcDateTime())

# Unpaid ones first: there are few of them, while the lines of a show grow with all it sold.
_OPEN = union_all(
    select(_holds.c.id, _holds.c.expires_at).where(
        _holds.c.state == HoldState.ACTIVE, _holds.c.expires_at > _NOW
    ),
    select(_holds.c.id, _holds.c.expires_at)
    .join(_orders, _orders.c.hold_id == _holds.c.id)
    .where(
        _orders.c.state == OrderState.UNPAID,
        _holds.c.state == HoldState.ORDERED,
        _holds.c.expires_at > _NOW,
    ),
).subquery("open")
_HELD = (
    select(_lines.c.product_id, func.min(_OPEN.c.expires_at).label("until"))
    .select_from(_OPEN.join(_lines, _lines.c.hold_id == _OPEN.c.id))
    .group_by(_lines.c.product_id)
    .subquery("held")
)
_WAITING = (
    select(_waiters.c.product_id, func.count().label("people"))
    .where(_waiters.c.state == WaiterState.WAITING, _waiters.c.created_at > _SINCE)
    .group_by(_waiters.c.product_id)
    .subquery("waiting")
)
_STANDINGS = (
    select(_items.c.id, _HELD.c.until, func.coalesce(_WAITING.c.people, 0))
    .select_from(
        _items.outerjoin(_HELD, _HELD.c.product_id == _items.c.product_id).outerjoin(
            _WAITING, _WAITING.c.product_id == _items.c.product_id
        )
    )
    .where(_items.c.show_id == bindparam("show"))
)


async def standings(session: AsyncSession, show_id: int, now: datetime) -> Mapping[int, Standing]:
    """By line-up item: when the first unpaid hold of its product runs out, and how many wait.

    Whoever holds it, by the show's link or not, keeps it from those who watch.
    """
    asked = {"show": show_id, "now": now, "since": now - WAITS}
    rows = await session.execute(_STANDINGS, asked)
    return {item_id: Standing(until, waiting) for item_id, until, waiting in rows}
