"""Holds: pieces promised to one buyer for some minutes. `docs/holds.md` has the state diagram.

All functions work inside the caller's transaction. `shop/holding.py` makes holds, and
`shop/buying.py` is what pages and the API call.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from catalog.db import Database, table
from catalog.errors import NotFound
from catalog.models import Kind, Product, Workshop
from catalog.one_of import one_of
from live.selling import Pieces, Share
from shop.models import Hold, HoldLine, HoldState, Order, OrderState

SHOWN = timedelta(minutes=12)
# Three minutes more than the buyer sees, for a slow form and a slow clock.
KEPT = timedelta(minutes=15)
_holds, _lines = table(Hold), table(HoldLine)
_products, _workshops = table(Product), table(Workshop)


@dataclass(slots=True)
class HeldLine:
    """A line of a hold: `fenced` of its pieces came out of the show's allotment."""

    product_id: int
    name: str
    kind: Kind
    work_days: int
    workshop_id: int
    workshop_name: str
    line_up_item_id: int | None
    link_id: int | None
    quantity: int
    fenced: int
    unit_fen: int

    @property
    def share(self) -> Share:
        """What it keeps of stock and show."""
        carved = self.kind == Kind.MADE_TO_ORDER
        return Share(self.product_id, self.line_up_item_id, self.quantity, carved, self.fenced)


@dataclass(slots=True)
class Held:
    """A hold as it was read under lock, or has just been made."""

    id: int
    station_id: int
    token: str
    browser: str
    state: HoldState
    shown_until: datetime
    expires_at: datetime
    lines: list[HeldLine] = field(default_factory=list)

    @property
    def quantities(self) -> dict[int, int]:
        """How many of each product."""
        return {line.product_id: line.quantity for line in self.lines}


READ = (
    select(
        _holds.c.id,
        _holds.c.station_id,
        _holds.c.token,
        _holds.c.browser,
        _holds.c.state,
        _holds.c.shown_until,
        _holds.c.expires_at,
        _lines.c.product_id,
        _products.c.name,
        _products.c.kind,
        _products.c.work_days,
        _products.c.workshop_id,
        _workshops.c.name.label("workshop_name"),
        _lines.c.line_up_item_id,
        _lines.c.link_id,
        _lines.c.quantity,
        _lines.c.fenced,
        _lines.c.unit_fen,
    )
    .join(_lines, _lines.c.hold_id == _holds.c.id)
    .join(_products, _products.c.id == _lines.c.product_id)
    .join(_workshops, _workshops.c.id == _products.c.workshop_id)
    .order_by(_holds.c.id, _lines.c.product_id)
    .with_for_update(of=_holds)
)
_BY_TOKEN = READ.where(one_of(_holds.c.token, "tokens"))
_BY_ID = READ.where(one_of(_holds.c.id, "ids"))
_CLOSE = update(_holds).where(one_of(_holds.c.id, "ids")).values(state=bindparam("closed"))


async def get_hold(session: AsyncSession, token: str) -> Hold:
    """The hold of a token, with all that its page shows. Raises NotFound."""
    hold = await session.scalar(
        select(Hold)
        .where(Hold.token == token)
        .options(
            selectinload(Hold.lines).joinedload(HoldLine.product).joinedload(Product.workshop),
            selectinload(Hold.lines).joinedload(HoldLine.product).selectinload(Product.photos),
        )
        .execution_options(populate_existing=True)
    )
    if hold is None:
        raise NotFound("hold")
    return hold


async def lock_holds(session: AsyncSession, tokens: Iterable[str]) -> dict[str, Held]:
    """The holds of tokens, by token, locked by id until the caller is done. One query."""
    return {hold.token: hold for hold in await locked(session, _BY_TOKEN, {"tokens": [*tokens]})}


async def lock_hold_of_order(session: AsyncSession, hold_id: int) -> Held:
    """The hold that an order stands on, locked until the caller is done."""
    (hold,) = await locked(session, _BY_ID, {"ids": [hold_id]})
    return hold


