"""The tables of sign-in."""

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Id, UtcTime
from catalog.models import Member


class MemberSession(Base):
    """A signed-in browser. Only the hash of its cookie is kept.

    One that a card began names it, and ends with it; it sees money until `money_until`, for which
    the PIN was asked.
    """

    __tablename__ = "member_sessions"
    __table_args__ = (Index("ix_member_sessions_member", "member_id"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    member_id: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[UtcTime]
    expires_at: Mapped[UtcTime]
    card_id: Mapped[Id | None] = mapped_column(ForeignKey("artisan_cards.id"))
    money_until: Mapped[UtcTime | None]


_IN_USE = text("revoked_at IS NULL")


class ArtisanCard(Base):
    """A printed card whose QR code signs an artisan in; an artisan has one in use at most.

    Of the token in the code only the hash is kept. The first phone that scans it is bound to it:
    from then on its cookie's hash is `phone_hash`, and no other phone gets in.
    """

    __tablename__ = "artisan_cards"
    __table_args__ = (
        Index(
            "uq_artisan_cards_in_use",
            "member_id",
            unique=True,
            sqlite_where=_IN_USE,
            postgresql_where=_IN_USE,
        ),
        Index("ix_artisan_cards_station", "station_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    member_id: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    phone_hash: Mapped[str] = mapped_column(String(64), default="")
    issued_by: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    issued_at: Mapped[UtcTime]
    bound_at: Mapped[UtcTime | None]
    used_at: Mapped[UtcTime | None]
    revoked_at: Mapped[UtcTime | None]
    revoked_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))

    member: Mapped[Member] = relationship(lazy="raise", foreign_keys=[member_id])


class ApiToken(Base):
    """A bearer token of a member, for programs. Only its hash is kept."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index("ix_api_tokens_member", "member_id"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    member_id: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    name: Mapped[str] = mapped_column(String(60))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[UtcTime]
    revoked_at: Mapped[UtcTime | None]


class SignInTry(Base):
    """A failed sign-in, counted against its login and its address."""

    __tablename__ = "sign_in_tries"
    __table_args__ = (
        Index("ix_sign_in_tries_login", "login", "at"),
        Index("ix_sign_in_tries_address", "address", "at"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(60))
    address: Mapped[str] = mapped_column(String(60))
    at: Mapped[UtcTime]
