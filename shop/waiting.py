"""The line of those who want a piece that others hold. `docs/holds.md` has the diagram.

Nobody is passed over: `shop.holding` leaves to the line what comes free, and `serve` hands it to
the first in it. Where waiters and stock are locked together, waiters come first.
"""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog.checks import BEIJING, Check
from catalog.db import Database
from catalog.errors import NotFound, NotOpen
from catalog.models import Stock
from live import selling
from live.models import LineUpItem, Link
from shop.errors import NoLine
from shop.holding import HoldRequest, Wanted, make_holds, owing_of
from shop.holds import Held
from shop.line import still_waiting
from shop.models import Hold, HoldState, Waiter, WaiterState
from shop.notices import Event, tell_waiter
from shop.product_extras import unfinished
from shop.product_view import ProductView, Situation, view_by_id

# What the buyer sees of their turn, and three minutes more, as with every hold.
PRIORITY = timedelta(minutes=15)
KEPT = timedelta(minutes=18)

MOST_IN_LINE = 20
MOST_LINES = 3

_NOTHING_TO_WAIT_FOR = {
    Situation.FREE: "这件现在就能买，不用排队。",
    Situation.TO_ORDER: "这件是定做的，现在就能下单，不用排队。",
    Situation.SOLD_OUT: "这件已经卖完了，没有人在付款，排队也等不到。",
    Situation.AWAY: "这家这几天歇工，排队也轮不到。作品页上写着他们哪天回来。",
    Situation.OFF: "这件作品现在不卖。",
}


async def join_line(
    session: AsyncSession,
    product_id: int,
    code: str,
    phone: object,
    browser: str,
    now: datetime,
) -> Waiter:
    """A place in line for one piece, good for `shop.line.WAITS`; `code` is the buyer's link, or "".

    The same browser, or the same phone, finds its place. Locks the product's stock until the
    caller's transaction ends, so that the line is joined by one buyer after the other.
    Raises Invalid for what is no phone number, NotFound, and NoLine where there is nothing to
    wait for, the line is full, or the buyer let too many holds lapse; NotOpen.
    """
    check = Check()
    number = check.phone("phone", phone)
    check.done()
    await selling.lock(session, [(product_id, None)])
    place = await _own_place(session, product_id, browser, number, now)
    if place is not None:
        return place
    view = await view_by_id(session, product_id, now, code=code)
    await _must_have_room(session, view, number, browser, now)
    waiter = Waiter(
        station_id=view.station_id,
        product_id=view.id,
        link_id=view.link.id if view.link else None,
        token=secrets.token_urlsafe(24),
        browser=browser,
        phone=number,
        created_at=now,
    )
    session.add(waiter)
    await session.flush()
    return waiter


async def _must_have_room(
    session: AsyncSession, view: ProductView, phone: str, browser: str, now: datetime
) -> None:
    if not view.station_open:
        raise NotOpen(view.station_name)
    if view.situation != Situation.HELD:
        raise NoLine(_NOTHING_TO_WAIT_FOR[view.situation])
    if await unfinished(session, browser, view.id, now):
        raise NoLine("这件正给您留着，接着付款就行，不用排队。")
    if browser and await owing_of(session, [browser], now):
        raise NoLine("您今天有几次留了没付款，今天不能再排队。作品放出来了，您还是可以买。")
    if view.waiting >= MOST_IN_LINE:
        raise NoLine(f"已经有 {MOST_IN_LINE} 位在等这件了，排不下了。")
    places = select(func.count()).where(Waiter.phone == phone, still_waiting(now))
    if (await session.scalar(places) or 0) >= MOST_LINES:
        raise NoLine(f"这个手机号已经在等 {MOST_LINES} 件作品了，先等等那几件。")


async def _own_place(
    session: AsyncSession, product_id: int, browser: str, phone: str, now: datetime
) -> Waiter | None:
    """Where this browser, or else this phone, stands in line or has its turn already."""
    same_browser = (Waiter.browser == browser) & (Waiter.browser != "")
    place: Waiter | None = await session.scalar(
        select(Waiter)
        .outerjoin(Hold, Hold.id == Waiter.hold_id)
        .where(
            Waiter.product_id == product_id,
            same_browser | (Waiter.phone == phone),
            still_waiting(now) | ((Hold.state == HoldState.ACTIVE) & (Hold.expires_at > now)),
        )
        .order_by(case((same_browser, 0), else_=1), Waiter.id)
        .limit(1)
    )
    return place


