"""The product page: every state in which a buyer may find it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from catalog.checks import BEIJING
from catalog.db import Sessions
from catalog.models import Kind, Photo, PhotoState, ProductState
from live.models import Scan
from live.on_air import end_show
from tests.live.acting import host_of, sibling
from tests.making import make_live_show, make_product
from tests.shop.pages.buyer import NASTY, another_buyer, change, holds, minutes_ago, phone, words
from tests.shop.sales import expire, hold, link_to, order, pay, staff, want

BUTTON = "要这件，留 12 分钟"


async def scans(sessions: Sessions) -> list[tuple[int, int | None, int | None]]:
    async with sessions() as session:
        rows = await session.execute(select(Scan.link_id, Scan.show_id, Scan.product_id))
        return [tuple(row) for row in rows]


async def missed_scans(sessions: Sessions) -> list[tuple[int, bool]]:
    async with sessions() as session:
        rows = await session.execute(select(Scan.link_id, Scan.sold_out).order_by(Scan.id))
        return [tuple(row) for row in rows]


async def test_a_scan_opens_the_product_in_any_case_and_is_counted(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, meaning="迎门纳福", wood="核桃木", size="30 × 30 cm")
    link = await link_to(sessions, product, by=await staff(sessions, product))
    code = link.code
    wide = "".join(chr(ord(c) + 0xFEE0) for c in code)
    paths = (f"/Q/{code}", f"/q/{code.lower()}", f"/Q/{code[:2]}-{code[2:]}", f"/Q/{wide}")
    async with phone(database_url, tmp_path) as web:
        for path in paths:
            answer = await web.get(path)
            assert answer.status_code == 200
            said = words(answer.text)
            assert "福字圆挂 迎门纳福 · 核桃木手雕 ¥268 还有 3 件" in said
            assert BUTTON in said
        await web.get(f"/products/{product.slug}")
        await web.get(f"/products/{product.slug}?link={code}")
    assert await scans(sessions) == [(link.id, None, product.id)] * 4


async def test_a_code_that_is_not_there_asks_once_more(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    await link_to(sessions, product, by=await staff(sessions, product))
    async with phone(database_url, tmp_path) as web:
        for path in ("/Q/ZZZZZ", "/Q/<b>x", "/Q/" + "9" * 500):
            answer = await web.get(path)
            assert answer.status_code == 404
            assert "没有这个商品码" in answer.text
        assert (await web.get("/products/no-such-thing")).status_code == 404
    assert await scans(sessions) == []


async def test_the_price_of_the_show_holds_while_it_is_on_air(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=5)
    show = await make_live_show(sessions, [product], allotment=3, price_fen=23800)
    link = await link_to(sessions, product, show, by=await staff(sessions, product))
    async with phone(database_url, tmp_path) as web:
        on_air = (await web.get(f"/Q/{link.code}")).text
        elsewhere = words((await web.get(f"/products/{product.slug}")).text)
        async with sessions.begin() as session:
            await end_show(session, await host_of(sessions, show), show.id, show.starts_at)
        afterwards = words((await web.get(f"/Q/{link.code}")).text)
    assert "¥238 原价 ¥268 直播价 还有 5 件" in words(on_air)
    assert "直播中" in on_air
    assert "¥268 还有 2 件" in elsewhere
    assert "¥268 还有 5 件" in afterwards
    assert await scans(sessions) == [(link.id, show.id, product.id)] * 2


async def test_a_show_s_own_code_opens_what_is_being_shown_at_its_price(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product], allotment=1, price_fen=23800)
    link = await link_to(sessions, None, show, by=await staff(sessions, product))
    async with phone(database_url, tmp_path) as web:
        scanned = await web.client.get(f"/Q/{link.code}", follow_redirects=False)
        page = (await web.get(f"/products/{product.slug}?link={link.code}")).text
        bought = await web.submit(
            "/holds", {"product": product.id, "link": link.code, "quantity": "1"}
        )
    assert scanned.status_code == 200
    assert "¥238 原价 ¥268 直播价 还有 3 件" in words(scanned.text)
    assert f'name="link" value="{link.code}"' in scanned.text
    assert "¥238" in words(page)
    assert bought.status_code == 303
    assert await scans(sessions) == [(link.id, show.id, product.id)]


async def test_one_of_a_kind_has_no_number_to_choose(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, kind=Kind.ONE_OF_A_KIND, on_hand=1)
    async with phone(database_url, tmp_path) as web:
        page = (await web.get(f"/products/{product.slug}")).text
    assert "仅此一件" in words(page)
    assert 'type="number"' not in page
    assert '<input type="hidden" name="quantity" value="1">' in page


async def test_what_is_carved_to_order_promises_a_day_behind_the_work_in_hand(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7)
    await order(sessions, want(product, 2))
    async with phone(database_url, tmp_path) as web:
        said = words((await web.get(f"/products/{product.slug}")).text)
    day = datetime.now(BEIJING).date() + timedelta(days=21)
    assert "定做，约 7 天" in said
    assert f"{day.month}月{day.day}日 前做好" in said
    assert BUTTON in said


async def test_who_is_paying_is_told_and_the_own_hold_leads_on(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=5)
    path = f"/products/{product.slug}"
    async with phone(database_url, tmp_path) as web:
        await web.get(path)
        mine = await web.submit("/holds", {"product": product.id, "quantity": "3"})
        assert mine.status_code == 303
        own = await web.get(path)
        another_buyer(web)
        other = words((await web.get(path)).text)
    assert f'href="{mine.headers["location"]}"' in own.text
    assert "接着付款" in words(own.text)
    assert "还有 2 件 · 1 人正在付款（共 3 件）" in other
    assert "接着付款" not in other


async def test_the_last_piece_on_hold_says_until_when(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, kind=Kind.ONE_OF_A_KIND, on_hand=1)
    path = f"/products/{product.slug}"
    async with phone(database_url, tmp_path) as web:
        await web.get(path)
        mine = await web.submit("/holds", {"product": product.id, "quantity": "1"})
        own = await web.get(path)
        another_buyer(web)
        other = words((await web.get(path)).text)
    until = (await holds(sessions))[0].expires_at.astimezone(BEIJING)
    assert "现有的都有人要 · 1 人正在付款" in other
    assert f"有人正在付款，给他留着： 到北京时间 {until:%H:%M}" in other
    assert BUTTON not in other
    assert f'class="button button-primary" href="{mine.headers["location"]}"' in own.text


async def test_an_unpaid_order_counts_as_paying_and_a_paid_one_as_sold(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=1)
    placed = await order(sessions, want(product), now=minutes_ago(1))
    async with phone(database_url, tmp_path) as web:
        waiting = words((await web.get(f"/products/{product.slug}")).text)
        await pay(sessions, placed)
        sold = words((await web.get(f"/products/{product.slug}")).text)
    assert "现有的都有人要 · 1 人正在付款" in waiting
    assert "卖完了" in sold
    assert "付款" not in sold
    assert BUTTON not in sold


async def test_pieces_that_only_a_dead_hold_keeps_are_free(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=2)
    await hold(sessions, want(product), now=minutes_ago(16))
    dead_order = await order(sessions, want(product), now=minutes_ago(35))
    async with phone(database_url, tmp_path) as web:
        said = words((await web.get(f"/products/{product.slug}")).text)
        assert "还有 2 件" in said
        assert "付款" not in said
        await expire(sessions, dead_order)
        await web.get(f"/products/{product.slug}")
        bought = await web.submit("/holds", {"product": product.id, "quantity": "2"})
    assert bought.status_code == 303


async def test_pieces_that_a_show_keeps_lead_to_the_show(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=2)
    show = await make_live_show(sessions, [product], allotment=2)
    async with phone(database_url, tmp_path) as web:
        page = (await web.get(f"/products/{product.slug}")).text
    assert "现有的都留给了直播" in words(page)
    assert f'<a href="/shows/{show.id}">周日专场</a>正在直播' in page
    assert BUTTON not in page


async def test_off_sale_shows_what_else_there_is_and_what_is_not_yet_shown_nothing(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, name="收起来的")
    other = await sibling(sessions, product, name="还在的", name_en="Other")
    link = await link_to(sessions, product, by=await staff(sessions, product))
    async with phone(database_url, tmp_path) as web:
        await change(sessions, product, state=ProductState.OFF)
        off = (await web.get(f"/Q/{link.code}")).text
        assert "现在不卖" in words(off)
        assert f'href="/products/{other.slug}"' in off
        assert BUTTON not in off
        assert "这些和它相像" in words(off)
        for state in (ProductState.DRAFT, ProductState.REVIEW):
            await change(sessions, product, state=state)
            for path in (f"/Q/{link.code}", f"/products/{product.slug}"):
                hidden = await web.get(path)
                assert hidden.status_code == 404
                assert "收起来的" not in hidden.text
        assert "这件作品收起来了" in words((await web.get(f"/Q/{link.code}")).text)
    assert await missed_scans(sessions) == [(link.id, True)] * 4


async def test_a_retired_code_says_so_and_leads_on(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product], price_fen=100)
    manager = await staff(sessions, product)
    link = await link_to(sessions, product, show, by=manager)
    of_show = await link_to(sessions, None, show, by=manager)
    other = await sibling(sessions, product, name="还在的", name_en="Other")
    for one in (link, of_show):
        await change(sessions, one, retired_at=link.created_at)
    async with phone(database_url, tmp_path) as web:
        answer = await web.get(f"/Q/{link.code}")
        show_answer = await web.get(f"/Q/{of_show.code}")
        normal = words((await web.get(f"/products/{product.slug}?link={link.code}")).text)
    assert (answer.status_code, show_answer.status_code) == (410, 410)
    assert f"商品码 {link.code} 已经停用" in words(answer.text)
    assert f'href="/products/{product.slug}"' in answer.text
    assert f'href="/products/{other.slug}"' in answer.text
    assert "¥268" in normal


async def test_markup_in_a_name_stays_text_and_photos_behind_the_first_are_shown(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, name=NASTY[:60], meaning=NASTY, work_days=4)
    async with sessions.begin() as session:
        for n, state in enumerate((PhotoState.WAITING, PhotoState.READY, PhotoState.READY)):
            session.add(
                Photo(
                    station_id=product.station_id,
                    product_id=product.id,
                    position=n,
                    state=state,
                    folder=f"folder{n}",
                    original_key="",
                    width=1280,
                    height=1280,
                    created_at=datetime.now(UTC),
                )
            )
    async with phone(database_url, tmp_path) as web:
        page = (await web.get(f"/products/{product.slug}")).text
    assert "<script>alert" not in page
    assert NASTY in words(page)
    assert (
        page.index("/photos/folder1/l.avif")
        < page.index("<h1>")
        < page.index("/photos/folder2/l.avif")
    )
    assert "/photos/folder0/" not in page
