"""Refunds and what they do to a charge. All run inside a writing transaction."""

import sqlite3

import msgspec

from shop.payments.rehearsal import events, objects, sessions
from shop.payments.rehearsal.config import Behaviour
from shop.payments.rehearsal.errors import ApiError, missing_resource
from shop.payments.rehearsal.forms import Form
from shop.payments.rehearsal.ids import new_id
from shop.payments.rehearsal.store import Refund, Session, values

KNOWN = frozenset(("amount", "metadata", "payment_intent", "reason"))
SETTLE_SECONDS = 5.0
SLOW = (Behaviour.REFUND_LATER, Behaviour.REFUND_FAILS)


def create(db: sqlite3.Connection, form: Form, now: float, key: str | None) -> objects.Json:
    """Answer POST /v1/refunds; never gives back more than was paid and not yet given back."""
    form.allow(KNOWN)
    metadata = form.metadata()
    session = sessions.by_intent(db, form.require("payment_intent"), "payment_intent")
    sessions.check_reachable(session, now)
    amount_fen = _amount(form, session, refunded_fen(db, session, now))
    if session.behaviour == Behaviour.REFUSE_REFUND:
        raise ApiError(
            "This is a rehearsal of a refused refund.", code="refund_disputed_payment", kept=True
        )
    row = Refund(
        id=new_id("re"),
        created=int(now),
        intent_id=session.intent_id or "",
        charge_id=session.charge_id or "",
        amount_fen=amount_fen,
        reason=form.text("reason"),
        metadata=msgspec.json.encode(metadata).decode(),
        outcome="failed" if session.behaviour == Behaviour.REFUND_FAILS else "succeeded",
        settles_at=now + SETTLE_SECONDS if session.behaviour in SLOW else now,
    )
    db.execute("INSERT INTO refunds VALUES (?,?,?,?,?,?,?,?,?)", values(row))
    _tell(db, row, now, key)
    return objects.refund(row, row.status(now))


def fetch(db: sqlite3.Connection, refund_id: str, now: float) -> objects.Json:
    row = db.execute("SELECT * FROM refunds WHERE id = ?", (refund_id,)).fetchone()
    if row is None:
        raise missing_resource("refund", refund_id, "id")
    found = Refund(*row)
    return objects.refund(found, found.status(now))


def refunded_fen(db: sqlite3.Connection, session: Session, now: float) -> int:
    """What was given back or is on its way; a refund that failed counts no more."""
    (total,) = db.execute(
        "SELECT coalesce(sum(amount_fen), 0) FROM refunds"
        " WHERE intent_id = ? AND NOT (outcome = 'failed' AND settles_at <= ?)",
        (session.intent_id, now),
    ).fetchone()
    return int(total)


def _amount(form: Form, session: Session, refunded: int) -> int:
    """What to give back, in fen: the stated amount, or all that is left."""
    left = session.amount_fen - refunded
    amount_fen = form.whole("amount") if form.text("amount") is not None else left
    if left <= 0:
        raise ApiError(
            f"Charge {session.charge_id} has already been refunded.",
            code="charge_already_refunded",
            kept=True,
        )
    if amount_fen < 1:
        raise ApiError("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount_fen > left:
        raise ApiError(
            f"Refund amount ({amount_fen}) is greater than unrefunded amount on charge ({left}).",
            param="amount",
            kept=True,
        )
    return amount_fen


def _tell(db: sqlite3.Connection, row: Refund, now: float, key: str | None) -> None:
    """The event of the refund's making and, for a slow one, the event of its end, due later."""
    made = objects.refund(row, row.status(now))
    events.record(db, "refund.created", made, created=now, deliver_at=now, key=key)
    if row.settles_at > now:
        kind = "refund.failed" if row.outcome == "failed" else "refund.updated"
        ended = objects.refund(row, row.outcome)
        events.record(db, kind, ended, created=row.settles_at, deliver_at=row.settles_at)
