"""Products: made, changed, found page by page."""

from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from catalog import stock
from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid, NotFound, StockPromised
from catalog.models import (
    AuditEntry,
    Kind,
    Product,
    ProductState,
    Role,
    Stock,
    StockMovement,
    Workshop,
)
from catalog.products import Wanted, add_product, change_product, find_products, product_for
from catalog.stock import list_movements
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop

FACTS = {"name": "松鹤牌", "name_en": "Crane", "kind": "batch", "price_fen": 32800, "stock": 2}


async def count(sessions: Sessions, table: type[Any]) -> int:
    async with sessions() as session:
        return int(await session.scalar(select(func.count()).select_from(table)) or 0)


async def family(sessions: Sessions) -> tuple[Workshop, Actor]:
    """A workshop, and a manager of its station."""
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    return workshop, act(await make_member(sessions, station, Role.MANAGER))


async def test_a_new_product_has_its_stock_its_address_and_its_entry(sessions: Sessions) -> None:
    workshop, manager = await family(sessions)
    async with sessions.begin() as session:
        product = await add_product(
            session, manager, {**FACTS, "workshop_id": str(workshop.id), "wood": "梨木"}, NOON
        )
        assert product.slug == f"crane-{product.id}"
        assert (product.stock.on_hand, product.stock.held) == (2, 0)
        moved = await list_movements(session, product.id)
        entry = (await session.scalars(select(AuditEntry))).one()
    assert [(m.change, m.reason, m.who) for m in moved] == [(2, "新上架", "manager")]
    assert (entry.action, entry.subject, entry.subject_id) == (
        "product.add",
        "products",
        product.id,
    )
    assert (entry.member_id, entry.on_behalf_of) == (manager.member_id, workshop.id)
    assert entry.after is not None
    assert entry.after["price_fen"] == 32800


@pytest.mark.parametrize("typed", [None, "", "一", "-1", "9" * 40])
async def test_a_product_needs_a_workshop(sessions: Sessions, typed: object) -> None:
    _, manager = await family(sessions)
    with pytest.raises(Invalid) as refusal:
        async with sessions.begin() as session:
            await add_product(session, manager, {**FACTS, "workshop_id": typed}, NOON)
    assert list(refusal.value.errors) == ["workshop_id"]
    assert await count(sessions, Product) == 0


async def test_every_fault_is_told_and_nothing_kept(sessions: Sessions) -> None:
    workshop, manager = await family(sessions)
    values = {"workshop_id": workshop.id, "name": "长" * 61, "kind": "gift", "price_fen": -1}
    with pytest.raises(Invalid) as refusal:
        async with sessions.begin() as session:
            await add_product(session, manager, {**values, "stock": 10**9}, NOON)
    assert refusal.value.errors == {
        "name": "名称最多 60 个字，现在有 61 个。",
        "kind": "请选择做法。",
        "price_fen": "价格要大于 0。",
        "stock": "库存要在 0 到 9999 之间。",
    }
    assert [await count(sessions, table) for table in (Product, Stock, StockMovement)] == [0, 0, 0]


async def test_another_stations_workshop_is_not_there(sessions: Sessions) -> None:
    _, manager = await family(sessions)
    other = await make_workshop(sessions, await make_station(sessions, "other"))
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await add_product(session, manager, {**FACTS, "workshop_id": other.id}, NOON)
    assert await count(sessions, Product) == 0


async def test_an_artisans_product_is_of_their_own_workshop(sessions: Sessions) -> None:
    station = await make_station(sessions)
    own, other = [await make_workshop(sessions, station, name) for name in ("王家", "李家")]
    artisan = act(await make_member(sessions, station, Role.ARTISAN, own))
    async with sessions.begin() as session:
        made = await add_product(session, artisan, {**FACTS, "workshop_id": other.id}, NOON)
    assert made.workshop_id == own.id
    theirs = await make_product(sessions, other)
    with pytest.raises(NotFound):
        async with sessions() as session:
            await product_for(session, artisan, theirs.id)


