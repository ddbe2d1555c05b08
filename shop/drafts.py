"""Orders about to be written: what each costs, how it is shared among workshops, and its rows.

Orders that are placed at the same time are filled in and written together, with one statement for
each table.
"""

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.db import table
from catalog.errors import Refusal
from catalog.models import Kind
from media.codes import new_code
from shop import fees, shipping
from shop.holds import Held, HeldLine
from shop.likeness import likenesses
from shop.models import (
    Hold,
    HoldState,
    Order,
    OrderLine,
    OrderState,
    Payment,
    PaymentState,
    WorkOrder,
    WorkOrderState,
)
from shop.promise import beijing_day, queues
from shop.room import full
from shop.sheet import LineSheet, OrderSheet, PartSheet, PaymentSheet

if TYPE_CHECKING:
    from shop.checkout import OrderRequest

# As long as a session at Stripe lives at least, and a minute for the way there.
PAY_WITHIN = timedelta(minutes=31)
# After the session ends the pieces wait three minutes more for money already on its way.
KEPT_AFTER = timedelta(minutes=3)

_orders, _parts, _lines = table(Order), table(WorkOrder), table(OrderLine)
_payments, _holds = table(Payment), table(Hold)

_NEW_ORDERS = insert(_orders).returning(_orders.c.id, sort_by_parameter_order=True)
_NEW_PARTS = insert(_parts).returning(_parts.c.id, sort_by_parameter_order=True)
_NEW_LINES = insert(_lines).returning(_lines.c.id, sort_by_parameter_order=True)
_NEW_PAYMENTS = insert(_payments).returning(_payments.c.id, sort_by_parameter_order=True)
_ORDERED = (
    update(_holds)
    .where(_holds.c.id == bindparam("hold"))
    .values(state=bindparam("now_in"), expires_at=bindparam("until"))
)


@dataclass(slots=True)
class Share:
    """What one workshop makes and sends."""

    lines: list[HeldLine]
    fee_fen: int = 0
    promised_on: date | None = None

    @property
    def workshop_id(self) -> int:
        return self.lines[0].workshop_id

    @property
    def goods_fen(self) -> int:
        return sum(line.quantity * line.unit_fen for line in self.lines)

    @property
    def days_to_carve(self) -> int:
        """0 when nothing is made to order: finished pieces are sent, not made."""
        return sum(
            line.quantity * line.work_days for line in self.lines if line.kind == Kind.MADE_TO_ORDER
        )


@dataclass(slots=True)
class Draft:
    """An order that is asked for and whose hold is locked, with what it will say.

    `refused` is why a workshop does not take it on, where it does not.
    """

    request: "OrderRequest"
    hold: Held
    now: datetime
    shipping_fen: int = 0
    shares: list[Share] = field(default_factory=list)
    fee_bp: Mapping[fees.Pair, int] = field(default_factory=dict)
    likeness: Mapping[int, list[str]] = field(default_factory=dict)
    refused: Refusal | None = None

    @property
    def goods_fen(self) -> int:
        return sum(share.goods_fen for share in self.shares)

    @property
    def total_fen(self) -> int:
        return self.goods_fen + self.shipping_fen * len(self.shares)

    @property
    def carves(self) -> bool:
        """Whether something is made to order."""
        return any(line.kind == Kind.MADE_TO_ORDER for line in self.hold.lines)


async def fill_in(session: AsyncSession, drafts: Sequence[Draft]) -> None:
    """Give drafts their shares by workshop, the postage, the fees and the promised dates."""
    postage = await shipping.rates(session, {draft.hold.station_id for draft in drafts})
    for draft in drafts:
        draft.shares = _shares(draft.hold)
        where = (draft.hold.station_id, draft.request.buyer.province)
        draft.shipping_fen = postage.get(where, postage.get((where[0], ""), 0))
    await _fees(session, drafts)
    await _promises(session, drafts)
    await _likenesses(session, drafts)


def _shares(hold: Held) -> list[Share]:
    by_workshop: defaultdict[int, list[HeldLine]] = defaultdict(list)
    for line in hold.lines:
        by_workshop[line.workshop_id].append(line)
    return [Share(by_workshop[workshop_id]) for workshop_id in sorted(by_workshop)]


