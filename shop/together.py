"""Questions of one moment answered by one query.

When a host says "scan now", a hundred phones ask the same thing at once. A question that comes
while a query is under way waits for the next one, which is begun after it and answers all that
have gathered by then. So every answer is as fresh as a query of its own would have been, nothing
is kept between queries, and the database is asked once instead of a hundred times.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

MOST = 64


class Together(Generic[K, V]):
    """Gathers questions for `ask`, which answers up to `MOST` of them with one query.

    Belongs to one event loop. An error of the query is raised to everybody who waited for it.
    """

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._ask = ask
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """The answer for `key`; None when the query had none."""
        future = self._waiting.get(key)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._waiting[key] = future
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_on())
        # Somebody who goes away must not cancel the answer of the others.
        return await asyncio.shield(future)

    async def _ask_on(self) -> None:
        try:
            while self._waiting:
                batch = {key: self._waiting.pop(key) for key in list(self._waiting)[:MOST]}
                await self._answer(batch)
        finally:
            self._asking = None

    async def _answer(self, batch: dict[K, asyncio.Future[V | None]]) -> None:
        try:
            found = await self._ask(list(batch))
        except Exception as error:
            for future in batch.values():
                future.set_exception(error)
                # Nobody may be left to fetch it, and that is no news.
                future.exception()
            return
        for key, future in batch.items():
            future.set_result(found.get(key))
