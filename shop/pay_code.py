"""The station's own payment code: the picture that buyers scan, and a sentence about it."""

import asyncio
import secrets
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import MANAGERS, Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.errors import Invalid
from catalog.models import Station
from catalog.photos import SENTENCES
from media.photos import BadPhoto, render
from media.storage import Storage


async def change_pay_code(
    session: AsyncSession,
    storage: Storage,
    actor: Actor,
    note: object,
    picture: bytes | None,
    now: datetime,
    *,
    remove: bool = False,
) -> Station:
    """Set what buyers see; without a picture the earlier one stays unless it is to be removed.

    The picture is stored before anything is locked. Raises Invalid.
    """
    actor.must_be(MANAGERS)
    check = Check()
    words = check.text("note", note, "说明", most=200, least=0)
    check.done()
    key = await _keep(storage, picture) if picture else ""
    station = await session.get_one(Station, actor.station_id, with_for_update=True)
    before = {"pay_code_key": station.pay_code_key, "pay_note": station.pay_note}
    if key or remove:
        station.pay_code_key = key
    station.pay_note = words
    after = {"pay_code_key": station.pay_code_key, "pay_note": words}
    if after != before:
        record(session, actor, "station.pay_code", station, now, before=before, after=after)
    return station


async def _keep(storage: Storage, data: bytes) -> str:
    """The key of the picture that buyers get: small enough for a phone, nothing else inside.

    It stands among the photos' renditions, so its key is also the path of its address.
    """
    try:
        sizes = await asyncio.to_thread(render, data)
    except BadPhoto as error:
        raise Invalid({"photo": SENTENCES[error.reason]}) from error
    shown = next(r for r in sizes if (r.name, r.extension) == ("m", "jpg"))
    key = f"photos/{secrets.token_hex(12)}/m.jpg"
    await storage.put(key, shown.data, shown.media_type)
    return key
