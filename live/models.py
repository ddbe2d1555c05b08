"""The tables of shows and links."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Fen, Id, UtcTime
from catalog.models import Member, Product


class ShowState(StrEnum):
    """draft -> ready -> live -> ended -> reported."""

    DRAFT = "draft"
    READY = "ready"
    LIVE = "live"
    ENDED = "ended"
    REPORTED = "reported"


class Show(Base):
    """One scheduled livestream, on one or more channels, hosted by one member in one place."""

    __tablename__ = "shows"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="ends_after_start"),
        Index("ix_shows_station_starts", "station_id", "starts_at"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    host_id: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    title: Mapped[str] = mapped_column(String(60))
    place: Mapped[str] = mapped_column(String(60), default="")
    channels: Mapped[list[str]] = mapped_column(default=list)
    state: Mapped[ShowState] = mapped_column(default=ShowState.DRAFT)
    starts_at: Mapped[UtcTime]
    ends_at: Mapped[UtcTime]
    started_at: Mapped[UtcTime | None]
    ended_at: Mapped[UtcTime | None]
    now_item_id: Mapped[Id | None] = mapped_column(
        ForeignKey("line_up_items.id", use_alter=True, name="fk_shows_now_item_id")
    )

    host: Mapped[Member] = relationship(lazy="raise")
    items: Mapped[list["LineUpItem"]] = relationship(
        lazy="raise",
        order_by="LineUpItem.position",
        foreign_keys="LineUpItem.show_id",
        back_populates="show",
    )


class LineUpItem(Base):
    """One product of a show, in its place, with its price there and the pieces fenced for it.

    `allotment` pieces were taken out of free stock for this show (they count as held in
    `stock`); `allotment_left` of them are unsold and not on hold. `holding`, `sold` and
    `sold_fen` are told by the shop and shown on the live board.
    """

    __tablename__ = "line_up_items"
    __table_args__ = (
        UniqueConstraint("show_id", "product_id"),
        CheckConstraint(
            "allotment_left >= 0 AND allotment_left <= allotment", name="left_within_allotment"
        ),
        CheckConstraint("holding >= 0", name="holding_not_negative"),
        Index("ix_line_up_items_product", "product_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    show_id: Mapped[Id] = mapped_column(ForeignKey("shows.id"))
    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id"))
    position: Mapped[int]
    show_price_fen: Mapped[Fen | None]
    allotment: Mapped[int] = mapped_column(default=0)
    allotment_left: Mapped[int] = mapped_column(default=0)
    minutes: Mapped[int] = mapped_column(default=5)
    talking_points: Mapped[str] = mapped_column(Text, default="")
    do_not_say: Mapped[str] = mapped_column(String(200), default="")
    holding: Mapped[int] = mapped_column(default=0)
    sold: Mapped[int] = mapped_column(default=0)
    sold_fen: Mapped[Fen] = mapped_column(default=0)

    show: Mapped[Show] = relationship(lazy="raise", foreign_keys=[show_id], back_populates="items")
    product: Mapped[Product] = relationship(lazy="raise")


class Airing(Base):
    """The span of time in which one line-up item was the one being shown."""

    __tablename__ = "airings"
    __table_args__ = (Index("ix_airings_show", "show_id", "started_at"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    show_id: Mapped[Id] = mapped_column(ForeignKey("shows.id"))
    line_up_item_id: Mapped[Id] = mapped_column(ForeignKey("line_up_items.id"))
    started_at: Mapped[UtcTime]
    ended_at: Mapped[UtcTime | None]


class Placement(StrEnum):
    """Where a link's code stands; a scan is counted for it."""

    CARD = "card"
    TAG = "tag"
    OVERLAY = "overlay"
    VIDEO = "video"
    SPOKEN = "spoken"


class Link(Base):
    """A short code that opens a product or a show; it remembers show and placement.

    Codes are unique over all stations and for ever: a retired one is never given out again.
    """

    __tablename__ = "links"
    __table_args__ = (
        CheckConstraint("product_id IS NOT NULL OR show_id IS NOT NULL", name="opens_something"),
        Index("ix_links_product", "product_id"),
        Index("ix_links_show", "show_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    code: Mapped[str] = mapped_column(String(12), unique=True)
    product_id: Mapped[Id | None] = mapped_column(ForeignKey("products.id"))
    show_id: Mapped[Id | None] = mapped_column(ForeignKey("shows.id"))
    placement: Mapped[Placement] = mapped_column(default=Placement.CARD)
    created_at: Mapped[UtcTime]
    retired_at: Mapped[UtcTime | None]

    product: Mapped[Product | None] = relationship(lazy="raise")
    show: Mapped[Show | None] = relationship(lazy="raise")


class Scan(Base):
    """One opening of a link."""

    __tablename__ = "scans"
    __table_args__ = (
        Index("ix_scans_link", "link_id"),
        Index("ix_scans_show", "show_id", "product_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    link_id: Mapped[Id] = mapped_column(ForeignKey("links.id"))
    show_id: Mapped[Id | None] = mapped_column(ForeignKey("shows.id"))
    product_id: Mapped[Id | None] = mapped_column(ForeignKey("products.id"))
    at: Mapped[UtcTime]
