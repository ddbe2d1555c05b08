"""What may be on sale, in a station where a second person looks and in one where nobody does."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import NotOnboarded
from catalog.models import (
    CheckKind,
    Member,
    Product,
    ProductReview,
    ProductState,
    ReviewState,
    Role,
    Station,
    Workshop,
)
from catalog.offering import offer
from catalog.photos import add_photo
from catalog.products import add_product, change_product, product_for
from catalog.reviews import pass_product, stamp
from media.storage import Storage
from tests.making import NOON, act, make_member, make_station, make_workshop
from tests.onboarding import make_checks, make_strict

CARVING = (Path(__file__).parents[1] / "media" / "carving.jpg").read_bytes()
FACTS = {
    "name": "福字圆挂", "kind": "batch", "price_fen": 26800, "stock": 3, "wood": "核桃木",
    "size": "30 cm", "weight_g": 900,
}  # fmt: skip


class Town:
    """A strict station with one family whose checks are complete, its manager and host."""

    def __init__(self, sessions: Sessions, station: Station, family: Workshop) -> None:
        self.sessions, self.station, self.family = sessions, station, family

    async def member(self, role: Role) -> Member:
        family = self.family if role == Role.ARTISAN else None
        return await make_member(self.sessions, self.station, role, family)

    async def add(self, actor: Actor, **values: Any) -> Product:
        async with self.sessions.begin() as session:
            facts = {**FACTS, "workshop_id": self.family.id, **values}
            return await add_product(session, actor, facts, NOON)

    async def change(self, actor: Actor, product: Product, **values: Any) -> ProductState:
        async with self.sessions.begin() as session:
            return (await change_product(session, actor, product.id, values, NOON)).state

    async def passed(self, product: Product) -> None:
        """Somebody else looks, and lets it be sold."""
        looker = act(await self.member(Role.HOST))
        (one,) = [r for r in await self.reviews() if r.state == ReviewState.ASKED]
        async with self.sessions.begin() as session:
            now_is = stamp(await product_for(session, looker, product.id))
            points = ["wood", "claims", "price", "photo", "size"]
            await pass_product(session, looker, one.id, points, now_is, NOON)

    async def state(self, product: Product) -> ProductState:
        async with self.sessions() as session:
            return (await session.get_one(Product, product.id)).state

    async def reviews(self) -> list[ProductReview]:
        async with self.sessions() as session:
            return list(await session.scalars(select(ProductReview).order_by(ProductReview.id)))


@pytest.fixture
async def town(sessions: Sessions) -> Town:
    station = await make_station(sessions)
    family = await make_workshop(sessions, station)
    await make_strict(sessions, station)
    await make_checks(sessions, family, await make_member(sessions, station, Role.MANAGER))
    return Town(sessions, station, family)


async def test_where_nobody_looks_a_product_is_what_it_is_asked_to_be(sessions: Sessions) -> None:
    station = await make_station(sessions)
    town = Town(sessions, station, await make_workshop(sessions, station))
    manager = act(await town.member(Role.MANAGER))
    product = await town.add(manager)
    assert product.state == ProductState.ON_SALE
    assert await town.change(manager, product, name="禄字圆挂") == ProductState.ON_SALE
    assert await town.change(manager, product, state="review") == ProductState.ON_SALE
    assert await town.change(manager, product, state="off") == ProductState.OFF
    assert await town.reviews() == []


async def test_what_is_put_up_waits_for_somebody_else(town: Town) -> None:
    artisan = act(await town.member(Role.ARTISAN))
    product = await town.add(artisan)
    assert product.state == ProductState.REVIEW
    assert [(r.state, r.asked_by) for r in await town.reviews()] == [("asked", artisan.member_id)]
    for asked in ("on_sale", "review"):
        assert await town.change(artisan, product, state=asked) == ProductState.REVIEW
    assert len(await town.reviews()) == 1
    draft = await town.add(artisan, state="draft", name="草稿")
    assert draft.state == ProductState.DRAFT
    assert len(await town.reviews()) == 1


@pytest.mark.parametrize(
    "values",
    [{"name": "禄"}, {"name_en": "x"}, {"meaning": "m"}, {"wood": "榆木"}, {"price_fen": 26801}],
    ids=lambda values: next(iter(values)),
)
async def test_what_a_buyer_trusts_is_looked_at_anew(town: Town, values: dict[str, Any]) -> None:
    manager = act(await town.member(Role.MANAGER))
    product = await town.add(act(await town.member(Role.ARTISAN)))
    await town.passed(product)
    assert await town.state(product) == ProductState.ON_SALE
    assert await town.change(manager, product, **values) == ProductState.REVIEW
    states = [(r.state, r.asked_by == manager.member_id) for r in await town.reviews()]
    assert states == [("passed", False), ("asked", True)]


async def test_what_needs_nobody_leaves_it_on_sale(town: Town) -> None:
    manager = act(await town.member(Role.MANAGER))
    product = await town.add(manager)
    await town.passed(product)
    for values in (
        {"price_fen": 20000}, {"size": "31 cm"}, {"weight_g": 950}, {"work_days": 3},
        {"floor_fen": 100}, {"state": "off"}, {"state": "on_sale"},
    ):  # fmt: skip
        state = await town.change(manager, product, **values)
        off = values.get("state") == "off"
        assert state == (ProductState.OFF if off else ProductState.ON_SALE), values
    assert len(await town.reviews()) == 1


async def test_what_was_changed_while_it_was_off_is_looked_at_when_it_is_put_up(
    town: Town,
) -> None:
    manager = act(await town.member(Role.MANAGER))
    product = await town.add(manager)
    await town.passed(product)
    assert await town.change(manager, product, state="off") == ProductState.OFF
    assert await town.change(manager, product, wood="枣木") == ProductState.OFF
    assert await town.change(manager, product, state="on_sale") == ProductState.REVIEW
    assert [r.state for r in await town.reviews()] == ["passed", "asked"]


async def test_a_new_photo_is_looked_at(town: Town, tmp_path: Path) -> None:
    manager = act(await town.member(Role.MANAGER))
    product = await town.add(manager)
    await town.passed(product)
    storage = Storage.open((tmp_path / "files").as_uri())
    async with town.sessions.begin() as session:
        found = await product_for(session, manager, product.id)
        await add_photo(session, storage, manager, found, CARVING, NOON)
    assert await town.state(product) == ProductState.REVIEW


async def test_a_family_with_checks_missing_puts_nothing_up(sessions: Sessions) -> None:
    station = await make_station(sessions)
    town = Town(sessions, station, await make_workshop(sessions, station))
    manager = await town.member(Role.MANAGER)
    before = await town.add(act(manager))
    await make_strict(sessions, station)
    await make_checks(sessions, town.family, manager, [CheckKind.IDENTITY, CheckKind.CONSENT])
    with pytest.raises(NotOnboarded) as refusal:
        await town.add(act(manager), name="新的")
    assert "登记：执照或免登记（还没有）" in refusal.value.text
    async with sessions() as session:
        assert list(await session.scalars(select(Product.id))) == [before.id]
    # What is on sale stays so, and may be changed in what needs nobody.
    assert await town.change(act(manager), before, price_fen=100) == ProductState.ON_SALE
    assert await town.change(act(manager), before, state="off") == ProductState.OFF
    with pytest.raises(NotOnboarded):
        await town.change(act(manager), before, state="on_sale")
    assert await town.state(before) == ProductState.OFF
    await make_checks(sessions, town.family, manager, [CheckKind.REGISTRATION, CheckKind.BANK_NAME])
    assert await town.change(act(manager), before, state="on_sale") == ProductState.REVIEW


async def test_what_an_artisan_sends_is_kept_until_the_family_may_sell(
    sessions: Sessions, tmp_path: Path
) -> None:
    station = await make_station(sessions)
    town = Town(sessions, station, await make_workshop(sessions, station))
    await make_strict(sessions, station)
    artisan = act(await town.member(Role.ARTISAN))
    storage = Storage.open((tmp_path / "files").as_uri())
    typed = {"name": "月圆挂", "price": "188", "kind": "one_of_a_kind"}
    async with sessions.begin() as session:
        product_id = await offer(session, storage, artisan, "f" * 24, typed, CARVING, NOON)
    async with sessions() as session:
        product = await session.get_one(Product, product_id)
        assert (product.name, product.state) == ("月圆挂", ProductState.DRAFT)
