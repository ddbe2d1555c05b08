"""The tables of acting for a family: what proves it, slips that go to and fro, weekly letters."""

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Id, UtcTime
from catalog.models import Workshop
from shop.models.buying import WorkOrder


class ActChannel(StrEnum):
    """How a family said what is done in its name."""

    CALL = "call"
    VISIT = "visit"
    SLIP = "slip"


class Evidence(Base):
    """What shows that a family wanted something done in its name: when it said so, how, to whom.

    `file_key` names a photo or a voice recording in the file store, "" for none. The audit
    entries of what was done name the evidence.
    """

    __tablename__ = "evidence"
    __table_args__ = (
        Index("ix_evidence_workshop", "workshop_id", "id"),
        Index("ix_evidence_work_order", "work_order_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    workshop_id: Mapped[Id] = mapped_column(ForeignKey("workshops.id"))
    work_order_id: Mapped[Id | None] = mapped_column(ForeignKey("work_orders.id"))
    channel: Mapped[ActChannel]
    said_by: Mapped[str] = mapped_column(String(40), default="")
    said_at: Mapped[UtcTime]
    note: Mapped[str] = mapped_column(String(200), default="")
    file_key: Mapped[str] = mapped_column(String(100), default="")
    file_type: Mapped[str] = mapped_column(String(40), default="")
    made_by: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    made_at: Mapped[UtcTime]


class Slip(Base):
    """The paper slip of a work order. Its `code` is in the QR code, and finds it again."""

    __tablename__ = "slips"
    __table_args__ = (Index("ix_slips_station", "station_id", "answered_at"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    work_order_id: Mapped[Id] = mapped_column(ForeignKey("work_orders.id"), unique=True)
    code: Mapped[str] = mapped_column(String(16), unique=True)
    printed_at: Mapped[UtcTime]
    printed_by: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    answered_at: Mapped[UtcTime | None]
    evidence_id: Mapped[Id | None] = mapped_column(ForeignKey("evidence.id"))

    work_order: Mapped[WorkOrder] = relationship(lazy="raise")


class Letter(Base):
    """What a family's week came to, as it was printed or read out; one per family and week.

    `week_on` is the week's Monday, `facts` what the letter says, kept as it was made.
    """

    __tablename__ = "letters"
    __table_args__ = (
        UniqueConstraint("workshop_id", "week_on"),
        Index("ix_letters_station", "station_id", "week_on"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    workshop_id: Mapped[Id] = mapped_column(ForeignKey("workshops.id"))
    week_on: Mapped[date]
    facts: Mapped[dict[str, Any]]
    made_at: Mapped[UtcTime]
    told_at: Mapped[UtcTime | None]
    told_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    told_way: Mapped[str] = mapped_column(String(10), default="")

    workshop: Mapped[Workshop] = relationship(lazy="raise")
