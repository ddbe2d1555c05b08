"""Before a family's money is shown: the PIN, where a card began the session."""

from datetime import UTC, datetime

from litestar.handlers import BaseRouteHandler

from catalog.db import Database
from shop.errors import PinNeeded
from shop.pin import money_is_open
from shop.web.visit import SESSION_COOKIE, type_connection


async def ask_pin(connection: type_connection, _handler: BaseRouteHandler) -> None:
    """A guard of money pages. Raises PinNeeded with the address that was asked for."""
    database: Database = connection.app.state.shop.database
    token = connection.cookies.get(SESSION_COOKIE, "")
    async with database.reading() as session:
        if not await money_is_open(session, token, datetime.now(UTC)):
            asked = connection.url.query
            raise PinNeeded(f"{connection.url.path}?{asked}" if asked else connection.url.path)
