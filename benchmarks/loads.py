"""The loads: READ, BUY and RUSH, each over real HTTP from one process beside the server."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from benchmarks.client import Connection
from benchmarks.station import Server

ADDRESS = {"province": "甘肃", "city": "兰州", "district": "城关", "detail": "东岗西路 1 号"}
BUYER = {"name": "王芳", "phone": "13800138000", "address": ADDRESS}

# A webhook settles within milliseconds; a purchase that takes this long has failed.
PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class Load:
    """What a load came to. `outcomes` counts how each unit of work ended."""

    seconds: float
    latencies: list[float]
    outcomes: Counter[str]
    requests: int = 0
    cpu_seconds: float = 0.0

    def per_second(self, outcome: str) -> float:
        return self.outcomes[outcome] / self.seconds

    def percentile_ms(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


@dataclass(slots=True)
class _Tally:
    latencies: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    requests: int = 0


async def read(server: Server, seconds: float, connections: int = 32) -> Load:
    """The scan page with live price and stock, over all products but the scarce one."""
    codes = [product.code for product in server.products[:-1]]
    until = time.monotonic() + seconds

    async def one(n: int, tally: _Tally) -> None:
        connection = Connection(server.port)
        while time.monotonic() < until:
            begun = time.monotonic()
            answer = await connection.get(f"/Q/{codes[n % len(codes)]}")
            tally.latencies.append(time.monotonic() - begun)
            tally.outcomes["read" if answer.status == 200 else f"{answer.status}"] += 1
            tally.requests += 1
            n += 1
        connection.close()

    return await _measure(server, connections, one)


async def buy(server: Server, seconds: float, buyers: int = 16, *, at_once: bool = False) -> Load:
    """Whole purchases: page, hold, order, pay, and asking until it is settled.

    `at_once` holds and orders in one request, as a program may.
    """
    until = time.monotonic() + seconds

    async def one(n: int, tally: _Tally) -> None:
        connection = Connection(server.port)
        while time.monotonic() < until:
            product = server.products[n % (len(server.products) - 1)]
            begun = time.monotonic()
            outcome = await _purchase(connection, product.code, tally, at_once=at_once)
            tally.latencies.append(time.monotonic() - begun)
            tally.outcomes[outcome] += 1
            n += 1
        connection.close()

    return await _measure(server, buyers, one)


async def rush(server: Server, buyers: int = 200, at_a_time: int = 64) -> Load:
    """Everybody wants the scarce product at once; each buyer tries one time."""
    waiting = iter(range(buyers))

    async def one(_: int, tally: _Tally) -> None:
        connection = Connection(server.port)
        for _buyer in waiting:
            begun = time.monotonic()
            tally.outcomes[await _purchase(connection, server.products[-1].code, tally)] += 1
            tally.latencies.append(time.monotonic() - begun)
        connection.close()

    return await _measure(server, at_a_time, one)


async def _measure(
    server: Server, clients: int, one: Callable[[int, _Tally], Awaitable[None]]
) -> Load:
    tally = _Tally()
    cpu = server.cpu_seconds()
    begun = time.monotonic()
    await asyncio.gather(*(one(n, tally) for n in range(clients)))
    seconds = time.monotonic() - begun
    cpu = server.cpu_seconds() - cpu
    return Load(seconds, tally.latencies, tally.outcomes, tally.requests, cpu)


async def _purchase(
    connection: Connection, code: str, tally: _Tally, *, at_once: bool = False
) -> str:
    """One buyer's way to a paid order: "bought", "refused", or what went wrong."""
    tally.requests += 3
    page = await connection.get(f"/Q/{code}")
    if page.status != 200:
        return f"page {page.status}"
    wanted: dict[str, object] = {"items": [{"link": code, "quantity": 1}]}
    if not at_once:
        tally.requests += 1
        hold = await connection.post("/api/holds", wanted)
        if hold.status == 409:
            return "refused"
        if hold.status != 201:
            return f"hold {hold.status}"
        wanted = {"hold": hold.json()["token"]}
    order = await connection.post("/api/orders", {**wanted, "buyer": BUYER})
    if order.status == 409:
        return "refused"
    if order.status != 201 or not order.json()["pay_url"]:
        return f"order {order.status}"
    pay_path = urlsplit(order.json()["pay_url"]).path
    paid = await connection.post(pay_path, "method=alipay&behaviour=succeed")
    if paid.status != 303:
        return f"pay {paid.status}"
    return await _settled(connection, order.json()["token"], tally)


async def _settled(connection: Connection, token: str, tally: _Tally) -> str:
    until = time.monotonic() + PATIENCE_SECONDS
    pause = 0.015
    while time.monotonic() < until:
        # The webhook is on its way; whoever asks at once only keeps it waiting.
        await asyncio.sleep(pause)
        tally.requests += 1
        answer = await connection.get(f"/api/orders/{token}")
        if answer.status != 200:
            return f"state {answer.status}"
        if answer.json()["state"] == "paid":
            return "bought"
        pause = min(pause * 1.5, 0.2)
    return "never settled"
