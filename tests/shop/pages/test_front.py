"""The station's front page, and the page where a code is typed."""

import re
from pathlib import Path

from catalog.db import Sessions
from catalog.models import Kind, ProductState, Role
from catalog.products import add_product
from tests.making import (
    NOON,
    act,
    make_live_show,
    make_member,
    make_product,
    make_station,
    make_workshop,
)
from tests.shop.pages.buyer import NASTY, change, phone, value_of, words
from tests.shop.sales import link_to, staff, two_workshops


async def test_before_the_first_station_the_page_says_so(database_url: str, tmp_path: Path) -> None:
    async with phone(database_url, tmp_path) as web:
        answer = await web.get("/")
    assert answer.status_code == 200
    assert "这里还没有开张" in answer.text


async def test_a_station_without_products_and_without_shows(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    await make_station(sessions)
    async with phone(database_url, tmp_path) as web:
        answer = await web.get("/")
    assert answer.status_code == 200
    assert "还没有摆上作品" in answer.text


async def test_products_are_found_by_words_and_filters(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    workshop = await make_workshop(sessions, await make_station(sessions))
    other = await make_workshop(sessions, await make_station(sessions, "b"), "别站")
    await make_product(sessions, workshop, name="福字圆挂", wood="核桃木", on_hand=3)
    await make_product(sessions, workshop, name="松鹤八方牌", kind=Kind.ONE_OF_A_KIND, on_hand=0)
    await make_product(sessions, workshop, name="平安竖匾", kind=Kind.MADE_TO_ORDER, on_hand=0)
    await make_product(sessions, workshop, name="还没好", state=ProductState.DRAFT)
    await make_product(sessions, workshop, name="收起来的", state=ProductState.OFF)
    await make_product(sessions, other, name="外站的")
    # With two stations each has an address of its own.
    here = "/stations/zhongxing"
    cases = {
        here: ["平安竖匾", "松鹤八方牌", "福字圆挂"],
        f"{here}?q=核桃": ["福字圆挂"],
        f"{here}?q=核桃+王家": ["福字圆挂"],
        f"{here}?kind=made_to_order": ["平安竖匾"],
        f"{here}?workshop={workshop.slug}&in_stock=1": ["平安竖匾", "福字圆挂"],
        f"{here}?kind=banana&workshop=nobody&before=abc&in_stock=no": [
            "平安竖匾",
            "松鹤八方牌",
            "福字圆挂",
        ],
    }
    async with phone(database_url, tmp_path) as web:
        for path, names in cases.items():
            answer = await web.get(path)
            found = re.findall(r'tile-text"><span class="name">([^<]*)', answer.text)
            assert (answer.status_code, found) == (200, names), path
    assert "仅此一件" not in answer.text
    assert "现在没有了" in answer.text


async def test_nothing_found_says_what_to_do_and_keeps_what_was_typed(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    await make_product(sessions)
    async with phone(database_url, tmp_path) as web:
        answer = await web.client.get("/", params={"q": NASTY})
    assert answer.status_code == 200
    assert "没有找到" in answer.text
    assert "看全部作品" in answer.text
    assert value_of(answer.text, "q") == NASTY
    assert "<script>alert" not in answer.text


async def test_the_pages_hold_every_product_once(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    manager = await make_member(sessions, station, Role.MANAGER)
    async with sessions.begin() as session:
        for n in range(14):
            facts = {"name": f"第{n}件", "kind": "batch", "price_fen": 100, "stock": 1}
            facts["workshop_id"] = workshop.id
            await add_product(session, act(manager), facts, NOON)
    found: list[str] = []
    async with phone(database_url, tmp_path) as web:
        path: str | None = "/?kind=batch&cart=p1*2"
        while path:
            page = (await web.get(path)).text.replace("&amp;", "&")
            found += re.findall(r'tile-text"><span class="name">([^<]*)', page)
            next_page = re.search(r'href="([^"]*before=[^"]*)"', page)
            path = next_page[1] if next_page else None
            assert path is None or "kind=batch" in path
            assert path is None or "cart=p1*2" in path
    assert found == [f"第{n}件" for n in reversed(range(14))]


async def test_what_is_on_air_leads_to_the_show(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    show = await make_live_show(sessions, [await make_product(sessions)])
    async with phone(database_url, tmp_path) as web:
        page = (await web.get("/")).text
    assert f'href="/shows/{show.id}"' in page
    assert "周日专场" in page


async def test_a_code_opens_however_it_is_typed(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    code = (await link_to(sessions, product, by=await staff(sessions, product))).code
    wide = "".join(chr(ord(c) + 0xFEE0) for c in code)
    async with phone(database_url, tmp_path) as web:
        for typed in (code.lower(), f" {code[:2]} {code[2:]} ", f"{code[:3]}-{code[3:]}", wide):
            answer = await web.client.get("/c", params={"code": typed}, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, f"/Q/{code}")


async def test_an_unknown_code_is_answered_in_place(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    await make_product(sessions)
    async with phone(database_url, tmp_path) as web:
        assert "商品码" in words((await web.get("/c")).text)
        for typed in (NASTY, "ZZZZZ", "x" * 3000):
            answer = await web.client.get("/c", params={"code": typed})
            assert answer.status_code == 404
            assert "没有这个商品码" in answer.text
            assert value_of(answer.text, "code") == typed
            assert "<script>alert" not in answer.text
        empty = await web.get("/c?code=+")
    assert empty.status_code == 422
    assert "请填写商品码" in empty.text


async def test_a_retired_code_still_opens_its_page(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    link = await link_to(sessions, product, by=await staff(sessions, product))
    await change(sessions, link, retired_at=link.created_at)
    async with phone(database_url, tmp_path) as web:
        answer = await web.get(f"/c?code={link.code}")
    assert answer.status_code == 410


async def test_a_cart_stays_in_the_links_of_the_page(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    first, second = await two_workshops(sessions)
    async with phone(database_url, tmp_path) as web:
        page = (await web.get(f"/?cart=p{first.id}*2,<b>,p{second.id}*1")).text
    cart = f"p{first.id}*2,p{second.id}*1"
    assert f'href="/cart?i={cart}"' in page
    assert f'href="/products/{first.slug}?cart={cart}"' in page
    assert f'href="/workshops?cart={cart}"' in page
    assert "<b>" not in page


async def test_with_several_stations_the_front_is_all_of_them(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    first, second, closed = [await make_station(sessions, slug) for slug in ("a", "b", "c")]
    for station, name in ((first, "福字圆挂"), (second, "福到窗花"), (closed, "福没开")):
        await make_product(sessions, await make_workshop(sessions, station), name=name)
    await change(sessions, closed, is_open=False)
    async with phone(database_url, tmp_path) as web:
        page = words((await web.get("/")).text)
        assert ("a社工站" in page, "b社工站" in page, "c社工站" in page) == (True, True, False)
        page = (await web.get("/?q=福")).text
        found = re.findall(r'tile-text"><span class="name">([^<]*)', page)
        assert found == ["福到窗花", "福字圆挂"]
        assert "b社工站 · 还有 3 件" in words(page)
        page = (await web.get("/stations/b?q=福")).text
        assert re.findall(r'tile-text"><span class="name">([^<]*)', page) == ["福到窗花"]
        assert 'action="/stations/b"' in page
        assert "<strong>b社工站</strong>" in page
        assert (await web.get("/stations/nowhere")).status_code == 404


async def test_with_several_stations_a_show_of_today_says_whose_it_is(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    stations = [await make_station(sessions, slug) for slug in ("a", "b", "c")]
    for station in stations:
        await make_live_show(
            sessions, [await make_product(sessions, await make_workshop(sessions, station))]
        )
    async with phone(database_url, tmp_path) as web:
        page = words((await web.get("/c")).text)
        assert re.findall(r"\w社工站", page) == ["c社工站", "b社工站", "a社工站"]
        # What is not open is in no list; of one station nobody need be told.
        await change(sessions, stations[2], is_open=False)
        page = words((await web.get("/c")).text)
        assert re.findall(r"\w社工站", page) == ["b社工站", "a社工站"]
        await change(sessions, stations[1], is_open=False)
        page = words((await web.get("/c")).text)
        assert (page.count("周日专场"), "社工站" in page) == (1, False)
        await change(sessions, stations[0], is_open=False)
        assert "周日专场" not in (await web.get("/c")).text
