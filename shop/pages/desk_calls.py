"""The calls to make: whom, with what words, and what came of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid, NotFound
from catalog.forms import read_file, read_form, read_number
from catalog.pages.desk_product import MOST_UPLOAD
from media.storage import Storage
from shop import acting, answering, calls
from shop.context import Shop
from shop.errors import WrongWorkOrderState
from shop.today import take_notice
from shop.web.problems import STATUSES

Typed = Mapping[str, str]

_LIST = "/desk/calls"
BLANK = {**acting.BLANK, **answering.BLANK}
_TAPS = {
    "nobody": (calls.nobody_answered, "记下了，过两个小时再打。"),
    "told": (calls.told, "记下了。"),
    "take": (take_notice, "这个电话您来打。"),
}


@get(_LIST, opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def calls_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    call: FromQuery[str] = "",
) -> Template:
    """All calls, and one of them with what to say: the first, unless another is asked for."""
    return await _page(session, actor, now, read_number(call))


@post(
    f"{_LIST}/{{notice_id:int}}/answer",
    opt=allow(WORK_ORDER_DESK),
    include_in_schema=False,
    request_max_body_size=MOST_UPLOAD,
)
async def answered(
    request: Request[Any, Any, Any],
    notice_id: FromPath[int],
    actor: NamedDependency[Actor],
    shop: NamedDependency[Shop],
    storage: NamedDependency[Storage],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The family answered on the telephone. Takes no session: a recording is stored first."""
    typed, data = await read_form(request), await read_file(request, "said_file")
    async with shop.database.reading() as session:
        work_order = await calls.work_of_call(session, actor, notice_id)
    try:
        part = work_order.id
        done = await answering.take_answer(shop, storage, actor, part, typed, data, now)
    except (Invalid, WrongWorkOrderState) as refusal:
        async with shop.database.reading() as session:
            return await _page(session, actor, now, notice_id, typed, refusal)
    return see_other(_LIST, f"{work_order.workshop.name}：{done}")


@post(f"{_LIST}/{{notice_id:int}}/{{tap:str}}", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def take_tap(
    notice_id: FromPath[int],
    tap: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """Nobody took the call, it was told, or one makes it oneself."""
    if tap not in _TAPS:
        raise NotFound(tap)
    take, said = _TAPS[tap]
    await take(session, actor, notice_id, now)
    return see_other(f"{_LIST}?call={notice_id}" if tap == "take" else _LIST, said)


async def _page(
    session: AsyncSession,
    actor: Actor,
    now: datetime,
    notice_id: int | None,
    typed: Typed | None = None,
    refusal: Invalid | WrongWorkOrderState | None = None,
) -> Template:
    found = await calls.open_calls(session, actor, now)
    chosen = next((call for call in found if call.notice.id == notice_id), None)
    errors = (
        refusal.errors if isinstance(refusal, Invalid) else {"": refusal.text} if refusal else {}
    )
    # Of a call that is over, the refusal stands alone above the others.
    shown = chosen or (found[0] if found and not refusal else None)
    work_order = shown.work_order if shown else None
    return page(
        "shop/desk_calls.html",
        status=STATUSES[type(refusal)] if refusal else 200,
        calls=found,
        shown=shown,
        answers=answering.possible(work_order) if work_order else (),
        own_id=actor.member_id,
        form={**BLANK, **(typed or {})},
        errors=errors,
    )


ROUTES: list[ControllerRouterHandler] = [calls_page, answered, take_tap]
