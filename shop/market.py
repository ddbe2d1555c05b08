"""Pieces that were sold at the market, while buyers may be holding them or paying for them.

`docs/console.md` has the steps and what can go wrong. No row is locked while a gateway is asked.
"""

from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from catalog import stock
from catalog.access import CATALOG_EDITORS, Actor
from catalog.audit import record
from catalog.checks import MOST_PIECES, Check
from catalog.errors import Invalid
from catalog.models import Kind, Product, Stock
from catalog.products import product_for
from catalog.touched import touch
from live.models import LineUpItem
from live.nudges import ITEM
from live.selling import Pieces, Share
from shop.context import Shop
from shop.holds import READ, Held, close, locked
from shop.line import still_waiting
from shop.models import (
    Hold,
    HoldLine,
    HoldState,
    Order,
    OrderState,
    PaymentState,
    Waiter,
)
from shop.notices import Event, tell_buyer
from shop.offline import waiting_receipt
from shop.paying import MOST_IN_VAIN, close_payment
from shop.payments.gateway import GatewayRefused, GatewayUnavailable
from shop.troubles import TroubleKind, open_trouble

log = structlog.get_logger()

REASON = "集市卖了"


@dataclass(frozen=True, slots=True)
class Stake:
    """What a product's pieces are promised to at this moment.

    `holding` and `paying` count people: who has pieces on hold, and who has an order to pay.
    `owed` pieces are paid for and not sent yet.
    """

    on_hand: int
    owed: int
    holding: int
    paying: int
    waiting: int

    @property
    def most(self) -> int:
        """How many may be sold elsewhere: all but those that somebody has paid for."""
        return self.on_hand - self.owed


@dataclass(slots=True)
class MarketSale:
    """What became of it: `gone` pieces left stock, `missing` could not, for they are paid for.

    `let_go` holds and `given_up` unpaid orders made way. `paid` orders turned out to be paid, and
    of `unsure` ones the gateway did not say.
    """

    wanted: int
    gone: int = 0
    let_go: int = 0
    given_up: int = 0
    paid: list[int] = field(default_factory=list)
    unsure: list[int] = field(default_factory=list)

    @property
    def missing(self) -> int:
        return self.wanted - self.gone


async def stake(session: AsyncSession, product_id: int, now: datetime) -> Stake:
    """How many pieces there are of a product, and what is promised of them."""
    row = await session.get_one(Stock, product_id, populate_existing=True)
    kept = (HoldLine.product_id == product_id, Hold.state == HoldState.ACTIVE)
    lines = select(func.coalesce(func.sum(HoldLine.quantity), 0)).join(Hold)
    unpaid = (
        HoldLine.product_id == product_id,
        Hold.state == HoldState.ORDERED,
        Order.state == OrderState.UNPAID,
    )
    fenced = select(func.coalesce(func.sum(LineUpItem.allotment_left), 0))
    promised = [
        await session.scalar(lines.where(*kept)) or 0,
        await session.scalar(lines.join(Order, Order.hold_id == Hold.id).where(*unpaid)) or 0,
        await session.scalar(fenced.where(LineUpItem.product_id == product_id)) or 0,
    ]
    people = select(func.count(Hold.id.distinct())).join(HoldLine, HoldLine.hold_id == Hold.id)
    waiting = select(func.count()).where(Waiter.product_id == product_id, still_waiting(now))
    return Stake(
        on_hand=row.on_hand,
        owed=row.held - sum(promised),
        holding=await session.scalar(people.where(*kept, Hold.expires_at > now)) or 0,
        paying=await session.scalar(people.join(Order, Order.hold_id == Hold.id).where(*unpaid))
        or 0,
        waiting=await session.scalar(waiting) or 0,
    )


async def sell_at_market(
    shop: Shop, actor: Actor, product_id: int, pieces: object, seen: object, now: datetime
) -> MarketSale:
    """`pieces` of a product (all that are not paid for, when empty) were sold elsewhere.

    Free pieces leave stock first, then those that shows keep, then those on hold, the newest
    first, then those of unpaid orders, the newest first, each after its payment is closed at the
    gateway. What is paid for stays, and the desk is told. `seen` is the count on hand that the
    person saw: a press that comes twice finds another, and does nothing. Raises NotFound, Invalid.
    """
    actor.must_be(CATALOG_EDITORS)
    async with shop.database.writing.begin() as session:
        product = await product_for(session, actor, product_id)
        reach = await _lock(session, product_id)
        sale = MarketSale(await _read(session, product, pieces, seen, now))
        await _take(session, actor, product, reach, sale, now)
    tried: set[int] = set()
    in_vain = 0
    while sale.missing and in_vain < MOST_IN_VAIN:
        order = await _newest_unpaid(shop, product_id, tried)
        if order is None:
            break
        tried.add(order.id)
        in_vain += await _give_up(shop, actor, product, order, sale, now)
        async with shop.database.writing.begin() as session:
            await _take(session, actor, product, await _lock(session, product_id), sale, now)
    if sale.missing:
        async with shop.database.writing.begin() as session:
            await _tell_desk(session, product, sale, now)
    return sale