async def test_a_change_keeps_what_was_not_given(sessions: Sessions) -> None:
    workshop, manager = await family(sessions)
    product = await make_product(sessions, workshop, wood="核桃木")
    async with sessions.begin() as session:
        await change_product(session, manager, product.id, {"price_fen": 30000}, NOON)
    async with sessions() as session:
        changed = await session.get_one(Product, product.id)
        entry = (
            await session.scalars(select(AuditEntry).where(AuditEntry.action == "product.change"))
        ).one()
    assert (changed.price_fen, changed.name, changed.wood) == (30000, "福字圆挂", "核桃木")
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["price_fen"], entry.after["price_fen"]) == (26800, 30000)


async def test_the_kind_stays_and_the_floor_stays_below_the_price(sessions: Sessions) -> None:
    workshop, manager = await family(sessions)
    product = await make_product(sessions, workshop)
    values = {"kind": "made_to_order", "floor_fen": 26801}
    with pytest.raises(Invalid) as refusal:
        async with sessions.begin() as session:
            await change_product(session, manager, product.id, values, NOON)
    assert refusal.value.errors == {
        "kind": "作品的做法定了以后不能改，请另加一件作品。",
        "floor_fen": "底价不能高于价格。",
    }
    async with sessions() as session:
        kept = await session.get_one(Product, product.id)
    assert (kept.kind, kept.floor_fen) == (Kind.BATCH, 0)


async def test_there_is_one_piece_of_a_one_of_a_kind(sessions: Sessions) -> None:
    workshop, manager = await family(sessions)
    values = {**FACTS, "kind": "one_of_a_kind", "workshop_id": workshop.id}
    with pytest.raises(Invalid) as refusal:
        async with sessions.begin() as session:
            await add_product(session, manager, values, NOON)
    assert refusal.value.errors == {"stock": "库存要在 0 到 1 之间。"}
    product = await make_product(sessions, workshop, kind=Kind.ONE_OF_A_KIND, on_hand=1)
    with pytest.raises(Invalid) as refusal:
        async with sessions.begin() as session:
            await stock.change(session, manager, product, 1, "又做一件", NOON)
    assert refusal.value.errors == {"change": "孤品只有一件，库存不能超过 1。"}
    with pytest.raises(IntegrityError):
        async with sessions.begin() as session:
            await session.execute(
                update(Stock).where(Stock.product_id == product.id).values(on_hand=2)
            )
    async with sessions() as session:
        assert (await session.get_one(Stock, product.id)).on_hand == 1


async def test_what_was_promised_can_not_be_counted_away(sessions: Sessions) -> None:
    workshop, manager = await family(sessions)
    product = await make_product(sessions, workshop, on_hand=3)
    async with sessions.begin() as session:
        await stock.hold(session, product.id, 2)
    with pytest.raises(StockPromised):
        async with sessions.begin() as session:
            await stock.change(session, manager, product, "-2", "碰坏了", NOON)
    async with sessions.begin() as session:
        left = await stock.change(session, manager, product, "-1", "碰坏了", NOON)
        assert (left.on_hand, left.held, left.free) == (2, 2, 0)
    async with sessions() as session:
        moved = await list_movements(session, product.id)
    assert [(m.change, m.reason) for m in moved] == [(-1, "碰坏了"), (3, "新上架")]


@pytest.mark.parametrize(
    ("change", "reason", "errors"),
    [
        ("", "", {"change": "件数要填整数。", "reason": "请填写原因。"}),
        ("0", "x", {"change": "请填写增加或减少的件数。"}),
        ("10000", "x", {"change": "件数要在 -9999 到 9999 之间。"}),
        ("9999", "x", {"change": "现有 3 件，改完要在 0 到 9999 之间。"}),
        ("-4", "x", {"change": "现有 3 件，改完要在 0 到 9999 之间。"}),
    ],
)
async def test_a_count_that_makes_no_sense_changes_nothing(
    sessions: Sessions, change: str, reason: str, errors: dict[str, str]
) -> None:
    workshop, manager = await family(sessions)
    product = await make_product(sessions, workshop, on_hand=3)
    with pytest.raises(Invalid) as refusal:
        async with sessions.begin() as session:
            await stock.change(session, manager, product, change, reason, NOON)
    assert refusal.value.errors == errors
    async with sessions() as session:
        assert (await session.get_one(Stock, product.id)).on_hand == 3
    assert await count(sessions, StockMovement) == 1


