"""What the console does by itself: presses sent in one go, pieces kept ready, its service worker."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ON_AIR, SHOW_VIEWERS, Actor, allow
from catalog.answers import page
from catalog.facts import OnAir, told_on_air
from live.board import board
from live.console import Console, console
from live.links import links_of_show
from live.models import Link, Placement
from live.pages.screens import screen_of
from live.shows import show_for
from live.spoken import day_to_say
from live.taps import MOST_CLIENT_ID, MOST_TAPS, Press, TapKind, take_taps

MOST_BODY = 100_000
_UNREADABLE = "这一下看不懂，没有算。请刷新页面再按一次。"


class Sent(msgspec.Struct):
    """One press as it comes. Whatever it holds, it gets an answer of its own."""

    client_id: str
    kind: str = ""
    item: int = 0
    announcement: int = 0
    at: str = ""


class Answered(msgspec.Struct):
    """What became of a press; `outcome` is empty when it was done."""

    client_id: str
    outcome: str


@post(
    "/desk/shows/{show_id:int}/taps",
    opt=allow(ON_AIR),
    include_in_schema=False,
    request_max_body_size=MOST_BODY,
    status_code=200,
)
async def take(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> Response[bytes]:
    """JSON: a list of presses in, their outcomes out, in the same order."""
    try:
        sent = msgspec.json.decode(await request.body(), type=list[Sent])
    except msgspec.MsgspecError:
        return _json({"detail": "这里要一个 JSON 列表。"}, 422)
    if len(sent) > MOST_TAPS:
        return _json({"detail": f"一次最多 {MOST_TAPS} 下。"}, 422)
    presses = [_read(one) for one in sent]
    readable = [press for press in presses if press is not None]
    outcomes = iter(await take_taps(session, actor, show_id, screen_of(request), readable, now))
    told = [_UNREADABLE if press is None else next(outcomes) for press in presses]
    return _json([Answered(one.client_id, text) for one, text in zip(sent, told, strict=True)], 200)


def _read(sent: Sent) -> Press | None:
    """A press that can be done; None for what the console never sends."""
    named = 0 < len(sent.client_id) <= MOST_CLIENT_ID and sent.client_id.isascii()
    if not named or not sent.client_id.isprintable() or sent.kind not in set(TapKind):
        return None
    thing = sent.announcement if sent.kind == TapKind.READ_OUT else sent.item
    try:
        at = datetime.fromisoformat(sent.at)
    except ValueError:
        return None
    if at.tzinfo is None or not 2000 <= at.year <= 2100 or not 0 < thing < 2**63:
        return None
    return Press(sent.client_id, TapKind(sent.kind), thing, at.astimezone(UTC))


def _json(answer: object, status: int) -> Response[bytes]:
    return Response(msgspec.json.encode(answer), status_code=status, media_type="application/json")


# What changes with the piece that is shown, and is there before anybody asks for it.
_SPARE_PARTS = ("piece", "talk", "controls")


@get("/desk/shows/{show_id:int}/console/spare", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def spare(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    show_id: FromPath[int],
) -> dict[int, dict[str, str]]:
    """By line-up item the parts of the console as they are when that item is shown."""
    show = await show_for(session, actor, show_id)
    seen = await console(session, actor, await board(session, show.id), screen_of(request), now)
    links = {
        link.product_id: link
        for link in reversed(await links_of_show(session, show.id))
        if link.placement == Placement.OVERLAY
    }
    families = {
        workshop_id: await told_on_air(session, workshop_id)
        for workshop_id in {seat.item.product.workshop_id for seat in seen.seats}
    }
    spares = {}
    for n, seat in enumerate(seen.seats):
        product = seat.item.product
        days = await day_to_say(session, product, now)
        shown = _as_if(seen, n, links.get(product.id), families[product.workshop_id], days)
        spares[seat.item.id] = _render(request, shown)
    return spares


def _as_if(seen: Console, n: int, link: Link | None, family: OnAir, days: str) -> Console:
    """The console as it will be while the n-th item of the line-up is shown."""
    before, after = seen.seats[n - 1 : n] if n else [], seen.seats[n + 1 : n + 2]
    return replace(
        seen,
        now=seen.seats[n],
        before=before[0] if before else None,
        next=after[0] if after else None,
        link=link,
        family=family,
        day_to_say=days,
        pace=None,
    )


def _render(request: Request[Any, Any, Any], seen: Console) -> dict[str, str]:
    engine = request.app.template_engine
    assert engine is not None
    return {
        part: engine.get_template(f"live/console/{part}.html").render(request=request, c=seen)
        for part in _SPARE_PARTS
    }


@get("/desk/shows/worker.js", opt=allow(SHOW_VIEWERS), include_in_schema=False)
async def worker() -> Template:
    """The service worker of consoles; from here it may serve what lies under /desk/shows/."""
    answer = page("live/worker.js")
    answer.media_type = "text/javascript"
    return answer


ROUTES: list[ControllerRouterHandler] = [take, spare, worker]
