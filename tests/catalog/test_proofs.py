"""Proofs: what is claimed of a product may be said once two people have looked at it."""

from typing import Any

import pytest
from sqlalchemy import select

from catalog import proofs
from catalog.access import Actor
from catalog.claims import proven_by_family, proven_of
from catalog.consents import add_fact
from catalog.db import Sessions
from catalog.errors import Invalid, NotFound, NotTakenBack, SecondPersonNeeded
from catalog.models import AuditEntry, Claim, Product, Role, Station
from catalog.products import change_product, get_product
from catalog.workshops import change_workshop
from media.storage import Storage
from tests.making import NOON, act, make_member, make_product, make_station
from tests.pictures import CARVING

SEEN = {"phrase": "老料", "proof": "拆旧房梁的照片三张"}


async def two_of(sessions: Sessions, product: Product) -> tuple[Actor, Actor]:
    async with sessions() as session:
        station = await session.get_one(Station, product.station_id)
    roles = (Role.ASSISTANT, Role.MANAGER)
    one, two = [act(await make_member(sessions, station, role)) for role in roles]
    return one, two


async def add(sessions: Sessions, actor: Actor, product: Product, **typed: Any) -> Claim:
    storage = Storage.open("memory:///")
    async with sessions.begin() as session:
        return await proofs.add_proof(
            session, storage, actor, product.id, {**SEEN, **typed}, None, NOON
        )


async def name(sessions: Sessions, actor: Actor, product: Product, **values: Any) -> Product:
    async with sessions.begin() as session:
        return await change_product(session, actor, product.id, values, NOON)


async def proven(sessions: Sessions, product: Product) -> set[str]:
    async with sessions() as session:
        return (await proven_of(session, [product.id]))[product.id]


async def test_a_phrase_may_be_written_when_a_second_person_has_looked(sessions: Sessions) -> None:
    product = await make_product(sessions)
    one, two = await two_of(sessions, product)
    for values in ({"name": "老料福字"}, {"meaning": "老料"}, {"wood": "榆木老料"}):
        with pytest.raises(Invalid) as refused:
            await name(sessions, one, product, **values)
        assert list(refused.value.errors) == list(values)
    claim = await add(sessions, one, product)
    assert await proven(sessions, product) == set()
    with pytest.raises(Invalid):
        await name(sessions, one, product, wood="榆木老料")
    with pytest.raises(SecondPersonNeeded):
        async with sessions.begin() as session:
            await proofs.confirm_proof(session, one, product.id, claim.id, NOON)
    assert await proven(sessions, product) == set()
    for _ in range(2):
        async with sessions.begin() as session:
            await proofs.confirm_proof(session, two, product.id, claim.id, NOON)
    assert await proven(sessions, product) == {"老料"}
    assert (await name(sessions, one, product, wood="榆木老料")).wood == "榆木老料"
    async with sessions() as session:
        (proof,) = await proofs.proofs_of(session, product.id)
        actions = await session.scalars(
            select(AuditEntry.action).where(AuditEntry.subject == "claims").order_by(AuditEntry.id)
        )
        assert list(actions) == ["claim.add", "claim.confirm"]
    assert (proof.maker, proof.confirmer) == ("assistant", "manager")


async def test_a_proof_is_not_taken_back_under_the_words_that_need_it(sessions: Sessions) -> None:
    product = await make_product(sessions)
    one, two = await two_of(sessions, product)
    claim = await add(sessions, one, product)
    async with sessions.begin() as session:
        await proofs.confirm_proof(session, two, product.id, claim.id, NOON)
    await name(sessions, one, product, name="老料福字")
    with pytest.raises(NotTakenBack):
        async with sessions.begin() as session:
            await proofs.remove_proof(session, one, product.id, claim.id, NOON)
    assert await proven(sessions, product) == {"老料"}
    await name(sessions, one, product, name="福字")
    async with sessions.begin() as session:
        await proofs.remove_proof(session, one, product.id, claim.id, NOON)
    assert await proven(sessions, product) == set()
    with pytest.raises(Invalid):
        await name(sessions, one, product, name="老料福字")


