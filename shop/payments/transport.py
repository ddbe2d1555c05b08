"""HTTP for payments: one pool of kept-alive connections, for Stripe's client and for webhooks.

Built on httpcore, which httpx is built on too: a small POST costs a third less CPU than through
httpx, and no proxy or certificate setting is read from the environment behind our back.
"""

import asyncio
from collections.abc import Awaitable, Mapping

import httpcore
import stripe

CONNECT_SECONDS = 2.0
TOTAL_SECONDS = 10.0
MAX_CONNECTIONS = 50

NETWORK_FAULTS = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)
_LIMITS = {
    "timeout": {
        "connect": CONNECT_SECONDS,
        "read": TOTAL_SECONDS,
        "write": TOTAL_SECONDS,
        "pool": TOTAL_SECONDS,
    }
}


class _NetworkFault(stripe.APIConnectionError):
    """What Stripe's client retries; says only the kind, for a fault's text may quote addresses."""

    should_retry = True

    def __init__(self, kind: str) -> None:
        stripe.StripeError.__init__(self, kind)  # the parent's own __init__ has no types


class HttpPool:
    """Kept-alive connections of one event loop; close it on that loop."""

    def __init__(self) -> None:
        # 4 seconds idle is less than servers commonly grant, so a kept connection is still good.
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=MAX_CONNECTIONS, keepalive_expiry=4.0
        )

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> httpcore.Response:
        """One request and its whole answer. Raises one of NETWORK_FAULTS."""
        pairs = list(headers.items())
        return await self._pool.request(
            method.upper(), url, headers=pairs, content=body, extensions=_LIMITS
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class StripeTransport(stripe.HTTPClient):
    """What Stripe's client sends its requests through."""

    name = "httpcore"

    def __init__(self) -> None:
        super().__init__()
        self._pool = HttpPool()

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        try:
            answer = await self._pool.request(method, url, headers, (post_data or "").encode())
        except NETWORK_FAULTS as fault:
            raise _NetworkFault(type(fault).__name__) from fault
        read = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in answer.headers
        }
        return answer.content, answer.status, read

    def sleep_async(self, secs: float) -> Awaitable[None]:
        return asyncio.sleep(secs)

    async def close_async(self) -> None:
        await self._pool.aclose()
