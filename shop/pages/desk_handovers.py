"""Handovers at the desk: a family brings what it has finished, and gets a receipt."""

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
from catalog.forms import read_file, read_form, read_number
from catalog.pages.desk_product import MOST_UPLOAD
from catalog.pictures import keep_picture
from catalog.workshops import list_workshops, station_by_id, workshop_for
from media.paper import HandoverReceipt, ParcelPaper
from media.storage import Storage
from shop import handovers
from shop.context import Shop
from shop.errors import WrongWorkOrderState
from shop.handovers import Brought, handover_for, list_handovers, waiting_for
from shop.packing import clock, packed_line
from shop.pages.desk_packing import answer_paper
from shop.pages.desk_work_order_list import ticked_ids
from shop.web.problems import STATUSES
from shop.work_orders import work_order_for

type_request = Request[Any, Any, Any]

_LIST = "/desk/handovers"
BLANK = {"given_by": "", "pieces": "", "note": "", "picture": ""}


@get(_LIST, opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def handovers_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    workshop: FromQuery[str] = "",
) -> Template:
    """Whose pieces may come in, and what came lately."""
    waiting: dict[int, int] = {}
    for row in await waiting_for(session, actor):
        waiting[row.workshop_id] = waiting.get(row.workshop_id, 0) + 1
    workshops = await list_workshops(session, actor.station_id, active_only=False)
    return page(
        "shop/desk_handovers.html",
        found=await list_handovers(session, actor, read_number(workshop)),
        waiting=[(row, waiting[row.id]) for row in workshops if row.id in waiting],
        workshops=workshops,
        workshop=workshop,
    )


@get(f"{_LIST}/new", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def new_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    workshop: FromQuery[str] = "",
    take: FromQuery[str] = "",
) -> Template | Redirect:
    """The form for one family; `take` is the work order whose label was scanned."""
    ticked = read_number(take)
    if ticked is not None:
        work_order = await work_order_for(session, actor, ticked)
        if work_order.handover_id is not None:
            return see_other(
                f"{_LIST}/{work_order.handover_id}", "这张工单已经收过了。", kind="warn"
            )
        return await _form(session, actor, work_order.workshop_id, ticked=[ticked])
    workshop_id = read_number(workshop)
    if workshop_id is None:
        return see_other(_LIST, "先选是哪一家。", kind="warn")
    return await _form(session, actor, workshop_id)


@post(
    f"{_LIST}/new",
    opt=allow(WORK_ORDER_DESK),
    include_in_schema=False,
    request_max_body_size=MOST_UPLOAD,
)
async def take_in(
    request: type_request,
    actor: NamedDependency[Actor],
    shop: NamedDependency[Shop],
    storage: NamedDependency[Storage],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The pieces are here. Takes no session: the picture is stored before anything is locked."""
    typed, ids = await read_form(request), await ticked_ids(request)
    workshop_id = read_number(typed.get("workshop", ""))
    if workshop_id is None:
        raise NotFound("workshop")
    data = await read_file(request, "photo")
    try:
        key = await keep_picture(storage, "handovers", data) if data else ""
        async with shop.database.writing.begin() as session:
            handover = await handovers.hand_over(
                session,
                actor,
                workshop_id,
                ids,
                typed.get("given_by"),
                typed.get("pieces"),
                typed.get("note"),
                key,
                now,
            )
    except (Invalid, WrongWorkOrderState) as refusal:
        errors = refusal.errors if isinstance(refusal, Invalid) else {"": refusal.text}
        async with shop.database.reading() as session:
            status = STATUSES[type(refusal)]
            return await _form(session, actor, workshop_id, typed, errors, ids, status)
    return see_other(f"{_LIST}/{handover.id}", "收到了，从现在起由站里寄。")


@get(f"{_LIST}/{{handover_id:int}}", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def handover_page(
    handover_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """What was brought, by whom, and where it is now."""
    return await _one(session, actor, handover_id, now)


@get(f"{_LIST}/{{handover_id:int}}/photo", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def photo(
    handover_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    storage: NamedDependency[Storage],
) -> Response[bytes]:
    """The picture that was taken."""
    data, media_type = await handovers.picture(session, storage, actor, handover_id)
    return Response(data, media_type=media_type)


@get(
    f"{_LIST}/{{handover_id:int}}/receipt.pdf", opt=allow(WORK_ORDER_DESK), include_in_schema=False
)
async def receipt_pdf(
    handover_id: FromPath[int],
    actor: NamedDependency[Actor],
    shop: NamedDependency[Shop],
    now: NamedDependency[datetime],
) -> Response[bytes]:
    """What the family takes home, A5."""
    async with shop.database.reading() as session:
        brought = await handover_for(session, actor, handover_id)
        station = await station_by_id(session, actor.station_id)
    if not brought.work_orders:
        raise NotFound(f"handover {handover_id} was taken back")
    paper = ParcelPaper(receipts=[_receipt(brought, station.name, now)])
    return await answer_paper(paper, f"handover-{handover_id}")


def _receipt(brought: Brought, station: str, now: datetime) -> HandoverReceipt:
    handover = brought.handover
    facts = [
        ("交的人", handover.given_by),
        ("收的人", brought.taker),
        ("时间", clock(handover.at)),
        ("件数", f"{handover.pieces} 件"),
        ("备注", handover.note),
    ]
    return HandoverReceipt(
        number=str(handover.id),
        station=station,
        workshop=handover.workshop.name,
        facts=[(label, words) for label, words in facts if words],
        lines=[packed_line(row) for row in brought.work_orders],
        printed=f"{clock(now)} 打印",
    )


@post(f"{_LIST}/{{handover_id:int}}/undo", opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def undo(
    handover_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """It was a mistake: the family has its pieces again."""
    try:
        async with session.begin_nested():
            await handovers.undo(session, actor, handover_id, now)
    except WrongWorkOrderState as error:
        return await _one(session, actor, handover_id, now, {"": error.text}, 409)
    return see_other(f"{_LIST}/{handover_id}", "撤回了，东西又算在家里。")


async def _one(
    session: AsyncSession,
    actor: Actor,
    handover_id: int,
    now: datetime,
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Template:
    brought = await handover_for(session, actor, handover_id)
    return page(
        "shop/desk_handover.html",
        status=status,
        brought=brought,
        handover=brought.handover,
        may_undo=brought.may_undo(now),
        errors=errors or {},
    )


async def _form(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    ticked: list[int] | None = None,
    status: int = 200,
) -> Template:
    workshop = await workshop_for(session, actor, workshop_id)
    rows = await waiting_for(session, actor, workshop_id)
    ticked = ticked or []
    pieces = sum(line.quantity for row in rows if row.id in ticked for line in row.lines)
    return page(
        "shop/desk_handover_new.html",
        status=status,
        workshop=workshop,
        rows=rows,
        ticked=ticked,
        form={**BLANK, "pieces": str(pieces or ""), **(typed or {})},
        errors=errors or {},
    )


ROUTES: list[ControllerRouterHandler] = [
    handovers_page,
    new_page,
    take_in,
    handover_page,
    photo,
    receipt_pdf,
    undo,
]
