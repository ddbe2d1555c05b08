"""Orders as the desk sees them: found, and opened with everything that belongs to them."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from catalog.access import Actor
from catalog.audit import Told, list_entries
from catalog.checks import BEIJING, clean
from catalog.errors import NotFound
from catalog.models import Workshop
from media.codes import normalise
from shop.checkout import whole_order
from shop.models import Order, OrderLine, OrderState, Posting, WorkOrder
from shop.receipts import receipts_of
from shop.requests import requests_of

PAGE = 50


@dataclass(frozen=True, slots=True)
class OrdersWanted:
    """What a list of orders is narrowed to. `before` is the id that the last page ended with."""

    station_id: int
    words: str = ""
    state: OrderState | None = None
    day: date | None = None
    before: int | None = None
    most: int = PAGE


async def find_orders(
    session: AsyncSession, wanted: OrdersWanted
) -> tuple[list[Order], int | None]:
    """The newest orders that fit, with their work orders and lines, and where the next page begins.

    Every word must be found: in the code, the buyer's name, the name of a product or a workshop,
    in a parcel's number, or at the end of the phone number.
    """
    parts = selectinload(Order.work_orders)
    query = (
        select(Order)
        .where(*_conditions(wanted))
        .options(parts.selectinload(WorkOrder.lines), parts.selectinload(WorkOrder.workshop))
        .order_by(Order.id.desc())
        .limit(wanted.most + 1)
    )
    rows = list(await session.scalars(query))
    if len(rows) <= wanted.most:
        return rows, None
    return rows[:-1], rows[-2].id


def _conditions(wanted: OrdersWanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Order.station_id == wanted.station_id]
    if wanted.state is not None:
        found.append(Order.state == wanted.state)
    if wanted.day is not None:
        start, end = day_span(wanted.day)
        found.append((Order.placed_at >= start) & (Order.placed_at < end))
    if wanted.before is not None:
        found.append(Order.id < wanted.before)
    return found + [_says(word) for word in clean(wanted.words).split()[:6]]


def _says(word: str) -> ColumnElement[bool]:
    of_parts = select(WorkOrder.order_id).where(of_part(word))
    return or_(of_buyer(word), Order.id.in_(of_parts))


def of_buyer(word: str) -> ColumnElement[bool]:
    """Whether a word is an order's code, or of its buyer: of the name, or the phone number's end."""
    says = [Order.code == normalise(word), Order.buyer_name.icontains(word, autoescape=True)]
    # Fewer than four digits would find half the station.
    if word.isascii() and word.isdecimal() and len(word) >= 4:
        says.append(Order.buyer_phone.endswith(word))
    return or_(*says)


def of_part(word: str) -> ColumnElement[bool]:
    """Whether a word is of a work order: of a product's name, its workshop's, or its parcel's number."""
    says = [
        WorkOrder.lines.any(OrderLine.name.icontains(word, autoescape=True)),
        WorkOrder.workshop.has(Workshop.name.icontains(word, autoescape=True)),
    ]
    if word.isascii() and len(word) >= 5:
        says.append(WorkOrder.tracking.contains(word.upper(), autoescape=True))
    return or_(*says)


def day_span(day: date) -> tuple[datetime, datetime]:
    """When a day begins in Beijing, and when the next one does."""
    start = datetime.combine(day, time(), BEIJING)
    return start, start + timedelta(days=1)


async def order_for(session: AsyncSession, actor: Actor, code: str) -> Order:
    """The order of a code, with all its parts, when it is of the actor's station. Raises NotFound."""
    query = whole_order().where(
        Order.code == clean(normalise(code)), Order.station_id == actor.station_id
    )
    order = (await session.scalars(query)).unique().one_or_none()
    if order is None:
        raise NotFound("order")
    return order


async def postings_of(session: AsyncSession, order: Order) -> list[Posting]:
    """What the ledger says about an order, oldest first, with both sides of each posting."""
    query = select(Posting).where(Posting.order_id == order.id).order_by(Posting.id)
    return list(await session.scalars(query.options(selectinload(Posting.entries))))


async def history_of(session: AsyncSession, order: Order) -> list[Told]:
    """What people did with an order, its parts, its money and requests about it, oldest first."""
    about = {
        "orders": [order.id],
        "work_orders": [part.id for part in order.work_orders],
        "buyer_requests": [asked.id for asked in await requests_of(session, order.id)],
        "refunds": [refund.id for payment in order.payments for refund in payment.refunds],
        "offline_receipts": [line.receipt.id for line in await receipts_of(session, order)],
    }
    return await list_entries(session, order.station_id, about)
