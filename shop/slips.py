"""Slips: a work order on paper, there and back. Its code opens the form for what was ticked on it.

A slip is printed again with the same code. It is found by staff of its own station alone.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog.access import WORK_ORDER_DESK, Actor
from catalog.audit import record
from catalog.checks import BEIJING
from catalog.db import Database
from catalog.errors import Invalid, NotFound
from catalog.models import Product, Reach, Station, Workshop
from catalog.photos import SENTENCES, printable_photo
from catalog.words import yuan
from media.codes import new_code, normalise
from media.paper import WorkSlip
from media.photos import BadPhoto
from media.reading import Unreadable, codes_in_photo
from media.storage import Storage
from media.voices import voice_type
from shop.errors import WrongWorkOrderState
from shop.models import ActChannel, OrderLine, Slip, WorkOrder, WorkOrderState
from shop.work_orders import work_order_for

CODE_LENGTH = 6
MOST_AT_ONCE = 60

_IN_CODE = re.compile(r"/S/([0-9A-Z]{4,16})", re.IGNORECASE | re.ASCII)


async def waiting_for_paper(
    session: AsyncSession, station_id: int, *, all_of_them: bool
) -> list[int]:
    """Work orders that wait for an answer, oldest first: of families on paper, or of all."""
    query = select(WorkOrder.id).where(
        WorkOrder.station_id == station_id, WorkOrder.state == WorkOrderState.NEW
    )
    if not all_of_them:
        query = query.join(Workshop).where(Workshop.reached_by == Reach.PAPER)
    return list(await session.scalars(query.order_by(WorkOrder.id).limit(MOST_AT_ONCE)))


async def print_slip(
    session: AsyncSession, actor: Actor, work_order_id: int, now: datetime
) -> Slip:
    """A work order's slip, which is to be printed now. Locks its order.

    Raises NotFound, NotAllowed, and WrongWorkOrderState where there is nothing to answer.
    """
    actor.must_be(WORK_ORDER_DESK)
    work_order = await work_order_for(session, actor, work_order_id, lock=True)
    if work_order.state != WorkOrderState.NEW:
        raise WrongWorkOrderState("这张工单不等答复了，不用印纸条。")
    slip = await slip_of(session, work_order_id)
    if slip is None:
        slip = Slip(
            station_id=work_order.station_id,
            work_order_id=work_order_id,
            code=await _new_code(session),
        )
        session.add(slip)
    slip.printed_at, slip.printed_by = now, actor.member_id
    await session.flush()
    record(session, actor, "slip.print", work_order, now, after={"code": slip.code})
    return slip


async def slip_of(session: AsyncSession, work_order_id: int) -> Slip | None:
    """A work order's slip; None where none was printed yet."""
    return await session.scalar(select(Slip).where(Slip.work_order_id == work_order_id))


async def _new_code(session: AsyncSession) -> str:
    while True:
        code = new_code(CODE_LENGTH)
        if await session.scalar(select(Slip.id).where(Slip.code == code)) is None:
            return code


async def find_slip(session: AsyncSession, actor: Actor, typed: str) -> Slip:
    """The slip with this code, as typed or printed, with all of its work order. Raises NotFound."""
    slips = await _with_parts(session, actor, [normalise(typed)])
    if not slips:
        raise NotFound(f"slip {typed[:40]}")
    return slips[0]


async def _with_parts(session: AsyncSession, actor: Actor, codes: Sequence[str]) -> list[Slip]:
    part = joinedload(Slip.work_order)
    query = (
        select(Slip)
        .where(Slip.station_id == actor.station_id, Slip.code.in_(codes[:MOST_AT_ONCE]))
        .options(
            part.joinedload(WorkOrder.workshop).selectinload(Workshop.makers),
            part.joinedload(WorkOrder.order),
            part.selectinload(WorkOrder.lines)
            .joinedload(OrderLine.product)
            .selectinload(Product.photos),
        )
        .order_by(Slip.id)
        .execution_options(populate_existing=True)
    )
    return list(await session.scalars(query))


