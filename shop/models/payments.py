"""The tables of money in, money back, and what gateways told us."""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Fen, Id, UtcTime
from shop.models.buying import Order


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


class Payment(Base):
    """Money on its way in through one gateway session, which `session_id` names.

    `kept` says that the order stands on this money; money that came too late or twice is not
    kept but refunded whole. `methods` are the ways of paying that were offered, none named for
    all there are. `method` is the wallet or card that paid, "" until it is known, and
    `refund_until` the last day on which money can go back that way (docs/payments.md).
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
    methods: Mapped[list[str]] = mapped_column(default=list)
    method: Mapped[str] = mapped_column(String(20), default="")
    refund_until: Mapped[date | None]
    kept: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[UtcTime]
    expires_at: Mapped[UtcTime]
    settled_at: Mapped[UtcTime | None]

    order: Mapped[Order] = relationship(lazy="raise", overlaps="payments")
    refunds: Mapped[list["Refund"]] = relationship(lazy="raise", order_by="Refund.id")


class Refund(Base):
    """Money on its way back out of a payment: for one work order, or all of it.

    `cause` names what made it necessary ("decline:12") and is unique: money goes back once for
    one thing. `attempt` counts the askings that a person began after a failure. What is given
    back by hand is `recorded_by` one member with a reference and `confirmed_by` another.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        CheckConstraint("confirmed_by <> recorded_by", name="two_persons"),
        Index("ix_refunds_payment", "payment_id"),
        Index("ix_refunds_state", "state", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    payment_id: Mapped[Id] = mapped_column(ForeignKey("payments.id"))
    work_order_id: Mapped[Id | None] = mapped_column(ForeignKey("work_orders.id"))
    cause: Mapped[str] = mapped_column(String(60), unique=True)
    state: Mapped[RefundState] = mapped_column(default=RefundState.REQUESTED)
    amount_fen: Mapped[Fen]
    reason: Mapped[str] = mapped_column(String(200), default="")
    attempt: Mapped[int] = mapped_column(default=1)
    reference: Mapped[str] = mapped_column(String(60), default="")
    recorded_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    confirmed_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    gateway_id: Mapped[str | None] = mapped_column(String(120))
    created_at: Mapped[UtcTime]
    done_at: Mapped[UtcTime | None]


class WebhookEvent(Base):
    """An event that a gateway told us, once: its id is unique, a second telling changes nothing.

    `payload` is what was signed, as it came. `done_at` is set with what the event made necessary.
    """

    __tablename__ = "webhook_events"

    id: Mapped[Id] = mapped_column(primary_key=True)
    gateway: Mapped[str] = mapped_column(String(20))
    event_id: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(60))
    payload: Mapped[str] = mapped_column(Text)
    received_at: Mapped[UtcTime]
    done_at: Mapped[UtcTime | None]


class ReceiptState(StrEnum):
    """recorded -> confirmed or rejected, by a second person."""

    RECORDED = "recorded"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class OfflineReceipt(Base):
    """Money that one member says has come by cash or by the station's own payment code.

    It counts when another member has confirmed it. `photo_key` names the picture of the receipt
    in the private part of the file store, "" when there is none.
    """

    __tablename__ = "offline_receipts"
    __table_args__ = (
        CheckConstraint("decided_by <> recorded_by", name="two_persons"),
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        Index("ix_offline_receipts_payment", "payment_id"),
        Index("ix_offline_receipts_station_state", "station_id", "state", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    payment_id: Mapped[Id] = mapped_column(ForeignKey("payments.id"))
    state: Mapped[ReceiptState] = mapped_column(default=ReceiptState.RECORDED)
    way: Mapped[str] = mapped_column(String(10))
    amount_fen: Mapped[Fen]
    reference: Mapped[str] = mapped_column(String(60))
    photo_key: Mapped[str] = mapped_column(String(100), default="")
    recorded_by: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    recorded_at: Mapped[UtcTime]
    decided_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    decided_at: Mapped[UtcTime | None]
    reason: Mapped[str] = mapped_column(String(200), default="")

    payment: Mapped[Payment] = relationship(lazy="raise")
