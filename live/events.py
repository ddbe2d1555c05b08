"""Server-sent events as cheaply as they can be: bytes that are ready go out as they are.

The framework's own response encodes each message anew for each who watches; here two thousand
watchers share one message, and a change costs each of them one step of one task.
"""

import asyncio
import secrets
from collections.abc import Iterable
from typing import Any

from litestar import MediaType, Request, Response
from litestar.background_tasks import BackgroundTask, BackgroundTasks
from litestar.datastructures import Cookie
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Send

from live.boards import Fragments, Watch, framed

_HEADERS = {
    "Cache-Control": "no-store",
    # Tells nginx to pass each message on as it comes.
    "X-Accel-Buffering": "no",
}
# When a process ends, its watchers come back spread over these milliseconds, not all at once.
_COME_BACK = range(500, 2500)


class EventStream(Response[None]):
    """Answers with what a `Watch` yields, until the client goes.

    For pages, `spread` tells each browser to come back at a moment of its own.
    """

    def __init__(self, watch: Watch, *, spread: bool = False) -> None:
        super().__init__(None, media_type="text/event-stream", headers=_HEADERS)
        self._watch, self._spread = watch, spread

    def to_asgi_response(
        self,
        app: Any,
        request: Request[Any, Any, Any],
        *,
        background: BackgroundTask | BackgroundTasks | None = None,
        cookies: Iterable[Cookie] | None = None,
        encoded_headers: Iterable[tuple[bytes, bytes]] | None = None,
        headers: dict[str, str] | None = None,
        is_head_response: bool = False,
        media_type: MediaType | str | None = None,
        status_code: int | None = None,
        type_encoders: Any = None,
    ) -> ASGIResponse:
        return _Stream(
            self._watch,
            b"retry: %d\r\n\r\n" % secrets.choice(_COME_BACK) if self._spread else b"",
            cookies=cookies,
            headers={**(headers or {}), **self.headers},
            is_head_response=is_head_response,
            media_type=self.media_type,
        )


def told_once(fragments: Fragments) -> Response[bytes]:
    """An answer to a browser that comes back when there is nothing more to follow."""
    return Response(framed(fragments.parts), media_type="text/event-stream", headers=_HEADERS)


class _Stream(ASGIResponse):
    _should_set_content_length = False

    def __init__(self, watch: Watch, first: bytes, **options: Any) -> None:
        super().__init__(**options)
        self._watch, self._first = watch, first

    async def send_body(self, send: Send, receive: Receive) -> None:
        watch = self._watch
        leaving = asyncio.create_task(_leave_with_client(watch, receive))
        try:
            if self._first:
                await send(_chunk(self._first))
            async for message in watch:
                await send(_chunk(message))
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            watch.leave()
            leaving.cancel()


def _chunk(body: bytes) -> Any:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def _leave_with_client(watch: Watch, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    watch.leave()
