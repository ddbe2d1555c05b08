"""What a shop does with a gateway, from the first session to the last refund.

Ordinarily against the rehearsal service. `make test-stripe` runs the same tests against Stripe
itself, with the test key in XIANGBO_TEST_STRIPE_KEY; then a card is typed in on Stripe's own page.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import stripe
from playwright.async_api import async_playwright

from shop.payments.gateway import (
    GatewayRefused,
    GatewaySession,
    RefundRequest,
    RefundState,
    SessionNotOpen,
    SessionRequest,
    SessionState,
)
from shop.payments.stripe_gateway import StripeGateway
from shop.payments.transport import StripeTransport

BACK = "http://localhost:9/o/token/paid?session={CHECKOUT_SESSION_ID}"
GIVEN_BACK = (RefundState.PENDING, RefundState.SUCCEEDED)


@dataclass
class Counter:
    """Where the journeys pay: a gateway, and a buyer who pays its sessions. Keys are this run's."""

    gateway: StripeGateway
    buyer_pays: Callable[[GatewaySession], Awaitable[None]]
    run: str

    def request(self, key: str, **changes: object) -> SessionRequest:
        usual: dict = {
            "payment_id": 41,
            "order_code": "XB7K3F",
            "amount_fen": 12_800,
            "description": "乡播订单 XB7K3F",
            "success_url": BACK,
            "cancel_url": "http://localhost:9/o/token",
            "expires_at": datetime.now(UTC) + timedelta(minutes=61),
            "idempotency_key": f"{self.run}-{key}",
            "methods": ("card",),
        }
        return SessionRequest(**(usual | changes))

    async def paid_intent(self) -> str:
        """The name of 128 yuan that somebody has paid."""
        session = await self.gateway.create_session(self.request("paid"))
        await self.buyer_pays(session)
        return (await self.gateway.fetch_session(session.id)).intent_id or ""


class StripeCounter(Counter):
    """At Stripe money for refunds is paid in by API, so that these need no page of Stripe's."""

    async def paid_intent(self) -> str:
        transport = StripeTransport()
        client = stripe.StripeClient(practice_key(), http_client=transport)
        intent = await client.v1.payment_intents.create_async(
            {
                "amount": 12_800,
                "currency": "cny",
                "confirm": True,
                "payment_method": "pm_card_visa",
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            }
        )
        await transport.close_async()
        return intent.id


def practice_key() -> str:
    """The key that the environment names; never a live one."""
    key = os.environ.get("XIANGBO_TEST_STRIPE_KEY", "")
    if not key.startswith("sk_test_"):
        raise pytest.UsageError("XIANGBO_TEST_STRIPE_KEY must be a test key: sk_test_…")
    return key


@pytest.fixture
async def counter(request: pytest.FixtureRequest, till) -> AsyncIterator[Counter]:
    run = uuid4().hex
    if not request.config.getoption("--stripe", default=False):
        yield Counter(till.gateway, till.pay, run)
        return
    gateway = StripeGateway(practice_key(), "whsec_unused")
    yield StripeCounter(gateway, pay_at_stripe, run)
    await gateway.aclose()


async def pay_at_stripe(session: GatewaySession) -> None:
    """Type Stripe's practice card in on Stripe's page, until it sends the buyer back."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page(locale="zh-CN")
        await page.route("http://localhost:9/**", lambda route: route.fulfill(body="back"))
        await page.goto(session.url or "")
        for name, text in {
            "email": "buyer@example.com",
            "cardNumber": "4242424242424242",
            "cardExpiry": "12 / 40",
            "cardCvc": "424",
            "billingName": "REHEARSAL",
        }.items():
            await page.fill(f"#{name}", text)
        await page.click(".SubmitButton")
        await page.wait_for_url("http://localhost:9/**", timeout=60_000)
        await browser.close()


async def test_a_session_is_made_found_again_and_closed(counter: Counter) -> None:
    request = counter.request("open")
    opened = await counter.gateway.create_session(request)
    assert (opened.state, opened.paid, opened.intent_id) == (SessionState.OPEN, False, None)
    assert (opened.amount_fen, opened.payment_id) == (12_800, 41)
    assert (opened.url or "").startswith("http")
    assert await counter.gateway.create_session(request) == opened
    assert await counter.gateway.fetch_session(opened.id) == opened
    expired = await counter.gateway.expire_session(opened.id)
    assert (expired.state, expired.paid, expired.url) == (SessionState.EXPIRED, False, None)
    with pytest.raises(SessionNotOpen):
        await counter.gateway.expire_session(opened.id)
    assert await counter.gateway.fetch_session(opened.id) == expired


async def test_a_buyer_pays_and_the_session_cannot_be_closed_any_more(counter: Counter) -> None:
    opened = await counter.gateway.create_session(counter.request("paid"))
    await counter.buyer_pays(opened)
    paid = await counter.gateway.fetch_session(opened.id)
    assert (paid.state, paid.paid, paid.url) == (SessionState.COMPLETE, True, None)
    assert (paid.amount_fen, paid.payment_id) == (12_800, 41)
    assert paid.intent_id
    with pytest.raises(SessionNotOpen):
        await counter.gateway.expire_session(opened.id)


async def test_money_goes_back_in_parts_and_never_more_than_came(counter: Counter) -> None:
    intent = await counter.paid_intent()
    first = RefundRequest(intent, 12_000, f"{counter.run}-refund-1", 41)
    given = await counter.gateway.refund(first)
    assert (given.amount_fen, given.intent_id, given.payment_id) == (12_000, intent, 41)
    assert given.state in GIVEN_BACK
    assert (await counter.gateway.refund(first)).id == given.id
    assert (await counter.gateway.fetch_refund(given.id)).amount_fen == 12_000
    with pytest.raises(GatewayRefused):
        await counter.gateway.refund(RefundRequest(intent, 801, f"{counter.run}-refund-2", 41))
    rest = await counter.gateway.refund(RefundRequest(intent, 800, f"{counter.run}-refund-3", 41))
    assert rest.state in GIVEN_BACK
    with pytest.raises(GatewayRefused):
        await counter.gateway.refund(RefundRequest(intent, 1, f"{counter.run}-refund-4", 41))


async def test_what_is_refused(counter: Counter) -> None:
    request = counter.request("once")
    await counter.gateway.expire_session((await counter.gateway.create_session(request)).id)
    with pytest.raises(GatewayRefused, match="same parameters"):
        await counter.gateway.create_session(counter.request("once", amount_fen=1))
    soon = datetime.now(UTC) + timedelta(minutes=29)
    with pytest.raises(GatewayRefused):
        await counter.gateway.create_session(counter.request("soon", expires_at=soon))
    with pytest.raises(GatewayRefused):
        await counter.gateway.fetch_session("cs_test_nobody")
    with pytest.raises(GatewayRefused):
        await counter.gateway.refund(RefundRequest("pi_nobody", 1, f"{counter.run}-r", 41))
