"""The tables of holds, of buyers waiting for a piece, of orders and work orders."""

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Fen, Id, UtcTime
from catalog.models import Product, Workshop
from live.models import Link

if TYPE_CHECKING:
    from shop.models.payments import Payment


class ShippingRate(Base):
    """What one parcel costs the buyer to a province; province "" stands for everywhere else."""

    __tablename__ = "shipping_rates"
    __table_args__ = (
        UniqueConstraint("station_id", "province"),
        CheckConstraint("fee_fen >= 0", name="fee_not_negative"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    province: Mapped[str] = mapped_column(String(20), default="")
    fee_fen: Mapped[Fen]


class HoldState(StrEnum):
    """`active` until it is `ordered`, given back (`released`) or runs out (`lapsed`).

    `pay_first` promises nothing: its order takes the pieces when its money has come. Of one that
    is `gone` a piece was sold elsewhere, at the market, while the buyer had not paid.
    """

    ACTIVE = "active"
    ORDERED = "ordered"
    RELEASED = "released"
    LAPSED = "lapsed"
    PAY_FIRST = "pay_first"
    GONE = "gone"


class WaiterState(StrEnum):
    """waiting -> offered, or left. What became of an offer is told by its hold and order."""

    WAITING = "waiting"
    OFFERED = "offered"
    LEFT = "left"


class Hold(Base):
    """Pieces promised to one buyer for some minutes, at frozen prices. `docs/holds.md`.

    `shown_until` is the clock that the buyer sees; the pieces are kept until `expires_at`.
    `browser` is the buyer's first-party cookie, so that the same browser finds its hold again.
    Its clocks stand while the show `paused_by` pauses holds; `paused_until` is the end that the
    pause gave it, and where `expires_at` is another by now, somebody else has moved it since.
    """

    __tablename__ = "holds"
    __table_args__ = (
        Index("ix_holds_state_expires", "state", "expires_at"),
        Index("ix_holds_browser", "browser"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    token: Mapped[str] = mapped_column(String(40), unique=True)
    browser: Mapped[str] = mapped_column(String(40), default="")
    state: Mapped[HoldState] = mapped_column(default=HoldState.ACTIVE)
    created_at: Mapped[UtcTime]
    shown_until: Mapped[UtcTime]
    expires_at: Mapped[UtcTime]
    paused_by: Mapped[Id | None] = mapped_column(ForeignKey("shows.id"))
    paused_until: Mapped[UtcTime | None]

    lines: Mapped[list["HoldLine"]] = relationship(lazy="raise", order_by="HoldLine.product_id")


class HoldLine(Base):
    """One product of a hold. `fenced` of the pieces came out of the show's allotment."""

    __tablename__ = "hold_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        Index("ix_hold_lines_hold", "hold_id"),
        Index("ix_hold_lines_product", "product_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    hold_id: Mapped[Id] = mapped_column(ForeignKey("holds.id"))
    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id"))
    line_up_item_id: Mapped[Id | None] = mapped_column(ForeignKey("line_up_items.id"))
    link_id: Mapped[Id | None] = mapped_column(ForeignKey("links.id"))
    quantity: Mapped[int]
    fenced: Mapped[int] = mapped_column(default=0)
    unit_fen: Mapped[Fen]

    product: Mapped[Product] = relationship(lazy="raise")


class Waiter(Base):
    """A buyer in line for a piece that others hold. `hold_id` is the hold made for them in turn.

    `token` is the key to the page where they see their place; `phone` is called when it is time.
    `link_id` is the link that they came by: its show's price and pieces are theirs too.
    """

    __tablename__ = "waiters"
    __table_args__ = (
        Index("ix_waiters_product", "product_id", "state", "id"),
        Index("ix_waiters_phone", "phone", "state"),
        Index("ix_waiters_state_created", "state", "created_at"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id"))
    link_id: Mapped[Id | None] = mapped_column(ForeignKey("links.id"))
    hold_id: Mapped[Id | None] = mapped_column(ForeignKey("holds.id"), unique=True)
    token: Mapped[str] = mapped_column(String(40), unique=True)
    browser: Mapped[str] = mapped_column(String(40), default="")
    phone: Mapped[str] = mapped_column(String(20))
    state: Mapped[WaiterState] = mapped_column(default=WaiterState.WAITING)
    created_at: Mapped[UtcTime]
    offered_at: Mapped[UtcTime | None]

    link: Mapped[Link | None] = relationship(lazy="raise")
    hold: Mapped[Hold | None] = relationship(lazy="raise")


class OrderState(StrEnum):
    """unpaid -> paid -> completed, or cancelled, or expired."""

    UNPAID = "unpaid"
    PAID = "paid"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class WorkOrderState(StrEnum):
    """waiting -> new -> accepted -> making -> ready -> shipped -> delivered."""

    WAITING = "waiting"
    NEW = "new"
    ACCEPTED = "accepted"
    MAKING = "making"
    READY = "ready"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    DECLINED = "declined"
    CANCELLED = "cancelled"


class Order(Base):
    """What one buyer pays for at once. `token` is the buyer's only key to it; `code` is for people.

    `request_key` and `request_hash` make a repeated request find the order it already made.
    `language` (zh, en) is what its notices are written in.
    `custom_agreed_at` is when the buyer ticked that what is carved for them cannot be returned,
    `likeness_agreed_at` that its grain and face will differ from the pictures shown.
    """

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("total_fen = goods_fen + shipping_fen", name="total_adds_up"),
        Index("ix_orders_station_placed", "station_id", "placed_at"),
        Index("ix_orders_state_expires", "state", "expires_at"),
        Index("ix_orders_phone", "buyer_phone", "state", "placed_at"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    hold_id: Mapped[Id] = mapped_column(ForeignKey("holds.id"), unique=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    token: Mapped[str] = mapped_column(String(40), unique=True)
    request_key: Mapped[str | None] = mapped_column(String(100), unique=True)
    request_hash: Mapped[str] = mapped_column(String(64), default="")
    state: Mapped[OrderState] = mapped_column(default=OrderState.UNPAID)
    buyer_name: Mapped[str] = mapped_column(String(40))
    buyer_phone: Mapped[str] = mapped_column(String(20))
    province: Mapped[str] = mapped_column(String(20))
    city: Mapped[str] = mapped_column(String(30))
    district: Mapped[str] = mapped_column(String(30))
    detail: Mapped[str] = mapped_column(String(200))
    goods_fen: Mapped[Fen]
    shipping_fen: Mapped[Fen]
    total_fen: Mapped[Fen]
    custom_agreed_at: Mapped[UtcTime | None]
    likeness_agreed_at: Mapped[UtcTime | None]
    language: Mapped[str] = mapped_column(String(5), default="zh", server_default="zh")
    placed_at: Mapped[UtcTime]
    expires_at: Mapped[UtcTime]
    paid_at: Mapped[UtcTime | None]

    hold: Mapped[Hold] = relationship(lazy="raise")
    work_orders: Mapped[list["WorkOrder"]] = relationship(
        lazy="raise", order_by="WorkOrder.id", back_populates="order"
    )
    payments: Mapped[list["Payment"]] = relationship(lazy="raise", order_by="Payment.id")


class WorkOrder(Base):
    """The part of an order that one workshop makes and sends; one per order and workshop.

    `payable_on` is the first day on which its money may be paid out, known once it is delivered.
    `handover_id` is when the family brought it to the station, which then sends it.
    """

    __tablename__ = "work_orders"
    __table_args__ = (
        UniqueConstraint("order_id", "workshop_id"),
        Index("ix_work_orders_workshop_state", "workshop_id", "state", "id"),
        Index("ix_work_orders_station_state", "station_id", "state", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"))
    workshop_id: Mapped[Id] = mapped_column(ForeignKey("workshops.id"))
    state: Mapped[WorkOrderState] = mapped_column(default=WorkOrderState.WAITING)
    goods_fen: Mapped[Fen]
    shipping_fen: Mapped[Fen]
    promised_on: Mapped[date | None]
    payable_on: Mapped[date | None]
    carrier: Mapped[str] = mapped_column(String(30), default="")
    tracking: Mapped[str] = mapped_column(String(40), default="")
    decline_reason: Mapped[str] = mapped_column(String(200), default="")
    routed_at: Mapped[UtcTime | None]
    accepted_at: Mapped[UtcTime | None]
    started_at: Mapped[UtcTime | None]
    ready_at: Mapped[UtcTime | None]
    handover_id: Mapped[Id | None] = mapped_column(ForeignKey("handovers.id", use_alter=True))
    shipped_at: Mapped[UtcTime | None]
    delivered_at: Mapped[UtcTime | None]

    order: Mapped[Order] = relationship(lazy="raise", back_populates="work_orders")
    workshop: Mapped[Workshop] = relationship(lazy="raise")
    lines: Mapped[list["OrderLine"]] = relationship(lazy="raise", order_by="OrderLine.id")

    @property
    def share_fen(self) -> int:
        """What the family gets for its goods: without the station's share. Reads `lines`."""
        return self.goods_fen - sum(line.fee_fen for line in self.lines)


class OrderLine(Base):
    """One product of a work order, with its name and price as they were when it was bought.

    So are the station's share, `fee_bp` in hundredths of a percent and `fee_fen` for the whole
    line, and `likeness`: the folders of the pictures by which a carved-to-order piece was sold.
    """

    __tablename__ = "order_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        Index("ix_order_lines_work_order", "work_order_id"),
        Index("ix_order_lines_product", "product_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    work_order_id: Mapped[Id] = mapped_column(ForeignKey("work_orders.id"))
    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id"))
    line_up_item_id: Mapped[Id | None] = mapped_column(ForeignKey("line_up_items.id"))
    name: Mapped[str] = mapped_column(String(60))
    quantity: Mapped[int]
    unit_fen: Mapped[Fen]
    fee_bp: Mapped[int] = mapped_column(default=0)
    fee_fen: Mapped[Fen] = mapped_column(default=0)
    likeness: Mapped[list[str]] = mapped_column(default=list)

    product: Mapped[Product] = relationship(lazy="raise")
