"""Printed cards whose QR code signs an artisan in: issued, revoked, scanned. See docs/sign-in.md."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog.access import WORK_ORDER_DESK, Actor
from catalog.audit import record
from catalog.checks import clean
from catalog.db import Database
from catalog.errors import Invalid, NotFound
from catalog.models import Member, Role
from media.codes import new_code, normalise
from shop.errors import (
    CardOfAnotherPhone,
    CardRefused,
    CardRevoked,
    CardStopped,
    CardUnknown,
)
from shop.models import ArtisanCard, MemberSession, SignInTry
from shop.signin import actor_for, hash_token, new_session, refuse_address
from shop.troubles import TroubleKind, open_trouble

TOKEN_LENGTH = 27
"""Of 30 symbols: 132 bits at random."""

# In the place of a login, which holds no colon: these tries count against the address alone.
_NO_LOGIN = "card:"


@dataclass(frozen=True, slots=True)
class LetIn:
    """Whom a card let in: the tokens for the session's cookie and for the phone's."""

    session_token: str
    phone: str


def card_url(public_url: str, token: str) -> str:
    """What a card's QR says: all capitals, so that its alphanumeric mode applies."""
    return f"{public_url.rstrip('/').upper()}/K/{token}"


async def cards_of(
    session: AsyncSession, actor: Actor, workshop_id: int
) -> Sequence[tuple[Member, ArtisanCard | None]]:
    """The artisans of a family of the actor's station, each with the card that is in use."""
    in_use = (ArtisanCard.member_id == Member.id) & ArtisanCard.revoked_at.is_(None)
    query = (
        select(Member, ArtisanCard)
        .outerjoin(ArtisanCard, in_use)
        .where(Member.workshop_id == workshop_id, Member.station_id == actor.station_id)
        .order_by(Member.id)
    )
    return [(member, card) for member, card in await session.execute(query)]


async def issue_card(
    session: AsyncSession, actor: Actor, workshop_id: int, member_id: int, now: datetime
) -> str:
    """A new card for an artisan; returns its token, which is not kept. The card before is revoked.

    Locks the member, so that two who issue at once leave one card in use. Raises NotFound, and
    Invalid for an artisan who was stopped.
    """
    member = await artisan_for(session, actor, workshop_id, member_id, lock=True)
    if not member.active:
        raise Invalid({"": f"{member.name}已经停用，不能发卡。请站长先在“成员”里恢复。"})
    await _revoke(session, actor, member, now)
    token = new_code(TOKEN_LENGTH)
    card = ArtisanCard(
        station_id=member.station_id,
        member_id=member.id,
        token_hash=hash_token(token),
        issued_by=actor.member_id,
        issued_at=now,
    )
    session.add(card)
    await session.flush()
    _record(session, actor, "card.issue", card, member, now)
    return token


async def revoke_card(
    session: AsyncSession, actor: Actor, workshop_id: int, member_id: int, now: datetime
) -> Member:
    """Take an artisan's card out of use; repeating changes nothing. Raises NotFound."""
    member = await artisan_for(session, actor, workshop_id, member_id, lock=True)
    await _revoke(session, actor, member, now)
    return member


async def card_to_print(
    session: AsyncSession, actor: Actor, workshop_id: int, member_id: int, token: str
) -> Member:
    """Whose card a token is, loaded with the workshop, to be drawn. Raises NotFound for another's."""
    member = await artisan_for(session, actor, workshop_id, member_id)
    card = await session.scalar(
        select(ArtisanCard).where(
            ArtisanCard.token_hash == hash_token(clean(token)),
            ArtisanCard.member_id == member_id,
            ArtisanCard.revoked_at.is_(None),
        )
    )
    if card is None:
        raise NotFound("card")
    return member


async def artisan_for(
    session: AsyncSession, actor: Actor, workshop_id: int, member_id: int, *, lock: bool = False
) -> Member:
    """An artisan of that family of the actor's station, with the workshop. Raises NotFound."""
    actor.must_be(WORK_ORDER_DESK)
    member = await session.get(
        Member,
        member_id,
        options=[joinedload(Member.workshop)],
        # A new session of the member's may be added meanwhile.
        with_for_update={"of": Member, "key_share": True} if lock else None,
        populate_existing=True,
    )
    if (
        member is None
        or member.role != Role.ARTISAN
        or (member.station_id, member.workshop_id) != (actor.station_id, workshop_id)
    ):
        raise NotFound(f"artisan {member_id}")
    return member


