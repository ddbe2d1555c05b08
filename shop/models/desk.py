"""The tables of what people at the desk still have to do."""

from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Id, UtcTime
from catalog.models import Workshop
from shop.models.buying import Order, WorkOrder


class Notice(Base):
    """Something a family or a buyer must be told. With no channel set it is a call to make.

    A family's notice names its work order; a buyer's has `phone`, and names the order or the
    place in line that it is about. `cause` ("date_change:7") is unique: one thing is told once.
    Where a channel took it, `sent_at` says when and `channel` which; one that would not says
    `problem`. Of a call, `tries` counts those that nobody took, `try_after` is when to try again.
    """

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("kind", "work_order_id"),
        UniqueConstraint("kind", "waiter_id"),
        UniqueConstraint("cause"),
        Index("ix_notices_station_open", "station_id", "done_at"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    kind: Mapped[str] = mapped_column(String(30))
    workshop_id: Mapped[Id | None] = mapped_column(ForeignKey("workshops.id"))
    work_order_id: Mapped[Id | None] = mapped_column(ForeignKey("work_orders.id"))
    order_id: Mapped[Id | None] = mapped_column(ForeignKey("orders.id"))
    waiter_id: Mapped[Id | None] = mapped_column(ForeignKey("waiters.id"))
    phone: Mapped[str] = mapped_column(String(20), default="")
    cause: Mapped[str | None] = mapped_column(String(60))
    text: Mapped[str] = mapped_column(String(200))
    channel: Mapped[str] = mapped_column(String(20), default="call", server_default="call")
    sent_at: Mapped[UtcTime | None]
    problem: Mapped[str] = mapped_column(String(200), default="", server_default="")
    owner_id: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    try_after: Mapped[UtcTime | None]
    created_at: Mapped[UtcTime]
    done_at: Mapped[UtcTime | None]
    done_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))

    workshop: Mapped[Workshop | None] = relationship(lazy="raise")


class RequestKind(StrEnum):
    """What a buyer asks the desk for."""

    CANCEL = "cancel"
    RETURN = "return"


class RequestState(StrEnum):
    """asked -> agreed -> done (a return when it has come back), or refused, or withdrawn."""

    ASKED = "asked"
    AGREED = "agreed"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class BuyerRequest(Base):
    """A buyer asks to cancel a work order already begun, or to send back what has come.

    `owner_id` is who sees to it.
    """

    __tablename__ = "buyer_requests"
    __table_args__ = (
        Index("ix_buyer_requests_work_order", "work_order_id"),
        Index("ix_buyer_requests_station_state", "station_id", "state", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    order_id: Mapped[Id] = mapped_column(ForeignKey("orders.id"))
    work_order_id: Mapped[Id] = mapped_column(ForeignKey("work_orders.id"))
    kind: Mapped[RequestKind]
    state: Mapped[RequestState] = mapped_column(default=RequestState.ASKED)
    reason: Mapped[str] = mapped_column(String(200), default="")
    answer: Mapped[str] = mapped_column(String(200), default="")
    asked_at: Mapped[UtcTime]
    owner_id: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    decided_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    decided_at: Mapped[UtcTime | None]
    done_at: Mapped[UtcTime | None]

    order: Mapped[Order] = relationship(lazy="raise")
    work_order: Mapped[WorkOrder] = relationship(lazy="raise")


class Trouble(Base):
    """Something out of the ordinary that a person must look at: one line of the desk's inbox.

    `kind` and `subject` ("payment:17") are unique together: the same trouble is told once, and
    is open again when it comes back after it was closed.
    """

    __tablename__ = "troubles"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        Index("ix_troubles_station_open", "station_id", "closed_at", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    kind: Mapped[str] = mapped_column(String(30))
    subject: Mapped[str] = mapped_column(String(60))
    text: Mapped[str] = mapped_column(String(300))
    order_id: Mapped[Id | None] = mapped_column(ForeignKey("orders.id"))
    opened_at: Mapped[UtcTime]
    owner_id: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    closed_at: Mapped[UtcTime | None]
    closed_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    closing: Mapped[str] = mapped_column(String(200), default="")

    order: Mapped[Order | None] = relationship(lazy="raise")
