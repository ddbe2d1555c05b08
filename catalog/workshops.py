"""Stations, workshops and their makers."""

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from catalog.access import STAFF, Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.claims import proven_by_family, refuse_unproven
from catalog.errors import NotFound
from catalog.models import Maker, Product, Station, Workshop
from catalog.onboarded import account_changed
from catalog.own import own
from catalog.products import refresh_search_text
from catalog.stations import open_ids

_FIELDS = ("name", "village", "craft", "phone", "active", "pay_way", "pay_to")


class PayWay(StrEnum):
    """How a family's money is handed over; also the ledger account that it goes out of."""

    BANK = "bank"
    WECHAT = "wechat"
    CASH = "cash"


async def station_by_id(session: AsyncSession, station_id: int) -> Station:
    """Raises NotFound."""
    station = await session.get(Station, station_id)
    if station is None:
        raise NotFound(f"station {station_id}")
    return station


async def list_workshops(
    session: AsyncSession,
    station_id: int | None,
    *,
    active_only: bool = True,
    open_stations: bool = False,
) -> list[Workshop]:
    """The workshops of a station, or of all, as they joined, with their makers."""
    query = select(Workshop).options(selectinload(Workshop.makers)).order_by(Workshop.id)
    if station_id is not None:
        query = query.where(Workshop.station_id == station_id)
    if open_stations:
        query = query.where(Workshop.station_id.in_(open_ids()))
    return list(await session.scalars(query.where(Workshop.active) if active_only else query))


async def workshops_seen_by(
    session: AsyncSession, asker: Actor | None, station_id: int | None
) -> list[Workshop]:
    """The workshops of a station; staff see their own station's inactive ones too.

    Without a station it is the asker's own, for strangers all that are open.
    """
    if station_id is None and asker is not None:
        station_id = asker.station_id
    of_station = asker is not None and asker.station_id == station_id
    return await list_workshops(
        session,
        station_id,
        active_only=not (of_station and asker is not None and asker.role in STAFF),
        open_stations=not of_station,
    )


async def workshops_by_slug(
    session: AsyncSession, slug: str, station_id: int | None = None
) -> list[Workshop]:
    """The active workshops of that name, with their makers: one a station at most."""
    query = select(Workshop).where(Workshop.slug == slug, Workshop.active)
    if station_id is not None:
        query = query.where(Workshop.station_id == station_id)
    query = query.options(selectinload(Workshop.makers)).order_by(Workshop.id)
    return list(await session.scalars(query))


async def workshop_for(session: AsyncSession, actor: Actor, workshop_id: int) -> Workshop:
    """The workshop, with its makers, when the actor may see it. Raises NotFound."""
    actor.must_see_workshop(workshop_id)
    return await own(session, actor, Workshop, workshop_id, selectinload(Workshop.makers))


async def add_workshop(
    session: AsyncSession, actor: Actor, values: Mapping[str, Any], now: datetime
) -> Workshop:
    """Make a workshop of the actor's station from `_FIELDS` and `makers`.

    `makers` is a text with one name a line and what is told of them behind a colon, or a list
    of such pairs. Raises Invalid with every fault, keeping nothing.
    """
    facts, names = _read(values)
    workshop = Workshop(station_id=actor.station_id, slug="", **facts)
    session.add(workshop)
    await session.flush()
    workshop.slug = f"w{workshop.id}"
    _name_makers(session, workshop, names)
    record(session, actor, "workshop.add", workshop, now, after=facts, workshop_id=workshop.id)
    await session.flush()
    return await workshop_for(session, actor, workshop.id)


async def change_workshop(
    session: AsyncSession,
    actor: Actor,
    workshop_id: int,
    values: Mapping[str, Any],
    now: datetime,
) -> Workshop:
    """Change the fields given; `makers` replaces all names, and only those that stay as they were
    keep their consent. Raises Invalid, NotFound.
    """
    workshop = await workshop_for(session, actor, workshop_id)
    before = {field: getattr(workshop, field) for field in _FIELDS}
    kept = [(maker.name, maker.about) for maker in workshop.makers]
    stays = {workshop.craft, *(word for words in kept for word in words)}
    proven = await proven_by_family(session, workshop.id)
    facts, names = _read({**before, **values}, proven, stays)
    for field, value in facts.items():
        setattr(workshop, field, value)
    if any(facts[field] != before[field] for field in ("pay_way", "pay_to")):
        await account_changed(session, workshop, now)
    if "makers" in values:
        for maker in workshop.makers:
            if (maker.name, maker.about) not in names:
                await session.delete(maker)
        _name_makers(session, workshop, [name for name in names if name not in kept])
    await session.flush()
    for product in await session.scalars(select(Product).where(Product.workshop_id == workshop.id)):
        await refresh_search_text(session, product)
    record(
        session,
        actor,
        "workshop.change",
        workshop,
        now,
        before=before,
        after=facts,
        workshop_id=workshop.id,
    )
    await session.flush()
    return await workshop_for(session, actor, workshop.id)


def _name_makers(session: AsyncSession, workshop: Workshop, names: list[tuple[str, str]]) -> None:
    """New names are told nowhere, until the family agrees (`catalog.consents`)."""
    session.add_all(
        Maker(
            station_id=workshop.station_id,
            workshop_id=workshop.id,
            name=name,
            about=about,
            on_page=False,
            on_air=False,
        )
        for name, about in names
    )


def _read(
    values: Mapping[str, Any], proven: Collection[str] = (), stays: Collection[str] = ()
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Facts and names; words that make a claim must be `proven`, or stand there already (`stays`)."""
    check = Check()
    phone = str(values.get("phone") or "")
    facts: dict[str, Any] = {
        "name": check.text("name", values.get("name"), "作坊名", most=60),
        "village": check.text("village", values.get("village"), "村名", most=60, least=0),
        "craft": check.text("craft", values.get("craft"), "手艺", most=120, least=0),
        "phone": check.phone("phone", phone, "联系电话", landline=True) if phone.strip() else "",
        "active": values.get("active", True) in (True, "on", "true", "1"),
        **_read_pay(check, values),
    }
    names = [
        (
            check.text("makers", name, "手艺人的名字", most=40),
            check.text("makers", about, "手艺人的介绍", most=200, least=0),
        )
        for name, about in _makers(check, values.get("makers"))
    ]
    for field, text in [
        ("craft", facts["craft"]),
        *(("makers", word) for n in names for word in n),
    ]:
        if text not in stays:
            refuse_unproven(check, {field: text}, proven)
    check.done()
    return facts, names


def _read_pay(check: Check, values: Mapping[str, Any]) -> dict[str, Any]:
    way = check.choice("pay_way", values.get("pay_way", PayWay.CASH), "怎么结账", PayWay)
    to = check.text("pay_to", values.get("pay_to"), "收款账户和户名", most=80, least=0)
    if way in (PayWay.BANK, PayWay.WECHAT) and not to:
        check.fault("pay_to", "转账要有收款账户和户名。")
    return {"pay_way": way, "pay_to": to}


def _makers(check: Check, given: object) -> list[tuple[str, str]]:
    if isinstance(given, list):
        return given
    typed = check.text("makers", given, "手艺人", most=1000, least=0, lines=True)
    lines = (line.replace(":", "：").partition("：") for line in typed.split("\n") if line)
    return [(name.strip(), about.strip()) for name, _, about in lines]
