"""A rehearsal takes no real money: what was bought by its links is paid for in rehearsal, or not at all.

Where the installation itself pays through the rehearsal gateway nothing is asked and everything
works. Anywhere else an order with a line of a rehearsal show is refused, and its hold stays.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from live.models import Link, Show
from shop.drafts import Draft
from shop.errors import RehearsalShow
from shop.gateways import REHEARSAL
from shop.holds import give_back
from shop.models import HoldLine, HoldState, Order


async def turn_away(session: AsyncSession, drafts: dict[int, Draft]) -> dict[int, RehearsalShow]:
    """Take out of `drafts` what would pay real money for a rehearsal.

    A hold that was there before stays as it was; pieces taken for the order itself are free again.
    """
    real = {n: draft for n, draft in drafts.items() if draft.request.gateway != REHEARSAL}
    links = {line.link_id for draft in real.values() for line in draft.hold.lines if line.link_id}
    rehearsed = await _of_rehearsals(session, links)
    away = {
        n: drafts.pop(n)
        for n, draft in real.items()
        if any(line.link_id in rehearsed for line in draft.hold.lines)
    }
    made_now = [draft.hold for draft in away.values() if draft.request.hold is None]
    kept = [hold for hold in made_now if hold.state == HoldState.ACTIVE]
    if kept:
        await give_back(session, kept, HoldState.RELEASED)
    return {n: RehearsalShow(f"hold {draft.hold.id}") for n, draft in away.items()}


async def must_be_real(session: AsyncSession, order_id: int, gateway: str) -> None:
    """Raise RehearsalShow when an order of a rehearsal would be paid for with real money."""
    if gateway == REHEARSAL:
        return
    if await session.scalar(select(Order.id).where(Order.id == order_id, of_rehearsal())):
        raise RehearsalShow(f"order {order_id}")


def of_rehearsal() -> ColumnElement[bool]:
    """Whether an order has a line that was bought by a link of a rehearsal."""
    return exists().where(
        HoldLine.hold_id == Order.hold_id,
        Link.id == HoldLine.link_id,
        Show.id == Link.show_id,
        Show.rehearsal,
    )


async def _of_rehearsals(session: AsyncSession, link_ids: Collection[int]) -> set[int]:
    if not link_ids:
        return set()
    query = select(Link.id).join(Show, Show.id == Link.show_id).where(Link.id.in_(link_ids))
    return set(await session.scalars(query.where(Show.rehearsal)))
