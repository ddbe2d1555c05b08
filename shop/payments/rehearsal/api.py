"""The /v1 interface: who may ask, what is asked, and the same answer to the same question."""

import hashlib
import hmac
import sqlite3
from dataclasses import dataclass

import msgspec

from shop.payments.rehearsal import events, objects, refunds, sessions
from shop.payments.rehearsal.asgi import Request, Response
from shop.payments.rehearsal.config import Behaviour, RehearsalConfig
from shop.payments.rehearsal.errors import ApiError, NoAnswer
from shop.payments.rehearsal.forms import Form
from shop.payments.rehearsal.store import Store

# Stripe: keys are up to 255 characters and may be forgotten after 24 hours.
MAX_KEY = 255
KEY_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer that was given under an idempotency key; the columns of `answers`."""

    key: str
    request: str
    status: int
    body: bytes
    created: int


def answer(store: Store, config: RehearsalConfig, request: Request) -> Response:
    """Answer a request below /v1; never raises for what the caller did.

    Raises NoAnswer when the payment that is asked about was told to be unreachable.
    """
    try:
        _authorize(request, config.api_key)
        now = config.clock().timestamp()
        if request.method == "POST":
            return _post(store, config, request, now)
        return _json(200, msgspec.json.encode(_get(store, config, request, now)))
    except ApiError as error:
        return _json(error.status, msgspec.json.encode(error.body))


def forget_old_answers(db: sqlite3.Connection, now: float) -> None:
    db.execute("DELETE FROM answers WHERE created < ?", (now - KEY_SECONDS,))


def _authorize(request: Request, api_key: str) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given:
        raise ApiError("You did not provide an API key.", status=401)
    if not hmac.compare_digest(given.encode(), api_key.encode()):
        raise ApiError("Invalid API Key provided.", status=401)


def _get(store: Store, config: RehearsalConfig, request: Request, now: float) -> objects.Json:
    match request.method, request.path.split("/")[2:]:
        case "GET", ["checkout", "sessions", session_id]:
            return sessions.fetch(store, session_id, config, now)
        case "GET", ["payment_intents", intent_id]:
            return objects.payment_intent(sessions.by_intent(store.single, intent_id, "intent"))
        case "GET", ["charges", charge_id]:
            paid = sessions.by_charge(store.single, charge_id)
            return objects.charge(paid, refunds.refunded_fen(store.single, paid, now))
        case "GET", ["refunds", refund_id]:
            return refunds.fetch(store.single, refund_id, now)
        case "GET", ["events"]:
            return events.listing(store.single, request.query, now)
        case _:
            raise _unknown(request)


def _post(store: Store, config: RehearsalConfig, request: Request, now: float) -> Response:
    """Do what is asked once per idempotency key, and note the answer in the same transaction."""
    key = request.headers.get("idempotency-key")
    if key is not None and len(key) > MAX_KEY:
        raise ApiError("An idempotency key has up to 255 characters.", kind="idempotency_error")
    form = Form(request.body)
    fingerprint = _fingerprint(request.path, form)
    with store.writing() as db:
        if key is not None and (kept := _kept_answer(db, key, fingerprint)) is not None:
            _check_reachable(form, kept.created, now)
            return _json(kept.status, kept.body, {"idempotent-replayed": "true"})
        try:
            status, body = 200, msgspec.json.encode(_change(db, config, request, form, now))
        except ApiError as error:
            if not error.kept:
                raise
            status, body = error.status, msgspec.json.encode(error.body)
        if key is not None:
            db.execute(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?)",
                (key, fingerprint, status, body, int(now)),
            )
    _check_reachable(form, now, now)
    return _json(status, body)


def _change(
    db: sqlite3.Connection, config: RehearsalConfig, request: Request, form: Form, now: float
) -> objects.Json:
    key = request.headers.get("idempotency-key")
    match request.path.split("/")[2:]:
        case ["checkout", "sessions"]:
            version = request.headers.get("stripe-version", "")
            return sessions.create(db, form, config, now, version)
        case ["checkout", "sessions", session_id, "expire"]:
            return sessions.expire(db, session_id, config, now, key)
        case ["refunds"]:
            return refunds.create(db, form, now, key)
        case _:
            raise _unknown(request)


def _check_reachable(form: Form, created: float, now: float) -> None:
    """Raises NoAnswer for a session that was told so when it was made: made, but nobody hears."""
    told = form.text("metadata[rehearsal]")
    if told == Behaviour.UNREACHABLE and sessions.is_unreachable(created, now):
        raise NoAnswer


def _kept_answer(db: sqlite3.Connection, key: str, fingerprint: str) -> _Kept | None:
    row = db.execute("SELECT * FROM answers WHERE key = ?", (key,)).fetchone()
    if row is None:
        return None
    kept = _Kept(*row)
    if kept.request != fingerprint:
        raise ApiError(
            "Keys for idempotent requests can only be used with the same parameters "
            "they were first used with.",
            kind="idempotency_error",
        )
    return kept


def _fingerprint(path: str, form: Form) -> str:
    told = repr((path, sorted(form.fields.items())))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def _unknown(request: Request) -> ApiError:
    return ApiError(
        f"Unrecognized request URL ({request.method}: {request.path[:100]}).", status=404
    )


def _json(status: int, body: bytes, extra: dict[str, str] | None = None) -> Response:
    return Response(status, body, {"content-type": "application/json", **(extra or {})})
