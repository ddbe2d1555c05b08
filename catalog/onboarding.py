"""Making sure of a family before it sells: each check, as made. `catalog.onboarded` says how they stand."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import CHECKERS, Actor
from catalog.audit import record
from catalog.checks import BEIJING, Check
from catalog.models import CheckKind, Registration, Workshop, WorkshopCheck
from catalog.own import own
from catalog.pictures import keep_picture
from media.storage import Storage

LONGEST = timedelta(days=366 * 30)

# Digits and capitals: 18 of a unified social credit code, 15 of an older licence.
_LICENCE = re.compile(r"[0-9A-Z]{15,18}")


async def make_check(
    session: AsyncSession,
    storage: Storage,
    actor: Actor,
    workshop: Workshop,
    kind: CheckKind,
    typed: Mapping[str, str],
    paper: bytes | None,
    now: datetime,
) -> WorkshopCheck:
    """Note that the actor made sure of something; `typed` has `note`, `renew_on`.

    For the registration also `registration` and `registration_no`, which become the workshop's.
    Raises Invalid, also for a picture of an identity card: none is kept.
    """
    actor.must_be(CHECKERS)
    check = Check()
    facts = _read(check, kind, typed, now.astimezone(BEIJING).date())
    registered = _read_registration(check, typed) if kind == CheckKind.REGISTRATION else {}
    if paper and kind == CheckKind.IDENTITY:
        check.fault("paper", "身份证不留照片，看过就行。")
    check.done()
    made = WorkshopCheck(
        station_id=workshop.station_id,
        workshop_id=workshop.id,
        kind=kind,
        paper_key=await keep_picture(storage, "papers", paper, field="paper") if paper else "",
        checked_by=actor.member_id,
        checked_at=now,
        **facts,
    )
    before = {field: getattr(workshop, field) for field in registered}
    for field, value in registered.items():
        setattr(workshop, field, value)
    session.add(made)
    await session.flush()
    record(
        session,
        actor,
        "workshop.check",
        made,
        now,
        before=before or None,
        after={"kind": kind, "renew_on": str(facts["renew_on"] or ""), **registered},
        workshop_id=workshop.id,
    )
    return made


def _read(check: Check, kind: CheckKind, typed: Mapping[str, str], today: date) -> dict[str, Any]:
    note = check.text("note", typed.get("note"), "备注", most=200, least=0)
    if kind == CheckKind.IDENTITY and re.search(r"\d{17}[\dXx]", note):
        check.fault("note", "不要记身份证号码，看过就行。")
    return {"note": note, "renew_on": _renew_on(check, typed.get("renew_on"), today)}


def _renew_on(check: Check, typed: str | None, today: date) -> date | None:
    if not typed:
        return None
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        check.fault("renew_on", "到期日写成 2027-11-22 这样。")
        return None
    if not today < day <= today + LONGEST:
        check.fault("renew_on", "到期日要在今天以后、三十年以内。")
    return day


def _read_registration(check: Check, typed: Mapping[str, str]) -> dict[str, Any]:
    way = check.choice("registration", typed.get("registration"), "执照还是免登记", Registration)
    number = check.text(
        "registration_no", typed.get("registration_no"), "执照号码", most=60, least=0
    ).upper()
    if way == Registration.UNKNOWN:
        check.fault("registration", "请选择执照还是免登记。")
    if way == Registration.LICENCE and not _LICENCE.fullmatch(number):
        check.fault("registration_no", "照着执照填统一社会信用代码，18 位（老执照 15 位）。")
    # An exempt family has no licence whose number could be shown.
    return {
        "registration": way,
        "registration_no": number if way == Registration.LICENCE else "",
    }


async def check_for(session: AsyncSession, actor: Actor, check_id: int) -> WorkshopCheck:
    """A check of the actor's station. Raises NotFound."""
    return await own(session, actor, WorkshopCheck, check_id)
