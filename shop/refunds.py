"""What the desk does about money that is to go back: one more try after a failure."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from catalog import outbox
from catalog.access import TROUBLE_DESK, Actor
from catalog.audit import record
from catalog.own import own
from shop.errors import WrongOrderState
from shop.models import Refund, RefundState
from shop.settle import REFUND_JOB
from shop.troubles import TroubleKind, close_trouble


async def retry_refund(
    session: AsyncSession, actor: Actor, refund_id: int, now: datetime
) -> Refund:
    """Ask the gateway once more for a refund that failed; the row is locked.

    `attempt` is part of the idempotency key, so that the gateway takes it for a new request.
    Raises NotFound, WrongOrderState for a refund that did not fail.
    """
    actor.must_be(TROUBLE_DESK)
    refund = await own(session, actor, Refund, refund_id, lock=True)
    if refund.state != RefundState.FAILED:
        raise WrongOrderState("这笔退款没有失败，不用再退一次。")
    refund.state, refund.attempt = RefundState.REQUESTED, refund.attempt + 1
    refund.gateway_id = refund.done_at = None
    outbox.add(session, REFUND_JOB, now, refund_id=refund.id)
    record(session, actor, "refund.retry", refund, now, after={"attempt": refund.attempt})
    await close_trouble(session, TroubleKind.REFUND_FAILED, f"refund:{refund.id}", now)
    return refund
