"""A paid order reaches its workshops once, whatever dies on the way."""

import contextlib
import shutil
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import select, update

from catalog.db import Database, Sessions
from catalog.models import Job, Product
from shop.models import Notice, Order, OrderState, WorkOrder
from shop.settle import ROUTE_JOB
from tests.making import BUYER, make_product, make_station, make_workshop
from tests.serving import Served, eventually, served
from workers.__main__ import PROCESSES
from workers.supervise import WEB, WORKER

pytestmark = pytest.mark.xdist_group("faults")

ADDRESS = {name: BUYER[name] for name in ("province", "city", "district", "detail")}


async def products_of_two_workshops(sessions: Sessions) -> list[Product]:
    station = await make_station(sessions)
    return [
        await make_product(sessions, await make_workshop(sessions, station, name), on_hand=9)
        for name in ("王家木作", "李家木雕")
    ]


def order(base: str, products: list[Product]) -> dict[str, str]:
    body = {
        "items": [{"product": product.id, "quantity": 1} for product in products],
        "buyer": {"name": BUYER["name"], "phone": BUYER["phone"], "address": ADDRESS},
    }
    answer = httpx.post(f"{base}/api/orders", json=body)
    assert answer.status_code == 201, answer.text
    placed: dict[str, str] = answer.json()
    return placed


def pay(placed: dict[str, str]) -> None:
    answer = httpx.post(placed["pay_url"], data={"method": "alipay", "behaviour": "succeed"})
    assert answer.status_code == 303, answer.text


def state_of(base: str, placed: dict[str, str]) -> str:
    state: str = httpx.get(f"{base}/api/orders/{placed['token']}").json()["state"]
    return state


async def notices(database: Database) -> list[int]:
    async with database.reading() as session:
        return sorted(n for n in await session.scalars(select(Notice.work_order_id)) if n)


async def jobs(database: Database) -> int:
    async with database.reading() as session:
        return len(list(await session.scalars(select(Job.id))))


async def routed_once(database: Database, orders: int) -> None:
    """Every work order has its one notice, and nothing is left to do."""

    async def done() -> bool:
        return len(await notices(database)) == 2 * orders and await jobs(database) == 0

    # A job whose worker was killed comes again after 30 s, then after 60 more, then after 120: a
    # slow machine may meet all three before its worker is back.
    await eventually(done, within=480)
    async with database.reading() as session:
        work_orders = list(await session.scalars(select(WorkOrder)))
        states = set(await session.scalars(select(Order.state)))
    assert sorted(w.id for w in work_orders) == await notices(database)
    assert all(w.routed_at is not None for w in work_orders)
    assert states == {OrderState.PAID}


def background(server: Served) -> list[psutil.Process]:
    """The worker's processes, beat among them, that are alive."""
    found = []
    for process in server.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.cmdline()[0].startswith(("[celery", WORKER)):
                found.append(process)
    return found


async def working(server: Served) -> list[psutil.Process]:
    """The worker's processes, once it has begun: it is started after the web server."""

    async def begun() -> list[psutil.Process]:
        found = background(server)
        return found if len(found) > 1 else []

    return await eventually(begun)


def broker(server: Served) -> Path:
    """The folder that is the broker; not there before the first worker."""
    return Path(server.environment["XIANGBO_DATA_DIR"]) / "broker"


def messages(server: Served) -> list[Path]:
    return list((broker(server) / "messages").glob("*.msg"))


async def test_an_order_is_routed_though_the_broker_lost_its_job(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    products = await products_of_two_workshops(database.writing)
    with served(database_url, tmp_path) as server:
        stopped = await working(server)
        for process in stopped:
            process.suspend()
        pay(order(server.base, products))

        async def written() -> bool:
            """The routing job: the gateway's event has had one too, and is done."""
            async with database.reading() as session:
                return list(await session.scalars(select(Job.name))) == [ROUTE_JOB]

        await eventually(written)
        # The job was handed over, and the broker forgot it.
        async with database.writing.begin() as session:
            await session.execute(update(Job).values(attempts=1))
        for message in messages(server):
            message.unlink(missing_ok=True)
        for process in stopped:
            process.resume()
        await routed_once(database, orders=1)


async def test_an_order_is_routed_though_its_worker_was_killed(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    products = await products_of_two_workshops(database.writing)
    with served(database_url, tmp_path) as server:
        for _ in range(3):
            pay(order(server.base, products))
            for process in await working(server):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        await routed_once(database, orders=3)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_nothing_outlives_a_worker_that_was_killed(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Beat would go on sending beside the beat of the worker that takes its place."""
    with served(database_url, tmp_path) as server:

        async def begun() -> list[psutil.Process]:
            found = [p for p in background(server) if p.ppid() != server.process_id]
            return found if len(found) == PROCESSES + 1 else []

        below = await eventually(begun)
        below[0].parent().kill()

        async def gone() -> bool:
            return not any(_runs(process) for process in below)

        await eventually(gone)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_nothing_outlives_a_web_server_that_was_killed(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Its processes would stay on the port, beside those of the server that takes its place."""
    with served(database_url, tmp_path, "--workers", "2") as server:
        supervisor, *below = server.processes()
        web = next(p for p in below if p.ppid() == supervisor.pid and p.cmdline()[0] == WEB)
        its = web.children()
        assert len(its) == 2
        web.kill()

        async def gone() -> bool:
            return not any(_runs(process) for process in (*its, *below))

        await eventually(gone)


def _runs(process: psutil.Process) -> bool:
    """Not gone, and not one that only waits to be taken note of."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def test_an_order_is_routed_though_everything_was_killed_after_the_payment(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    products = await products_of_two_workshops(database.writing)
    with served(database_url, tmp_path) as server:
        for _ in range(3):
            placed = order(server.base, products)
            pay(placed)
            server.kill()
            shutil.rmtree(broker(server), ignore_errors=True)
            server.start()
        await routed_once(database, orders=3)


async def test_a_placed_order_survives_the_death_of_the_web_process(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    products = await products_of_two_workshops(database.writing)
    with served(database_url, tmp_path) as server:
        placed = order(server.base, products)
        server.kill()
        server.start()
        assert state_of(server.base, placed) == "unpaid"
        pay(placed)
        await routed_once(database, orders=1)
