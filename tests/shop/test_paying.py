"""Talking to the gateway: the rehearsal service over real HTTP, which may be away or silent."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import delete, func, select

from catalog.db import Database, Sessions
from catalog.errors import NotFound, OutOfStock
from catalog.models import Job
from shop import work_steps
from shop.buying import hold_pieces
from shop.context import Shop
from shop.errors import PaymentUnavailable, PieceHeld, WrongOrderState
from shop.models import (
    Order,
    OrderState,
    Payment,
    PaymentState,
    Posting,
    Refund,
    RefundState,
    WebhookEvent,
)
from shop.paying import (
    MOST_IN_VAIN,
    close_dead_orders,
    close_payment,
    hear_of_payment,
    look_at_payment,
    open_payment,
    send_refund,
    sweep,
)
from shop.payments import wire
from shop.payments.gateway import (
    GatewayEvent,
    GatewayRefund,
    GatewaySession,
    GatewayUnavailable,
    RefundRequest,
    SessionRequest,
    SessionState,
)
from shop.payments.gateway import RefundState as GatewayRefundState
from shop.payments.rehearsal.config import RehearsalConfig
from shop.payments.stripe_gateway import StripeGateway
from shop.settle import REFUND_JOB, ROUTE_JOB
from shop.sheet import PaymentSheet
from shop.webhooks import EVENT_JOB, OURS, Kept, Signed, keep_events, read_event, take_event
from tests.making import NOON, act, make_product
from tests.serving import free_port
from tests.shop.payments.conftest import API_KEY, SECRET, mounted, serving
from tests.shop.sales import (
    GATEWAY,
    entries,
    figures,
    hear,
    hold,
    is_expired,
    is_paid,
    jobs,
    look,
    order,
    refunds,
    shop_of,
    staff,
    tell,
    two_workshops,
    want,
)

DEAD = NOON + timedelta(minutes=34)
"""When the pieces of an order of noon have waited long enough for their money."""


@dataclass
class Till:
    """The rehearsal service at a time of its own; it answers while `open` is entered."""

    config: RehearsalConfig
    gateway: StripeGateway
    open: Callable[[], AbstractAsyncContextManager[None]]
    browser: httpx.AsyncClient
    times: list[datetime] = field(default_factory=lambda: [NOON])

    def at(self, now: datetime) -> datetime:
        self.times[:] = [now]
        return now

    async def pay(self, url: str, behaviour: str = "silent") -> None:
        answer = await self.browser.post(url, data={"behaviour": behaviour})
        assert answer.status_code in (200, 303), answer.text


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[Till]:
    port = free_port()
    times = [NOON]
    config = RehearsalConfig(
        store_path=tmp_path / "rehearsal.sqlite3",
        api_key=API_KEY,
        webhook_url=f"http://127.0.0.1:{free_port()}/webhooks/stripe",
        webhook_secret=SECRET,
        base_url=f"http://127.0.0.1:{port}/rehearsal",
        clock=lambda: times[0],
    )
    gateway = StripeGateway(API_KEY, SECRET, base_url=config.base_url, name=GATEWAY)
    async with httpx.AsyncClient(trust_env=False) as browser:
        yield Till(config, gateway, lambda: serving(mounted(config), port), browser, times)
    await gateway.aclose()


@pytest.fixture
def shop(database: Database, till: Till) -> Shop:
    return shop_of(database, till.gateway)


async def opened(shop: Shop, sessions: Sessions, quantity: int = 1) -> tuple[Order, str]:
    """An order of a new product with an open session."""
    product = await make_product(sessions)
    placed = await order(sessions, want(product, quantity))
    return placed, await open_payment(shop, await look(sessions, placed))


async def held_of(sessions: Sessions, placed: Order) -> list[tuple[int, int]]:
    return await figures(sessions, placed.work_orders[0].lines[0].product)


async def test_a_payment_is_opened_once(shop: Shop, sessions: Sessions, till: Till) -> None:
    async with till.open():
        placed, url = await opened(shop, sessions)
        again = await look(sessions, placed)
        assert (again.payments[0].pay_url, again.payments[0].session_id) == (
            url,
            url.rpartition("/")[2],
        )
        assert await open_payment(shop, again) == url
        # As in a second request that began before the first one wrote its answer.
        assert await open_payment(shop, placed) == url
        session = await till.gateway.fetch_session(again.payments[0].session_id or "")
    assert (session.amount_fen, session.payment_id) == (27600, placed.payments[0].id)


async def test_a_gateway_that_is_away_loses_nothing(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    placed = await order(sessions, want(await make_product(sessions)))
    with pytest.raises(PaymentUnavailable):
        await open_payment(shop, placed)
    again = await look(sessions, placed)
    assert (again.state, again.payments[0].state) == (OrderState.UNPAID, PaymentState.OPEN)
    assert (again.payments[0].session_id, again.payments[0].pay_url) == (None, "")
    till.at(NOON + timedelta(minutes=30))
    async with till.open():
        assert await open_payment(shop, again)


async def test_a_payment_that_is_over_is_not_opened(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        placed, _ = await opened(shop, sessions)
        await close_payment(shop, placed.payments[0].id, DEAD)
    with pytest.raises(WrongOrderState):
        await open_payment(shop, await look(sessions, placed))


async def test_a_silent_payment_is_found_by_asking(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        placed, url = await opened(shop, sessions)
        assert await look_at_payment(shop, placed.payments[0].id, NOON) == "unpaid"
        assert not await hear_of_payment(shop, await look(sessions, placed), NOON)
        await till.pay(url)
        assert await look_at_payment(shop, placed.payments[0].id, NOON) == "paid"
    # Known now: nobody is asked.
    assert await look_at_payment(shop, placed.payments[0].id, NOON) == "paid"
    assert await hear_of_payment(shop, await look(sessions, placed), NOON)
    done = await look(sessions, placed)
    assert done.payments[0].intent_id is not None
    assert len(await entries(sessions)) == 3


async def test_asking_a_gateway_that_is_away_changes_nothing(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        placed, _ = await opened(shop, sessions)
    with pytest.raises(GatewayUnavailable):
        await look_at_payment(shop, placed.payments[0].id, NOON)
    assert not await hear_of_payment(shop, await look(sessions, placed), NOON)
    with pytest.raises(GatewayUnavailable):
        await close_payment(shop, placed.payments[0].id, DEAD)
    assert (await look(sessions, placed)).state == OrderState.UNPAID
    assert await held_of(sessions, placed) == [(3, 1)]
    with pytest.raises(NotFound):
        await look_at_payment(shop, 10**6, NOON)


async def test_closing_an_open_payment_expires_it_there_and_here(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        placed, url = await opened(shop, sessions)
        for _ in range(2):
            assert await close_payment(shop, placed.payments[0].id, DEAD) == "expired"
        assert (await till.browser.post(url, data={})).status_code == 410
    assert await held_of(sessions, placed) == [(3, 0)]


async def test_closing_a_payment_that_was_paid_meanwhile_keeps_the_money(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        placed, url = await opened(shop, sessions)
        await till.pay(url)
        assert await close_payment(shop, placed.payments[0].id, DEAD) == "paid"
    assert await held_of(sessions, placed) == [(3, 1)]
    assert len(await entries(sessions)) == 3


async def session_without_name(shop: Shop, till: Till, placed: Order) -> GatewaySession:
    """A session that was made, whose maker died before writing down its name."""
    made = await till.gateway.create_session(
        SessionRequest(
            payment_id=placed.payments[0].id,
            order_code=placed.code,
            amount_fen=placed.total_fen,
            description=f"乡播订单 {placed.code}",
            success_url=f"{shop.public_url}/o/{placed.token}/paid",
            cancel_url=f"{shop.public_url}/o/{placed.token}",
            expires_at=placed.expires_at + timedelta(minutes=30),
            idempotency_key=f"payment-{placed.payments[0].id}",
        )
    )
    assert (made.state, made.url) == (SessionState.OPEN, till.config.pay_url(made.id))
    return made


async def test_a_session_whose_name_was_never_written_is_found_by_its_key(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    placed = await order(sessions, want(await make_product(sessions)))
    async with till.open():
        made = await session_without_name(shop, till, placed)
        assert await open_payment(shop, placed) == made.url
    assert (await look(sessions, placed)).payments[0].session_id == made.id


async def test_a_nameless_session_is_expired_before_its_pieces_are_freed(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    product = await make_product(sessions)
    dead = await order(sessions, want(product))
    paid = await order(sessions, want(product))
    never = await order(sessions, want(product))
    async with till.open():
        made = await session_without_name(shop, till, dead)
        other = await session_without_name(shop, till, paid)
        await till.pay(other.url or "")
        assert await close_dead_orders(shop, till.at(DEAD)) == 3
        assert (await till.gateway.fetch_session(made.id)).state == SessionState.EXPIRED
    states = [(await look(sessions, one)).state for one in (dead, paid, never)]
    assert states == ["expired", "paid", "expired"]
    assert await figures(sessions, product) == [(3, 1)]


async def test_the_sweep_closes_exactly_what_is_dead(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    product, other = await two_workshops(sessions)
    async with till.open():
        dead = await order(sessions, want(product))
        young = await order(sessions, want(product), now=NOON + timedelta(seconds=1))
        elsewhere = await order(sessions, want(other))
        await hold(sessions, want(other))
        for one in (dead, young, elsewhere):
            await open_payment(shop, one)
        assert await sweep(shop, NOON) == 0
        assert await close_dead_orders(shop, DEAD - timedelta(microseconds=1)) == 0
        assert await close_dead_orders(shop, DEAD, product_id=product.id) == 1
        assert await figures(sessions, product, other) == [(3, 1), (3, 2)]
        assert await sweep(shop, DEAD) == 2
        assert await sweep(shop, DEAD) == 0
    states = [(await look(sessions, one)).state for one in (dead, young, elsewhere)]
    assert states == ["expired", "unpaid", "expired"]
    assert await figures(sessions, product, other) == [(3, 1), (3, 0)]


async def test_who_needs_the_piece_reclaims_a_dead_order_at_once(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    product = await make_product(sessions, on_hand=1)
    async with till.open():
        dead = await order(sessions, want(product))
        await open_payment(shop, dead)
        with pytest.raises(PieceHeld):
            await hold_pieces(shop, (want(product),), "b2", DEAD - timedelta(seconds=1))
        await hold_pieces(shop, (want(product),), "b2", DEAD)
    assert (await look(sessions, dead)).state == OrderState.EXPIRED
    assert await figures(sessions, product) == [(1, 1)]


async def test_a_dead_order_stays_while_the_gateway_is_away_or_the_money_came(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    product = await make_product(sessions, on_hand=1)
    async with till.open():
        dead = await order(sessions, want(product))
        url = await open_payment(shop, dead)
        await till.pay(url)
    with pytest.raises(OutOfStock):
        await hold_pieces(shop, (want(product),), "b2", DEAD)
    assert (await look(sessions, dead)).state == OrderState.UNPAID
    async with till.open():
        with pytest.raises(OutOfStock):
            await hold_pieces(shop, (want(product),), "b2", DEAD)
    assert (await look(sessions, dead)).state == OrderState.PAID
    assert await figures(sessions, product) == [(1, 1)]


async def test_an_order_of_a_gateway_no_longer_set_up_keeps_nobody_else_waiting(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    product = await make_product(sessions)
    theirs, ours = await order(sessions, want(product)), await order(sessions, want(product))
    async with sessions.begin() as session:
        (await session.get_one(Payment, theirs.payments[0].id)).gateway = "stripe"
    async with till.open():
        assert await close_dead_orders(shop, till.at(DEAD)) == 1
    assert (await look(sessions, theirs)).state == OrderState.UNPAID
    assert (await look(sessions, ours)).state == OrderState.EXPIRED
    with pytest.raises(PaymentUnavailable):
        await open_payment(shop, await look(sessions, theirs))


async def test_a_sweep_does_not_wait_for_each_answer_of_a_gateway_that_is_away(
    database: Database,
) -> None:
    calls = 0

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.close()

    product = await make_product(database.writing, on_hand=9)
    for _ in range(5):
        await order(database.writing, want(product))
    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        gateway = StripeGateway(API_KEY, SECRET, base_url=f"http://127.0.0.1:{port}")
        assert await sweep(shop_of(database, gateway), DEAD) == 0
        await gateway.aclose()
    assert calls == 2 * MOST_IN_VAIN
    assert await figures(database.writing, product) == [(9, 5)]


async def test_a_wrong_key_frees_no_pieces(database: Database, till: Till) -> None:
    """Whoever may not ask does not know that there never was a session."""
    wrong = StripeGateway(f"{API_KEY}x", SECRET, base_url=till.config.base_url, name=GATEWAY)
    product = await make_product(database.writing)
    placed = await order(database.writing, want(product))
    async with till.open():
        with pytest.raises(GatewayUnavailable):
            await close_payment(shop_of(database, wrong), placed.payments[0].id, DEAD)
    await wrong.aclose()
    assert await figures(database.writing, product) == [(3, 1)]


async def declined(
    shop: Shop, sessions: Sessions, till: Till, behaviour: str
) -> tuple[Job, Refund]:
    """A refund to send, of an order paid in a way that says how refunds go."""
    placed, url = await opened(shop, sessions)
    await till.pay(url, behaviour)
    await look_at_payment(shop, placed.payments[0].id, NOON)
    part = (await look(sessions, placed)).work_orders[0]
    manager = act(await staff(sessions, part.lines[0].product))
    async with sessions.begin() as session:
        await work_steps.decline(session, manager, part.id, "木头裂了", NOON)
    (job,) = await jobs(sessions, REFUND_JOB)
    return job, (await refunds(sessions))[-1]


async def test_a_refund_is_sent_once(shop: Shop, sessions: Sessions, till: Till) -> None:
    async with till.open():
        job, refund = await declined(shop, sessions, till, "succeed")
        for _ in range(2):
            await send_refund(shop, job.id, refund.id, NOON)
            (done,) = await refunds(sessions)
            assert (done.state, done.done_at) == (RefundState.SUCCEEDED, NOON)
        told = await till.gateway.fetch_refund(done.gateway_id or "")
    assert told.amount_fen == 27600
    assert await jobs(sessions, REFUND_JOB) == []


async def test_a_refund_waits_for_a_gateway_that_is_away(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    async with till.open():
        job, refund = await declined(shop, sessions, till, "succeed")
    with pytest.raises(GatewayUnavailable):
        await send_refund(shop, job.id, refund.id, NOON)
    assert [one.id for one in await jobs(sessions, REFUND_JOB)] == [job.id]
    assert (await refunds(sessions))[0].state == RefundState.REQUESTED
    async with till.open():
        await send_refund(shop, job.id, refund.id, NOON)
    assert (await refunds(sessions))[0].state == RefundState.SUCCEEDED


async def test_a_refused_refund_stays_on_record(shop: Shop, sessions: Sessions, till: Till) -> None:
    async with till.open():
        job, refund = await declined(shop, sessions, till, "refuse_refund")
        await send_refund(shop, job.id, refund.id, NOON)
    (done,) = await refunds(sessions)
    assert (done.state, done.gateway_id, done.done_at) == (RefundState.FAILED, None, NOON)
    assert await jobs(sessions, REFUND_JOB) == []


def refund_event(name: str, told: GatewayRefund) -> GatewayEvent:
    return GatewayEvent(name, "refund.updated", None, told, NOON)


@pytest.mark.parametrize(
    ("behaviour", "end"), [("refund_later", "succeeded"), ("refund_fails", "failed")]
)
async def test_a_refund_that_takes_its_time_is_told_of_later(
    shop: Shop, sessions: Sessions, till: Till, behaviour: str, end: str
) -> None:
    later = NOON + timedelta(seconds=10)
    async with till.open():
        job, refund = await declined(shop, sessions, till, behaviour)
        await send_refund(shop, job.id, refund.id, NOON)
        (pending,) = await refunds(sessions)
        assert (pending.state, pending.done_at) == (RefundState.PENDING, None)
        assert await jobs(sessions, REFUND_JOB) == []
        before = await till.gateway.fetch_refund(pending.gateway_id or "")
        till.at(later)
        after = await till.gateway.fetch_refund(pending.gateway_id or "")
    for name, told in (("evt_2", after), ("evt_2", after), ("evt_1", before)):
        await hear(shop, refund_event(name, told), now=later)
        (done,) = await refunds(sessions)
        assert (done.state, done.done_at) == (end, later)


async def test_a_refund_whose_end_was_told_before_its_name_was_written_ends(
    shop: Shop, sessions: Sessions, till: Till
) -> None:
    """We asked and died; what was told then found nothing, and the answer is told again as it was."""
    later = NOON + timedelta(minutes=1)
    async with till.open():
        job, refund = await declined(shop, sessions, till, "refund_later")
        async with sessions() as session:
            intent = (await session.get_one(Payment, refund.payment_id)).intent_id
        key = f"refund-{refund.id}-1"
        answer = await till.gateway.refund(
            RefundRequest(intent or "", refund.amount_fen, key, refund.payment_id)
        )
        told = replace(answer, state=GatewayRefundState.SUCCEEDED)
        await hear(shop, refund_event("evt_1", told), now=later)
        assert (await refunds(sessions))[0].state == RefundState.REQUESTED
        await send_refund(shop, job.id, refund.id, till.at(later))
    (done,) = await refunds(sessions)
    assert (done.state, done.gateway_id, done.done_at) == ("succeeded", answer.id, later)
    assert await jobs(sessions, REFUND_JOB) == []


def session_event(name: str, told: GatewaySession | None) -> GatewayEvent:
    return GatewayEvent(name, "checkout.session.x", told, None, NOON)


async def events(sessions: Sessions) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(WebhookEvent)) or 0


async def test_an_event_is_taken_once(shop: Shop, sessions: Sessions) -> None:
    placed = await order(sessions, want(await make_product(sessions)))
    event = session_event("evt_1", is_paid(placed.payments[0]))
    await hear(shop, event)
    await hear(shop, event)
    assert await events(sessions) == 1
    assert (await look(sessions, placed)).state == OrderState.PAID
    assert len(await entries(sessions)) == 3
    assert await jobs(sessions, EVENT_JOB) == []


async def test_events_of_one_moment_are_taken_together(shop: Shop, sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=9)
    placed = [await order(sessions, want(product)) for _ in range(4)]
    told = [is_paid(one.payments[0]) for one in placed[:3]] + [is_expired(placed[3].payments[0])]
    signed = [
        Signed(GATEWAY, session_event(f"evt_{n}", one), "", NOON)
        for n, one in enumerate([*told, told[0]])
    ]
    again = Signed(GATEWAY, signed[0].event, "", NOON)
    kept = await keep_events(shop, [*signed, again])
    left = [one for one in kept.values() if isinstance(one, Kept)]
    # The one that is not paid, and the second about one payment.
    assert [one.event.id for one in left] == ["evt_3", "evt_4"]
    states = [(await look(sessions, one)).state for one in placed]
    assert states == ["paid", "paid", "paid", "unpaid"]
    for one in left:
        assert await take_event(shop, one)
        assert not await take_event(shop, one)
    states = [(await look(sessions, one)).state for one in placed]
    assert states == ["paid", "paid", "paid", "expired"]
    assert await figures(sessions, product) == [(9, 3)]
    assert await jobs(sessions, EVENT_JOB) == []
    assert len(await jobs(sessions, ROUTE_JOB)) == 3
    assert sum(fen for *_, fen in await entries(sessions)) == 0


async def test_events_may_come_in_any_order(shop: Shop, sessions: Sessions) -> None:
    product = await make_product(sessions)
    first, second = await order(sessions, want(product)), await order(sessions, want(product))
    complete = tell(first.payments[0], SessionState.COMPLETE)
    for name, told in enumerate(
        (is_paid(first.payments[0]), is_expired(first.payments[0]), complete)
    ):
        await hear(shop, session_event(f"evt_a{name}", told))
    for name, told in enumerate((is_expired(second.payments[0]), is_paid(second.payments[0]))):
        await hear(shop, session_event(f"evt_b{name}", told))
    assert [(await look(sessions, one)).state for one in (first, second)] == ["paid", "paid"]
    assert await figures(sessions, product) == [(3, 2)]


async def test_events_that_are_not_about_us_change_nothing(shop: Shop, sessions: Sessions) -> None:
    placed = await order(sessions, want(await make_product(sessions)))
    said = is_paid(placed.payments[0])
    others = [
        replace(said, amount_fen=27601),
        replace(said, payment_id=10**6),
        replace(said, payment_id=None),
    ]
    for n, told in enumerate([*others, None]):
        await hear(shop, session_event(f"evt_{n}", told))
    await hear(shop, session_event("evt_5", said), "stripe")
    unknown = GatewayRefund("re_1", GatewayRefundState.SUCCEEDED, 27600, None, None)
    await hear(shop, refund_event("evt_6", unknown))
    assert await events(sessions) == 6
    assert (await look(sessions, placed)).state == OrderState.UNPAID
    assert await entries(sessions) == []


def paid_event(payment: PaymentSheet) -> str:
    """What Stripe sends when a payment's session is paid."""
    thing = {
        "id": "cs_1",
        "object": "checkout.session",
        "url": None,
        "status": "complete",
        "payment_status": "paid",
        "amount_total": payment.amount_fen,
        "currency": "cny",
        "payment_intent": "pi_1",
        "client_reference_id": str(payment.id),
        "metadata": {},
    }
    told = {
        "id": "evt_1",
        "object": "event",
        "type": "checkout.session.completed",
        "created": int(NOON.timestamp()),
        "data": {"object": thing},
    }
    return json.dumps(told)


