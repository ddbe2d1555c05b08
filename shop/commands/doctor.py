"""`xiangbo doctor`."""

import asyncio
import re
import sys
from datetime import UTC, datetime

import click

from shop.commands.plain import plain_errors
from shop.doctor import examine
from shop.schema import must_be_current
from shop.settings import read_settings


class _Head(click.ParamType[tuple[str, tuple[int, str]]]):
    """A station's head as this command prints it: `slug:entries:digest`."""

    name = "head"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[int, str]]:
        found = re.fullmatch(r"([^:]+):(\d{1,18}):([0-9a-f]{64})", value, re.ASCII)
        if found is None:
            self.fail("not a head as this command prints it: slug:entries:digest", param, ctx)
        return found[1], (int(found[2]), found[3])


@click.command()
@click.option(
    "--head",
    "kept",
    type=_Head(),
    multiple=True,
    help="A head that was printed earlier, to be found again in the audit chain.",
)
@plain_errors
def doctor(kept: tuple[tuple[str, tuple[int, str]], ...]) -> None:
    """Look for what is wrong: settings, schema, files, stock, money, audit trail, work left undone.

    Prints the head of each station's audit chain at the end, to be kept away from this machine.
    """
    settings = read_settings()
    must_be_current(settings.database_url)
    findings, heads = asyncio.run(examine(settings, datetime.now(UTC), dict(kept)))
    for finding in findings:
        click.echo(f"{'ok   ' if finding.ok else 'FAULT'} {finding.what}: {finding.text}")
    for slug, (entries, digest) in heads.items():
        click.echo(f"head  {slug}:{entries}:{digest}")
    if not all(finding.ok for finding in findings):
        sys.exit(1)
