"""Many parcels sent at once: lines of order, carrier and number, looked at before any is sent."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from catalog.access import WORK_ORDER_DESK, Actor
from catalog.checks import clean
from catalog.errors import Invalid
from catalog.forms import read_number
from media.codes import normalise
from shop import parcels, work_steps
from shop.carriers import CARRIERS, carrier_named, read_parcel
from shop.errors import WrongWorkOrderState
from shop.models import Order, OrderLine, WorkOrder, WorkOrderState

MOST_LINES = 200

_BETWEEN = re.compile(r"[,，;；\t]")
_HEADS = ("订单", "工单")


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it was typed, and what would be done. `problem` says why nothing would.

    A `question` is to be answered first. With `done` the parcel was sent so already.
    """

    number: int
    typed: str
    work_order: WorkOrder | None = None
    carrier: str = ""
    tracking: str = ""
    problem: str = ""
    question: str = ""
    done: bool = False

    @property
    def key(self) -> str:
        """What was asked about: this parcel under this number, on whichever line it stands."""
        return f"{self.work_order.id}:{self.tracking}" if self.work_order is not None else ""


@dataclass(slots=True)
class _Seen:
    """What the lines above have named: work orders and parcels, by the line that did."""

    work_orders: dict[int, int] = field(default_factory=dict)
    parcels: dict[str, tuple[int, int]] = field(default_factory=dict)


def decoded(data: bytes) -> str:
    """A file as text: UTF-8, or the GB 18030 that Excel writes in China."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", errors="replace")


async def read_lines(session: AsyncSession, actor: Actor, text: str) -> list[Line]:
    """What each line would do; empty lines and a head are left out. Raises Invalid for too many."""
    actor.must_be(WORK_ORDER_DESK)
    typed = [clean(line.replace("\t", ",")) for line in text.splitlines()]
    typed = [line for line in typed if line.strip(",，;； ") and not line.startswith(_HEADS)]
    if len(typed) > MOST_LINES:
        raise Invalid({"text": f"一次最多 {MOST_LINES} 行，现在有 {len(typed)} 行，请分几次。"})
    seen = _Seen()
    return [
        await _read(session, actor, Line(number, line), seen)
        for number, line in enumerate(typed, 1)
    ]


async def _read(session: AsyncSession, actor: Actor, line: Line, seen: _Seen) -> Line:
    cells = [cell.strip(" \"'") for cell in _BETWEEN.split(line.typed)]
    if len(cells) < 3:
        cells = line.typed.split(maxsplit=2)
    if len(cells) < 3 or not all(cells[:3]):
        return replace(line, problem="要有订单号、快递公司、快递单号，用逗号隔开。")
    carrier = carrier_named(cells[1])
    if not carrier:
        return replace(line, problem=f"不认识“{cells[1][:20]}”，请写{'、'.join(CARRIERS)}。")
    try:
        _, number = read_parcel(carrier, cells[2])
    except Invalid as error:
        return replace(line, problem=next(iter(error.errors.values())))
    return await _matched(
        session, actor, replace(line, carrier=carrier, tracking=number), cells[0], seen
    )


async def _matched(session: AsyncSession, actor: Actor, line: Line, name: str, seen: _Seen) -> Line:
    """The line with the work order that its first cell names."""
    found = await _named(session, actor, name)
    if not found:
        return replace(line, problem=f"没有“{name[:20]}”这个订单号或工单号。")
    sendable = [part for part in found if work_steps.may_take(part, "ship")] or found
    if len(sendable) > 1:
        which = "、".join(f"{part.id}（{part.workshop.name}）" for part in sendable)
        return replace(line, problem=f"这个订单有几张工单，请写工单号：{which}。")
    part = sendable[0]
    line = replace(line, work_order=part)
    if part.tracking == line.tracking and part.carrier == line.carrier:
        return replace(line, done=True)
    if part.tracking:
        return replace(line, problem=f"已经寄出了，单号是 {part.carrier} {part.tracking}。")
    if not work_steps.may_take(part, "ship"):
        return replace(line, problem="还没有接单，或者已经取消，不能寄。")
    if part.id in seen.work_orders:
        return replace(line, problem=f"第 {seen.work_orders[part.id]} 行已经写过这张工单。")
    seen.work_orders[part.id] = line.number
    question = await parcels.doubt(session, part, line.carrier, line.tracking)
    at, order_id = seen.parcels.setdefault(line.tracking, (line.number, part.order_id))
    if order_id != part.order_id:
        question = question or f"第 {at} 行也是这个单号，真是装在一个包裹里吗？"
    return replace(line, question=question)


async def _named(session: AsyncSession, actor: Actor, name: str) -> list[WorkOrder]:
    """The work orders of an order's code, or the one of a number."""
    query = (
        select(WorkOrder)
        .join(WorkOrder.order)
        .where(WorkOrder.station_id == actor.station_id, WorkOrder.state != WorkOrderState.WAITING)
        .options(
            joinedload(WorkOrder.order),
            joinedload(WorkOrder.workshop),
            selectinload(WorkOrder.lines).joinedload(OrderLine.product),
        )
        .order_by(WorkOrder.id)
    )
    found = list(await session.scalars(query.where(Order.code == normalise(name))))
    number = read_number(name)
    if not found and number is not None:
        found = list(await session.scalars(query.where(WorkOrder.id == number)))
    return found


async def send_lines(
    session: AsyncSession, actor: Actor, lines: list[Line], sure: Collection[str], now: datetime
) -> tuple[int, list[Line]]:
    """Send those that are right, each on its own; returns how many, and the lines that are left.

    `sure` are the keys of lines whose question was answered with yes.
    """
    ready = [line for line in lines if _is_right(line, sure)]
    left = [line for line in lines if not line.done and not _is_right(line, sure)]
    sent = 0
    # Orders are locked in one order, so that two lists never wait on each other in a circle.
    for line in sorted(ready, key=_order_id):
        assert line.work_order is not None
        try:
            async with session.begin_nested():
                await parcels.send(
                    session, actor, line.work_order.id, line.carrier, line.tracking, True, now
                )
            sent += 1
        except WrongWorkOrderState as error:
            left.append(replace(line, problem=error.text))
    return sent, sorted(left, key=lambda line: line.number)


def _is_right(line: Line, sure: Collection[str]) -> bool:
    return not line.done and not line.problem and (not line.question or line.key in sure)


def _order_id(line: Line) -> int:
    return line.work_order.order_id if line.work_order is not None else 0
