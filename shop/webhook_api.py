"""The door at which the payment gateway tells us what happened."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import HeaderParameter
from litestar.types import ControllerRouterHandler

from catalog.access import EVERYONE, allow
from shop.context import Shop
from shop.errors import UnsignedEvent
from shop.payments.gateway import BadSignature
from shop.webhooks import take_event

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
    now: NamedDependency[datetime],
    signature: Annotated[str, HeaderParameter(name="Stripe-Signature")] = "",
) -> dict[str, bool]:
    """Settle what the event tells, in one transaction with its id; 400 when it is not signed.

    Anything but 200 makes the gateway tell us again later.
    """
    payload = await request.body()
    try:
        event = shop.gateways[shop.default_gateway].verify_event(payload, signature, now)
    except BadSignature as error:
        raise UnsignedEvent(str(error)) from error
    async with shop.database.writing.begin() as session:
        await take_event(session, shop.default_gateway, event, now)
    return {"received": True}


ROUTES: list[ControllerRouterHandler] = [stripe_event]
