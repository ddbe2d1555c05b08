"""FANOUT: two thousand watch one show, and something changes every second.

How long from the moment a change is sent, its request included, until each of them has read it;
whether anybody was left with an old state; what watching costs; and how READ, BUY and RUSH do
meanwhile.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop
from sqlalchemy import select

from benchmarks import loads
from benchmarks.client import Connection
from benchmarks.station import PLENTY, Server
from catalog.access import Actor
from catalog.db import Database
from catalog.models import Member, Role
from live.lineup import put_line_up
from live.on_air import start_show
from live.scheduling import schedule_show
from shop.settings import read_settings
from shop.signin import new_api_token

WATCHERS = 2_000
LINE_UP = 12
CUT_SHARE = 0.1
SETTLE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A show on air; `token` may change the stock of its first product."""

    show: int
    product: int
    token: str


async def set_up(server: Server) -> Stage:
    """Put a show with a dozen products on air."""
    database = Database.connect(read_settings(server.environment).database_url)
    now = datetime.now(UTC)
    async with database.writing.begin() as session:
        member = await session.scalar(select(Member).where(Member.role == Role.MANAGER))
        assert member is not None
        actor = Actor(member.id, member.station_id, member.role, "站长", "", None, "", "bench")
        when = {"starts_at": now + timedelta(minutes=1), "ends_at": now + timedelta(hours=2)}
        show = await schedule_show(session, actor, {"title": "两千人看", **when}, now)
        rows = [{"product": product.id} for product in server.products[:LINE_UP]]
        await put_line_up(session, actor, show.id, rows, now)
        await start_show(session, actor, show.id, now)
        token = await new_api_token(session, member, "bench", now)
    await database.close()
    return Stage(show.id, server.products[0].id, token)


class Crowd:
    """The watchers, in a process of their own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def say(self, what: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()

    async def hear(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(await asyncio.to_thread(self._process.stdout.readline))

    async def ask(self, what: str) -> Any:
        self.say(what)
        return await self.hear()


@contextmanager
def crowd(server: Server, stage: Stage, count: int) -> Iterator[Crowd]:
    path = f"/api/shows/{stage.show}/events"
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.watchers", str(server.port), path, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Crowd(process)
    finally:
        process.terminate()
        process.wait()


async def change(
    server: Server, stage: Stage, first: int, seconds: float
) -> list[tuple[float, int]]:
    """Count out one piece every second; when each was sent, and the value that watchers will read."""
    connection, sent, value = Connection(server.port), [], first
    path, headers = (
        f"/api/products/{stage.product}/stock",
        {"Authorization": f"Bearer {stage.token}"},
    )
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        begun, value = time.monotonic(), value + 1
        sent.append((begun, value))
        answer = await connection.post(path, {"change": -1, "reason": "盘点"}, **headers)
        assert answer.status in (200, 201), answer.body
        await asyncio.sleep(max(0.0, begun + 1 - time.monotonic()))
    connection.close()
    return sent


@dataclass(frozen=True, slots=True)
class Delays:
    """Milliseconds from a change to its receipt. `superseded` were overtaken by a newer state,
    `lost` watchers had not the last one at the end.
    """

    p50: float
    p99: float
    most: float
    superseded: int
    lost: int


def delays(sent: list[tuple[float, int]], told: list[dict[str, Any]]) -> Delays:
    """What each watcher whose line was whole waited for each change."""
    waited: list[float] = []
    superseded = lost = 0
    for watcher in told:
        values, cuts = watcher["values"], watcher["cuts"]
        lost += not values or values[-1][1] < sent[-1][1]
        n = 0
        for begun, value in sent:
            while n < len(values) and values[n][1] < value:
                n += 1
            if n == len(values):
                break
            if any(cut <= values[n][0] and begun <= back for cut, back in cuts):
                continue
            superseded += values[n][1] > value
            waited.append((values[n][0] - begun) * 1000)
    waited.sort()

    def at(share: float) -> float:
        return waited[min(len(waited) - 1, int(share * len(waited)))]

    return Delays(at(0.5), at(0.99), waited[-1], superseded, lost)


HEADS = (
    "database",
    "web processes",
    "watchers",
    "connected after s",
    "p50 / p99 / most ms",
    "overtaken",
    "left with an old state",
    "a tenth back after s",
    "MiB a thousand",
    "CPU % a thousand",
    "READ/s without / with",
    "p50 / p99 ms without / with",
    "BUY/s with",
    "RUSH sold / refused, s, with",
    "errors",
)


def row(kind: str, workers: int, server: Server, seconds: float, count: int = WATCHERS) -> str:
    """Everything once against a fresh server; one row of the table."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_row(kind, workers, server, seconds, count))


async def _row(kind: str, workers: int, server: Server, seconds: float, count: int) -> str:
    stage, brief = await set_up(server), max(2.0, seconds / 6)
    await loads.read(server, 1)
    alone = await loads.read(server, brief)
    memory = server.memory_mib()
    with crowd(server, stage, count) as watching:
        connected = await watching.ask("connect")
        memory = server.memory_mib() - memory
        cpu = server.cpu_seconds()
        changing = asyncio.create_task(change(server, stage, -PLENTY, seconds))
        await asyncio.sleep(seconds / 2)
        back = await watching.ask(f"cut {CUT_SHARE}")
        sent = await changing
        cpu = (server.cpu_seconds() - cpu) / seconds
        await asyncio.sleep(SETTLE_SECONDS)
        found = delays(sent, await watching.ask("tell"))
        changing = asyncio.create_task(change(server, stage, sent[-1][1], brief))
        beside = await loads.read(server, brief)
        await changing
        bought = await loads.buy(server, brief)
        rush = await loads.rush(server)
        refused = sum(watcher["refused"] for watcher in await watching.ask("tell"))
    odd = dict(alone.outcomes + beside.outcomes + bought.outcomes + rush.outcomes)
    for known in ("read", "bought", "refused"):
        odd.pop(known, None)
    if refused:
        odd["watchers refused"] = refused
    cells = [
        kind,
        workers,
        f"{count:,}",
        f"{connected:.1f}",
        f"{found.p50:.0f} / {found.p99:.0f} / {found.most:.0f}",
        found.superseded,
        found.lost,
        f"{back:.2f}",
        f"{memory * 1000 / count:.0f}",
        f"{cpu * 100 * 1000 / count:.1f}",
        f"{alone.per_second('read'):,.0f} / {beside.per_second('read'):,.0f}",
        f"{alone.percentile_ms(0.5):.0f} / {alone.percentile_ms(0.99):.0f}"
        f" · {beside.percentile_ms(0.5):.0f} / {beside.percentile_ms(0.99):.0f}",
        f"{bought.per_second('bought'):.1f}",
        f"{rush.outcomes['bought']} / {rush.outcomes['refused']}, {rush.seconds:.2f}",
        odd or "none",
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