async def _read(
    session: AsyncSession, product: Product, pieces: object, seen: object, now: datetime
) -> int:
    """How many are meant; all of the product is locked. Raises Invalid."""
    if product.kind == Kind.MADE_TO_ORDER:
        raise Invalid({"pieces": "定做的作品没有现货，集市上卖的不用在这里记。"})
    here = await stake(session, product.id, now)
    if str(seen) != str(here.on_hand):
        raise Invalid({"pieces": f"件数刚刚变了：现在有 {here.on_hand} 件。请看过再按一次。"})
    if here.most < 1:
        raise Invalid({"pieces": "没有可以记的：现有的件都已经有人付了钱，要寄给他们。"})
    check = Check()
    count = check.integer("pieces", pieces or here.most, "件数", least=1, most=MOST_PIECES)
    if count > here.most:
        paid = f"；另外 {here.owed} 件已经有人付了钱，要寄给他们" if here.owed else ""
        check.fault("pieces", f"最多 {here.most} 件{paid}。")
    check.done()
    return count


_Reach = tuple[list[Held], Pieces]
"""A product's plain holds, and all pieces that these keep, with the product's own: locked."""


async def _lock(session: AsyncSession, product_id: int) -> _Reach:
    """Lock the plain holds of a product by id, then items and stock: as those who hold do."""
    concerned = select(HoldLine.hold_id).where(HoldLine.product_id == product_id)
    plain = READ.where(Hold.state == HoldState.ACTIVE, Hold.id.in_(concerned))
    holds = await locked(session, plain, {})
    items = await session.scalars(select(LineUpItem.id).where(LineUpItem.product_id == product_id))
    own = [Share(product_id, item_id, 0, carved=False) for item_id in (None, *items)]
    kept = [line.share for hold in holds for line in hold.lines]
    return holds, await Pieces.lock(session, own, kept)


async def _take(
    session: AsyncSession,
    actor: Actor,
    product: Product,
    reach: _Reach,
    sale: MarketSale,
    now: datetime,
) -> None:
    """Take what is missing from free and fenced pieces and from plain holds, as far as it goes."""
    holds, pieces = reach
    free, items = await _there(session, product.id)
    short = sale.missing - free - sum(item.allotment_left for item in items)
    going = _making_way(holds, product.id, short)
    for hold in going:
        for line in hold.lines:
            pieces.give_back(line.share)
    await pieces.write(session)
    await close(session, going, HoldState.GONE)
    sale.let_go += len(going)
    free, items = await _there(session, product.id)
    taken = min(sale.missing, free + sum(item.allotment_left for item in items))
    if not taken:
        return
    promised = await _unfence(session, items, taken - min(taken, free))
    await stock.leave(session, actor, product, taken, promised, REASON, now)
    sale.gone += taken
    record(
        session,
        actor,
        "stock.market",
        product,
        now,
        after={"pieces": taken, "let_go": len(going)},
        workshop_id=product.workshop_id,
    )


async def _there(session: AsyncSession, product_id: int) -> tuple[int, list[LineUpItem]]:
    """Free pieces, and the items that keep some; all of them are locked already."""
    row = await session.get_one(Stock, product_id, populate_existing=True)
    items = await session.scalars(
        select(LineUpItem)
        .where(LineUpItem.product_id == product_id, LineUpItem.allotment_left > 0)
        .order_by(LineUpItem.id)
        .execution_options(populate_existing=True)
    )
    return row.free, list(items)


def _making_way(holds: list[Held], product_id: int, short: int) -> list[Held]:
    """The newest holds that together have the pieces that are short."""
    going = []
    for hold in sorted(holds, key=lambda held: -held.id):
        if short <= 0:
            break
        going.append(hold)
        short -= hold.quantities[product_id]
    return going


