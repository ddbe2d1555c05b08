"""The tables of products, their pictures and their finished pieces."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Fen, Id, UtcTime
from catalog.models.people import Workshop


class Kind(StrEnum):
    """How a product comes to be: one piece ever, a small series, or carved when ordered."""

    ONE_OF_A_KIND = "one_of_a_kind"
    BATCH = "batch"
    MADE_TO_ORDER = "made_to_order"


class ProductState(StrEnum):
    """Whether buyers see a product: only what is `on_sale`; `review` waits for a second person."""

    DRAFT = "draft"
    REVIEW = "review"
    ON_SALE = "on_sale"
    OFF = "off"


NOT_YET_SHOWN = (ProductState.DRAFT, ProductState.REVIEW)
"""What nobody outside the station is to read yet."""


class PhotoState(StrEnum):
    """`waiting` for its renditions, `ready` to show, or `failed` with a reason."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


class Product(Base):
    """A design that a workshop sells.

    `search_text` is everything a buyer may type, in small letters, kept by `catalog.products`.
    `floor_fen` is the least the maker agrees to; no show sells below it. Pieces `kept_at_station`
    can be sold and sent while the family is away.
    """

    __tablename__ = "products"
    __table_args__ = (
        CheckConstraint("price_fen > 0", name="price_positive"),
        CheckConstraint("floor_fen >= 0 AND floor_fen <= price_fen", name="floor_within_price"),
        CheckConstraint("work_days >= 0", name="work_days_not_negative"),
        Index("ix_products_station_state", "station_id", "state", "id"),
        Index("ix_products_workshop_state", "workshop_id", "state", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    workshop_id: Mapped[Id] = mapped_column(ForeignKey("workshops.id"))
    slug: Mapped[str | None] = mapped_column(String(100), unique=True)
    kind: Mapped[Kind]
    state: Mapped[ProductState] = mapped_column(default=ProductState.ON_SALE)
    name: Mapped[str] = mapped_column(String(60))
    name_en: Mapped[str] = mapped_column(String(80), default="")
    meaning: Mapped[str] = mapped_column(String(200), default="")
    wood: Mapped[str] = mapped_column(String(40), default="")
    size: Mapped[str] = mapped_column(String(40), default="")
    weight_g: Mapped[int] = mapped_column(default=0)
    price_fen: Mapped[Fen]
    floor_fen: Mapped[Fen] = mapped_column(default=0)
    work_days: Mapped[int] = mapped_column(default=0)
    kept_at_station: Mapped[bool] = mapped_column(default=False, server_default=false())
    search_text: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[UtcTime]
    changed_at: Mapped[UtcTime]

    workshop: Mapped[Workshop] = relationship(lazy="raise")
    photos: Mapped[list["Photo"]] = relationship(lazy="raise", order_by="Photo.position, Photo.id")
    stock: Mapped["Stock"] = relationship(lazy="raise", back_populates="product")


class Rendered(Base):
    """What pictures for pages have. Their renditions stand under `photos/{folder}/` in the file store.

    The original, with all the camera wrote into it, is kept privately under `originals/`.
    """

    __abstract__ = True

    id: Mapped[Id] = mapped_column(primary_key=True)
    state: Mapped[PhotoState] = mapped_column(default=PhotoState.WAITING)
    folder: Mapped[str] = mapped_column(String(40), unique=True)
    original_key: Mapped[str] = mapped_column(String(100))
    width: Mapped[int]
    height: Mapped[int]
    problem: Mapped[str] = mapped_column(String(30), default="")

    @property
    def ready(self) -> bool:
        return self.state == PhotoState.READY

    @property
    def base(self) -> str:
        """The address below which the renditions stand."""
        return f"/photos/{self.folder}"


class Photo(Rendered):
    """One picture of a product."""

    __tablename__ = "photos"
    __table_args__ = (Index("ix_photos_product", "product_id"),)

    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id"))
    position: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[UtcTime]


class Stock(Base):
    """The finished pieces of one product, kept apart so that the busiest row stays narrow.

    `on_hand` counts pieces that exist; `held` counts those promised and not yet sent, to a
    buyer or to a show (`catalog.stock` says how). The database keeps 0 <= held <= on_hand, and
    one piece at most of a one-of-a-kind. Only `catalog.stock` writes the two.
    """

    __tablename__ = "stock"
    __table_args__ = (
        CheckConstraint("held >= 0 AND held <= on_hand", name="held_within_on_hand"),
        CheckConstraint("NOT single OR on_hand <= 1", name="one_of_a_kind"),
    )

    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id"), primary_key=True)
    on_hand: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0)
    single: Mapped[bool] = mapped_column(default=False)

    product: Mapped[Product] = relationship(lazy="raise", back_populates="stock")

    @property
    def free(self) -> int:
        return self.on_hand - self.held


class StockMovement(Base):
    """One change of `on_hand` and why; their sum per product is `on_hand`."""

    __tablename__ = "stock_movements"
    __table_args__ = (Index("ix_stock_movements_product", "product_id"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id"))
    change: Mapped[int]
    reason: Mapped[str] = mapped_column(String(80))
    member_id: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    at: Mapped[UtcTime]
