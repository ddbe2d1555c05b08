"""A buyer's phone, at a shop whose gateway nobody answers for."""

import html
import re
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from catalog.db import Base, Sessions
from shop.models import Hold
from tests.making import this_moment
from tests.web import Browser, browser, settings_for

NASTY = "<script>alert(\"1\")</script> & 'quoted' 😀 ᠮᠣᠩᠭᠣᠯ བོད་ ئۇيغۇر"
"""What a form must bear: markup, quotes, an emoji, scripts of the region."""


def phone(database_url: str, folder: Path) -> AbstractAsyncContextManager[Browser]:
    """A browser at a shop. Port 9 is never listened on, so the gateway refuses at once."""
    return browser(settings_for(database_url, folder, PORT="9"))


def another_buyer(web: Browser) -> None:
    """The next requests come from a browser that was never here."""
    web.client.cookies.clear()
    web.page = ""


def words(page: str) -> str:
    """What a person reads on a page: no markup, blanks folded."""
    body = page.partition("<main")[2].partition(">")[2].partition("</main>")[0]
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", body))).strip()


def value_of(page: str, field: str) -> str:
    """What stands in an input field."""
    found = re.search(rf'<input[^>]* name="{re.escape(field)}"[^>]*>', page)
    assert found, field
    value = re.search(r' value="([^"]*)"', found[0])
    return html.unescape(value[1]) if value else ""


async def change(sessions: Sessions, row: Base, **values: Any) -> None:
    """Write facts that only time or somebody else would bring about."""
    async with sessions.begin() as session:
        table = type(row)
        await session.execute(update(table).where(table.id == row.id).values(**values))  # type: ignore[attr-defined]


async def holds(sessions: Sessions) -> list[Hold]:
    async with sessions() as session:
        return list(await session.scalars(select(Hold).order_by(Hold.id)))


def minutes_ago(minutes: float) -> datetime:
    return this_moment() - timedelta(minutes=minutes)
