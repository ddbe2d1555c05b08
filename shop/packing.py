"""What is packed for which parcel, on paper: lists for families, labels, as little of a buyer as will do."""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import WORK_ORDER_DESK, Actor
from catalog.audit import record
from catalog.checks import BEIJING
from catalog.errors import NotAllowed
from catalog.models import Station
from catalog.words import covered_on_paper
from media.paper import Label, PackedLine, PackingList
from shop import work_steps
from shop.models import WorkOrder, WorkOrderState
from shop.work_order_list import WorkOrdersWanted, find_work_orders

MOST_ROWS = 200

_S = WorkOrderState
_FINISHED = (_S.ACCEPTED, _S.READY)
_ON_PAPER = (_S.ACCEPTED, _S.MAKING, _S.READY, _S.SHIPPED)

_NUMBER = r"[0-9０-９A-Za-z一二三四五六七八九十]+"
_ROOM = re.compile(
    rf"({_NUMBER}\s*[-－]\s*)*{_NUMBER}\s*(号楼|栋|幢|座|单元|层|楼|室|房|户)"
    rf"|\d+([-－]\d+)+\s*$|[\s号]\d{{3,4}}\s*$"
)


def covered_name(name: str) -> str:
    """A name with one character hidden: 王* , 王*芳."""
    return f"{name[:1]}*{name[2:]}" if len(name) > 1 else "*"


def without_room(detail: str) -> str:
    """An address down to the house, as far as that can be told: no building, floor or room."""
    found = _ROOM.search(detail)
    if found is None:
        return detail
    kept = detail[: found.start()]
    return f"{kept.rstrip()}{'号' if detail[found.start()] == '号' else ''} ***"


async def to_pack(
    session: AsyncSession, actor: Actor, workshop_id: int | None = None
) -> list[tuple[str, list[WorkOrder]]]:
    """What is finished and not sent, by family; in each what was promised first comes first."""
    wanted = WorkOrdersWanted(
        actor.station_id, states=_FINISHED, workshop_id=workshop_id, most=MOST_ROWS
    )
    found, _ = await find_work_orders(session, wanted)
    return by_workshop([row for row in found if work_steps.next_step(row) == "ship"])


def by_workshop(rows: Sequence[WorkOrder]) -> list[tuple[str, list[WorkOrder]]]:
    """Work orders by the name of their family, each family's by promised day."""
    rows = sorted(rows, key=lambda row: (row.workshop.name, row.workshop_id, _due(row), row.id))
    groups = groupby(rows, key=lambda row: (row.workshop_id, row.workshop.name))
    return [(name, list(some)) for (_, name), some in groups]


def _due(row: WorkOrder) -> str:
    return row.promised_on.isoformat() if row.promised_on else "9999"


def printable(rows: Sequence[WorkOrder]) -> list[WorkOrder]:
    """Those among them that are packed at all: taken on, and neither called off nor arrived."""
    return [row for row in rows if row.state in _ON_PAPER]


def packing_lists(rows: Sequence[WorkOrder], station: Station, now: datetime) -> list[PackingList]:
    """A list for each family; of the buyers it has a masked name and the town."""
    return [
        PackingList(name, station.name, f"{clock(now)} 打印", [packed_line(row) for row in some])
        for name, some in by_workshop(rows)
    ]


def packed_line(row: WorkOrder) -> PackedLine:
    """One parcel as families may read of it."""
    order = row.order
    promised = f"{row.promised_on.month}月{row.promised_on.day}日" if row.promised_on else ""
    return PackedLine(
        number=str(row.id),
        order=order.code,
        what=contents(row),
        pieces=sum(line.quantity for line in row.lines),
        to=f"{covered_name(order.buyer_name)} {order.province} {order.city} {order.district}",
        promised=promised,
    )


def contents(row: WorkOrder) -> list[str]:
    """What is in the parcel: "福字圆挂 ×1"."""
    return [f"{line.name} ×{line.quantity}" for line in row.lines]


def clock(at: datetime) -> str:
    """A time as our paper has it, Beijing's: "11月22日 15:30"."""
    at = at.astimezone(BEIJING)
    return f"{at.month}月{at.day}日 {at:%H:%M}"


def labels(
    session: AsyncSession,
    actor: Actor,
    rows: Sequence[WorkOrder],
    station: Station,
    public_url: str,
    whole: bool,
    now: datetime,
) -> list[Label]:
    """A label for each parcel, masked; `whole` is for who sees phones, and written down for each.

    Raises NotAllowed, with nothing written.
    """
    actor.must_be(WORK_ORDER_DESK)
    if whole and not actor.sees_phones:
        raise NotAllowed(f"member {actor.member_id} does not see buyers' numbers")
    if whole:
        for row in rows:
            record(session, actor, "work_order.label", row, now, after={"whole": True})
    return [_label(row, station, public_url, whole) for row in rows]


def _label(row: WorkOrder, station: Station, public_url: str, whole: bool) -> Label:
    order = row.order
    town = f"{order.province} {order.city} {order.district}"
    return Label(
        url=f"{public_url}/desk/handovers/new?take={row.id}",
        number=str(row.id),
        order=order.code,
        name=order.buyer_name if whole else covered_name(order.buyer_name),
        phone=order.buyer_phone if whole else covered_on_paper(order.buyer_phone),
        address=f"{town} {order.detail if whole else without_room(order.detail)}",
        what=contents(row),
        workshop=row.workshop.name,
        station=station.name,
        station_phone=station.phone,
        how="完整打印" if whole else "遮盖打印",
    )