async def place_of(
    session: AsyncSession, browser: str, product_id: int, now: datetime
) -> str | None:
    """The page of this browser's place in line for a product; None when it has none."""
    place = await _own_place(session, product_id, browser, "", now)
    return f"/line/{place.token}" if place else None


async def get_waiter(session: AsyncSession, token: str) -> Waiter:
    """The place of a token, with the hold that was made for it and its link. Raises NotFound."""
    query = (
        select(Waiter)
        .where(Waiter.token == token)
        .options(joinedload(Waiter.hold).selectinload(Hold.lines), joinedload(Waiter.link))
    )
    waiter = await session.scalar(query)
    if waiter is None:
        raise NotFound("waiter")
    return waiter


async def before(session: AsyncSession, waiter: Waiter, now: datetime) -> int:
    """How many will be served before somebody who waits."""
    ahead = (Waiter.product_id == waiter.product_id, Waiter.id < waiter.id, still_waiting(now))
    return await session.scalar(select(func.count()).where(*ahead)) or 0


async def leave_line(session: AsyncSession, token: str) -> Waiter:
    """Wait no more; repeating, or after one's turn has come, changes nothing. Raises NotFound."""
    waiter = await session.scalar(select(Waiter).where(Waiter.token == token).with_for_update())
    if waiter is None:
        raise NotFound("waiter")
    if waiter.state == WaiterState.WAITING:
        waiter.state = WaiterState.LEFT
    return waiter


async def serve(database: Database, now: datetime, *, product_id: int | None = None) -> int:
    """Hand free pieces to those in line, the first of it first; returns how many were served.

    One transaction each. Who serves the same line meanwhile is waited for.
    """
    served = 0
    for wanted in await _to_be_served(database, now, product_id):
        while await _serve_next(database, wanted, now):
            served += 1
    return served


async def _to_be_served(database: Database, now: datetime, product_id: int | None) -> list[int]:
    """The products that somebody waits for and that are there."""
    free = exists().where(Stock.product_id == Waiter.product_id, Stock.on_hand > Stock.held)
    fenced = exists().where(
        LineUpItem.product_id == Waiter.product_id, LineUpItem.allotment_left > 0
    )
    query = select(Waiter.product_id).where(still_waiting(now), free | fenced).distinct()
    if product_id is not None:
        query = query.where(Waiter.product_id == product_id)
    async with database.reading() as session:
        return list(await session.scalars(query.order_by(Waiter.product_id)))


async def _serve_next(database: Database, product_id: int, now: datetime) -> bool:
    """Hold a piece for the first who can have one; False when nobody can."""
    async with database.writing.begin() as session:
        tried = set()
        for waiter, code in await _lock_line(session, product_id, now):
            # Who came by no link can not have what a show keeps; those after them may.
            if code in tried:
                continue
            tried.add(code)
            wanted = Wanted(1, code, product_id)
            # Without the browser's name: its other holds stay as they are.
            (made,) = await make_holds(session, [HoldRequest((wanted,), "", now, in_turn=True)])
            if isinstance(made, Held):
                await _offer(session, waiter, made, now)
                return True
    return False


async def _lock_line(
    session: AsyncSession, product_id: int, now: datetime
) -> list[tuple[Waiter, str | None]]:
    """Who waits, in turn, with the code by which they came while it is in use."""
    query = (
        select(Waiter, Link.code)
        .outerjoin(Link, (Link.id == Waiter.link_id) & Link.retired_at.is_(None))
        .where(Waiter.product_id == product_id, still_waiting(now))
        .order_by(Waiter.id)
        .with_for_update(of=Waiter)
    )
    return [(waiter, code) for waiter, code in await session.execute(query)]


async def _offer(session: AsyncSession, waiter: Waiter, made: Held, now: datetime) -> None:
    """The piece is theirs for a quarter of an hour, and they are told."""
    hold = await session.get_one(Hold, made.id)
    hold.browser, hold.shown_until, hold.expires_at = waiter.browser, now + PRIORITY, now + KEPT
    waiter.state, waiter.hold_id, waiter.offered_at = WaiterState.OFFERED, hold.id, now
    until = f"{hold.shown_until.astimezone(BEIJING):%H:%M}"
    tell_waiter(session, Event.YOUR_TURN, waiter, now, piece=made.lines[0].name, until=until)
