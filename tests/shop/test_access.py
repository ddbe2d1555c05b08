"""Deny by default: every route of the application with every role, and with nobody signed in."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient, Response
from litestar import Litestar, get
from litestar.routes import ASGIRoute, HTTPRoute
from litestar.testing import RequestFactory
from litestar.types.internal_types import PathParameterDefinition

from catalog.access import ALLOW_KEY, Everyone
from catalog.db import Sessions
from catalog.models import Member, Role
from shop.app import assemble, furnish
from shop.signin import new_api_token, new_session
from shop.web.visit import BROWSER_COOKIE, CSRF_HEADER, SESSION_COOKIE, csrf_token
from tests.making import NOON, make_member, make_station, make_workshop
from tests.web import settings_for

# One kind of database is enough: nothing here depends on it.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

NOBODY_HAS_THIS = "999999999"


@dataclass(frozen=True)
class Address:
    """One method of one route, and who may use it."""

    method: str
    path: str
    allowed: Everyone | frozenset[Role] | None

    @property
    def for_programs(self) -> bool:
        return self.path.startswith("/api/")


@dataclass(frozen=True)
class Asker:
    """A stranger, or a member with the headers of a browser and of a program."""

    role: Role | None
    browser: dict[str, str]
    program: dict[str, str]


def addresses(app: Litestar) -> Iterator[Address]:
    """Every route that answers HTTP, its parameters filled with what does not exist."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        path = "/" + "/".join(
            NOBODY_HAS_THIS if isinstance(part, PathParameterDefinition) else part
            for part in route.path_components
        )
        for method, (handler, _) in route.route_handler_map.items():
            if method != "OPTIONS":
                yield Address(str(method), path, handler.opt.get(ALLOW_KEY))


async def askers(app: Litestar, sessions: Sessions) -> list[Asker]:
    """A stranger, and a member of each role."""
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    found = [Asker(None, browser(app, {BROWSER_COOKIE: "b" * 20}), {})]
    for role in Role:
        family = workshop if role == Role.ARTISAN else None
        found.append(await asker(app, sessions, await make_member(sessions, station, role, family)))
    return found


async def asker(app: Litestar, sessions: Sessions, member: Member) -> Asker:
    async with sessions.begin() as session:
        cookie = await new_session(session, member, NOON.replace(year=2100))
        token = await new_api_token(session, member, "test", NOON)
    program = {"Authorization": f"Bearer {token}"}
    return Asker(member.role, browser(app, {SESSION_COOKIE: cookie}), program)


def browser(app: Litestar, cookies: dict[str, str]) -> dict[str, str]:
    """What a browser with these cookies sends, its form token included."""
    sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    request = RequestFactory(app).get("/", headers=sent)
    return {**sent, CSRF_HEADER: csrf_token(request, app.state.secret_key)}


@asynccontextmanager
async def at_the_door(app: Litestar) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(transport=ASGITransport(app), base_url="http://testserver") as client:
        yield client


def outcome(answer: Response) -> str:
    """What an answer says about access."""
    if answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next="):
        return "sign in"
    return {401: "sign in", 403: "refused"}.get(answer.status_code, "let in")


def expected(allowed: Everyone | frozenset[Role] | None, role: Role | None) -> str:
    if allowed is None:
        return "refused"
    if isinstance(allowed, Everyone) or role in allowed:
        return "let in"
    return "sign in" if role is None else "refused"


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Litestar:
    """One that no other test uses: here it gets routes of its own."""
    app = assemble()
    furnish(app, settings_for(database_url, tmp_path))
    return app


def test_every_route_declares_who_may_use_it(app: Litestar) -> None:
    assert [address for address in addresses(app) if address.allowed is None] == []
    mounted = [route for route in app.routes if isinstance(route, ASGIRoute)]
    assert [r.path for r in mounted if r.route_handler.opt.get(ALLOW_KEY) is None] == []


async def test_every_route_lets_in_whom_it_declares_and_nobody_else(
    app: Litestar, sessions: Sessions
) -> None:
    known = await askers(app, sessions)
    wrong = []
    # Signing out ends the session that all the others need.
    last = sorted(addresses(app), key=lambda address: address.path == "/sign-out")
    async with app.lifespan(), at_the_door(app) as door:
        for address in last:
            for one in known:
                headers = one.program if address.for_programs else one.browser
                answer = await door.request(address.method, address.path, headers=headers)
                seen = outcome(answer)
                if seen != expected(address.allowed, one.role) or answer.status_code >= 500:
                    wrong.append((address.method, address.path, one.role, answer.status_code))
    assert wrong == []
    assert len(last) > 40


async def test_pages_and_interface_do_not_take_each_others_sign_in(
    app: Litestar, sessions: Sessions
) -> None:
    manager = next(one for one in await askers(app, sessions) if one.role == Role.MANAGER)
    wrong = []
    async with app.lifespan(), at_the_door(app) as door:
        for address in addresses(app):
            if isinstance(address.allowed, Everyone):
                continue
            headers = manager.browser if address.for_programs else manager.program
            answer = await door.request(address.method, address.path, headers=headers)
            # A page's form without a cookie is refused before anybody asks who sent it.
            if outcome(answer) != "sign in":
                wrong.append((address.method, address.path, answer.status_code))
    assert wrong == []


async def test_a_route_that_declares_nothing_refuses_everyone(
    app: Litestar, sessions: Sessions
) -> None:
    @get(["/forgotten", "/api/forgotten"], sync_to_thread=False)
    def forgotten() -> str:
        return "a secret"

    app.register(forgotten)
    async with app.lifespan(), at_the_door(app) as door:
        for one in await askers(app, sessions):
            for path, headers in (
                ("/forgotten", one.browser),
                ("/api/forgotten", one.program),
            ):
                answer = await door.get(path, headers=headers)
                assert (answer.status_code, "a secret" in answer.text) == (403, False)


async def test_a_token_that_nobody_has_is_refused_everywhere(app: Litestar) -> None:
    async with app.lifespan(), at_the_door(app) as door:
        for address in addresses(app):
            if address.for_programs:
                answer = await door.request(
                    address.method, address.path, headers={"Authorization": "Bearer xb_wrong"}
                )
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
                assert answer.json()["type"] == "/problems/not_signed_in"
