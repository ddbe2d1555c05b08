"""Finished pieces that families bring: who gave, who took, what; from then on the station sends.

The rows of the orders are locked in id order, as for every step of a work order, so that a work
order is handed over once, and neither sent from home nor taken back at the same moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from catalog.access import WORK_ORDER_DESK, Actor
from catalog.audit import record
from catalog.checks import MOST_PIECES, Check
from catalog.errors import Invalid, NotFound
from catalog.models import Member
from catalog.own import own
from catalog.pictures import picture_at
from catalog.workshops import workshop_for
from media.storage import Storage
from shop import work_orders, work_steps
from shop.errors import WrongWorkOrderState
from shop.models import Handover, OrderLine, WorkOrder, WorkOrderState
from shop.work_order_list import WorkOrdersWanted, find_work_orders

UNDO_WITHIN = timedelta(hours=24)
MOST_ROWS = 100

_S = WorkOrderState
_IN_HAND = (_S.ACCEPTED, _S.MAKING, _S.READY)


@dataclass(frozen=True, slots=True)
class Brought:
    """A handover with its work orders, and who took it; without any it was taken back."""

    handover: Handover
    taker: str
    work_orders: list[WorkOrder]

    def may_undo(self, now: datetime) -> bool:
        """Whether it may still be taken back: within a day, with nothing sent."""
        fresh = now < self.handover.at + UNDO_WITHIN
        return (
            fresh and bool(self.work_orders) and all(w.state == _S.READY for w in self.work_orders)
        )


async def waiting_for(
    session: AsyncSession, actor: Actor, workshop_id: int | None = None
) -> list[WorkOrder]:
    """What families may bring: taken on, not sent, not here yet."""
    wanted = WorkOrdersWanted(
        actor.station_id, states=_IN_HAND, workshop_id=workshop_id, most=MOST_ROWS
    )
    found, _ = await find_work_orders(session, wanted)
    return [row for row in found if row.handover_id is None]


async def hand_over(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int,
    work_order_ids: Sequence[int],
    given_by: object,
    pieces: object,
    note: object,
    picture_key: str,
    now: datetime,
) -> Handover:
    """Take in whole work orders of one family; those not marked as finished are so by this.

    `picture_key` names what `keep_picture` has kept of the pieces or of a signature, or is "".
    Raises Invalid, also where the count is not that of the work orders; NotFound; and
    WrongWorkOrderState for one that is here already, sent, or called off.
    """
    actor.must_be(WORK_ORDER_DESK)
    check = Check()
    by = check.text("given_by", given_by, "谁送来的", most=40)
    count = check.integer("pieces", pieces, "件数", least=1, most=MOST_PIECES)
    words = check.text("note", note, "备注", most=200, least=0)
    if not work_order_ids:
        check.fault("ids", "勾上送来的是哪几张工单。")
    check.done()
    workshop = await workshop_for(session, actor, workshop_id)
    rows = await _locked(session, actor, workshop.id, work_order_ids)
    there = sum(line.quantity for row in rows for line in row.lines)
    if count != there:
        text = f"勾上的工单一共 {there} 件，填的是 {count} 件。没送来的先不要勾。"
        raise Invalid({"pieces": text})
    handover = Handover(
        station_id=actor.station_id,
        workshop_id=workshop.id,
        pieces=count,
        given_by=by,
        taken_by=actor.member_id,
        note=words,
        picture_key=picture_key,
        at=now,
    )
    session.add(handover)
    await session.flush()
    for row in rows:
        await work_steps.ready(session, actor, row.id, now)
        row.handover_id = handover.id
    told = {"work_orders": [row.id for row in rows], "pieces": count, "given_by": by}
    _record(session, actor, "handover.take", handover, now, told)
    return handover


async def _locked(
    session: AsyncSession, actor: Actor, workshop_id: int, ids: Sequence[int]
) -> list[WorkOrder]:
    """Work orders that can be brought, their orders locked. Raises NotFound, WrongWorkOrderState."""
    rows = []
    for work_order_id in sorted(set(ids)):
        row = await work_orders.work_order_for(session, actor, work_order_id, lock=True)
        if row.workshop_id != workshop_id:
            raise NotFound(f"work order {work_order_id} of workshop {workshop_id}")
        if row.handover_id is not None:
            raise WrongWorkOrderState(f"工单 {row.id} 已经收过了。")
        if row.state not in _IN_HAND:
            raise WrongWorkOrderState(f"工单 {row.id} 已经寄出、取消，或者还没有接，不能收。")
        rows.append(row)
    return rows


async def undo(session: AsyncSession, actor: Actor, handover_id: int, now: datetime) -> Handover:
    """The family has its pieces again; repeating changes nothing.

    The handover stays, without work orders. Raises NotFound; WrongWorkOrderState after a day, or
    once something of it was sent.
    """
    actor.must_be(WORK_ORDER_DESK)
    handover = (await handover_for(session, actor, handover_id)).handover
    ids = select(WorkOrder.id).where(WorkOrder.handover_id == handover_id).order_by(WorkOrder.id)
    rows = [
        await work_orders.work_order_for(session, actor, work_order_id, lock=True)
        for work_order_id in list(await session.scalars(ids))
    ]
    rows = [row for row in rows if row.handover_id == handover_id]
    if not rows:
        return handover
    if now >= handover.at + UNDO_WITHIN:
        raise WrongWorkOrderState("过了一天，不能撤回了。")
    if any(row.state != _S.READY for row in rows):
        raise WrongWorkOrderState("有的已经寄出或者取消，不能撤回了。")
    for row in rows:
        row.handover_id = None
    told = {"work_orders": [row.id for row in rows]}
    _record(session, actor, "handover.undo", handover, now, told)
    await session.flush()
    return handover


async def list_handovers(
    session: AsyncSession, actor: Actor, workshop_id: int | None = None
) -> list[Brought]:
    """The latest handovers of the station first."""
    query = select(Handover, Member.name).join(Member, Member.id == Handover.taken_by)
    query = query.where(Handover.station_id == actor.station_id)
    if workshop_id is not None:
        query = query.where(Handover.workshop_id == workshop_id)
    query = query.options(joinedload(Handover.workshop)).order_by(Handover.id.desc())
    rows = (await session.execute(query.limit(MOST_ROWS))).all()
    parts = await _parts(session, [handover.id for handover, _ in rows])
    return [Brought(handover, name, parts.get(handover.id, [])) for handover, name in rows]


async def handover_for(session: AsyncSession, actor: Actor, handover_id: int) -> Brought:
    """A handover of the actor's station. Raises NotFound."""
    handover = await own(session, actor, Handover, handover_id, joinedload(Handover.workshop))
    taker = await session.get_one(Member, handover.taken_by)
    parts = await _parts(session, [handover_id])
    return Brought(handover, taker.name, parts.get(handover_id, []))


async def _parts(session: AsyncSession, ids: Sequence[int]) -> dict[int, list[WorkOrder]]:
    query = (
        select(WorkOrder)
        .where(WorkOrder.handover_id.in_(ids))
        .options(
            joinedload(WorkOrder.order),
            joinedload(WorkOrder.workshop),
            selectinload(WorkOrder.lines).joinedload(OrderLine.product),
        )
        .order_by(WorkOrder.id)
    )
    found: dict[int, list[WorkOrder]] = {}
    for row in await session.scalars(query):
        assert row.handover_id is not None
        found.setdefault(row.handover_id, []).append(row)
    return found


async def picture(
    session: AsyncSession, storage: Storage, actor: Actor, handover_id: int
) -> tuple[bytes, str]:
    """The picture of a handover as a browser can show it, and its media type. Raises NotFound."""
    handover = (await handover_for(session, actor, handover_id)).handover
    return await picture_at(storage, handover.picture_key)


def _record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    handover: Handover,
    now: datetime,
    told: dict[str, Any],
) -> None:
    workshop_id = handover.workshop_id
    record(session, actor, action, handover, now, after=told, workshop_id=workshop_id)
