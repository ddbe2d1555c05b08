"""The tables of the ledger, of fees and of payouts."""

from datetime import date
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from catalog.db import Base, Fen, Id, UtcTime
from catalog.models import Kind, Workshop
from shop.models.buying import WorkOrder


class Posting(Base):
    """Why money moved: one balanced set of ledger entries. `cause` is unique, so it happens once."""

    __tablename__ = "postings"
    __table_args__ = (Index("ix_postings_station", "station_id", "at"),)

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    cause: Mapped[str] = mapped_column(String(60), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    order_id: Mapped[Id | None] = mapped_column(ForeignKey("orders.id"))
    at: Mapped[UtcTime]

    entries: Mapped[list["LedgerEntry"]] = relationship(
        lazy="raise", order_by="LedgerEntry.id", back_populates="posting"
    )


class LedgerEntry(Base):
    """One side of a posting: fen into (+) or out of (-) an account. Never changed, never deleted."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("amount_fen <> 0", name="amount_not_zero"),
        Index("ix_ledger_entries_posting", "posting_id"),
        Index("ix_ledger_entries_workshop", "workshop_id", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    posting_id: Mapped[Id] = mapped_column(ForeignKey("postings.id"))
    account: Mapped[str] = mapped_column(String(20))
    workshop_id: Mapped[Id | None] = mapped_column(ForeignKey("workshops.id"))
    work_order_id: Mapped[Id | None] = mapped_column(ForeignKey("work_orders.id"))
    amount_fen: Mapped[Fen]
    at: Mapped[UtcTime]

    posting: Mapped[Posting] = relationship(lazy="raise", back_populates="entries")


class FeeRule(Base):
    """The station's share of goods from `since` on, in hundredths of a percent.

    For one workshop, one kind of product, both, or (both empty) everything. Rules are never
    changed: a newer one takes over, and what was sold keeps the share it was sold with.
    """

    __tablename__ = "fee_rules"
    __table_args__ = (
        CheckConstraint("fee_bp >= 0 AND fee_bp <= 10000", name="fee_within_whole"),
        Index("ix_fee_rules_station", "station_id", "since"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    workshop_id: Mapped[Id | None] = mapped_column(ForeignKey("workshops.id"))
    kind: Mapped[Kind | None]
    fee_bp: Mapped[int]
    since: Mapped[UtcTime]
    made_by: Mapped[Id] = mapped_column(ForeignKey("members.id"))

    workshop: Mapped[Workshop | None] = relationship(lazy="raise")


class PayoutState(StrEnum):
    """drafted -> approved -> paid, or cancelled; a run and each payout in it."""

    DRAFTED = "drafted"
    APPROVED = "approved"
    PAID = "paid"
    CANCELLED = "cancelled"


class PayoutRun(Base):
    """One round of paying families what may be paid by `until`. Approved by a second person."""

    __tablename__ = "payout_runs"
    __table_args__ = (
        CheckConstraint("approved_by <> made_by", name="two_persons"),
        Index("ix_payout_runs_station", "station_id", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    state: Mapped[PayoutState] = mapped_column(default=PayoutState.DRAFTED)
    until: Mapped[date]
    made_by: Mapped[Id] = mapped_column(ForeignKey("members.id"))
    made_at: Mapped[UtcTime]
    approved_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    approved_at: Mapped[UtcTime | None]

    payouts: Mapped[list["Payout"]] = relationship(
        lazy="raise", order_by="Payout.id", back_populates="run"
    )


_OPEN = text("state IN ('drafted', 'approved')")


class Payout(Base):
    """Money handed, or to be handed, to one workshop. A workshop has one open payout at most."""

    __tablename__ = "payouts"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        Index(
            "uq_payouts_open_workshop",
            "workshop_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_payouts_run", "run_id"),
        Index("ix_payouts_workshop", "workshop_id", "id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    station_id: Mapped[Id] = mapped_column(ForeignKey("stations.id"))
    run_id: Mapped[Id] = mapped_column(ForeignKey("payout_runs.id"))
    workshop_id: Mapped[Id] = mapped_column(ForeignKey("workshops.id"))
    state: Mapped[PayoutState] = mapped_column(default=PayoutState.DRAFTED)
    amount_fen: Mapped[Fen]
    way: Mapped[str] = mapped_column(String(10))
    pay_to: Mapped[str] = mapped_column(String(80), default="")
    reference: Mapped[str] = mapped_column(String(60), default="")
    witness: Mapped[str] = mapped_column(String(40), default="")
    receipt_key: Mapped[str] = mapped_column(String(100), default="")
    paid_by: Mapped[Id | None] = mapped_column(ForeignKey("members.id"))
    paid_at: Mapped[UtcTime | None]

    run: Mapped[PayoutRun] = relationship(lazy="raise", back_populates="payouts")
    workshop: Mapped[Workshop] = relationship(lazy="raise")
    lines: Mapped[list["PayoutLine"]] = relationship(lazy="raise", order_by="PayoutLine.id")


class PayoutLine(Base):
    """What a payout is made up of; the lines sum to its amount.

    What of a work order had not been paid out before, less than nothing where it was refunded
    since; the line without a work order is what the station's fund put in.
    """

    __tablename__ = "payout_lines"
    __table_args__ = (
        UniqueConstraint("payout_id", "work_order_id"),
        CheckConstraint("amount_fen <> 0", name="amount_not_zero"),
        Index("ix_payout_lines_work_order", "work_order_id"),
    )

    id: Mapped[Id] = mapped_column(primary_key=True)
    payout_id: Mapped[Id] = mapped_column(ForeignKey("payouts.id"))
    work_order_id: Mapped[Id | None] = mapped_column(ForeignKey("work_orders.id"))
    amount_fen: Mapped[Fen]

    work_order: Mapped[WorkOrder | None] = relationship(lazy="raise")
