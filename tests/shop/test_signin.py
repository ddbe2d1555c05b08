"""Signing in: who may, how often one may try, and when it ends."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from catalog.access import Actor
from catalog.db import Database, Sessions
from catalog.errors import Invalid
from catalog.models import Member, Role, Station
from shop.errors import SignInRefused, TooManyTries
from shop.models import ApiToken, MemberSession, SignInTry
from shop.signin import (
    ARTISAN_SESSION,
    MOST_PER_ADDRESS,
    MOST_PER_LOGIN,
    STAFF_SESSION,
    TRIES_KEPT,
    WINDOW,
    actor_of_session,
    actor_of_token,
    forget_old_sessions,
    hash_token,
    new_api_token,
    new_session,
    sign_in,
    sign_out,
)
from tests.making import NOON, PASSWORD, make_member, make_station, make_workshop

HERE, THERE = "192.0.2.1", "192.0.2.2"


async def manager(sessions: Sessions) -> Member:
    return await make_member(sessions, await make_station(sessions), Role.MANAGER)


async def attempt(
    database: Database,
    login: str,
    password: str = PASSWORD,
    *,
    address: str = HERE,
    now: datetime = NOON,
) -> str:
    """The token, or the name of the refusal."""
    try:
        token, _ = await sign_in(database, login, password, address, now)
    except (SignInRefused, TooManyTries) as refusal:
        return type(refusal).__name__
    return token


async def fail(
    database: Database, login: str, times: int, *, address: str = HERE, now: datetime = NOON
) -> None:
    """Tries that are past, without the cost of hashing each."""
    async with database.writing.begin() as session:
        session.add_all(SignInTry(login=login, address=address, at=now) for _ in range(times))


async def count(sessions: Sessions, table: type[SignInTry] | type[MemberSession]) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def actor(database: Database, token: str, now: datetime = NOON) -> Actor | None:
    async with database.reading() as session:
        return await actor_of_session(session, token, now)


async def set_active(sessions: Sessions, member: Member, active: bool) -> None:
    async with sessions.begin() as session:
        (await session.get_one(Member, member.id)).active = active


async def test_login_and_password_open_a_session(database: Database) -> None:
    member = await manager(database.writing)
    token, who = await sign_in(database, f" {member.login.upper()} ", PASSWORD, HERE, NOON)
    assert who.id == member.id
    found = await actor(database, token)
    assert found is not None
    assert (found.member_id, found.role, found.channel) == (member.id, Role.MANAGER, "web")
    assert found.station_name == "zhongxing社工站"
    async with database.reading() as session:
        assert list(await session.scalars(select(MemberSession.token_hash))) == [hash_token(token)]
    assert await actor(database, hash_token(token)) is None
    assert await actor(database, "") is None


async def test_whatever_is_wrong_the_answer_is_the_same(database: Database) -> None:
    member = await manager(database.writing)
    assert await attempt(database, member.login, "wrong horse 9") == "SignInRefused"
    assert await attempt(database, member.login, PASSWORD + "x") == "SignInRefused"
    assert await attempt(database, "nobody") == "SignInRefused"
    assert await attempt(database, "' OR 1=1 --") == "SignInRefused"
    await set_active(database.writing, member, False)
    assert await attempt(database, member.login) == "SignInRefused"
    assert await count(database.writing, SignInTry) == 5
    assert await count(database.writing, MemberSession) == 0


async def test_empty_and_overlong_fields_are_named_and_not_counted(database: Database) -> None:
    for login, password, fields in (
        ("", "", {"login", "password"}),
        (None, None, {"login", "password"}),
        ("manager", "", {"password"}),
        ("m" * 61, PASSWORD, {"login"}),
        ("İ" * 60, PASSWORD, {"login"}),
    ):
        with pytest.raises(Invalid) as refused:
            await sign_in(database, login, password, HERE, NOON)
        assert set(refused.value.errors) == fields
    assert await count(database.writing, SignInTry) == 0


async def test_a_login_is_locked_after_its_failures_wherever_they_came_from(
    database: Database,
) -> None:
    member = await manager(database.writing)
    await fail(database, member.login, MOST_PER_LOGIN - 1, address=THERE)
    assert await attempt(database, member.login, "wrong horse 9") == "SignInRefused"
    assert await attempt(database, member.login) == "TooManyTries"
    just_before = NOON + WINDOW - timedelta(microseconds=1)
    assert await attempt(database, member.login, now=just_before) == "TooManyTries"
    assert await actor(database, await attempt(database, member.login, now=NOON + WINDOW))
    assert await count(database.writing, SignInTry) == 0


async def test_an_address_is_locked_after_its_failures_whatever_the_logins(
    database: Database,
) -> None:
    member = await manager(database.writing)
    for n in range(MOST_PER_ADDRESS // 5):
        await fail(database, f"login{n}", 5)
    assert await attempt(database, member.login) == "TooManyTries"
    assert await actor(database, await attempt(database, member.login, address=THERE))


async def test_failures_before_a_success_count_no_more(database: Database) -> None:
    member = await manager(database.writing)
    await fail(database, member.login, MOST_PER_LOGIN - 1)
    await fail(database, "other", 1)
    assert await actor(database, await attempt(database, member.login))
    assert await count(database.writing, SignInTry) == 1


async def test_many_tries_at_once_are_all_counted(database: Database) -> None:
    member = await manager(database.writing)
    outcomes = await asyncio.gather(
        *(attempt(database, member.login, "wrong horse 9", address=f"a{n}") for n in range(12))
    )
    assert sorted(outcomes) == ["SignInRefused"] * MOST_PER_LOGIN + ["TooManyTries"] * (
        12 - MOST_PER_LOGIN
    )


async def test_a_session_ends_by_itself_sooner_for_staff_than_for_families(
    database: Database,
) -> None:
    sessions = database.writing
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    staff = await make_member(sessions, station, Role.ORDER_DESK)
    family = await make_member(sessions, station, Role.ARTISAN, workshop)
    for member, lasts in ((staff, STAFF_SESSION), (family, ARTISAN_SESSION)):
        async with sessions.begin() as session:
            token = await new_session(session, member, NOON)
        assert await actor(database, token, NOON + lasts - timedelta(microseconds=1))
        assert await actor(database, token, NOON + lasts) is None
    found = await actor(database, token)
    assert found is not None
    assert (found.workshop_id, found.workshop_name) == (workshop.id, "王家木作")


async def test_signing_out_ends_one_session_and_may_be_repeated(database: Database) -> None:
    member = await manager(database.writing)
    async with database.writing.begin() as session:
        tokens = [await new_session(session, member, NOON) for _ in range(2)]
    for _ in range(2):
        async with database.writing.begin() as session:
            await sign_out(session, tokens[0])
    assert await actor(database, tokens[0]) is None
    assert await actor(database, tokens[1]) is not None


async def test_a_member_who_is_not_active_has_neither_session_nor_token(
    database: Database,
) -> None:
    member = await manager(database.writing)
    async with database.writing.begin() as session:
        cookie = await new_session(session, member, NOON)
        bearer = await new_api_token(session, member, "till", NOON)
    for active in (True, False, True):
        await set_active(database.writing, member, active)
        async with database.reading() as session:
            assert bool(await actor_of_session(session, cookie, NOON)) == active
            assert bool(await actor_of_token(session, bearer)) == active


async def test_a_token_acts_until_it_is_revoked(database: Database) -> None:
    member = await manager(database.writing)
    async with database.writing.begin() as session:
        token = await new_api_token(session, member, "till", NOON)
        other = await new_api_token(session, member, "report", NOON)
    assert token.startswith("xb_")
    async with database.reading() as session:
        found = await actor_of_token(session, token)
        assert found is not None
        assert (found.member_id, found.channel) == (member.id, "api")
        for unknown in ("", "xb_", token[:-1], hash_token(token)):
            assert await actor_of_token(session, unknown) is None
    async with database.writing.begin() as session:
        row = await session.scalar(select(ApiToken).where(ApiToken.name == "till"))
        assert row is not None
        row.revoked_at = NOON
    async with database.reading() as session:
        assert await actor_of_token(session, token) is None
        assert await actor_of_token(session, other) is not None


async def test_what_is_over_is_forgotten(database: Database) -> None:
    sessions = database.writing
    member = await manager(sessions)
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Station)) == 1
    async with sessions.begin() as session:
        await new_session(session, member, NOON - STAFF_SESSION)
        token = await new_session(session, member, NOON)
    await fail(database, "a", 3, now=NOON - TRIES_KEPT)
    await fail(database, "b", 2)
    async with sessions.begin() as session:
        await forget_old_sessions(session, NOON)
    assert await count(sessions, MemberSession) == 1
    assert await count(sessions, SignInTry) == 2
    assert await actor(database, token) is not None
