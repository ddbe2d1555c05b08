"""What is known of a request before its handler runs: the member, the browser, its form token.

Three first-party cookies. `xb_session` names a signed-in session. `xb` is a random name for a
browser: it finds its own hold again, and form tokens are bound to it. It says nothing about the
person and leads to nobody. `xb_phone` is the phone to which artisans' cards are bound.
"""

import hashlib
import hmac
import secrets
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection

from catalog.access import MEMBERS, Actor

SESSION_COOKIE = "xb_session"
BROWSER_COOKIE = "xb"
PHONE_COOKIE = "xb_phone"
CSRF_FIELD = "csrf"
CSRF_HEADER = "X-CSRF-Token"

_BROWSER = "xb_browser"
_NEW_BROWSER = "xb_new_browser"
_ACTOR = "xb_actor"
_TROUBLES = "xb_troubles"

type_connection = ASGIConnection[Any, Any, Any, Any]


def set_actor(connection: type_connection, actor: Actor) -> None:
    """Note who asks; done once, by the guard."""
    connection.scope["state"][_ACTOR] = actor


def actor_of(connection: type_connection) -> Actor | None:
    """The member behind a request; None for a stranger."""
    actor: Actor | None = connection.scope.get("state", {}).get(_ACTOR)
    return actor


def asker_of(connection: type_connection) -> Actor | None:
    """As `actor_of`, on pages for everyone. Who looks for the county is of no station's own."""
    actor = actor_of(connection)
    return actor if actor is not None and actor.role in MEMBERS else None


def station_of(connection: type_connection) -> int | None:
    """The station whose member asks; None for a stranger."""
    actor = asker_of(connection)
    return actor.station_id if actor is not None else None


def set_troubles(connection: type_connection, count: int) -> None:
    """Note how many lines the inbox has, for the desk's navigation."""
    connection.scope["state"][_TROUBLES] = count


def troubles_of(connection: type_connection) -> int:
    """How many lines the inbox had when the request came; 0 for those who do not see it."""
    count: int = connection.scope.get("state", {}).get(_TROUBLES, 0)
    return count


def browser_of(connection: type_connection) -> str:
    """The browser's name from its cookie; a new one when it has none, set with the answer."""
    state = connection.scope["state"]
    if _BROWSER not in state:
        name = connection.cookies.get(BROWSER_COOKIE, "")
        if not 16 <= len(name) <= 40 or not name.isascii():
            name = secrets.token_urlsafe(16)
            state[_NEW_BROWSER] = True
        state[_BROWSER] = name
    found: str = state[_BROWSER]
    return found


def phone_of(connection: type_connection) -> str | None:
    """The phone's token from its cookie; None for one that no card has let in yet."""
    token = connection.cookies.get(PHONE_COOKIE, "")
    return token if 16 <= len(token) <= 64 and token.isascii() else None


def new_browser(scope_state: dict[str, Any]) -> str | None:
    """The name to set as a cookie, when this request brought none and needed one."""
    return scope_state.get(_BROWSER) if scope_state.get(_NEW_BROWSER) else None


def csrf_token(connection: type_connection, secret_key: str) -> str:
    """The token that this browser's forms carry, bound to its session, or else to its name."""
    bound_to = connection.cookies.get(SESSION_COOKIE) or browser_of(connection)
    return hmac.new(secret_key.encode(), b"csrf:" + bound_to.encode(), hashlib.sha256).hexdigest()


async def csrf_fits(request: Request[Any, Any, Any], secret_key: str) -> bool:
    """Whether a form came from one of our own pages in this browser."""
    given = request.headers.get(CSRF_HEADER)
    if given is None:
        form = await request.form()
        given = form.get(CSRF_FIELD)
    return isinstance(given, str) and hmac.compare_digest(
        given.encode(), csrf_token(request, secret_key).encode()
    )


def client_address(connection: type_connection) -> str:
    """Where a request comes from, for limits. Behind a proxy the server sets the real address."""
    return connection.client.host if connection.client else ""
