"""By when a piece would be carved, as the host may say it aloud: the shop reckons that, and is asked.

`live` knows no work orders; what answers is handed in at assembly, as the boards' standings are.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.db import Database
from catalog.models import Kind, Product

Days = Callable[[AsyncSession, Product, datetime], Awaitable[str]]
"""The sentence for a product that is made to order."""

_DAYS = "live.spoken.days"


def tell_days(database: Database, days: Days) -> None:
    """Have whoever works with `database` be able to tell a carved piece's day."""
    database.carry(_DAYS, days)


async def day_to_say(session: AsyncSession, product: Product, now: datetime) -> str:
    """ "现在订，12月3日前做好"; "" for finished pieces, and where nobody can tell."""
    days: Days | None = session.info.get(_DAYS)
    if days is None or product.kind != Kind.MADE_TO_ORDER:
        return ""
    return await days(session, product, now)