async def open_slips(session: AsyncSession, actor: Actor) -> list[Slip]:
    """Slips that are out and whose work orders nobody has answered, the oldest first."""
    query = (
        select(Slip)
        .join(Slip.work_order)
        .where(Slip.station_id == actor.station_id, WorkOrder.state == WorkOrderState.NEW)
        .options(
            joinedload(Slip.work_order).joinedload(WorkOrder.workshop),
            joinedload(Slip.work_order).selectinload(WorkOrder.lines),
        )
        .order_by(Slip.printed_at, Slip.id)
        .limit(MOST_AT_ONCE)
    )
    return list(await session.scalars(query))


async def slips_on_paper(
    session: AsyncSession,
    storage: Storage,
    actor: Actor,
    codes: Sequence[str],
    public_url: str,
) -> list[WorkSlip]:
    """What slips of the actor's station say. Raises NotFound when it has none of these."""
    slips = await _with_parts(session, actor, codes)
    if not slips:
        raise NotFound("slips")
    station = await session.get_one(Station, actor.station_id)
    return [await _on_paper(storage, slip, station, public_url) for slip in slips]


async def _on_paper(storage: Storage, slip: Slip, station: Station, public_url: str) -> WorkSlip:
    work_order = slip.work_order
    first = work_order.lines[0].product
    return WorkSlip(
        url=slip_url(public_url, slip.code),
        code=slip.code,
        number=work_order.id,
        workshop=work_order.workshop.name,
        lines=[(line.name, f"{line.quantity} 件") for line in work_order.lines],
        facts=" · ".join(words for words in (first.wood, first.size) if words),
        photo=await printable_photo(storage, first.photos),
        due=due_text(work_order),
        share=f"¥{yuan(work_order.share_fen)}",
        station=station.name,
        phone=station.phone,
        printed=f"{slip.printed_at.astimezone(BEIJING):%-m月%-d日}",
    )


def slip_url(public_url: str, code: str) -> str:
    """What a slip's QR says: all capitals, so that its modules stay large."""
    return f"{public_url.rstrip('/').upper()}/S/{code}"


def due_text(work_order: WorkOrder) -> str:
    """Until when, as a family is told: "12月13日以前"."""
    day = work_order.promised_on
    return f"{day.month}月{day.day}日以前" if day else "现成的，马上寄"


async def code_in_photo(data: bytes) -> str:
    """The code of the slip in a photo; "" where none can be read.

    Takes a second or more, so nothing may be locked. Raises Invalid for what is no photo, and
    for a photo of several slips.
    """
    try:
        texts = await codes_in_photo(data)
    except BadPhoto as error:
        raise Invalid({"photo": SENTENCES[error.reason]}) from error
    except Unreadable:
        return ""
    # A slip and its stub have the same code.
    codes = {match[1].upper() for text in texts if (match := _IN_CODE.search(text))}
    if len(codes) > 1:
        raise Invalid({"photo": "照片里有几张纸条，请一张一张拍。"})
    return codes.pop() if codes else ""


async def must_be_own(
    database: Database,
    actor: Actor,
    work_order_id: int,
    typed: Mapping[str, str],
    data: bytes | None,
) -> None:
    """Refuse the photo of another work order's slip as evidence of this one. Raises Invalid.

    A photo on which no slip's code can be read is evidence like any other.
    """
    if not data or typed.get("said_channel") != ActChannel.SLIP or voice_type(data):
        return
    try:
        code = await code_in_photo(data)
    except Invalid as error:
        raise Invalid({"said_file": error.errors["photo"]}) from error
    if not code:
        return
    async with database.reading() as session:
        try:
            slip = await find_slip(session, actor, code)
        except NotFound as error:
            raise Invalid({"said_file": f"照片里是别的站的纸条（{code}），不是这一张。"}) from error
    if slip.work_order_id != work_order_id:
        whose = f"{slip.work_order.workshop.name}的工单 {slip.work_order_id} "
        raise Invalid({"said_file": f"照片里是{whose}的纸条（{code}），不是这一张。"})
