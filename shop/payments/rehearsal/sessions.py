"""Checkout sessions: made, looked up, closed, paid.

A function that takes `db` runs inside a writing transaction of its caller.
"""

import sqlite3
from dataclasses import dataclass

import msgspec

from shop.payments.rehearsal import events, objects
from shop.payments.rehearsal.config import Behaviour, RehearsalConfig
from shop.payments.rehearsal.errors import ApiError, NoAnswer, missing_resource
from shop.payments.rehearsal.events import Claimed
from shop.payments.rehearsal.forms import Form
from shop.payments.rehearsal.ids import new_id, new_session_id
from shop.payments.rehearsal.store import Session, Store, values

METHODS = ("card", "alipay", "wechat_pay")

# Stripe: "expires_at can be anywhere from 30 minutes to 24 hours after Checkout Session creation".
SHORTEST_SECONDS = 30 * 60
LONGEST_SECONDS = 24 * 60 * 60
# Stripe: amounts have up to eight digits.
MAX_FEN = 99_999_999
LATE_SECONDS = 5.0
# Not for ever: a shop keeps the pieces of a payment whose end it cannot learn.
UNREACHABLE_SECONDS = 120.0
SWEEP_LIMIT = 200

KNOWN = frozenset(
    (
        "adaptive_pricing",
        "allowed_payment_method_types",
        "cancel_url",
        "client_reference_id",
        "expires_at",
        "line_items",
        "locale",
        "metadata",
        "mode",
        "payment_method_options",
        "payment_method_types",
        "success_url",
    )
)
# Stripe: from this API version on, `payment_method_types` is refused for checkout sessions.
FIXED_METHODS_ENDED = "2026-09-30"


