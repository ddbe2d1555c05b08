"""Events on their way to the shop: at least once, at once, and from rows that outlive a process."""

import asyncio
import logging
import sqlite3

from shop.payments.rehearsal import api, events, sessions
from shop.payments.rehearsal.config import RehearsalConfig
from shop.payments.rehearsal.events import Claimed
from shop.payments.rehearsal.store import Store
from shop.payments.transport import NETWORK_FAULTS, HttpPool

log = logging.getLogger(__name__)

PARALLEL = 16
# How long a receiver may take; shorter than a claim, so that nobody else sends it meanwhile.
ANSWER_SECONDS = 10.0
# How long an event made by another process, or due later, may wait to be noticed.
LOOK_SECONDS = 1.0
FORGET_SECONDS = 3600.0


class Delivery:
    """Sends due events to the webhook address for as long as `run` runs."""

    def __init__(self, store: Store, config: RehearsalConfig) -> None:
        self._store = store
        self._config = config
        self._pool = HttpPool()
        self._due = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._forgot_at = 0.0

    def wake(self) -> None:
        """Say that an event may have been written."""
        self._due.set()

    async def run(self) -> None:
        """Deliver until cancelled; what is under way is then given back to be sent later."""
        try:
            while True:
                self._due.clear()
                self._look()
                await self._wait()
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)
            await self._pool.aclose()

    @property
    def has_room(self) -> bool:
        """Whether one more event can be delivered at once."""
        return len(self._under_way) < PARALLEL

    def begin(self, event: Claimed) -> None:
        """Start on an event that this process has claimed."""
        task = asyncio.create_task(self.deliver(event))
        self._under_way.add(task)
        task.add_done_callback(self._finished)

    def _look(self) -> None:
        """Expire what is overdue and start on what is due. A locked file is tried again soon."""
        try:
            self._sweep()
            for event in self._claim():
                self.begin(event)
        except sqlite3.OperationalError:
            log.exception("the rehearsal's store could not be read")

    def _sweep(self) -> None:
        now = self._now()
        if sessions.any_overdue(self._store.single, now):
            with self._store.writing() as db:
                sessions.expire_overdue(db, self._config, now)
        if now - self._forgot_at > FORGET_SECONDS:
            with self._store.writing() as db:
                api.forget_old_answers(db, now)
            self._forgot_at = now

    def _claim(self) -> list[Claimed]:
        if not self.has_room or not events.any_due(self._store.single, self._now()):
            return []
        with self._store.writing() as db:
            return events.claim_due(db, self._now(), PARALLEL - len(self._under_way))

    def _finished(self, task: asyncio.Task[None]) -> None:
        had_room = self.has_room
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("an event could not be delivered", exc_info=task.exception())
        if not had_room:
            self.wake()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._due.wait()
        except TimeoutError:
            return

    async def deliver(self, event: Claimed) -> None:
        """Deliver a claimed event and wait for the answer; a failure is tried again later."""
        accepted = False
        try:
            for _ in range(event.copies):
                accepted = await self._post(event.body)
        finally:
            # One statement is a transaction of its own.
            if accepted:
                events.delivered(self._store.single, event)
            else:
                events.put_off(self._store.single, event, self._now())

    async def _post(self, body: str) -> bool:
        """Send it once; whether the receiver answered 2xx."""
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": events.signature(body, self._config.webhook_secret, self._now()),
            "User-Agent": "Stripe/1.0 (rehearsal)",
        }
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._pool.request(
                    "POST", self._config.webhook_url, headers, body.encode()
                )
        except NETWORK_FAULTS:
            return False
        return 200 <= answer.status < 300

    def _now(self) -> float:
        return self._config.clock().timestamp()
