"""Making holds: what many buyers ask for in one moment is shared out in one transaction."""

import secrets
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, exists, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.checks import Check
from catalog.db import MOST_ID, table
from catalog.errors import Invalid, NotFound, OutOfStock, Refusal
from catalog.one_of import one_of
from live import selling
from live.selling import Asked, Offer, Pieces, Share
from shop.errors import NotOnSale, PriceChanged, WorkshopAway
from shop.holds import KEPT, READ, SHOWN, Held, HeldLine, close, locked
from shop.line import Line, in_line
from shop.models import Hold, HoldLine, HoldState, Order
from shop.promise import beijing_day
from shop.room import turn_away_full
from shop.together import apart

MOST_LINES = 20
MOST_QUANTITY = 99
# Who let this many holds lapse within a day is held nothing any more and pays first.
MOST_LAPSED = 3
LAPSED_WITHIN = timedelta(days=1)

_holds, _lines, _orders = table(Hold), table(HoldLine), table(Order)

_BY_BROWSER = READ.where(
    one_of(_holds.c.browser, "browsers"),
    (_holds.c.state == HoldState.ACTIVE)
    # This one keeps its state when it has become an order.
    | (_holds.c.state == HoldState.PAY_FIRST) & ~exists().where(_orders.c.hold_id == _holds.c.id),
    _holds.c.expires_at > bindparam("now"),
)
_LAPSED = (
    select(_holds.c.browser)
    .where(
        one_of(_holds.c.browser, "browsers"),
        _holds.c.state == HoldState.LAPSED,
        _holds.c.created_at > bindparam("since"),
    )
    .group_by(_holds.c.browser)
    .having(func.count() >= MOST_LAPSED)
)
_NEW = insert(_holds).returning(_holds.c.id, sort_by_parameter_order=True)
_NEW_LINES = insert(_lines)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line of what a buyer asks for: a link's code or a product's id, and how many.

    `seen_fen` is the unit price that the buyer was shown; where given and no longer true,
    nothing is held.
    """

    quantity: object
    link: str | None = None
    product: object = None
    seen_fen: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class HoldRequest:
    """What one browser wants held, everything or nothing; `browser` is "" for a program.

    `in_turn` is for whom the line has brought to its head: all others leave pieces to the line.
    """

    wanted: tuple[Wanted, ...]
    browser: str
    now: datetime
    in_turn: bool = False


async def make_hold(
    session: AsyncSession, wanted: Sequence[Wanted], browser: str, now: datetime
) -> Held:
    """`make_holds` for one buyer; raises what that answers."""
    (made,) = await make_holds(session, [HoldRequest(tuple(wanted), browser, now)])
    if isinstance(made, Refusal):
        raise made
    return made


async def make_holds(session: AsyncSession, asked: Sequence[HoldRequest]) -> list[Held | Refusal]:
    """For each request hold everything wanted, or nothing; first come, first served.

    What somebody in line waits for is not to be had for others, however free it is.
    The same browser asking for the same finds its own hold; asking otherwise for the same
    products it gives back what it held of them, so that nobody stands in their own way. A
    browser that let `MOST_LAPSED` holds lapse within a day gets one in state PAY_FIRST, which
    keeps no pieces.
    Locks the browsers' holds, then line-up items, then stock, each by id, until the caller's
    transaction ends. Answers OutOfStock, NotOnSale, PriceChanged, WorkshopAway, WorkshopFull,
    NotFound, LinkRetired or Invalid for what could not be held; nothing was changed for that
    request then.
    """
    answers: dict[int, Held | Refusal] = {}
    # What one browser asks twice is done twice, the second time with what the first left.
    for positions in apart([request.browser] if request.browser else [] for request in asked):
        made = await _make_holds(session, [asked[position] for position in positions])
        answers.update(zip(positions, made, strict=True))
    return [answers[position] for position in range(len(asked))]


@dataclass(slots=True)
class _Plan:
    """A request that can be tried: its lines by product id, and the own holds that make way.

    `again` is the own hold that keeps nothing and asks for the same.
    """

    request: HoldRequest
    offers: list[Offer]
    lines: list[HeldLine]
    old: list[Held]
    pay_first: bool
    again: Held | None


async def _make_holds(session: AsyncSession, asked: Sequence[HoldRequest]) -> list[Held | Refusal]:
    read = await _read(session, asked)
    own = await _own_holds(session, asked)
    owing = await owing_of(session, _browsers(asked), min(one.now for one in asked))
    answers: dict[int, Held | Refusal] = {}
    plans: dict[int, _Plan] = {}
    for n, (request, found) in enumerate(zip(asked, read, strict=True)):
        if isinstance(found, Refusal):
            answers[n] = found
            continue
        lines = [_line(one, quantity) for one, quantity in found]
        quantities = {line.product_id: line.quantity for line in lines}
        mine = own.get(request.browser, [])
        same = {hold.state: hold for hold in reversed(mine) if hold.quantities == quantities}
        if HoldState.ACTIVE in same:
            answers[n] = same[HoldState.ACTIVE]
            continue
        old = [
            hold
            for hold in mine
            if hold.state == HoldState.ACTIVE and quantities.keys() & hold.quantities.keys()
        ]
        offered = [one for one, _ in found]
        pay_first = request.browser in owing
        again = same.get(HoldState.PAY_FIRST) if pay_first else None
        plans[n] = _Plan(request, offered, lines, old, pay_first, again)
    short = await _share_out(session, plans)
    made = await _write(session, {n: plan for n, plan in plans.items() if n not in short})
    answers.update(short)
    answers.update(made)
    return [answers[n] for n in range(len(asked))]


async def _share_out(session: AsyncSession, plans: Mapping[int, _Plan]) -> dict[int, OutOfStock]:
    """Take the pieces of all plans, in their order; those that came too short."""
    if not plans:
        return {}
    short: dict[int, OutOfStock] = {}
    pieces = await Pieces.lock(
        session,
        [line.share for plan in plans.values() for line in plan.lines],
        [line.share for plan in plans.values() for hold in plan.old for line in hold.lines],
    )
    # Read when the stock is locked: who came into the line before a piece was freed is seen.
    products = {line.product_id for plan in plans.values() for line in plan.lines}
    waiting = await in_line(session, products, min(plan.request.now for plan in plans.values()))
    for n, plan in plans.items():
        try:
            with pieces.all_or_nothing():
                if not plan.request.in_turn:
                    _leave_to_those_waiting(pieces, plan, waiting)
                for old in plan.old:
                    for line in old.lines:
                        pieces.give_back(line.share)
                _take(pieces, plan)
        except OutOfStock as error:
            short[n] = error
    await pieces.write(session)
    return short


def _leave_to_those_waiting(pieces: Pieces, plan: _Plan, waiting: Mapping[int, Line]) -> None:
    """Raise OutOfStock when a plan would have more than its own, and so what others wait for."""
    own = Counter[int]()
    for old in plan.old:
        own.update(old.quantities)
    for share in (line.share for line in plan.lines if line.product_id in waiting):
        more = share.quantity - own[share.product_id]
        if more > 0 and not share.carved:
            try:
                _must_be_left(pieces, share, more, waiting[share.product_id])
            except OutOfStock:
                raise OutOfStock(share.product_id, wanted=share.quantity) from None


def _must_be_left(pieces: Pieces, share: Share, more: int, line: Line) -> None:
    """Raise OutOfStock when fewer than `more` pieces are left after all in line had theirs.

    Those who came by the same show have its own pieces first; all others wait for free ones.
    """
    same_show = line[share.item_id] if share.item_id is not None else 0
    _, loose = pieces.must_have(replace(share, quantity=more + same_show))
    if loose:
        pieces.must_have(replace(share, quantity=more + line.total()))


def _take(pieces: Pieces, plan: _Plan) -> None:
    if plan.pay_first:
        # Nothing is kept, but nobody is sent to pay for what is not there.
        for line in plan.lines:
            pieces.must_have(line.share)
        return
    for line in plan.lines:
        line.fenced = pieces.take(line.share)


async def _write(session: AsyncSession, plans: Mapping[int, _Plan]) -> dict[int, Held]:
    """Write the new holds, and close those that made way."""
    if not plans:
        return {}
    await close(session, [old for plan in plans.values() for old in plan.old], HoldState.RELEASED)
    made = {n: plan.again or _held(plan) for n, plan in plans.items()}
    new = [(made[n], plan.request.now) for n, plan in plans.items() if plan.again is None]
    if new:
        ids = await session.scalars(_NEW, [_row(hold, now) for hold, now in new])
        for (hold, _), hold_id in zip(new, ids, strict=True):
            hold.id = hold_id
        await session.execute(
            _NEW_LINES, [_line_row(hold.id, line) for hold, _ in new for line in hold.lines]
        )
    return made


def _held(plan: _Plan) -> Held:
    now = plan.request.now
    return Held(
        id=0,
        station_id=plan.offers[0].station_id,
        token=secrets.token_urlsafe(24),
        browser=plan.request.browser,
        state=HoldState.PAY_FIRST if plan.pay_first else HoldState.ACTIVE,
        shown_until=now + SHOWN,
        expires_at=now + KEPT,
        lines=plan.lines,
    )


def _row(hold: Held, now: datetime) -> dict[str, object]:
    return {
        "station_id": hold.station_id,
        "token": hold.token,
        "browser": hold.browser,
        "state": hold.state,
        "created_at": now,
        "shown_until": hold.shown_until,
        "expires_at": hold.expires_at,
    }


def _line_row(hold_id: int, line: HeldLine) -> dict[str, object]:
    return {
        "hold_id": hold_id,
        "product_id": line.product_id,
        "line_up_item_id": line.line_up_item_id,
        "link_id": line.link_id,
        "quantity": line.quantity,
        "fenced": line.fenced,
        "unit_fen": line.unit_fen,
    }


def _line(offered: Offer, quantity: int) -> HeldLine:
    return HeldLine(
        product_id=offered.product_id,
        name=offered.name,
        kind=offered.kind,
        work_days=offered.work_days,
        workshop_id=offered.workshop_id,
        workshop_name=offered.workshop_name,
        line_up_item_id=offered.item_id,
        link_id=offered.link_id,
        quantity=quantity,
        fenced=0,
        unit_fen=offered.price_fen,
    )


async def _own_holds(session: AsyncSession, asked: Sequence[HoldRequest]) -> dict[str, list[Held]]:
    """The open holds of the browsers that ask, locked, the newest first."""
    browsers = _browsers(asked)
    if not browsers:
        return {}
    own: dict[str, list[Held]] = {}
    question = {"browsers": browsers, "now": min(request.now for request in asked)}
    for hold in await locked(session, _BY_BROWSER, question):
        own.setdefault(hold.browser, []).insert(0, hold)
    return own


async def owing_of(session: AsyncSession, browsers: Collection[str], now: datetime) -> set[str]:
    """Those of some browsers that have let too many holds lapse: nothing is kept for them."""
    if not browsers:
        return set()
    asked = {"browsers": [*browsers], "since": now - LAPSED_WITHIN}
    return set(await session.scalars(_LAPSED, asked))


def _browsers(asked: Sequence[HoldRequest]) -> list[str]:
    return sorted({request.browser for request in asked if request.browser})


async def _read(
    session: AsyncSession, asked: Sequence[HoldRequest]
) -> list[list[tuple[Offer, int]] | Refusal]:
    """What each request wants: offers and quantities by product id, each product once."""
    checked = [_checked(request.wanted) for request in asked]
    questions = [one for found in checked if not isinstance(found, Refusal) for one, _ in found]
    now = min(request.now for request in asked)
    today = beijing_day(now)
    answers = iter(await selling.offers(session, questions, today) if questions else [])
    read = [
        found
        if isinstance(found, Refusal)
        else _merged(request.wanted, [quantity for _, quantity in found], answers)
        for request, found in zip(asked, checked, strict=True)
    ]
    return await turn_away_full(session, read, now)


def _checked(wanted: Sequence[Wanted]) -> list[tuple[Asked, int]] | Refusal:
    if not wanted:
        return Invalid({"items": "还没有选作品。"})
    if len(wanted) > MOST_LINES:
        return Invalid({"items": f"一次最多买 {MOST_LINES} 种作品。"})
    found = []
    for n, one in enumerate(wanted):
        check = Check()
        quantity = _quantity(check, n, one.quantity)
        if check.errors:
            return Invalid(check.errors)
        product_id = None
        if one.product is not None or not one.link:
            product_id = check.integer("product", one.product, "作品", least=1, most=MOST_ID)
        if check.errors:
            return NotFound("product")
        found.append((Asked(one.link or None, product_id), quantity))
    return found


def _quantity(check: Check, n: int, value: object) -> int:
    return check.integer(f"items.{n}.quantity", value, "件数", least=1, most=MOST_QUANTITY)


def _merged(
    wanted: Sequence[Wanted], quantities: Sequence[int], answers: Iterator[Offer | Refusal]
) -> list[tuple[Offer, int]] | Refusal:
    """The lines of a request, or the first reason why it cannot be held."""
    lines: dict[int, tuple[Offer, int]] = {}
    # All its answers are taken, though the first may be a refusal: the next are another's.
    offered = [next(answers) for _ in wanted]
    for n, (one, found, quantity) in enumerate(zip(wanted, offered, quantities, strict=True)):
        refusal = found if isinstance(found, Refusal) else _refusal(one, found)
        if refusal is not None:
            return refusal
        assert isinstance(found, Offer)
        first, earlier = lines.get(found.product_id, (found, 0))
        check = Check()
        lines[found.product_id] = (first, _quantity(check, n, earlier + quantity))
        if check.errors:
            return Invalid(check.errors)
    if len({found.station_id for found, _ in lines.values()}) > 1:
        return Invalid({"items": "不同站的作品请分开买。"})
    return [lines[product_id] for product_id in sorted(lines)]


def _refusal(one: Wanted, offered: Offer) -> Refusal | None:
    if not offered.on_sale:
        return NotOnSale(f"product {offered.product_id}")
    if offered.away:
        return WorkshopAway(f"product {offered.product_id}")
    if one.seen_fen is not None and one.seen_fen != offered.price_fen:
        seen, price = one.seen_fen, offered.price_fen
        return PriceChanged(f"product {offered.product_id}: seen {seen}, now {price}")
    return None
