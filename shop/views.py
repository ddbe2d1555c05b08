"""Holds, orders and work orders as programs see and give them."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.access import WORK_ORDER_ACTORS, Actor
from catalog.interface import BodyId, Named
from catalog.words import covered_phone
from shop.holds import Held, HeldLine
from shop.models import (
    Order,
    OrderLine,
    OrderState,
    PaymentState,
    RefundState,
    WorkOrder,
    WorkOrderState,
)
from shop.phones import ON_ITS_WAY
from shop.sheet import LineSheet, OrderSheet, PartSheet, PaymentSheet

Code = Annotated[str, Meta(min_length=1, max_length=40)]
Token = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,60}$")]


class WantedItem(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One product to buy, by the code of a link (with its show's price) or by its id."""

    link: Code | None = None
    product: BodyId | None = None
    quantity: int


class HoldBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to hold: everything or nothing."""

    items: list[WantedItem]


class Address(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where it goes, within China. `province` may be short (甘肃) or whole (甘肃省)."""

    province: str
    city: str
    district: str = ""
    detail: str


class BuyerBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who buys. `phone` is a mainland mobile number."""

    name: str
    phone: str
    address: Address


class OrderBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An order: of a hold, or of items to be held in the same step; one of the two.

    `custom_agreed`: the buyer was shown, and ticked for this purchase, that what is made to
    order can not be sent back without a reason. Without it, it can. `likeness_agreed`: that
    its grain and face will differ from the pictures.
    """

    hold: Token | None = None
    items: list[WantedItem] = []
    buyer: BuyerBody
    gateway: str | None = None
    custom_agreed: bool = False
    likeness_agreed: bool = False


class LineView(msgspec.Struct, kw_only=True):
    """So many pieces of one product, at the price that was agreed."""

    product: int
    name: str
    quantity: int
    unit_fen: int

    @classmethod
    def of(cls, line: OrderLine | LineSheet) -> "LineView":
        return cls(
            product=line.product_id,
            name=line.name,
            quantity=line.quantity,
            unit_fen=line.unit_fen,
        )


class HoldLineView(LineView, kw_only=True):
    """A line of a hold; the workshops are not yet told apart."""

    workshop: Named


class HoldView(msgspec.Struct, kw_only=True):
    """Pieces promised to one buyer. `expires_at` is the clock to show."""

    token: str
    expires_at: datetime
    lines: list[HoldLineView]
    total_fen: int

    @classmethod
    def of(cls, hold: Held) -> "HoldView":
        return cls(
            token=hold.token,
            expires_at=hold.shown_until,
            lines=[_held(line) for line in hold.lines],
            total_fen=sum(line.quantity * line.unit_fen for line in hold.lines),
        )


def _held(line: HeldLine) -> HoldLineView:
    return HoldLineView(
        product=line.product_id,
        name=line.name,
        quantity=line.quantity,
        unit_fen=line.unit_fen,
        workshop=Named(line.workshop_id, line.workshop_name),
    )


class RefundView(msgspec.Struct, kw_only=True):
    """Money on its way back; of one work order where it is named."""

    state: RefundState
    amount_fen: int
    work_order: int | None


class PaymentView(msgspec.Struct, kw_only=True):
    """Money on its way in."""

    gateway: str
    state: PaymentState
    amount_fen: int
    settled_at: datetime | None
    refunds: list[RefundView]

    @classmethod
    def of(cls, payment: PaymentSheet) -> "PaymentView":
        return cls(
            gateway=payment.gateway,
            state=payment.state,
            amount_fen=payment.amount_fen,
            settled_at=payment.settled_at,
            refunds=[
                RefundView(
                    state=refund.state,
                    amount_fen=refund.amount_fen,
                    work_order=refund.work_order_id,
                )
                for refund in payment.refunds
            ],
        )


class PartView(msgspec.Struct, kw_only=True):
    """The part of an order that one workshop makes and sends."""

    id: int
    workshop: Named
    state: WorkOrderState
    lines: list[LineView]
    shipping_fen: int
    carrier: str
    tracking: str
    promised_on: date | None

    @classmethod
    def of(cls, work_order: WorkOrder | PartSheet) -> "PartView":
        """A work order is loaded with workshop and lines."""
        name = (
            work_order.workshop_name
            if isinstance(work_order, PartSheet)
            else work_order.workshop.name
        )
        return cls(
            id=work_order.id,
            workshop=Named(work_order.workshop_id, name),
            state=work_order.state,
            lines=[LineView.of(line) for line in work_order.lines],
            shipping_fen=work_order.shipping_fen,
            carrier=work_order.carrier,
            tracking=work_order.tracking,
            promised_on=work_order.promised_on,
        )


class OrderView(msgspec.Struct, kw_only=True):
    """What one buyer pays for at once. `pay_url` is null when there is nothing to pay now.

    Whoever holds the token sees this, so it says nothing about the buyer.
    """

    code: str
    token: str
    state: OrderState
    goods_fen: int
    shipping_fen: int
    total_fen: int
    placed_at: datetime
    expires_at: datetime
    paid_at: datetime | None
    pay_url: str | None
    payments: list[PaymentView]
    work_orders: list[PartView]

    @classmethod
    def of(cls, order: OrderSheet) -> "OrderView":
        return cls(
            code=order.code,
            token=order.token,
            state=order.state,
            goods_fen=order.goods_fen,
            shipping_fen=order.shipping_fen,
            total_fen=order.total_fen,
            placed_at=order.placed_at,
            expires_at=order.expires_at,
            paid_at=order.paid_at,
            pay_url=_pay_url(order),
            payments=[PaymentView.of(payment) for payment in order.payments],
            work_orders=[PartView.of(part) for part in order.work_orders],
        )


def _pay_url(order: OrderSheet) -> str | None:
    payment = order.payments[-1]
    if order.state != OrderState.UNPAID or payment.state != PaymentState.OPEN:
        return None
    return payment.pay_url or None


class ShipTo(msgspec.Struct, kw_only=True):
    """The address on the parcel; the number's middle is covered, the whole is asked for."""

    name: str
    phone: str
    province: str
    city: str
    district: str
    detail: str

    @classmethod
    def of(cls, order: Order) -> "ShipTo":
        return cls(
            name=order.buyer_name,
            phone=covered_phone(order.buyer_phone),
            province=order.province,
            city=order.city,
            district=order.district,
            detail=order.detail,
        )


class PhoneView(msgspec.Struct):
    """A buyer's whole number."""

    phone: str


class WorkOrderView(PartView, kw_only=True):
    """A work order as its workshop and the desk see it. `order` is the order's code.

    `ship_to` is told from `accepted` to `shipped`, to those who send the parcel.
    """

    order: str
    goods_fen: int
    decline_reason: str
    ship_to: ShipTo | None

    @classmethod
    def seen_by(cls, actor: Actor, work_order: WorkOrder) -> "WorkOrderView":
        """Loaded with order, workshop and lines."""
        sends = actor.role in WORK_ORDER_ACTORS and work_order.state in ON_ITS_WAY
        return cls(
            **msgspec.structs.asdict(PartView.of(work_order)),
            order=work_order.order.code,
            goods_fen=work_order.goods_fen,
            decline_reason=work_order.decline_reason,
            ship_to=ShipTo.of(work_order.order) if sends else None,
        )


class WorkOrderPage(msgspec.Struct):
    """One page of work orders. `next` is what to ask for with `?before=`; null on the last page."""

    items: list[WorkOrderView]
    next: int | None


class Decline(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why the workshop can not; the buyer is told."""

    reason: str


class Parcel(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the carrier's receipt says."""

    carrier: str
    tracking: str
