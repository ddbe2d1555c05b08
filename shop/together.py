"""Questions of one moment answered in one go.

When a host says "scan now", a hundred phones ask the same thing at once, and then a hundred want
to buy. A question that comes while another is being answered waits for the next round, which is
begun after it and answers all that have gathered by then: one query instead of a hundred, or one
transaction, with one wait for the disk. Every answer is as fresh as one of its own would have
been, and nothing is kept between rounds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MOST = 64


class Together(Generic[K, V]):
    """Gathers questions for `ask`, which answers up to `MOST` of them at once.

    Equal questions get one answer. An answer that is an exception is raised to its asker. When
    `ask` itself fails, each question is put to it alone, so that an error meets whom it concerns.
    Between two rounds lie `apart` seconds at least: who comes alone is answered at once, and the
    more come, the more of them share a round. Belongs to one event loop.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V | Exception]]],
        *,
        apart: float = 0.0,
    ) -> None:
        self._ask = ask
        self._apart = apart
        self._next_at = 0.0
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def get(self, key: K) -> V | None:
        """The answer for `key`; None when there was none."""
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
                await self._turn()
                batch = {key: self._waiting.pop(key) for key in list(self._waiting)[:MOST]}
                await self._answer(batch)
                self._next_at = asyncio.get_running_loop().time() + self._apart
        finally:
            self._asking = None

    async def _turn(self) -> None:
        """Wait until the next round may begin."""
        wait = self._next_at - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)

    async def _answer(self, batch: dict[K, asyncio.Future[V | None]]) -> None:
        try:
            found = await self._ask(list(batch))
        except Exception as error:
            if len(batch) > 1:
                for key, future in batch.items():
                    await self._answer({key: future})
                return
            found = dict.fromkeys(batch, error)
        for key, future in batch.items():
            answer = found.get(key)
            if isinstance(answer, Exception):
                future.set_exception(answer)
                # Nobody may be left to fetch it, and that is no news.
                future.exception()
            else:
                future.set_result(answer)


def apart(concerns: Iterable[Iterable[Hashable]]) -> list[list[int]]:
    """Positions of what concerns various things, in rounds; each position is in one of them.

    In a round nothing concerns the same thing as another, and what concerns the same thing comes
    in the order given.
    """
    rounds: list[list[int]] = []
    turns: dict[Hashable, int] = {}
    for position, things in enumerate(concerns):
        things = list(things)
        turn = max((turns.get(thing, 0) for thing in things), default=0)
        turns.update(dict.fromkeys(things, turn + 1))
        rounds.extend([] for _ in range(turn + 1 - len(rounds)))
        rounds[turn].append(position)
    return rounds
