"""A till to pay at, a shop door that hears of it, and real HTTP in between."""

import asyncio
import re
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar, asgi
from litestar.types import Receive, Scope, Send

from shop.payments.gateway import GatewayEvent, GatewaySession, SessionRequest
from shop.payments.rehearsal.app import create_app
from shop.payments.rehearsal.config import RehearsalConfig
from shop.payments.stripe_gateway import StripeGateway

API_KEY = "sk_test_rehearsal_1"
SECRET = "whsec_of_the_tests"
PATIENCE = 15.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stripe", action="store_true", help="pay at Stripe itself, with a test key")


class Clock:
    """The real time, moved ahead at will."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def advance(self, **amount: float) -> None:
        self.ahead += timedelta(**amount)


async def until(found: Callable[[], bool]) -> None:
    """Wait for a condition, no longer than PATIENCE."""
    async with asyncio.timeout(PATIENCE):
        while not found():  # noqa: ASYNC110 - it may be another process that makes it true
            await asyncio.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serving(app: object, port: int) -> AsyncIterator[None]:
    """Serve an ASGI application on this event loop, with the server that the product uses."""
    server = Server(app, port=port, interface=Interfaces.ASGI, log_enabled=False)
    task = asyncio.create_task(server.serve())
    try:
        await answering(port)
        yield
    finally:
        server.stop()
        await task


async def answering(port: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            await writer.wait_closed()
            return


@dataclass
class Door:
    """A webhook receiver. `answers` are the statuses it gives next, then 200 for ever."""

    url: str
    clock: Clock
    answers: list[int] = field(default_factory=list)
    heard: list[tuple[bytes, str]] = field(default_factory=list)

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                break
        headers = dict(scope["headers"])
        self.heard.append((body, headers[b"stripe-signature"].decode()))
        status = self.answers.pop(0) if self.answers else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def events(self, gateway: StripeGateway) -> list[GatewayEvent]:
        return [gateway.verify_event(body, mark, self.clock()) for body, mark in self.heard]


@dataclass
class Till:
    """A rehearsal service with everything to try it with."""

    base_url: str
    config: RehearsalConfig
    clock: Clock
    door: Door
    gateway: StripeGateway
    browser: httpx.AsyncClient

    def request(self, key: str = "key-1", **changes: object) -> SessionRequest:
        usual: dict = {
            "payment_id": 41,
            "order_code": "XB7K3F",
            "amount_fen": 12_800,
            "description": "桃木小羊",
            "success_url": "http://127.0.0.1:9/o/token?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:9/checkout/token",
            "expires_at": self.clock() + timedelta(minutes=31),
            "idempotency_key": key,
        }
        return SessionRequest(**(usual | changes))

    def gateway_at(self, base_url: str) -> StripeGateway:
        return StripeGateway(API_KEY, SECRET, base_url=base_url)

    async def opened(self, key: str = "key-1", **changes: object) -> GatewaySession:
        return await self.gateway.create_session(self.request(key, **changes))

    async def pay(self, session: GatewaySession, **fields: str) -> httpx.Response:
        return await self.browser.post(session.url or "", data=fields)

    async def paid(self, key: str = "key-1", **fields: str) -> GatewaySession:
        """A session that was paid for, the way that `fields` say."""
        session = await self.opened(key)
        await self.pay(session, **fields)
        return await self.gateway.fetch_session(session.id)

    async def api(self, method: str, path: str, **request: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {API_KEY}", **request.pop("headers", {})}
        return await self.browser.request(
            method, f"{self.base_url}{path}", headers=headers, **request
        )

    def under_way(self) -> int:
        """How many events are claimed for delivery and not yet delivered or put off."""
        with closing(sqlite3.connect(self.config.store_path)) as db:
            asked = "SELECT count(*) FROM events WHERE deliver_at IS NOT NULL AND claimed_until > 0"
            return int(db.execute(asked).fetchone()[0])

    async def later(self, **amount: float) -> None:
        """Move the clock; the request lets the service notice at once.

        Not while an event is under way, or its claim would run out and it would be sent twice.
        """
        await until(lambda: not self.under_way())
        self.clock.advance(**amount)
        await self.api("POST", "/v1/nothing")

    async def knocked(self, count: int) -> None:
        await until(lambda: len(self.door.heard) >= count)

    async def told(self, count: int) -> list[GatewayEvent]:
        """The first `count` events that came to the door."""
        await self.knocked(count)
        return self.door.events(self.gateway)


def mounted(config: RehearsalConfig) -> Litestar:
    """The service below /rehearsal of a bigger application, as the shop has it."""
    service = create_app(config)

    @asgi("/rehearsal", is_mount=True, copy_scope=False)
    async def rehearsal(scope: Scope, receive: Receive, send: Send) -> None:
        await service(scope, receive, send)

    return Litestar([rehearsal], lifespan=[lambda _: service.lifespan()], openapi_config=None)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def door(clock: Clock) -> AsyncIterator[Door]:
    port = free_port()
    door = Door(f"http://127.0.0.1:{port}/webhooks/stripe", clock)
    async with serving(door, port):
        yield door


@pytest.fixture
def free() -> Callable[[], int]:
    return free_port


@pytest.fixture
def listening() -> Callable:
    return answering


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def config(tmp_path: Path, clock: Clock, door: Door, port: int) -> RehearsalConfig:
    return RehearsalConfig(
        store_path=tmp_path / "rehearsal.db",
        api_key=API_KEY,
        webhook_url=door.url,
        webhook_secret=SECRET,
        base_url=f"http://127.0.0.1:{port}/rehearsal",
        clock=clock,
    )


@pytest.fixture
async def unserved(clock: Clock, door: Door, config: RehearsalConfig) -> AsyncIterator[Till]:
    """A till whose service is not running; tests that stop and start it serve it themselves."""
    async with AsyncExitStack() as stack:
        gateway = StripeGateway(API_KEY, SECRET, base_url=config.base_url)
        stack.push_async_callback(gateway.aclose)
        browser = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        yield Till(config.base_url, config, clock, door, gateway, browser)


@pytest.fixture
async def till(unserved: Till, config: RehearsalConfig, port: int) -> AsyncIterator[Till]:
    async with serving(mounted(config), port):
        yield unserved


@pytest.fixture
def serve() -> Callable:
    """`async with serve(config)`: the service at the address that its config names."""

    def start(config: RehearsalConfig):
        number = re.search(r":(\d+)/", config.base_url)
        assert number
        return serving(mounted(config), int(number[1]))

    return start
