"""What was told to whom, as the desk sees it, and once more where no channel took it."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog import outbox
from catalog.access import WORK_ORDER_DESK, Actor
from catalog.audit import record
from catalog.own import own
from shop.errors import WrongNoticeState
from shop.models import Notice, Order
from shop.notices import SEND_JOB, audience_of, can_tell

MOST_ROWS = 200


async def list_told(
    session: AsyncSession, station_id: int, *, failed: bool = False, before: int | None = None
) -> list[tuple[Notice, str]]:
    """A station's notices, newest first, each with its order's code or ""; or those not sent alone."""
    query = (
        select(Notice, Order.code)
        .outerjoin(Order, Order.id == Notice.order_id)
        .where(Notice.station_id == station_id)
        .options(joinedload(Notice.workshop))
        .order_by(Notice.id.desc())
        .limit(MOST_ROWS)
    )
    if failed:
        query = query.where(Notice.problem != "", Notice.sent_at.is_(None))
    if before is not None:
        query = query.where(Notice.id < before)
    return [(notice, code or "") for notice, code in await session.execute(query)]


def may_send_again(session: AsyncSession, notice: Notice) -> bool:
    """Whether it was tried in vain, nobody has telephoned instead, and there is a channel now."""
    left = notice.problem != "" and notice.sent_at is None and notice.done_by is None
    return left and can_tell(session, audience_of(notice))


async def send_again(session: AsyncSession, actor: Actor, notice_id: int, now: datetime) -> Notice:
    """Give a notice that no channel took its job once more; the row is locked.

    Meanwhile it stays a call. Raises NotFound, WrongNoticeState for one that is not to be sent.
    """
    actor.must_be(WORK_ORDER_DESK)
    notice = await own(session, actor, Notice, notice_id, lock=True)
    if not may_send_again(session, notice):
        raise WrongNoticeState(f"notice {notice_id}")
    before, notice.problem = {"problem": notice.problem}, ""
    outbox.add(session, SEND_JOB, now, notice_id=notice.id)
    record(session, actor, "notice.again", notice, now, before=before)
    return notice
