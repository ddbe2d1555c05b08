"""The line as a buyer sees it: the form under a piece that others hold, the place, the turn."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from catalog.db import Database, Sessions
from catalog.models import Product, ProductState, Role
from shop import waiting
from shop.buying import let_go
from shop.holds import lapse_holds
from shop.models import HoldState, Waiter, WaiterState
from tests.desk import open_desk
from tests.live.acting import sibling
from tests.making import BUYER, make_live_show, make_product, make_workshop
from tests.shop.pages.buyer import NASTY, another_buyer, change, holds, phone, value_of, words
from tests.shop.sales import figures, hold, link_to, order, pay, shop_of, staff, want
from tests.web import Browser

PHONE = BUYER["phone"]


def now() -> datetime:
    return datetime.now(UTC)


async def waiters(sessions: Sessions) -> list[Waiter]:
    async with sessions() as session:
        return list(await session.scalars(select(Waiter).order_by(Waiter.id)))


async def held(sessions: Sessions, **values: Any) -> tuple[Product, str]:
    """A product whose only piece somebody holds since now, and the token of that hold."""
    product = await make_product(sessions, on_hand=1, **values)
    return product, (await hold(sessions, want(product), browser="holder", now=now())).token


async def line_up(web: Browser, opened: Product, **values: str) -> Any:
    """Open a product and send the form of its line, with other values where given."""
    await web.get(f"/products/{opened.slug}")
    return await web.submit("/line", {"product": opened.id, "phone": PHONE, **values})


async def give_back(web: Browser, token: str) -> None:
    """The holder changes their mind; the browser is another's then."""
    await web.get(f"/checkout/{token}")
    assert (await web.submit(f"/checkout/{token}/release")).status_code == 303


