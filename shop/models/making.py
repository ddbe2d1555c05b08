"""The tables of making and bringing: stages in pictures, changed dates, handovers, piece cards."""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Id, UtcTime
from catalog.models import Rendered, Workshop
from shop.models.buying import WorkOrder


class Stage(StrEnum):
    """The stages of carving, in their order: 选料, 开料, 粗雕, 细雕, 打磨, 上油, 包装."""

    WOOD = "wood"
    CUTTING = "cutting"
    ROUGH = "rough"
    FINE = "fine"
    SANDING = "sanding"
    OILING = "oiling"
    PACKING = "packing"


class StagePhoto(Rendered):
    """A picture of a piece being made, which its buyer sees; kept and rendered as products' are.

    One that was taken back has `removed_at` and is shown no more.
    """

    __tablename__ = "stage_photos"
    __table_args__ = (Index("ix_stage_photos_work_order", "work_order_id"),)

    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    work_order_id: Mapped[Id] = mapped_column(ForeignKey("work_orders.id"))
    stage: Mapped[Stage]
    made_by: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    created_at: Mapped[UtcTime]
    removed_at: Mapped[UtcTime | None]


class DateChangeState(StrEnum):
    """asked -> kept or cancelled by the buyer, superseded by a newer one, or undone."""

    ASKED = "asked"
    KEPT = "kept"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    UNDONE = "undone"


_ASKED = text("state = 'asked'")


class DateChange(Base):
    """A new promised date of a work order; its buyer may keep it, or cancel and have it all back.

    `made_by` is None where the program found that a family has fallen behind. A work order has
    one that is `asked` at most.
    """

    __tablename__ = "date_changes"
    __table_args__ = (
        Index(
            "uq_date_changes_asked",
            "work_order_id",
            unique=True,
            sqlite_where=_ASKED,
            postgresql_where=_ASKED,
        ),
        Index("ix_date_changes_work_order", "work_order_id", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    work_order_id: Mapped[Id] = mapped_column(ForeignKey("work_orders.id"))
    state: Mapped[DateChangeState] = mapped_column(default=DateChangeState.ASKED)
    was_on: Mapped[date | None]
    now_on: Mapped[date]
    why: Mapped[str] = mapped_column(String(200), default="")
    made_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    made_at: Mapped[UtcTime]
    answered_at: Mapped[UtcTime | None]

    work_order: Mapped[WorkOrder] = relationship(lazy="raise")


class Handover(Base):
    """Finished pieces brought by a family to its station, which sends them: who gave, who took.

    `picture_key` names a picture (of the pieces, of a signature) in the file store, "" for none.
    """

    __tablename__ = "handovers"
    __table_args__ = (
        CheckConstraint("pieces > 0", name="pieces_positive"),
        Index("ix_handovers_station", "station_id", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    workshop_id: Mapped[Id] = mapped_column(ForeignKey("workshops.id"))
    pieces: Mapped[int]
    given_by: Mapped[str] = mapped_column(String(40))
    taken_by: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    note: Mapped[str] = mapped_column(String(200), default="")
    picture_key: Mapped[str] = mapped_column(String(100), default="")
    at: Mapped[UtcTime]

    workshop: Mapped[Workshop] = relationship(lazy="raise")


class PieceCard(Base):
    """The provenance of one piece that was sold: its number, and what may be told of its making.

    The facts are as they were when the card was issued. `code` opens its page, which says that
    the piece is genuine and sold, and never to whom.
    """

    __tablename__ = "piece_cards"
    __table_args__ = (
        UniqueConstraint("product_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        Index("ix_piece_cards_line", "order_line_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    order_line_id: Mapped[Id] = mapped_column(ForeignKey("order_lines.id"))
    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id"))
    number: Mapped[int]
    code: Mapped[str] = mapped_column(String(16), unique=True)
    maker: Mapped[str] = mapped_column(String(100), default="")
    wood: Mapped[str] = mapped_column(String(40), default="")
    hours: Mapped[int] = mapped_column(default=0)
    finished_on: Mapped[date]
    issued_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    issued_at: Mapped[UtcTime]
