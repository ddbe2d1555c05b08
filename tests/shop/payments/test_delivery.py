"""Events find the shop: once, twice, late, early, never, and after everything fell over."""

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shop.payments.gateway import GatewayRefused, RefundRequest, RefundState, SessionState
from shop.payments.rehearsal.store import Store

ROOT = Path(__file__).parents[3]


async def refund_of(till, behaviour: str):
    paid = await till.paid(behaviour=behaviour)
    return await till.gateway.refund(RefundRequest(paid.intent_id, 12_800, "refund-1", 41))


async def waiting(till) -> int:
    """How many events are still to be delivered."""
    listed = (await till.api("GET", "/v1/events")).json()["data"]
    return sum(event["pending_webhooks"] for event in listed)


async def all_delivered(till) -> None:
    async with asyncio.timeout(15):
        while await waiting(till):  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.01)


async def test_twice_is_the_same_event_again(till) -> None:
    paid = await till.paid(behaviour="twice")
    first, second = await till.told(2)
    assert first == second
    assert first.session == paid
    await all_delivered(till)
    assert len(till.door.heard) == 2


async def test_late_is_after_the_redirect(till) -> None:
    paid = await till.paid(behaviour="late")
    assert paid.state is SessionState.COMPLETE
    assert till.door.heard == []
    await till.later(seconds=5)
    (event,) = await till.told(1)
    assert event.session == paid


async def test_early_is_before_the_redirect(till) -> None:
    opened = await till.opened()
    await till.pay(opened, behaviour="early")
    (event,) = till.door.events(till.gateway)
    assert event.session.id == opened.id
    assert await waiting(till) == 0


async def test_early_and_refused_is_tried_again(till) -> None:
    till.door.answers = [500]
    await till.paid(behaviour="early")
    assert len(till.door.heard) == 1
    await till.later(seconds=1)
    await till.told(2)
    await all_delivered(till)


async def test_silence_leaves_it_to_be_found_out(till) -> None:
    opened = await till.opened("key-1")
    answer = await till.pay(opened, behaviour="silent")
    assert (answer.status_code, "不回话" in answer.text) == (200, True)
    assert (await till.gateway.fetch_session(opened.id)).paid is True
    assert len((await till.api("GET", "/v1/events")).json()["data"]) == 1
    await till.paid("key-2")
    (event,) = await till.told(1)
    assert event.session.id != opened.id
    await till.later(hours=1)
    assert await waiting(till) == 0


async def test_a_refund_may_be_refused(till) -> None:
    with pytest.raises(GatewayRefused, match="rehearsal of a refused refund"):
        await refund_of(till, "refuse_refund")


@pytest.mark.parametrize(
    ("behaviour", "kind", "state"),
    [
        ("refund_later", "refund.updated", RefundState.SUCCEEDED),
        ("refund_fails", "refund.failed", RefundState.FAILED),
    ],
)
async def test_a_refund_may_take_its_time(till, behaviour, kind, state) -> None:
    refund = await refund_of(till, behaviour)
    assert refund.state is RefundState.PENDING
    assert len((await till.api("GET", "/v1/events")).json()["data"]) == 2
    await till.later(seconds=6)
    *_, event = await till.told(3)
    assert event.type == kind
    assert event.refund == replace(refund, state=state)
    assert await till.gateway.fetch_refund(refund.id) == event.refund


async def test_a_door_that_answers_badly_is_knocked_at_again(till) -> None:
    till.door.answers = [500, 404, 302]
    await till.paid()
    for knocks in range(1, 4):
        await till.told(knocks)
        await till.later(seconds=10)
    events = await till.told(4)
    assert len({event.id for event in events}) == 1
    await all_delivered(till)
    assert len(till.door.heard) == 4


async def test_a_door_that_never_opens_is_given_up_on(till) -> None:
    till.door.answers = [500] * 100
    await till.paid()
    for knocks in range(1, 16):
        await till.knocked(knocks)
        await till.later(seconds=60)
    await all_delivered(till)
    assert len(till.door.heard) == 15


