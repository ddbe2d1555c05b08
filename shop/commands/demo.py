"""`xiangbo demo`."""

import asyncio
import os
import tempfile
from pathlib import Path

import click
import msgspec

from shop import migrate
from shop.commands.plain import plain_errors
from shop.commands.serve import refuse_taken_port, server_options, settings_for, supervise
from shop.demo.fill import fill


@click.command()
@server_options
@click.option("--json", "sheet", type=click.Path(dir_okay=False), help="Write what is there.")
@plain_errors
def demo(host: str, port: int | None, workers: int, sheet: str | None) -> None:
    """Run the demo station on a throwaway folder."""
    folder = Path(tempfile.mkdtemp(prefix="xiangbo-demo-"))
    os.environ["XIANGBO_DATA_DIR"] = str(folder)
    # The buyers are made up, but somebody may have their numbers.
    os.environ["XIANGBO_NOTICE_URLS"] = ""
    settings = settings_for(port)
    refuse_taken_port(host, settings.port)
    asyncio.run(migrate.upgrade(settings.database_url))
    filled = asyncio.run(fill(settings))
    path = folder / "demo.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(filled), indent=2))
    supervise(settings, host, workers, sheet=(str(path), sheet))
