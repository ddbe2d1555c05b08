"""The station's own people as a gateway: what it says follows what they wrote down."""

import pytest

from catalog.db import Database, Sessions
from catalog.models import Role
from shop.models import Order, Payment, Refund, RefundState
from shop.payments import gateway as protocol
from shop.payments.gateway import (
    BadSignature,
    Gateway,
    GatewayRefused,
    GatewaySession,
    GatewayUnavailable,
    RefundRequest,
    SessionNotOpen,
    SessionRequest,
    SessionState,
)
from shop.payments.offline_gateway import OFFLINE, OfflineGateway
from tests.making import NOON, make_product
from tests.shop.cashing import cash_shop, clerk, confirm, open_troubles, reject, take
from tests.shop.sales import expire, look, order, want


@pytest.fixture
def people(database: Database) -> Gateway:
    return OfflineGateway(database, "http://shop.example")


async def promised(sessions: Sessions) -> Payment:
    """The payment of an order whose buyer means to pay by the station's code."""
    placed = await order(sessions, want(await make_product(sessions)))
    payment = Payment(
        station_id=placed.station_id,
        order_id=placed.id,
        gateway=OFFLINE,
        amount_fen=placed.total_fen,
        created_at=NOON,
        expires_at=placed.expires_at,
    )
    async with sessions.begin() as session:
        session.add(payment)
    return payment


def request_of(payment: Payment) -> SessionRequest:
    return SessionRequest(
        payment_id=payment.id,
        order_code="7K3FD",
        amount_fen=payment.amount_fen,
        description="",
        success_url="",
        cancel_url="",
        expires_at=payment.expires_at,
        idempotency_key=f"payment-{payment.id}",
    )


async def test_a_session_is_a_page_of_ours_and_the_same_when_asked_again(
    sessions: Sessions, people: Gateway
) -> None:
    payment = await promised(sessions)
    made = await people.create_session(request_of(payment))
    assert made == await people.create_session(request_of(payment))
    assert made == await people.fetch_session(made.id)
    async with sessions() as session:
        placed = await session.get_one(Order, payment.order_id)
    assert made == GatewaySession(
        id=f"offline-{payment.id}",
        url=f"http://shop.example/o/{placed.token}/offline",
        state=SessionState.OPEN,
        paid=False,
        amount_fen=27_600,
        intent_id=None,
        payment_id=payment.id,
    )


async def test_a_promise_without_a_receipt_is_expired_at_once(
    sessions: Sessions, people: Gateway
) -> None:
    payment = await promised(sessions)
    told = await people.expire_session(f"offline-{payment.id}")
    assert (told.state, told.paid, told.url) == (SessionState.EXPIRED, False, None)


async def test_a_receipt_is_open_until_somebody_decides(
    sessions: Sessions, database: Database, people: Gateway
) -> None:
    shop = cash_shop(database)
    product = await make_product(sessions)
    desk, finance = await clerk(sessions, product), await clerk(sessions, product, Role.FINANCE)
    one, other = [await order(sessions, want(product)) for _ in range(2)]
    told: list[GatewaySession] = []
    for placed, decide in ((one, True), (other, False)):
        receipt = await take(sessions, desk, placed)
        name = f"offline-{receipt.payment_id}"
        assert (await people.fetch_session(name)).state == SessionState.OPEN
        with pytest.raises(GatewayUnavailable):
            await people.expire_session(name)
        if decide:
            await confirm(shop, finance, receipt)
        else:
            await reject(sessions, finance, receipt)
        told.append(await people.fetch_session(name))
        with pytest.raises(SessionNotOpen):
            await people.expire_session(name)
    paid, sent_back = told
    assert (paid.state, paid.paid, paid.intent_id) == (SessionState.COMPLETE, True, paid.id)
    assert (sent_back.state, sent_back.paid) == (SessionState.EXPIRED, False)


async def test_a_payment_that_expired_is_told_as_expired(
    sessions: Sessions, people: Gateway
) -> None:
    payment = await promised(sessions)
    async with sessions() as session:
        placed = await session.get_one(Order, payment.order_id)
    await expire(sessions, await look(sessions, placed))
    told = await people.fetch_session(f"offline-{payment.id}")
    assert (told.state, told.paid) == (SessionState.EXPIRED, False)


async def test_what_is_not_ours_is_refused(sessions: Sessions, people: Gateway) -> None:
    placed = await order(sessions, want(await make_product(sessions)))
    for name in ("offline-999", "cs_1", "offline-", f"offline-{placed.payments[0].id}", "²"):
        with pytest.raises(GatewayRefused):
            await people.fetch_session(name)
        with pytest.raises(GatewayRefused):
            await people.expire_session(name)
        with pytest.raises(GatewayRefused):
            await people.fetch_refund(name.replace("offline-", "offline-refund-"))
    with pytest.raises(BadSignature):
        people.verify_event(b"{}", "t=1,v1=0", NOON)
    await people.aclose()


async def test_a_refund_is_put_before_the_desk_and_stays_there_until_it_is_done(
    sessions: Sessions, people: Gateway
) -> None:
    payment = await promised(sessions)
    refund = Refund(
        station_id=payment.station_id,
        payment_id=payment.id,
        cause="test:1",
        amount_fen=100,
        reason="作坊接不了",
        created_at=NOON,
    )
    async with sessions.begin() as session:
        session.add(refund)
    wanted = RefundRequest(f"offline-{payment.id}", 100, f"refund-{refund.id}-2", payment.id)
    for _ in range(2):
        told = await people.refund(wanted)
        assert told == await people.fetch_refund(told.id)
        assert (told.id, told.state, told.amount_fen, told.payment_id) == (
            f"offline-refund-{refund.id}-2",
            protocol.RefundState.PENDING,
            100,
            payment.id,
        )
        assert await open_troubles(sessions) == [("refund_by_hand", f"refund:{refund.id}")]
    async with sessions.begin() as session:
        (await session.get_one(Refund, refund.id)).state = RefundState.SUCCEEDED
    assert (await people.fetch_refund(told.id)).state == protocol.RefundState.SUCCEEDED
    strange = RefundRequest(f"offline-{payment.id}", 100, f"refund-{refund.id}", payment.id + 1)
    with pytest.raises(GatewayRefused):
        await people.refund(strange)
