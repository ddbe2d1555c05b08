"""Stripe's real client, through our gateway, against the rehearsal service over HTTP."""

import asyncio
import json
import socket
from datetime import UTC, datetime, timedelta

import pytest
from stripe import WebhookSignature

from shop.payments.gateway import (
    BadSignature,
    GatewayRefused,
    GatewayUnavailable,
    RefundRequest,
    RefundState,
    SessionNotOpen,
    SessionState,
)
from shop.payments.stripe_gateway import StripeGateway

SECRET = "whsec_of_the_tests"


async def test_a_session_is_opened_paid_and_told_of(till) -> None:
    opened = await till.opened()
    assert opened.state is SessionState.OPEN
    assert (opened.amount_fen, opened.payment_id, opened.paid) == (12_800, 41, False)
    assert opened.intent_id is None
    assert opened.url == f"{till.base_url}/pay/{opened.id}"

    answer = await till.pay(opened, method="alipay")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"http://127.0.0.1:9/o/token?session={opened.id}"

    paid = await till.gateway.fetch_session(opened.id)
    assert (paid.state, paid.paid, paid.url) == (SessionState.COMPLETE, True, None)
    assert paid.intent_id is not None
    (event,) = await till.told(1)
    assert event.type == "checkout.session.completed"
    assert event.session == paid
    assert abs(event.created - till.clock()) < timedelta(minutes=1)


async def test_an_open_session_is_expired_and_told_of(till) -> None:
    opened = await till.opened()
    expired = await till.gateway.expire_session(opened.id)
    assert (expired.state, expired.paid, expired.url) == (SessionState.EXPIRED, False, None)
    (event,) = await till.told(1)
    assert (event.type, event.session) == ("checkout.session.expired", expired)


async def test_a_session_that_is_not_open_cannot_be_expired(till) -> None:
    paid = await till.paid()
    with pytest.raises(SessionNotOpen, match="status of complete"):
        await till.gateway.expire_session(paid.id)
    assert await till.gateway.fetch_session(paid.id) == paid


async def test_refunds_in_parts_never_exceed_what_was_paid(till) -> None:
    paid = await till.paid()
    first = await till.gateway.refund(RefundRequest(paid.intent_id, 12_000, "refund-1", 41))
    assert (first.state, first.amount_fen) == (RefundState.SUCCEEDED, 12_000)
    assert (first.intent_id, first.payment_id) == (paid.intent_id, 41)
    assert await till.gateway.fetch_refund(first.id) == first
    with pytest.raises(GatewayRefused, match="greater than unrefunded"):
        await till.gateway.refund(RefundRequest(paid.intent_id, 801, "refund-2", 41))
    await till.gateway.refund(RefundRequest(paid.intent_id, 800, "refund-3", 41))
    with pytest.raises(GatewayRefused, match="already been refunded"):
        await till.gateway.refund(RefundRequest(paid.intent_id, 1, "refund-4", 41))
    _, event, _ = await till.told(3)
    assert (event.type, event.refund) == ("refund.created", first)


async def test_a_repeated_request_does_nothing_more(till) -> None:
    request = till.request()
    opened = await till.gateway.create_session(request)
    assert await till.gateway.create_session(request) == opened
    await till.pay(opened)
    paid = await till.gateway.fetch_session(opened.id)
    refund = RefundRequest(paid.intent_id, 12_800, "refund-1", 41)
    assert await till.gateway.refund(refund) == await till.gateway.refund(refund)


async def test_a_key_used_for_something_else_is_refused(till) -> None:
    await till.opened("key-1", amount_fen=100)
    with pytest.raises(GatewayRefused, match="same parameters"):
        await till.opened("key-1", amount_fen=101)


@pytest.mark.parametrize(
    ("minutes", "said"), [(29, "at least 30 minutes"), (24 * 60 + 1, "less than 24 hours")]
)
async def test_a_session_lives_from_half_an_hour_to_a_day(till, minutes: int, said: str) -> None:
    with pytest.raises(GatewayRefused, match=said):
        await till.opened(expires_at=till.clock() + timedelta(minutes=minutes))


async def test_what_the_gateway_does_not_know(till) -> None:
    with pytest.raises(GatewayRefused, match=r"No such checkout\.session: 'cs_test_x'"):
        await till.gateway.fetch_session("cs_test_x")
    with pytest.raises(GatewayRefused, match=r"No such checkout\.session"):
        await till.gateway.expire_session("cs_test_x")
    with pytest.raises(GatewayRefused, match="No such payment_intent: 'pi_x'"):
        await till.gateway.refund(RefundRequest("pi_x", 1, "refund-1", 41))
    with pytest.raises(GatewayRefused, match="No such refund: 're_x'"):
        await till.gateway.fetch_refund("re_x")


async def test_a_wrong_key_tells_nothing_and_is_not_repeated_aloud(till) -> None:
    gateway = StripeGateway("sk_test_rehearsal_wrong", SECRET, base_url=till.base_url)
    with pytest.raises(GatewayUnavailable, match="AuthenticationError") as refusal:
        await gateway.create_session(till.request())
    assert "sk_test_rehearsal_wrong" not in repr(refusal.value) + repr(refusal.value.__cause__)
    await gateway.aclose()


async def test_a_live_key_is_sent_to_nobody_but_stripe() -> None:
    for key in ("sk_live_1", "rk_live_1"):
        with pytest.raises(ValueError, match="only ever sent to Stripe"):
            StripeGateway(key, SECRET, base_url="http://127.0.0.1:9")


