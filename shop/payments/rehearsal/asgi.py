"""Requests and answers over ASGI, as little of it as the rehearsal service needs.

A framework's handler costs 0.15 ms of CPU a request, more than making a session does, and every
purchase in a load test passes here several times.
"""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from litestar.types import HTTPScope, Receive, Send

# Stripe's requests are a few kilobytes.
MAX_BODY = 256 * 1024
# Longer than any caller waits.
SILENT_SECONDS = 60.0


class BodyTooLarge(Exception):
    """The request is longer than MAX_BODY."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `path` is below the mount, without a closing slash. Header names are lower."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


async def read_request(scope: HTTPScope, receive: Receive) -> Request:
    """Raises BodyTooLarge."""
    # A server's own prefix stays in the path; a framework's mount has already cut its off.
    path = scope["path"].removeprefix(scope.get("root_path") or "")
    return Request(
        method=scope["method"],
        path=path.rstrip("/"),
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
        headers={
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        },
        body=(await _read_body(receive)).decode("utf-8", "replace"),
    )


async def send_response(send: Send, response: Response) -> None:
    headers = {
        "content-length": str(len(response.body)),
        "cache-control": "no-store",
        "request-id": f"req_{secrets.token_hex(7)}",
        **response.headers,
    }
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": [
                (name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
            ],
        }
    )
    await send({"type": "http.response.body", "body": response.body, "more_body": False})


async def no_response(receive: Receive) -> Response:
    """Say nothing until the caller has given up; the answer that is left then reaches nobody."""
    with suppress(TimeoutError):
        async with asyncio.timeout(SILENT_SECONDS):
            while (await receive())["type"] != "http.disconnect":
                pass
    return Response(504, b"")


async def _read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body  # the caller has gone; nobody will read the answer
        body += message["body"]
        if len(body) > MAX_BODY:
            raise BodyTooLarge
        if not message["more_body"]:
            return body