async def test_words_from_before_stand_and_are_pointed_out(sessions: Sessions) -> None:
    product = await make_product(sessions)
    one, _ = await two_of(sessions, product)
    async with sessions.begin() as session:
        (await session.get_one(Product, product.id)).meaning = "百年老料，收藏级"
    # A price can be changed beside them.
    assert (await name(sessions, one, product, price_fen=30000)).price_fen == 30000
    async with sessions() as session:
        old = await get_product(session, product.id)
        assert await proofs.unproven_words(session, old) == ["收藏级", "百年", "老料"]


async def test_a_familys_words_are_proven_by_any_of_its_products(sessions: Sessions) -> None:
    product = await make_product(sessions)
    one, two = await two_of(sessions, product)
    text = {"text": "爷爷是县里的非遗传承人。"}
    for _ in range(2):
        with pytest.raises(Invalid) as refused:
            async with sessions.begin() as session:
                await add_fact(session, two, product.workshop_id, text, NOON)
        assert list(refused.value.errors) == ["text"]
        for phrase in ("非遗", "传承人"):
            claim = await add(sessions, one, product, phrase=phrase)
        # One of the two is not enough.
        async with sessions.begin() as session:
            await proofs.confirm_proof(session, two, product.id, claim.id, NOON)
    async with sessions.begin() as session:
        waiting = await session.scalars(
            select(Claim.id).where(Claim.confirmed_at.is_(None), Claim.phrase == "非遗")
        )
        await proofs.confirm_proof(session, two, product.id, next(iter(waiting)), NOON)
    async with sessions.begin() as session:
        assert await proven_by_family(session, product.workshop_id) == {"非遗", "传承人"}
        await add_fact(session, two, product.workshop_id, text, NOON)
        changes = {"craft": "百年木雕", "makers": "王大师"}
        with pytest.raises(Invalid) as refused:
            await change_workshop(session, two, product.workshop_id, changes, NOON)
        assert list(refused.value.errors) == ["craft", "makers"]


@pytest.mark.parametrize(
    ("typed", "picture", "fields"),
    [
        ({"phrase": "收藏级"}, None, ["phrase"]),
        ({"phrase": "", "proof": "有"}, None, ["phrase", "proof"]),
        ({}, b"no picture", ["picture"]),
    ],
)
async def test_what_proves_nothing_is_refused(
    sessions: Sessions, typed: dict[str, str], picture: bytes | None, fields: list[str]
) -> None:
    product = await make_product(sessions)
    one, _ = await two_of(sessions, product)
    storage, given = Storage.open("memory:///"), {**SEEN, **typed}
    with pytest.raises(Invalid) as refused:
        async with sessions.begin() as session:
            await proofs.add_proof(session, storage, one, product.id, given, picture, NOON)
    assert list(refused.value.errors) == fields
    async with sessions() as session:
        assert await proofs.proofs_of(session, product.id) == []


async def test_a_picture_comes_back_to_the_station_alone(sessions: Sessions) -> None:
    product = await make_product(sessions)
    one, _ = await two_of(sessions, product)
    storage = Storage.open("memory:///")
    async with sessions.begin() as session:
        claim = await proofs.add_proof(session, storage, one, product.id, SEEN, CARVING, NOON)
    async with sessions() as session:
        found = await proofs.picture_of(session, storage, one, product.id, claim.id)
        assert found == (CARVING, "image/jpeg")
    stranger = act(await make_member(sessions, await make_station(sessions, "other"), Role.MANAGER))
    for step in (proofs.confirm_proof, proofs.remove_proof):
        with pytest.raises(NotFound):
            async with sessions.begin() as session:
                await step(session, stranger, product.id, claim.id, NOON)
    with pytest.raises(NotFound):
        async with sessions() as session:
            await proofs.picture_of(session, storage, stranger, product.id, claim.id)
