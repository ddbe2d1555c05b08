"""Hints from those who change something to those who watch: look again.

A transaction notes what it changes (`catalog.touched`; rows written through the ORM are noted by
themselves), and once it is committed the listeners of its process hear of it, and through Redis
those of the other processes. Nothing depends on a hint: who watches looks once a second anyway.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from sqlalchemy import event
from sqlalchemy.orm import Session, UOWTransaction

from catalog.db import Base, Database
from catalog.models import Photo, Product, Stock
from catalog.touched import PRODUCT, Touched, take_touched, touch
from live.models import LineUpItem, Show

log = structlog.get_logger()

SHOW, ITEM = "show", "item"

# What is committed within this time goes out as one message.
APART_SECONDS = 0.02
PATIENCE_SECONDS = 2.0
LISTEN_SECONDS = 5.0
AGAIN_SECONDS = 1.0

_LISTENER = "listener to commits"

_followed: dict[type[Base], tuple[str, str]] = {
    Show: (SHOW, "id"),
    LineUpItem: (SHOW, "show_id"),
    Product: (PRODUCT, "id"),
    Stock: (PRODUCT, "product_id"),
    Photo: (PRODUCT, "product_id"),
}


def follow(model: type[Base], kind: str, attribute: str) -> None:
    """Note also rows of `model`, whose `attribute` is the id of a thing of that kind."""
    _followed[model] = (kind, attribute)


@event.listens_for(Session, "after_flush")
def _note_rows(session: Session, _context: UOWTransaction) -> None:
    if _LISTENER not in session.info:
        return
    for rows in (session.new, session.dirty, session.deleted):
        for row in rows:
            if type(row) in _followed:
                kind, attribute = _followed[type(row)]
                touch(session, kind, [getattr(row, attribute)])


@event.listens_for(Session, "after_commit")
def _tell(session: Session) -> None:
    # A savepoint's end is no commit: nobody else sees yet what was written.
    if session.in_nested_transaction() or _LISTENER not in session.info:
        return
    touched = take_touched(session)
    if touched:
        session.info[_LISTENER](touched)


class _Message(msgspec.Struct):
    sender: str
    touched: Touched


class Nudges:
    """What is committed through `database`, told to this process and, with Redis, to all others.

    Listeners are called in the event loop that committed, and must be quick. A commit never waits
    for Redis and never fails because of it.
    """

    def __init__(self, database: Database, redis_url: str = "") -> None:
        self._listeners: list[Callable[[Touched], None]] = []
        self._sender = secrets.token_hex(8)
        self._redis = _connect(redis_url) if redis_url else None
        # Redis keeps its channels apart from its numbered databases; the name brings them together.
        self._channel = f"xiangbo:{urlsplit(redis_url).path.strip('/') or '0'}:nudges"
        self._waiting: Touched = {}
        self._some = asyncio.Event()
        self._away = False
        database.carry(_LISTENER, self._committed)

    def listen(self, listener: Callable[[Touched], None]) -> None:
        """Call `listener` with what was changed, from now on."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Tell and hear the other processes until cancelled."""
        if self._redis is None:
            return
        hearing = asyncio.create_task(self._hear(self._redis))
        try:
            while True:
                await self._some.wait()
                await self.publish()
                await asyncio.sleep(APART_SECONDS)
        finally:
            hearing.cancel()
            with suppress(asyncio.CancelledError):
                await hearing

    async def publish(self) -> None:
        """Tell the other processes what has been committed since; forget it when Redis is away."""
        self._some.clear()
        if self._redis is None or not self._waiting:
            return
        touched, self._waiting = self._waiting, {}
        message = msgspec.json.encode(_Message(self._sender, touched))
        try:
            await self._redis.publish(self._channel, message)
        except (OSError, RedisError) as error:
            self._lost(error)

    async def close(self) -> None:
        if self._redis is not None:
            await self._redis.aclose()

    def _committed(self, touched: Touched) -> None:
        self._call(touched)
        if self._redis is not None:
            for kind, ids in touched.items():
                self._waiting.setdefault(kind, set()).update(ids)
            self._some.set()

    def _call(self, touched: Touched) -> None:
        for listener in self._listeners:
            listener(touched)

    async def _hear(self, redis: Redis) -> None:
        while True:
            try:
                async with redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(self._channel)
                    await self._hear_on(channel)
            except (OSError, RedisError) as error:
                self._lost(error)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _hear_on(self, channel: Any) -> None:
        while True:
            # Who hears nothing asks whether Redis is still there: a cut line is silent too.
            message = await channel.get_message(timeout=LISTEN_SECONDS)
            if self._away:
                self._away = False
                log.info("redis is back: other processes tell of changes again")
            if message is not None:
                self._heard(message["data"])

    def _heard(self, data: bytes) -> None:
        try:
            message = msgspec.json.decode(data, type=_Message)
        except msgspec.MsgspecError:
            return
        if message.sender != self._sender:
            self._call(message.touched)

    def _lost(self, error: Exception) -> None:
        if not self._away:
            log.warning(
                "redis is away: changes of other processes show within a second",
                error=type(error).__name__,
            )
        self._away = True


def _connect(url: str) -> Redis:
    # Our own loop tries again; a client that retries by itself would keep a request's hint waiting.
    return Redis.from_url(
        url,
        socket_connect_timeout=PATIENCE_SECONDS,
        socket_timeout=PATIENCE_SECONDS,
        health_check_interval=LISTEN_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
