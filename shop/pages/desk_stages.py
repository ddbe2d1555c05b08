"""The stages of a work order at the desk: shown for a family that brought or sent its picture."""

from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ORDER_VIEWERS, WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid, NotTakenBack, Refusal
from catalog.forms import read_file, read_form
from catalog.offering import folder_of, new_form
from catalog.pages.artisan_products import MOST_UPLOAD
from catalog.photos import SENTENCES
from media.storage import Storage
from shop import answering, making
from shop.acting import BLANK, act_for, read_said
from shop.errors import WrongWorkOrderState
from shop.models import StagePhoto
from shop.pages.artisan_work import is_made
from shop.web.problems import STATUSES
from shop.work_orders import work_order_for

_STAGES = "/desk/work-orders/{work_order_id:int}/stages"


@get(_STAGES, opt=allow(ORDER_VIEWERS), include_in_schema=False)
async def stages_page(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """What its buyer is shown, and a form for one more."""
    return await _page(session, actor, work_order_id, now)


@post(
    _STAGES,
    opt=allow(WORK_ORDER_DESK),
    include_in_schema=False,
    request_max_body_size=2 * MOST_UPLOAD,
)
async def add(
    work_order_id: FromPath[int],
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    storage: NamedDependency[Storage],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """One more, in the family's name and with what shows that it wanted it."""
    typed = await read_form(request)
    photo, said_file = await read_file(request, "photo"), await read_file(request, "said_file")
    form = typed.get("form") or new_form()
    folder = folder_of(request.app.state.secret_key, actor, form)
    work_order = await work_order_for(session, actor, work_order_id)
    family = work_order.workshop_id
    try:
        said = await read_said(storage, actor, typed, said_file, now)
        async with session.begin_nested():
            acting = await act_for(session, actor, family, said, now, work_order_id)
            await making.add_stage_photo(
                session, storage, acting, work_order_id, typed, folder, photo, now
            )
    except (Invalid, WrongWorkOrderState) as error:
        return await _page(session, actor, work_order_id, now, error, {**typed, "form": form})
    return see_other(
        f"/desk/work-orders/{work_order_id}/stages", "照片收到了，买家过一会儿就能看到。"
    )


@post("/desk/stages/{photo_id:int}/undo", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def take_back(
    photo_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The picture is hidden from the buyer again."""
    try:
        async with session.begin_nested():
            photo = await making.take_back_stage_photo(session, actor, photo_id, now)
    except NotTakenBack as error:
        photo = await session.get_one(StagePhoto, photo_id)
        return await _page(session, actor, photo.work_order_id, now, error)
    return see_other(
        f"/desk/work-orders/{photo.work_order_id}/stages", "照片收回了，买家看不到了。"
    )


async def _page(
    session: AsyncSession,
    actor: Actor,
    work_order_id: int,
    now: datetime,
    refused: Refusal | None = None,
    typed: dict[str, str] | None = None,
) -> Template:
    work_order = await work_order_for(session, actor, work_order_id)
    shown = (await making.stages_of(session, [work_order_id])).get(work_order_id, [])
    errors = (
        refused.errors if isinstance(refused, Invalid) else {"": refused.text} if refused else {}
    )
    order = making.likely_first(shown, made=is_made(work_order))
    return page(
        "shop/desk_stages.html",
        status=STATUSES[type(refused)] if refused else 200,
        errors=errors,
        work_order=work_order,
        makers=await answering.makers_of(session, work_order.workshop_id),
        photos=[(photo, making.may_take_back(photo, work_order, now)) for photo in shown],
        names=making.STAGES,
        sentences=SENTENCES,
        form={**BLANK, "form": new_form(), "stage": order[0], **(typed or {})},
        stages=[(stage.value, making.STAGES[stage]) for stage in order],
        may_add=work_order.state in making.IN_THE_MAKING and actor.role in WORK_ORDER_DESK,
    )


ROUTES: list[ControllerRouterHandler] = [stages_page, add, take_back]
