"""A paid order tells the host of its show what was sold; nothing else tells."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from catalog.db import Sessions
from catalog.models import Product
from live.models import Announcement, Link, Show
from shop.judged import Told
from shop.models import Order
from shop.settle import settle_plain
from tests.live.acting import sibling
from tests.making import BUYER, NOON, make_live_show, make_product
from tests.shop.sales import GATEWAY, expire, is_paid, link_to, order, pay, settle_as, staff, want

LATE = NOON + timedelta(hours=1)


@pytest.fixture
async def product(sessions: Sessions) -> Product:
    return await make_product(sessions, on_hand=5)


@pytest.fixture
async def show(sessions: Sessions, product: Product) -> Show:
    return await make_live_show(sessions, [product])


@pytest.fixture
async def link(sessions: Sessions, product: Product, show: Show) -> Link:
    return await link_to(sessions, product, show, by=await staff(sessions, product))


async def told(sessions: Sessions) -> list[tuple[str, str, int]]:
    async with sessions() as session:
        rows = await session.scalars(select(Announcement).order_by(Announcement.id))
        return [(row.who, row.city, row.quantity) for row in rows]


async def test_what_is_paid_for_by_a_show_s_link_is_told_once(
    sessions: Sessions, product: Product, show: Show, link: Link
) -> None:
    other = await sibling(sessions, product)
    placed = await order(sessions, want(product, 2, link=link.code), want(other))
    assert await told(sessions) == []
    for _ in range(2):
        await pay(sessions, placed)
    assert await told(sessions) == [("王*", "兰州", 2)]
    async with sessions() as session:
        row = (await session.scalars(select(Announcement))).one()
    assert (row.show_id, row.line_up_item_id, row.read_at) == (show.id, show.items[0].id, None)


async def test_a_sale_of_no_show_and_money_that_goes_back_are_not_told(
    sessions: Sessions, product: Product, link: Link
) -> None:
    await pay(sessions, await order(sessions, want(product)))
    late = await order(sessions, want(product, 4, link=link.code))
    await expire(sessions, late)
    await order(sessions, want(product))
    await settle_as(sessions, late.payments[0], is_paid(late.payments[0]), LATE)
    assert await told(sessions) == []


async def test_a_batch_tells_of_each_of_its_orders(
    sessions: Sessions, product: Product, link: Link
) -> None:
    placed: list[Order] = []
    for name, phone in (("欧阳修文", "13900139001"), ("John", "13900139002")):
        buyer = BUYER | {"name": name, "phone": phone, "city": "杭州市"}
        placed.append(await order(sessions, want(product, link=link.code), buyer=buyer))
    payments = [one.payments[0] for one in placed]
    async with sessions.begin() as session:
        asked = [Told(payment.id, is_paid(payment), NOON, GATEWAY) for payment in payments]
        assert len(await settle_plain(session, asked)) == 2
    assert await told(sessions) == [("欧阳*", "杭州", 1), ("J*", "杭州", 1)]
