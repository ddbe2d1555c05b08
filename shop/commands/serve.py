"""`xiangbo serve`, and what `xiangbo demo` shares with it. Loads nothing that the checks do not need."""

import os
import socket
import sys
from collections.abc import Callable

import click

from shop.commands.plain import plain_errors
from shop.errors import StartupError
from shop.schema import must_be_current
from shop.settings import Settings, read_settings


def server_options(command: Callable[..., None]) -> Callable[..., None]:
    """Where to listen and with how many processes, the same for `serve` and `demo`."""
    for option in (
        click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64)),
        click.option("--port", type=click.IntRange(1, 65535), help="Default: 8000."),
        click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen."),
    ):
        command = option(command)
    return command


@click.command()
@server_options
@plain_errors
def serve(host: str, port: int | None, workers: int) -> None:
    """Run the web server, and background work beside it."""
    settings = settings_for(port)
    must_be_current(settings.database_url)
    supervise(settings, host, workers)


def settings_for(port: int | None) -> Settings:
    """The settings, with the port that the command names."""
    if port is not None:
        os.environ["XIANGBO_PORT"] = str(port)
    return read_settings()


def supervise(
    settings: Settings, host: str, workers: int, *, sheet: tuple[str, str | None] | None = None
) -> None:
    """Become the supervisor, which forks: it keeps no thread and nothing else of the checks."""
    refuse_taken_port(host, settings.port)
    environment = {
        **os.environ,
        "XIANGBO_PORT": str(settings.port),
        "XIANGBO_DATA_DIR": str(settings.data_dir),
    }
    arguments = ["--host", host, "--port", str(settings.port), "--workers", str(workers)]
    if settings.embedded_broker:
        arguments.append("--background")
    if sheet is not None:
        arguments += ["--demo", sheet[0]]
        if sheet[1] is not None:
            arguments += ["--sheet", sheet[1]]
    sys.stdout.flush()
    os.execve(  # noqa: S606
        sys.executable, [sys.executable, "-m", "workers.supervise", *arguments], environment
    )


def refuse_taken_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartupError(
                f"cannot listen on {host}:{port} ({error.strerror}). "
                "Stop what runs there, or name another with --port."
            ) from error
