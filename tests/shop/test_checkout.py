"""From a hold to an order: whose it is, what it costs, and that asking twice makes one."""

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from catalog.db import Database, Sessions
from catalog.errors import Invalid, NotFound, OutOfStock
from catalog.models import Kind, Product, Workshop
from shop import work_steps
from shop.buying import order_pieces
from shop.checkout import OrderRequest, place_order, read_buyer
from shop.errors import HoldExpired, KeyReused
from shop.holding import Wanted
from shop.holds import KEPT, Held, get_hold, release_hold
from shop.models import Hold, HoldState, Order
from shop.room import Outlook, outlook
from tests.making import BUYER, NOON, act, make_product, make_station, make_workshop
from tests.shop.sales import (
    GATEWAY,
    expire,
    figures,
    hold,
    hold_of,
    look,
    order,
    pay,
    request_for,
    shop_of,
    staff,
    two_workshops,
    want,
)

LATER = NOON + timedelta(minutes=5)
DEAD = NOON + KEPT


def request_of(made: Held, **changes: str) -> OrderRequest:
    return OrderRequest(read_buyer({**BUYER, **changes}), GATEWAY, hold=made.token)


async def place(sessions: Sessions, request: OrderRequest, now: datetime = LATER) -> Order:
    async with sessions.begin() as session:
        placed = await place_order(session, request, "", now)
    return await look(sessions, placed)


async def count(sessions: Sessions, table: type[Order] | type[Hold]) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_a_hold_becomes_an_order_with_a_share_for_each_workshop(sessions: Sessions) -> None:
    low, high = await two_workshops(sessions)
    made = await hold(sessions, want(low, 2), want(high))
    placed = await look(sessions, await place(sessions, request_of(made)))
    assert (placed.state, placed.goods_fen, placed.shipping_fen) == ("unpaid", 80400, 1600)
    assert (placed.total_fen, placed.placed_at) == (82000, LATER)
    assert placed.expires_at == LATER + timedelta(minutes=31)
    first, second = placed.work_orders
    assert first.workshop_id < second.workshop_id
    for part, product, quantity in ((first, high, 1), (second, low, 2)):
        assert (part.state, part.workshop_id) == ("waiting", product.workshop_id)
        assert (part.goods_fen, part.shipping_fen) == (quantity * 26800, 800)
        assert [(one.product_id, one.quantity, one.unit_fen) for one in part.lines] == [
            (product.id, quantity, 26800)
        ]
        assert part.promised_on is None
    (payment,) = placed.payments
    assert (payment.state, payment.amount_fen, payment.gateway) == ("open", 82000, GATEWAY)
    assert payment.expires_at == placed.expires_at
    kept = await hold_of(sessions, placed)
    assert (kept.state, kept.expires_at) == (HoldState.ORDERED, LATER + timedelta(minutes=34))
    assert await figures(sessions, low, high) == [(3, 2), (3, 1)]


