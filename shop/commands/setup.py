"""`xiangbo init`, `county`, `migrate` and `token`."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from catalog.db import Database
from shop.commands.plain import plain_errors
from shop.errors import StartupError
from shop.migrate import upgrade
from shop.schema import must_be_current
from shop.settings import Settings, read_settings
from shop.setup import add_county, add_station, token_for

T = TypeVar("T")


@click.command()
@click.option("--slug", default="", help="Another station's short name, for /stations/SLUG.")
@click.option("--station", default="社工站", show_default=True, help="The station's name.")
@click.option("--login", default="manager", show_default=True, help="The manager's login.")
@click.option("--password", default=None, help="The manager's password; made up when left out.")
@plain_errors
def init(slug: str, station: str, login: str, password: str | None) -> None:
    """Set up the database, a station and its manager; with --slug, one more station.

    Nothing that is there is changed.
    """
    settings = read_settings()
    asyncio.run(upgrade(settings.database_url))
    made = asyncio.run(
        _with_database(
            settings,
            lambda database: add_station(
                database, slug, station, login, password or secrets.token_urlsafe(9), _now()
            ),
        )
    )
    if made is None:
        raise StartupError(
            "There is a station already. Sign in, or run `xiangbo serve`; "
            "`xiangbo init --slug NAME` adds another."
        )
    click.echo(f"Station {station} is set up. Sign in as {made.login} with {made.password}")
    click.echo("Then run `xiangbo serve`.")
    click.echo("Strangers can not buy yet: the manager opens it at /desk/station (本站).")


@click.command()
@click.option("--login", default="county", show_default=True, help="The login.")
@click.option("--password", default=None, help="The password; made up when left out.")
@plain_errors
def county(login: str, password: str | None) -> None:
    """Make a member who sees the sums of all stations, and nothing else."""
    settings = read_settings()
    must_be_current(settings.database_url)
    password = password or secrets.token_urlsafe(9)
    made = asyncio.run(
        _with_database(settings, lambda database: add_county(database, login, password, _now()))
    )
    if not made:
        raise StartupError("there is no station yet. Run `xiangbo init`.")
    click.echo(f"Sign in as {login} with {password}; the page is /county.")


@click.command()
@plain_errors
def migrate() -> None:
    """Bring the database's schema up to date."""
    asyncio.run(upgrade(read_settings().database_url))
    click.echo("The database is up to date.")


@click.command()
@click.argument("login")
@click.option("--name", default="API", show_default=True, help="What the token is for.")
@plain_errors
def token(login: str, name: str) -> None:
    """Make a bearer token for the member with LOGIN. It is shown once."""
    settings = read_settings()
    must_be_current(settings.database_url)
    made = asyncio.run(
        _with_database(settings, lambda database: token_for(database, login, name, _now()))
    )
    if made is None:
        raise StartupError(f"there is no active member with the login {login}.")
    click.echo(made)


def _now() -> datetime:
    return datetime.now(UTC)


async def _with_database(
    settings: Settings, work: Callable[[Database], Coroutine[Any, Any, T]]
) -> T:
    database = Database.connect(settings.database_url)
    try:
        return await work(database)
    finally:
        await database.close()