@pytest.mark.parametrize("key", ["", "sk_test_1\n", "sk test", "sk_test_钥匙"])
async def test_a_key_that_cannot_be_one_is_not_shown(key: str) -> None:
    """HTTP would refuse such a header, and quote it."""
    with pytest.raises(ValueError, match="not a Stripe key") as refusal:
        StripeGateway(key, SECRET)
    assert key == "" or key not in str(refusal.value)


async def test_nobody_there_is_a_passing_fault(unserved) -> None:
    with pytest.raises(GatewayUnavailable, match="_NetworkFault"):
        await unserved.gateway.create_session(unserved.request())


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("503 Service Unavailable", "<html>away</html>"),
        ("500 Internal Server Error", '{"error": {"type": "api_error"}}'),
        ("429 Too Many Requests", '{"error": {"type": "invalid_request_error"}}'),
        ("409 Conflict", '{"error": {"type": "idempotency_error"}}'),
        ("200 OK", '{"object": "checkout.session"}'),
        ("200 OK", "<html>a proxy's own page</html>"),
    ],
)
async def test_a_bad_answer_is_a_passing_fault(unserved, status: str, body: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            f"HTTP/1.1 {status}\r\nStripe-Should-Retry: false\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        number = server.sockets[0].getsockname()[1]
        gateway = StripeGateway("sk_test_1", SECRET, base_url=f"http://127.0.0.1:{number}")
        with pytest.raises(GatewayUnavailable):
            await gateway.fetch_session("cs_test_x")
        await gateway.aclose()


async def test_a_silent_server_is_given_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gateway = StripeGateway(
            "sk_test_1",
            SECRET,
            base_url=f"http://127.0.0.1:{silent.getsockname()[1]}",
            total_seconds=0.3,
        )
        with pytest.raises(GatewayUnavailable, match="TimeoutError"):
            await gateway.fetch_session("cs_test_x")
        await gateway.aclose()


class TestSignatures:
    """A message is believed only with the right mark, and only for five minutes."""

    async def message(self, till) -> tuple[bytes, str]:
        await till.paid()
        await till.told(1)
        return till.door.heard[0]

    async def test_the_real_mark_is_what_stripe_computes(self, till) -> None:
        body, mark = await self.message(till)
        stamp = int(mark.split(",")[0].removeprefix("t="))
        expected = WebhookSignature.generate_signature_header(body.decode(), SECRET, stamp)
        assert mark == expected

    async def test_another_secret_and_a_changed_message(self, till) -> None:
        body, mark = await self.message(till)
        stranger = StripeGateway("sk_test_1", "whsec_other")
        with pytest.raises(BadSignature, match="not signed"):
            stranger.verify_event(body, mark, till.clock())
        await stranger.aclose()
        with pytest.raises(BadSignature, match="not signed"):
            till.gateway.verify_event(body.replace(b"12800", b"1"), mark, till.clock())

    async def test_five_minutes_and_no_more(self, till) -> None:
        body, mark = await self.message(till)
        stamp = int(mark.split(",")[0].removeprefix("t="))
        last = datetime.fromtimestamp(stamp, UTC) + timedelta(minutes=5)
        till.gateway.verify_event(body, mark, last)
        with pytest.raises(BadSignature, match="too long ago"):
            till.gateway.verify_event(body, mark, last + timedelta(seconds=1))

    @pytest.mark.parametrize("mark", ["", "nonsense", "t=,v1=", "t=1,v1=é", "v1=a", "t=1", "="])
    async def test_nonsense_for_a_mark(self, till, mark: str) -> None:
        with pytest.raises(BadSignature):
            till.gateway.verify_event(b"{}", mark, till.clock())

    @pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"object": "event"}'])
    async def test_nonsense_for_a_message(self, till, body: bytes) -> None:
        text = body.decode("latin-1")
        mark = WebhookSignature.generate_signature_header(text, SECRET)
        with pytest.raises(BadSignature):
            till.gateway.verify_event(body, mark, till.clock())

    @pytest.mark.parametrize(
        "thing",
        [
            {"object": "customer", "id": "cus_1"},
            {"object": "checkout.session", "id": "cs_1", "status": None, "amount_total": None},
        ],
    )
    async def test_what_others_on_the_account_do_is_not_ours(self, till, thing: dict) -> None:
        told = {
            "object": "event",
            "id": "evt_1",
            "type": "x",
            "created": 1,
            "data": {"object": thing},
        }
        body = json.dumps(told)
        mark = WebhookSignature.generate_signature_header(body, SECRET)
        event = till.gateway.verify_event(body.encode(), mark, till.clock())
        assert (event.id, event.session, event.refund) == ("evt_1", None, None)


async def test_paying_and_expiring_at_once_has_one_winner(till) -> None:
    for number in range(10):
        opened = await till.opened(f"key-{number}")
        answers = await asyncio.gather(
            till.pay(opened), till.gateway.expire_session(opened.id), return_exceptions=True
        )
        ended = await till.gateway.fetch_session(opened.id)
        was_expired = not isinstance(answers[1], SessionNotOpen)
        assert ended.paid is not was_expired
        assert ended.state is (SessionState.EXPIRED if was_expired else SessionState.COMPLETE)
    assert len(await till.told(10)) == 10


async def test_all_that_was_paid_since_a_moment_is_listed_newest_first(till) -> None:
    """In pages of a hundred; what is still open or expired is not paid."""
    old = await till.paid("old")
    till.clock.advance(hours=1)
    since = till.clock()
    ids = [(await till.paid(f"key-{number}", behaviour="silent")).id for number in range(102)]
    await till.opened("open")
    found = [session.id for session in await till.gateway.paid_since(since)]
    assert found == ids[::-1]
    assert (await till.gateway.paid_since(since - timedelta(hours=2)))[-1].id == old.id
    assert await till.gateway.paid_since(since + timedelta(hours=1)) == []
