"""The tables of stations, people, workshops and products, and what must stay true of them."""

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Fen, Id, UtcTime


class Role(StrEnum):
    """What a member does; `catalog.access` says what each may do."""

    MANAGER = "manager"
    HOST = "host"
    ASSISTANT = "assistant"
    ORDER_DESK = "order_desk"
    FINANCE = "finance"
    VOLUNTEER = "volunteer"
    ARTISAN = "artisan"


class Kind(StrEnum):
    """How a product comes to be: one piece ever, a small series, or carved when ordered."""

    ONE_OF_A_KIND = "one_of_a_kind"
    BATCH = "batch"
    MADE_TO_ORDER = "made_to_order"


class ProductState(StrEnum):
    """Whether buyers see a product."""

    DRAFT = "draft"
    ON_SALE = "on_sale"
    OFF = "off"


class PhotoState(StrEnum):
    """`waiting` for its renditions, `ready` to show, or `failed` with a reason."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


class Station(Base):
    """A township station: the shop that buyers see, and the unit that staff belong to.

    `pay_code_key` names the picture of its own payment code in the file store; where there is
    one, buyers may pay by it, and `pay_note` tells them how.
    """

    __tablename__ = "stations"

    id: Mapped[Id] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    place: Mapped[str] = mapped_column(String(120), default="")
    intro: Mapped[str] = mapped_column(Text, default="")
    phone: Mapped[str] = mapped_column(String(20), default="")
    pay_code_key: Mapped[str] = mapped_column(String(100), default="")
    pay_note: Mapped[str] = mapped_column(String(200), default="")


class Workshop(Base):
    """A family that makes things. Its village is public, its street never is.

    `pay_way` (bank, wechat, cash) and `pay_to` say how its money is handed over.
    """

    __tablename__ = "workshops"
    __table_args__ = (
        UniqueConstraint("station_id", "slug"),
        Index("ix_workshops_station", "station_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    slug: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(60))
    village: Mapped[str] = mapped_column(String(60), default="")
    craft: Mapped[str] = mapped_column(String(120), default="")
    story: Mapped[str] = mapped_column(Text, default="")
    phone: Mapped[str] = mapped_column(String(20), default="")
    active: Mapped[bool] = mapped_column(default=True)
    pay_way: Mapped[str] = mapped_column(String(10), default="cash")
    pay_to: Mapped[str] = mapped_column(String(80), default="")

    makers: Mapped[list["Maker"]] = relationship(lazy="raise", order_by="Maker.id")


class Maker(Base):
    """One person of a workshop, as the family wishes to be named."""

    __tablename__ = "makers"
    __table_args__ = (Index("ix_makers_workshop", "workshop_id"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    workshop_id: Mapped[Id] = mapped_column(ForeignKey("workshops.id"))
    name: Mapped[str] = mapped_column(String(40))
    about: Mapped[str] = mapped_column(String(200), default="")


class Member(Base):
    """A person who signs in. An artisan belongs to a workshop; nobody else does."""

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint(
            "(role = 'artisan') = (workshop_id IS NOT NULL)", name="artisan_has_workshop"
        ),
        Index("ix_members_station", "station_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    workshop_id: Mapped[Id | None] = mapped_column(ForeignKey("workshops.id"))
    role: Mapped[Role]
    login: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(40))
    password_hash: Mapped[str] = mapped_column(String(200))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[UtcTime]

    station: Mapped[Station] = relationship(lazy="raise")
    workshop: Mapped[Workshop | None] = relationship(lazy="raise")


class Product(Base):
    """A design that a workshop sells.

    `search_text` is everything a buyer may type, in small letters, kept by `catalog.products`.
    `floor_fen` is the least the maker agrees to; no show sells below it.
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
    search_text: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[UtcTime]
    changed_at: Mapped[UtcTime]

    workshop: Mapped[Workshop] = relationship(lazy="raise")
    photos: Mapped[list["Photo"]] = relationship(lazy="raise", order_by="Photo.position, Photo.id")
    stock: Mapped["Stock"] = relationship(lazy="raise", back_populates="product")


class Photo(Base):
    """One picture of a product. Its renditions stand under `photos/{folder}/` in the file store.

    The original, with all the camera wrote into it, is kept privately under `originals/`.
    """

    __tablename__ = "photos"
    __table_args__ = (Index("ix_photos_product", "product_id"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id"))
    position: Mapped[int] = mapped_column(default=0)
    state: Mapped[PhotoState] = mapped_column(default=PhotoState.WAITING)
    folder: Mapped[str] = mapped_column(String(40), unique=True)
    original_key: Mapped[str] = mapped_column(String(100))
    width: Mapped[int]
    height: Mapped[int]
    problem: Mapped[str] = mapped_column(String(30), default="")
    created_at: Mapped[UtcTime]

    @property
    def ready(self) -> bool:
        return self.state == PhotoState.READY

    @property
    def base(self) -> str:
        """The address below which the renditions stand."""
        return f"/photos/{self.folder}"


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


class AuditEntry(Base):
    """Who changed what: the actor, on whose behalf, by which channel, before and after.

    A station's entries are a chain: `seq` counts them from 1, and `digest` is made of the entry
    and the digest before it, so that a changed or missing entry shows. Both are given at commit
    (`catalog.chain`); an entry that has none then was not written by this program.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        UniqueConstraint("station_id", "seq"),
        Index("ix_audit_entries_subject", "subject", "subject_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    at: Mapped[UtcTime]
    member_id: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    on_behalf_of: Mapped[Id | None] = mapped_column(ForeignKey("workshops.id"))
    channel: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[Id]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    seq: Mapped[int | None]
    digest: Mapped[str | None] = mapped_column(String(64))


class AuditHead(Base):
    """The end of a station's audit chain: whoever adds to it locks this row, at commit."""

    __tablename__ = "audit_heads"

    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"), primary_key=True)
    seq: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))


class Job(Base):
    """Work left to do, written down with what made it necessary; rules in `catalog.outbox`.

    An id is never given out again, also by SQLite: a message about a job that is long done may
    come once more, and must not take another job's row.
    """

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_run_at", "run_at"), {"sqlite_autoincrement": True})

    id: Mapped[Id] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    args: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    run_at: Mapped[UtcTime]
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[UtcTime]
