"""`xiangbo doctor`."""

import asyncio
import sys
from datetime import UTC, datetime

import click

from shop.commands.plain import plain_errors
from shop.doctor import examine
from shop.schema import must_be_current
from shop.settings import read_settings


@click.command()
@plain_errors
def doctor() -> None:
    """Look for what is wrong: settings, schema, files, stock, money, work left undone."""
    settings = read_settings()
    must_be_current(settings.database_url)
    findings = asyncio.run(examine(settings, datetime.now(UTC)))
    for finding in findings:
        click.echo(f"{'ok   ' if finding.ok else 'FAULT'} {finding.what}: {finding.text}")
    if not all(finding.ok for finding in findings):
        sys.exit(1)
