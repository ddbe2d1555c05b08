"""Notices on their way, to a real server that takes them, refuses, is slow, or is not there."""

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import select, update

from catalog import outbox
from catalog.db import Database, Sessions
from catalog.models import Workshop
from shop.context import Shop
from shop.models import Notice, Waiter
from shop.notices import SEND_JOB, Event, tell_buyer, tell_staff, tell_waiter
from shop.sending import CLAIMED, MOST_TRIES, NO_CHANNEL, NO_NUMBER, NOT_TAKEN, send_notice
from tests.making import BUYER, NOON, make_product
from tests.serving import free_port
from tests.shop.mailbox import Mailbox, mailbox, shop_with
from tests.shop.sales import jobs, order, want

PHONE = BUYER["phone"]
PATH = f"/sms/{PHONE}"
SECRET = "s3cr3t"


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as open_box:
        yield open_box


async def declined(sessions: Sessions) -> int:
    """A notice to a buyer that somebody must hear of; its id."""
    placed = await order(sessions, want(await make_product(sessions)))
    async with sessions.begin() as session:
        told = {"piece": "福字圆挂", "amount": "¥276"}
        tell_buyer(session, Event.DECLINED, placed, NOON, cause="work_order:1", **told)
    return (await notices(sessions))[0].id


async def notices(sessions: Sessions) -> list[Notice]:
    async with sessions() as session:
        return list(await session.scalars(select(Notice).order_by(Notice.id)))


async def hand_over(shop: Shop, now: datetime) -> int:
    """What relay and worker do: every due job is handed over, and done."""
    async with shop.database.writing.begin() as session:
        due = await outbox.due(session, now)
    for job in due:
        await send_notice(shop, job.id, job.args["notice_id"], now)
    return len(due)


async def calls(sessions: Sessions) -> int:
    return sum(notice.done_at is None for notice in await notices(sessions))


async def test_a_buyer_gets_the_words_and_the_address_of_the_order(
    database: Database, box: Mailbox
) -> None:
    sessions, shop = database.writing, shop_with(database, box.address)
    placed = await order(sessions, want(await make_product(sessions)))
    async with sessions.begin() as session:
        told = {"piece": "福字圆挂", "carrier": "顺丰", "tracking": "SF1234567"}
        tell_buyer(session, Event.SHIPPED, placed, NOON, cause="work_order:1", **told)
    (job,) = await jobs(sessions, SEND_JOB)
    later = NOON + timedelta(seconds=2)
    assert await hand_over(shop, later) == 1
    text = f"您订的福字圆挂寄出了：顺丰 SF1234567。 https://shop.example.org/o/{placed.token}"
    assert box.came == [(PATH, text)]
    (sent,) = await notices(sessions)
    assert (sent.sent_at, sent.channel, sent.problem) == (later, "json", "")
    assert await jobs(sessions, SEND_JOB) == []
    await send_notice(shop, job.id, sent.id, later)
    assert len(box.came) == 1


async def test_too_long_words_are_cut_and_the_address_is_whole(
    database: Database, box: Mailbox
) -> None:
    sessions, shop = database.writing, shop_with(database, box.address)
    placed = await order(sessions, want(await make_product(sessions)))
    async with sessions.begin() as session:
        told = {"code": placed.code, "answer": "长" * 200}
        tell_buyer(session, Event.ANSWERED, placed, NOON, cause="request:1", **told)
    await hand_over(shop, NOON)
    ((_, text),) = box.came
    assert len(text) == 200
    assert text.endswith(f"长 https://shop.example.org/o/{placed.token}")


async def test_who_waits_gets_the_address_of_the_place_in_line(
    database: Database, box: Mailbox
) -> None:
    sessions, shop = database.writing, shop_with(database, box.address)
    product = await make_product(sessions)
    async with sessions.begin() as session:
        waiter = Waiter(
            station_id=product.station_id,
            product_id=product.id,
            token="a-place",
            phone="13900139000",
            created_at=NOON,
        )
        session.add(waiter)
        await session.flush()
        tell_waiter(session, Event.YOUR_TURN, waiter, NOON, piece="福字圆挂", until="12:15")
    assert await calls(sessions) == 1
    await hand_over(shop, NOON)
    text = "您等的“福字圆挂”轮到您了，给您留到 12:15。 https://shop.example.org/line/a-place"
    assert box.came == [("/sms/13900139000", text)]
    assert await calls(sessions) == 0


async def test_the_station_has_an_address_of_its_own(database: Database, box: Mailbox) -> None:
    sessions = database.writing
    shop = shop_with(database, f"staff=json://127.0.0.1:{box.port}/group")
    await declined(sessions)
    station_id = (await notices(sessions))[0].station_id
    async with sessions.begin() as session:
        tell_staff(session, Event.TROUBLE, station_id, NOON, title="退款", text="没有退成。")
    await hand_over(shop, NOON)
    # The buyer's notice never goes to the group.
    assert box.came == [("/group", "退款：没有退成。")]


