"""What `xiangbo doctor` looks at: a sound station passes, and each tampering is named."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from catalog import outbox
from catalog.db import Database, Sessions
from catalog.models import Photo, PhotoState
from shop import work_steps
from shop.doctor import examine, examine_nightly, watch
from shop.examine.finding import Fault, Finding
from shop.examine.work import LATE
from shop.holding import Wanted
from shop.models import Payment, PaymentState, Refund, RefundState, Trouble
from shop.troubles import TroubleKind
from tests.making import NOON, act, make_live_show
from tests.shop.sales import (
    expire,
    hold,
    is_paid,
    jobs,
    link_to,
    order,
    pay,
    second_payment,
    settle_as,
    staff,
    two_workshops,
    want,
)
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
                await work_steps.decline(session, act(by), part.id, "木头裂了", NOON)
                continue
            await work_steps.accept(session, act(by), part.id, NOON)
            await work_steps.ship(session, act(by), part.id, "顺丰", "SF12345", NOON)
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
    ("statement", "faults"),
    [
        (
            "UPDATE ledger_entries SET amount_fen = amount_fen + 1 WHERE id = 1",
            {
                "ledger": "postings that do not balance: 1",
                "books": "orders whose ledger does not: 3",
            },
        ),
        (
            "DELETE FROM ledger_entries WHERE id = 2",
            {"ledger": "postings that do not balance: 1"},
        ),
        (
            "DELETE FROM ledger_entries WHERE posting_id = 2",
            {"books": "orders whose ledger does not: 3"},
        ),
        (
            "UPDATE stock SET on_hand = on_hand + 1 WHERE product_id = 2",
            {"stock": "products that do not agree: 2"},
        ),
        (
            "DELETE FROM stock_movements WHERE product_id = 1",
            {"stock": "products that do not agree: 1"},
        ),
        (
            "UPDATE stock SET held = held + 1 WHERE product_id = 1",
            {"held": "products that do not: 1"},
        ),
        (
            "UPDATE hold_lines SET quantity = quantity + 1 WHERE hold_id = 1",
            {"held": "products that do not: 1, 2"},
        ),
        (
            "UPDATE line_up_items SET allotment_left = allotment_left + 1",
            {"held": "products that do not: 1"},
        ),
        (
            "UPDATE orders SET state = 'cancelled' WHERE state = 'unpaid'",
            {"held": "products that do not: 1"},
        ),
        (
            "UPDATE payments SET kept = (1 = 0) WHERE order_id = 3",
            {"orders": "orders that do not agree with their payments: 3"},
        ),
        (
            "UPDATE orders SET state = 'unpaid', paid_at = NULL WHERE id = 3",
            {"orders": "orders that do not agree with their payments: 3"},
        ),
        (
            "UPDATE payments SET amount_fen = amount_fen - 1 WHERE order_id = 3",
            {
                "orders": "orders that do not agree with their payments: 3",
                "books": "orders whose ledger does not: 3",
            },
        ),
        (
            "UPDATE refunds SET amount_fen = 100000000",
            {
                "refunds": "payments that give back too much: 3",
                "books": "orders whose ledger does not: 3",
            },
        ),
        ("DELETE FROM refunds", {"books": "orders whose ledger does not: 3"}),
        (
            "UPDATE audit_entries SET channel = 'api' WHERE seq = 2",
            {"audit": "stations whose chain is broken: 1"},
        ),
        (
            "UPDATE photos SET state = 'failed' WHERE product_id = 2",
            {},
        ),
    ],
)
async def test_what_was_tampered_with_is_named(
    database: Database, database_url: str, tmp_path: Path, statement: str, faults: dict[str, str]
) -> None:
    await busy_station(database.writing)
    async with database.writing.begin() as session:
        await session.execute(text(statement))
    found = await findings(database_url, tmp_path)
    assert {name: each.text for name, each in found.items() if not each.ok} == faults


async def test_an_order_with_two_kept_payments_is_named(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    sessions = database.writing
    low, _ = await two_workshops(sessions)
    placed = await pay(sessions, await order(sessions, want(low)))
    twice = await second_payment(sessions, placed)
    async with sessions.begin() as session:
        row = await session.get_one(Payment, twice.id)
        row.state, row.kept = PaymentState.SUCCEEDED, True
    found = await findings(database_url, tmp_path)
    assert [name for name, finding in found.items() if not finding.ok] == ["orders", "books"]


async def test_money_that_came_twice_and_went_back_adds_up(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Also when the way back failed: it is still owed."""
    sessions = database.writing
    low, _ = await two_workshops(sessions)
    placed = await pay(sessions, await order(sessions, want(low)))
    twice = await second_payment(sessions, placed)
    await settle_as(sessions, twice, is_paid(twice))
    for state in (RefundState.SUCCEEDED, RefundState.FAILED):
        async with sessions.begin() as session:
            [refund] = await session.scalars(select(Refund))
            refund.state = state
        found = await findings(database_url, tmp_path)
        assert all(finding.ok for finding in found.values()), found


