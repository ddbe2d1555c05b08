"""Cards that sign an artisan in: issued, bound to one phone, revoked."""

import asyncio
import math
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from catalog.access import Actor
from catalog.db import Database, Sessions
from catalog.errors import Invalid, NotAllowed, NotFound, Refusal
from catalog.models import AuditEntry, Member, Role, Workshop
from media.codes import ALPHABET
from shop.cards import (
    TOKEN_LENGTH,
    LetIn,
    card_to_print,
    card_url,
    cards_of,
    issue_card,
    look_at_card,
    revoke_card,
    sign_in_by_card,
)
from shop.models import ArtisanCard, MemberSession, SignInTry, Trouble
from shop.signin import (
    ARTISAN_SESSION,
    MOST_PER_ADDRESS,
    WINDOW,
    actor_of_session,
    hash_token,
)
from tests.making import NOON, act, make_member, make_station, make_workshop
from tests.shop.pages.family import Family, make_family

HERE, THERE = "192.0.2.1", "192.0.2.2"


async def desk_of(sessions: Sessions, family: Family, role: Role = Role.ORDER_DESK) -> Actor:
    return act(await make_member(sessions, family.station, role))


async def issue(sessions: Sessions, actor: Actor, family: Family) -> str:
    async with sessions.begin() as session:
        return await issue_card(session, actor, family.workshop.id, family.artisan.id, NOON)


async def card_now(sessions: Sessions, token: str) -> ArtisanCard:
    async with sessions() as session:
        query = select(ArtisanCard).where(ArtisanCard.token_hash == hash_token(token))
        return (await session.scalars(query)).one()


async def count(sessions: Sessions, model: type) -> int:
    async with sessions() as session:
        return int(await session.scalar(select(func.count()).select_from(model)) or 0)


async def told(sessions: Sessions) -> list[tuple[str, int | None]]:
    """Actions of the audit trail, and for whom."""
    async with sessions() as session:
        rows = await session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [(row.action, row.on_behalf_of) for row in rows]


async def refusal(
    database: Database, token: str, phone: str | None = None, *, address: str = HERE
) -> str:
    """The name of what a scan and press is refused with."""
    with pytest.raises(Refusal) as refused:
        await sign_in_by_card(database, token, phone, address, NOON)
    return type(refused.value).__name__


async def scan(database: Database, token: str, phone: str | None = None) -> LetIn:
    return await sign_in_by_card(database, token, phone, HERE, NOON)


async def whose(database: Database, session_token: str) -> int | None:
    async with database.reading() as session:
        actor = await actor_of_session(session, session_token, NOON)
    return actor.member_id if actor else None


def test_a_token_is_at_least_128_bits_and_fits_the_small_alphabet_of_codes() -> None:
    assert math.log2(len(ALPHABET)) * TOKEN_LENGTH > 128
    assert card_url("https://shop.example/", "7K3FD") == "HTTPS://SHOP.EXAMPLE/K/7K3FD"


async def test_a_card_is_kept_without_its_token(sessions: Sessions) -> None:
    family = await make_family(sessions)
    desk = await desk_of(sessions, family)
    token = await issue(sessions, desk, family)
    assert len(token) == TOKEN_LENGTH
    assert set(token) <= set(ALPHABET)
    card = await card_now(sessions, token)
    assert (card.member_id, card.issued_by, card.issued_at) == (
        family.artisan.id, desk.member_id, NOON,
    )  # fmt: skip
    assert (card.phone_hash, card.bound_at, card.used_at, card.revoked_at) == ("", None, None, None)
    assert await told(sessions) == [("card.issue", family.workshop.id)]


async def test_looking_at_a_card_changes_nothing(database: Database) -> None:
    family = await make_family(database.writing)
    token = await issue(database.writing, await desk_of(database.writing, family), family)
    for typed in (token, token.lower(), f" {token[:9]}-{token[9:]} "):
        card = await look_at_card(database, typed, HERE, NOON)
        assert card.member.name == "artisan"
        assert card.member.workshop is not None
    card = await card_now(database.writing, token)
    assert (card.phone_hash, card.used_at) == ("", None)
    assert await count(database.writing, MemberSession) == 0
    assert await count(database.writing, SignInTry) == 0


