"""A browser without a screen: it keeps cookies and sends forms with their token."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from httpx import Response
from litestar import Litestar
from litestar.testing import AsyncTestClient

from shop.app import assemble, furnish
from shop.settings import Settings, read_settings
from tests.making import PASSWORD


def settings_for(database_url: str, folder: Path, **more: str) -> Settings:
    """Settings of an installation on `database_url` that keeps its files in `folder`."""
    given = {"DATABASE_URL": database_url, "DATA_DIR": str(folder / "data"), **more}
    return read_settings({f"XIANGBO_{name}": value for name, value in given.items()})


class Browser:
    """One browser: `get`, and `submit` for a form of the page last got."""

    def __init__(self, client: AsyncTestClient[Any]) -> None:
        self.client = client
        self.page = ""

    async def get(self, path: str) -> Response:
        answer = await self.client.get(path, follow_redirects=True)
        self.page = answer.text
        return answer

    async def submit(
        self, path: str, values: dict[str, Any] | None = None, *, files: Any = None
    ) -> Response:
        """Send a form with the token of the page last got; redirects are not followed."""
        token = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.page)
        data = {"csrf": token[1] if token else "", **(values or {})}
        answer = await self.client.post(path, data=data, files=files, follow_redirects=False)
        if answer.headers.get("content-type", "").startswith("text/html"):
            self.page = answer.text
        return answer

    async def sign_in(self, login: str) -> None:
        await self.get("/sign-in")
        answer = await self.submit("/sign-in", {"login": login, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        await self.get(answer.headers["location"])


_AT_REST: list[Litestar] = []


@contextmanager
def application(settings: Settings) -> Iterator[Litestar]:
    """An application with these settings.

    Putting one together takes longer than most tests, so it is furnished anew and used again.
    """
    app = _AT_REST.pop() if _AT_REST else assemble()
    furnish(app, settings)
    yield app
    _AT_REST.append(app)


@asynccontextmanager
async def browser(settings: Settings) -> AsyncIterator[Browser]:
    """A new browser at an application of its own on the settings' database."""
    with application(settings) as app:
        async with AsyncTestClient(app, base_url=settings.public_url) as client:
            yield Browser(client)
