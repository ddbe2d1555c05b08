"""Another way to pay for the same order."""

from pathlib import Path

import httpx
import pytest

from catalog.db import Database
from shop.errors import PaymentUnavailable, WrongOrderState
from shop.models import PaymentState
from shop.payments.stripe_gateway import StripeGateway
from shop.switching import pay_by
from shop.wallets import Browser, Family, Way, wanted, ways
from tests.making import NOON, make_product
from tests.shop.cashing import DEAD, SOON, cash_shop, open_till
from tests.shop.payments.conftest import API_KEY, SECRET
from tests.shop.sales import (
    GATEWAY,
    figures,
    is_expired,
    is_paid,
    look,
    order,
    refunds,
    settle_as,
    want,
)


def way(key: str) -> Way:
    found = wanted(ways(Browser(Family.OTHER, phone=False), (GATEWAY,)), key)
    assert found is not None
    return found


async def test_the_page_of_the_gateway_offers_the_chosen_way_alone(
    database: Database, tmp_path: Path
) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    placed = await order(sessions, want(product))
    async with open_till(tmp_path) as gateway, httpx.AsyncClient(trust_env=False) as browser:
        shop = cash_shop(database, gateway)
        alipay = await pay_by(shop, placed.token, way("alipay"), SOON)
        assert alipay == await pay_by(shop, placed.token, way("alipay"), SOON)
        wechat = await pay_by(shop, placed.token, way("wechat_pay"), SOON)
        assert wechat != alipay
        assert alipay == await pay_by(shop, placed.token, way("alipay"), SOON)
        pages = [(await browser.get(url)).text for url in (alipay, wechat)]
    done = await look(sessions, placed)
    # The first names no way: it came with the order, and its page would show them all.
    assert [payment.methods for payment in done.payments] == [[], ["alipay"], ["wechat_pay"]]
    assert [payment.state for payment in done.payments] == [PaymentState.OPEN] * 3
    assert 'value="alipay"' in pages[0]
    assert 'value="wechat_pay"' in pages[1]
    assert 'value="alipay"' not in pages[1]
    assert await figures(sessions, product) == [(3, 1)]


async def test_paid_in_both_ways_one_goes_back(database: Database, tmp_path: Path) -> None:
    sessions = database.writing
    placed = await order(sessions, want(await make_product(sessions)))
    async with open_till(tmp_path) as gateway:
        shop = cash_shop(database, gateway)
        await pay_by(shop, placed.token, way("alipay"), SOON)
        await pay_by(shop, placed.token, way("card"), SOON)
    _, first, second = (await look(sessions, placed)).payments
    await settle_as(sessions, second, is_paid(second))
    await settle_as(sessions, first, is_paid(first))
    assert [row.kept for row in (await look(sessions, placed)).payments] == [False, False, True]
    assert [refund.payment_id for refund in await refunds(sessions)] == [first.id]


async def test_the_end_of_one_way_leaves_the_other(database: Database, tmp_path: Path) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    placed = await order(sessions, want(product))
    async with open_till(tmp_path) as gateway:
        shop = cash_shop(database, gateway)
        before = await pay_by(shop, placed.token, way("alipay"), SOON)
        payments = (await look(sessions, placed)).payments
        assert (await settle_as(sessions, payments[0], is_expired(payments[0]))).state == "unpaid"
        await pay_by(shop, placed.token, way("card"), SOON)
        await settle_as(sessions, payments[1], is_expired(payments[1]))
        again = await pay_by(shop, placed.token, way("alipay"), SOON)
    assert again != before
    assert len((await look(sessions, placed)).payments) == 4
    assert await figures(sessions, product) == [(3, 1)]


async def test_a_gateway_that_is_away_leaves_the_order_as_it_can_be_paid(
    database: Database,
) -> None:
    sessions = database.writing
    placed = await order(sessions, want(await make_product(sessions)))
    # Port 9 is never listened on.
    gateway = StripeGateway(API_KEY, SECRET, base_url="http://127.0.0.1:9", name=GATEWAY)
    shop = cash_shop(database, gateway)
    for _ in range(2):
        with pytest.raises(PaymentUnavailable):
            await pay_by(shop, placed.token, way("card"), SOON)
    await gateway.aclose()
    done = await look(sessions, placed)
    assert [payment.methods for payment in done.payments] == [[], ["card"]]


async def test_what_is_not_to_be_paid_gets_no_payment(database: Database) -> None:
    sessions, shop = database.writing, cash_shop(database)
    placed = await order(sessions, want(await make_product(sessions)))
    with pytest.raises(WrongOrderState):
        await pay_by(shop, placed.token, way("card"), DEAD)
    await settle_as(sessions, placed.payments[0], is_paid(placed.payments[0]))
    with pytest.raises(WrongOrderState):
        await pay_by(shop, placed.token, way("card"), NOON)
    assert len((await look(sessions, placed)).payments) == 1
