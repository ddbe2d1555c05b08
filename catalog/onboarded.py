"""How a family's checks stand, and whether it may sell as far as they go. `docs/onboarding.md`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.checks import BEIJING
from catalog.errors import NotOnboarded
from catalog.models import CheckKind, Member, Workshop, WorkshopCheck

SOON = timedelta(days=30)

KIND_NAMES = {
    CheckKind.IDENTITY: "看过身份证",
    CheckKind.REGISTRATION: "登记：执照或免登记",
    CheckKind.BANK_NAME: "收款户名对得上",
    CheckKind.CONSENT: "同意书签了",
}


class CheckState(StrEnum):
    """How a check stands today."""

    MISSING = "missing"
    GOOD = "good"
    SOON = "soon"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Standing:
    """One kind of check of a family: its newest check, None where there is none, and by whom."""

    kind: CheckKind
    state: CheckState
    check: WorkshopCheck | None = None
    who: str = ""

    @property
    def name(self) -> str:
        return KIND_NAMES[self.kind]

    @property
    def holds(self) -> bool:
        """Whether the family may sell as far as this goes."""
        return self.state in (CheckState.GOOD, CheckState.SOON)


def state_of(renew_on: date | None, today: date) -> CheckState:
    """How a check that was made stands: good through the day on which it is to be renewed."""
    if renew_on is None or renew_on - today > SOON:
        return CheckState.GOOD
    return CheckState.EXPIRED if renew_on < today else CheckState.SOON


async def standings(
    session: AsyncSession, workshop_ids: Collection[int], today: date
) -> dict[int, list[Standing]]:
    """How every kind stands for each of the workshops, in the order of the kinds."""
    newest = (
        select(func.max(WorkshopCheck.id))
        .where(WorkshopCheck.workshop_id.in_(workshop_ids))
        .group_by(WorkshopCheck.workshop_id, WorkshopCheck.kind)
    )
    query = (
        select(WorkshopCheck, Member.name)
        .join(Member, Member.id == WorkshopCheck.checked_by)
        .where(WorkshopCheck.id.in_(newest))
    )
    made = {
        (check.workshop_id, check.kind): Standing(
            check.kind, state_of(check.renew_on, today), check, who
        )
        for check, who in await session.execute(query)
    }
    return {
        workshop_id: [
            made.get((workshop_id, kind), Standing(kind, CheckState.MISSING)) for kind in CheckKind
        ]
        for workshop_id in workshop_ids
    }


async def must_be_onboarded(session: AsyncSession, workshop_id: int, now: datetime) -> None:
    """Raise NotOnboarded, with what is missing, unless every check of the family holds."""
    today = now.astimezone(BEIJING).date()
    found = (await standings(session, [workshop_id], today))[workshop_id]
    if lacking := [told(one) for one in found if not one.holds]:
        raise NotOnboarded(lacking)


def told(one: Standing) -> str:
    """A kind with its state, for a sentence: "看过身份证（还没有）"."""
    words = {CheckState.MISSING: "还没有", CheckState.EXPIRED: "过期了", CheckState.SOON: "快到期"}
    return f"{one.name}（{words[one.state]}）" if one.state in words else one.name


async def history(session: AsyncSession, workshop_id: int) -> list[tuple[WorkshopCheck, str]]:
    """Every check of a family with who made it, the newest first."""
    query = (
        select(WorkshopCheck, Member.name)
        .join(Member, Member.id == WorkshopCheck.checked_by)
        .where(WorkshopCheck.workshop_id == workshop_id)
        .order_by(WorkshopCheck.id.desc())
        .limit(100)
    )
    return [(check, who) for check, who in await session.execute(query)]


async def account_changed(session: AsyncSession, workshop: Workshop, now: datetime) -> None:
    """The family is paid elsewhere from now on: that the name fits must be looked at anew."""
    today = now.astimezone(BEIJING).date()
    found = (await standings(session, [workshop.id], today))[workshop.id]
    bank = next(one for one in found if one.kind == CheckKind.BANK_NAME)
    if bank.check is not None and bank.holds:
        bank.check.renew_on = today - timedelta(days=1)
