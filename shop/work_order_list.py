"""Work orders as the desk lists them: narrowed by state, family, promised day, words."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from catalog.access import Actor
from catalog.checks import clean
from shop.models import OrderLine, WorkOrder, WorkOrderState
from shop.orders import of_buyer, of_part

PAGE = 50

_S = WorkOrderState

# What is still to be done by somebody; what waits for its money is not work yet.
OPEN = (_S.NEW, _S.ACCEPTED, _S.MAKING, _S.READY, _S.SHIPPED)
NOT_SENT = (_S.NEW, _S.ACCEPTED, _S.MAKING, _S.READY)


@dataclass(frozen=True, slots=True)
class WorkOrdersWanted:
    """What a list of work orders is narrowed to; None for `states` is all of them.

    `due_by` finds what is promised by a day and not sent. `here` finds what families have brought
    to the station. `before` is the id that the last page ended with, `ids` are those ticked.
    """

    station_id: int
    words: str = ""
    states: tuple[WorkOrderState, ...] | None = OPEN
    workshop_id: int | None = None
    due_by: date | None = None
    here: bool = False
    ids: tuple[int, ...] | None = None
    before: int | None = None
    most: int = PAGE


async def find_work_orders(
    session: AsyncSession, wanted: WorkOrdersWanted
) -> tuple[list[WorkOrder], int | None]:
    """The newest that fit, with order, workshop, lines and products, and where the next page begins."""
    query = (
        select(WorkOrder)
        .where(*_conditions(wanted))
        .options(
            joinedload(WorkOrder.order),
            joinedload(WorkOrder.workshop),
            selectinload(WorkOrder.lines).joinedload(OrderLine.product),
        )
        .order_by(WorkOrder.id.desc())
        .limit(wanted.most + 1)
    )
    rows = list(await session.scalars(query))
    return (rows, None) if len(rows) <= wanted.most else (rows[:-1], rows[-2].id)


async def ticked(session: AsyncSession, actor: Actor, ids: list[int]) -> list[WorkOrder]:
    """The work orders of the actor's station among `ids`, newest first; others are not there."""
    wanted = WorkOrdersWanted(actor.station_id, states=None, ids=tuple(ids), most=len(ids) + 1)
    return (await find_work_orders(session, wanted))[0]


def _conditions(wanted: WorkOrdersWanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [WorkOrder.station_id == wanted.station_id]
    if wanted.states is not None:
        found.append(WorkOrder.state.in_(wanted.states))
    if wanted.workshop_id is not None:
        found.append(WorkOrder.workshop_id == wanted.workshop_id)
    if wanted.due_by is not None:
        found += [WorkOrder.promised_on <= wanted.due_by, WorkOrder.state.in_(NOT_SENT)]
    if wanted.here:
        found += [WorkOrder.handover_id.is_not(None), WorkOrder.state.in_(NOT_SENT)]
    if wanted.ids is not None:
        found.append(WorkOrder.id.in_(wanted.ids))
    if wanted.before is not None:
        found.append(WorkOrder.id < wanted.before)
    return found + [_says(word) for word in clean(wanted.words).split()[:6]]


def _says(word: str) -> ColumnElement[bool]:
    return or_(WorkOrder.order.has(of_buyer(word)), of_part(word))
