"""How a family is reached, and who of the station looks after it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import WORK_ORDER_DESK, Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.models import Reach, Workshop
from catalog.workshops import workshop_for
from shop.troubles import owners


async def set_reach(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int,
    reached_by: object,
    carer: object,
    now: datetime,
) -> Workshop:
    """Say by what a family is reached, and who is asked when it does not answer; "" is nobody.

    Raises NotFound, NotAllowed, and Invalid for who does not see to troubles.
    """
    actor.must_be(WORK_ORDER_DESK)
    workshop = await workshop_for(session, actor, workshop_id)
    check = Check()
    way = check.choice("reached_by", reached_by, "怎么找到这家", Reach)
    names = {str(member.id): member.id for member in await owners(session, actor.station_id)}
    chosen = str(carer or "")
    if chosen and chosen not in names:
        check.fault("carer", "请从名单里选一个人。")
    check.done()
    assert way is not None
    before = {"reached_by": workshop.reached_by, "carer": workshop.carer_id}
    after = {"reached_by": way, "carer": names.get(chosen)}
    if before != after:
        workshop.reached_by, workshop.carer_id = way, names.get(chosen)
        record(session, actor, "workshop.reach", workshop, now, before=before, after=after)
    return workshop
