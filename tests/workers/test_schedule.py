"""What beat starts: every entry names a task, and each of ours does its work."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog import outbox
from catalog.db import Database
from shop.models import Payment, Trouble
from tests.making import make_product
from tests.shop.sales import order, pay, want
from tests.web import settings_for
from workers import runtime, tasks
from workers.app import app


@pytest.fixture
def running(database_url: str, tmp_path: Path) -> Iterator[None]:
    runtime.begin(settings_for(database_url, tmp_path))
    yield
    runtime.end()


def test_every_entry_names_a_task() -> None:
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


async def trouble_at_hand(url: str) -> None:
    """A late job, and an order whose money can go back for three days more.

    Tasks go by the machine's clock, and so must this.
    """
    now = datetime.now(UTC)
    database = Database.connect(url)
    product = await make_product(database.writing)
    placed = await pay(database.writing, await order(database.writing, want(product), now=now), now)
    async with database.writing.begin() as session:
        payment = await session.get_one(Payment, placed.payments[0].id)
        payment.refund_until = (now + timedelta(days=3)).date()
        outbox.add(session, "shop.nothing", now - timedelta(hours=1), order_id=1)
    await database.close()


async def kinds(url: str) -> list[str]:
    database = Database.connect(url)
    async with database.reading() as session:
        found = list(await session.scalars(select(Trouble.kind).order_by(Trouble.kind)))
    await database.close()
    return found


def test_the_watches_tell_the_desk(running: None, database_url: str) -> None:
    loop = runtime._runtimes[-1].loop
    loop.run_until_complete(trouble_at_hand(database_url))
    tasks.reconcile_task()
    assert loop.run_until_complete(kinds(database_url)) == []
    tasks.watch_task()
    assert loop.run_until_complete(kinds(database_url)) == ["job_failing"]
    tasks.refund_windows_task()
    tasks.examine_task()
    assert loop.run_until_complete(kinds(database_url)) == ["job_failing", "refund_window"]