async def test_a_job_that_nobody_does_is_named(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with database.writing.begin() as session:
        outbox.add(session, "shop.route_order", NOON, order_id=1)
    (job,) = await jobs(database.writing)
    assert (await findings(database_url, tmp_path, NOON + LATE))["jobs"].ok
    late = (await findings(database_url, tmp_path, NOON + LATE + timedelta(seconds=1)))["jobs"]
    assert (late.ok, late.text) == (False, f"jobs that keep failing: {job.id}")


async def test_a_head_that_was_kept_shows_a_chain_made_anew(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    await busy_station(database.writing)
    settings = settings_for(database_url, tmp_path)
    _, kept = await examine(settings, NOON)
    [(slug, (entries, digest))] = kept.items()
    assert (slug, entries > 3, len(digest)) == ("zhongxing", True, 64)
    again, _ = await examine(settings, NOON, kept)
    assert all(finding.ok for finding in again)
    other, _ = await examine(settings, NOON, {slug: (2, digest)})
    assert [finding.what for finding in other if not finding.ok] == ["audit"]
    [fault] = next(finding for finding in other if finding.what == "audit").faults
    assert fault.text == "第 2 条操作记录和留存的指纹不一样。"


def test_many_faults_are_named_in_one_line() -> None:
    faults = [Fault(1, f"product:{number}", "") for number in range(23)]
    finding = Finding("stock", "", "odd", TroubleKind.STOCK_MISMATCH, faults)
    assert finding.text == f"odd: {', '.join(map(str, range(20)))} and 3 more"


async def open_troubles(database: Database) -> list[tuple[str, str, str]]:
    async with database.reading() as session:
        query = select(Trouble).where(Trouble.closed_at.is_(None)).order_by(Trouble.id)
        return [(row.kind, row.subject, row.text) for row in await session.scalars(query)]


async def test_the_desk_is_told_every_night_and_what_is_right_again_is_closed(
    database: Database,
) -> None:
    sessions = database.writing
    await busy_station(sessions)
    await examine_nightly(database, NOON)
    assert await open_troubles(database) == []
    async with sessions.begin() as session:
        outbox.add(session, "shop.route_order", NOON - timedelta(hours=1), order_id=1)
        for change in (
            "UPDATE stock SET held = held + 1 WHERE product_id = 1",
            "UPDATE ledger_entries SET amount_fen = amount_fen + 250 WHERE id = 1",
            "UPDATE audit_entries SET channel = 'api' WHERE seq = 2",
        ):
            await session.execute(text(change))
    for _ in range(2):
        await examine_nightly(database, NOON)
        job = (await jobs(sessions, "shop.route_order"))[-1]
        told = await open_troubles(database)
        assert {(kind, subject) for kind, subject, _ in told} == {
            ("stock_mismatch", "product:1"),
            ("ledger_mismatch", "posting:1"),
            ("ledger_mismatch", "order:3"),
            ("audit_broken", "station:1"),
            ("job_failing", f"job:{job.id}"),
        }
    texts = [text for *_, text in told]
    assert "第 2 条操作记录被改过。" in texts
    assert any(text.endswith("两边差 ¥2.50。") for text in texts)
    async with sessions.begin() as session:
        await outbox.take(session, job.id)
        await session.execute(text("UPDATE stock SET held = held - 1 WHERE product_id = 1"))
    await watch(database, NOON)
    assert {kind for kind, _, _ in await open_troubles(database)} == {
        "stock_mismatch",
        "ledger_mismatch",
        "audit_broken",
    }
    await examine_nightly(database, NOON)
    assert {kind for kind, _, _ in await open_troubles(database)} == {
        "ledger_mismatch",
        "audit_broken",
    }


async def test_a_photo_that_can_not_be_read_is_told_until_it_is_taken_down(
    database: Database,
) -> None:
    low, _ = await two_workshops(database.writing)
    photo = Photo(
        station_id=low.station_id,
        product_id=low.id,
        state=PhotoState.FAILED,
        folder="x",
        original_key="x",
        width=1,
        height=1,
        created_at=NOON,
    )
    async with database.writing.begin() as session:
        session.add(photo)
    await watch(database, NOON)
    told = [("photo_failed", f"product:{low.id}", f"{low.name}有 1 张照片处理不了，买家看不到。")]
    assert await open_troubles(database) == told
    async with database.writing.begin() as session:
        await session.delete(await session.get_one(Photo, photo.id))
    await watch(database, NOON)
    assert await open_troubles(database) == []
