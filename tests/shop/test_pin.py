"""The PIN before a family's money."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from catalog.access import Actor
from catalog.db import Database
from catalog.errors import Invalid, NotAllowed, NotFound, Refusal
from catalog.models import AuditEntry, Member, Role
from shop.models import SignInTry
from shop.pin import (
    MOST_TRIES,
    OPEN_FOR,
    WINDOW,
    enter_pin,
    has_pin,
    money_is_open,
    read_new_pin,
    reset_pin,
    set_pin,
)
from shop.signin import new_session, sign_in
from tests.making import NOON, PASSWORD, act, make_member, make_station
from tests.shop.pages.family import Family, make_family
from tests.shop.test_cards import HERE, desk_of, issue, scan

PIN = "2580"


async def by_card(database: Database) -> tuple[Family, Actor, str]:
    """A family, its artisan, and a session that a card began."""
    family = await make_family(database.writing)
    token = await issue(database.writing, await desk_of(database.writing, family), family)
    return family, act(family.artisan), (await scan(database, token)).session_token


async def is_open(database: Database, browser: str, at: datetime = NOON) -> bool:
    async with database.reading() as session:
        return await money_is_open(session, browser, at)


async def attempt(
    database: Database, actor: Actor, browser: str, pin: object, at: datetime = NOON
) -> str:
    """The words of what is wrong, or ""."""
    try:
        await enter_pin(database, actor, browser, pin, at)
    except Invalid as refused:
        return refused.errors["pin"]
    except Refusal as refused:
        return type(refused).__name__
    return ""


async def tries(database: Database) -> int:
    async with database.reading() as session:
        return int(await session.scalar(select(func.count(SignInTry.id))) or 0)


@pytest.mark.parametrize("typed", ["2580", "025801", " ２５８０ ", "1357"])
def test_a_pin_is_four_to_six_digits(typed: str) -> None:
    assert read_new_pin(typed) in ("2580", "025801", "1357")


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        *(
            (typed, "密码是 4 到 6 个数字。")
            for typed in ("258", "2580258", "25a0", "", None, "٢٥٨٠")
        ),
        *((typed, "这个太好猜了，换一个。") for typed in ("0000", "1234", "567890", "6543")),
    ],
)
def test_what_is_none_or_what_anybody_tries_first_is_refused(typed: object, wrong: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_new_pin(typed)
    assert refused.value.errors == {"pin": wrong}


async def test_money_is_closed_by_card_and_open_by_password(database: Database) -> None:
    family, _, browser = await by_card(database)
    assert not await is_open(database, browser)
    typed, _ = await sign_in(database, family.artisan.login, PASSWORD, HERE, NOON)
    assert await is_open(database, typed)
    async with database.writing.begin() as session:
        assert await money_is_open(session, await new_session(session, family.artisan, NOON), NOON)


async def test_the_first_time_it_is_set_and_opens_money_for_ten_minutes(
    database: Database,
) -> None:
    _, artisan, browser = await by_card(database)
    with pytest.raises(Invalid) as refused:
        await set_pin(database, artisan, browser, PIN, "2581", NOON)
    assert refused.value.errors == {"pin": "两次不一样，请从头再来。"}
    async with database.reading() as session:
        assert not await has_pin(session, artisan)
    await set_pin(database, artisan, browser, PIN, PIN, NOON)
    async with database.reading() as session:
        kept = (await session.get_one(Member, artisan.member_id)).pin_hash
        last = (await session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()))).first()
    assert kept.startswith("$argon2id$")
    assert last is not None
    assert (last.action, last.before, last.after) == ("member.pin_set", None, None)
    assert await is_open(database, browser, NOON + OPEN_FOR - timedelta(microseconds=1))
    assert not await is_open(database, browser, NOON + OPEN_FOR)
    with pytest.raises(Invalid):
        await set_pin(database, artisan, browser, "1379", "1379", NOON)
    async with database.reading() as session:
        assert (await session.get_one(Member, artisan.member_id)).pin_hash == kept


async def test_set_twice_at_once_the_first_stands(database: Database) -> None:
    _, artisan, browser = await by_card(database)
    outcomes = await asyncio.gather(
        *(set_pin(database, artisan, browser, pin, pin, NOON) for pin in (PIN, "1379")),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Invalid", "NoneType"]


async def test_the_right_one_opens_this_session_only(database: Database) -> None:
    _, artisan, browser = await by_card(database)
    await set_pin(database, artisan, browser, PIN, PIN, NOON)
    later = NOON + timedelta(hours=1)
    assert await attempt(database, artisan, browser, "1379", later) == "不对，还能试 4 次。"
    assert not await is_open(database, browser, later)
    assert await attempt(database, artisan, browser, "２５８０", later) == ""
    assert await is_open(database, browser, later)
    assert await tries(database) == 0


async def test_after_five_wrong_ones_not_even_the_right_one(database: Database) -> None:
    _, artisan, browser = await by_card(database)
    await set_pin(database, artisan, browser, PIN, PIN, NOON - timedelta(hours=1))
    said = [await attempt(database, artisan, browser, "1379") for _ in range(MOST_TRIES)]
    assert said[:4] == [f"不对，还能试 {n} 次。" for n in (4, 3, 2, 1)]
    assert said[4].startswith("输错 5 次了。")
    assert await attempt(database, artisan, browser, PIN) == "PinLocked"
    assert await attempt(database, artisan, browser, "12") == "密码是 4 到 6 个数字。"
    assert not await is_open(database, browser)
    assert await tries(database) == MOST_TRIES
    assert await attempt(database, artisan, browser, PIN, NOON + WINDOW) == ""
    assert await is_open(database, browser, NOON + WINDOW)


async def test_many_tries_at_once_are_all_counted(database: Database) -> None:
    _, artisan, browser = await by_card(database)
    await set_pin(database, artisan, browser, PIN, PIN, NOON - timedelta(hours=1))
    said = await asyncio.gather(
        *(attempt(database, artisan, browser, "1379") for _ in range(MOST_TRIES + 4))
    )
    assert said.count("PinLocked") == 4


async def test_tries_at_a_login_are_not_tries_at_a_pin(database: Database) -> None:
    _, artisan, browser = await by_card(database)
    await set_pin(database, artisan, browser, PIN, PIN, NOON)
    for _ in range(MOST_TRIES):
        with pytest.raises(Refusal):
            await sign_in(database, f"pin:{artisan.member_id}", "wrong", HERE, NOON)
    assert await attempt(database, artisan, browser, PIN) == ""


async def test_the_desk_resets_it_and_money_closes(database: Database) -> None:
    sessions = database.writing
    family, artisan, browser = await by_card(database)
    await set_pin(database, artisan, browser, PIN, PIN, NOON)
    for _ in range(MOST_TRIES):
        await attempt(database, artisan, browser, "1379")
    desk = await desk_of(sessions, family)
    elsewhere = act(await make_member(sessions, await make_station(sessions, "b"), Role.MANAGER))
    host = act(await make_member(sessions, family.station, Role.HOST))
    for actor, error in ((elsewhere, NotFound), (host, NotAllowed)):
        with pytest.raises(error):
            async with sessions.begin() as session:
                await reset_pin(session, actor, family.workshop.id, family.artisan.id, NOON)
    async with sessions.begin() as session:
        assert await has_pin(session, artisan)
        await reset_pin(session, desk, family.workshop.id, family.artisan.id, NOON)
        assert not await has_pin(session, artisan)
    assert not await is_open(database, browser)
    assert await tries(database) == 0
    assert await attempt(database, artisan, browser, PIN) == "不对，还能试 4 次。"
    await set_pin(database, artisan, browser, "1379", "1379", NOON)
    async with database.reading() as session:
        entry = (await session.scalars(select(AuditEntry).where(AuditEntry.action == "member.pin_reset"))).one()  # fmt: skip
    assert (entry.member_id, entry.on_behalf_of) == (desk.member_id, family.workshop.id)
