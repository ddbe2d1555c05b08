"""The tables of what is arranged before a show, and of what is kept of it afterwards."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Fen, Id, UtcTime
from catalog.models import Member


class ShowRole(Base):
    """Helping hands that a show asks for: so many for camera, packing, errands and so on."""

    __tablename__ = "show_roles"
    __table_args__ = (
        UniqueConstraint("show_id", "role"),
        CheckConstraint("wanted > 0", name="wanted_positive"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    show_id: Mapped[Id] = mapped_column(ForeignKey("shows.id"))
    role: Mapped[str] = mapped_column(String(20))
    wanted: Mapped[int] = mapped_column(default=1)


class SignUp(Base):
    """A member who helps at a show. `minutes` is what staff confirmed afterwards."""

    __tablename__ = "sign_ups"
    __table_args__ = (
        UniqueConstraint("show_role_id", "member_id"),
        CheckConstraint("minutes IS NULL OR minutes >= 0", name="minutes_not_negative"),
        Index("ix_sign_ups_station_member", "station_id", "member_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    show_role_id: Mapped[Id] = mapped_column(ForeignKey("show_roles.id"))
    member_id: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    signed_up_at: Mapped[UtcTime]
    cancelled_at: Mapped[UtcTime | None]
    minutes: Mapped[int | None]
    confirmed_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    confirmed_at: Mapped[UtcTime | None]

    member: Mapped[Member] = relationship(lazy="raise", foreign_keys=[member_id])
    show_role: Mapped[ShowRole] = relationship(lazy="raise")


class CheckMark(Base):
    """A point of the checklist that somebody looked at and ticked; untick removes the row."""

    __tablename__ = "check_marks"
    __table_args__ = (UniqueConstraint("show_id", "point"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    show_id: Mapped[Id] = mapped_column(ForeignKey("shows.id"))
    point: Mapped[str] = mapped_column(String(30))
    member_id: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    at: Mapped[UtcTime]

    member: Mapped[Member] = relationship(lazy="raise")


class PriceConsent(Base):
    """A maker's word that a show may sell a product below its floor: who said so, how and when."""

    __tablename__ = "price_consents"
    __table_args__ = (
        CheckConstraint("price_fen > 0", name="price_positive"),
        Index("ix_price_consents_show_product", "show_id", "product_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    show_id: Mapped[Id] = mapped_column(ForeignKey("shows.id"))
    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id"))
    price_fen: Mapped[Fen]
    given_by: Mapped[str] = mapped_column(String(40))
    way: Mapped[str] = mapped_column(String(20))
    member_id: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    at: Mapped[UtcTime]


class Recording(Base):
    """Where the recording of a show lies, who keeps it, and until when."""

    __tablename__ = "recordings"
    __table_args__ = (Index("ix_recordings_show", "show_id"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    show_id: Mapped[Id] = mapped_column(ForeignKey("shows.id"))
    channel: Mapped[str] = mapped_column(String(20), default="")
    lies_at: Mapped[str] = mapped_column(String(300))
    keeper: Mapped[str] = mapped_column(String(40))
    keep_until: Mapped[date]
    note: Mapped[str] = mapped_column(String(200), default="")
    member_id: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    created_at: Mapped[UtcTime]


class CalendarFeed(Base):
    """An address from which a calendar program reads a station's shows, or one person's.

    Of the token in the address only the hash is kept.
    """

    __tablename__ = "calendar_feeds"
    __table_args__ = (Index("ix_calendar_feeds_station", "station_id"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    member_id: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    made_by: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    created_at: Mapped[UtcTime]
    revoked_at: Mapped[UtcTime | None]
