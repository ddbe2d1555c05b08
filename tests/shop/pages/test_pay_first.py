"""What a buyer reads for whom nothing is kept any more: before the form, and before the money."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from catalog.db import Database, Sessions
from catalog.models import Product
from shop.checkout import get_order
from shop.holds import lapse_holds
from shop.models import HoldState, Order
from shop.web.visit import BROWSER_COOKIE
from tests.making import BUYER, make_product
from tests.shop.pages.buyer import another_buyer, change, holds, phone, words
from tests.shop.sales import expire, figures, hold, order, pay, want
from tests.web import Browser

BROWSER = "a-browser-that-lapses"
NOTHING_KEPT = "作品没有给您留，谁先付款就是谁的。付款时要是已经被别人买走，钱马上全部退给您。"


def now() -> datetime:
    return datetime.now(UTC)


async def lapse_thrice(database: Database, product: Product) -> None:
    for n in range(3):
        at = now() - timedelta(hours=3 - n)
        await hold(database.writing, want(product), browser=BROWSER, now=at)
        await lapse_holds(database, at + timedelta(minutes=15))


async def press(web: Browser, product: Product) -> str:
    """The address of the checkout that the red button leads to."""
    web.client.cookies.set(BROWSER_COOKIE, BROWSER)
    await web.get(f"/products/{product.slug}")
    answer = await web.submit("/holds", {"product": product.id, "quantity": "1"})
    assert answer.status_code == 303
    return str(answer.headers["location"])


async def last_order(sessions: Sessions) -> Order:
    async with sessions() as session:
        token = await session.scalar(select(Order.token).order_by(Order.id.desc()).limit(1))
        return await get_order(session, token or "")


async def test_the_checkout_and_the_order_say_that_nothing_is_kept(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    await lapse_thrice(database, product)
    async with phone(database_url, tmp_path) as web:
        checkout = await press(web, product)
        assert await press(web, product) == checkout
        page = (await web.get(checkout)).text
        said = words(page)
        assert "这次先付款 您今天有几次留了没付款，所以这次不给您留：谁先付款就是谁的。" in said
        assert "付款时要是已经被别人买走，钱马上全部退给您。" in said
        assert "给您留着了" not in said
        assert "data-countdown" not in page
        assert f'href="/products/{product.slug}"' in page
        placed = await web.submit(checkout, BUYER)
        again = await web.submit(checkout, BUYER)
        waits = await last_order(sessions)
        assert placed.headers["location"] == again.headers["location"] == f"/o/{waits.token}"
        unpaid = words((await web.get(f"/o/{waits.token}")).text)
        assert "还没付款" in unpaid
        assert NOTHING_KEPT in unpaid
        assert "给您留着" not in unpaid
        another_buyer(web)
        product_page = words((await web.get(f"/products/{product.slug}")).text)
        assert "要这件，留 12 分钟" in product_page
        assert "正在付款" not in product_page
        other = await order(sessions, want(product), now=now())
        await pay(sessions, other, now())
        await pay(sessions, waits, now())
        gone = words((await web.get(f"/o/{waits.token}")).text)
    assert "付款时已经被别人买走了 您付的钱全部退给您。" in gone
    assert await figures(sessions, product) == [(1, 1)]


async def test_money_in_time_is_an_order_like_any_other(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    await lapse_thrice(database, product)
    async with phone(database_url, tmp_path) as web:
        checkout = await press(web, product)
        await web.get(checkout)
        await web.submit(checkout, BUYER)
        await pay(sessions, await last_order(sessions), now())
        paid = words((await web.get(checkout)).text)
    assert "已经付款" in paid
    assert NOTHING_KEPT not in paid


async def test_who_is_known_by_the_phone_alone_is_told_before_the_money_goes(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=1)
    for _ in range(3):
        await expire(sessions, await order(sessions, want(product), now=now()))
    async with phone(database_url, tmp_path) as web:
        checkout = await press(web, product)
        assert "给您留着了" in words((await web.get(checkout)).text)
        placed = await web.submit(checkout, BUYER)
        there = await web.get(placed.headers["location"])
        assert NOTHING_KEPT in words(there.text)
        await expire(sessions, await last_order(sessions))
        over = words((await web.get(placed.headers["location"])).text)
    assert "没有付款，已经过期 没有收您的钱。" in over
    assert (await holds(sessions))[-1].state == HoldState.PAY_FIRST
    assert await figures(sessions, product) == [(1, 0)]


async def test_a_form_left_too_long_promised_nothing(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    await lapse_thrice(database, product)
    async with phone(database_url, tmp_path) as web:
        checkout = await press(web, product)
        await change(sessions, (await holds(sessions))[-1], expires_at=now())
        late = await web.get(checkout)
    assert late.status_code == 409
    assert "这一页放得太久了 没有收您的钱。" in words(late.text)
