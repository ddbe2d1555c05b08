"""One event loop and one set of connections for each worker process; tasks run on it in turn."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from live.nudges import Nudges
from media.storage import Storage
from shop.context import Shop
from shop.gateways import open_shop
from shop.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Runtime:
    loop: asyncio.AbstractEventLoop
    shop: Shop
    storage: Storage
    nudges: Nudges


_runtimes: list[_Runtime] = []


def begin(settings: Settings) -> None:
    """Put together what this process works with. Connections are opened by the first task."""
    shop = open_shop(settings, pool_size=2)
    nudges = Nudges(shop.database, settings.redis_url)
    storage = Storage.open(settings.storage_url)
    _runtimes.append(_Runtime(asyncio.new_event_loop(), shop, storage, nudges))


def end() -> None:
    """Close what `begin` opened."""
    while _runtimes:
        current = _runtimes.pop()
        current.loop.run_until_complete(current.nudges.close())
        current.loop.run_until_complete(current.shop.close())
        current.loop.close()


def run(work: Callable[[Shop, Storage], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on this process's loop, to its end; those who watch hear what it changed."""
    current = _runtimes[-1]
    try:
        return current.loop.run_until_complete(work(current.shop, current.storage))
    finally:
        current.loop.run_until_complete(current.nudges.publish())
