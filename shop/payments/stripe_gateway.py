"""Payments through Stripe Checkout, with Stripe's own client.

Requests are typed by Stripe's own parameter types. Answers are read into small structs of our
own with msgspec: turning a checkout session into Stripe's objects costs over a millisecond of
CPU, ten times what we need from it.
"""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import quote

import stripe

# By name, for the library loads a part when it is first asked for: this largest one is loaded before
# processes are forked, and they share it.
from stripe import StripeClient, WebhookSignature
from stripe.params import RefundCreateParams
from stripe.params.checkout import SessionCreateParams

from shop.payments import wire
from shop.payments.gateway import (
    BadSignature,
    GatewayEvent,
    GatewayRefund,
    GatewayRefused,
    GatewaySession,
    GatewayUnavailable,
    RefundRequest,
    SessionNotOpen,
    SessionRequest,
)
from shop.payments.transport import TOTAL_SECONDS, StripeTransport

# Stripe's client would otherwise measure our requests and keep an id in the home folder.
stripe.enable_telemetry = False

# Stripe: "the default tolerance is 5 minutes between the timestamp and the current time".
SIGNATURE_TOLERANCE = timedelta(minutes=5)

# One repeat, for a kept connection that the other side closed as we wrote. Every POST carries an
# idempotency key, so it is harmless; more would outlast the buyer's patience, and the sweep
# tries again anyway.
NETWORK_RETRIES = 1

# Of a hundred events each: more than any station sells in the days that are compared.
MOST_PAGES = 50

# A wrong key is none of these: it says something about us and nothing about the payment.
_FINAL = (
    stripe.InvalidRequestError,
    stripe.CardError,
    stripe.IdempotencyError,
)


class StripeGateway:
    """Talks to Stripe, or to the rehearsal service when `base_url` names it.

    Belongs to one event loop, where `aclose` ends it. `name` is what payments made through it
    are filed under. A call takes `total_seconds` at most, its one retry included.
    """

    def __init__(
        self,
        api_key: str,
        webhook_secret: str,
        base_url: str | None = None,
        name: str = "stripe",
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        if not re.fullmatch(r"\w+", api_key, re.ASCII):
            raise ValueError("not a Stripe key: it has letters, digits and _ only")
        if base_url is not None and is_live_key(api_key):
            raise ValueError("a live Stripe key is only ever sent to Stripe")
        self.name = name
        self._webhook_secret = webhook_secret
        self._total_seconds = total_seconds
        self._transport = StripeTransport()
        self._client = StripeClient(
            api_key,
            base_addresses={} if base_url is None else {"api": base_url.rstrip("/")},
            http_client=self._transport,
            max_network_retries=NETWORK_RETRIES,
        )

    async def create_session(self, request: SessionRequest) -> GatewaySession:
        body = await self._call("post", "/v1/checkout/sessions", _session_params(request))
        return wire.read_session(body)

    async def fetch_session(self, session_id: str) -> GatewaySession:
        return wire.read_session(await self._call("get", _session_path(session_id), {}))

    async def expire_session(self, session_id: str) -> GatewaySession:
        try:
            body = await self._call("post", _session_path(session_id) + "/expire", {})
        except GatewayRefused as refusal:
            # Stripe answers 400 and no code of its own when the session is not open.
            cause = refusal.__cause__
            if isinstance(cause, stripe.InvalidRequestError) and cause.http_status == 400:
                raise SessionNotOpen(str(refusal)) from cause
            raise
        return wire.read_session(body)

    async def refund(self, request: RefundRequest) -> GatewayRefund:
        return wire.read_refund(await self._call("post", "/v1/refunds", _refund_params(request)))

    async def fetch_refund(self, refund_id: str) -> GatewayRefund:
        return wire.read_refund(await self._call("get", f"/v1/refunds/{quote(refund_id, '')}", {}))

    async def paid_since(self, since: datetime) -> list[GatewaySession]:
        found: list[GatewaySession] = []
        since = since.replace(microsecond=0)  # Stripe tells whole seconds.
        asked = {"type": "checkout.session.completed", "created": {"gte": int(since.timestamp())}}
        more: dict[str, object] = {"limit": 100}
        for _ in range(MOST_PAGES):
            page = wire.read_events(await self._call("get", "/v1/events", {**asked, **more}))
            recent = [event for event in page.events if event.created >= since]
            found += [e.session for e in recent if e.session is not None and e.session.paid]
            if not page.has_more or len(recent) < len(page.events):
                break
            more["starting_after"] = page.events[-1].id
        return found

    def verify_event(self, payload: bytes, signature: str, now: datetime) -> GatewayEvent:
        try:
            # Stripe's check without its tolerance, which reads the machine's clock, not `now`.
            WebhookSignature.verify_header(payload, signature, self._webhook_secret)
            signed_at = _signing_time(signature)
            event = wire.read_event(payload)
        except (stripe.SignatureVerificationError, ValueError, TypeError, OverflowError):
            raise BadSignature("the message is not signed by the gateway") from None
        if now - signed_at > SIGNATURE_TOLERANCE:
            raise BadSignature("the message was signed too long ago")
        return event

    async def aclose(self) -> None:
        await self._transport.close_async()

    async def _call(self, method: str, path: str, params: Mapping[str, object]) -> str:
        """The body of a good answer. Raises GatewayUnavailable or GatewayRefused."""
        try:
            async with asyncio.timeout(self._total_seconds):
                answer: stripe.StripeResponse = await self._client.raw_request_async(
                    method, path, **params
                )
        except _FINAL as error:
            raise GatewayRefused(error.user_message or "refused without a reason") from error
        except (stripe.StripeError, TimeoutError) as error:
            raise GatewayUnavailable(f"no usable answer: {type(error).__name__}") from error
        return answer.body


def is_live_key(api_key: str) -> bool:
    """Whether the key moves real money: Stripe's live keys are `sk_live_…` and `rk_live_…`."""
    return api_key.startswith(("sk_live_", "rk_live_"))


def _session_path(session_id: str) -> str:
    return f"/v1/checkout/sessions/{quote(session_id, '')}"


def _session_params(request: SessionRequest) -> SessionCreateParams:
    params: SessionCreateParams = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": "cny",
                    "unit_amount": request.amount_fen,
                    "product_data": {"name": request.description},
                },
            }
        ],
        # Those of these that are switched on for the account. (Stripe, since API 2026-09-30:
        # a fixed list, `payment_method_types`, is refused.)
        "allowed_payment_method_types": cast(Any, list(request.methods)),
        # Otherwise Stripe may charge the buyer in another currency at its own rate.
        "adaptive_pricing": {"enabled": False},
        "client_reference_id": str(request.payment_id),
        "metadata": {"payment_id": str(request.payment_id), "order_code": request.order_code},
        "expires_at": int(request.expires_at.timestamp()),
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        "locale": "zh",
        "idempotency_key": request.idempotency_key,
    }
    if "wechat_pay" in request.methods:
        params["payment_method_options"] = {"wechat_pay": {"client": "web"}}
    return params


def _refund_params(request: RefundRequest) -> RefundCreateParams:
    return {
        "payment_intent": request.intent_id,
        "amount": request.amount_fen,
        "metadata": {"payment_id": str(request.payment_id)},
        "idempotency_key": request.idempotency_key,
    }


def _signing_time(signature: str) -> datetime:
    """The `t=` of a signature header that was verified, in seconds since 1970."""
    stamp = next(part[2:] for part in signature.split(",") if part.startswith("t="))
    return datetime.fromtimestamp(int(stamp), UTC)
