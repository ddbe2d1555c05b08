"""Signing in: passwords, the browser's session, bearer tokens. Only hashes are kept.

The limits follow OWASP's authentication notes: failures are counted against the login, so that
one account is not guessed at from many addresses, and against the address, so that many
accounts are not tried from one.
"""

import asyncio
import hashlib
import secrets
from datetime import datetime, timedelta

from argon2.exceptions import VerificationError
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from catalog.access import Actor
from catalog.checks import Check
from catalog.db import Database
from catalog.models import Member, Role
from catalog.people import HASHER, MOST_PASSWORD, read_login
from shop.errors import SignInRefused, TooManyTries
from shop.models import ApiToken, MemberSession, SignInTry

WINDOW = timedelta(minutes=15)
MOST_PER_LOGIN = 8
MOST_PER_ADDRESS = 40
# The longest that any count goes back (`shop.covered`).
TRIES_KEPT = timedelta(hours=1)

STAFF_SESSION = timedelta(hours=12)
# A family's phone is its own; signing in again every day is what would keep it away.
ARTISAN_SESSION = timedelta(days=30)

TOKEN_PREFIX = "xb_"  # noqa: S105

# Checked against when the login is unknown, so that both refusals take equally long.
_NOBODY = HASHER.hash(secrets.token_hex(16))


def hash_token(token: str) -> str:
    """How a random token is kept: SHA-256 is enough for 192 bits that nobody can guess."""
    return hashlib.sha256(token.encode()).hexdigest()


async def sign_in(
    database: Database, login: object, password: object, address: str, now: datetime
) -> tuple[str, Member]:
    """A new session's token, and who signed in.

    Raises Invalid for empty fields, SignInRefused for wrong ones, TooManyTries past the limit.
    No transaction is open while the password is hashed.
    """
    check = Check()
    name = check.text("login", read_login(login), "登录名", most=60)
    typed = str(password or "")
    if not typed:
        check.fault("password", "请填写密码。")
    check.done()
    async with database.reading() as session:
        # First without a lock: a flood of tries past the limit costs the others nothing.
        await _refuse_too_many(session, name, address, now)
    async with database.writing.begin() as session:
        # Counted before the password is looked at, or any number could be tried at the same time.
        one_at_a_time = select(Member).where(Member.login == name).with_for_update(key_share=True)
        member = await session.scalar(one_at_a_time)
        await _refuse_too_many(session, name, address, now)
        session.add(SignInTry(login=name, address=address, at=now))
    kept = member.password_hash if member is not None and member.active else _NOBODY
    right = await asyncio.to_thread(matches, kept, typed[:MOST_PASSWORD])
    if member is None or not member.active or not right:
        raise SignInRefused(name)
    async with database.writing.begin() as session:
        await session.execute(delete(SignInTry).where(SignInTry.login == name))
        return await new_session(session, member, now), member


def matches(kept: str, typed: str) -> bool:
    """Whether a password or PIN is the one whose hash was kept; takes its time, in a thread."""
    try:
        return HASHER.verify(kept, typed)
    except VerificationError:
        return False


async def _refuse_too_many(session: AsyncSession, login: str, address: str, now: datetime) -> None:
    await _refuse(session, SignInTry.login == login, MOST_PER_LOGIN, now)
    await refuse_address(session, address, now)


async def refuse_address(session: AsyncSession, address: str, now: datetime) -> None:
    """Raise TooManyTries where this address has failed too often."""
    await _refuse(session, SignInTry.address == address, MOST_PER_ADDRESS, now)


async def _refuse(
    session: AsyncSession, counted: ColumnElement[bool], most: int, now: datetime
) -> None:
    tries = await session.scalar(select(func.count()).where(counted, SignInTry.at > now - WINDOW))
    if (tries or 0) >= most:
        raise TooManyTries


async def new_session(
    session: AsyncSession, member: Member, now: datetime, card_id: int | None = None
) -> str:
    """Sign a member in; returns the token for the cookie, which is not kept.

    `card_id` is the card that began the session, and with which it ends.
    """
    token = secrets.token_urlsafe(24)
    lasts = ARTISAN_SESSION if member.role == Role.ARTISAN else STAFF_SESSION
    session.add(
        MemberSession(
            member_id=member.id,
            token_hash=hash_token(token),
            created_at=now,
            expires_at=now + lasts,
            card_id=card_id,
        )
    )
    await session.flush()
    return token


async def sign_out(session: AsyncSession, token: str) -> None:
    """End a session; repeating changes nothing."""
    await session.execute(
        delete(MemberSession).where(MemberSession.token_hash == hash_token(token))
    )


async def actor_of_session(session: AsyncSession, token: str, now: datetime) -> Actor | None:
    """Who a browser's session cookie belongs to; None for a session that is over or unknown."""
    query = (
        select(Member)
        .join(MemberSession, MemberSession.member_id == Member.id)
        .where(MemberSession.token_hash == hash_token(token), MemberSession.expires_at > now)
        .options(joinedload(Member.station), joinedload(Member.workshop))
    )
    return actor_for(await session.scalar(query), "web")


async def actor_of_token(session: AsyncSession, token: str) -> Actor | None:
    """Who a bearer token belongs to; None for one that is revoked or unknown."""
    query = (
        select(Member)
        .join(ApiToken, ApiToken.member_id == Member.id)
        .where(ApiToken.token_hash == hash_token(token), ApiToken.revoked_at.is_(None))
        .options(joinedload(Member.station), joinedload(Member.workshop))
    )
    return actor_for(await session.scalar(query), "api")


def actor_for(member: Member | None, channel: str) -> Actor | None:
    """Who a member acts as, loaded with station and workshop; None for one who is not active."""
    if member is None or not member.active:
        return None
    return Actor(
        member_id=member.id,
        station_id=member.station_id,
        role=member.role,
        name=member.name,
        station_name=member.station.name,
        workshop_id=member.workshop_id,
        workshop_name=member.workshop.name if member.workshop else "",
        channel=channel,
        sees_phones=member.sees_phones,
        station_phone=member.station.phone,
    )


async def new_api_token(session: AsyncSession, member: Member, name: str, now: datetime) -> str:
    """A bearer token for a member; shown once, kept only as its hash."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    session.add(
        ApiToken(member_id=member.id, name=name, token_hash=hash_token(token), created_at=now)
    )
    await session.flush()
    return token


async def forget_old_sessions(session: AsyncSession, now: datetime) -> None:
    """Delete sessions that are over and tries that no longer count."""
    await session.execute(delete(MemberSession).where(MemberSession.expires_at <= now))
    await session.execute(delete(SignInTry).where(SignInTry.at <= now - TRIES_KEPT))
