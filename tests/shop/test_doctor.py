"""What `xiangbo doctor` looks at: a sound station passes, and each tampering is named."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from catalog import outbox
from catalog.db import Database, Sessions
from shop import routing
from shop.doctor import examine
from shop.examine.finding import Finding
from shop.examine.work import LATE
from shop.holding import Wanted
from tests.making import NOON, act, make_live_show
from tests.shop.sales import expire, hold, jobs, link_to, order, pay, staff, two_workshops, want
from tests.web import settings_for


async def findings(database_url: str, folder: Path, now: datetime = NOON) -> dict[str, Finding]:
    found, _ = await examine(settings_for(database_url, folder), now)
    return {finding.what: finding for finding in found}


async def busy_station(sessions: Sessions) -> None:
    """A hold, orders in every state, pieces fenced for a show."""
    low, high = await two_workshops(sessions, on_hand=20)
    show = await make_live_show(sessions, [low], allotment=5)
    by = await staff(sessions, low)
    link = await link_to(sessions, low, show, by=by)
    await hold(sessions, Wanted(2, link=link.code), want(high))
    await order(sessions, Wanted(1, link=link.code))
    await expire(sessions, await order(sessions, want(high, 2)))
    sent = await pay(sessions, await order(sessions, Wanted(3, link=link.code), want(high)))
    async with sessions.begin() as session:
        for part, step in zip(sent.work_orders, ("ship", "decline"), strict=True):
            if step == "decline":
                await routing.decline(session, act(by), part.id, "木头裂了", NOON)
                continue
            await routing.accept(session, act(by), part.id, NOON)
            await routing.ship(session, act(by), part.id, "顺丰", "SF12345", NOON)
    late = await expire(sessions, await order(sessions, want(high)))
    await pay(sessions, late)


async def test_a_busy_station_adds_up(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    await busy_station(database.writing)
    found = await findings(database_url, tmp_path)
    assert {what: finding.ok for what, finding in found.items()} == dict.fromkeys(
        (
            "files",
            "ledger",
            "orders",
            "refunds",
            "books",
            "stock",
            "held",
            "jobs",
            "photos",
            "audit",
        ),
        True,
    ), found


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE ledger_entries SET amount_fen = amount_fen + 1 WHERE id = 1", "ledger"),
        ("DELETE FROM ledger_entries WHERE id = 2", "ledger"),
        ("UPDATE stock SET on_hand = on_hand + 1 WHERE product_id = 2", "stock"),
        ("DELETE FROM stock_movements WHERE product_id = 1", "stock"),
        ("UPDATE stock SET held = held + 1 WHERE product_id = 1", "held"),
        ("UPDATE hold_lines SET quantity = quantity + 1 WHERE hold_id = 1", "held"),
        ("UPDATE line_up_items SET allotment_left = allotment_left + 1", "held"),
        ("UPDATE orders SET state = 'cancelled' WHERE state = 'unpaid'", "held"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_was_tampered_with_is_named(
    database: Database, database_url: str, tmp_path: Path, statement: str, what: str
) -> None:
    await busy_station(database.writing)
    async with database.writing.begin() as session:
        await session.execute(text(statement))
    found = await findings(database_url, tmp_path)
    assert [name for name, finding in found.items() if not finding.ok] == [what]


async def test_a_job_that_nobody_does_is_named(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with database.writing.begin() as session:
        outbox.add(session, "shop.route_order", NOON, order_id=1)
    (job,) = await jobs(database.writing)
    assert (await findings(database_url, tmp_path, NOON + LATE))["jobs"].ok
    late = (await findings(database_url, tmp_path, NOON + LATE + timedelta(seconds=1)))["jobs"]
    assert (late.ok, late.text) == (False, f"jobs that keep failing: {job.id}")
