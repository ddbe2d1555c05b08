"""How a command fails: with one line that says what to do."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from catalog.errors import Invalid
from shop.errors import StartupError


def plain_errors(command: Callable[..., None]) -> Callable[..., None]:
    """What can not be started, or not be used: one line on standard error, exit code 2."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> None:
        try:
            command(*args, **options)
        except StartupError as error:
            text = str(error)
        except Invalid as error:
            text = " ".join(error.errors.values())
        else:
            return
        click.echo(f"xiangbo: {text}", err=True)
        sys.exit(2)

    return run