async def _unfence(session: AsyncSession, items: list[LineUpItem], quantity: int) -> int:
    """Take pieces out of allotments as if they had never been of them; how many these were."""
    left = quantity
    for item in items:
        some = min(left, item.allotment_left)
        if some:
            await session.execute(
                update(LineUpItem)
                .where(LineUpItem.id == item.id)
                .values(
                    allotment=LineUpItem.allotment - some,
                    allotment_left=LineUpItem.allotment_left - some,
                )
                .execution_options(synchronize_session=False)
            )
            touch(session, ITEM, [item.id])
        left -= some
    return quantity - left


async def _newest_unpaid(shop: Shop, product_id: int, tried: set[int]) -> Order | None:
    """The order that was placed last, is not paid, and keeps pieces of the product."""
    query = (
        select(Order)
        .join(Hold, Hold.id == Order.hold_id)
        .join(HoldLine, HoldLine.hold_id == Hold.id)
        .where(
            HoldLine.product_id == product_id,
            Hold.state == HoldState.ORDERED,
            Order.state == OrderState.UNPAID,
            Order.id.not_in(tried),
        )
        .options(selectinload(Order.payments))
        .order_by(Order.id.desc())
        .limit(1)
    )
    async with shop.database.reading() as session:
        found: Order | None = await session.scalar(query)
    return found


async def _give_up(
    shop: Shop, actor: Actor, product: Product, order: Order, sale: MarketSale, now: datetime
) -> bool:
    """Close the order's payments, or learn that it is paid; True when a gateway did not answer."""
    async with shop.database.reading() as session:
        handed_over = await waiting_receipt(session, order.id)
    if handed_over is not None:
        # Its money has come by hand, and a second person is about to say so.
        sale.paid.append(order.id)
        return False
    try:
        for payment in order.payments:
            if payment.state == PaymentState.OPEN:
                await close_payment(shop, payment.id, now)
    except (GatewayUnavailable, GatewayRefused) as error:
        log.warning("order not given up", order=order.id, error=type(error).__name__)
        sale.unsure.append(order.id)
        return isinstance(error, GatewayUnavailable)
    async with shop.database.writing.begin() as session:
        if await _gave_up(session, actor, product, order.id, now):
            sale.given_up += 1
        else:
            sale.paid.append(order.id)
    return False


async def _gave_up(
    session: AsyncSession, actor: Actor, product: Product, order_id: int, now: datetime
) -> bool:
    """Note why an order whose payments are closed is over, and tell its buyer; False when it is not."""
    order = await session.get_one(Order, order_id, with_for_update=True, populate_existing=True)
    if order.state != OrderState.EXPIRED:
        return False
    # No lapse of the buyer's: it is not to be held against them.
    order.state = OrderState.CANCELLED
    await session.execute(
        update(Hold)
        .where(Hold.id == order.hold_id, Hold.state == HoldState.LAPSED)
        .values(state=HoldState.GONE)
        .execution_options(synchronize_session=False)
    )
    tell_buyer(
        session,
        Event.SOLD_ELSEWHERE,
        order,
        now,
        cause=f"order:{order.id}",
        piece=product.name,
        code=order.code,
    )
    before, after = {"state": "unpaid"}, {"state": order.state, "reason": REASON}
    record(session, actor, "order.cancel", order, now, before=before, after=after)
    return True


async def _tell_desk(
    session: AsyncSession, product: Product, sale: MarketSale, now: datetime
) -> None:
    """Somebody has paid, or may have, for a piece that is not there any more."""
    text = f"“{product.name}”在集市上卖掉了，可是这笔订单"
    concerned = [(id_, f"{text}已经付了钱。") for id_ in sale.paid]
    concerned += [(id_, f"{text}的付款没有查到结果，作品还替他留着。") for id_ in sale.unsure]
    for order_id, said in concerned[: sale.missing]:
        await open_trouble(
            session,
            station_id=product.station_id,
            kind=TroubleKind.SOLD_TWICE,
            subject=f"order:{order_id}",
            text=said,
            order_id=order_id,
            now=now,
        )
    if len(concerned) < sale.missing:
        await open_trouble(
            session,
            station_id=product.station_id,
            kind=TroubleKind.SOLD_TWICE,
            subject=f"product:{product.id}",
            text=f"“{product.name}”在集市上卖了 {sale.wanted} 件，库存里只减得掉 {sale.gone} 件。",
            now=now,
        )


async def sold_elsewhere(session: AsyncSession, hold_id: int) -> bool:
    """Whether a hold, and the order made of it, ended because its piece was sold at the market."""
    return await session.scalar(select(Hold.state).where(Hold.id == hold_id)) == HoldState.GONE
