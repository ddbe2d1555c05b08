"""The desk's inbox: one list of all that waits for a person, narrowed, taken, opened."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import TROUBLE_DESK, WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.models import ProductReview
from shop import today, troubles
from shop.inbox import TITLES, Line, count_inbox, list_inbox, of_trouble, take
from shop.models import BuyerRequest
from shop.today import age_text
from shop.troubles import ABOUT, TroubleKind

INBOX = "/desk/inbox"

MINE, NOBODYS = "mine", "nobody"


@get(INBOX, opt=allow(TROUBLE_DESK), include_in_schema=False)
async def inbox_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    kind: FromQuery[str] = "",
    owner: FromQuery[str] = "",
    show: FromQuery[str] = "",
) -> Template:
    """What waits, the most urgent and oldest first; or the troubles that are seen to."""
    if show == "closed":
        return await _closed(session, actor, kind)
    lines = [
        line for line in await list_inbox(session, actor, now) if fits(line, actor, kind, owner)
    ]
    return page(
        "shop/desk_inbox.html",
        rows=[(line, age_text(now - line.since)) for line in lines],
        whole=await count_inbox(session, actor, now),
        **_asked(actor, kind, owner),
    )


def fits(line: Line, actor: Actor, kind: str, owner: str) -> bool:
    """Whether a line is of the kind and the owner that were asked for; "" is any."""
    if kind and line.kind != kind:
        return False
    if owner == MINE:
        return line.owner_id == actor.member_id
    return owner != NOBODYS or line.owner_id is None


async def _closed(session: AsyncSession, actor: Actor, kind: str) -> Template:
    only = TroubleKind(kind) if kind in list(TroubleKind) else None
    names = {member.id: member.name for member in await troubles.owners(session, actor.station_id)}
    found = await troubles.list_closed(session, actor.station_id, only)
    return page(
        "shop/desk_inbox_closed.html",
        rows=[(row, of_trouble(row, names)) for row in found],
        full=len(found) == troubles.MOST_ROWS,
        **_asked(actor, kind, "", show="closed"),
    )


def _asked(actor: Actor, kind: str, owner: str, show: str = "") -> dict[str, Any]:
    kinds = [(kind.value, about.title) for kind, about in ABOUT.items()]
    narrowed = {name: value for name, value in (("kind", kind), ("owner", owner)) if value}
    return {
        "kinds": [*TITLES.items(), *kinds] if actor.role in WORK_ORDER_DESK else kinds,
        "asked": {"kind": kind, "owner": owner, "show": show},
        "narrowed": bool(narrowed),
        "query": urlencode(narrowed),
    }


@get("/desk/troubles", opt=allow(TROUBLE_DESK), include_in_schema=False)
async def troubles_page(kind: FromQuery[str] = "", show: FromQuery[str] = "") -> Redirect:
    """Where the troubles stood before they were one list with all else."""
    narrowed = {name: value for name, value in (("kind", kind), ("show", show)) if value}
    return see_other(f"{INBOX}?{urlencode(narrowed)}" if narrowed else INBOX)


@get("/desk/money/differences", opt=allow(TROUBLE_DESK), include_in_schema=False)
async def differences_page() -> Redirect:
    """Where our books and the gateway's differ: the inbox, narrowed."""
    return see_other(f"{INBOX}?{urlencode({'kind': TroubleKind.DIFFERENCE.value})}")


@post("/desk/notices/{notice_id:int}/take", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def take_notice(
    notice_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """Whoever presses it makes the call."""
    await today.take_notice(session, actor, notice_id, now)
    return see_other(INBOX, "记下了，这个电话您来打。")


@post("/desk/requests/{request_id:int}/take", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def take_request(
    request_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """Whoever presses it answers the buyer."""
    await take(session, actor, BuyerRequest, request_id, now)
    return see_other(INBOX, "记下了，这件您来管。")


@post("/desk/reviews/{review_id:int}/take", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def take_review(
    review_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """Whoever presses it looks at the product."""
    await take(session, actor, ProductReview, review_id, now)
    return see_other(INBOX, "记下了，这件作品您来看。")


ROUTES: list[ControllerRouterHandler] = [
    inbox_page,
    troubles_page,
    differences_page,
    take_notice,
    take_request,
    take_review,
]
