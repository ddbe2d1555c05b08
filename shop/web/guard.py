"""Deny by default: who asks is found out, and the route's declaration is held against it.

A route without a declaration refuses everyone. Pages know members by their session cookie, the
API by a bearer token; neither takes the other's, so a form on another site can not use the API.
"""

from datetime import UTC, datetime
from typing import Any

from litestar import Request
from litestar.exceptions import NotFoundException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from catalog.access import ALLOW_KEY, TROUBLE_DESK, Everyone
from catalog.db import Database
from catalog.errors import NotAllowed
from shop.errors import BadForm, NotSignedIn
from shop.inbox import count_inbox
from shop.signin import actor_of_session, actor_of_token
from shop.web.visit import (
    SESSION_COOKIE,
    actor_of,
    csrf_fits,
    set_actor,
    set_troubles,
    type_connection,
)

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# Programs bring a bearer token or a signature, not a cookie: there is no form to forge.
_NO_FORMS = ("/api/", "/webhooks/", "/rehearsal")


async def guard(connection: type_connection, handler: BaseRouteHandler) -> None:
    """Find out who asks, and refuse unless the route allows them.

    Raises NotSignedIn for a stranger where members are expected, NotAllowed for a member with
    another role, and refuses everyone where nothing is declared.
    """
    allowed = handler.opt.get(ALLOW_KEY)
    if "\x00" in connection.scope["path"]:
        # No address of ours holds one, and PostgreSQL takes it in no text.
        raise NotFoundException
    if any(isinstance(v, int) and abs(v) >= 2**63 for v in connection.path_params.values()):
        # No key is as large, and neither database can compare with it.
        raise NotFoundException
    if allowed is None:
        raise PermissionDeniedException("nobody may use this address")
    await _find_actor(connection)
    if isinstance(allowed, Everyone):
        return
    actor = actor_of(connection)
    if actor is None:
        raise NotSignedIn(connection.url.path)
    if actor.role not in allowed:
        raise NotAllowed(f"{actor.role} may not use {connection.url.path}")


async def _find_actor(connection: type_connection) -> None:
    path: str = connection.scope["path"]
    if path.startswith("/api/"):
        scheme, _, token = connection.headers.get("Authorization", "").partition(" ")
        bearer, cookie = token.strip() if scheme.lower() == "bearer" else "", None
    else:
        bearer, cookie = "", connection.cookies.get(SESSION_COOKIE)
    if not bearer and not cookie:
        return
    database: Database = connection.app.state.shop.database
    now = datetime.now(UTC)
    async with database.reading() as session:
        if bearer:
            actor = await actor_of_token(session, bearer)
        else:
            actor = await actor_of_session(session, str(cookie), now)
        if actor and actor.role in TROUBLE_DESK and path.startswith("/desk"):
            set_troubles(connection, await count_inbox(session, actor, now))
    if actor is not None:
        set_actor(connection, actor)
    elif bearer:
        raise NotSignedIn(path)


async def check_form(request: Request[Any, Any, Any]) -> None:
    """Before a handler runs: a form must carry this browser's token. Raises BadForm."""
    if request.method in _SAFE or request.scope["path"].startswith(_NO_FORMS):
        return
    if not await csrf_fits(request, request.app.state.secret_key):
        raise BadForm(request.url.path)
