"""The processes of a station: who forks has one thread, and each says what it is."""

import contextlib
import sys
from pathlib import Path

import psutil
import pytest

from catalog.db import Database
from tests.serving import eventually, served
from workers.__main__ import PROCESSES
from workers.supervise import WEB

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def test_who_forks_has_one_thread_and_each_process_has_a_name(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    with served(database_url, tmp_path, "--workers", "2") as server:

        async def named() -> list[str]:
            """Sorted, once the last of them has its own; until then it has the supervisor's."""
            with contextlib.suppress(psutil.NoSuchProcess, IndexError):
                found = sorted(process.cmdline()[0] for process in server.processes()[1:])
                if "[celery beat]" in found and sys.executable not in found:
                    return found
            return []

        names = await eventually(named)
        assert server.processes()[0].num_threads() == 1
    assert names[0] == "[celery beat]"
    assert [name.split(":")[0] for name in names[1:4]] == ["[celeryd"] * (1 + PROCESSES)
    assert names[4:] == [WEB, f"{WEB} worker-1", f"{WEB} worker-2"]


def test_what_is_loaded_once_is_held_once(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    with served(database_url, tmp_path, "--workers", "2") as server:
        own = [process.memory_full_info() for process in server.processes()[1:]]
    # Each sees the whole program, and has less than half of it for itself.
    assert all(memory.uss < memory.rss / 2 for memory in own)
    assert len(own) >= 3


async def test_all_of_them_end_when_the_first_is_told_to(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    with served(database_url, tmp_path) as server:
        # At once, while the worker loads, and again when it has begun.
        server.stop()
        server.start()

        async def complete() -> list[psutil.Process]:
            found = server.processes()
            return found if len(found) == 1 + 2 + 1 + PROCESSES + 1 else []

        below = (await eventually(complete))[1:]
        server.stop()
        assert server.process is not None
        assert server.process.returncode == 0

        async def gone() -> bool:
            return not any(process.is_running() for process in below)

        await eventually(gone)
