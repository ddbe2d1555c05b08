"""Two phones that scan one card in the same moment."""

import asyncio
import secrets

from sqlalchemy import select

from catalog.db import Database
from catalog.errors import Refusal
from shop.cards import look_at_card, sign_in_by_card
from shop.context import Shop
from shop.models import ArtisanCard, MemberSession
from shop.signin import hash_token, new_session
from tests.making import NOON
from tests.shop.pages.family import make_family
from tests.shop.test_cards import HERE, card_now, desk_of, issue

ROUNDS = 6


async def press(shop: Shop, token: str) -> str | None:
    """The phone's token, or None where it was refused."""
    try:
        return (await sign_in_by_card(shop.database, token, None, HERE, NOON)).phone
    except Refusal:
        return None


async def test_of_two_phones_one_is_bound_and_the_other_refused(shops: list[Shop]) -> None:
    sessions = shops[0].database.writing
    family = await make_family(sessions)
    desk = await desk_of(sessions, family)
    for n in range(ROUNDS):
        token = await issue(sessions, desk, family)
        phones = await asyncio.gather(press(shops[n % 2], token), press(shops[1 - n % 2], token))
        (bound,) = [phone for phone in phones if phone]
        assert (await card_now(sessions, token)).phone_hash == hash_token(bound)
    async with sessions() as session:
        begun = list(await session.scalars(select(MemberSession)))
    # The sessions of the cards before ended with them.
    assert len(begun) == 1


async def press_naively(database: Database, token: str, looked: asyncio.Barrier) -> bool:
    """Is it bound? Then it is mine now."""
    card = await look_at_card(database, token, HERE, NOON)
    await looked.wait()
    if card.phone_hash:
        return False
    async with database.writing.begin() as session:
        mine = await session.get_one(ArtisanCard, card.id)
        mine.phone_hash = hash_token(secrets.token_urlsafe(24))
        await new_session(session, card.member, NOON, card.id)
    return True


async def test_the_naive_way_lets_both_in(shops: list[Shop]) -> None:
    sessions = shops[0].database.writing
    family = await make_family(sessions)
    token = await issue(sessions, await desk_of(sessions, family), family)
    looked = asyncio.Barrier(2)
    assert await asyncio.gather(
        *(press_naively(shop.database, token, looked) for shop in shops)
    ) == [True, True]
    async with sessions() as session:
        assert len(list(await session.scalars(select(MemberSession)))) == 2
