"""The tables of who did what, and of what is still to be done."""

from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from catalog.db import Base, Id, UtcTime


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
