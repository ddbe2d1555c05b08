"""The tables of what happens while a show is on air."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Id, UtcTime
from live.models.shows import LineUpItem


class Policy(StrEnum):
    """What a channel lets its viewers see: QR and price, price only, or the spoken code only."""

    QR = "qr"
    PRICE = "price"
    SPOKEN = "spoken"


class Side(StrEnum):
    """On which side of the picture the overlay's card stands."""

    LEFT = "left"
    RIGHT = "right"


class Overlay(Base):
    """An address for one channel's streaming program, showing what the station has on air there.

    It outlives the shows: a host sets it up once. Of the token in the address only the hash is
    kept; a revoked one shows nothing. `seen_at` is when a program last had it open.
    """

    __tablename__ = "overlays"
    __table_args__ = (Index("ix_overlays_station", "station_id"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    channel: Mapped[str] = mapped_column(String(20))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    policy: Mapped[Policy] = mapped_column(default=Policy.QR)
    side: Mapped[Side] = mapped_column(default=Side.RIGHT)
    created_at: Mapped[UtcTime]
    revoked_at: Mapped[UtcTime | None]
    seen_at: Mapped[UtcTime | None]


class Announcement(Base):
    """A sale for the host to read out: a masked name and a city, and nothing else of the buyer."""

    __tablename__ = "announcements"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        Index("ix_announcements_show", "show_id", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    show_id: Mapped[Id] = mapped_column(ForeignKey("shows.id"))
    line_up_item_id: Mapped[Id] = mapped_column(ForeignKey("line_up_items.id"))
    who: Mapped[str] = mapped_column(String(20))
    city: Mapped[str] = mapped_column(String(20), default="")
    quantity: Mapped[int]
    at: Mapped[UtcTime]
    read_at: Mapped[UtcTime | None]

    item: Mapped[LineUpItem] = relationship(lazy="raise")


class Tap(Base):
    """One press at a console, under the id that the console gave it: done once, however often sent.

    `at` is when the hand pressed, `received_at` when the network let it through; `outcome` is
    empty when it was done, otherwise why not, in words.
    """

    __tablename__ = "taps"
    __table_args__ = (
        UniqueConstraint("station_id", "client_id"),
        Index("ix_taps_show", "show_id", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    show_id: Mapped[Id] = mapped_column(ForeignKey("shows.id"))
    client_id: Mapped[str] = mapped_column(String(40))
    member_id: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    kind: Mapped[str] = mapped_column(String(20))
    line_up_item_id: Mapped[Id | None] = mapped_column(ForeignKey("line_up_items.id"))
    at: Mapped[UtcTime]
    received_at: Mapped[UtcTime]
    outcome: Mapped[str] = mapped_column(String(200), default="")


class Watching(Base):
    """How many pages of a show one web process feeds; processes that fell silent do not count."""

    __tablename__ = "watchings"

    show_id: Mapped[Id] = mapped_column(ForeignKey("shows.id"), primary_key=True)
    process: Mapped[str] = mapped_column(String(40), primary_key=True)
    pages: Mapped[int]
    at: Mapped[UtcTime]
