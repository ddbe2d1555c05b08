"""Events: what happened, written with the change itself, and delivered from these rows."""

import hashlib
import hmac
import sqlite3
from dataclasses import dataclass

import msgspec

from shop.payments.rehearsal import objects
from shop.payments.rehearsal.errors import ApiError, missing_resource
from shop.payments.rehearsal.ids import new_id

# A process that claimed an event has this long to deliver it; then another may.
CLAIM_SECONDS = 30.0
# Waits of 1, 2, 4, … seconds, a minute at most: about ten minutes in all.
MAX_ATTEMPTS = 15
LONGEST_WAIT_SECONDS = 60.0
LIST_DEFAULT = 10
LIST_MAX = 100


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event that this process is to deliver now, `copies` times."""

    id: str
    body: str
    copies: int
    attempts: int


def record(
    db: sqlite3.Connection,
    kind: str,
    thing: objects.Json,
    *,
    created: float,
    deliver_at: float | None,
    copies: int = 1,
    key: str | None = None,
    claimed: bool = False,
) -> Claimed:
    """Write an event down for delivery at `deliver_at`, or never for None.

    `claimed` takes it for this process in the same stroke.
    """
    event_id = new_id("evt")
    body = msgspec.json.encode(objects.event(event_id, kind, int(created), thing, key)).decode()
    claimed_until = created + CLAIM_SECONDS if claimed else 0
    db.execute(
        "INSERT INTO events (id, type, created, body, copies, attempts, deliver_at, claimed_until)"
        " VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
        (event_id, kind, int(created), body, copies, deliver_at, claimed_until),
    )
    return Claimed(event_id, body, copies, attempts=0)


def claim_due(db: sqlite3.Connection, now: float, limit: int) -> list[Claimed]:
    """Take up to `limit` due events for this process; no other gets them for CLAIM_SECONDS."""
    rows = db.execute(
        "UPDATE events SET claimed_until = ? WHERE number IN ("
        " SELECT number FROM events WHERE deliver_at <= ? AND claimed_until <= ?"
        " ORDER BY deliver_at LIMIT ?) RETURNING id, body, copies, attempts",
        (now + CLAIM_SECONDS, now, now, limit),
    )
    return [Claimed(*row) for row in rows]


def any_due(db: sqlite3.Connection, now: float) -> bool:
    found = db.execute(
        "SELECT 1 FROM events WHERE deliver_at <= ? AND claimed_until <= ? LIMIT 1", (now, now)
    )
    return found.fetchone() is not None


def delivered(db: sqlite3.Connection, event: Claimed) -> None:
    db.execute("UPDATE events SET deliver_at = NULL WHERE id = ?", (event.id,))


def put_off(db: sqlite3.Connection, event: Claimed, now: float) -> None:
    """Try a failed delivery again after a wait, or give it up after MAX_ATTEMPTS."""
    attempts = event.attempts + 1
    wait = min(2.0**event.attempts, LONGEST_WAIT_SECONDS)
    db.execute(
        "UPDATE events SET attempts = ?, claimed_until = 0, deliver_at = ? WHERE id = ?",
        (attempts, None if attempts >= MAX_ATTEMPTS else now + wait, event.id),
    )


def signature(body: str, secret: str, now: float) -> str:
    """The `Stripe-Signature` header.

    Stripe: HMAC-SHA256 with the endpoint's secret over the timestamp, a dot and the body.
    """
    stamp = int(now)
    mac = hmac.new(secret.encode(), f"{stamp}.{body}".encode(), hashlib.sha256)
    return f"t={stamp},v1={mac.hexdigest()}"


def listing(db: sqlite3.Connection, query: dict[str, str], now: float) -> objects.Json:
    """Answer GET /v1/events, newest first; knows `limit`, `type` and `starting_after`."""
    limit = _limit(query.get("limit"))
    before = _number_of(db, query["starting_after"]) if "starting_after" in query else None
    rows = db.execute(
        "SELECT body, deliver_at FROM events WHERE created <= :now"
        " AND (:type IS NULL OR type = :type) AND (:before IS NULL OR number < :before)"
        " ORDER BY number DESC LIMIT :limit",
        {"now": now, "type": query.get("type"), "before": before, "limit": limit + 1},
    ).fetchall()
    return {
        "object": "list",
        "url": "/v1/events",
        "has_more": len(rows) > limit,
        "data": [_as_json(*row) for row in rows[:limit]],
    }


def _as_json(body: str, deliver_at: float | None) -> objects.Json:
    built: objects.Json = msgspec.json.decode(body)
    built["pending_webhooks"] = 0 if deliver_at is None else 1
    return built


def _limit(text: str | None) -> int:
    if text is None:
        return LIST_DEFAULT
    if text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= LIST_MAX:
        return int(text)
    raise ApiError(f"limit must be from 1 to {LIST_MAX}.", param="limit")


def _number_of(db: sqlite3.Connection, event_id: str) -> int:
    row = db.execute("SELECT number FROM events WHERE id = ?", (event_id,)).fetchone()
    if row is None:
        raise missing_resource("event", event_id, "starting_after")
    return int(row[0])
