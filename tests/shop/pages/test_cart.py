"""The cart page: several families' pieces in one link, held together."""

from pathlib import Path
from typing import Any

from catalog.db import Sessions
from catalog.models import Kind, ProductState
from tests.live.acting import sibling
from tests.making import make_live_show, make_product, make_station, make_workshop
from tests.shop.pages.buyer import (
    NASTY,
    another_buyer,
    change,
    holds,
    minutes_ago,
    phone,
    value_of,
    words,
)
from tests.shop.sales import figures, hold, link_to, staff, two_workshops, want
from tests.web import Browser


async def press(web: Browser, path: str, cart: str, *items: str, **numbers: Any) -> Any:
    """Open a cart and send its form with these items and numbers."""
    await web.get(f"/cart?i={cart}")
    typed = {f"n.{key}": number for key, number in numbers.items()}
    return await web.submit(path, {"item": list(items), **typed})


async def test_an_empty_cart_and_one_that_nobody_wrote(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    await two_workshops(sessions)
    async with phone(database_url, tmp_path) as web:
        for cart in ("", "<b>*1", "p*3", "," * 5000, "p1*0"):
            answer = await web.client.get("/cart", params={"i": cart})
            assert answer.status_code == 200
            assert "篮子是空的" in words(answer.text)


async def test_the_cart_shows_what_can_be_had_family_by_family(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    one, two = await two_workshops(sessions, on_hand=5)
    single = await sibling(sessions, one, name="孤品", kind=Kind.ONE_OF_A_KIND, on_hand=1)
    show = await make_live_show(sessions, [two], price_fen=23800)
    link = await link_to(sessions, two, show, by=await staff(sessions, two))
    cart = f"{link.code}*2,p{one.id}*1,p{single.id}*1,ZZZZZ*1"
    async with phone(database_url, tmp_path) as web:
        page = (await web.get(f"/cart?i={cart}")).text
    said = words(page)
    assert "李家木雕 福字圆挂 ¥268" in said
    assert "王家木作 福字圆挂 ¥238 直播价" in said
    assert "孤品 ¥268" in said
    assert "仅此一件 1 件" in said
    assert "作品一共 ¥1,012" in said
    assert "ZZZZZ：找不到了" in said
    assert value_of(page, f"n.{link.code}") == "2"
    assert f'href="/cart?i={link.code}*2,p{one.id}*1,ZZZZZ*1"' in page
    assert f'href="/?cart={cart}"' in page
    assert f'href="/products/{two.slug}?link={link.code}"' in page


async def test_a_product_page_adds_to_the_cart_of_its_address(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    one, two = await two_workshops(sessions)
    manager = await staff(sessions, two)
    show = await make_live_show(sessions, [two])
    link = await link_to(sessions, two, show, by=manager)
    of_show = await link_to(sessions, None, show, by=manager)
    async with phone(database_url, tmp_path) as web:
        by_code = (await web.get(f"/Q/{link.code}?cart=p{one.id}*2")).text
        by_show = (await web.get(f"/products/{two.slug}?link={of_show.code}")).text
        again = (await web.get(f"/products/{one.slug}?cart=p{one.id}*2")).text
        cart = words((await web.get(f"/cart?i={of_show.code}.p{two.id}*1")).text)
    assert f'href="/cart?i=p{one.id}*2,{link.code}*1"' in by_code
    assert f'href="/cart?i={of_show.code}.p{two.id}*1"' in by_show
    assert f'href="/cart?i=p{one.id}*3"' in again
    assert "王家木作 福字圆挂" in cart


async def test_numbers_are_changed_and_zero_takes_an_item_out(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    one, two = await two_workshops(sessions)
    key, other = f"p{one.id}", f"p{two.id}"
    async with phone(database_url, tmp_path) as web:
        cart = f"{key}*1,{other}*1"
        items = (f"{key}*1*26800", f"{other}*1*26800")
        changed = await press(web, "/cart", cart, *items, **{key: "３", other: "0"})
        for number in ("-1", "1000000000", "abc", "", NASTY):
            wrong = await press(web, "/cart", cart, *items, **{key: number})
            assert wrong.status_code == 422
            assert "件数" in words(wrong.text)
            assert value_of(wrong.text, f"n.{key}") == number
            assert "<script>alert" not in wrong.text
    assert (changed.status_code, changed.headers["location"]) == (303, f"/cart?i={key}*3")


async def test_everything_in_the_cart_is_held_together(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    one, two = await two_workshops(sessions)
    show = await make_live_show(sessions, [two], allotment=1, price_fen=23800)
    link = await link_to(sessions, two, show, by=await staff(sessions, two))
    items = (f"p{one.id}*1*26800", f"{link.code}*1*23800")
    async with phone(database_url, tmp_path) as web:
        cart = f"p{one.id}*1,{link.code}*1"
        answer = await press(web, "/holds", cart, *items, **{f"p{one.id}": "2"})
        page = words((await web.get(answer.headers["location"])).text)
    (held,) = await holds(sessions)
    assert answer.headers["location"] == f"/checkout/{held.token}"
    assert "¥774 加寄费" in page
    assert await figures(sessions, one, two) == [(3, 2), (3, 1)]


async def test_what_can_not_be_had_is_said_at_its_line_and_nothing_is_held(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    one, two = await two_workshops(sessions, on_hand=1)
    key, other = f"p{one.id}", f"p{two.id}"
    cart, items = f"{key}*1,{other}*1", (f"{key}*1*26800", f"{other}*1*26800")
    async with phone(database_url, tmp_path) as web:
        many = await press(web, "/holds", cart, *items, **{key: "2"})
        number = await press(web, "/holds", cart, *items, **{other: "1000000000"})
        price = await press(web, "/holds", cart, items[0], f"{other}*1*1")
        empty = await press(web, "/holds", cart, "<b>*1*1")
        another_buyer(web)
        await hold(sessions, want(two), browser="somebody-else", now=minutes_ago(1))
        held = await press(web, "/holds", cart, *items)
        await change(sessions, two, state=ProductState.OFF)
        off = await press(web, "/holds", cart, *items)
    assert [a.status_code for a in (many, number, price, empty, held, off)] == [
        409, 422, 409, 422, 409, 409,
    ]  # fmt: skip
    assert "“福字圆挂”：这件作品刚刚没有了。" in words(many.text)
    assert f'<a href="#f-n.{key}">' in many.text
    assert value_of(many.text, f"n.{key}") == "2"
    assert f'<a href="#f-n.{other}">件数要在 1 到 99 之间。' in number.text
    assert "价格刚刚变了" in words(price.text)
    assert "别人正在付款" in words(held.text)
    assert "福字圆挂 ：有人正在付款" in words(held.text)
    assert "福字圆挂 ：现在不卖" in words(off.text)
    assert await figures(sessions, one, two) == [(1, 0), (1, 1)]


async def test_pieces_of_two_stations_are_not_held_together(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    one, two = await two_workshops(sessions)
    far = await make_product(
        sessions, await make_workshop(sessions, await make_station(sessions, "b"))
    )
    async with phone(database_url, tmp_path) as web:
        cart = f"p{one.id}*1,p{far.id}*1"
        answer = await press(web, "/holds", cart, f"p{one.id}*1", f"p{far.id}*1")
    assert answer.status_code == 422
    assert "不同站的作品请分开买。" in words(answer.text)
    assert await figures(sessions, one, two, far) == [(3, 0)] * 3
