"""What a buyer may still do with each part of an order: cancel, ask, send back; and why not.

The same reckoning stands behind the order page and behind the services that carry it out
(`shop.requests`), so the page never offers what is then refused. `docs/returns.md`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from catalog.checks import BEIJING
from catalog.models import Kind
from shop.models import (
    BuyerRequest,
    Order,
    OrderLine,
    RequestKind,
    RequestState,
    WorkOrder,
    WorkOrderState,
)
from shop.refund_entries import goods_fen
from shop.return_window import RETURN_DAYS, last_day

_BEGUN = (WorkOrderState.MAKING, WorkOrderState.READY)
_NOT_BEGUN = (WorkOrderState.NEW, WorkOrderState.ACCEPTED)

CUSTOM = (
    "定做的作品，下单时您勾选过“不支持七天无理由退货”，不能无理由退。做工有毛病请打电话给社工站。"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What can be done with one work order now; `why_not` is said where something can not.

    `at_once` is a cancel that nobody need agree to. `lines` are what goes back, `until` the last
    day to ask for it, `request` what was asked last.
    """

    kind: RequestKind | None = None
    at_once: bool = False
    amount_fen: int = 0
    lines: Sequence[OrderLine] = field(default=())
    until: date | None = None
    why_not: str = ""
    request: BuyerRequest | None = None


def is_open(request: BuyerRequest) -> bool:
    """Whether somebody still has to do something about a request."""
    coming_back = request.kind == RequestKind.RETURN and request.state == RequestState.AGREED
    return coming_back or request.state == RequestState.ASKED


def choice(order: Order, part: WorkOrder, asked: Sequence[BuyerRequest], now: datetime) -> Choice:
    """What the buyer may do with `part`, which has lines and products; `asked` is about the order."""
    about = [request for request in asked if request.work_order_id == part.id]
    latest = about[-1] if about else None
    # What the family took back that it had begun can be cancelled without the answer.
    free_again = (
        part.state in _NOT_BEGUN and latest is not None and latest.kind == RequestKind.CANCEL
    )
    if latest is not None and is_open(latest) and not free_again:
        return Choice(request=latest)
    if part.state in _NOT_BEGUN or part.state in _BEGUN:
        return Choice(
            kind=RequestKind.CANCEL,
            at_once=part.state in _NOT_BEGUN,
            amount_fen=part.goods_fen + part.shipping_fen,
            lines=part.lines,
            request=latest,
        )
    if part.state == WorkOrderState.SHIPPED:
        return Choice(why_not=_on_its_way(order, part), request=latest)
    if part.state == WorkOrderState.DELIVERED and part.delivered_at is not None:
        return _return(order, part, latest, last_day(part.delivered_at), now)
    return Choice(request=latest)


def returnable(order: Order, part: WorkOrder) -> list[OrderLine]:
    """The lines that may be sent back without a reason.

    What was carved for the buyer is excepted where they ticked so for this very purchase;
    without the tick it is as any other.
    """
    if order.custom_agreed_at is None:
        return list(part.lines)
    return [line for line in part.lines if line.product.kind != Kind.MADE_TO_ORDER]


def _on_its_way(order: Order, part: WorkOrder) -> str:
    if not returnable(order, part):
        return CUSTOM
    return f"已经寄出，不能取消了。签收第二天起 {RETURN_DAYS} 天内可以退货。"


def _return(
    order: Order, part: WorkOrder, latest: BuyerRequest | None, until: date, now: datetime
) -> Choice:
    if latest is not None and latest.state == RequestState.DONE:
        return Choice(request=latest)
    lines = returnable(order, part)
    if not lines:
        return Choice(why_not=CUSTOM, request=latest)
    if now.astimezone(BEIJING).date() > until:
        over = f"{until.month}月{until.day}日是退货的最后一天，已经过了。"
        return Choice(why_not=f"{over}做工有毛病请打电话给社工站。", until=until, request=latest)
    return Choice(
        kind=RequestKind.RETURN,
        amount_fen=goods_fen(lines),
        lines=lines,
        until=until,
        why_not=CUSTOM if len(lines) < len(part.lines) else "",
        request=latest,
    )
