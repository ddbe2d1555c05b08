"""Money by hand at the desk: written down by one person, confirmed by another, handed back the same way."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import MONEY_DESK, RECEIPT_RECORDERS, RECEIPT_VIEWERS, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid, SecondPersonNeeded
from catalog.forms import read_file, read_form
from catalog.pages.desk_product import MOST_UPLOAD
from media.storage import Storage
from shop import offline
from shop.context import Shop
from shop.errors import RehearsalShow, WrongOrderState
from shop.models import Order, OrderState
from shop.orders import order_for
from shop.receipts import (
    decided_receipts,
    promised_orders,
    receipts_of,
    refunds_by_hand,
    waiting_receipts,
)
from shop.web.problems import STATUSES

type_request = Request[Any, Any, Any]

_LIST = "/desk/receipts"
BLANK = {"way": "code", "reference": ""}


@get(_LIST, opt=allow(RECEIPT_RECORDERS), include_in_schema=False)
async def receipts_page(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> Template:
    """What waits for a second person, whom to expect money from, what is to be handed back."""
    return await _list(session, actor)


@get("/desk/orders/{code:str}/receipt", opt=allow(RECEIPT_RECORDERS), include_in_schema=False)
async def receipt_form(
    code: FromPath[str],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
) -> Template:
    """The form for money that has come for one order, and what was written down for it so far."""
    return await _form(session, actor, code)


@post(
    "/desk/orders/{code:str}/receipt",
    opt=allow(RECEIPT_RECORDERS),
    include_in_schema=False,
    request_max_body_size=MOST_UPLOAD,
)
async def record(
    request: type_request,
    code: FromPath[str],
    actor: NamedDependency[Actor],
    shop: NamedDependency[Shop],
    storage: NamedDependency[Storage],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Write the money down. Takes no session: the picture is stored before anything is locked."""
    typed, photo = await read_form(request), await read_file(request, "photo")
    async with shop.database.reading() as session:
        order = await order_for(session, actor, code)
    way, reference = typed.get("way"), typed.get("reference")
    try:
        async with shop.database.writing.begin() as session:
            await offline.record_receipt(session, storage, actor, order, way, reference, photo, now)
    except (Invalid, RehearsalShow, WrongOrderState) as refusal:
        errors = refusal.errors if isinstance(refusal, Invalid) else {"": refusal.text}
        async with shop.database.reading() as session:
            return await _form(session, actor, code, typed, errors, status=STATUSES[type(refusal)])
    return see_other(_LIST, f"登记好了，请另一个人来确认。订单 {order.code} 的作品一直留着。")


@get("/desk/receipts/{receipt_id:int}/photo", opt=allow(RECEIPT_VIEWERS), include_in_schema=False)
async def photo(
    receipt_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    storage: NamedDependency[Storage],
) -> Response[bytes]:
    """The picture of a receipt; no browser keeps it."""
    data, media_type = await offline.receipt_photo(session, storage, actor, receipt_id)
    return Response(data, media_type=media_type)


@post("/desk/receipts/{receipt_id:int}/confirm", opt=allow(MONEY_DESK), include_in_schema=False)
async def confirm(
    receipt_id: FromPath[int],
    actor: NamedDependency[Actor],
    shop: NamedDependency[Shop],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The second person saw the money. Takes no session: gateways are asked afterwards."""
    try:
        order = await offline.confirm_receipt(shop, actor, receipt_id, now)
    except (SecondPersonNeeded, WrongOrderState) as refusal:
        async with shop.database.reading() as session:
            return await _refused(session, actor, refusal)
    kept = order.state in (OrderState.PAID, OrderState.COMPLETED)
    said = "确认了，作坊马上知道。" if kept else "确认了。作品已经没有了，请把钱退给买家。"
    return see_other(_LIST, f"订单 {order.code}：{said}", kind="ok" if kept else "warn")


@post("/desk/receipts/{receipt_id:int}/reject", opt=allow(MONEY_DESK), include_in_schema=False)
async def reject(
    request: type_request,
    receipt_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The second person did not find the money."""
    typed = await read_form(request)
    try:
        async with session.begin_nested():
            await offline.reject_receipt(session, actor, receipt_id, typed.get("reason"), now)
    except Invalid as error:
        errors = {f"reason-{receipt_id}": text for text in error.errors.values()}
        return await _list(session, actor, errors, status=422)
    except (SecondPersonNeeded, WrongOrderState) as refusal:
        return await _refused(session, actor, refusal)
    return see_other(_LIST, "退回了。订单回到原来的付款时间。")


@post("/desk/refunds/{refund_id:int}/record", opt=allow(RECEIPT_VIEWERS), include_in_schema=False)
async def record_refund(
    request: type_request,
    refund_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Money was handed back, says the first person."""
    typed = await read_form(request)
    try:
        async with session.begin_nested():
            await offline.record_refund(session, actor, refund_id, typed.get("reference"), now)
    except Invalid as error:
        errors = {f"reference-{refund_id}": text for text in error.errors.values()}
        return await _list(session, actor, errors, {refund_id: typed.get("reference", "")}, 422)
    except WrongOrderState as refusal:
        return await _refused(session, actor, refusal)
    return see_other(_LIST, "登记好了，请另一个人来确认。")


@post("/desk/refunds/{refund_id:int}/confirm", opt=allow(MONEY_DESK), include_in_schema=False)
async def confirm_refund(
    refund_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """The buyer has the money, says the second person."""
    try:
        async with session.begin_nested():
            await offline.confirm_refund(session, actor, refund_id, now)
    except (SecondPersonNeeded, WrongOrderState) as refusal:
        return await _refused(session, actor, refusal)
    return see_other(_LIST, "确认了，这笔钱退好了。")


async def _refused(
    session: AsyncSession, actor: Actor, refusal: SecondPersonNeeded | WrongOrderState
) -> Template:
    return await _list(session, actor, {"": refusal.text}, status=STATUSES[type(refusal)])


async def _list(
    session: AsyncSession,
    actor: Actor,
    errors: Mapping[str, str] | None = None,
    references: Mapping[int, str] | None = None,
    status: int = 200,
) -> Template:
    return page(
        "shop/desk_receipts.html",
        status=status,
        waiting=await waiting_receipts(session, actor.station_id),
        promised=await promised_orders(session, actor.station_id),
        refunds=await refunds_by_hand(session, actor.station_id),
        decided=await decided_receipts(session, actor.station_id),
        own_id=actor.member_id,
        may_decide=actor.role in MONEY_DESK,
        may_see=actor.role in RECEIPT_VIEWERS,
        errors=errors or {},
        references=references or {},
    )


async def _form(
    session: AsyncSession,
    actor: Actor,
    code: str,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Template:
    order: Order = await order_for(session, actor, code)
    return page(
        "shop/desk_receipt.html",
        status=status,
        order=order,
        lines=await receipts_of(session, order),
        open=order.paid_at is None and await offline.waiting_receipt(session, order.id) is None,
        may_see=actor.role in RECEIPT_VIEWERS,
        form={**BLANK, **(typed or {})},
        errors=errors or {},
    )


ROUTES: list[ControllerRouterHandler] = [
    receipts_page,
    receipt_form,
    record,
    photo,
    confirm,
    reject,
    record_refund,
    confirm_refund,
]
