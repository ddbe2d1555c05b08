"""Stripe's JSON, as far as we read it, and how it becomes our own words."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from shop.payments.gateway import (
    GatewayEvent,
    GatewayRefund,
    GatewaySession,
    GatewayUnavailable,
    RefundState,
    SessionState,
)

# Our ids are 64-bit: more digits than this are somebody else's reference.
_MAX_ID_DIGITS = 18


class _Session(msgspec.Struct, tag_field="object", tag="checkout.session"):
    id: str
    url: str | None
    status: SessionState
    payment_status: str
    amount_total: int
    currency: str
    payment_intent: str | None
    client_reference_id: str | None
    metadata: dict[str, str] | None

    def ours(self) -> GatewaySession:
        return GatewaySession(
            id=self.id,
            url=self.url,
            state=self.status,
            paid=self.payment_status == "paid",
            amount_fen=self.amount_total,
            intent_id=self.payment_intent,
            payment_id=_payment_id(self.metadata, self.client_reference_id),
        )


class _Refund(msgspec.Struct, tag_field="object", tag="refund"):
    id: str
    status: RefundState
    amount: int
    currency: str
    payment_intent: str | None
    metadata: dict[str, str] | None

    def ours(self) -> GatewayRefund:
        return GatewayRefund(
            id=self.id,
            state=self.status,
            amount_fen=self.amount,
            intent_id=self.payment_intent,
            payment_id=_payment_id(self.metadata, None),
        )


class _EventData(msgspec.Struct):
    object: msgspec.Raw


class _Event(msgspec.Struct, tag_field="object", tag="event"):
    id: str
    type: str
    created: int
    data: _EventData


class _Events(msgspec.Struct):
    data: list[_Event]
    has_more: bool


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some of the events that were asked for."""

    events: list[GatewayEvent]
    has_more: bool


_session = msgspec.json.Decoder(_Session)
_refund = msgspec.json.Decoder(_Refund)
_event = msgspec.json.Decoder(_Event)
_events = msgspec.json.Decoder(_Events)
_event_object = msgspec.json.Decoder(_Session | _Refund)


def read_session(body: str) -> GatewaySession:
    """A checkout session. Raises GatewayUnavailable when the answer cannot be understood."""
    try:
        return _session.decode(body).ours()
    except msgspec.DecodeError as error:
        raise GatewayUnavailable(f"not a checkout session we understand: {error}") from error


def read_refund(body: str) -> GatewayRefund:
    """A refund. Raises GatewayUnavailable when the answer cannot be understood."""
    try:
        return _refund.decode(body).ours()
    except msgspec.DecodeError as error:
        raise GatewayUnavailable(f"not a refund we understand: {error}") from error


def read_event(body: bytes) -> GatewayEvent:
    """An event whose signature was checked. Raises msgspec.DecodeError, a ValueError."""
    return _ours(_event.decode(body))


def read_events(body: str) -> EventPage:
    """A list of events. Raises GatewayUnavailable when the answer cannot be understood."""
    try:
        page = _events.decode(body)
    except msgspec.DecodeError as error:
        raise GatewayUnavailable(f"not a list of events we understand: {error}") from error
    return EventPage([_ours(event) for event in page.data], page.has_more)


def _ours(event: _Event) -> GatewayEvent:
    thing = _read_event_object(event.data.object)
    return GatewayEvent(
        id=event.id,
        type=event.type,
        session=thing if isinstance(thing, GatewaySession) else None,
        refund=thing if isinstance(thing, GatewayRefund) else None,
        created=datetime.fromtimestamp(event.created, UTC),
    )


def _read_event_object(raw: msgspec.Raw) -> GatewaySession | GatewayRefund | None:
    """What the event is about; None for anything that our requests cannot have made.

    One Stripe account may serve other programs too, and their sessions come in other currencies
    and modes: they are not ours and not an error.
    """
    try:
        found = _event_object.decode(raw)
    except msgspec.DecodeError:
        return None
    return found.ours() if found.currency == "cny" else None


def _payment_id(metadata: dict[str, str] | None, reference: str | None) -> int | None:
    text = (metadata or {}).get("payment_id") or reference or ""
    if text.isascii() and text.isdecimal() and len(text) <= _MAX_ID_DIGITS:
        return int(text)
    return None
