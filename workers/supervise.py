"""The process that a station starts: it loads the program, and forks web server and worker.

Memory holds once what all of them have loaded, and one that ended is back without loading it. It
has one thread: a fork copies the locks that other threads hold.
"""

import argparse
import contextlib
import gc
import http.client
import json
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.context import ForkProcess
from pathlib import Path

from granian import Granian
from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from litestar import Litestar
from setproctitle import setproctitle

from shop.processes import end_with_parent

PATIENCE_SECONDS = 60
# A worker that cannot start would otherwise be started a hundred times a second.
BETWEEN_STARTS_SECONDS = 2.0
LOOK_SECONDS = 0.2
STOP_SECONDS = 15

# How many requests a process has in hand at once: five thousand live pages, and all others beside.
# Left to itself the server stops at a thousand, and then answers nobody.
MOST_AT_ONCE = 8192
# Each has a line of its own, and each line is a file to the system.
MOST_FILES = 2 * MOST_AT_ONCE

WEB, WORKER = "xiangbo web", "xiangbo worker"
"""What the processes are called in a list of them."""

_FORK = multiprocessing.get_context("fork")
_TOLD_TO_STOP = (signal.SIGTERM, signal.SIGINT)


def allow_many_files() -> None:
    """Let this process and those below it have as many lines open as they need, or as they may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def wait(seconds: float) -> None:
    """Wait; ends this process when it is told to stop, or has been since the last time.

    Only here: an exception that a signal raises anywhere may be lost in a finalizer, or come
    between a fork and the block that ends the child.
    """
    if signal.sigtimedwait(_TOLD_TO_STOP, seconds) is not None:
        sys.exit(0)


@contextmanager
def forked(name: str, work: Callable[[], object]) -> Iterator[ForkProcess]:
    """A process below this one that does `work`, ended with the block."""
    process = _FORK.Process(target=_begin, args=(os.getpid(), name, work))
    process.start()
    try:
        yield process
    finally:
        process.terminate()
        process.join(STOP_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()


def _begin(parent_id: int, name: str, work: Callable[[], object]) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _TOLD_TO_STOP)
    end_with_parent(parent_id)
    setproctitle(name)
    work()


def load() -> Litestar:
    """The assembled application."""
    # Nothing of what is loaded is garbage, and looking for some takes a fifth of the time.
    gc.disable()
    from shop.app import assemble

    app = assemble()
    gc.freeze()
    gc.enable()
    return app


def serve_web(app: Litestar, host: str, port: int, workers: int) -> None:
    """Serve an assembled application with so many processes, until told to stop."""
    from shop.app import server_app

    Granian(
        "shop.app",
        host,
        port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        backpressure=MOST_AT_ONCE,
        workers=workers,
        process_name=WEB,
    ).serve(target_loader=partial(server_app, app), wrap_loader=False)


def run_worker() -> None:
    """Work in the background until told to stop."""
    # Loaded once the web server answers: buyers wait for pages, and nobody for this.
    from workers.__main__ import main as work

    work()


def wait_until_ready(web: ForkProcess, host: str, port: int) -> bool:
    """Wait for the server's first answer; False when it ended or stayed silent."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and web.is_alive():
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(_reachable(host), port, timeout=2)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return True
        wait(0.05)
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


def keep_background(web: ForkProcess) -> None:
    """Run the worker, and again whenever it ends, for as long as the web server runs."""
    while web.is_alive():
        with forked(WORKER, run_worker) as worker:
            while worker.is_alive() and web.is_alive():
                wait(LOOK_SECONDS)
        wait(BETWEEN_STARTS_SECONDS)


def main() -> int | None:
    """Run until told to stop; the web server's exit code when it ends by itself."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--background", action="store_true")
    parser.add_argument("--demo")
    parser.add_argument("--sheet")
    given = parser.parse_args()
    allow_many_files()
    # Whoever stops it while it loads ends it there and then.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    web_server = partial(serve_web, load(), given.host, given.port, given.workers)
    signal.pthread_sigmask(signal.SIG_BLOCK, _TOLD_TO_STOP)
    with forked(WEB, web_server) as web:
        if not wait_until_ready(web, given.host, given.port):
            return 1
        announce(given.host, given.port, given.demo, given.sheet)
        if given.background:
            keep_background(web)
        while web.is_alive():
            wait(LOOK_SECONDS)
        return web.exitcode


if __name__ == "__main__":
    sys.exit(main())
