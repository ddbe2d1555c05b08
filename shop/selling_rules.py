"""What a station asks for before something is sold, and from which yearly sum on it is told."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import MANAGERS, Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.models import Station

_FIELDS = ("review_products", "alert_turnover_fen")


async def change_rules(
    session: AsyncSession, actor: Actor, typed: Mapping[str, str], now: datetime
) -> Station:
    """Set both; what is on sale already stays so. Raises Invalid."""
    actor.must_be(MANAGERS)
    check = Check()
    alert_fen = check.yuan("alert_turnover", typed.get("alert_turnover"), "提醒线")
    check.done()
    station = await session.get_one(Station, actor.station_id, with_for_update=True)
    before = {field: getattr(station, field) for field in _FIELDS}
    station.review_products = typed.get("review_products") == "1"
    station.alert_turnover_fen = alert_fen
    after = {field: getattr(station, field) for field in _FIELDS}
    if after != before:
        record(session, actor, "station.selling", station, now, before=before, after=after)
    return station
