"""The card of each piece that is sold: its number, and what may be told of its making.

`docs/trust.md` says what a card's page shows, and when it is void.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from catalog.access import WORK_ORDER_DESK, Actor
from catalog.audit import record
from catalog.checks import BEIJING
from catalog.errors import NotFound
from catalog.facts import NOBODY_NAMED, people_on_page
from catalog.models import Kind, Maker, PhotoState, Product, Station, Workshop
from media.codes import new_code, normalise
from shop.choices import returnable
from shop.errors import WrongWorkOrderState
from shop.models import (
    BuyerRequest,
    Order,
    OrderLine,
    PieceCard,
    RequestKind,
    RequestState,
    Stage,
    StagePhoto,
    WorkOrder,
    WorkOrderState,
)

CODE_LENGTH = 12
"""30^12 codes: nobody finds a card by trying."""
HOURS_A_DAY = 8
LONGEST_NAMES = 100

_S = WorkOrderState
SOLD = frozenset({_S.READY, _S.SHIPPED, _S.DELIVERED})
_VOID = frozenset({_S.CANCELLED, _S.DECLINED})


class Standing(StrEnum):
    """What a card says: genuine and sold; not finished after all; or void."""

    SOLD = "sold"
    MAKING = "making"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Piece:
    """A card with what its page tells. Nothing in it is of the buyer.

    `maker` are the names on the card that may still be told; `name` is the product's as it was sold.
    """

    card: PieceCard
    standing: Standing
    name: str
    maker: str
    product: Product
    workshop: Workshop
    station: Station
    stages: Sequence[StagePhoto]

    @property
    def carved_for_buyer(self) -> bool:
        return self.product.kind == Kind.MADE_TO_ORDER

    @property
    def number(self) -> str:
        return (
            "仅此一件" if self.product.kind == Kind.ONE_OF_A_KIND else f"第 {self.card.number} 件"
        )


async def issue_cards(
    session: AsyncSession, work_order: WorkOrder, issued_by: int | None, now: datetime
) -> list[PieceCard]:
    """A card for each piece of a work order that has none yet; returns the new ones.

    Safe to repeat. Locks the products by id, so that numbers are counted one after the other;
    `work_order` was loaded with lines and products.
    """
    ids = sorted({line.product_id for line in work_order.lines})
    lock = select(Product.id).where(Product.id.in_(ids)).order_by(Product.id)
    await session.execute(lock.with_for_update(key_share=True))
    line_ids = [line.id for line in work_order.lines]
    there = Counter(
        await session.scalars(
            select(PieceCard.order_line_id).where(PieceCard.order_line_id.in_(line_ids))
        )
    )
    latest = await session.execute(
        select(PieceCard.product_id, func.max(PieceCard.number))
        .where(PieceCard.product_id.in_(ids))
        .group_by(PieceCard.product_id)
    )
    numbers = Counter(dict(latest.all()))
    maker = await _names(session, work_order.workshop_id)
    cards = []
    for line in work_order.lines:
        for _ in range(line.quantity - there[line.id]):
            numbers[line.product_id] += 1
            number = numbers[line.product_id]
            cards.append(_card(work_order, line, number, maker, issued_by, now))
    session.add_all(cards)
    await session.flush()
    return cards


def _card(
    work_order: WorkOrder,
    line: OrderLine,
    number: int,
    maker: str,
    issued_by: int | None,
    now: datetime,
) -> PieceCard:
    finished = work_order.ready_at or work_order.shipped_at or now
    return PieceCard(
        station_id=work_order.station_id,
        order_line_id=line.id,
        product_id=line.product_id,
        number=number,
        code=new_code(CODE_LENGTH),
        maker=maker,
        wood=line.product.wood,
        hours=line.product.work_days * HOURS_A_DAY,
        finished_on=finished.astimezone(BEIJING).date(),
        issued_by=issued_by,
        issued_at=now,
    )


async def _names(session: AsyncSession, workshop_id: int) -> str:
    """The family's people as pages may name them, as many as a card has room for."""
    names = [person.name for person in people_on_page(await _makers(session, workshop_id))]
    while len("、".join(names)) > LONGEST_NAMES:
        names.pop()
    return "、".join(names) or NOBODY_NAMED