@pytest.mark.parametrize("fault", ["refuses", "slow", "dead"])
async def test_what_nobody_takes_becomes_a_call_with_its_reason(
    database: Database, box: Mailbox, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sessions = database.writing
    address = box.address.replace("/sms/", f"/{SECRET}/sms/")
    if fault == "refuses":
        box.status = 500
    elif fault == "slow":
        box.wait_seconds = 1
    else:
        address = address.replace(str(box.port), str(free_port()))
    shop = shop_with(database, address)
    await declined(sessions)
    now = NOON
    for n in range(MOST_TRIES):
        assert await calls(sessions) == 1
        assert (await notices(sessions))[0].problem == ""
        assert await hand_over(shop, now) == 1
        now += outbox.retry_after(n)
    (kept,) = await notices(sessions)
    assert (kept.sent_at, kept.problem, kept.channel, kept.done_at) == (
        None,
        NOT_TAKEN,
        "call",
        None,
    )
    assert now - NOON == timedelta(seconds=30 + 60 + 120 + 240)
    assert (await calls(sessions), await jobs(sessions, SEND_JOB)) == (1, [])
    assert len(box.came) == (0 if fault == "dead" else MOST_TRIES)
    assert not [one for one in caplog.messages if PHONE in one or SECRET in one]


async def test_the_next_channel_takes_what_the_first_does_not(
    database: Database, box: Mailbox
) -> None:
    sessions = database.writing
    dead = f"json://127.0.0.1:{free_port()}/{{phone}}"
    shop = shop_with(database, dead, box.address, box.address)
    await declined(sessions)
    await hand_over(shop, NOON)
    assert [path for path, _ in box.came] == [PATH]
    assert (await notices(sessions))[0].sent_at == NOON


async def test_an_address_that_no_service_has_is_a_call(database: Database, box: Mailbox) -> None:
    sessions, shop = database.writing, shop_with(database, "carrierpigeon://coop/{phone}")
    await declined(sessions)
    for minute in (0, 1, 3, 8):
        await hand_over(shop, NOON + timedelta(minutes=minute))
    assert (await notices(sessions))[0].problem == NOT_TAKEN


async def test_where_there_is_no_mobile_number_nothing_is_tried(
    database: Database, box: Mailbox
) -> None:
    sessions, shop = database.writing, shop_with(database, box.address)
    product = await make_product(sessions)
    async with sessions.begin() as session:
        await session.execute(update(Workshop).values(phone="0937-1234567"))
        session.add(
            Notice(
                station_id=product.station_id,
                kind=Event.NEW_WORK,
                workshop_id=product.workshop_id,
                text="有新工单：福字圆挂 ×1",
                created_at=NOON,
            )
        )
    assert await hand_over(shop, NOON) == 1
    assert (await notices(sessions))[0].problem == NO_NUMBER
    assert (await calls(sessions), box.came, await jobs(sessions, SEND_JOB)) == (1, [], [])


async def test_a_channel_that_was_taken_out_of_the_settings_leaves_a_call(
    database: Database, box: Mailbox
) -> None:
    sessions = database.writing
    shop_with(database, box.address)
    await declined(sessions)
    await hand_over(shop_with(database), NOON)
    assert (await notices(sessions))[0].problem == NO_CHANNEL
    assert (await calls(sessions), await jobs(sessions, SEND_JOB)) == (1, [])


async def test_who_was_called_meanwhile_gets_no_message(database: Database, box: Mailbox) -> None:
    sessions, shop = database.writing, shop_with(database, box.address)
    await declined(sessions)
    async with sessions.begin() as session:
        await session.execute(update(Notice).values(done_at=NOON))
    await hand_over(shop, NOON)
    assert (box.came, await jobs(sessions, SEND_JOB)) == ([], [])


async def test_a_run_that_died_is_taken_up_when_its_claim_is_over(
    database: Database, box: Mailbox
) -> None:
    sessions, shop = database.writing, shop_with(database, box.address)
    notice_id = await declined(sessions)
    (job,) = await jobs(sessions, SEND_JOB)
    async with sessions.begin() as session:
        row = await session.merge(job)
        row.args = {**row.args, "claimed": int(NOON.timestamp())}
    await send_notice(shop, job.id, notice_id, NOON + CLAIMED - timedelta(seconds=1))
    assert box.came == []
    await send_notice(shop, job.id, notice_id, NOON + CLAIMED)
    assert len(box.came) == 1


async def send_naively(shop: Shop, box: Mailbox, notice_id: int) -> None:
    """As it must not be done: look, send, write."""
    async with shop.database.reading() as session:
        notice = await session.get_one(Notice, notice_id)
    if notice.sent_at is not None:
        return
    async with httpx.AsyncClient() as client:
        content = json.dumps({"message": notice.text})
        await client.post(f"http://127.0.0.1:{box.port}{PATH}", content=content)
    async with shop.database.writing.begin() as session:
        (await session.get_one(Notice, notice_id)).sent_at = NOON


@pytest.mark.parametrize(("naive", "came"), [(True, 2), (False, 1)])
async def test_of_two_runs_of_one_job_only_one_sends(
    database: Database, database_url: str, box: Mailbox, naive: bool, came: int
) -> None:
    sessions, shop = database.writing, shop_with(database, box.address)
    elsewhere = Database.connect(database_url)
    other = shop_with(elsewhere, box.address)
    box.wait_seconds = 0.2
    notice_id = await declined(sessions)
    (job,) = await jobs(sessions, SEND_JOB)
    runs = [
        send_naively(one, box, notice_id) if naive else send_notice(one, job.id, notice_id, NOON)
        for one in (shop, other)
    ]
    await asyncio.gather(*runs)
    await elsewhere.close()
    assert len(box.came) == came
    assert (await notices(sessions))[0].sent_at == NOON
