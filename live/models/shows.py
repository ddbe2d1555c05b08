"""The tables of shows, their line-ups and what was shown when."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Fen, Id, UtcTime
from catalog.models import Member, Photo, Product


class ShowState(StrEnum):
    """draft -> ready -> live -> ended -> reported."""

    DRAFT = "draft"
    READY = "ready"
    LIVE = "live"
    ENDED = "ended"
    REPORTED = "reported"


class Show(Base):
    """One scheduled livestream, on one or more channels, hosted by one member in one place.

    A `rehearsal` takes no real money, and its figures count nowhere else. The controller is the
    member, and of their screens the one with `controller_key`, whose taps the console obeys.
    While `holds_paused_at` is set no hold of the show runs out. `order_reason` says why the
    line-up departs from the one that fairness suggests.
    """

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
    rehearsal: Mapped[bool] = mapped_column(default=False)
    cover_photo_id: Mapped[Id | None] = mapped_column(ForeignKey("photos.id", ondelete="SET NULL"))
    order_reason: Mapped[str] = mapped_column(String(200), default="")
    controller_id: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    controller_key: Mapped[str] = mapped_column(String(40), default="")
    controller_at: Mapped[UtcTime | None]
    holds_paused_at: Mapped[UtcTime | None]
    now_item_id: Mapped[Id | None] = mapped_column(
        ForeignKey("line_up_items.id", use_alter=True, name="fk_shows_now_item_id")
    )

    host: Mapped[Member] = relationship(lazy="raise", foreign_keys=[host_id])
    controller: Mapped[Member | None] = relationship(lazy="raise", foreign_keys=[controller_id])
    cover: Mapped[Photo | None] = relationship(lazy="raise")
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
    `sold_fen` are told by the shop and shown on the live board. Since `sold_out_at`, marked by
    hand, the show sells no more of it. The `speaker` talks about it; "" is the host.
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
    speaker: Mapped[str] = mapped_column(String(40), default="", server_default="")
    holding: Mapped[int] = mapped_column(default=0)
    sold: Mapped[int] = mapped_column(default=0)
    sold_fen: Mapped[Fen] = mapped_column(default=0)
    sold_out_at: Mapped[UtcTime | None]

    show: Mapped[Show] = relationship(lazy="raise", foreign_keys=[show_id], back_populates="items")
    product: Mapped[Product] = relationship(lazy="raise")


class Airing(Base):
    """The span of time in which one line-up item was the one being shown.

    `typed_by` is who wrote it in afterwards, from paper, when the network was away.
    """

    __tablename__ = "airings"
    __table_args__ = (Index("ix_airings_show", "show_id", "started_at"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    show_id: Mapped[Id] = mapped_column(ForeignKey("shows.id"))
    line_up_item_id: Mapped[Id] = mapped_column(ForeignKey("line_up_items.id"))
    started_at: Mapped[UtcTime]
    ended_at: Mapped[UtcTime | None]
    typed_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
