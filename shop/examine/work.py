"""Work left undone: jobs that nobody gets done, photos that could not be rendered, families that
do not answer, parcels that may not arrive."""

import re
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.models import Job, Photo, PhotoState, Product, Workshop
from live.models import Overlay, Show, ShowState
from shop.examine.finding import Fault, Finding
from shop.models import Order, WorkOrder, WorkOrderState
from shop.troubles import TroubleKind, was_closed
from shop.working_hours import ago

# The relay hands a job over every second; one that waits this long has failed again and again.
LATE = timedelta(minutes=10)
MOST_JOBS = 100

# Working hours that a family has to answer: two days.
ANSWER_WITHIN = timedelta(hours=24)

# An overlay is to be seen in the streaming program this long before its show.
BEFORE_SHOW = timedelta(hours=24)

# A parcel finds its way by a number, or in a village by its name.
_FINDABLE = re.compile(r"[0-9０-９一二三四五六七八九十]|[号村组队社屯寨苑庄]")
SHORTEST_ADDRESS = 4


async def jobs(session: AsyncSession, now: datetime) -> Finding:
    """No job of the outbox is left for long."""
    late = (
        select(Job.id, Job.name, Job.attempts)
        .where(Job.created_at < now - LATE)
        .order_by(Job.id)
        .limit(MOST_JOBS)
    )
    return Finding(
        "jobs",
        "none is late",
        "jobs that keep failing",
        TroubleKind.JOB_FAILING,
        [
            Fault(None, f"job:{id_}", f"后台的一件事（{name}）试了 {tries} 次还没做成。")
            for id_, name, tries in await session.execute(late)
        ],
    )


async def photos(session: AsyncSession) -> Finding:
    """No product shows a photo that could not be rendered."""
    failed = (
        select(Product.station_id, Product.id, Product.name, func.count(Photo.id))
        .join(Photo, Photo.product_id == Product.id)
        .where(Photo.state == PhotoState.FAILED)
        .group_by(Product.id)
        .order_by(Product.id)
    )
    return Finding(
        "photos",
        "all could be read",
        "products with a photo that could not",
        TroubleKind.PHOTO_FAILED,
        [
            Fault(station, f"product:{id_}", f"{name}有 {count} 张照片处理不了，买家看不到。")
            for station, id_, name, count in await session.execute(failed)
        ],
    )


async def answers(session: AsyncSession, now: datetime) -> Finding:
    """Every family has answered in time whether it takes a work order."""
    waiting = (
        select(WorkOrder.station_id, WorkOrder.id, WorkOrder.order_id, Workshop.name)
        .join(Workshop, Workshop.id == WorkOrder.workshop_id)
        .where(
            WorkOrder.state == WorkOrderState.NEW,
            WorkOrder.routed_at <= ago(now, ANSWER_WITHIN),
            ~was_closed(TroubleKind.NO_ANSWER, "work_order", WorkOrder.id),
        )
        .order_by(WorkOrder.id)
    )
    return Finding(
        "answers",
        "none is overdue",
        "work orders that nobody has answered",
        TroubleKind.NO_ANSWER,
        [
            Fault(station, f"work_order:{id_}", f"{name}两天没有答复接不接。", order_id)
            for station, id_, order_id, name in await session.execute(waiting)
        ],
    )


async def addresses(session: AsyncSession) -> Finding:
    """Every parcel still to be sent has an address that a carrier can find."""
    to_send = (
        select(Order.station_id, Order.id, Order.code, Order.detail)
        .where(
            Order.id.in_(
                select(WorkOrder.order_id).where(
                    WorkOrder.state.in_(
                        (
                            WorkOrderState.NEW,
                            WorkOrderState.ACCEPTED,
                            WorkOrderState.MAKING,
                            WorkOrderState.READY,
                        )
                    )
                )
            ),
            ~was_closed(TroubleKind.ADDRESS_ODD, "order", Order.id),
        )
        .order_by(Order.id)
    )
    return Finding(
        "addresses",
        "all look findable",
        "orders whose address looks odd",
        TroubleKind.ADDRESS_ODD,
        [
            Fault(station, f"order:{id_}", f"订单 {code} 的地址可能不全。", id_)
            for station, id_, code, detail in await session.execute(to_send)
            if is_odd(detail)
        ],
    )


def is_odd(detail: str) -> bool:
    """Whether an address within a town is too short, or names neither number nor village."""
    return len(detail) < SHORTEST_ADDRESS or _FINDABLE.search(detail) is None


async def overlays(session: AsyncSession, now: datetime) -> Finding:
    """A show that begins within a day has had its overlays open in a streaming program lately."""
    soon = (
        select(Show)
        .where(
            Show.state.in_((ShowState.DRAFT, ShowState.READY)),
            Show.starts_at > now,
            Show.starts_at <= now + BEFORE_SHOW,
            ~was_closed(TroubleKind.OVERLAY_UNSEEN, "show", Show.id),
        )
        .order_by(Show.id)
    )
    unseen = or_(Overlay.seen_at.is_(None), Overlay.seen_at <= now - BEFORE_SHOW)
    faults = []
    for show in await session.scalars(soon):
        query = select(Overlay.channel).where(
            Overlay.station_id == show.station_id, Overlay.revoked_at.is_(None), unseen
        )
        channels = list(await session.scalars(query.order_by(Overlay.id)))
        # A show that names no channels is on all of them.
        dark = [channel for channel in channels if not show.channels or channel in show.channels]
        if dark:
            text = f"“{show.title}”快开播了，{'、'.join(dark)}的浮层一天没有在推流软件里打开过。"
            faults.append(Fault(show.station_id, f"show:{show.id}", text))
    return Finding(
        "overlays",
        "all were seen before their show",
        "shows whose overlay no program has open",
        TroubleKind.OVERLAY_UNSEEN,
        faults,
    )
