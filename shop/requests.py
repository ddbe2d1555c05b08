"""What buyers ask of the desk: to cancel work that has begun, or to send back what has come.

asked -> agreed or refused by the desk, or withdrawn by the buyer; a return is done when it has
come back. The order's row is locked for each step, as for every step of a work order, so a
request is answered once. `docs/returns.md` has the rules and the diagram.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog import stock
from catalog.access import WORK_ORDER_DESK, Actor
from catalog.audit import record, record_buyer
from catalog.checks import Check
from catalog.errors import NotFound
from catalog.models import Kind
from catalog.own import own
from shop import ledger, work_orders, work_steps
from shop.choices import Choice, choice, is_open, returnable
from shop.errors import WrongRequestState, WrongWorkOrderState
from shop.models import (
    BuyerRequest,
    Order,
    OrderLine,
    RequestKind,
    RequestState,
    WorkOrder,
)
from shop.notices import Event, tell_buyer
from shop.refund_entries import goods_fen, return_entries
from shop.settle import request_refund

MOST_ROWS = 200
RETURNED = "退货"

_S = RequestState

_WAITING = or_(
    BuyerRequest.state == _S.ASKED,
    (BuyerRequest.state == _S.AGREED) & (BuyerRequest.kind == RequestKind.RETURN),
)


async def requests_of(session: AsyncSession, order_id: int) -> list[BuyerRequest]:
    """All that was asked about an order, oldest first."""
    query = select(BuyerRequest).where(BuyerRequest.order_id == order_id)
    return list(await session.scalars(query.order_by(BuyerRequest.id)))


async def choices_of(session: AsyncSession, order: Order, now: datetime) -> dict[int, Choice]:
    """What the buyer may do now with each work order of an order loaded whole, by its id."""
    asked = await requests_of(session, order.id)
    return {part.id: choice(order, part, asked, now) for part in order.work_orders}


async def ask(
    session: AsyncSession,
    token: str,
    work_order_id: int,
    kind: object,
    reason: object,
    now: datetime,
) -> BuyerRequest:
    """A buyer asks the desk about one work order; asked again, the same request stands.

    A cancel needs a reason, which the family is told; a return needs none, by law.
    Raises Invalid, NotFound, and WrongWorkOrderState with why it can not be asked now.
    """
    check = Check()
    wanted = check.choice("kind", kind, "要取消还是要退货", RequestKind)
    least = 1 if wanted == RequestKind.CANCEL else 0
    why = check.text("reason", reason, "原因", most=200, least=least)
    check.done()
    part = await work_orders.lock_part(session, token, work_order_id)
    now_possible = choice(part.order, part, await requests_of(session, part.order_id), now)
    standing = now_possible.request
    if standing is not None and is_open(standing) and standing.kind == wanted:
        return standing
    if now_possible.kind != wanted or now_possible.at_once:
        raise WrongWorkOrderState(_not_now(now_possible))
    request = BuyerRequest(
        station_id=part.station_id,
        order_id=part.order_id,
        work_order_id=part.id,
        kind=wanted,
        state=_S.ASKED,
        reason=why,
        answer="",
        asked_at=now,
    )
    session.add(request)
    await session.flush()
    after = {"kind": wanted, "reason": why, "work_order": part.id}
    record_buyer(session, "request.ask", request, now, after=after)
    return request


def _not_now(possible: Choice) -> str:
    if possible.at_once:
        return "作坊还没有动工，不用申请，直接取消就行。"
    if possible.why_not:
        return possible.why_not
    if possible.request is not None and is_open(possible.request):
        return "您已经有一个申请在等社工站答复。"
    return "这部分现在不能申请。"


async def withdraw(
    session: AsyncSession, token: str, request_id: int, now: datetime
) -> BuyerRequest:
    """The buyer keeps it after all; repeating changes nothing. Raises NotFound, WrongRequestState."""
    order_id = await session.scalar(select(Order.id).where(Order.token == token).with_for_update())
    request = await session.get(BuyerRequest, request_id, populate_existing=True)
    if order_id is None or request is None or request.order_id != order_id:
        raise NotFound(f"request {request_id}")
    if request.state == _S.WITHDRAWN:
        return request
    if not is_open(request):
        raise WrongRequestState("社工站已经答复了，这个申请不能再撤回。")
    before, request.state = request.state, _S.WITHDRAWN
    record_buyer(
        session,
        "request.withdraw",
        request,
        now,
        before={"state": before},
        after={"state": request.state},
    )
    return request


async def list_requests(
    session: AsyncSession, station_id: int, *, closed: bool = False
) -> list[BuyerRequest]:
    """What waits at a station's desk, the longest waiting first; or what is closed, newest first."""
    query = select(BuyerRequest).where(BuyerRequest.station_id == station_id)
    if closed:
        query = query.where(~_WAITING).order_by(BuyerRequest.id.desc())
    else:
        query = query.where(_WAITING).order_by(BuyerRequest.id)
    part = joinedload(BuyerRequest.work_order)
    query = query.options(
        joinedload(BuyerRequest.order),
        part.joinedload(WorkOrder.workshop),
        part.selectinload(WorkOrder.lines).joinedload(OrderLine.product),
    )
    return list(await session.scalars(query.limit(MOST_ROWS)))


async def count_requests(session: AsyncSession, station_id: int) -> int:
    """How many wait at a station's desk."""
    query = select(func.count(BuyerRequest.id)).where(
        BuyerRequest.station_id == station_id, _WAITING
    )
    return int(await session.scalar(query) or 0)