async def _fees(session: AsyncSession, drafts: Sequence[Draft]) -> None:
    by_station: defaultdict[int, list[Draft]] = defaultdict(list)
    for draft in drafts:
        by_station[draft.hold.station_id].append(draft)
    for station_id, some in by_station.items():
        pairs = {(line.workshop_id, line.kind) for draft in some for line in draft.hold.lines}
        rates = await fees.rates(session, station_id, pairs, max(draft.now for draft in some))
        for draft in some:
            draft.fee_bp = rates


async def _promises(session: AsyncSession, drafts: Sequence[Draft]) -> None:
    """Each order's work is added to what its workshop has in hand, in the order of asking.

    The workshops' rows are locked, so of two orders for the last days one is refused.
    """
    carving = [(draft, [s for s in draft.shares if s.days_to_carve]) for draft in drafts]
    workshops = {share.workshop_id for _, shares in carving for share in shares}
    today = beijing_day(max(draft.now for draft in drafts)) if workshops else date.min
    found = await queues(session, workshops, today, lock=True)
    for draft, shares in carving:
        wanted = [(found[share.workshop_id], share.days_to_carve) for share in shares]
        draft.refused = full(wanted, today)
        if draft.refused is None:
            for share, (queue, days) in zip(shares, wanted, strict=True):
                share.promised_on = queue.promise(days, today)
                queue.add(days)


async def _likenesses(session: AsyncSession, drafts: Sequence[Draft]) -> None:
    """The pictures by which what is carved to order was sold, where the buyer agreed to that."""
    agreed = [draft for draft in drafts if draft.request.likeness_agreed and draft.carves]
    products = {
        line.product_id
        for draft in agreed
        for line in draft.hold.lines
        if line.kind == Kind.MADE_TO_ORDER
    }
    if not products:
        return
    shown = await likenesses(session, products)
    folders = {product: [photo.folder for photo in photos] for product, photos in shown.items()}
    for draft in agreed:
        draft.likeness = folders


async def write_orders(session: AsyncSession, drafts: Sequence[Draft]) -> list[OrderSheet]:
    """Write drafts as unpaid orders with an open payment each; their holds are theirs now."""
    if not drafts:
        return []
    rows = [_order_row(draft) for draft in drafts]
    order_ids = list(await session.scalars(_NEW_ORDERS, rows))
    sheets = [
        _sheet(draft, row, order_id)
        for draft, row, order_id in zip(drafts, rows, order_ids, strict=True)
    ]
    await _write_parts(session, drafts, sheets)
    await _write_payments(session, drafts, sheets)
    await session.execute(
        _ORDERED, [_hold_row(draft, sheet) for draft, sheet in _pairs(drafts, sheets)]
    )
    return sheets


def _pairs(drafts: Sequence[Draft], sheets: Sequence[OrderSheet]) -> list[tuple[Draft, OrderSheet]]:
    return list(zip(drafts, sheets, strict=True))


async def _write_parts(
    session: AsyncSession, drafts: Sequence[Draft], sheets: Sequence[OrderSheet]
) -> None:
    shares = [
        (draft, sheet, share) for draft, sheet in _pairs(drafts, sheets) for share in draft.shares
    ]
    rows = [_part_row(draft, sheet.id, share) for draft, sheet, share in shares]
    part_ids = list(await session.scalars(_NEW_PARTS, rows))
    lines = [
        (draft, part_id, line)
        for (draft, _, share), part_id in zip(shares, part_ids, strict=True)
        for line in share.lines
    ]
    line_rows = [_line_row(draft, part_id, line) for draft, part_id, line in lines]
    line_ids = iter(await session.scalars(_NEW_LINES, line_rows))
    for (_, sheet, share), row, part_id in zip(shares, rows, part_ids, strict=True):
        sheet.work_orders.append(
            PartSheet(
                id=part_id,
                state=row["state"],
                shipping_fen=row["shipping_fen"],
                carrier="",
                tracking="",
                promised_on=share.promised_on,
                workshop_id=share.workshop_id,
                workshop_name=share.lines[0].workshop_name,
                lines=[
                    LineSheet(
                        next(line_ids), line.product_id, line.name, line.quantity, line.unit_fen
                    )
                    for line in share.lines
                ],
            )
        )


