"""Orders as their buyers follow them: read many at once, for everybody asks at the same time."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import Column, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.db import table
from catalog.errors import NotFound
from catalog.models import Workshop
from catalog.one_of import one_of
from shop.context import Shop
from shop.models import (
    Order,
    OrderLine,
    OrderState,
    Payment,
    PaymentState,
    Refund,
    RefundState,
    WorkOrder,
    WorkOrderState,
)

T = TypeVar("T")


@dataclass(slots=True)
class LineSheet:
    """One product of a part, as it was bought."""

    id: int
    product_id: int
    name: str
    quantity: int
    unit_fen: int


@dataclass(slots=True)
class PartSheet:
    """The part of an order that one workshop makes and sends."""

    id: int
    state: WorkOrderState
    shipping_fen: int
    carrier: str
    tracking: str
    promised_on: date | None
    workshop_id: int
    workshop_name: str
    lines: list[LineSheet] = field(default_factory=list)


@dataclass(slots=True)
class RefundSheet:
    """Money on its way back."""

    id: int
    state: RefundState
    amount_fen: int
    work_order_id: int | None


@dataclass(slots=True)
class PaymentSheet:
    """Money on its way in."""

    id: int
    gateway: str
    state: PaymentState
    amount_fen: int
    methods: list[str]
    session_id: str | None
    pay_url: str
    expires_at: datetime
    settled_at: datetime | None
    refunds: list[RefundSheet] = field(default_factory=list)


@dataclass(slots=True)
class OrderSheet:
    """An order with its parts and payments, oldest first, and nothing about the buyer."""

    id: int
    code: str
    token: str
    state: OrderState
    goods_fen: int
    shipping_fen: int
    total_fen: int
    placed_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    work_orders: list[PartSheet] = field(default_factory=list)
    payments: list[PaymentSheet] = field(default_factory=list)


_orders, _payments, _refunds = table(Order), table(Payment), table(Refund)
_parts, _lines, _workshops = table(WorkOrder), table(OrderLine), table(Workshop)


def _columns(of: Any, kind: type, *but: str) -> list[Column[Any]]:
    """The columns that fill a sheet's fields, in their order."""
    return [of.c[name] for name in kind.__slots__ if name not in but]  # type: ignore[attr-defined]


_ORDER = _columns(_orders, OrderSheet, "work_orders", "payments")
_PART = [*_columns(_parts, PartSheet, "workshop_name", "lines"), _workshops.c.name]
_LINE = _columns(_lines, LineSheet)
_PAYMENT = _columns(_payments, PaymentSheet, "refunds")
_REFUND = _columns(_refunds, RefundSheet)

# One query: an order has few parts and, as a rule, one payment. What repeats is read once.
_SHEETS = (
    select(*_ORDER, *_PART, *_LINE, *_PAYMENT, *_REFUND)
    .select_from(_orders)
    .join(_parts, _parts.c.order_id == _orders.c.id)
    .join(_workshops, _workshops.c.id == _parts.c.workshop_id)
    .join(_lines, _lines.c.work_order_id == _parts.c.id)
    .join(_payments, _payments.c.order_id == _orders.c.id)
    .outerjoin(_refunds, _refunds.c.payment_id == _payments.c.id)
    .where(one_of(_orders.c.token, "tokens"))
    .order_by(_orders.c.id, _parts.c.id, _lines.c.id, _payments.c.id, _refunds.c.id)
)


async def read_sheets(session: AsyncSession, tokens: Iterable[str]) -> dict[str, OrderSheet]:
    """The orders of tokens, by token; those that there are."""
    orders: dict[int, OrderSheet] = {}
    parts: dict[int, PartSheet] = {}
    lines: dict[int, LineSheet] = {}
    payments: dict[int, PaymentSheet] = {}
    refunds: dict[int, RefundSheet] = {}
    for row in await session.execute(_SHEETS, {"tokens": [*tokens]}):
        cells = _cells(row)
        order = _once(orders, None, next(cells), OrderSheet)
        part = _once(parts, order.work_orders, next(cells), PartSheet)
        _once(lines, part.lines, next(cells), LineSheet)
        payment = _once(payments, order.payments, next(cells), PaymentSheet)
        refund_cells = next(cells)
        if refund_cells[0] is not None:
            _once(refunds, payment.refunds, refund_cells, RefundSheet)
    return {order.token: order for order in orders.values()}


_WIDTHS = [len(group) for group in (_ORDER, _PART, _LINE, _PAYMENT, _REFUND)]


def _cells(row: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """A row's cells, thing by thing."""
    at = 0
    for width in _WIDTHS:
        yield row[at : at + width]
        at += width


def _once(
    known: dict[int, T], of: list[T] | None, cells: Sequence[Any], make: Callable[..., T]
) -> T:
    """The thing of these cells, whose first is its id; made, and put into its list, once."""
    found = known.get(cells[0])
    if found is None:
        found = known[cells[0]] = make(*cells)
        if of is not None:
            of.append(found)
    return found


async def read_many(shop: Shop, tokens: Sequence[str]) -> Mapping[str, OrderSheet | Exception]:
    """The orders that many buyers ask for at once; NotFound for what is none."""
    async with shop.database.reading() as session:
        found = await read_sheets(session, tokens)
    return {token: found.get(token) or NotFound("order") for token in tokens}
