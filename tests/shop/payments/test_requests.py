"""Every request that our gateway sends, beside the parameters that the stripe package types."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
import stripe
from stripe.params import RefundCreateParams, RefundRetrieveParams
from stripe.params.checkout import (
    SessionCreateParams,
    SessionExpireParams,
    SessionRetrieveParams,
)

from shop.payments.gateway import RefundRequest
from shop.payments.stripe_gateway import StripeGateway
from shop.payments.transport import StripeTransport
from tests.shop.payments.conftest import mounted, serving
from tests.shop.payments.stripe_types import form_leaf, problems

TYPED = {
    "POST /v1/checkout/sessions": SessionCreateParams,
    "GET /v1/checkout/sessions/ID": SessionRetrieveParams,
    "POST /v1/checkout/sessions/ID/expire": SessionExpireParams,
    "POST /v1/refunds": RefundCreateParams,
    "GET /v1/refunds/ID": RefundRetrieveParams,
}


@dataclass(frozen=True)
class Sent:
    """A request as it came to the service."""

    method: str
    path: str
    form: str
    headers: dict[str, str]

    @property
    def kind(self) -> str:
        return f"{self.method} {re.sub(r'(cs|re)_[a-z0-9_]+', 'ID', self.path)}"

    @property
    def spoken(self) -> tuple[str, ...]:
        """All of it that means something to Stripe."""
        names = ("idempotency-key", "stripe-version", "content-type", "authorization")
        return (
            self.method,
            self.path,
            self.form,
            *(self.headers.get(name, "") for name in names),
        )


class Listening:
    """The service, with an ear at its door."""

    def __init__(self, app: Any) -> None:
        self.app, self.heard = app, list[Sent]()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        form = b"".join(message["body"] for message in messages).decode()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        path = scope["path"].removeprefix("/rehearsal")
        if path.startswith("/v1/"):
            self.heard.append(Sent(scope["method"], path, form, headers))

        async def again() -> Any:
            return messages.pop(0) if messages else await receive()

        await self.app(scope, again, send)


@pytest.fixture
async def listening(unserved, port: int) -> AsyncIterator[Listening]:
    ear = Listening(mounted(unserved.config))
    async with serving(ear, port):
        yield ear


def nested(form: str) -> Any:
    """`a[b][0]=x` as {"a": {"b": ["x"]}}."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True, strict_parsing=bool(form)):
        *way, last = re.findall(r"[^\[\]]+", name)
        place = tree
        for step in way:
            place = place.setdefault(step, {})
        place[last] = value
    return _lists(tree)


def _lists(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    read = {name: _lists(value) for name, value in tree.items()}
    return (
        list(read.values()) if read and list(read) == [str(n) for n in range(len(read))] else read
    )


async def ask_everything(till, gateway: StripeGateway) -> None:
    """Everything that a gateway can be asked, in the ways that our code asks it."""
    request = till.request("payment-1", description="乡播订单 & <XB7K3F>")
    paid = await gateway.create_session(request)
    narrow = {"payment_id": 42, "idempotency_key": "payment-2", "methods": ("alipay",)}
    other = await gateway.create_session(replace(request, **narrow))
    await till.pay(paid)
    intent = (await gateway.fetch_session(paid.id)).intent_id
    await gateway.expire_session(other.id)
    refund = await gateway.refund(RefundRequest(intent or "", 100, "refund-1", 41))
    await gateway.fetch_refund(refund.id)


async def test_the_package_accepts_every_request_that_we_send(unserved, listening) -> None:
    await ask_everything(unserved, unserved.gateway)
    assert {sent.kind for sent in listening.heard} == set(TYPED)
    for sent in listening.heard:
        told = nested(sent.form)
        assert problems(told, TYPED[sent.kind], form_leaf, sent.kind) == []
        assert sent.headers["stripe-version"] == stripe.api_version
        assert sent.headers["authorization"] == f"Bearer {unserved.config.api_key}"
        assert "x-stripe-client-telemetry" not in sent.headers
    keys = [s.headers["idempotency-key"] for s in listening.heard if s.method == "POST" and s.form]
    assert keys == ["payment-1", "payment-2", "refund-1"]


async def test_the_packages_typed_client_sends_the_same(unserved, listening) -> None:
    """The way to each service, and what is sent there, are those of the package's own methods."""
    await ask_everything(unserved, unserved.gateway)
    ours = list(listening.heard)
    listening.heard.clear()
    transport = StripeTransport()
    client = stripe.StripeClient(
        unserved.config.api_key,
        base_addresses={"api": unserved.base_url},
        http_client=transport,
    ).v1
    calls = {
        "POST /v1/checkout/sessions": client.checkout.sessions.create_async,
        "GET /v1/checkout/sessions/ID": client.checkout.sessions.retrieve_async,
        "POST /v1/checkout/sessions/ID/expire": client.checkout.sessions.expire_async,
        "POST /v1/refunds": client.refunds.create_async,
        "GET /v1/refunds/ID": client.refunds.retrieve_async,
    }
    for sent in ours:
        ids = re.findall(r"(?:cs|re)_[a-z0-9_]+", sent.path)
        params = {"params": nested(sent.form)} if sent.form else {}
        key = sent.headers.get("idempotency-key")
        options = {"options": {"idempotency_key": key}} if key else {}
        await calls[sent.kind](*ids, **params, **options)
    await transport.close_async()
    assert [sent.spoken for sent in listening.heard] == [sent.spoken for sent in ours]


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("mode", "paymant", "mode: 'paymant' is none of the names"),
        ("expires_at", "soon", "expires_at: str instead of int"),
        ("adaptive_pricing[enabled]", "no", "adaptive_pricing.enabled: str instead of bool"),
        ("sucess_url", "x", "sucess_url: unknown"),
        ("allowed_payment_method_types[0]", "we_chat", "'we_chat' is none of the names"),
        ("line_items[0][price_data][curency]", "cny", "price_data.curency: unknown"),
        ("line_items[0][price_data][product_data][description]", "x", "product_data.name: missing"),
    ],
)
def test_a_slip_would_be_seen(name: str, value: str, fault: str) -> None:
    price = "line_items[0][price_data][currency]=cny&line_items[0][price_data][unit_amount]=1"
    good = f"mode=payment&{price}"
    assert problems(nested(good), SessionCreateParams, form_leaf) == []
    found = problems(nested(f"{good}&{name}={value}"), SessionCreateParams, form_leaf)
    assert fault in "; ".join(found)


async def test_what_was_sent_is_read_back_as_it_was_meant(unserved, listening) -> None:
    request = unserved.request("payment-1", methods=("card", "wechat_pay"))
    await unserved.gateway.create_session(request)
    (sent,) = listening.heard
    assert nested(sent.form) == {
        "mode": "payment",
        "line_items": [
            {
                "quantity": "1",
                "price_data": {
                    "currency": "cny",
                    "unit_amount": "12800",
                    "product_data": {"name": "桃木小羊"},
                },
            }
        ],
        "allowed_payment_method_types": ["card", "wechat_pay"],
        "payment_method_options": {"wechat_pay": {"client": "web"}},
        "adaptive_pricing": {"enabled": "false"},
        "client_reference_id": "41",
        "metadata": {"payment_id": "41", "order_code": "XB7K3F"},
        "expires_at": str(int(request.expires_at.timestamp())),
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        "locale": "zh",
    }
