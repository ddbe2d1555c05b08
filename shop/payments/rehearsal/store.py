"""The rehearsal's memory: one SQLite file that several processes may share.

WAL, so that reading never waits for writing. `synchronous = OFF`: what was written survives the
death of every process, because the operating system holds it; only a power cut can lose it, and
no real money is in here. That makes a write some tens of microseconds, so it happens on the
event loop.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Longer than any other process holds the write lock.
BUSY_SECONDS = 5.0

# Times are seconds since 1970, whole ones where Stripe shows them. A table's columns stand in
# the order of its dataclass.
SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    amount_fen INTEGER NOT NULL,
    description TEXT NOT NULL,
    success_url TEXT NOT NULL,
    cancel_url TEXT,
    reference TEXT,
    locale TEXT,
    methods TEXT NOT NULL,
    metadata TEXT NOT NULL,
    behaviour TEXT NOT NULL,
    method TEXT,
    intent_id TEXT UNIQUE,
    charge_id TEXT UNIQUE,
    paid_at INTEGER
);
CREATE INDEX IF NOT EXISTS open_sessions ON sessions (expires_at) WHERE status = 'open';
CREATE TABLE IF NOT EXISTS refunds (
    id TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    intent_id TEXT NOT NULL REFERENCES sessions (intent_id),
    charge_id TEXT NOT NULL,
    amount_fen INTEGER NOT NULL,
    reason TEXT,
    metadata TEXT NOT NULL,
    outcome TEXT NOT NULL,
    settles_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS refunds_of ON refunds (intent_id);
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY,
    id TEXT UNIQUE NOT NULL,
    type TEXT NOT NULL,
    created INTEGER NOT NULL,
    body TEXT NOT NULL,
    copies INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    deliver_at REAL,
    claimed_until REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS undelivered ON events (deliver_at) WHERE deliver_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    created INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS answers_by_age ON answers (created);
"""


@dataclass(frozen=True, slots=True)
class Session:
    """A checkout session; the last four fields are None until it is paid.

    `methods` and `metadata` are JSON.
    """

    id: str
    created: int
    expires_at: int
    status: str
    amount_fen: int
    description: str
    success_url: str
    cancel_url: str | None
    reference: str | None
    locale: str | None
    methods: str
    metadata: str
    behaviour: str
    method: str | None
    intent_id: str | None
    charge_id: str | None
    paid_at: int | None


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund; `outcome` holds from `settles_at` on, and until then it is pending."""

    id: str
    created: int
    intent_id: str
    charge_id: str
    amount_fen: int
    reason: str | None
    metadata: str
    outcome: str
    settles_at: float

    def status(self, now: float) -> str:
        return self.outcome if now >= self.settles_at else "pending"


def values(row: Session | Refund) -> tuple[object, ...]:
    """The row's fields in their order, for an INSERT; `dataclasses.astuple` would copy deeply."""
    return tuple(getattr(row, name) for name in row.__slots__)


class Store:
    """One connection to the file, used by one event loop."""

    def __init__(self, path: Path) -> None:
        # An app is sometimes built in one thread and run in another, never used by two.
        self._db = sqlite3.connect(
            path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")

    @property
    def single(self) -> sqlite3.Connection:
        """For single statements, each a transaction of its own."""
        return self._db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that no other writer, here or in another process, runs beside."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def close(self) -> None:
        self._db.close()
