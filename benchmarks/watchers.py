"""`python -m benchmarks.watchers PORT PATH COUNT`: so many who watch a show, in one process.

Each keeps a raw connection and notes what it reads and when. Lines on standard input tell what to
do, and each is answered by one line: `connect`, `cut SHARE` (that part of them drop the line and
come back at once), `tell` (what everybody has seen, as JSON).
"""

import asyncio
import json
import re
import sys
import time
from dataclasses import dataclass, field
from typing import cast

import uvloop

# The first item's, which is the one that changes.
_VALUE = re.compile(rb'"free":(\d+)')
_END = b"\r\n\r\n"
AT_ONCE = 100
PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class Seen:
    """What one watcher read: (when, how many are free, negative), and its line's cuts."""

    values: list[tuple[float, int]] = field(default_factory=list)
    cuts: list[list[float]] = field(default_factory=list)
    refused: int = 0


class Watcher(asyncio.Protocol):
    """One connection of one watcher."""

    def __init__(self, request: bytes, seen: Seen, ready: asyncio.Future[None]) -> None:
        self._request, self.seen, self._ready = request, seen, ready
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no class that the standard library knows.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        # The last whole message is the state; what came with it is older.
        messages, end, rest = (self._rest + data).rpartition(_END)
        if not end:
            self._rest = rest
            return
        self._rest = rest
        found = _VALUE.search(messages, max(0, messages.rfind(b"event: board")))
        if found is None:
            if messages.startswith(b"HTTP/1.1") and not messages.startswith(b"HTTP/1.1 200"):
                self.seen.refused += 1
            return
        # Pieces go out one by one, so that more of these is newer.
        self.seen.values.append((now, -int(found[1])))
        if not self._ready.done():
            self._ready.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._ready.done():
            self._ready.set_exception(ConnectionError("cut before the first message"))

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Crowd:
    """All watchers of this process."""

    def __init__(self, port: int, path: str, count: int) -> None:
        self._port, self._count = port, count
        self._request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        self._watchers: list[Watcher] = []

    async def connect(self) -> float:
        """Connect all of them; the seconds until each had read a state."""
        begun = time.monotonic()
        for first in range(0, self._count, AT_ONCE):
            number = min(AT_ONCE, self._count - first)
            self._watchers += await asyncio.gather(*(self._one(Seen()) for _ in range(number)))
        return time.monotonic() - begun

    async def cut(self, share: float) -> float:
        """Cut the lines of some, who come back at once; the seconds until all have a state again."""
        begun = time.monotonic()
        some = range(0, self._count, round(1 / share))
        for n in some:
            self._watchers[n].seen.cuts.append([time.monotonic(), 0.0])
            self._watchers[n].cut()
        back = await asyncio.gather(*(self._one(self._watchers[n].seen) for n in some))
        for n, watcher in zip(some, back, strict=True):
            watcher.seen.cuts[-1][1] = time.monotonic()
            self._watchers[n] = watcher
        return time.monotonic() - begun

    async def _one(self, seen: Seen) -> Watcher:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        _, watcher = await loop.create_connection(
            lambda: Watcher(self._request, seen, ready), "127.0.0.1", self._port
        )
        await asyncio.wait_for(ready, PATIENCE_SECONDS)
        return watcher

    def tell(self) -> list[dict[str, object]]:
        return [
            {"values": w.seen.values, "cuts": w.seen.cuts, "refused": w.seen.refused}
            for w in self._watchers
        ]


async def main() -> None:
    crowd = Crowd(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        what, _, how = line.strip().partition(" ")
        if what == "connect":
            print(json.dumps(await crowd.connect()), flush=True)
        elif what == "cut":
            print(json.dumps(await crowd.cut(float(how))), flush=True)
        elif what == "tell":
            print(json.dumps(crowd.tell()), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
