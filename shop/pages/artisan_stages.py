"""A family shows on its phone how far a piece is: which stage, then a picture."""

from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ARTISANS, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid, NotFound, NotTakenBack
from catalog.forms import read_file, read_form
from catalog.offering import folder_of, new_form
from catalog.pages.artisan_products import MOST_UPLOAD
from media.storage import Storage
from shop import making
from shop.errors import WrongWorkOrderState
from shop.models import Stage, StagePhoto, WorkOrder
from shop.pages.artisan_work import WORK_ORDER, is_made, work_order_page
from shop.work_orders import work_order_for


@get(f"{WORK_ORDER}/stages", opt=allow(ARTISANS), include_in_schema=False)
async def which_stage(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template | Redirect:
    """Which stage, the likely next one first."""
    work_order = await work_order_for(session, actor, work_order_id)
    if work_order.state not in making.IN_THE_MAKING:
        return see_other(f"/workshop/work-orders/{work_order_id}")
    shown = (await making.stages_of(session, [work_order_id])).get(work_order_id, [])
    return page(
        "shop/artisan_stages.html",
        work_order=work_order,
        stages=making.likely_first(shown, made=is_made(work_order)),
        names=making.STAGES,
        shown={photo.stage for photo in shown},
    )


@get(f"{WORK_ORDER}/stages/{{stage:str}}", opt=allow(ARTISANS), include_in_schema=False)
async def photo_page(
    work_order_id: FromPath[int],
    stage: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template | Redirect:
    """A picture of that stage."""
    work_order = await work_order_for(session, actor, work_order_id)
    if work_order.state not in making.IN_THE_MAKING:
        return see_other(f"/workshop/work-orders/{work_order_id}")
    return _photo_form(work_order, _stage(stage), new_form(), {})


@post(
    f"{WORK_ORDER}/stages/{{stage:str}}",
    opt=allow(ARTISANS),
    include_in_schema=False,
    request_max_body_size=MOST_UPLOAD,
)
async def add(
    work_order_id: FromPath[int],
    stage: FromPath[str],
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    storage: NamedDependency[Storage],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The buyer sees the picture as soon as it is rendered."""
    form, photo = (
        (await read_form(request)).get("form") or new_form(),
        await read_file(request, "photo"),
    )
    folder = folder_of(request.app.state.secret_key, actor, form)
    typed = {"stage": _stage(stage).value}
    try:
        async with session.begin_nested():
            await making.add_stage_photo(
                session, storage, actor, work_order_id, typed, folder, photo, now
            )
    except Invalid as error:
        work_order = await work_order_for(session, actor, work_order_id)
        return _photo_form(work_order, _stage(stage), form, error.errors)
    except WrongWorkOrderState as error:
        return await work_order_page(session, actor, work_order_id, now, error)
    return see_other(f"/workshop/work-orders/{work_order_id}", "照片收到了，买家过一会儿就能看到。")


def _stage(typed: str) -> Stage:
    if typed not in list(Stage):
        raise NotFound(f"stage {typed}")
    return Stage(typed)


def _photo_form(work_order: WorkOrder, stage: Stage, form: str, errors: dict[str, str]) -> Template:
    return page(
        "shop/artisan_stage_photo.html",
        status=422 if errors else 200,
        work_order=work_order,
        stage=stage,
        stage_name=making.STAGES[stage],
        form=form,
        errors=errors,
    )


@post("/workshop/stages/{photo_id:int}/undo", opt=allow(ARTISANS), include_in_schema=False)
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
        return await work_order_page(session, actor, photo.work_order_id, now, error)
    return see_other(f"/workshop/work-orders/{photo.work_order_id}", "照片收回了，买家看不到了。")


ROUTES: list[ControllerRouterHandler] = [which_stage, photo_page, add, take_back]