async def test_who_leaves_a_number_has_a_place_and_finds_it_again(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product, _ = await held(sessions)
    async with phone(database_url, tmp_path) as web:
        page = words((await web.get(f"/products/{product.slug}")).text)
        assert "前面没有人在等。轮到您，给您留 15 分钟。" in page
        first = await line_up(web, product)
        (waiter,) = await waiters(sessions)
        assert (first.status_code, first.headers["location"]) == (303, f"/line/{waiter.token}")
        place = await web.get(f"/line/{waiter.token}")
        assert "下一位就是您" in words(place.text)
        assert "尾号 8000 的手机" in words(place.text)
        assert PHONE not in place.text
        assert '<meta http-equiv="refresh" content="20">' in place.text
        assert "data-countdown" in place.text
        again = (await web.get(f"/products/{product.slug}")).text
        assert "您在排队等这件。" in words(again)
        assert f'href="/line/{waiter.token}"' in again
        assert 'action="/line"' not in again
        another_buyer(web)
        assert "前面有 1 位在等。" in words((await web.get(f"/products/{product.slug}")).text)
        second = await line_up(web, product, phone="139 0013 9000")
        place = await web.get(second.headers["location"])
        assert "您排第 2 位" in words(place.text)
        assert "前面还有 1 位。" in words(place.text)
    assert [waiter.phone for waiter in await waiters(sessions)] == [PHONE, "13900139000"]


async def test_a_number_that_is_none_is_answered_in_place_and_kept(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product, _ = await held(sessions)
    async with phone(database_url, tmp_path) as web:
        for typed in ("", "12345", NASTY):
            answer = await line_up(web, product, phone=typed)
            assert answer.status_code == 422
            assert 'id="f-phone-error"' in answer.text
            assert value_of(answer.text, "phone") == typed
            assert "<script>alert" not in answer.text
    assert await waiters(sessions) == []


async def test_what_can_not_be_waited_for_is_said_on_the_products_page(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=1)
    sold = await sibling(sessions, product, on_hand=0)
    async with phone(database_url, tmp_path) as web:
        free = await line_up(web, product)
        gone = await line_up(web, product, product=str(sold.id))
        for other in ("999999", "", "abc", "9" * 30, NASTY):
            assert (await line_up(web, product, product=other)).status_code == 404
    assert (free.status_code, gone.status_code) == (409, 409)
    assert "这件现在就能买，不用排队。" in words(free.text)
    assert "这件已经卖完了" in words(gone.text)
    assert await waiters(sessions) == []


async def test_a_form_without_its_token_gives_no_place(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product, _ = await held(sessions)
    async with phone(database_url, tmp_path) as web:
        answer = await web.submit("/line", {"product": product.id, "phone": PHONE})
    assert answer.status_code == 403
    assert await waiters(sessions) == []


async def test_whose_turn_has_come_goes_on_to_the_checkout_and_the_order(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product, token = await held(sessions)
    show = await make_live_show(sessions, [product], price_fen=19900)
    link = await link_to(sessions, product, show, by=await staff(sessions, product))
    async with phone(database_url, tmp_path) as web:
        answer = await line_up(web, product, link=link.code)
        place = answer.headers["location"]
        await give_back(web, token)
        page = (await web.get(place)).text
        _, offered = await holds(sessions)
        assert "轮到您了" in words(page)
        assert "¥199 · 王家木作" in words(page)
        assert "去买，填地址付款" in words(page)
        assert f'href="/checkout/{offered.token}"' in page
        assert f'data-countdown="{offered.shown_until.isoformat()}"' in page
        assert "refresh" not in page
        product_page = (await web.get(f"/products/{product.slug}")).text
        assert f'您已经留了这件。<a href="/checkout/{offered.token}">' in product_page
        form = await web.get(f"/checkout/{offered.token}")
        assert "15 分钟到了" in words(form.text)
        placed = await web.submit(f"/checkout/{offered.token}", BUYER)
        assert placed.status_code == 303
        there = await web.client.get(place, follow_redirects=False)
    assert there.headers["location"] == placed.headers["location"]
    assert await figures(sessions, product) == [(1, 1)]


async def test_others_read_that_it_is_held_while_it_waits_for_the_first_in_line(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product, token = await held(sessions)
    async with phone(database_url, tmp_path) as web:
        await line_up(web, product)
        another_buyer(web)
        # The time of the hold has passed, and nobody has swept yet.
        for one in await holds(sessions):
            await change(sessions, one, expires_at=now() - timedelta(seconds=1))
        page = words((await web.get(f"/products/{product.slug}")).text)
        assert "要这件，留 12 分钟" not in page
        assert "排队等这件" in page
        pressed = await web.submit(
            "/holds", {"product": product.id, "quantity": "1", "seen_fen": "26800"}
        )
        assert pressed.status_code == 409
        assert "他不要了，就轮到下一位。" in words(pressed.text)
    (waiter,) = await waiters(sessions)
    assert waiter.state == WaiterState.OFFERED
    assert [one.state for one in await holds(sessions)] == [HoldState.LAPSED, HoldState.ACTIVE]
    assert token == (await holds(sessions))[0].token


async def test_a_turn_that_passed_a_place_left_and_one_too_old_say_so(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    sessions = database.writing
    product, token = await held(sessions)
    async with phone(database_url, tmp_path) as web:
        place = (await line_up(web, product)).headers["location"]
        await give_back(web, token)
        offered = (await holds(sessions))[1]
        await change(sessions, offered, shown_until=now())
        late = words((await web.get(place)).text)
        assert "15 分钟到了。这会儿还留着" in late
        await change(sessions, offered, expires_at=now())
        passed = await web.get(place)
        assert "这次错过了 轮到过您，15 分钟里没有下单，" in words(passed.text)
        assert "没有收您的钱" in words(passed.text)
        await lapse_holds(database, now())

        await hold(sessions, want(product), browser="holder", now=now())
        place = (await line_up(web, product)).headers["location"]
        await web.get(place)
        assert (await web.submit(f"{place}/leave")).status_code == 303
        left = await web.get(place)
        assert "位子让给了后面的人" in words(left.text)

        place = (await line_up(web, product)).headers["location"]
        old = (await waiters(sessions))[-1]
        await change(sessions, old, created_at=now() - timedelta(hours=24))
        assert "位子留一天" in words((await web.get(place)).text)
    for answer in (passed, left):
        assert f'href="/products/{product.slug}"' in answer.text
        assert "refresh" not in answer.text


async def test_what_was_sold_meanwhile_leads_to_what_is_like_it(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=1)
    other = await sibling(sessions, product, name="还在的", name_en="Other")
    placed = await order(sessions, want(product), now=now())
    async with phone(database_url, tmp_path) as web:
        place = (await line_up(web, product)).headers["location"]
        await pay(sessions, placed, now())
        sold = await web.get(place)
        await change(sessions, product, state=ProductState.OFF)
        off = await web.get(place)
        # Its page is gone while somebody looks at it; the place in its line is not.
        await change(sessions, product, state=ProductState.REVIEW)
        assert (await web.get(f"/products/{product.slug}")).status_code == 404
        looked_at = await web.get(place)
    assert "现在不卖了" in words(looked_at.text)
    assert f'href="/products/{product.slug}"' not in looked_at.text
    assert "已经卖掉了" in words(sold.text)
    assert "这以前要是又有了，还是先给您。" in words(sold.text)
    assert "现在不卖了" in words(off.text)
    for answer in (sold, off, looked_at):
        assert f'href="/products/{other.slug}"' in answer.text
        assert f'action="{place}/leave"' in answer.text


async def test_a_place_is_found_by_its_token_alone(database_url: str, tmp_path: Path) -> None:
    async with phone(database_url, tmp_path) as web:
        assert (await web.get("/line/nobody")).status_code == 404
        await web.get("/sign-in")
        assert (await web.submit("/line/nobody/leave")).status_code == 404


async def test_the_desk_is_told_whom_to_call_first_and_no_longer_when_it_is_over(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    sessions = database.writing
    async with open_desk(sessions, database_url, tmp_path) as desk:
        product = await make_product(
            sessions, await make_workshop(sessions, desk.station), on_hand=1
        )
        taken = await hold(sessions, want(product), browser="holder", now=now())
        async with sessions.begin() as session:
            await waiting.join_line(session, product.id, "", PHONE, "b1", now())
        await desk.enter(Role.ORDER_DESK)
        assert "没有要打的电话。" in words((await desk.web.get("/desk")).text)
        await let_go(shop_of(database), taken.token, now())
        page = (await desk.web.get("/desk")).text
        assert "等着买的人" in page
        assert PHONE not in page
        assert "“福字圆挂”轮到您了，给您留到" in words(page)
        await lapse_holds(database, now() + timedelta(minutes=18))
        assert "没有要打的电话。" in words((await desk.web.get("/desk")).text)
