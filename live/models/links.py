"""The tables of links, of their scans, and of the short videos that carry one."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Id, UtcTime
from catalog.models import Product
from live.models.shows import Show


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
    """One opening of a link; `sold_out` when it found nothing that could be bought."""

    __tablename__ = "scans"
    __table_args__ = (
        Index("ix_scans_link", "link_id"),
        Index("ix_scans_show", "show_id", "product_id"),
        Index(
            "ix_scans_missed",
            "station_id",
            "at",
            sqlite_where=text("sold_out = 1"),
            postgresql_where=text("sold_out"),
        ),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    link_id: Mapped[Id] = mapped_column(ForeignKey("links.id"))
    show_id: Mapped[Id | None] = mapped_column(ForeignKey("shows.id"))
    product_id: Mapped[Id | None] = mapped_column(ForeignKey("products.id"))
    at: Mapped[UtcTime]
    sold_out: Mapped[bool] = mapped_column(default=False)


class Clip(Base):
    """A short video of a product with a link of its own; where it was cut from a show, the span."""

    __tablename__ = "clips"
    __table_args__ = (
        CheckConstraint("cut_from IS NULL OR cut_from < cut_to", name="cut_in_order"),
        Index("ix_clips_station", "station_id", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    link_id: Mapped[Id] = mapped_column(ForeignKey("links.id"), unique=True)
    airing_id: Mapped[Id | None] = mapped_column(ForeignKey("airings.id"))
    title: Mapped[str] = mapped_column(String(60))
    channel: Mapped[str] = mapped_column(String(20), default="")
    file_url: Mapped[str] = mapped_column(String(300), default="")
    cut_from: Mapped[UtcTime | None]
    cut_to: Mapped[UtcTime | None]
    created_at: Mapped[UtcTime]

    link: Mapped[Link] = relationship(lazy="raise")
