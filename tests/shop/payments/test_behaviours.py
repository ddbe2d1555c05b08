"""Each way that a rehearsed payment can go, over HTTP, from the pay page to the refund's end."""

import asyncio
from dataclasses import dataclass

import httpx
import pytest

from shop.payments.gateway import (
    GatewayRefused,
    GatewayUnavailable,
    RefundRequest,
    RefundState,
    SessionState,
)
from shop.payments.rehearsal.config import Behaviour
from shop.payments.stripe_gateway import StripeGateway

BACK, DECLINED, STAYS = "back in the shop", "asked again", "stays on the page"
REFUSED = "refused"


@dataclass(frozen=True)
class Way:
    """What a behaviour does.

    `told_first` counts the messages that came before the buyer was sent on, `told` those of the
    first second, and `told_late` all of ten seconds.
    """

    buyer: str = BACK
    paid: bool = True
    told_first: int = 0
    told: int = 1
    told_late: int = 1
    refund: str = RefundState.SUCCEEDED
    refund_ends: str = RefundState.SUCCEEDED


WAYS = {
    Behaviour.SUCCEED: Way(),
    Behaviour.FAIL: Way(buyer=DECLINED, paid=False, told=0, told_late=0),
    Behaviour.SILENT: Way(buyer=STAYS, told=0, told_late=0),
    Behaviour.UNREACHABLE: Way(buyer=STAYS, told=0, told_late=0),
    Behaviour.TWICE: Way(told=2, told_late=2),
    Behaviour.LATE: Way(told=0),
    Behaviour.EARLY: Way(told_first=1),
    Behaviour.REFUSE_REFUND: Way(refund=REFUSED, refund_ends=REFUSED),
    Behaviour.REFUND_LATER: Way(refund=RefundState.PENDING),
    Behaviour.REFUND_FAILS: Way(refund=RefundState.PENDING, refund_ends=RefundState.FAILED),
}


def test_every_behaviour_is_in_the_table() -> None:
    assert list(WAYS) == list(Behaviour)


@pytest.mark.parametrize("behaviour", WAYS)
async def test_a_payment_goes_as_it_was_told_to(till, behaviour: Behaviour) -> None:
    way = WAYS[behaviour]
    opened = await till.opened()
    answer = await till.pay(opened, behaviour=behaviour)
    if way.told_first:
        assert len(till.door.heard) == way.told_first
    assert where_to(answer) == way.buyer
    await quiet(till)
    assert len(till.door.heard) == way.told
    if way.told_late > way.told:
        await till.later(seconds=5)
        await till.knocked(way.told_late)
    await till.later(minutes=3)  # and if nobody answered at first, somebody does by now
    session = await till.gateway.fetch_session(opened.id)
    assert (session.paid, session.id) == (way.paid, opened.id)
    await quiet(till)
    assert len(till.door.heard) == way.told_late
    assert {event.session for event in till.door.events(till.gateway)} <= {session}
    if way.paid:
        await refund_goes(till, session.intent_id, way)


async def refund_goes(till, intent_id: str | None, way: Way) -> None:
    asked = RefundRequest(intent_id or "", 12_800, "refund-1", 41)
    if way.refund == REFUSED:
        with pytest.raises(GatewayRefused, match="refused refund"):
            await till.gateway.refund(asked)
        return
    refund = await till.gateway.refund(asked)
    assert refund.state == way.refund
    await till.later(seconds=6)
    assert (await till.gateway.fetch_refund(refund.id)).state == way.refund_ends
    await till.knocked(way.told_late + 1 + (way.refund == RefundState.PENDING))
    last = till.door.events(till.gateway)[-1]
    assert (last.refund.id, last.refund.state) == (refund.id, way.refund_ends)


def where_to(answer: httpx.Response) -> str:
    if answer.status_code == 200:
        return STAYS
    assert answer.status_code == 303
    return DECLINED if answer.headers["location"] == "?declined=1" else BACK


async def quiet(till) -> None:
    """Wait until nothing that is due is left to be delivered."""
    await till.api("POST", "/v1/nothing")
    await asyncio.sleep(0.1)  # in which one too many would set out
    async with asyncio.timeout(15):
        while till.under_way():  # noqa: ASYNC110 - it is a file that says so
            await asyncio.sleep(0.01)


@pytest.fixture
async def impatient(till):
    """The shop's gateway, but it waits only a moment."""
    config = till.config
    gateway = StripeGateway(
        config.api_key, config.webhook_secret, base_url=till.base_url, total_seconds=0.3
    )
    yield gateway
    await gateway.aclose()


async def test_nobody_answers_for_two_minutes(till, impatient) -> None:
    """Neither when asked how it went, nor when told to close, and nothing is done meanwhile."""
    opened = await till.opened("key-1")
    await till.pay(opened, behaviour="unreachable")
    for ask in (impatient.fetch_session, impatient.expire_session):
        with pytest.raises(GatewayUnavailable, match="TimeoutError"):
            await ask(opened.id)
    assert (await till.opened("key-2")).state is SessionState.OPEN  # others are answered
    await till.later(seconds=100)
    with pytest.raises(GatewayUnavailable):
        await impatient.fetch_session(opened.id)
    await till.later(seconds=20)
    found = await impatient.fetch_session(opened.id)
    assert (found.state, found.paid) == (SessionState.COMPLETE, True)
    refunded = await impatient.refund(RefundRequest(found.intent_id, 100, "refund-1", 41))
    assert refunded.state is RefundState.SUCCEEDED


async def test_a_session_is_made_and_nobody_hears_of_it(till) -> None:
    """The answer is lost for two minutes; the same key then finds the session that was made."""
    asked = {
        "mode": "payment",
        "success_url": "http://127.0.0.1:9/",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "cny",
        "line_items[0][price_data][unit_amount]": "100",
        "line_items[0][price_data][product_data][name]": "桃木小羊",
        "allowed_payment_method_types[0]": "card",
        "metadata[rehearsal]": "unreachable",
    }
    request = {"data": asked, "headers": {"Idempotency-Key": "payment-1"}}
    for _ in range(2):
        with pytest.raises(httpx.ReadTimeout):
            await till.api("POST", "/v1/checkout/sessions", timeout=0.3, **request)
    await till.later(minutes=2)
    made = await till.api("POST", "/v1/checkout/sessions", **request)
    assert made.headers["idempotent-replayed"] == "true"
    session = await till.gateway.fetch_session(made.json()["id"])
    assert (session.state, session.url) == (SessionState.OPEN, made.json()["url"])