async def _revoke(session: AsyncSession, actor: Actor, member: Member, now: datetime) -> None:
    """End the card in use and the sessions that it began. Locks it: a scan is before or after."""
    card = await session.scalar(
        select(ArtisanCard)
        .where(ArtisanCard.member_id == member.id, ArtisanCard.revoked_at.is_(None))
        .with_for_update()
    )
    if card is None:
        return
    card.revoked_at, card.revoked_by = now, actor.member_id
    await session.execute(delete(MemberSession).where(MemberSession.card_id == card.id))
    _record(session, actor, "card.revoke", card, member, now)
    await session.flush()


async def look_at_card(database: Database, token: str, address: str, now: datetime) -> ArtisanCard:
    """The card of a token, with member, station and workshop, while it may be used.

    Changes nothing but the count of this address. Raises CardUnknown, CardRevoked, CardStopped,
    TooManyTries.
    """
    try:
        async with database.reading() as session:
            await refuse_address(session, address, now)
            return await _usable(session, token)
    except CardUnknown:
        await _count(database, address, now)
        raise


async def sign_in_by_card(
    database: Database, token: str, phone: str | None, address: str, now: datetime
) -> LetIn:
    """Sign the artisan of a card in on a phone, known by its cookie; the first is bound to the card.

    The card's row is locked, so that of two phones in one moment one is bound and the other
    refused. Raises as `look_at_card`, and CardOfAnotherPhone, of which the desk is told.
    """
    try:
        async with database.writing.begin() as session:
            await refuse_address(session, address, now)
            card = await _usable(session, token, lock=True)
            phone = _bind(session, card, phone, now)
            card.used_at = now
            return LetIn(await new_session(session, card.member, now, card.id), phone)
    except CardOfAnotherPhone:
        await _tell_desk(database, token, now)
        await _count(database, address, now)
        raise
    except (CardUnknown, CardRefused):
        await _count(database, address, now)
        raise


async def _usable(session: AsyncSession, token: str, *, lock: bool = False) -> ArtisanCard:
    card = await _find(session, token, lock=lock)
    station = card.member.station
    if card.revoked_at is not None:
        raise CardRevoked(station.phone)
    workshop = card.member.workshop
    if not card.member.active or workshop is None or not workshop.active:
        raise CardStopped(station.phone)
    return card


async def _find(session: AsyncSession, token: str, *, lock: bool = False) -> ArtisanCard:
    whose = joinedload(ArtisanCard.member)
    query = (
        select(ArtisanCard)
        .where(ArtisanCard.token_hash == hash_token(clean(normalise(token))))
        .options(whose.joinedload(Member.station), whose.joinedload(Member.workshop))
    )
    card = await session.scalar(query.with_for_update(of=ArtisanCard) if lock else query)
    if card is None:
        raise CardUnknown
    return card


def _bind(session: AsyncSession, card: ArtisanCard, phone: str | None, now: datetime) -> str:
    """The phone's token, a new one where it has none; the first phone of a card is bound to it."""
    phone = phone or secrets.token_urlsafe(24)
    if not card.phone_hash:
        card.phone_hash, card.bound_at = hash_token(phone), now
        actor = actor_for(card.member, "web")
        assert actor is not None  # `_usable` refuses a member who is not active
        _record(session, actor, "card.bind", card, card.member, now)
    elif not hmac.compare_digest(card.phone_hash, hash_token(phone)):
        raise CardOfAnotherPhone(card.member.station.phone)
    return phone


def _record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    card: ArtisanCard,
    member: Member,
    now: datetime,
) -> None:
    after = {"member": member.id}
    record(session, actor, action, card, now, after=after, workshop_id=member.workshop_id)


async def _tell_desk(database: Database, token: str, now: datetime) -> None:
    async with database.writing.begin() as session:
        member = (await _find(session, token)).member
        assert member.workshop is not None  # an artisan has one
        await open_trouble(
            session,
            station_id=member.station_id,
            kind=TroubleKind.OTHER_PHONE,
            subject=f"workshop:{member.workshop.id}",
            text=f"{member.workshop.name}的{member.name}的卡，被另一部手机扫了，没有让它进去。",
            now=now,
        )


async def _count(database: Database, address: str, now: datetime) -> None:
    async with database.writing.begin() as session:
        session.add(SignInTry(login=_NO_LOGIN, address=address, at=now))
