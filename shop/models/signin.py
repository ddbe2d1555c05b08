"""The tables of sign-in."""

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from catalog.db import Base, Id, UtcTime


class MemberSession(Base):
    """A signed-in browser. Only the hash of its cookie is kept."""

    __tablename__ = "member_sessions"
    __table_args__ = (Index("ix_member_sessions_member", "member_id"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    member_id: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[UtcTime]
    expires_at: Mapped[UtcTime]


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
