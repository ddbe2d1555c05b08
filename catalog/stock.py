"""The only writer of `stock`: pieces counted, promised, given back and sent.

A piece on hand is free or held. It is held for a buyer who is paying, for an order that is not
yet sent, or for a show that fenced it. Every function is one conditional UPDATE, so no caller
reads a number, thinks, and writes back an old one. Callers that take several products lock them
first, in id order (`live.selling.Pieces`), and so never wait on each other in a circle; what
buyers hold is taken and given back there, many buyers at once.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.audit import record
from catalog.checks import MOST_PIECES, Check
from catalog.errors import Invalid, OutOfStock, StockPromised
from catalog.models import Kind, Member, Product, Stock, StockMovement
from catalog.touched import PRODUCT, touch

MOST_MOVEMENTS = 50

OPENED = "新上架"
"""The reason of the pieces that came with the product."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One change of `on_hand` as people read it. `who` is empty where a sale did it."""

    at: datetime
    change: int
    reason: str
    who: str


# Built once: putting a statement together costs as much as sending it.
_HOLD = (
    update(Stock)
    .where(
        Stock.product_id == bindparam("product"),
        Stock.on_hand - Stock.held >= bindparam("pieces"),
    )
    .values(held=Stock.held + bindparam("pieces"))
    .returning(Stock.product_id)
    .execution_options(synchronize_session=False)
)


async def hold(session: AsyncSession, product_id: int, quantity: int) -> None:
    """Promise `quantity` pieces (1 or more).

    The row stays locked until the caller's transaction ends.
    Raises OutOfStock, with nothing changed, when fewer pieces are free.
    """
    taken = await session.scalar(_HOLD, {"product": product_id, "pieces": quantity})
    if taken is None:
        raise OutOfStock(product_id, wanted=quantity)
    touch(session, PRODUCT, [product_id])


async def release(session: AsyncSession, product_id: int, quantity: int) -> None:
    """Give back `quantity` promised pieces; they are free again when the caller commits."""
    await session.execute(
        update(Stock)
        .where(Stock.product_id == product_id)
        .values(held=Stock.held - quantity)
        .execution_options(synchronize_session=False)
    )
    touch(session, PRODUCT, [product_id])


async def send(
    session: AsyncSession, product: Product, quantity: int, reason: str, now: datetime
) -> None:
    """`quantity` promised pieces left the house: fewer on hand, fewer held."""
    await session.execute(
        update(Stock)
        .where(Stock.product_id == product.id)
        .values(on_hand=Stock.on_hand - quantity, held=Stock.held - quantity)
        .execution_options(synchronize_session=False)
    )
    touch(session, PRODUCT, [product.id])
    _moved(session, product, -quantity, reason, None, now)


async def leave(
    session: AsyncSession,
    actor: Actor,
    product: Product,
    quantity: int,
    promised: int,
    reason: str,
    now: datetime,
) -> None:
    """`quantity` pieces are gone from the house, `promised` of which the caller takes from a show.

    The caller has locked the row and knows that so many are free, or fenced for the show.
    """
    await session.execute(
        update(Stock)
        .where(Stock.product_id == product.id)
        .values(on_hand=Stock.on_hand - quantity, held=Stock.held - promised)
        .execution_options(synchronize_session=False)
    )
    touch(session, PRODUCT, [product.id])
    _moved(session, product, -quantity, reason, actor.member_id, now)


async def change(
    session: AsyncSession,
    actor: Actor,
    product: Product,
    change: object,
    reason: object,
    now: datetime,
    *,
    seen: object = None,
) -> Stock:
    """Count pieces in (+) or out (-) by hand, with a reason; returns the new figures.

    `seen` is the count on hand that the person saw, where a tap may arrive twice: when the
    change has already led from there to the present count, nothing more is changed.

    Raises Invalid for a change that is no number, is nothing, or is a second piece of a
    one-of-a-kind; StockPromised when it would break a promise to a buyer. Nothing is changed.
    """
    check = Check()
    by = check.integer("change", change, "件数", least=-MOST_PIECES, most=MOST_PIECES)
    why = check.text("reason", reason, "原因", most=80)
    if by == 0 and "change" not in check.errors:
        check.fault("change", "请填写增加或减少的件数。")
    if product.kind == Kind.MADE_TO_ORDER:
        check.fault("change", "定做的作品没有现货，不用记库存。")
    check.done()
    stock = await session.get_one(Stock, product.id, with_for_update=True, populate_existing=True)
    before = stock.on_hand
    if seen is not None and str(seen) == str(before - by):
        return stock
    if stock.single and before + by > 1:
        raise Invalid({"change": "孤品只有一件，库存不能超过 1。"})
    if not 0 <= before + by <= MOST_PIECES:
        raise Invalid({"change": f"现有 {before} 件，改完要在 0 到 {MOST_PIECES} 之间。"})
    if before + by < stock.held:
        raise StockPromised(f"product {product.id}: {stock.held} held of {before}, change {by}")
    stock.on_hand = before + by
    await session.flush()
    _moved(session, product, by, why, actor.member_id, now)
    record(
        session,
        actor,
        "stock.change",
        product,
        now,
        before={"on_hand": before},
        after={"on_hand": stock.on_hand, "reason": why},
        workshop_id=product.workshop_id,
    )
    return stock


async def open_account(
    session: AsyncSession, actor: Actor, product: Product, on_hand: int, now: datetime
) -> None:
    """Give a new product its stock row with `on_hand` pieces, and the movement that explains it."""
    session.add(
        Stock(product_id=product.id, on_hand=on_hand, single=product.kind == Kind.ONE_OF_A_KIND)
    )
    if on_hand:
        _moved(session, product, on_hand, OPENED, actor.member_id, now)
    await session.flush()


async def list_movements(session: AsyncSession, product_id: int) -> list[Moved]:
    """The last `MOST_MOVEMENTS` changes of a product's stock, newest first."""
    query = (
        select(StockMovement, Member.name)
        .outerjoin(Member, Member.id == StockMovement.member_id)
        .where(StockMovement.product_id == product_id)
        .order_by(StockMovement.id.desc())
        .limit(MOST_MOVEMENTS)
    )
    return [
        Moved(row.at, row.change, row.reason, name or "")
        for row, name in await session.execute(query)
    ]


def _moved(
    session: AsyncSession,
    product: Product,
    change: int,
    reason: str,
    member_id: int | None,
    now: datetime,
) -> None:
    session.add(
        StockMovement(
            station_id=product.station_id,
            product_id=product.id,
            change=change,
            reason=reason,
            member_id=member_id,
            at=now,
        )
    )
