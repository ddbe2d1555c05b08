"""What machines ask: is the process up, can it serve."""

from litestar import get
from litestar.di import NamedDependency
from litestar.exceptions import ServiceUnavailableException
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from catalog.access import EVERYONE, allow
from shop.context import Shop


@get("/healthz", opt=allow(EVERYONE), include_in_schema=False, sync_to_thread=False)
def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@get("/readyz", opt=allow(EVERYONE), include_in_schema=False)
async def readyz(shop: NamedDependency[Shop]) -> dict[str, str]:
    """The database answers too; 503 when it does not."""
    try:
        async with shop.database.reading() as session:
            await session.execute(text("SELECT 1"))
    except (OSError, SQLAlchemyError) as error:
        raise ServiceUnavailableException("the database does not answer") from error
    return {"status": "ok"}


ROUTES = [healthz, readyz]