async def test_an_event_that_cannot_be_settled_at_once_waits_for_the_worker(
    shop: Shop, sessions: Sessions
) -> None:
    placed = await order(sessions, want(await make_product(sessions)))
    payment = placed.payments[0]
    async with sessions.begin() as session:
        # The same cause cannot be posted twice, so that no sale can be posted for this payment.
        station_id = (await session.get_one(Payment, payment.id)).station_id
        session.add(
            Posting(station_id=station_id, cause=f"payment:{payment.id}", kind="sale", at=NOON)
        )
    payload = paid_event(payment)
    event = wire.read_event(payload.encode())
    signed = Signed(GATEWAY, event, payload, NOON)
    left = (await keep_events(shop, [signed]))[signed]
    assert (await look(sessions, placed)).state == OrderState.UNPAID
    (job,) = await jobs(sessions, EVENT_JOB)
    assert job.run_at == NOON + OURS
    assert isinstance(left, Kept)
    assert left.job_id == job.id
    async with sessions.begin() as session:
        await session.execute(delete(Posting))
    kept = await read_event(shop, job.id, job.args["event_id"], NOON)
    assert [await take_event(shop, kept) for _ in range(2)] == [True, False]
    assert (await look(sessions, placed)).state == OrderState.PAID
    assert await jobs(sessions, EVENT_JOB) == []
    assert len(await jobs(sessions, ROUTE_JOB)) == 1
