"""The real program over real HTTP: `xiangbo serve` as a process of its own."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
import psutil

COMMAND = Path(sys.executable).with_name("xiangbo")
PATIENCE_SECONDS = 60

T = TypeVar("T")


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Served:
    """A running server. `kill` is SIGKILL to everything; `start` runs it again on the same data."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.environment = environment
        self._arguments = arguments
        self.log = Path(environment["XIANGBO_DATA_DIR"]).with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(COMMAND), "serve", "--port", str(self.port), *self._arguments],
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
            )
        self.wait_ready()

    def wait_ready(self) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended: {self.log.read_text()[-2000:]}")
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.base}/readyz", timeout=2).status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError(f"the server is not ready: {self.log.read_text()[-2000:]}")

    @property
    def process_id(self) -> int:
        """The supervisor's."""
        assert self.process is not None
        return self.process.pid

    def processes(self) -> list[psutil.Process]:
        """The supervisor and all below it."""
        assert self.process is not None
        mine = psutil.Process(self.process.pid)
        return [mine, *mine.children(recursive=True)]

    def kill(self) -> None:
        """SIGKILL to every process at once, as a power cut would end them."""
        if self.process is None or self.process.poll() is not None:
            return
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End as a person would, with Ctrl+C's gentler sister."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=60)


@contextmanager
def served(database_url: str, folder: Path, *arguments: str, **settings: str) -> Iterator[Served]:
    """A server on a migrated database that keeps its files in `folder`.

    In the end it is killed: a worker takes seconds to say goodbye, and nobody listens.
    """
    environment = {"XIANGBO_DATABASE_URL": database_url, "XIANGBO_DATA_DIR": str(folder / "data")}
    environment |= {f"XIANGBO_{name}": value for name, value in settings.items()}
    server = Served(environment, *arguments)
    try:
        server.start()
        yield server
    finally:
        server.kill()


async def eventually(look: Callable[[], Awaitable[T]], *, within: float = 120) -> T:
    """What `look` finds, asked again until it is truthy; fails after `within` seconds."""
    until = time.monotonic() + within
    while True:
        found = await look()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(f"still {found!r} after {within} s")
        await asyncio.sleep(0.05)
