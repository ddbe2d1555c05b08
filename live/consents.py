"""A maker's word that a show may sell a product below its floor: who said so, how, and to what price.

It holds for that show and that product alone, and down to that price. The last word counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.models import Product
from live.models import PriceConsent, Show


class Way(StrEnum):
    """How the maker said it."""

    IN_PERSON = "in_person"
    PHONE = "phone"
    WECHAT = "wechat"
    WRITTEN = "written"


WAY_NAMES = {
    Way.IN_PERSON: "当面",
    Way.PHONE: "电话",
    Way.WECHAT: "微信",
    Way.WRITTEN: "书面",
}


@dataclass(frozen=True, slots=True)
class Consent:
    """What a maker is said to have agreed to, checked."""

    given_by: str
    way: Way
    price_fen: int


def read_consent(
    check: Check, field: str, given: Mapping[str, Any] | None, show_price_fen: int | None
) -> Consent | None:
    """The consent that was written beside a price; None when nobody is named, nor a way.

    `given`: `given_by`, `way`, and `price_fen` or `price`, yuan as typed. Without a price it is
    the show price. Faults stand at `field` and the name of what is wrong.
    """
    if not given or not (given.get("given_by") or given.get("way")):
        return None
    by = check.text(f"{field}.given_by", given.get("given_by"), "是谁同意的", most=40)
    way = check.choice(f"{field}.way", given.get("way"), "是怎么同意的", Way)
    price = show_price_fen or 0
    if given.get("price_fen") is not None:
        price = check.fen(f"{field}.price_fen", given["price_fen"], "同意的价")
    elif given.get("price"):
        price = check.yuan(f"{field}.price", given["price"], "同意的价")
    if not by or way is None or not price:
        return None
    return Consent(by, way, price)


async def consents_of(session: AsyncSession, show_id: int) -> dict[int, PriceConsent]:
    """The last consent for each product of a show."""
    query = select(PriceConsent).where(PriceConsent.show_id == show_id).order_by(PriceConsent.id)
    return {consent.product_id: consent for consent in await session.scalars(query)}


async def keep_consent(
    session: AsyncSession,
    actor: Actor,
    show: Show,
    product: Product,
    consent: Consent,
    last: PriceConsent | None,
    now: datetime,
) -> None:
    """Write a consent down; the same words again are no new consent.

    `show` is locked by the caller, `last` what `consents_of` found for the product.
    """
    if last and (last.given_by, last.way, last.price_fen) == (
        consent.given_by,
        consent.way,
        consent.price_fen,
    ):
        return
    row = PriceConsent(
        station_id=show.station_id,
        show_id=show.id,
        product_id=product.id,
        price_fen=consent.price_fen,
        given_by=consent.given_by,
        way=consent.way,
        member_id=actor.member_id,
        at=now,
    )
    session.add(row)
    await session.flush()
    record(
        session,
        actor,
        "price.consent",
        row,
        now,
        before={"floor_fen": product.floor_fen},
        after={
            "show": show.id,
            "product": product.id,
            "price_fen": row.price_fen,
            "given_by": row.given_by,
            "way": row.way,
        },
        workshop_id=product.workshop_id,
    )
