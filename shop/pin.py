"""The PIN that stands before a family's money, in sessions that a card began. See docs/sign-in.md."""

import asyncio
import re
import unicodedata
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.audit import record
from catalog.checks import Check
from catalog.db import Database
from catalog.errors import Invalid
from catalog.models import Member
from catalog.people import HASHER
from shop.cards import artisan_for
from shop.errors import PinLocked
from shop.models import MemberSession, SignInTry
from shop.signin import hash_token, matches

OPEN_FOR = timedelta(minutes=10)
WINDOW = timedelta(minutes=15)
MOST_TRIES = 5

_DIGITS = re.compile(r"\d{4,6}", re.ASCII)
_RUN = "01234567890"

# In the place of a network address, so that nobody's sign-in counts here.
_HERE = "pin page"


async def money_is_open(session: AsyncSession, session_token: str, now: datetime) -> bool:
    """Whether this browser may see money now: it came by password, or the PIN was asked lately."""
    found = await session.scalar(
        select(MemberSession).where(MemberSession.token_hash == hash_token(session_token))
    )
    if found is None or found.card_id is None:
        return True
    return found.money_until is not None and now < found.money_until


async def has_pin(session: AsyncSession, actor: Actor) -> bool:
    """Whether the actor has set one."""
    return bool(await session.scalar(select(Member.pin_hash).where(Member.id == actor.member_id)))


def read_new_pin(typed: object) -> str:
    """A PIN to be set. Raises Invalid for what is none, or the first that anybody would try."""
    pin = _read(typed)
    if len(set(pin)) == 1 or pin in _RUN or pin in _RUN[::-1]:
        raise Invalid({"pin": "这个太好猜了，换一个。"})
    return pin


def _read(typed: object) -> str:
    pin = unicodedata.normalize("NFKC", str(typed or "")).strip()
    check = Check()
    if not _DIGITS.fullmatch(pin):
        check.fault("pin", "密码是 4 到 6 个数字。")
    check.done()
    return pin


async def set_pin(
    database: Database, actor: Actor, session_token: str, first: str, second: object, now: datetime
) -> None:
    """Keep the actor's PIN, typed twice, and open money for this session.

    Raises Invalid when the two differ, and when another PIN was set meanwhile. No transaction is
    open while it is hashed.
    """
    pin = read_new_pin(first)
    if _read(second) != pin:
        raise Invalid({"pin": "两次不一样，请从头再来。"})
    hashed = await asyncio.to_thread(HASHER.hash, pin)
    async with database.writing.begin() as session:
        member = await _lock(session, actor)
        if member.pin_hash:
            raise Invalid({"pin": "密码已经设好了，请输那一个。"})
        member.pin_hash = hashed
        record(session, actor, "member.pin_set", member, now, workshop_id=member.workshop_id)
        await _open(session, session_token, now)


async def enter_pin(
    database: Database, actor: Actor, session_token: str, typed: object, now: datetime
) -> None:
    """Open money for this session. Raises Invalid for a wrong PIN, PinLocked after five.

    No transaction is open while it is compared.
    """
    pin = _read(typed)
    async with database.writing.begin() as session:
        # Counted before it is looked at, or any number could be tried at the same time.
        kept = (await _lock(session, actor)).pin_hash
        tries = await _tries(session, actor, now)
        if tries >= MOST_TRIES:
            raise PinLocked
        session.add(SignInTry(login=_login(actor.member_id), address=_HERE, at=now))
    if not kept or not await asyncio.to_thread(matches, kept, pin):
        left = MOST_TRIES - tries - 1
        raise Invalid({"pin": f"不对，还能试 {left} 次。" if left else PinLocked.text})
    async with database.writing.begin() as session:
        await _forget_tries(session, actor.member_id)
        await _open(session, session_token, now)


async def reset_pin(
    session: AsyncSession, actor: Actor, workshop_id: int, member_id: int, now: datetime
) -> Member:
    """Forget an artisan's PIN and the tries at it, and close money; the next visit sets another.

    Raises NotFound.
    """
    member = await artisan_for(session, actor, workshop_id, member_id, lock=True)
    member.pin_hash = ""
    await _forget_tries(session, member.id)
    await session.execute(
        update(MemberSession).where(MemberSession.member_id == member.id).values(money_until=None)
    )
    record(session, actor, "member.pin_reset", member, now, workshop_id=workshop_id)
    return member


async def _lock(session: AsyncSession, actor: Actor) -> Member:
    query = select(Member).where(Member.id == actor.member_id)
    return (await session.scalars(query.with_for_update(key_share=True))).one()


async def _tries(session: AsyncSession, actor: Actor, now: datetime) -> int:
    query = select(func.count()).where(
        SignInTry.login == _login(actor.member_id),
        SignInTry.address == _HERE,
        SignInTry.at > now - WINDOW,
    )
    return int(await session.scalar(query) or 0)


async def _forget_tries(session: AsyncSession, member_id: int) -> None:
    await session.execute(
        delete(SignInTry).where(SignInTry.login == _login(member_id), SignInTry.address == _HERE)
    )


async def _open(session: AsyncSession, session_token: str, now: datetime) -> None:
    await session.execute(
        update(MemberSession)
        .where(MemberSession.token_hash == hash_token(session_token))
        .values(money_until=now + OPEN_FOR)
    )


def _login(member_id: int) -> str:
    return f"pin:{member_id}"