async def locked(session: AsyncSession, query: Any, asked: Mapping[str, object]) -> list[Held]:
    holds: dict[int, Held] = {}
    for row in await session.execute(query, asked):
        hold = holds.get(row[0])
        if hold is None:
            hold = holds[row[0]] = Held(*row[:7])
        hold.lines.append(HeldLine(*row[7:]))
    return list(holds.values())


async def pays_first(session: AsyncSession, order_id: int) -> bool:
    """Whether nothing was kept for an order: its pieces are taken when its money has come."""
    query = select(Hold.state).join(Order, Order.hold_id == Hold.id).where(Order.id == order_id)
    return await session.scalar(query) == HoldState.PAY_FIRST


def is_open(hold: Hold | Held, now: datetime) -> bool:
    """Whether the hold can still become an order."""
    return hold.state in (HoldState.ACTIVE, HoldState.PAY_FIRST) and now < hold.expires_at


async def release_hold(session: AsyncSession, token: str) -> list[int]:
    """The buyer changed their mind: free the pieces; the products of which some are free now.

    Repeating, or after the order, changes nothing. Raises NotFound.
    """
    hold = (await lock_holds(session, [token])).get(token)
    if hold is None:
        raise NotFound("hold")
    if hold.state != HoldState.ACTIVE:
        return []
    await give_back(session, [hold], HoldState.RELEASED)
    return list(hold.quantities)


async def give_back(session: AsyncSession, holds: Sequence[Held], state: HoldState) -> None:
    """Free the pieces of holds that the caller has locked, and close them as `state`."""
    shares = [line.share for hold in holds for line in hold.lines]
    pieces = await Pieces.lock(session, [], shares)
    for share in shares:
        pieces.give_back(share)
    await pieces.write(session)
    await close(session, holds, state)


async def close(session: AsyncSession, holds: Sequence[Held], state: HoldState) -> None:
    """Write, and note in what was read, that holds are no longer active."""
    if holds:
        await session.execute(_CLOSE, {"ids": [hold.id for hold in holds], "closed": state})
    for hold in holds:
        hold.state = state


async def lapse_holds(database: Database, now: datetime, *, product_id: int | None = None) -> int:
    """Free holds whose time has passed and that have no order; returns how many.

    One transaction each. A hold that somebody else is freeing is waited for, and not counted.
    """
    freed = 0
    for token in await _dead_holds(database, now, product_id):
        async with database.writing.begin() as session:
            hold = (await lock_holds(session, [token]))[token]
            if hold.state == HoldState.ACTIVE and hold.expires_at <= now:
                await give_back(session, [hold], HoldState.LAPSED)
                freed += 1
    return freed


async def _dead_holds(database: Database, now: datetime, product_id: int | None) -> list[str]:
    query = select(Hold.token).where(Hold.state == HoldState.ACTIVE, Hold.expires_at <= now)
    if product_id is not None:
        query = query.join(HoldLine).where(HoldLine.product_id == product_id)
    async with database.reading() as session:
        return list(await session.scalars(query.order_by(Hold.expires_at).limit(200)))


async def held_until(
    session: AsyncSession, product_id: int, now: datetime, *, browser: str = ""
) -> datetime | None:
    """When the first unpaid hold on a product ends; None when nobody is paying for it.

    The holds of `browser` itself do not count.
    """
    unpaid = exists().where(Order.hold_id == Hold.id, Order.state == OrderState.UNPAID)
    found: datetime | None = await session.scalar(
        select(Hold.expires_at)
        .join(HoldLine)
        .where(
            HoldLine.product_id == product_id,
            (Hold.state == HoldState.ACTIVE) | ((Hold.state == HoldState.ORDERED) & unpaid),
            Hold.expires_at > now,
            (Hold.browser != browser) | (Hold.browser == ""),
        )
        .order_by(Hold.expires_at)
        .limit(1)
    )
    return found


async def has_hold(session: AsyncSession, browser: str, product_id: int, now: datetime) -> bool:
    """Whether a browser holds pieces of a product that it has not ordered yet."""
    query = (
        select(Hold.id)
        .join(HoldLine)
        .where(
            Hold.browser == browser,
            Hold.state == HoldState.ACTIVE,
            Hold.expires_at > now,
            HoldLine.product_id == product_id,
        )
    )
    return bool(browser) and await session.scalar(query.limit(1)) is not None
