"""The process that a station starts: it keeps the web server and background work running.

It imports next to nothing, for it stays in memory as long as they do, and it has one thread: the
web server forks, and a fork copies the locks that other threads hold.
"""

import argparse
import contextlib
import ctypes
import http.client
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

PATIENCE_SECONDS = 60
# A worker that cannot start would otherwise be started a hundred times a second.
BETWEEN_STARTS_SECONDS = 2.0
LOOK_SECONDS = 0.2
STOP_SECONDS = 15

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None)

# How many requests a process has in hand at once: five thousand live pages, and all others beside.
# Left to itself the server stops at a thousand, and then answers nobody.
MOST_AT_ONCE = 8192
# Each has a line of its own, and each line is a file to the system.
MOST_FILES = 2 * MOST_AT_ONCE

_WEB = (
    "granian", "--interface", "asgi", "--factory", "--loop", "uvloop", "--log-level", "warning",
    "--respawn-failed-workers", "--backpressure", str(MOST_AT_ONCE),
)  # fmt: skip


def allow_many_files() -> None:
    """Let this process and those below it have as many lines open as they need, or as they may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def end_with_parent(parent_id: int, how: signal.Signals = signal.SIGTERM) -> None:
    """In a child: get a signal when its parent dies, however it does, or has died already."""
    _libc.prctl(_PR_SET_PDEATHSIG, how)
    if os.getppid() != parent_id:
        os.kill(os.getpid(), how)


@contextmanager
def child(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process below this one, ended with the block."""
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", *arguments], preexec_fn=partial(end_with_parent, os.getpid())
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(web: subprocess.Popen[bytes], host: str, port: int) -> bool:
    """Wait for the server's first answer; False when it ended or stayed silent."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and web.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(_reachable(host), port, timeout=2)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return True
        time.sleep(0.05)
    return False


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def announce(host: str, port: int, demo: str | None, sheet: str | None) -> None:
    """Say where the server is; for the demo, who signs in, and write the sheet."""
    print(f"\n乡播 is ready at http://{host}:{port}", flush=True)  # noqa: T201
    if demo is None:
        return
    text = Path(demo).read_text(encoding="utf-8")
    there = json.loads(text)
    names = {workshop["id"]: workshop["name"] for workshop in there["workshops"]}
    for member in there["members"]:
        whose = f"  {names[member['workshop']]}" if member["workshop"] else ""
        print(f"  {member['role']:<11} {member['login']:<14} {member['password']}{whose}")  # noqa: T201
    for card in there["cards"]:
        print(f"  card of {card['login']:<14} {card['url']}")  # noqa: T201
    print(f"  sign in at http://{host}:{port}/sign-in    stop with Ctrl+C\n", flush=True)  # noqa: T201
    if sheet is not None:
        # Whoever waits for the file finds it whole.
        part = Path(f"{sheet}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(sheet)


def keep_background(web: subprocess.Popen[bytes]) -> None:
    """Run the worker, and again whenever it ends, for as long as the web server runs."""
    while web.poll() is None:
        with child("workers") as worker:
            while worker.poll() is None and web.poll() is None:
                time.sleep(LOOK_SECONDS)
        time.sleep(BETWEEN_STARTS_SECONDS)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> int:
    """Run until told to stop; the web server's exit code when it ends by itself."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", required=True)
    parser.add_argument("--background", action="store_true")
    parser.add_argument("--demo")
    parser.add_argument("--sheet")
    given = parser.parse_args()
    allow_many_files()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    address = ("--host", given.host, "--port", str(given.port), "--workers", given.workers)
    with child(*_WEB, *address, "shop.app:server_app") as web:
        if not wait_until_ready(web, given.host, given.port):
            return 1
        announce(given.host, given.port, given.demo, given.sheet)
        if given.background:
            # The worker comes second: buyers wait for pages, and both load for seconds.
            keep_background(web)
        return web.wait()


if __name__ == "__main__":
    sys.exit(main())