class NotPayable(Exception):
    """The session is complete or expired."""


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment just made, and the event that this process is to tell of it now, if any."""

    session: Session
    event: Claimed | None


def create(
    db: sqlite3.Connection, form: Form, config: RehearsalConfig, now: float, version: str
) -> objects.Json:
    """Answer POST /v1/checkout/sessions. `version` is the API version that the caller speaks."""
    form.allow(KNOWN)
    if form.require("mode") != "payment":
        raise ApiError("The rehearsal service takes only mode=payment.", param="mode")
    amount_fen, description = _line_items(form)
    metadata = form.metadata()
    session = Session(
        id=new_session_id(),
        created=int(now),
        expires_at=_expires_at(form, int(now)),
        status="open",
        amount_fen=amount_fen,
        description=description,
        success_url=form.url("success_url") or form.require("success_url"),
        cancel_url=form.url("cancel_url"),
        reference=form.text("client_reference_id"),
        locale=form.text("locale"),
        methods=msgspec.json.encode(_methods(form, version)).decode(),
        metadata=msgspec.json.encode(metadata).decode(),
        behaviour=_behaviour(metadata),
        method=None,
        intent_id=None,
        charge_id=None,
        paid_at=None,
    )
    db.execute("INSERT INTO sessions VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", values(session))
    return _as_json(session, config)


def fetch(store: Store, session_id: str, config: RehearsalConfig, now: float) -> objects.Json:
    """Answer GET /v1/checkout/sessions/{id}. Begins a transaction itself, if one is needed."""
    session = look_up(store, session_id, config, now)
    check_reachable(session, now)
    return _as_json(session, config)


def look_up(store: Store, session_id: str, config: RehearsalConfig, now: float) -> Session:
    """The session as it stands `now`. Raises ApiError 404.

    Only a session whose time has just passed is written to, so looking takes no lock.
    """
    session = _read(store.single, session_id)
    if not _is_overdue(session, now):
        return session
    with store.writing() as db:
        return _current(db, session_id, config, now)


def expire(
    db: sqlite3.Connection, session_id: str, config: RehearsalConfig, now: float, key: str | None
) -> objects.Json:
    """Answer POST /v1/checkout/sessions/{id}/expire; an error when it is not open."""
    session = _current(db, session_id, config, now)
    check_reachable(session, now)
    if session.status != "open":
        raise ApiError(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of {session.status}.",
            kept=True,
        )
    return _as_json(_close(db, session_id, config, now, key), config)


def check_reachable(session: Session, now: float) -> None:
    """Raises NoAnswer while nobody who asks about the session is to be answered."""
    if session.behaviour == Behaviour.UNREACHABLE and is_unreachable(
        session.paid_at or session.created, now
    ):
        raise NoAnswer(session.id)


def is_unreachable(since: float, now: float) -> bool:
    return now < since + UNREACHABLE_SECONDS


def any_overdue(db: sqlite3.Connection, now: float) -> bool:
    found = db.execute(
        "SELECT 1 FROM sessions WHERE status = 'open' AND expires_at <= ? LIMIT 1", (now,)
    )
    return found.fetchone() is not None


def expire_overdue(db: sqlite3.Connection, config: RehearsalConfig, now: float) -> None:
    """Close the open sessions whose time has passed, so that their events go out."""
    rows = db.execute(
        "SELECT id FROM sessions WHERE status = 'open' AND expires_at <= ? LIMIT ?",
        (now, SWEEP_LIMIT),
    ).fetchall()
    for (session_id,) in rows:
        _close(db, session_id, config, now, key=None)


def pay(
    db: sqlite3.Connection,
    session: Session,
    method: str,
    behaviour: Behaviour,
    config: RehearsalConfig,
    now: float,
    *,
    claim: bool,
) -> Paid:
    """Take the money; with `claim`, the event is taken too, when it is due at once.

    Raises NotPayable when another was quicker, to pay or to expire it.
    """
    row = db.execute(
        "UPDATE sessions SET status = 'complete', method = ?, behaviour = ?, intent_id = ?,"
        " charge_id = ?, paid_at = ?"
        " WHERE id = ? AND status = 'open' AND expires_at > ? RETURNING *",
        (method, behaviour, new_id("pi"), new_id("ch"), int(now), session.id, now),
    ).fetchone()
    if row is None:
        raise NotPayable(session.id)
    paid = Session(*row)
    told_at = _told_at(behaviour, now)
    claim = claim and told_at == now
    event = events.record(
        db,
        "checkout.session.completed",
        _as_json(paid, config),
        created=now,
        deliver_at=told_at,
        copies=2 if behaviour is Behaviour.TWICE else 1,
        claimed=claim,
    )
    return Paid(paid, event if claim else None)


def by_intent(db: sqlite3.Connection, intent_id: str, param: str) -> Session:
    row = db.execute("SELECT * FROM sessions WHERE intent_id = ?", (intent_id,)).fetchone()
    if row is None:
        raise missing_resource("payment_intent", intent_id, param)
    return Session(*row)


def by_charge(db: sqlite3.Connection, charge_id: str) -> Session:
    row = db.execute("SELECT * FROM sessions WHERE charge_id = ?", (charge_id,)).fetchone()
    if row is None:
        raise missing_resource("charge", charge_id, "id")
    return Session(*row)


def _read(db: sqlite3.Connection, session_id: str) -> Session:
    row = db.execute("SELECT * FROM sessions WHERE id = ?", (session_id,)).fetchone()
    if row is None:
        raise missing_resource("checkout.session", session_id, "session")
    return Session(*row)


def _is_overdue(session: Session, now: float) -> bool:
    return session.status == "open" and session.expires_at <= now


def _current(
    db: sqlite3.Connection, session_id: str, config: RehearsalConfig, now: float
) -> Session:
    """The session, expired first when its time has passed."""
    session = _read(db, session_id)
    if _is_overdue(session, now):
        return _close(db, session_id, config, now, key=None)
    return session


def _close(
    db: sqlite3.Connection, session_id: str, config: RehearsalConfig, now: float, key: str | None
) -> Session:
    """Expire a session seen open in this transaction, and tell of it."""
    row = db.execute(
        "UPDATE sessions SET status = 'expired' WHERE id = ? RETURNING *", (session_id,)
    ).fetchone()
    session = Session(*row)
    thing = _as_json(session, config)
    events.record(db, "checkout.session.expired", thing, created=now, deliver_at=now, key=key)
    return session


def _as_json(session: Session, config: RehearsalConfig) -> objects.Json:
    return objects.checkout_session(session, config.pay_url(session.id))


def _told_at(behaviour: Behaviour, now: float) -> float | None:
    match behaviour:
        case Behaviour.SILENT | Behaviour.UNREACHABLE:
            return None
        case Behaviour.LATE:
            return now + LATE_SECONDS
        case _:
            return now


def _line_items(form: Form) -> tuple[int, str]:
    """The sum in fen and the names of what is paid for."""
    total = 0
    names = []
    for number in range(len(form.fields)):
        price = f"line_items[{number}][price_data]"
        if number and f"{price}[currency]" not in form.fields:
            break
        if form.require(f"{price}[currency]") != objects.CURRENCY:
            raise ApiError("The rehearsal service takes only cny.", param=f"{price}[currency]")
        total += form.whole(f"{price}[unit_amount]") * form.whole(f"line_items[{number}][quantity]")
        names.append(form.require(f"{price}[product_data][name]"))
    if not 0 < total <= MAX_FEN:
        raise ApiError(
            f"The total amount must be from 1 to {MAX_FEN} fen.",
            code="amount_too_small" if total <= 0 else "amount_too_large",
            param="line_items",
        )
    return total, "、".join(names)


def _expires_at(form: Form, now: int) -> int:
    if form.text("expires_at") is None:
        return now + LONGEST_SECONDS
    expires_at = form.whole("expires_at")
    if expires_at < now + SHORTEST_SECONDS:
        raise ApiError(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session "
            "creation.",
            param="expires_at",
        )
    if expires_at > now + LONGEST_SECONDS:
        raise ApiError(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    return expires_at


def _methods(form: Form, version: str) -> list[str]:
    fixed = form.items("payment_method_types")
    if fixed and version >= FIXED_METHODS_ENDED:
        raise ApiError(
            "`payment_method_types` is no longer supported. Use `allowed_payment_method_types`.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )
    wanted = form.items("allowed_payment_method_types") or fixed or list(METHODS)
    methods = [method for method in wanted if method in METHODS]
    if not methods:
        raise ApiError("No payment method that could be used.", param="payment_method_types")
    if "wechat_pay" in methods:
        form.require("payment_method_options[wechat_pay][client]")
    return methods


def _behaviour(metadata: dict[str, str]) -> Behaviour:
    chosen = metadata.get("rehearsal", Behaviour.SUCCEED)
    if chosen not in Behaviour.__members__.values():
        raise ApiError("No such rehearsal behaviour.", param="metadata[rehearsal]")
    return Behaviour(chosen)
