"""The door at which the payment gateway tells us what happened."""

from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
from litestar import Request, Response, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency
from litestar.params import HeaderParameter
from litestar.types import ControllerRouterHandler

from catalog.access import EVERYONE, allow
from shop.context import Shop
from shop.errors import UnsignedEvent
from shop.payments.gateway import BadSignature
from shop.webhooks import Kept, Signed, keep_events, take_event

log = structlog.get_logger()

# Stripe's events about our sessions and refunds are a few kilobytes.
MOST_EVENT = 256_000


@post(
    "/webhooks/stripe",
    opt=allow(EVERYONE),
    status_code=200,
    request_max_body_size=MOST_EVENT,
    include_in_schema=False,
)
async def stripe_event(
    request: Request[Any, Any, Any],
    shop: NamedDependency[Shop],
    signature: Annotated[str, HeaderParameter(name="Stripe-Signature")] = "",
) -> Response[dict[str, bool]]:
    """Write the event down and settle what is plain, answer, then see to the rest; 400 when it is
    not signed.

    Anything but 200 makes the gateway tell us again later.
    """
    payload = await request.body()
    name, now = shop.default_gateway, datetime.now(UTC)
    try:
        event = shop.gateways[name].verify_event(payload, signature, now)
    except BadSignature as error:
        raise UnsignedEvent(str(error)) from error
    left = await shop.together(keep_events, Signed(name, event, payload.decode(), now))
    work = BackgroundTask(_see_to, shop, left) if left is not None else None
    return Response({"received": True}, background=work)


async def _see_to(shop: Shop, kept: Kept) -> None:
    """Do the event's work now rather than in a worker's turn; what fails here, the worker does."""
    try:
        await take_event(shop, kept)
    except Exception:
        log.exception("event left to the worker", gateway_event=kept.event.id)


ROUTES: list[ControllerRouterHandler] = [stripe_event]
