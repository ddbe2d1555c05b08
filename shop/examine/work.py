"""Work left undone: jobs that nobody gets done, photos that could not be rendered."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.models import Job, Photo, PhotoState, Product
from shop.examine.finding import Fault, Finding
from shop.troubles import TroubleKind

# The relay hands a job over every second; one that waits this long has failed again and again.
LATE = timedelta(minutes=10)
MOST_JOBS = 100


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
