"""Calendar feeds: made, shown once and revoked at the desk; read by calendar programs."""

import hashlib
from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, SHOW_EDITORS, SHOW_VIEWERS, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid, NotFound
from catalog.forms import read_form
from live import feeds

ENDING = ".ics"


@get("/desk/calendar/feeds", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def feeds_page(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> Template:
    """The addresses in use, without their tokens, and how to get one."""
    return await _page(session, actor)


@post("/desk/calendar/feeds", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def make(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    public_url: NamedDependency[str],
    now: NamedDependency[datetime],
) -> Template:
    """The page with the new address on it, this once: only its hash is kept."""
    personal = (await read_form(request)).get("whose") != "station"
    try:
        _, token = await feeds.make_feed(session, actor, personal=personal, now=now)
    except Invalid as refusal:
        await session.rollback()
        return await _page(session, actor, errors=refusal.errors, status=422)
    return await _page(session, actor, address=f"{public_url}/calendar/{token}{ENDING}")


@post("/desk/calendar/feeds/{feed_id:int}/revoke", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def revoke(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    feed_id: FromPath[int],
) -> Redirect:
    """Out of use for ever."""
    await feeds.revoke_feed(session, actor, feed_id, now)
    return see_other("/desk/calendar/feeds", "停用了，这个地址再也打不开。")


@get("/calendar/{file:str}", opt=allow(EVERYONE), include_in_schema=False)
async def read(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    public_url: NamedDependency[str],
    now: NamedDependency[datetime],
    file: FromPath[str],
) -> Response[bytes]:
    """The shows as iCalendar; 304 where the program has them already."""
    if not file.endswith(ENDING):
        raise NotFound("calendar feed")
    body = await feeds.read_feed(session, file.removesuffix(ENDING), public_url, now)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    # Kept by the one program that asks, which is to ask each time: a revoked address is gone at once.
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in request.headers.get("If-None-Match", ""):
        return Response(b"", status_code=304, headers=headers)
    return Response(body, media_type="text/calendar", headers=headers)


async def _page(
    session: AsyncSession,
    actor: Actor,
    *,
    address: str = "",
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Template:
    return page(
        "live/feeds.html",
        status=status,
        feeds=await feeds.list_feeds(session, actor),
        address=address,
        errors=errors or {},
        may_edit=actor.role in SHOW_EDITORS,
    )


ROUTES: list[ControllerRouterHandler] = [feeds_page, make, revoke, read]
