"""The tasks in real worker processes, on each kind of broker."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from catalog.db import Database, Sessions
from catalog.models import Job, Photo, PhotoState, Product
from catalog.photos import add_photo
from catalog.products import get_product
from media.storage import Storage
from shop import work_steps
from shop.checkout import get_order
from shop.models import MemberSession, Notice, Order, OrderState, Refund, RefundState, WorkOrder
from shop.signin import STAFF_SESSION, new_session
from tests.making import act, make_product, this_moment
from tests.serving import Served, eventually, served
from tests.shop.sales import figures, hold, order, pay, staff, two_workshops, want

CELERY = Path(sys.executable).with_name("celery")

T = TypeVar("T")

BROKERS = {"redis": "redis://127.0.0.1:6379/13", "rabbitmq": "amqp://guest:guest@127.0.0.1:5672//"}


def environment(server: Served) -> dict[str, str]:
    return {**os.environ, **server.environment, "XIANGBO_PORT": str(server.port)}


def call(server: Served, *tasks: str) -> None:
    """Have tasks done now that beat would do in a while."""
    send = f"from workers.app import app; [app.send_task(name) for name in {tasks!r}]"
    subprocess.run(
        [sys.executable, "-c", send],
        env=environment(server),
        check=True,
        capture_output=True,
        timeout=60,
    )


async def every(sessions: Sessions, column: InstrumentedAttribute[T]) -> list[T]:
    async with sessions() as session:
        return list(await session.scalars(select(column)))


async def no_jobs(sessions: Sessions) -> bool:
    return await every(sessions, Job.id) == []


async def buy(server: Served, product: Product, sessions: Sessions) -> Order:
    """An order paid for over HTTP, which the gateway then tells of."""
    placed = await order(sessions, want(product), now=this_moment())
    async with httpx.AsyncClient() as buyer:
        to_pay = await buyer.post(
            f"{server.base}/o/{placed.token}/pay", data=await form(buyer, server)
        )
        assert to_pay.status_code == 303, to_pay.text
        await buyer.post(to_pay.headers["location"], data={"behaviour": "succeed"})

    async def paid() -> bool:
        return await every(sessions, Order.state) == [OrderState.PAID]

    await eventually(paid)
    return placed


async def form(buyer: httpx.AsyncClient, server: Served) -> dict[str, str]:
    page = await buyer.get(f"{server.base}/sign-in")
    return {"csrf": page.text.partition('name="csrf" value="')[2][:64]}


async def decline(sessions: Sessions, placed: Order, product: Product) -> None:
    manager = act(await staff(sessions, product))
    async with sessions.begin() as session:
        part = (await get_order(session, placed.token)).work_orders[0]
        await work_steps.decline(session, manager, part.id, "木头裂了", this_moment())


async def upload(sessions: Sessions, product: Product, folder: Path) -> None:
    picture = BytesIO()
    Image.new("RGB", (640, 480), "sienna").save(picture, "JPEG")
    storage = Storage.open((folder / "data" / "files").as_uri())
    manager = act(await staff(sessions, product))
    async with sessions.begin() as session:
        product = await get_product(session, product.id)
        await add_photo(session, storage, manager, product, picture.getvalue(), this_moment())


# With no settings the database is SQLite and the broker a folder.
@pytest.mark.xdist_group("workers")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_worker_beside_the_web_server_does_every_task(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    await hold(sessions, want(product), now=this_moment() - timedelta(hours=1))
    member = await staff(sessions, product)
    async with sessions.begin() as session:
        await new_session(session, member, this_moment() - STAFF_SESSION)

    async def routed() -> bool:
        return len(await every(sessions, Notice.id)) == 1

    async def swept_and_forgotten() -> bool:
        forgotten = await every(sessions, MemberSession.id) == []
        return forgotten and await figures(sessions, product) == [(2, 0)]

    with served(database_url, tmp_path) as server:
        await upload(sessions, product, tmp_path)
        placed = await buy(server, product, sessions)
        await eventually(routed)
        await decline(sessions, placed, product)
        call(server, "workers.sweep", "workers.forget")
        await eventually(lambda: no_jobs(sessions))
        await eventually(swept_and_forgotten)
    assert await every(sessions, Photo.state) == [PhotoState.READY]
    assert await every(sessions, Refund.state) == [RefundState.SUCCEEDED]


def listening(url: str) -> bool:
    host, _, port = url.rpartition("@")[2].removeprefix("redis://").partition("/")[0].partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


@contextlib.contextmanager
def worker(database_url: str, folder: Path, broker_url: str) -> Iterator[None]:
    """A worker with beat, as an administrator starts it on a machine of its own."""
    settings = {"DATABASE_URL": database_url, "DATA_DIR": str(folder), "BROKER_URL": broker_url}
    with (folder.with_suffix(".log")).open("wb") as log:
        process = subprocess.Popen(
            [str(CELERY), "-A", "workers.app", "worker", "-B", "-Q", "default,photos", "-c", "1"],
            env={**os.environ, **{f"XIANGBO_{name}": value for name, value in settings.items()}},
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


# Web and workers on several machines keep their data in PostgreSQL.
@pytest.mark.xdist_group("workers")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("broker", BROKERS)
async def test_a_worker_of_its_own_routes_an_order(
    database: Database, database_url: str, tmp_path: Path, broker: str
) -> None:
    if not listening(BROKERS[broker]):
        reason = f"no {broker} listens at {BROKERS[broker].rpartition('@')[2]}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    sessions = database.writing
    low, high = await two_workshops(sessions)
    with worker(database_url, tmp_path / "data", BROKERS[broker]):
        placed = await order(sessions, want(low), want(high), now=this_moment())
        await pay(sessions, placed, this_moment())
        await eventually(lambda: no_jobs(sessions), within=240)
    told = await every(sessions, Notice.work_order_id)
    assert sorted(told) == await every(sessions, WorkOrder.id)
    assert None not in await every(sessions, WorkOrder.routed_at)
