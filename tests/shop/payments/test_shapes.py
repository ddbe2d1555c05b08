"""The rehearsal's answers beside Stripe's published examples and the stripe package's types.

`stripe_shapes.json` has the fields and JSON types of the examples. They say what must be there;
the package's annotations say what may be null, which names a field may hold, and what else there is.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import stripe

from shop.payments.gateway import RefundRequest, RefundState
from shop.payments.stripe_gateway import NETWORK_RETRIES
from shop.payments.transport import StripeTransport
from tests.shop.payments.stripe_types import fields, problems

Json = dict[str, Any]

SHAPES: dict[str, Json] = json.loads(Path(__file__).with_name("stripe_shapes.json").read_text())
CLASSES: dict[str, type] = {
    "checkout.session": stripe.checkout.Session,
    "payment_intent": stripe.PaymentIntent,
    "charge": stripe.Charge,
    "refund": stripe.Refund,
    "event": stripe.Event,
    "list": stripe.ListObject,
}
KINDS = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    type(None): "null",
}
# Parts of which an object has only that of its own payment method.
METHODS = ("card", "alipay", "wechat_pay")


def lacking(told: Any, example: Any, where: str) -> list[str]:
    """What the example has and `told` has not, or has with another type. Null passes here."""
    if told is None or example == "null":
        return []
    if isinstance(example, list) and isinstance(told, list):
        return [fault for item in told if example for fault in lacking(item, example[0], where)]
    if isinstance(example, dict) and isinstance(told, dict):
        wanted = [n for n in example if n not in METHODS or n == told.get("type", n)]
        found = [f"{where}.{name}: missing" for name in wanted if name not in told]
        for name in (name for name in wanted if name in told):
            found += lacking(told[name], example[name], f"{where}.{name}")
        return found
    kind = KINDS[type(told)]
    return [] if kind == example else [f"{where}: {kind} instead of {example}"]


def faults(told: Json) -> list[str]:
    """All in which an object differs from what Stripe would answer; [] when nothing does."""
    kind = told["object"]
    return lacking(told, SHAPES[kind], kind) + problems(told, CLASSES[kind], where=kind)


async def get(till, path: str) -> Json:
    return (await till.api("GET", f"/v1/{path}")).json()


async def all_answers(till) -> dict[str, Json]:
    """Every kind of object in every state that the service can be brought to."""
    opened = await till.opened("open")
    expired = await till.gateway.expire_session((await till.opened("expired")).id)
    answers = {
        "session open": await get(till, f"checkout/sessions/{opened.id}"),
        "session expired": await get(till, f"checkout/sessions/{expired.id}"),
    }
    for method in METHODS:
        paid = await till.paid(method, method=method, behaviour="succeed")
        answers[f"session paid by {method}"] = await get(till, f"checkout/sessions/{paid.id}")
        intent = await get(till, f"payment_intents/{paid.intent_id}")
        answers[f"intent by {method}"] = intent
        answers[f"charge by {method}"] = await get(till, f"charges/{intent['latest_charge']}")
    return answers | await refund_answers(till)


async def refund_answers(till) -> dict[str, Json]:
    answers = {}
    for behaviour in ("succeed", "refund_later", "refund_fails"):
        paid = await till.paid(f"paid-{behaviour}", behaviour=behaviour)
        refund = await till.gateway.refund(
            RefundRequest(paid.intent_id, 12_800, f"refund-{behaviour}", 41)
        )
        answers[f"refund at first, {behaviour}"] = await get(till, f"refunds/{refund.id}")
        await till.later(seconds=6)
        answers[f"refund at last, {behaviour}"] = await get(till, f"refunds/{refund.id}")
        charge = (await get(till, f"payment_intents/{paid.intent_id}"))["latest_charge"]
        answers[f"charge after {behaviour}"] = await get(till, f"charges/{charge}")
    return answers


async def test_every_object_is_as_stripe_would_answer_it(till) -> None:
    answers = await all_answers(till)
    states = {told["status"] for told in answers.values()}
    assert states == {"open", "complete", "expired", "pending", "succeeded", "failed"}
    assert {name: faults(told) for name, told in answers.items() if faults(told)} == {}


async def test_every_event_is_as_stripe_would_send_it(till) -> None:
    await all_answers(till)
    listed = await get(till, "events?limit=100")
    assert faults(listed) == []
    await till.knocked(len(listed["data"]))
    sent = [json.loads(body) for body, _ in till.door.heard]
    assert {event["type"] for event in sent} == {
        "checkout.session.completed",
        "checkout.session.expired",
        "refund.created",
        "refund.updated",
        "refund.failed",
    }
    for event in listed["data"] + sent:
        assert faults(event) == [], event["type"]
        assert faults(event["data"]["object"]) == [], event["type"]


async def test_every_error_is_as_stripe_would_answer_it(till) -> None:
    paid = await till.paid(behaviour="refuse_refund")
    refund = {"payment_intent": paid.intent_id or ""}
    wrong_key = {"Authorization": "Bearer sk_test_rehearsal_wrong"}
    same_key = {"Idempotency-Key": "key-1"}
    answers = [
        await till.api("POST", "/v1/checkout/sessions", data={"mode": ""}),
        await till.api("POST", "/v1/checkout/sessions", data={"slip": "x"}),
        await till.api("POST", "/v1/checkout/sessions", data={"mode": "x"}, headers=same_key),
        await till.api("POST", f"/v1/checkout/sessions/{paid.id}/expire"),
        await till.api("POST", "/v1/refunds", data=refund),
        await till.api("GET", "/v1/refunds/re_1"),
        await till.api("GET", "/v1/events", headers=wrong_key),
        await till.api("GET", "/v1/customers"),
    ]
    assert [answer.status_code for answer in answers] == [400] * 5 + [404, 401, 404]
    kinds = set()
    for answer in answers:
        told = answer.json()
        assert list(told) == ["error"]
        assert problems(told["error"], stripe.ErrorObject, where="error") == []
        kinds.add(told["error"]["type"])
    assert kinds == {"invalid_request_error", "idempotency_error"}


async def test_the_packages_own_objects_say_what_we_read(till) -> None:
    """Stripe's typed client reads from the service what our gateway reads."""
    transport = StripeTransport()
    client = stripe.StripeClient(
        till.config.api_key,
        base_addresses={"api": till.base_url},
        http_client=transport,
        max_network_retries=NETWORK_RETRIES,
    )
    paid = await till.paid()
    session = await client.v1.checkout.sessions.retrieve_async(paid.id)
    assert type(session) is stripe.checkout.Session
    assert (session.status, session.payment_status) == ("complete", "paid")
    assert (session.amount_total, session.currency, session.url) == (12_800, "cny", None)
    assert (session.payment_intent, session.client_reference_id) == (paid.intent_id, "41")
    assert session.metadata is not None
    assert session.metadata["payment_id"] == "41"
    asked = RefundRequest(paid.intent_id or "", 800, "refund-1", 41)
    ours = await till.gateway.refund(asked)
    refund = await client.v1.refunds.retrieve_async(ours.id)
    assert type(refund) is stripe.Refund
    assert (refund.status, refund.amount) == (RefundState.SUCCEEDED, 800)
    assert (refund.currency, refund.payment_intent) == ("cny", paid.intent_id)
    listed = await client.v1.events.list_async()
    assert [type(event) for event in listed.data] == [stripe.Event] * 2
    made, completed = listed.data
    assert (made.type, type(made.data.object)) == ("refund.created", stripe.Refund)
    assert completed.data.object == session
    await till.knocked(2)
    body, mark = till.door.heard[0]
    event = stripe.Webhook.construct_event(body, mark, till.config.webhook_secret)
    assert (event.id, event.data.object) == (completed.id, session)
    await transport.close_async()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"amount": "100"}, "refund.amount: string instead of integer"),
        ({"amount": None}, "refund.amount: NoneType instead of int"),
        ({"livemode": False}, "refund.livemode: unknown"),
        ({"reason": "bored"}, "refund.reason: 'bored' is none of the names"),
        ({"destination_details": {"type": "card", "card": {}}}, "destination_details.card.type"),
        ({"metadata": {"payment_id": 41}}, "refund.metadata[payment_id]: int instead of str"),
    ],
)
async def test_a_wrong_field_would_be_seen(till, change: Json, fault: str) -> None:
    paid = await till.paid()
    made = await till.gateway.refund(RefundRequest(paid.intent_id, 100, "refund-1", 41))
    told = await get(till, f"refunds/{made.id}")
    assert faults(told) == []
    assert fault in "; ".join(faults(told | change))
    without = {name: value for name, value in told.items() if name != "receipt_number"}
    assert faults(without) == ["refund.receipt_number: missing"]
    assert "receipt_number" in fields(stripe.Refund)
