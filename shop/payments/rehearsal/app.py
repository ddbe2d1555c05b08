"""The rehearsal service as an ASGI application, to be mounted in another or served alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

from shop.payments.rehearsal import api, pages
from shop.payments.rehearsal.asgi import (
    BodyTooLarge,
    Request,
    Response,
    no_response,
    read_request,
    send_response,
)
from shop.payments.rehearsal.config import RehearsalConfig
from shop.payments.rehearsal.delivery import Delivery
from shop.payments.rehearsal.errors import NoAnswer
from shop.payments.rehearsal.store import Store


class RehearsalApp:
    """Answers HTTP below wherever it is mounted; events go out while `lifespan` is entered."""

    def __init__(self, config: RehearsalConfig) -> None:
        self._config = config
        self._store = Store(config.store_path)
        self._delivery = Delivery(self._store, config)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Deliver events in the background; at the end close the store, for good."""
        task = asyncio.create_task(self._delivery.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self._store.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            return  # nothing here speaks WebSocket; the server turns it away
        try:
            request = await read_request(scope, receive)
        except BodyTooLarge:
            await send_response(send, Response(413, b""))
            return
        try:
            response = await self._answer(request)
        except NoAnswer:
            response = await no_response(receive)
        await send_response(send, response)

    async def _answer(self, request: Request) -> Response:
        match request.path.split("/"):
            case ["", "v1", *_]:
                response = api.answer(self._store, self._config, request)
                if request.method == "POST":
                    self._delivery.wake()
                return response
            case ["", "pay", session_id] if request.method in ("GET", "POST"):
                return await pages.answer(
                    self._store, self._config, self._delivery, request, session_id
                )
            case _:
                return Response(404, b"")


def create_app(config: RehearsalConfig) -> RehearsalApp:
    """Open the store and build the service. The caller runs `lifespan` around its serving."""
    return RehearsalApp(config)