async def test_the_first_phone_is_bound_and_comes_in_again(database: Database) -> None:
    sessions = database.writing
    family = await make_family(sessions)
    token = await issue(sessions, await desk_of(sessions, family), family)
    first = await scan(database, token)
    card = await card_now(sessions, token)
    assert (card.phone_hash, card.bound_at) == (hash_token(first.phone), NOON)
    again = await scan(database, token, first.phone)
    assert again.phone == first.phone
    assert again.session_token != first.session_token
    for let_in in (first, again):
        assert await whose(database, let_in.session_token) == family.artisan.id
    async with sessions() as session:
        rows = list(await session.scalars(select(MemberSession)))
    assert [(row.card_id, row.expires_at, row.money_until) for row in rows] == [
        (card.id, NOON + ARTISAN_SESSION, None)
    ] * 2
    assert await told(sessions) == [("card.issue", family.workshop.id), ("card.bind", None)]
    assert await count(sessions, SignInTry) == 0


async def test_a_second_phone_changes_nothing_and_the_desk_is_told_once(
    database: Database,
) -> None:
    sessions = database.writing
    family = await make_family(sessions)
    token = await issue(sessions, await desk_of(sessions, family), family)
    mine = await scan(database, token)
    before = await card_now(sessions, token)
    for other in (None, "another-phone-of-somebody"):
        assert await refusal(database, token, other) == "CardOfAnotherPhone"
    after = await card_now(sessions, token)
    assert (after.phone_hash, after.used_at) == (before.phone_hash, before.used_at)
    assert await count(sessions, MemberSession) == 1
    async with sessions() as session:
        (trouble,) = await session.scalars(select(Trouble))
    assert (trouble.kind, trouble.subject, trouble.text) == (
        "other_phone",
        f"workshop:{family.workshop.id}",
        "王家木作的artisan的卡，被另一部手机扫了，没有让它进去。",
    )
    assert await count(sessions, SignInTry) == 2
    await scan(database, token, mine.phone)


async def test_one_phone_carries_the_cards_of_a_family(database: Database) -> None:
    sessions = database.writing
    family = await make_family(sessions)
    desk = await desk_of(sessions, family)
    wife = await make_member(sessions, family.station, Role.ARTISAN, family.workshop)
    hers = Family(family.station, family.workshop, wife)
    phone = (await scan(database, await issue(sessions, desk, family))).phone
    second = await scan(database, await issue(sessions, desk, hers), phone)
    assert second.phone == phone
    assert await whose(database, second.session_token) == wife.id


async def test_a_new_card_ends_the_one_before_and_its_sessions_only(database: Database) -> None:
    sessions = database.writing
    family = await make_family(sessions)
    desk = await desk_of(sessions, family)
    old = await issue(sessions, desk, family)
    let_in = await scan(database, old)
    other = await make_family(sessions, family.station, "李家木雕")
    others = await scan(database, await issue(sessions, desk, other))
    new = await issue(sessions, desk, family)
    assert await whose(database, let_in.session_token) is None
    assert await whose(database, others.session_token) == other.artisan.id
    assert await refusal(database, old, let_in.phone) == "CardRevoked"
    card = await card_now(sessions, old)
    assert (card.revoked_at, card.revoked_by) == (NOON, desk.member_id)
    await scan(database, new, "the-new-phone-of-the-family")
    assert [action for action, _ in await told(sessions)] == [
        "card.issue", "card.bind", "card.issue", "card.bind",
        "card.revoke", "card.issue", "card.bind",
    ]  # fmt: skip


async def test_a_revoked_card_opens_nothing_and_revoking_may_be_repeated(
    database: Database,
) -> None:
    sessions = database.writing
    family = await make_family(sessions)
    desk = await desk_of(sessions, family, Role.MANAGER)
    token = await issue(sessions, desk, family)
    let_in = await scan(database, token)
    for _ in range(2):
        async with sessions.begin() as session:
            await revoke_card(session, desk, family.workshop.id, family.artisan.id, NOON)
    assert await whose(database, let_in.session_token) is None
    assert await refusal(database, token, let_in.phone) == "CardRevoked"
    async with sessions() as session:
        assert await cards_of(session, desk, family.workshop.id) == [
            (await session.get_one(Member, family.artisan.id), None)
        ]
    assert [action for action, _ in await told(sessions)] == [
        "card.issue", "card.bind", "card.revoke",
    ]  # fmt: skip