async def _makers(session: AsyncSession, workshop_id: int) -> list[Maker]:
    query = select(Maker).where(Maker.workshop_id == workshop_id).order_by(Maker.id)
    return list(await session.scalars(query))


async def issue_missing(
    session: AsyncSession, actor: Actor, work_order: WorkOrder, now: datetime
) -> int:
    """What the desk does for a work order from before there were cards; how many were issued.

    Raises WrongWorkOrderState for one that is not finished.
    """
    actor.must_be(WORK_ORDER_DESK)
    if work_order.state not in SOLD:
        raise WrongWorkOrderState("还没有做好，先不发出身卡。")
    cards = await issue_cards(session, work_order, actor.member_id, now)
    if cards:
        numbers = {"cards": [card.number for card in cards]}
        family = work_order.workshop_id
        record(
            session, actor, "piece_cards.issue", work_order, now, after=numbers, workshop_id=family
        )
    return len(cards)


async def pieces_of(session: AsyncSession, work_order: WorkOrder) -> list[Piece]:
    """The cards of a work order in the order of issue; it was loaded with its lines."""
    lines = [line.id for line in work_order.lines]
    query = select(PieceCard).where(PieceCard.order_line_id.in_(lines)).order_by(PieceCard.id)
    return [await _piece(session, card) for card in await session.scalars(query)]


async def piece_by_code(session: AsyncSession, typed: str) -> Piece:
    """The piece of a card's code, in any case, with blanks or dashes. Raises NotFound."""
    code = normalise(typed)
    known = len(code) == CODE_LENGTH and code.isascii() and code.isalnum()
    card = await session.scalar(select(PieceCard).where(PieceCard.code == code)) if known else None
    if card is None:
        raise NotFound("piece card")
    return await _piece(session, card)


async def _piece(session: AsyncSession, card: PieceCard) -> Piece:
    line = await session.get_one(OrderLine, card.order_line_id)
    work_order = await session.get_one(
        WorkOrder,
        line.work_order_id,
        options=[selectinload(WorkOrder.lines).selectinload(OrderLine.product)],
    )
    standing = await _standing(session, work_order, line)
    of_product = [selectinload(Product.photos)]
    return Piece(
        card=card,
        standing=standing,
        name=line.name,
        maker=await _still_named(session, work_order.workshop_id, card.maker),
        product=await session.get_one(
            Product, card.product_id, options=of_product, populate_existing=True
        ),
        workshop=await session.get_one(Workshop, work_order.workshop_id),
        station=await session.get_one(Station, card.station_id),
        stages=await _stages(session, work_order.id) if standing == Standing.SOLD else [],
    )


async def _standing(session: AsyncSession, work_order: WorkOrder, line: OrderLine) -> Standing:
    if work_order.state in _VOID:
        return Standing.VOID
    if work_order.state not in SOLD:
        return Standing.MAKING
    came_back = await session.scalar(
        select(BuyerRequest.id)
        .where(
            BuyerRequest.work_order_id == work_order.id,
            BuyerRequest.kind == RequestKind.RETURN,
            BuyerRequest.state == RequestState.DONE,
        )
        .limit(1)
    )
    if came_back is None:
        return Standing.SOLD
    order = await session.get_one(Order, work_order.order_id)
    back = {one.id for one in returnable(order, work_order)}
    return Standing.VOID if line.id in back else Standing.SOLD


async def _still_named(session: AsyncSession, workshop_id: int, names: str) -> str:
    """The names on a card without those whose consent was taken back since."""
    agreed = {maker.name for maker in await _makers(session, workshop_id) if maker.on_page}
    on_card = names.split("、")
    still = [name for name in on_card if name in agreed]
    return "、".join(still if len(still) == len(on_card) else [*still, NOBODY_NAMED])


async def _stages(session: AsyncSession, work_order_id: int) -> list[StagePhoto]:
    photos = await session.scalars(
        select(StagePhoto).where(
            StagePhoto.work_order_id == work_order_id,
            StagePhoto.state == PhotoState.READY,
            StagePhoto.removed_at.is_(None),
        )
    )
    order = list(Stage)
    return sorted(photos, key=lambda photo: (order.index(photo.stage), photo.id))
