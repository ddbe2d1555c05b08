"""The tables of holds, orders, payments, work orders, the ledger and sign-in."""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Fen, Id, UtcTime
from catalog.models import Product, Workshop


class HoldState(StrEnum):
    """`active` until it is `ordered`, given back (`released`) or runs out (`lapsed`)."""

    ACTIVE = "active"
    ORDERED = "ordered"
    RELEASED = "released"
    LAPSED = "lapsed"


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


class PaymentState(StrEnum):
    """`open` until the gateway says that it `succeeded` or `expired`."""

    OPEN = "open"
    SUCCEEDED = "succeeded"
    EXPIRED = "expired"


class RefundState(StrEnum):
    """requested -> pending -> succeeded or failed."""

    REQUESTED = "requested"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


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


class Hold(Base):
    """Pieces promised to one buyer for some minutes, at frozen prices. `docs/holds.md`.

    `shown_until` is the clock that the buyer sees; the pieces are kept until `expires_at`.
    `browser` is the buyer's first-party cookie, so that the same browser finds its hold again.
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


class Order(Base):
    """What one buyer pays for at once. `token` is the buyer's only key to it; `code` is for people.

    `request_key` and `request_hash` make a repeated request find the order it already made.
    """

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("total_fen = goods_fen + shipping_fen", name="total_adds_up"),
        Index("ix_orders_station_placed", "station_id", "placed_at"),
        Index("ix_orders_state_expires", "state", "expires_at"),
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
    placed_at: Mapped[UtcTime]
    expires_at: Mapped[UtcTime]
    paid_at: Mapped[UtcTime | None]

    hold: Mapped[Hold] = relationship(lazy="raise")
    work_orders: Mapped[list["WorkOrder"]] = relationship(
        lazy="raise", order_by="WorkOrder.id", back_populates="order"
    )
    payments: Mapped[list["Payment"]] = relationship(lazy="raise", order_by="Payment.id")


class WorkOrder(Base):
    """The part of an order that one workshop makes and sends; one per order and workshop."""

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
    carrier: Mapped[str] = mapped_column(String(30), default="")
    tracking: Mapped[str] = mapped_column(String(40), default="")
    decline_reason: Mapped[str] = mapped_column(String(200), default="")
    routed_at: Mapped[UtcTime | None]
    accepted_at: Mapped[UtcTime | None]
    shipped_at: Mapped[UtcTime | None]
    delivered_at: Mapped[UtcTime | None]

    order: Mapped[Order] = relationship(lazy="raise", back_populates="work_orders")
    workshop: Mapped[Workshop] = relationship(lazy="raise")
    lines: Mapped[list["OrderLine"]] = relationship(lazy="raise", order_by="OrderLine.id")


class OrderLine(Base):
    """One product of a work order, with its name and price as they were when it was bought."""

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

    product: Mapped[Product] = relationship(lazy="raise")


class Payment(Base):
    """Money on its way in through one gateway session, which `session_id` names.

    `kept` says that the order stands on this money; money that came too late or twice is not
    kept but refunded whole.
    """

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("gateway", "session_id"),
        Index("ix_payments_order", "order_id"),
        Index("ix_payments_state_expires", "state", "expires_at"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"))
    gateway: Mapped[str] = mapped_column(String(20))
    state: Mapped[PaymentState] = mapped_column(default=PaymentState.OPEN)
    amount_fen: Mapped[Fen]
    session_id: Mapped[str | None] = mapped_column(String(120))
    intent_id: Mapped[str | None] = mapped_column(String(120))
    pay_url: Mapped[str] = mapped_column(Text, default="")
    kept: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[UtcTime]
    expires_at: Mapped[UtcTime]
    settled_at: Mapped[UtcTime | None]

    order: Mapped[Order] = relationship(lazy="raise", overlaps="payments")
    refunds: Mapped[list["Refund"]] = relationship(lazy="raise", order_by="Refund.id")


class Refund(Base):
    """Money on its way back out of a payment: for one work order, or all of it."""

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        UniqueConstraint("payment_id", "work_order_id"),
        Index("ix_refunds_payment", "payment_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    payment_id: Mapped[Id] = mapped_column(ForeignKey("payments.id"))
    work_order_id: Mapped[Id | None] = mapped_column(ForeignKey("work_orders.id"))
    state: Mapped[RefundState] = mapped_column(default=RefundState.REQUESTED)
    amount_fen: Mapped[Fen]
    reason: Mapped[str] = mapped_column(String(200), default="")
    gateway_id: Mapped[str | None] = mapped_column(String(120))
    created_at: Mapped[UtcTime]
    done_at: Mapped[UtcTime | None]


class WebhookEvent(Base):
    """An event that a gateway told us, once: its id is unique, a second telling changes nothing."""

    __tablename__ = "webhook_events"

    id: Mapped[Id] = mapped_column(primary_key=True)
    gateway: Mapped[str] = mapped_column(String(20))
    event_id: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(60))
    received_at: Mapped[UtcTime]


class Posting(Base):
    """Why money moved: one balanced set of ledger entries. `cause` is unique, so it happens once."""

    __tablename__ = "postings"
    __table_args__ = (Index("ix_postings_station", "station_id", "at"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    cause: Mapped[str] = mapped_column(String(60), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    order_id: Mapped[Id | None] = mapped_column(ForeignKey("orders.id"))
    at: Mapped[UtcTime]

    entries: Mapped[list["LedgerEntry"]] = relationship(
        lazy="raise", order_by="LedgerEntry.id", back_populates="posting"
    )


class LedgerEntry(Base):
    """One side of a posting: fen into (+) or out of (-) an account. Never changed, never deleted."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("amount_fen <> 0", name="amount_not_zero"),
        Index("ix_ledger_entries_posting", "posting_id"),
        Index("ix_ledger_entries_workshop", "workshop_id", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    posting_id: Mapped[Id] = mapped_column(ForeignKey("postings.id"))
    account: Mapped[str] = mapped_column(String(20))
    workshop_id: Mapped[Id | None] = mapped_column(ForeignKey("workshops.id"))
    work_order_id: Mapped[Id | None] = mapped_column(ForeignKey("work_orders.id"))
    amount_fen: Mapped[Fen]
    at: Mapped[UtcTime]

    posting: Mapped[Posting] = relationship(lazy="raise", back_populates="entries")


class Notice(Base):
    """Something a family or the desk must be told. With no channel set it is a call to make."""

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("kind", "work_order_id"),
        Index("ix_notices_station_open", "station_id", "done_at"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    kind: Mapped[str] = mapped_column(String(30))
    workshop_id: Mapped[Id | None] = mapped_column(ForeignKey("workshops.id"))
    work_order_id: Mapped[Id | None] = mapped_column(ForeignKey("work_orders.id"))
    text: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[UtcTime]
    done_at: Mapped[UtcTime | None]
    done_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))

    workshop: Mapped[Workshop | None] = relationship(lazy="raise")


class MemberSession(Base):
    """A signed-in browser. Only the hash of its cookie is kept."""

    __tablename__ = "member_sessions"
    __table_args__ = (Index("ix_member_sessions_member", "member_id"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    member_id: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[UtcTime]
    expires_at: Mapped[UtcTime]


class ApiToken(Base):
    """A bearer token of a member, for programs. Only its hash is kept."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index("ix_api_tokens_member", "member_id"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    member_id: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    name: Mapped[str] = mapped_column(String(60))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[UtcTime]
    revoked_at: Mapped[UtcTime | None]


class SignInTry(Base):
    """A failed sign-in, counted against its login and its address."""

    __tablename__ = "sign_in_tries"
    __table_args__ = (
        Index("ix_sign_in_tries_login", "login", "at"),
        Index("ix_sign_in_tries_address", "address", "at"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(60))
    address: Mapped[str] = mapped_column(String(60))
    at: Mapped[UtcTime]