async def make_many(sessions: Sessions) -> tuple[Workshop, Workshop]:
    """Sixty products of two families: names by turns, every third carved to order, some hidden."""
    station = await make_station(sessions)
    families = [await make_workshop(sessions, station, name) for name in ("王家木作", "李家木雕")]
    manager = act(await make_member(sessions, station, Role.MANAGER))
    async with sessions.begin() as session:
        for n in range(60):
            values = {
                "name": ("福字圆挂", "松鹤 100% 牌", "莲花盘")[n % 3] + str(n),
                "name_en": "Crane" if n % 3 == 1 else "",
                "kind": Kind.MADE_TO_ORDER if n % 3 == 0 else Kind.BATCH,
                "price_fen": 10000 + n,
                "stock": 0 if n % 3 == 0 else n % 2,
                "state": ("on_sale", "on_sale", "draft", "off")[n % 4],
                "workshop_id": families[n % 2].id,
            }
            await add_product(session, manager, values, NOON)
    return families[0], families[1]


async def test_products_are_found_by_what_is_asked_for(sessions: Sessions) -> None:
    wang, li = await make_many(sessions)
    everything = {"station_id": wang.station_id, "most": 100, "states": tuple(ProductState)}

    async def found(**wanted: Any) -> set[int]:
        async with sessions() as session:
            rows, after = await find_products(session, Wanted(**{**everything, **wanted}))
        assert after is None
        return {row.price_fen - 10000 for row in rows}

    every = set(range(60))
    assert await found() == every
    assert await found(states=(ProductState.ON_SALE,)) == {n for n in every if n % 4 < 2}
    assert await found(workshop_id=li.id) == {n for n in every if n % 2}
    assert await found(kind=Kind.MADE_TO_ORDER) == {n for n in every if n % 3 == 0}
    assert await found(in_stock=True) == {n for n in every if n % 3 == 0 or n % 2}
    assert await found(words="松鹤") == {n for n in every if n % 3 == 1}
    assert await found(words="CRANE 李家") == {n for n in every if n % 3 == 1 and n % 2}
    assert await found(words="100%") == {n for n in every if n % 3 == 1}
    assert await found(words="1_0%") == set()
    assert await found(words="\x00 \ud800") == every
    assert await found(station_id=wang.station_id + 1) == set()


async def test_a_closed_workshops_products_are_for_the_desk_alone(sessions: Sessions) -> None:
    wang, _ = await make_many(sessions)
    async with sessions.begin() as session:
        await session.execute(update(Workshop).where(Workshop.id == wang.id).values(active=False))
    wanted = Wanted(station_id=wang.station_id, workshop_id=wang.id)
    async with sessions() as session:
        assert (await find_products(session, wanted))[0] == []
        desk = Wanted(station_id=wang.station_id, workshop_id=wang.id, closed_workshops=True)
        assert len((await find_products(session, desk))[0]) == 15


async def test_pages_follow_each_other_without_gap_or_overlap(sessions: Sessions) -> None:
    wang, _ = await make_many(sessions)
    ids: list[int] = []
    sizes, before = [], None
    while True:
        wanted = Wanted(
            station_id=wang.station_id, states=tuple(ProductState), before=before, most=24
        )
        async with sessions() as session:
            rows, before = await find_products(session, wanted)
        sizes.append(len(rows))
        ids += [row.id for row in rows]
        if before is None:
            break
    assert sizes == [24, 24, 12]
    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) == 60
