"""What is carved to order, as a buyer must know it before paying: when, how, and what is agreed to.

By law (docs/returns.md) the exception from seven-day returns must be said before the purchase and
ticked for this very purchase; no piece will look just like the pictures, and that is ticked too.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.models import Kind, Photo
from shop.likeness import likenesses
from shop.models import Hold, HoldLine
from shop.promise import beijing_day, queues

TICKS = {
    "custom_agreed": "请勾选：定做的作品不支持七天无理由退货。不能接受，就先不要买。",
    "likeness_agreed": "请勾选：木纹和神情会和照片不一样。不能接受，就先不要买。",
}
"""The boxes to tick, by their field, and what is said to who left one empty."""


@dataclass(frozen=True, slots=True)
class Carved:
    """One line that is made to order: done by when, and the pictures by which it is sold."""

    line: HoldLine
    promised_on: date | None
    photos: list[Photo]


async def carved_lines(session: AsyncSession, hold: Hold, now: datetime) -> list[Carved]:
    """The made-to-order lines of a hold with products, photos and workshops; often none.

    The day is that of the whole share of a workshop, as the order will promise it.
    """
    lines = [line for line in hold.lines if line.product.kind == Kind.MADE_TO_ORDER]
    days: Counter[int] = Counter()
    for line in lines:
        days[line.product.workshop_id] += line.quantity * line.product.work_days
    today = beijing_day(now)
    found = await queues(session, days.keys(), today)
    until = {
        workshop_id: found[workshop_id].promise(more, today)
        for workshop_id, more in days.items()
        if more
    }
    pictures = await likenesses(session, {line.product_id for line in lines})
    return [
        Carved(line, until.get(line.product.workshop_id), pictures[line.product_id])
        for line in lines
    ]


def ticks_missing(hold: Hold, typed: Mapping[str, str]) -> dict[str, str]:
    """A sentence for each box left empty that this hold's lines ask for."""
    if all(line.product.kind != Kind.MADE_TO_ORDER for line in hold.lines):
        return {}
    return {field: text for field, text in TICKS.items() if field not in typed}
