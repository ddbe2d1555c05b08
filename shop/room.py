"""Whether a family takes on what is asked for: its limit of work in hand, and its days away.

What is said here is looked at once more when the order is placed (`shop.drafts`), under the
workshops' locks: a hold keeps no days.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.errors import Refusal
from catalog.models import Kind, Product
from live.selling import Offer
from shop.errors import WorkshopFull
from shop.promise import Queue, beijing_day, queues

Lines = list[tuple[Offer, int]]
"""Offers that one request is for, and how many of each."""


def full(wanted: Sequence[tuple[Queue, int]], today: date) -> WorkshopFull | None:
    """Why an order is refused that would have each workshop carve so many days more; None if not."""
    for queue, days in wanted:
        if not queue.has_room(days, today):
            return WorkshopFull(when_full(queue.room_from(days, today)))
    return None


def when_full(room_from: date | None) -> str:
    """What a buyer is told of a family that takes on no more; None is never."""
    if room_from is None:
        return "这家一次接不了这么多活，想要请打电话给社工站。"
    return f"这家手上的活满了，大约 {room_from.month}月{room_from.day}日以后再来。"


@dataclass(frozen=True, slots=True)
class Outlook:
    """By when one piece would be carved, or why none can be had now; one of the two."""

    promised_on: date | None
    why_not: str = ""


async def outlook(
    session: AsyncSession, workshop_id: int, kind: Kind, work_days: int, now: datetime
) -> Outlook:
    """What a product's page says of when its family will carve or send it."""
    today = beijing_day(now)
    queue = (await queues(session, [workshop_id], today))[workshop_id]
    back_on = queue.back_on(today)
    if back_on is not None:
        return Outlook(None, when_away(kind, back_on))
    if not queue.has_room(work_days, today):
        return Outlook(None, when_full(queue.room_from(work_days, today)))
    return Outlook(queue.promise(work_days, today))


async def day_to_say(session: AsyncSession, product: Product, now: datetime) -> str:
    """What a host may say aloud of a piece that is made to order; `live.spoken` asks."""
    found = await outlook(session, product.workshop_id, product.kind, product.work_days, now)
    if found.promised_on is None:
        return found.why_not
    return f"现在订，{found.promised_on.month}月{found.promised_on.day}日前做好"


def when_away(kind: Kind, back_on: date) -> str:
    """What a buyer is told of a family that is away today."""
    then = "再接定做" if kind == Kind.MADE_TO_ORDER else "才寄得出，到时候再卖"
    return f"这家这几天歇工，{back_on.month}月{back_on.day}日起{then}。"


async def turn_away_full(
    session: AsyncSession, read: Sequence[Lines | Refusal], now: datetime
) -> list[Lines | Refusal]:
    """Requests to hold, with WorkshopFull for those that a family would not take on now.

    Asks the database only where something is made to order.
    """
    days = [_days(lines) for lines in read]
    today = beijing_day(now)
    found = await queues(session, {one for wanted in days for one in wanted}, today)
    return [
        full([(found[workshop], more) for workshop, more in wanted.items()], today) or lines
        for lines, wanted in zip(read, days, strict=True)
    ]


def _days(lines: Lines | Refusal) -> Counter[int]:
    """The days of carving that a request would cost, by workshop."""
    days: Counter[int] = Counter()
    if not isinstance(lines, Refusal):
        for offer, quantity in lines:
            if offer.kind == Kind.MADE_TO_ORDER and offer.work_days:
                days[offer.workshop_id] += offer.work_days * quantity
    return days
