"""The red button: pieces held, or the same page again with what is true now."""

from pathlib import Path
from typing import Any

from catalog.db import Sessions
from catalog.models import Product, ProductState
from tests.live.acting import sibling
from tests.making import make_live_show, make_product
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


async def press(web: Browser, opened: Product, **values: Any) -> Any:
    """Open a product and send its form, with other values where given."""
    await web.get(f"/products/{opened.slug}")
    form = {"product": opened.id, "quantity": "1", "seen_fen": opened.price_fen, **values}
    return await web.submit("/holds", form)


async def test_pieces_are_held_and_the_same_browser_finds_its_hold_again(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=3)
    async with phone(database_url, tmp_path) as web:
        first = await press(web, product, quantity="２")
        again = await press(web, product, quantity="2")
        another_buyer(web)
        other = await press(web, product)
    assert [first.status_code, again.status_code, other.status_code] == [303] * 3
    held = await holds(sessions)
    paths = [f"/checkout/{one.token}" for one in held]
    assert [a.headers["location"] for a in (first, again, other)] == [paths[0], paths[0], paths[1]]
    assert await figures(sessions, product) == [(3, 3)]


async def test_a_number_that_is_none_is_answered_in_place(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    async with phone(database_url, tmp_path) as web:
        for quantity in ("0", "-1", "1000000000", "9" * 400, "abc", "", "1.5", NASTY):
            answer = await press(web, product, quantity=quantity)
            assert answer.status_code == 422
            assert "件数" in words(answer.text)
            assert "福字圆挂" in words(answer.text)
            assert value_of(answer.text, "quantity") == quantity
            assert "<script>alert" not in answer.text
    assert await holds(sessions) == []
    assert await figures(sessions, product) == [(3, 0)]


async def test_more_than_there_are_says_how_many_there_are(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=3)
    async with phone(database_url, tmp_path) as web:
        answer = await press(web, product, quantity="4")
    assert answer.status_code == 409
    assert "没有那么多，现在还有 3 件。" in words(answer.text)
    assert value_of(answer.text, "quantity") == "4"
    assert await figures(sessions, product) == [(3, 0)]


async def test_sold_out_and_held_by_another_are_told_apart(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    wanted, other = await two_workshops(sessions, on_hand=1)
    gone = await sibling(sessions, other, on_hand=0)
    async with phone(database_url, tmp_path) as web:
        await press(web, wanted)
        another_buyer(web)
        # From a page that was opened before the last piece went.
        held = await press(web, other, product=wanted.id)
        late = await press(web, other, product=gone.id)
    assert (held.status_code, late.status_code) == (409, 409)
    assert "别人正在付款，这件给他留到" in words(held.text)
    assert "这件作品刚刚没有了。" in words(late.text)
    assert len(await holds(sessions)) == 1


async def test_a_price_that_changed_is_shown_before_anything_is_held(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product], price_fen=23800)
    link = await link_to(sessions, product, show, by=await staff(sessions, product))
    async with phone(database_url, tmp_path) as web:
        changed = await press(web, product, seen_fen="1")
        with_link = await press(web, product, link=link.code, seen_fen="26800")
        assert await holds(sessions) == []
        agreed = await press(web, product, link=link.code, seen_fen="23800")
    assert (changed.status_code, with_link.status_code) == (409, 409)
    assert "价格刚刚变了" in words(changed.text)
    assert value_of(changed.text, "seen_fen") == "26800"
    assert value_of(with_link.text, "seen_fen") == "23800"
    assert value_of(with_link.text, "link") == link.code
    assert agreed.status_code == 303


async def test_what_is_no_longer_sold_is_refused(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product, other = await two_workshops(sessions)
    link = await link_to(sessions, product, by=await staff(sessions, product))
    await change(sessions, link, retired_at=link.created_at)
    async with phone(database_url, tmp_path) as web:
        retired = await press(web, product, link=link.code)
        await change(sessions, product, state=ProductState.OFF)
        off = await press(web, other, product=product.id)
        await change(sessions, product, state=ProductState.DRAFT)
        draft = await press(web, other, product=product.id)
    assert (retired.status_code, off.status_code, draft.status_code) == (410, 409, 404)
    assert "这个商品码已经停用" in words(retired.text)
    assert "这件作品现在不卖" in words(off.text)
    assert await holds(sessions) == []


async def test_a_product_or_a_code_that_is_not_there(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    real = await make_product(sessions)
    async with phone(database_url, tmp_path) as web:
        for product in ("999999", "", "abc", "9" * 30, NASTY):
            assert (await press(web, real, product=product)).status_code == 404
        assert (await press(web, real, link="ZZZZZ")).status_code == 404
    assert await holds(sessions) == []


async def test_a_dead_hold_does_not_stand_in_the_way(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=1)
    await hold(sessions, want(product), browser="somebody-else", now=minutes_ago(16))
    async with phone(database_url, tmp_path) as web:
        answer = await press(web, product)
    assert answer.status_code == 303
    assert await figures(sessions, product) == [(1, 1)]


async def test_a_form_without_its_token_holds_nothing(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    async with phone(database_url, tmp_path) as web:
        answer = await web.submit("/holds", {"product": product.id, "quantity": "1"})
    assert answer.status_code == 403
    assert await holds(sessions) == []
