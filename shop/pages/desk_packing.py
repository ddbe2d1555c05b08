"""Packing at the desk: what is finished, family by family, and its lists and labels on paper."""

from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import WORK_ORDER_DESK, Actor, allow
from catalog.answers import page, see_other
from catalog.forms import read_form, read_number
from catalog.workshops import list_workshops, station_by_id
from media.paper import ParcelPaper, print_parcels
from shop.context import Shop
from shop.models import WorkOrder
from shop.packing import labels, packing_lists, printable, to_pack
from shop.pages.desk_work_order_list import ticked_ids
from shop.work_order_list import ticked

type_request = Request[Any, Any, Any]

_PAGE = "/desk/packing"


@get(_PAGE, opt=allow(WORK_ORDER_DESK), include_in_schema=False)
async def packing_page(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    workshop: FromQuery[str] = "",
) -> Template:
    """What is finished and not sent."""
    return page(
        "shop/desk_packing.html",
        groups=await to_pack(session, actor, read_number(workshop)),
        workshops=await list_workshops(session, actor.station_id, active_only=False),
        workshop=workshop,
        may_see=actor.sees_phones,
    )


# The paper takes a second to draw: neither keeps its transaction open for so long.


@post(f"{_PAGE}/lists.pdf", opt=allow(WORK_ORDER_DESK), include_in_schema=False, status_code=200)
async def lists_pdf(
    request: type_request,
    actor: NamedDependency[Actor],
    shop: NamedDependency[Shop],
    now: NamedDependency[datetime],
) -> Response[bytes] | Redirect:
    """A4, a page or more for each family."""
    async with shop.database.reading() as session:
        rows = await _ticked(request, session, actor)
        paper = packing_lists(rows, await station_by_id(session, actor.station_id), now)
    if not paper:
        return _none_ticked()
    return await answer_paper(ParcelPaper(lists=paper), "packing")


@post(f"{_PAGE}/labels.pdf", opt=allow(WORK_ORDER_DESK), include_in_schema=False, status_code=200)
async def labels_pdf(
    request: type_request,
    actor: NamedDependency[Actor],
    shop: NamedDependency[Shop],
    now: NamedDependency[datetime],
) -> Response[bytes] | Redirect:
    """A label for each parcel, 100 × 150 mm; whole ones are in the trail before they are drawn."""
    whole = "whole" in await read_form(request)
    async with shop.database.writing.begin() as session:
        rows = await _ticked(request, session, actor)
        station = await station_by_id(session, actor.station_id)
        paper = labels(session, actor, rows, station, shop.public_url, whole, now)
    if not paper:
        return _none_ticked()
    return await answer_paper(ParcelPaper(labels=paper), "labels")


async def _ticked(request: type_request, session: AsyncSession, actor: Actor) -> list[WorkOrder]:
    found = printable(await ticked(session, actor, await ticked_ids(request)))
    return sorted(found, key=lambda row: (row.workshop.name, row.id))


def _none_ticked() -> Redirect:
    return see_other(_PAGE, "先勾上要打印的工单；没有接的、取消了的不用打印。", kind="warn")


async def answer_paper(paper: ParcelPaper, name: str) -> Response[bytes]:
    """The paper as PDF, opened in the browser; nobody between keeps it."""
    headers = {
        "Content-Disposition": f'inline; filename="{name}.pdf"',
        "Cache-Control": "no-store",
    }
    return Response(await print_parcels(paper), media_type="application/pdf", headers=headers)


ROUTES: list[ControllerRouterHandler] = [packing_page, lists_pdf, labels_pdf]
