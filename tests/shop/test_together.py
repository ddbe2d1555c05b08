"""Questions of one moment, answered by one query, and never by an older one."""

import asyncio
from collections.abc import Sequence

import pytest

from shop.together import MOST, Together


class Source:
    """Counts what it is asked; each query waits until it is let go, and reads the value then."""

    def __init__(self) -> None:
        self.value = 0
        self.asked: list[list[str]] = []
        self.begun = asyncio.Semaphore(0)
        self.go = asyncio.Semaphore(0)

    async def ask(self, keys: Sequence[str]) -> dict[str, int]:
        self.asked.append(list(keys))
        self.begun.release()
        read = self.value
        await self.go.acquire()
        return {key: read for key in keys if key != "nothing"}


async def test_questions_that_gather_while_one_is_asked_share_the_next_query() -> None:
    source = Source()
    together = Together(source.ask)
    first = asyncio.create_task(together.get("a"))
    await source.begun.acquire()
    others = [asyncio.create_task(together.get(key)) for key in ("a", "b", "b", "nothing")]
    await asyncio.sleep(0)
    source.go.release()
    source.go.release()
    assert await first == 0
    assert await asyncio.gather(*others) == [0, 0, 0, None]
    assert source.asked == [["a"], ["a", "b", "nothing"]]


async def test_an_answer_is_never_older_than_its_question() -> None:
    source = Source()
    together = Together(source.ask)
    early = asyncio.create_task(together.get("a"))
    await source.begun.acquire()
    source.value = 7
    late = asyncio.create_task(together.get("a"))
    await asyncio.sleep(0)
    source.go.release()
    source.go.release()
    assert await early == 0
    assert await late == 7


async def test_more_than_fit_are_asked_in_turns() -> None:
    source = Source()
    together = Together(source.ask)
    tasks = [asyncio.create_task(together.get(f"{n}")) for n in range(MOST + 1)]
    await source.begun.acquire()
    source.go.release()
    source.go.release()
    assert await asyncio.gather(*tasks) == [0] * (MOST + 1)
    assert [len(keys) for keys in source.asked] == [MOST, 1]


async def test_a_fault_reaches_everybody_and_the_next_question_is_asked_anew() -> None:
    broken = True

    async def ask(keys: Sequence[str]) -> dict[str, int]:
        if broken:
            raise OSError("away")
        return dict.fromkeys(keys, 1)

    together = Together(ask)
    results = await asyncio.gather(
        together.get("a"), together.get("b"), together.get("a"), return_exceptions=True
    )
    assert [type(result) for result in results] == [OSError] * 3
    broken = False
    assert await together.get("a") == 1


async def test_one_who_goes_away_takes_nothing_from_the_others() -> None:
    source = Source()
    together = Together(source.ask)
    leaving, staying = (asyncio.create_task(together.get("a")) for _ in range(2))
    await source.begun.acquire()
    leaving.cancel()
    source.go.release()
    assert await staying == 0
    with pytest.raises(asyncio.CancelledError):
        await leaving
