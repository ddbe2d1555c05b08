"""Reminders about families: checks that end soon, and a year that has come to a lot.

Each is a trouble that closes by itself. What a person has closed is told again only in other
words: when something else is due, or in another year.
"""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import Select

from catalog.checks import BEIJING
from catalog.models import Registration, Station, Workshop
from catalog.onboarded import CheckState, standings, told
from catalog.words import yuan
from shop.doctor import tell
from shop.examine.finding import Fault, Finding
from shop.models import Trouble
from shop.troubles import TroubleKind
from shop.turnover import of_year


async def remind(session: AsyncSession, now: datetime) -> None:
    """Open and close the troubles of both kinds for all stations."""
    today = now.astimezone(BEIJING).date()
    for found in (await due(session, today), await sold_a_lot(session, now)):
        await tell(session, [await _without_settled(session, found)], now)


async def due(session: AsyncSession, today: date) -> Finding:
    """Families with a check that was made and is past, or ends within 30 days."""
    families = {family.id: family for family in await session.scalars(_active())}
    faults = []
    for family_id, found in (await standings(session, families, today)).items():
        family = families[family_id]
        ending = [one for one in found if one.state in (CheckState.SOON, CheckState.EXPIRED)]
        if ending:
            text = f"{family.name}要续：{'、'.join(told(one) for one in ending)}。"
            faults.append(Fault(family.station_id, f"workshop:{family_id}", text))
    return Finding("renewals", "none is due", "families due", TroubleKind.RENEWAL_DUE, faults)


async def sold_a_lot(session: AsyncSession, now: datetime) -> Finding:
    """Families without a licence whose year came to what their station wants to be told of."""
    sums = await of_year(session, None, now)
    query = _active().join(Station, Station.id == Workshop.station_id)
    query = query.where(Workshop.registration != Registration.LICENCE)
    rows = await session.execute(query.add_columns(Station.alert_turnover_fen))
    year = now.astimezone(BEIJING).year
    faults = [
        Fault(
            family.station_id,
            f"workshop:{family.id}",
            f"{family.name} {year} 年卖的过了 {yuan(alert_fen)} 元。",
        )
        for family, alert_fen in rows
        if family.id in sums and sums[family.id].sold_fen >= alert_fen
    ]
    return Finding("turnover", "none is high", "families", TroubleKind.TURNOVER_HIGH, faults)


def _active() -> Select[Workshop]:
    return select(Workshop).where(Workshop.active).order_by(Workshop.id)


async def _without_settled(session: AsyncSession, found: Finding) -> Finding:
    """Leave out what a person has closed in these very words."""
    query = select(Trouble.subject, Trouble.text).where(
        Trouble.kind == found.kind, Trouble.closed_by.is_not(None)
    )
    settled = set((await session.execute(query)).all())
    faults = [fault for fault in found.faults if (fault.subject, fault.text) not in settled]
    return Finding(found.what, found.well, found.badly, found.kind, faults)
