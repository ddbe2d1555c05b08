"""The tables of what is claimed of products, and of who looked at them before they were sold."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Id, UtcTime
from catalog.models.products import Product


class ReviewState(StrEnum):
    """asked -> passed or refused."""

    ASKED = "asked"
    PASSED = "passed"
    REFUSED = "refused"


_OPEN = text("state = 'asked'")


class ProductReview(Base):
    """A second person's look at a product before it is sold: points ticked, and a word.

    A product has one open review at most; `owner_id` is who means to look.
    """

    __tablename__ = "product_reviews"
    __table_args__ = (
        CheckConstraint("decided_by <> asked_by", name="two_persons"),
        Index(
            "uq_product_reviews_open",
            "product_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_product_reviews_station_state", "station_id", "state", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id"))
    state: Mapped[ReviewState] = mapped_column(default=ReviewState.ASKED)
    points: Mapped[list[str]] = mapped_column(default=list)
    note: Mapped[str] = mapped_column(String(200), default="")
    asked_by: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    asked_at: Mapped[UtcTime]
    owner_id: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    decided_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    decided_at: Mapped[UtcTime | None]

    product: Mapped[Product] = relationship(lazy="raise")


class Claim(Base):
    """A phrase that needs proof ("老料", "非遗") said of a product, and what proves it.

    `proof_key` names a picture in the file store, "" for none; `proof` says in words what was
    seen. It counts once a second person has confirmed it, and no more when it was `removed_at`.
    """

    __tablename__ = "claims"
    __table_args__ = (
        CheckConstraint("confirmed_by <> made_by", name="two_persons"),
        Index("ix_claims_product", "product_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    product_id: Mapped[Id] = mapped_column(ForeignKey("products.id"))
    phrase: Mapped[str] = mapped_column(String(40))
    proof: Mapped[str] = mapped_column(String(200))
    proof_key: Mapped[str] = mapped_column(String(100), default="")
    made_by: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    made_at: Mapped[UtcTime]
    confirmed_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    confirmed_at: Mapped[UtcTime | None]
    removed_at: Mapped[UtcTime | None]
