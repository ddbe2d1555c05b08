"""One work order at the desk: what became of it, a family's answer, and the station's own steps."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ORDER_VIEWERS, WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid
from catalog.forms import read_file, read_form
from catalog.interface import faults_as
from catalog.pages.desk_product import MOST_UPLOAD
from media.storage import Storage
from media.voices import ENDINGS
from shop import acting, answering, parcels, work_steps
from shop.carriers import CARRIERS
from shop.context import Shop
from shop.errors import WrongWorkOrderState
from shop.slips import slip_of
from shop.trail_words import ACTIONS, CHANNELS
from shop.web.problems import STATUSES
from shop.work_orders import work_order_for

Typed = Mapping[str, str]

_LIST = "/desk/work-orders"
BLANK = {
    "carrier": "",
    "tracking": "",
    "cancel_reason": "",
    **acting.BLANK,
    **answering.BLANK,
}


@get(f"{_LIST}/{{work_order_id:int}}", opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def show_work_order(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """One work order, what may be done with it, and who did what."""
    return await _page(session, actor, work_order_id)


@post(
    f"{_LIST}/{{work_order_id:int}}/answer",
    opt=allow(WORK_ORDER_DESK),
    include_in_schema=False,
    request_max_body_size=MOST_UPLOAD,
)
async def answer(
    request: Request[Any, Any, Any],
    work_order_id: FromPath[int],
    actor: NamedDependency[Actor],
    shop: NamedDependency[Shop],
    storage: NamedDependency[Storage],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """What the family said. Takes no session: the file is stored before anything is locked."""
    typed, data = await read_form(request), await read_file(request, "said_file")
    try:
        done = await answering.take_answer(shop, storage, actor, work_order_id, typed, data, now)
    except (Invalid, WrongWorkOrderState) as refusal:
        async with shop.database.reading() as session:
            return await _page(session, actor, work_order_id, typed, refusal)
    return see_other(f"{_LIST}/{work_order_id}", done)


async def _ship(
    session: AsyncSession, actor: Actor, work_order_id: int, typed: Typed, now: datetime
) -> str:
    carrier, tracking = typed.get("carrier"), typed.get("tracking")
    sure = "sure" in typed
    await parcels.send(session, actor, work_order_id, carrier, tracking, sure, now)
    return "记下了，已经寄出。买家看得到单号。"


async def _deliver(
    session: AsyncSession, actor: Actor, work_order_id: int, typed: Typed, now: datetime
) -> str:
    await work_steps.deliver(session, actor, work_order_id, now)
    return "记下了，买家签收了。"


async def _cancel(
    session: AsyncSession, actor: Actor, work_order_id: int, typed: Typed, now: datetime
) -> str:
    """The buyer asked by telephone, before work has begun."""
    with faults_as(reason="cancel_reason"):
        await work_steps.cancel(session, actor, work_order_id, typed.get("cancel_reason"), now)
    return "取消了，钱在退给买家，现货可以再卖。"


_STEPS = {"ship": _ship, "deliver": _deliver, "cancel": _cancel}


@post(
    [f"{_LIST}/{{work_order_id:int}}/{step}" for step in _STEPS],
    opt=allow(WORK_ORDER_DESK),
    include_in_schema=False,
)
async def take_step(
    request: Request[Any, Any, Any],
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """A step of the station's own; then back to the list, for somebody who works through it."""
    typed = await read_form(request)
    take = _STEPS[request.url.path.rpartition("/")[2]]
    try:
        async with session.begin_nested():
            said = await take(session, actor, work_order_id, typed, now)
    except (Invalid, WrongWorkOrderState) as refusal:
        return await _page(session, actor, work_order_id, typed, refusal)
    back = typed.get("back", "")
    return see_other(back if back.startswith(f"{_LIST}?") else f"{_LIST}/{work_order_id}", said)


@get("/desk/evidence/{evidence_id:int}", opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def evidence(
    evidence_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    storage: NamedDependency[Storage],
) -> Response[bytes]:
    """What shows that a family said something: a photo to look at, a recording to download."""
    data, media_type = await acting.evidence_file(session, storage, actor, evidence_id)
    ending = ENDINGS.get(media_type)
    name = f'attachment; filename="voice-{evidence_id}.{ending}"' if ending else "inline"
    return Response(data, media_type=media_type, headers={"Content-Disposition": name})


async def _page(
    session: AsyncSession,
    actor: Actor,
    work_order_id: int,
    typed: Typed | None = None,
    refusal: Invalid | WrongWorkOrderState | None = None,
) -> Template:
    work_order = await work_order_for(session, actor, work_order_id)
    errors = (
        refusal.errors if isinstance(refusal, Invalid) else {"": refusal.text} if refusal else {}
    )
    return page(
        "shop/desk_work_order.html",
        status=STATUSES[type(refusal)] if refusal else 200,
        work_order=work_order,
        order=work_order.order,
        next_step=work_steps.next_step(work_order),
        may_act=actor.role in WORK_ORDER_DESK,
        answers=answering.possible(work_order),
        makers=await answering.makers_of(session, work_order.workshop_id),
        slip=await slip_of(session, work_order.id),
        trail=await answering.trail(session, work_order),
        actions=ACTIONS,
        channels=CHANNELS,
        may_ship=work_steps.may_take(work_order, "ship"),
        may_cancel=work_steps.may_take(work_order, "cancel"),
        carriers=[(name, name) for name in CARRIERS],
        form={**BLANK, **(typed or {})},
        errors=errors,
    )


ROUTES: list[ControllerRouterHandler] = [show_work_order, answer, take_step, evidence]
