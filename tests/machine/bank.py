"""A payment service in memory, with Stripe's meanings and whatever may go wrong there on demand."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from shop.payments import wire
from shop.payments.gateway import (
    GatewayEvent,
    GatewayRefund,
    GatewayRefused,
    GatewaySession,
    GatewayUnavailable,
    RefundRequest,
    RefundState,
    SessionNotOpen,
    SessionRequest,
    SessionState,
)
from tests.shop.sales import GATEWAY

SHORTEST, LONGEST = timedelta(minutes=30), timedelta(hours=24)


class Mood(StrEnum):
    """`mute` does what it is asked and then does not answer; `down` does nothing."""

    UP = "up"
    DOWN = "down"
    MUTE = "mute"


class RefundMood(StrEnum):
    """How the refunds that are asked for next will go."""

    AT_ONCE = "at once"
    LATER = "later"
    FAIL_LATER = "fail later"
    REFUSED = "refused"


@dataclass
class Till:
    """A payment session. `order` is what was asked for, to tell a repeated key from a new body."""

    id: str
    request: SessionRequest
    state: SessionState = SessionState.OPEN
    intent_id: str | None = None
    paid_at: datetime | None = None
    forgotten: bool = False

    def told(self) -> GatewaySession:
        return GatewaySession(
            id=self.id,
            url=f"http://bank.example/{self.id}" if self.state == SessionState.OPEN else None,
            state=self.state,
            paid=self.intent_id is not None,
            amount_fen=self.request.amount_fen,
            intent_id=self.intent_id,
            payment_id=self.request.payment_id,
        )


@dataclass
class Back:
    """A refund; `fails` says how one that takes its time will end."""

    id: str
    request: RefundRequest
    state: RefundState
    fails: bool = False

    def told(self) -> GatewayRefund:
        return GatewayRefund(
            id=self.id,
            state=self.state,
            amount_fen=self.request.amount_fen,
            intent_id=self.request.intent_id,
            payment_id=self.request.payment_id,
        )


@dataclass
class Message:
    """An event as it is sent, and how often it was."""

    payload: bytes
    told: int = 0


@dataclass
class Bank:
    """Sessions that are paid, expire and are forgotten; refunds; events that may come at any time.

    A key answers the same request with the same answer, as it was then, and refuses another.
    """

    clock: Callable[[], datetime]
    name: str = GATEWAY
    mood: Mood = Mood.UP
    refund_mood: RefundMood = RefundMood.AT_ONCE
    tills: dict[str, Till] = field(default_factory=dict)
    backs: dict[str, Back] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    _answers: dict[str, tuple[object, GatewaySession | GatewayRefund | str]] = field(
        default_factory=dict
    )

    async def create_session(self, request: SessionRequest) -> GatewaySession:
        self._must_be_up()
        found = self._answer(request.idempotency_key, request)
        if not isinstance(found, GatewaySession):
            ahead = request.expires_at - self.clock()
            if not SHORTEST <= ahead <= LONGEST:
                raise GatewayRefused("expires_at must be between 30 minutes and 24 hours ahead")
            till = Till(f"cs_{len(self.tills) + 1}", request)
            self.tills[till.id] = till
            found = till.told()
            self._answers[request.idempotency_key] = (request, found)
        self._must_not_be_mute()
        return found

    async def fetch_session(self, session_id: str) -> GatewaySession:
        self._must_be_up()
        told = self._till(session_id).told()
        self._must_not_be_mute()
        return told

    async def expire_session(self, session_id: str) -> GatewaySession:
        self._must_be_up()
        till = self._till(session_id)
        if till.state != SessionState.OPEN:
            raise SessionNotOpen(session_id)
        self._expire(till)
        self._must_not_be_mute()
        return till.told()

    async def refund(self, request: RefundRequest) -> GatewayRefund:
        self._must_be_up()
        found = self._answer(request.idempotency_key, request)
        if found is None:
            found = self._new_refund(request)
            self._answers[request.idempotency_key] = (request, found)
        self._must_not_be_mute()
        if isinstance(found, str):
            raise GatewayRefused(found)
        assert isinstance(found, GatewayRefund)
        return found

    async def fetch_refund(self, refund_id: str) -> GatewayRefund:
        self._must_be_up()
        if refund_id not in self.backs:
            raise GatewayRefused(f"no such refund {refund_id}")
        self._must_not_be_mute()
        return self.backs[refund_id].told()

    async def paid_since(self, since: datetime) -> list[GatewaySession]:
        self._must_be_up()
        self._must_not_be_mute()
        return [
            till.told()
            for till in reversed(self.tills.values())
            if till.paid_at is not None and till.paid_at >= since and not till.forgotten
        ]

    def verify_event(self, payload: bytes, signature: str, now: datetime) -> GatewayEvent:
        return wire.read_event(payload)

    async def aclose(self) -> None:
        """Nothing is open."""

    # What buyers and the bank itself do

    def payable(self) -> list[Till]:
        """The sessions that a buyer can pay now."""
        for till in self.tills.values():
            self._let_pass(till)
        open_ones = (till for till in self.tills.values() if till.state == SessionState.OPEN)
        return [till for till in open_ones if not till.forgotten]

    def pay(self, till: Till) -> None:
        """A buyer pays; the money is there from now on, whether we hear of it or not."""
        assert till.state == SessionState.OPEN
        till.state, till.intent_id = SessionState.COMPLETE, f"pi_{till.id}"
        till.paid_at = self.clock()
        self._say("checkout.session.completed", _session_json(till))

    def forget(self, till: Till) -> None:
        """An open session is known no more, nor the key by which it was asked for."""
        assert till.state == SessionState.OPEN
        till.forgotten = True
        self._answers.pop(till.request.idempotency_key, None)

    def end(self, back: Back) -> None:
        """A refund that took its time ends."""
        assert back.state == RefundState.PENDING
        back.state = RefundState.FAILED if back.fails else RefundState.SUCCEEDED
        self._say("refund.failed" if back.fails else "refund.updated", _refund_json(back))

    def pending(self) -> list[Back]:
        return [back for back in self.backs.values() if back.state == RefundState.PENDING]

    def given_back_fen(self, intent_id: str) -> int:
        """What went back of a payment or is on its way."""
        return sum(
            back.request.amount_fen
            for back in self.backs.values()
            if back.request.intent_id == intent_id and back.state != RefundState.FAILED
        )

    def _new_refund(self, request: RefundRequest) -> GatewayRefund | str:
        found = [till for till in self.tills.values() if till.intent_id == request.intent_id]
        if not found or found[0].forgotten or self.refund_mood == RefundMood.REFUSED:
            return "this payment can not be refunded"
        left = found[0].request.amount_fen - self.given_back_fen(request.intent_id)
        if request.amount_fen > left:
            return "more than is left of the payment"
        later = self.refund_mood != RefundMood.AT_ONCE
        back = Back(
            id=f"re_{len(self.backs) + 1}",
            request=request,
            state=RefundState.PENDING if later else RefundState.SUCCEEDED,
            fails=self.refund_mood == RefundMood.FAIL_LATER,
        )
        self.backs[back.id] = back
        self._say("refund.created", _refund_json(back))
        return back.told()

    def _answer(self, key: str, request: object) -> GatewaySession | GatewayRefund | str | None:
        asked, answer = self._answers.get(key, (None, None))
        if asked is not None and asked != request:
            raise GatewayRefused(f"the key {key} was used for another request")
        return answer

    def _till(self, session_id: str) -> Till:
        till = self.tills.get(session_id)
        if till is None or till.forgotten:
            raise GatewayRefused(f"no such session {session_id}")
        self._let_pass(till)
        return till

    def _let_pass(self, till: Till) -> None:
        if till.state == SessionState.OPEN and till.request.expires_at <= self.clock():
            self._expire(till)

    def _expire(self, till: Till) -> None:
        till.state = SessionState.EXPIRED
        self._say("checkout.session.expired", _session_json(till))

    def _must_be_up(self) -> None:
        if self.mood == Mood.DOWN:
            raise GatewayUnavailable("down")

    def _must_not_be_mute(self) -> None:
        if self.mood == Mood.MUTE:
            raise GatewayUnavailable("the answer was lost")

    def _say(self, kind: str, about: dict[str, object]) -> None:
        event = {
            "object": "event",
            "id": f"evt_{len(self.messages) + 1}",
            "type": kind,
            "created": int(self.clock().timestamp()),
            "data": {"object": about},
        }
        self.messages.append(Message(json.dumps(event).encode()))


def _session_json(till: Till) -> dict[str, object]:
    told = till.told()
    return {
        "object": "checkout.session",
        "id": told.id,
        "url": told.url,
        "status": told.state,
        "payment_status": "paid" if told.paid else "unpaid",
        "amount_total": told.amount_fen,
        "currency": "cny",
        "payment_intent": told.intent_id,
        "client_reference_id": str(told.payment_id),
        "metadata": {"payment_id": str(told.payment_id)},
    }


def _refund_json(back: Back) -> dict[str, object]:
    return {
        "object": "refund",
        "id": back.id,
        "status": back.state,
        "amount": back.request.amount_fen,
        "currency": "cny",
        "payment_intent": back.request.intent_id,
        "metadata": {"payment_id": str(back.request.payment_id)},
    }