async def test_a_hundred_events_all_arrive(till) -> None:
    sessions = await asyncio.gather(*(till.opened(f"key-{n}") for n in range(100)))
    await asyncio.gather(*(till.pay(session) for session in sessions))
    events = await till.told(100)
    assert {event.session.id for event in events} == {session.id for session in sessions}
    await all_delivered(till)
    assert len(till.door.heard) == 100


async def test_a_restart_keeps_sessions_answers_and_undelivered_events(unserved, serve) -> None:
    till = unserved
    till.door.answers = [500]
    until = till.clock() + timedelta(minutes=31)
    async with serve(till.config):
        opened = await till.opened("key-1", expires_at=until)
        paid = await till.paid("key-2")
        await till.told(1)
    async with serve(till.config):
        assert await till.opened("key-1", expires_at=until) == opened
        assert await till.gateway.fetch_session(paid.id) == paid
        first, second = await till.told(2)
        assert first == second
        await all_delivered(till)


def start(till, port: int) -> subprocess.Popen:
    config = till.config
    base_url = f"http://127.0.0.1:{port}"
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.shop.payments.serve_rehearsal",
            str(port),
            config.store_path,
            config.api_key,
            config.webhook_url,
            config.webhook_secret,
            base_url,
        ],
        cwd=ROOT,
    )


async def test_what_was_answered_survives_a_kill(unserved, port, serve, listening) -> None:
    """Killed with the payment taken and the shop told by nobody."""
    till = unserved
    till.door.answers = [500] * 3
    process = start(till, port)
    try:
        await listening(port)
        direct = replace(till.config, base_url=f"http://127.0.0.1:{port}")
        till.gateway = till.gateway_at(direct.base_url)
        opened = await till.opened("key-1")
        paid = await till.paid("key-2")
        process.send_signal(signal.SIGKILL)
        process.wait()
        await till.gateway.aclose()
    finally:
        process.kill()
        process.wait()
    till.gateway = till.gateway_at(till.base_url)
    till.door.answers = []
    till.clock.advance(seconds=31)  # what the dead process had claimed is free again
    async with serve(till.config):
        assert (await till.gateway.fetch_session(opened.id)).state is SessionState.OPEN
        assert await till.gateway.fetch_session(paid.id) == paid
        await until_told_of(till, paid.id)
        await till.gateway.aclose()


async def until_told_of(till, session_id: str) -> None:
    async with asyncio.timeout(15):
        while session_id not in {e.session.id for e in till.door.events(till.gateway)}:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_two_processes_share_a_store(till, listening, free) -> None:
    """What one began the other goes on with, and each event is delivered by one of them."""
    port = free()
    process = start(till, port)
    try:
        await listening(port)
        other = till.gateway_at(f"http://127.0.0.1:{port}")
        requests = [till.request(f"key-{n}") for n in range(40)]
        here = await asyncio.gather(*(till.gateway.create_session(r) for r in requests))
        there = await asyncio.gather(*(other.create_session(r) for r in requests))
        assert [s.id for s in here] == [s.id for s in there]
        pages = [
            f"{base}/pay/{session.id}"
            for session in here
            for base in (till.base_url, f"http://127.0.0.1:{port}")
        ]
        answers = await asyncio.gather(*(till.browser.post(page) for page in pages))
        taken = [a for a in answers if a.headers.get("location", "").startswith("http:")]
        assert len(taken) == 40
        await till.told(40)
        await all_delivered(till)
        assert len(till.door.heard) == 40
        await other.aclose()
    finally:
        process.terminate()
        process.wait()


async def test_many_processes_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    script = "import sys; from pathlib import Path; from shop.payments.rehearsal.store import Store"
    script += "; Store(Path(sys.argv[1])).close()"
    opening = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", script, path) for _ in range(6)
    ]
    assert [await process.wait() for process in opening] == [0] * 6
    Store(path).close()
