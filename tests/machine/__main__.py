"""`python -m tests.machine --steps 20000 --database sqlite`: the machine for as long as one likes."""

import argparse
import asyncio
import logging
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from shop import migrate
from tests.machine.base import DONE
from tests.machine.machine import Machine, run_on
from tests.postgres import async_url, execute, running_server

EXAMPLES, STEPS = 10, 50
"""Of one seed: so that there is something to see now and then."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.machine", description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, help="run this seed alone, to see a failure again")
    asked = parser.parse_args()
    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=silent)
    with database(asked.database) as url:
        if asked.seed is not None:
            run_on(url, examples=EXAMPLES, steps=STEPS, seed=asked.seed)
        else:
            run_for(url, asked.steps)
    tell_counts()


def run_for(url: str, steps: int) -> None:
    """One seed after the other, until so many steps were taken. A failure names its seed last."""
    began = time.monotonic()
    while (taken := sum(Machine.counted.values())) < steps:
        seed = secrets.randbelow(2**32)
        print(f"{taken:>7} steps {time.monotonic() - began:>7.0f} s   seed {seed}", flush=True)
        run_on(url, examples=EXAMPLES, steps=STEPS, seed=seed)
    print(f"{taken:>7} steps {time.monotonic() - began:>7.0f} s   all holds")


def tell_counts() -> None:
    """How often each rule was taken, and how often it was no refusal."""
    taken, done = Counter[str](), Counter[str]()
    for (name, ended), count in Machine.counted.items():
        taken[name] += count
        done[name] += count * (ended == DONE)
    for name, count in taken.most_common():
        print(f"{name:<24}{count:>7} taken{done[name]:>7} done")


@contextmanager
def database(kind: str) -> Iterator[str]:
    """The address of a migrated, empty database."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite+inloop:///{Path(folder) / 'machine.sqlite3'}"
            asyncio.run(migrate.upgrade(url))
            yield url
        return
    with running_server() as server:
        execute(server, "CREATE DATABASE machine")
        url = async_url(server, "machine")
        asyncio.run(migrate.upgrade(url))
        yield url


main()
