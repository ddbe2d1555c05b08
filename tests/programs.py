"""A program at the JSON interface, as a stranger or with a member's bearer token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from httpx import Response
from litestar.testing import AsyncTestClient

from catalog.db import Sessions
from catalog.models import Member
from shop.signin import new_api_token
from tests.making import NOON
from tests.serving import free_port
from tests.web import application, settings_for

STRANGER: dict[str, str] = {}


async def bearer(sessions: Sessions, member: Member) -> dict[str, str]:
    """The header by which a program acts for a member."""
    async with sessions.begin() as session:
        return {"Authorization": f"Bearer {await new_api_token(session, member, 'test', NOON)}"}


@asynccontextmanager
async def interface(database_url: str, folder: Path) -> AsyncIterator[AsyncTestClient[Any]]:
    """An application of its own on `database_url`; nobody listens where it would be paid."""
    settings = settings_for(database_url, folder, PORT=str(free_port()))
    with application(settings) as app:
        async with AsyncTestClient(app, base_url=settings.public_url) as client:
            yield client


def refused(answer: Response, status: int, error: str) -> dict[str, Any]:
    """The problem of an answer that must be refused with this status and this name."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"/problems/{error}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return problem
