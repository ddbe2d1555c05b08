"""Slips at the desk: printed, read off a photo or typed in, and what was ticked on them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid, NotFound
from catalog.forms import read_choices, read_file, read_form
from catalog.pages.desk_product import MOST_UPLOAD
from media.codes import normalise
from media.paper import print_slips
from media.storage import Storage
from shop import acting, answering, slips
from shop.context import Shop
from shop.errors import WrongWorkOrderState
from shop.models import ActChannel
from shop.web.problems import STATUSES

Typed = Mapping[str, str]

_LIST = "/desk/slips"
_NOT_HERE = "这里没有 {code} 这张纸条。看看是不是别的站的，或者哪个字认错了。"
_NOTHING_READ = "照片里认不出码。把纸条放平，靠近一点再拍一张；或者看着纸条把码打进去。"
BLANK = {**acting.BLANK, **answering.BLANK, "said_channel": ActChannel.SLIP.value}


@get(["/S/{code:str}", "/s/{code:str}"], opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def scanned(code: FromPath[str]) -> Redirect:
    """What the QR of a slip opens."""
    return see_other(f"{_LIST}/{normalise(code)[:16]}")


@get(_LIST, opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def slips_page(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> Template:
    """Find a slip by its code or a photo of it; what is out and not answered."""
    return await _list(session, actor)


@post(
    _LIST,
    opt=allow(WORK_ORDER_DESK),
    include_in_schema=False,
    request_max_body_size=MOST_UPLOAD,
)
async def find(
    request: Request[Any, Any, Any],
    actor: NamedDependency[Actor],
    shop: NamedDependency[Shop],
    storage: NamedDependency[Storage],
) -> Template | Redirect:
    """To the slip's form; the photo is kept beside it. Takes no session: reading takes a second."""
    typed, photo = await read_form(request), await read_file(request, "photo")
    try:
        if photo:
            code, kept = await _read(storage, actor, photo)
        else:
            code, kept = normalise(typed.get("code", ""))[:16], ""
        if not code:
            raise Invalid({"code": "请填纸条上的码，或者选一张照片。"})
        async with shop.database.reading() as session:
            slip = await slips.find_slip(session, actor, code)
    except Invalid as error:
        return await _refused(shop, actor, typed, error.errors, 422)
    except NotFound:
        errors = {"photo" if photo else "code": _NOT_HERE.format(code=code)}
        return await _refused(shop, actor, typed, errors, 404)
    return see_other(f"{_LIST}/{slip.code}" + (f"?kept={kept}" if kept else ""))


async def _refused(
    shop: Shop, actor: Actor, typed: Typed, errors: Mapping[str, str], status: int
) -> Template:
    async with shop.database.reading() as session:
        return await _list(session, actor, typed, errors, status=status)


async def _read(storage: Storage, actor: Actor, photo: bytes) -> tuple[str, str]:
    """The code in a photo, and the name under which the photo is kept. Raises Invalid."""
    code = await slips.code_in_photo(photo)
    if not code:
        raise Invalid({"photo": _NOTHING_READ})
    return code, await acting.keep_file(storage, actor, photo)


@get(f"{_LIST}/{{code:str}}", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def show(
    code: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    kept: FromQuery[str] = "",
) -> Template:
    """The form for what was ticked; or who answered already. A code that is not here says so."""
    try:
        return await _form(session, actor, code, {"said_kept": kept})
    except NotFound:
        errors = {"code": _NOT_HERE.format(code=code[:16])}
        return await _list(session, actor, {"code": code[:16]}, errors, status=404)


@post(
    f"{_LIST}/{{code:str}}",
    opt=allow(WORK_ORDER_DESK),
    include_in_schema=False,
    request_max_body_size=MOST_UPLOAD,
)
async def answer(
    request: Request[Any, Any, Any],
    code: FromPath[str],
    actor: NamedDependency[Actor],
    shop: NamedDependency[Shop],
    storage: NamedDependency[Storage],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """What the family ticked. Takes no session: the photo is read and stored first."""
    typed, data = await read_form(request), await read_file(request, "said_file")
    async with shop.database.reading() as session:
        slip = await slips.find_slip(session, actor, code)
    try:
        part = slip.work_order_id
        done = await answering.take_answer(shop, storage, actor, part, typed, data, now)
    except (Invalid, WrongWorkOrderState) as refusal:
        async with shop.database.reading() as session:
            return await _form(session, actor, code, typed, refusal)
    return see_other(_LIST, f"{slip.work_order.workshop.name}：{done}")


@post(f"{_LIST}/print", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def print_out(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Redirect:
    """Make the slips of one work order, of all families on paper, or of all; then their sheet."""
    typed = await read_form(request)
    chosen = [int(one) for one in await read_choices(request, "work_order") if one.isdecimal()]
    if not chosen:
        everyone = typed.get("who") == "all"
        chosen = await slips.waiting_for_paper(session, actor.station_id, all_of_them=everyone)
    if not chosen:
        return see_other(_LIST, "没有等答复的工单，不用印。", kind="warn")
    try:
        made = [await slips.print_slip(session, actor, one, now) for one in sorted(chosen)]
    except WrongWorkOrderState as refusal:
        await session.rollback()
        return see_other(_LIST, refusal.text, kind="warn")
    return see_other("/desk/slips.pdf?" + "&".join(f"code={slip.code}" for slip in made))


@get("/desk/slips.pdf", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def sheet(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    storage: NamedDependency[Storage],
    public_url: NamedDependency[str],
    code: FromQuery[list[str]],
) -> Response[bytes]:
    """Slips to print, A5, one a page."""
    drawn = await slips.slips_on_paper(session, storage, actor, code, public_url)
    headers = {"Content-Disposition": 'inline; filename="slips.pdf"'}
    pdf = await print_slips(drawn)
    return Response(pdf, media_type="application/pdf", headers=headers)


async def _list(
    session: AsyncSession,
    actor: Actor,
    typed: Typed | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Template:
    waiting = slips.waiting_for_paper
    return page(
        "shop/desk_slips.html",
        status=status,
        slips=await slips.open_slips(session, actor),
        on_paper=len(await waiting(session, actor.station_id, all_of_them=False)),
        unanswered=len(await waiting(session, actor.station_id, all_of_them=True)),
        form={"code": "", **(typed or {})},
        errors=errors or {},
    )


async def _form(
    session: AsyncSession,
    actor: Actor,
    code: str,
    typed: Typed | None = None,
    refusal: Invalid | WrongWorkOrderState | None = None,
) -> Template:
    slip = await slips.find_slip(session, actor, code)
    work_order = slip.work_order
    errors = (
        refusal.errors if isinstance(refusal, Invalid) else {"": refusal.text} if refusal else {}
    )
    waiting = "accept" in answering.possible(work_order)
    return page(
        "shop/desk_slip.html",
        status=STATUSES[type(refusal)] if refusal else 200,
        slip=slip,
        work_order=work_order,
        due=slips.due_text(work_order),
        answers=answering.possible(work_order) if waiting else (),
        answered="" if waiting else await answering.who_was_first(session, work_order),
        form={**BLANK, **(typed or {})},
        errors=errors,
    )


ROUTES: list[ControllerRouterHandler] = [
    scanned,
    slips_page,
    find,
    show,
    answer,
    print_out,
    sheet,
]