@pytest.mark.parametrize("stopped", [Member, Workshop])
async def test_the_card_of_a_stopped_artisan_or_workshop_lets_nobody_in(
    database: Database, stopped: type[Member] | type[Workshop]
) -> None:
    sessions = database.writing
    family = await make_family(sessions)
    token = await issue(sessions, await desk_of(sessions, family), family)
    async with sessions.begin() as session:
        if stopped is Member:
            (await session.get_one(Member, family.artisan.id)).active = False
        else:
            (await session.get_one(Workshop, family.workshop.id)).active = False
    with pytest.raises(Refusal) as refused:
        await look_at_card(database, token, HERE, NOON)
    assert type(refused.value).__name__ == "CardStopped"
    assert await refusal(database, token) == "CardStopped"
    assert (await card_now(sessions, token)).phone_hash == ""
    assert await count(sessions, MemberSession) == 0


async def test_unknown_tokens_count_against_the_address(database: Database) -> None:
    sessions = database.writing
    family = await make_family(sessions)
    token = await issue(sessions, await desk_of(sessions, family), family)
    for n in range(MOST_PER_ADDRESS):
        guess = token[:-2] + ALPHABET[n % 30] + "22"[: n % 2]
        if n % 2:
            assert await refusal(database, guess) == "CardUnknown"
        else:
            with pytest.raises(Refusal):
                await look_at_card(database, "", HERE, NOON)
    assert await refusal(database, token) == "TooManyTries"
    assert (await card_now(sessions, token)).phone_hash == ""
    await sign_in_by_card(database, token, None, THERE, NOON)
    async with sessions.begin() as session:
        await revoke_card(session, await desk_of(sessions, family), family.workshop.id, family.artisan.id, NOON)  # fmt: skip
    later = await issue(sessions, await desk_of(sessions, family), family)
    await sign_in_by_card(database, later, None, HERE, NOON + WINDOW)


async def test_cards_are_the_business_of_the_stations_own_desk(sessions: Sessions) -> None:
    family = await make_family(sessions)
    elsewhere = await make_family(sessions, await make_station(sessions, "other"))
    desk = await desk_of(sessions, family)
    token = await issue(sessions, desk, family)
    staff = await make_member(sessions, family.station, Role.HOST)
    neighbour = await make_workshop(sessions, family.station, "李家木雕")
    own = (family.workshop.id, family.artisan.id)
    for actor, about, error in (
        (act(staff), own, NotAllowed),
        (await desk_of(sessions, elsewhere), own, NotFound),
        (desk, (neighbour.id, family.artisan.id), NotFound),
        (desk, (family.workshop.id, staff.id), NotFound),
        (desk, (elsewhere.workshop.id, elsewhere.artisan.id), NotFound),
    ):
        for change in (issue_card, revoke_card):
            with pytest.raises(error):
                async with sessions.begin() as session:
                    await change(session, actor, *about, NOON)
        with pytest.raises(error):
            async with sessions() as session:
                await card_to_print(session, actor, *about, token)
    async with sessions() as session:
        assert await cards_of(session, await desk_of(sessions, elsewhere), own[0]) == []
        assert (await card_to_print(session, desk, *own, token)).id == family.artisan.id
        with pytest.raises(NotFound):
            await card_to_print(session, desk, *own, token[:-1])
    assert await count(sessions, ArtisanCard) == 1


async def test_who_was_stopped_gets_no_card(sessions: Sessions) -> None:
    family = await make_family(sessions)
    async with sessions.begin() as session:
        (await session.get_one(Member, family.artisan.id)).active = False
    with pytest.raises(Invalid):
        await issue(sessions, await desk_of(sessions, family), family)
    assert await count(sessions, ArtisanCard) == 0


async def test_two_who_issue_at_once_leave_one_card_in_use(database: Database) -> None:
    family = await make_family(database.writing)
    desk = await desk_of(database.writing, family)
    tokens = await asyncio.gather(*(issue(database.writing, desk, family) for _ in range(4)))
    cards = [await card_now(database.writing, token) for token in tokens]
    assert [card.revoked_at is None for card in cards].count(True) == 1


async def test_a_session_ends_after_thirty_days(database: Database) -> None:
    family = await make_family(database.writing)
    token = await issue(database.writing, await desk_of(database.writing, family), family)
    let_in = await scan(database, token)
    for at, signed_in in ((timedelta(days=30, seconds=-1), True), (timedelta(days=30), False)):
        async with database.reading() as session:
            actor = await actor_of_session(session, let_in.session_token, NOON + at)
        assert (actor is not None) == signed_in