async def request_for(
    session: AsyncSession, actor: Actor, request_id: int, *, lock: bool = False
) -> BuyerRequest:
    """A request of the actor's station with order, payments, work order and lines.

    With `lock` its order's row is locked first. Raises NotFound.
    """
    if lock:
        found = await own(session, actor, BuyerRequest, request_id)
        await session.execute(select(Order.id).where(Order.id == found.order_id).with_for_update())
    part = joinedload(BuyerRequest.work_order)
    return await own(
        session,
        actor,
        BuyerRequest,
        request_id,
        joinedload(BuyerRequest.order).selectinload(Order.payments),
        part.joinedload(WorkOrder.workshop),
        part.selectinload(WorkOrder.lines).joinedload(OrderLine.product),
    )


async def agree(
    session: AsyncSession, actor: Actor, request_id: int, words: object, now: datetime
) -> BuyerRequest:
    """The desk agrees, with words that the buyer reads: for a return, where to send it.

    A cancel refunds the work order whole, at once. Raises Invalid without words, NotFound,
    WrongRequestState, and WrongWorkOrderState when the parcel has left since.
    """
    return await _answer(session, actor, request_id, _S.AGREED, words, now)


async def refuse(
    session: AsyncSession, actor: Actor, request_id: int, words: object, now: datetime
) -> BuyerRequest:
    """The desk refuses, with a reason that the buyer reads. Raises as `agree`."""
    return await _answer(session, actor, request_id, _S.REFUSED, words, now)


async def _answer(
    session: AsyncSession,
    actor: Actor,
    request_id: int,
    to: RequestState,
    words: object,
    now: datetime,
) -> BuyerRequest:
    actor.must_be(WORK_ORDER_DESK)
    check = Check()
    said = check.text("words", words, "给买家的话", most=200)
    check.done()
    request = await request_for(session, actor, request_id, lock=True)
    if request.state == to:
        return request
    _must_be(request, _S.ASKED)
    if to == _S.AGREED and request.kind == RequestKind.CANCEL:
        await work_steps.call_off(session, actor, request.work_order_id, "买家申请取消", now)
    request.state, request.answer = to, said
    request.decided_by, request.decided_at = actor.member_id, now
    after = {"state": to, "answer": said}
    await _record(session, actor, f"request.{_VERBS[to]}", request, now, _S.ASKED, after)
    told = {"cause": f"request:{request.id}", "code": request.order.code, "answer": said}
    tell_buyer(session, Event.ANSWERED, request.order, now, **told)
    return request


_VERBS = {_S.AGREED: "agree", _S.REFUSED: "refuse"}


async def arrived(
    session: AsyncSession, actor: Actor, request_id: int, our_fault: bool, now: datetime
) -> BuyerRequest:
    """What was sent back is here: its pieces are on hand again, its price goes back to the buyer.

    With `our_fault` the postage that the buyer once paid goes back too. Repeating changes
    nothing. Raises NotFound, WrongRequestState.
    """
    actor.must_be(WORK_ORDER_DESK)
    request = await request_for(session, actor, request_id, lock=True)
    if request.state == _S.DONE:
        return request
    if request.kind != RequestKind.RETURN:
        raise WrongRequestState("这是取消的申请，没有东西要寄回来。")
    _must_be(request, _S.AGREED)
    lines = returnable(request.order, request.work_order)
    await _count_in(session, actor, lines, now)
    postage = request.work_order.shipping_fen if our_fault else 0
    await _refund(session, request, lines, postage, now)
    request.state, request.done_at = _S.DONE, now
    after = {"state": _S.DONE, "our_fault": our_fault}
    await _record(session, actor, "request.arrived", request, now, _S.AGREED, after)
    return request


async def _count_in(
    session: AsyncSession, actor: Actor, lines: list[OrderLine], now: datetime
) -> None:
    for line in sorted(lines, key=lambda line: line.product_id):
        if line.product.kind != Kind.MADE_TO_ORDER:
            await stock.change(session, actor, line.product, line.quantity, RETURNED, now)


async def _refund(
    session: AsyncSession,
    request: BuyerRequest,
    lines: list[OrderLine],
    postage_fen: int,
    now: datetime,
) -> None:
    cause = f"return:{request.id}"
    payment = next(payment for payment in request.order.payments if payment.kept)
    await ledger.post(
        session,
        station_id=request.station_id,
        cause=cause,
        kind="refund",
        order_id=request.order_id,
        entries=return_entries(request.work_order, lines, postage_fen),
        now=now,
    )
    amount = goods_fen(lines) + postage_fen
    await request_refund(session, payment, cause, request.work_order_id, amount, RETURNED, now)


def _must_be(request: BuyerRequest, state: RequestState) -> None:
    if request.state != state:
        raise WrongRequestState(_WRONG[request.state])


_WRONG = {
    _S.ASKED: "这个申请还没有答复，先同意，再记收到。",
    _S.AGREED: "这个申请已经同意了。",
    _S.REFUSED: "这个申请已经答复过：没有同意。",
    _S.DONE: "退的货已经收到，钱在退给买家。",
    _S.WITHDRAWN: "买家已经把这个申请撤回了。",
}


async def _record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    request: BuyerRequest,
    now: datetime,
    before: RequestState,
    after: dict[str, Any],
) -> None:
    await session.flush()
    told = {"work_order": request.work_order_id, **after}
    record(session, actor, action, request, now, before={"state": before}, after=told)