async def test_things_become_an_order_in_one_step(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed = await order(sessions, want(product, 2))
    assert placed.total_fen == 2 * 26800 + 800
    assert (await hold_of(sessions, placed)).state == HoldState.ORDERED
    assert await figures(sessions, product) == [(3, 2)]
    with pytest.raises(OutOfStock):
        await order(sessions, want(product, 2))
    assert await count(sessions, Order) == 1
    assert await count(sessions, Hold) == 1


async def test_an_order_keeps_names_prices_and_buyer_as_they_were(sessions: Sessions) -> None:
    placed = await look(sessions, await order(sessions, want(await make_product(sessions))))
    assert placed.work_orders[0].lines[0].name == "福字圆挂"
    fields = ("buyer_name", "buyer_phone", "province", "city", "district", "detail")
    assert [getattr(placed, field) for field in fields] == list(BUYER.values())
    assert len(placed.token) >= 32
    assert len(placed.code) == 8


async def test_postage_is_by_parcel_and_province(sessions: Sessions) -> None:
    low, high = await two_workshops(sessions, on_hand=9)
    for province, fee in (("甘肃", 800), ("甘肃省", 800), ("新疆维吾尔自治区", 2000)):
        placed = await order(sessions, want(low), want(high), buyer={**BUYER, "province": province})
        assert (placed.shipping_fen, placed.total_fen) == (2 * fee, 2 * 26800 + 2 * fee)
        assert placed.province in ("甘肃", "新疆")


async def test_one_parcel_of_a_workshop_costs_once(sessions: Sessions) -> None:
    one = await make_product(sessions)
    other = await make_product(sessions, one.workshop, price_fen=100)
    placed = await order(sessions, want(one), want(other, 3))
    assert len(placed.work_orders) == 1
    assert placed.total_fen == 26800 + 300 + 800


async def carved(sessions: Sessions, workshop: Workshop | None = None, *, days: int = 5) -> Product:
    return await make_product(
        sessions, workshop, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=days
    )


async def test_what_is_carved_is_promised_after_what_is_in_hand(sessions: Sessions) -> None:
    first = await carved(sessions)
    second = await carved(sessions, first.workshop, days=3)
    other = await make_station(sessions, "other")
    elsewhere = await carved(sessions, await make_workshop(sessions, other))
    placed = [
        await order(sessions, want(first)),
        await order(sessions, want(first), want(second, 2)),
        await order(sessions, want(second)),
        await order(sessions, want(elsewhere)),
    ]
    day = date(2026, 11, 22)
    promised = [one.work_orders[0].promised_on for one in placed]
    assert promised == [day + timedelta(days=n) for n in (5, 16, 19, 5)]
    async with sessions() as session:
        ahead = await outlook(session, first.workshop_id, first.kind, 5, NOON)
    assert ahead == Outlook(day + timedelta(days=24))


async def test_what_is_done_or_given_up_makes_nobody_wait(sessions: Sessions) -> None:
    product = await carved(sessions)
    await expire(sessions, await order(sessions, want(product)))
    done = await pay(sessions, await order(sessions, want(product)))
    manager = act(await staff(sessions, product))
    async with sessions.begin() as session:
        await work_steps.accept(session, manager, done.work_orders[0].id, NOON)
        await work_steps.ready(session, manager, done.work_orders[0].id, NOON)
    placed = await order(sessions, want(product))
    assert placed.work_orders[0].promised_on == date(2026, 11, 27)


async def test_days_are_counted_in_beijing(sessions: Sessions) -> None:
    product = await carved(sessions, days=1)
    late = NOON.replace(hour=16)
    placed = await order(sessions, want(product), now=late)
    assert placed.work_orders[0].promised_on == date(2026, 11, 24)


async def test_an_order_asked_for_twice_is_one(sessions: Sessions) -> None:
    product = await make_product(sessions)
    made = await hold(sessions, want(product))
    first = await place(sessions, request_of(made))
    again = await place(sessions, request_of(made, name="又点了一次"), DEAD)
    assert (again.id, again.buyer_name) == (first.id, "王芳")
    assert await count(sessions, Order) == 1
    assert await figures(sessions, product) == [(3, 1)]


async def test_a_hold_that_is_over_becomes_no_order(sessions: Sessions) -> None:
    product = await make_product(sessions)
    dead, given_back = await hold(sessions, want(product)), await hold(sessions, want(product))
    async with sessions.begin() as session:
        await release_hold(session, given_back.token)
    for made, now in ((dead, DEAD), (given_back, NOON)):
        with pytest.raises(HoldExpired):
            await place(sessions, request_of(made), now)
    assert await count(sessions, Order) == 0
    async with sessions() as session:
        assert (await get_hold(session, dead.token)).state == HoldState.ACTIVE
    with pytest.raises(NotFound):
        await place(sessions, replace(request_of(dead), hold="nobody's"))


async def test_one_key_makes_one_order(sessions: Sessions) -> None:
    product = await make_product(sessions)
    request = request_for(want(product), key="key-1")
    first = await place(sessions, request)
    assert (await place(sessions, request)).id == first.id
    assert (await place(sessions, request_for(want(product), key="key-2"))).id != first.id
    assert await figures(sessions, product) == [(3, 2)]


async def test_one_key_for_two_things_is_refused(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=9)
    request = request_for(want(product), key="key-1")
    await place(sessions, request)
    for other in (
        request_for(want(product, 2), key="key-1"),
        request_for(want(product), want(product), key="key-1"),
        request_for(want(product), buyer={**BUYER, "name": "李芳"}, key="key-1"),
        replace(request, gateway="offline"),
        replace(request, items=(), hold="hold"),
    ):
        with pytest.raises(KeyReused):
            await place(sessions, other)
    assert await figures(sessions, product) == [(9, 1)]
    assert await count(sessions, Order) == 1


async def test_one_key_four_times_at_once_makes_one_order(database: Database) -> None:
    product = await make_product(database.writing, on_hand=1)
    request = request_for(want(product), key="key-1")
    shop = shop_of(database)
    placed = await asyncio.gather(*(order_pieces(shop, request, "", NOON) for _ in range(4)))
    assert len({one.id for one in placed}) == 1
    assert await count(database.writing, Order) == 1
    assert await figures(database.writing, product) == [(1, 1)]


async def test_one_key_at_once_with_pieces_to_spare_takes_one(database: Database) -> None:
    product = await make_product(database.writing, on_hand=9)
    request = request_for(want(product), key="key-1")
    shop = shop_of(database)
    placed = await asyncio.gather(*(order_pieces(shop, request, "", NOON) for _ in range(4)))
    assert len({one.id for one in placed}) == 1
    assert await figures(database.writing, product) == [(9, 1)]


async def test_one_hold_ordered_four_times_at_once_makes_one_order(database: Database) -> None:
    product = await make_product(database.writing, on_hand=9)
    request = request_of(await hold(database.writing, want(product)))
    shop = shop_of(database)
    placed = await asyncio.gather(*(order_pieces(shop, request, "", NOON) for _ in range(4)))
    assert len({one.id for one in placed}) == 1
    assert await count(database.writing, Order) == 1


async def test_an_order_of_more_than_can_be_paid_is_refused(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=99, price_fen=50_000_000)
    with pytest.raises(Invalid) as refused:
        await order(sessions, want(product, 2))
    assert list(refused.value.errors) == ["items"]
    assert await figures(sessions, product) == [(99, 0)]
    assert await count(sessions, Hold) == 0
    most = await make_product(
        sessions,
        await make_workshop(sessions, await make_station(sessions, "other")),
        price_fen=99_999_999 - 800,
    )
    assert (await order(sessions, want(most))).total_fen == 99_999_999


async def test_other_scripts_emoji_and_markup_are_kept_as_typed(sessions: Sessions) -> None:
    typed = {
        **BUYER,
        "name": "👩‍👧 مريم Ðorđe 𠮷田",
        "city": "<b>兰州</b>",
        "district": "",
        "detail": "东岗'; DROP TABLE orders; -- “1 号” & {{ 7*7 }}",
    }
    product = await make_product(sessions)
    placed = await look(sessions, await order(sessions, want(product), buyer=typed))
    assert placed.buyer_name == typed["name"]
    assert (placed.city, placed.district, placed.detail) == (
        typed["city"],
        "",
        typed["detail"],
    )


def faults(**typed: object) -> set[str]:
    """The fields refused of a buyer who is right but for these."""
    try:
        read_buyer({**BUYER, **typed})
    except Invalid as refusal:
        return set(refusal.errors)
    return set()


def test_every_missing_field_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        read_buyer({})
    assert set(refused.value.errors) == {"name", "phone", "province", "city", "detail"}
    assert faults(**dict.fromkeys(BUYER, " \u200b\t\n")) == set(refused.value.errors)


def test_fields_that_are_too_long_are_named() -> None:
    most = {"name": 40, "city": 30, "district": 30, "detail": 200}
    for field, length in most.items():
        assert faults(**{field: "木" * length}) == set()
        assert faults(**{field: "木" * (length + 1)}) == {field}
    assert faults(detail="木") == {"detail"}


@pytest.mark.parametrize(
    "phone",
    [
        "13800138000",
        "+86 138 0013 8000",
        "86-138-0013-8000",
        "１３８００１３８０００",
        " 138 0013 8000 ",
    ],
)
def test_a_mobile_number_is_kept_as_its_digits(phone: str) -> None:
    assert read_buyer({**BUYER, "phone": phone}).phone == "13800138000"


@pytest.mark.parametrize(
    "phone",
    [
        "",
        "1380013800",
        "138001380000",
        "12800138000",
        "0931-8888888",
        "+1 415 555 0100",
        "电话13800138000",
        "13800138000;",
        "1380013800٠",
        "138001380\u09e6\u09e6",
        "13800138000\n13800138001",
        None,
        13.8,
        ["13800138000"],
    ],
)
def test_what_is_no_mobile_number_is_refused(phone: object) -> None:
    assert faults(phone=phone) == {"phone"}


def test_a_province_is_one_of_the_list() -> None:
    for province in ("甘肃", "甘肃省", "北京市", "新疆维吾尔自治区", "香港特别行政区", " 甘肃 "):
        assert faults(province=province) == set()
    for province in ("", "甘", "Gansu", "甘肃省省", "省", "美国"):
        assert faults(province=province) == {"province"}


def test_a_request_tells_its_quantities_links_and_products_apart() -> None:
    one, two = Wanted(1, link="7K3FD"), Wanted(1, product=7)
    digests = {
        request_for(*items).digest
        for items in ((one,), (two,), (one, two), (two, one), (replace(one, quantity=2),))
    }
    assert len(digests) == 5
    assert request_for(replace(one, quantity="1")).digest == request_for(one).digest