async def _write_payments(
    session: AsyncSession, drafts: Sequence[Draft], sheets: Sequence[OrderSheet]
) -> None:
    rows = [_payment_row(draft, sheet) for draft, sheet in _pairs(drafts, sheets)]
    ids = await session.scalars(_NEW_PAYMENTS, rows)
    for sheet, row, payment_id in zip(sheets, rows, ids, strict=True):
        sheet.payments.append(
            PaymentSheet(
                id=payment_id,
                gateway=row["gateway"],
                state=row["state"],
                amount_fen=row["amount_fen"],
                methods=row["methods"],
                session_id=None,
                pay_url="",
                expires_at=row["expires_at"],
                settled_at=None,
            )
        )


def _sheet(draft: Draft, row: Mapping[str, Any], order_id: int) -> OrderSheet:
    return OrderSheet(
        id=order_id,
        code=row["code"],
        token=row["token"],
        state=row["state"],
        goods_fen=row["goods_fen"],
        shipping_fen=row["shipping_fen"],
        total_fen=row["total_fen"],
        placed_at=draft.now,
        expires_at=row["expires_at"],
        paid_at=None,
    )


def _order_row(draft: Draft) -> dict[str, Any]:
    request, buyer = draft.request, draft.request.buyer
    return {
        "station_id": draft.hold.station_id,
        "hold_id": draft.hold.id,
        "code": new_code(8),
        "token": secrets.token_urlsafe(24),
        "request_key": request.key,
        "request_hash": request.digest if request.key else "",
        "state": OrderState.UNPAID,
        "buyer_name": buyer.name,
        "buyer_phone": buyer.phone,
        "province": buyer.province,
        "city": buyer.city,
        "district": buyer.district,
        "detail": buyer.detail,
        "goods_fen": draft.goods_fen,
        "shipping_fen": draft.shipping_fen * len(draft.shares),
        "total_fen": draft.total_fen,
        "custom_agreed_at": draft.now if request.custom_agreed and draft.carves else None,
        "likeness_agreed_at": draft.now if request.likeness_agreed and draft.carves else None,
        "language": request.language,
        "placed_at": draft.now,
        "expires_at": draft.now + PAY_WITHIN,
    }


def _part_row(draft: Draft, order_id: int, share: Share) -> dict[str, Any]:
    return {
        "station_id": draft.hold.station_id,
        "order_id": order_id,
        "workshop_id": share.workshop_id,
        "state": WorkOrderState.WAITING,
        "goods_fen": share.goods_fen,
        "shipping_fen": draft.shipping_fen,
        "promised_on": share.promised_on,
    }


def _line_row(draft: Draft, part_id: int, line: HeldLine) -> dict[str, Any]:
    fee_bp = draft.fee_bp.get((line.workshop_id, line.kind), 0)
    return {
        "work_order_id": part_id,
        "product_id": line.product_id,
        "line_up_item_id": line.line_up_item_id,
        "name": line.name,
        "quantity": line.quantity,
        "unit_fen": line.unit_fen,
        "fee_bp": fee_bp,
        "fee_fen": fees.line_fee_fen(line.quantity * line.unit_fen, fee_bp),
        "likeness": draft.likeness.get(line.product_id, []),
    }


def _payment_row(draft: Draft, sheet: OrderSheet) -> dict[str, Any]:
    return {
        "station_id": draft.hold.station_id,
        "order_id": sheet.id,
        "gateway": draft.request.gateway,
        "state": PaymentState.OPEN,
        "amount_fen": sheet.total_fen,
        "methods": list(draft.request.methods),
        "created_at": draft.now,
        "expires_at": sheet.expires_at,
    }


def _hold_row(draft: Draft, sheet: OrderSheet) -> dict[str, Any]:
    keeps = draft.hold.state == HoldState.ACTIVE
    return {
        "hold": draft.hold.id,
        "now_in": HoldState.ORDERED if keeps else HoldState.PAY_FIRST,
        "until": sheet.expires_at + KEPT_AFTER,
    }
