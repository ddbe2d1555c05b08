"""The tables of what is known of a family, what it agreed to, and when it does not work."""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Id, UtcTime
from catalog.models.people import Workshop


class FamilyFact(Base):
    """One thing told of a family, and where it agreed to have it told.

    Neither `on_page` nor `on_air` until the family says so, since `agreed_on` before `witness`.
    What is `delicate` (illness, poverty) is told nowhere unless that was agreed to by itself.
    """

    __tablename__ = "family_facts"
    __table_args__ = (Index("ix_family_facts_workshop", "workshop_id", "position"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    workshop_id: Mapped[Id] = mapped_column(ForeignKey("workshops.id"))
    position: Mapped[int] = mapped_column(default=0)
    text: Mapped[str] = mapped_column(String(300))
    delicate: Mapped[bool] = mapped_column(default=False)
    on_page: Mapped[bool] = mapped_column(default=False)
    on_air: Mapped[bool] = mapped_column(default=False)
    agreed_on: Mapped[date | None]
    witness: Mapped[str] = mapped_column(String(40), default="")
    made_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    made_at: Mapped[UtcTime]
    removed_at: Mapped[UtcTime | None]


class CheckKind(StrEnum):
    """What a station makes sure of before a family sells."""

    IDENTITY = "identity"
    REGISTRATION = "registration"
    BANK_NAME = "bank_name"
    CONSENT = "consent"


class WorkshopCheck(Base):
    """One check of a family, as made; the newest of a kind counts, until `renew_on`.

    `paper_key` names a picture of a paper in the file store, "" for none. Of an identity card no
    picture is kept: that somebody has seen it is enough.
    """

    __tablename__ = "workshop_checks"
    __table_args__ = (Index("ix_workshop_checks_workshop", "workshop_id", "kind", "id"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    workshop_id: Mapped[Id] = mapped_column(ForeignKey("workshops.id"))
    kind: Mapped[CheckKind]
    note: Mapped[str] = mapped_column(String(200), default="")
    paper_key: Mapped[str] = mapped_column(String(100), default="")
    renew_on: Mapped[date | None]
    checked_by: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    checked_at: Mapped[UtcTime]


class ClosureReason(StrEnum):
    """Why nothing is carved for some days."""

    HARVEST = "harvest"
    FESTIVAL = "festival"
    ILLNESS = "illness"
    OTHER = "other"


class Closure(Base):
    """Days, both ends included, on which a workshop does not work; with none named, nobody does.

    One that was taken back has `removed_at` and counts no more.
    """

    __tablename__ = "closures"
    __table_args__ = (
        CheckConstraint("ends_on >= begins_on", name="ends_after_it_begins"),
        Index("ix_closures_workshop", "workshop_id", "ends_on"),
        Index("ix_closures_station", "station_id", "ends_on"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    workshop_id: Mapped[Id | None] = mapped_column(ForeignKey("workshops.id"))
    begins_on: Mapped[date]
    ends_on: Mapped[date]
    reason: Mapped[ClosureReason]
    note: Mapped[str] = mapped_column(String(100), default="")
    made_by: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    made_at: Mapped[UtcTime]
    removed_at: Mapped[UtcTime | None]

    workshop: Mapped[Workshop | None] = relationship(lazy="raise")
