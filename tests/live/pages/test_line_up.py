"""The line-up editor: nothing typed is lost by any button or any fault."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from catalog.db import Sessions
from catalog.models import Product, Role, Station
from live.models import Airing, LineUpItem, Show
from live.on_air import end_show
from live.scheduling import schedule_show
from live.shows import get_show
from tests.live.acting import host_of, member_of, pieces, sibling
from tests.making import make_live_show, make_product, make_station, make_workshop
from tests.web import Browser, browser, settings_for


@pytest.fixture
async def products(sessions: Sessions) -> list[Product]:
    first = await make_product(sessions, on_hand=5, floor_fen=20000)
    return [
        first,
        await sibling(sessions, first, name="平安竖匾", on_hand=5),
        await sibling(sessions, first, name="莲花梅瓣盘", on_hand=5),
    ]


@pytest.fixture
async def show(sessions: Sessions, products: list[Product]) -> Show:
    """On air with the first product."""
    return await make_live_show(sessions, products[:1])


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Any:
    return settings_for(database_url, tmp_path)


def row(n: int, product: Product, **typed: str) -> dict[str, str]:
    fields = {"product": str(product.id), "show_price": "", "allotment": "", "minutes": "5"}
    fields |= {"talking_points": "", "do_not_say": "", "speaker": ""} | typed
    return {f"items.{n}.{field}": value for field, value in fields.items()}


async def opened(web: Browser, sessions: Sessions, show: Show, product: Product) -> str:
    """The editor's address, with the editor open."""
    manager = await member_of(sessions, product, Role.MANAGER)
    await web.sign_in(manager.login)
    path = f"/desk/shows/{show.id}/line-up"
    assert (await web.get(path)).status_code == 200
    return path


async def items(sessions: Sessions, show: Show) -> list[LineUpItem]:
    async with sessions() as session:
        return (await get_show(session, show.id)).items


def order(page: str) -> list[str]:
    """The product names of the rows, from the top."""
    return re.findall(r'class="row slot-product">.*?<strong>(.*?)</strong>', page, re.DOTALL)


def value(page: str, name: str) -> str:
    found = re.search(rf'<input [^>]*value="([^"]*)"[^>]*name="{re.escape(name)}"', page)
    assert found is not None, name
    return found[1]


async def test_what_is_saved_is_what_was_typed(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    first, second, third = products
    async with browser(settings) as web:
        path = await opened(web, sessions, show, first)
        rows = {
            **row(0, third, show_price="241.50", allotment="2", minutes="8"),
            **row(
                1, first, talking_points="一块整板\r\n没有拼缝", do_not_say="<老料>", speaker="小李"
            ),
            **row(2, second),
        }
        answer = await web.submit(path, rows | {"save": "1"})
        assert answer.headers["location"] == f"/desk/shows/{show.id}"
        await web.get(path)
    kept = await items(sessions, show)
    assert [item.product_id for item in kept] == [third.id, first.id, second.id]
    assert (kept[0].show_price_fen, kept[0].allotment, kept[0].minutes) == (24150, 2, 8)
    said = (kept[1].talking_points, kept[1].do_not_say, kept[1].speaker)
    assert said == ("一块整板\n没有拼缝", "<老料>", "小李")
    assert await pieces(sessions, third) == (5, 2)
    assert value(web.page, "items.0.show_price") == "241.50"
    assert "一块整板\n没有拼缝</textarea>" in web.page
    assert "&lt;老料&gt;</textarea>" in web.page
    assert "3 件，共 18 分钟，比排的少 102 分钟" in web.page
    assert "底价 ¥200" in web.page


async def test_a_fault_stands_at_its_row_and_nothing_is_saved(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    first, second, _ = products
    async with browser(settings) as web:
        path = await opened(web, sessions, show, first)
        rows = {
            **row(0, second, show_price="十块", talking_points="都还在"),
            **row(1, first, show_price="12", minutes="x"),
        }
        answer = await web.submit(path, rows | {"save": "1"})
        assert answer.status_code == 422
        for field, sentence in (
            ("items.0.show_price", "直播价要填数字，比如 268 或 268.50。"),
            ("items.1.show_price", "不能低于作坊的底价 200 元。"),
            ("items.1.minutes", "分钟要填整数。"),
        ):
            assert f'id="f-{field}-error">{sentence}' in answer.text
        assert value(answer.text, "items.0.show_price") == "十块"
        assert value(answer.text, "items.1.minutes") == "x"
        assert "都还在</textarea>" in answer.text
        rows = row(0, first, allotment="6")
        answer = await web.submit(path, rows | {"save": "1"})
        said = "没有这么多空闲的件可以留给这一场，最多留 5 件。"
        assert f'id="f-items.0.allotment-error">{said}' in answer.text
        answer = await web.submit(path, row(0, second) | {"save": "1"})
        assert "“福字圆挂”已经讲过或卖过" in answer.text
    assert [item.product_id for item in await items(sessions, show)] == [first.id]
    assert await pieces(sessions, first) == (5, 0)


async def test_every_button_but_save_keeps_the_typed_rows_and_saves_nothing(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    first, second, third = products
    typed = {**row(0, first, show_price="甲", minutes="9"), **row(1, second, allotment="乙")}
    async with browser(settings) as web:
        path = await opened(web, sessions, show, first)
        for step, names in (
            ({"move": "down:0"}, ["平安竖匾", "福字圆挂"]),
            ({"move": "up:1"}, ["平安竖匾", "福字圆挂"]),
            ({"move": "up:0"}, ["福字圆挂", "平安竖匾"]),
            ({"move": "down:1"}, ["福字圆挂", "平安竖匾"]),
            ({"move": "down:77"}, ["福字圆挂", "平安竖匾"]),
            ({"move": "x"}, ["福字圆挂", "平安竖匾"]),
            ({"add": str(third.id)}, ["福字圆挂", "平安竖匾", "莲花梅瓣盘"]),
            ({"find": "1", "q": "莲花"}, ["福字圆挂", "平安竖匾"]),
            ({"enter": "1", "q": "莲花", "asked": ""}, ["福字圆挂", "平安竖匾"]),
        ):
            answer = await web.submit(path, typed | step)
            assert answer.status_code == 200, step
            assert order(answer.text) == names, step
            at = names.index("福字圆挂")
            assert value(answer.text, f"items.{at}.show_price") == "甲"
            assert value(answer.text, f"items.{at}.minutes") == "9"
            assert value(answer.text, f"items.{names.index('平安竖匾')}.allotment") == "乙"
            assert "data-unsaved" in answer.text
        answer = await web.submit(path, typed | {"remove": "0"})
        assert order(answer.text) == ["平安竖匾"]
    assert [item.product_id for item in await items(sessions, show)] == [first.id]


async def test_rows_stand_in_the_order_of_the_form_whatever_their_numbers(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    first, second, third = products
    async with browser(settings) as web:
        path = await opened(web, sessions, show, first)
        rows = {**row(2, third), **row(0, first), **row(11, second)}
        await web.submit(path, rows | {"save": "1"})
    kept = [item.product_id for item in await items(sessions, show)]
    assert kept == [third.id, first.id, second.id]


async def test_enter_in_the_search_box_searches_and_elsewhere_saves(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    first, second, _ = products
    rows = {**row(0, first), **row(1, second)}
    async with browser(settings) as web:
        path = await opened(web, sessions, show, first)
        answer = await web.submit(path, rows | {"enter": "1", "asked": "", "q": "莲"})
        assert 'aria-label="加入莲花梅瓣盘"' in answer.text
        answer = await web.submit(path, rows | {"enter": "1", "asked": "莲", "q": "莲"})
        assert answer.status_code == 303
    assert len(await items(sessions, show)) == 2


async def test_the_search_offers_what_is_on_sale_here_and_not_yet_chosen(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    await make_foreign(sessions)
    async with browser(settings) as web:
        path = await opened(web, sessions, show, products[0])
        page = (await web.get(f"{path}?q=木作")).text
        assert re.findall(r'aria-label="加入(.*?)"', page) == ["莲花梅瓣盘", "平安竖匾"]
        page = (await web.get(f"{path}?q=%25")).text
        assert "没有找到“%”" in page


async def test_other_peoples_products_and_nonsense_are_refused_in_their_row(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    foreign = await make_foreign(sessions)
    async with browser(settings) as web:
        path = await opened(web, sessions, show, products[0])
        rows = {
            **row(0, products[0]),
            **row(1, foreign, talking_points="写了很久"),
            "items.2.product": "9" * 40,
            "items.x": "1",
            "items..product": "",
            "items.3.id": "7",
        }
        answer = await web.submit(path, rows | {"save": "1"})
    assert answer.status_code == 422
    assert "没有这件作品，或者它是别的站的。" in answer.text
    assert "写了很久</textarea>" in answer.text
    assert len(await items(sessions, show)) == 1


async def test_five_hundred_rows_come_back_with_one_sentence(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    async with browser(settings) as web:
        path = await opened(web, sessions, show, products[0])
        rows: dict[str, str] = {"save": "1"}
        for n in range(500):
            rows |= row(n, products[0])
        answer = await web.submit(path, rows)
    assert answer.status_code == 422
    assert "一场最多 100 件作品。" in answer.text
    assert len(await items(sessions, show)) == 1


async def test_a_hundred_long_speeches_fit_in_the_form(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    async with browser(settings) as web:
        path = await opened(web, sessions, show, products[0])
        rows: dict[str, str] = {"save": "1"}
        for n in range(100):
            rows |= row(n, products[0], talking_points="话" * 2001)
        answer = await web.submit(path, rows)
    assert answer.status_code == 422
    assert answer.text.count("话" * 2001) == 100


async def make_foreign(sessions: Sessions) -> Product:
    workshop = await make_workshop(sessions, await make_station(sessions, "other"), "外站木作")
    return await make_product(sessions, workshop)


async def test_each_row_says_when_it_is_due_and_the_sum_says_how_it_fits(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    first, second, third = products
    async with browser(settings) as web:
        path = await opened(web, sessions, show, first)
        for minutes, said in (
            ("96", "3 件，共 121 分钟，比排的多 1 分钟"),
            ("95", "3 件，共 120 分钟，正好排满"),
            ("x", "3 件，共 25 分钟，比排的少 95 分钟"),
        ):
            rows = {
                **row(0, first, minutes="15"),
                **row(1, second, minutes=minutes),
                **row(2, third, minutes="10"),
            }
            page = (await web.submit(path, rows | {"find": "1"})).text
            assert said in page
            starts = re.findall(r'data-due datetime="[^"]*">(\d\d:\d\d)<', page)
            assert starts[:2] == ["12:00", "12:15"]
        assert starts[2] == "12:15"
        assert "北京时间" in page


async def test_what_was_taken_out_can_be_put_back_where_it_was(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    first, second, third = products
    rows = {**row(0, first), **row(1, second, talking_points="写了很久"), **row(2, third)}
    async with browser(settings) as web:
        path = await opened(web, sessions, show, first)
        page = (await web.submit(path, rows | {"remove": "1"})).text
        assert order(page) == ["福字圆挂", "莲花梅瓣盘"]
        assert "拿掉了“平安竖匾”" in page
        left = {**row(0, first), **row(1, third), "removed_at": "1"}
        left |= dict(re.findall(r'name="(removed\.[^"]*)" value="([^"]*)"', page))
        # It stays at hand while other buttons are pressed.
        page = (await web.submit(path, left | {"move": "up:1"})).text
        assert "拿掉了“平安竖匾”" in page
        page = (await web.submit(path, left | {"undo": "1"})).text
        assert order(page) == ["福字圆挂", "平安竖匾", "莲花梅瓣盘"]
        assert "写了很久</textarea>" in page
        assert "拿掉了“" not in page
        far = left | {"undo": "1", "removed_at": "77"}
        assert order((await web.submit(path, far)).text)[-1] == "平安竖匾"
        nothing = {**row(0, first), "undo": "1"}
        assert order((await web.submit(path, nothing)).text) == ["福字圆挂"]


async def test_of_two_editors_the_second_sees_what_the_first_did(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    first, second, third = products
    async with browser(settings) as one, browser(settings) as other:
        path = await opened(one, sessions, show, first)
        await opened(other, sessions, show, first)
        seen = value_after(one.page, "version")
        assert seen == value_after(other.page, "version")
        theirs = {**row(0, second), **row(1, first, minutes="9"), "version": seen, "save": "1"}
        assert (await one.submit(path, theirs)).status_code == 303
        mine = {**row(0, first, talking_points="我写的"), **row(1, third)}
        answer = await other.submit(path, mine | {"version": seen, "save": "1"})
        assert answer.status_code == 409
        for said in (
            "manager 在北京时间",
            "加了“平安竖匾”，您这份里没有",
            "改了“福字圆挂”：分钟现在是 <strong>9</strong>，您写的是 <strong>5</strong>",
            "讲解词现在是 <strong>空</strong>，您写的是 <strong>我写的</strong>",
            "我写的</textarea>",
        ):
            assert said in answer.text
        assert "换了次序" not in answer.text
        assert order(answer.text) == ["福字圆挂", "莲花梅瓣盘"]
        kept = await items(sessions, show)
        assert [item.product_id for item in kept] == [second.id, first.id]
        # Who has seen it saves knowingly; the other's row can be taken in as it stands.
        now = value_after(answer.text, "version")
        assert now != seen
        page = (await other.submit(path, mine | {"version": now, "add": str(second.id)})).text
        assert order(page) == ["福字圆挂", "莲花梅瓣盘", "平安竖匾"]
        mine |= {**row(2, second), "version": now, "save": "1"}
        assert (await other.submit(path, mine)).status_code == 303
    kept = await items(sessions, show)
    assert [item.product_id for item in kept] == [first.id, third.id, second.id]


async def test_a_price_below_the_floor_offers_to_write_down_the_makers_word(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    first, second, _ = products
    async with browser(settings) as web:
        path = await opened(web, sessions, show, first)
        assert "data-consent hidden" in web.page
        low = {**row(0, first, show_price="180"), **row(1, second, show_price="1")}
        answer = await web.submit(path, low | {"save": "1"})
        assert answer.status_code == 422
        assert 'id="f-items.0.show_price-error">不能低于作坊的底价 200 元。' in answer.text
        assert "第 1 位：不能低于作坊的底价 200 元。" in answer.text
        assert answer.text.count("低于底价，作坊同意了？") == 1
        assert "data-consent hidden" not in answer.text
        word = {"items.0.consent.given_by": "王师傅", "items.0.consent.price": "1000"}
        answer = await web.submit(path, low | word | {"save": "1"})
        assert 'id="f-items.0.consent.way-error">请选择是怎么同意的。' in answer.text
        assert value(answer.text, "items.0.consent.given_by") == "王师傅"
        assert value(answer.text, "items.0.consent.price") == "1000"
        word = {"items.0.consent.given_by": "王师傅", "items.0.consent.way": "phone"}
        answer = await web.submit(path, low | word | {"save": "1"})
        assert answer.status_code == 303
        page = (await web.get(path)).text
        assert "作坊同意到 ¥180（王师傅，电话）" in page
        assert "data-consent hidden" in page
        answer = await web.submit(path, row(0, first, show_price="179.99") | {"save": "1"})
        assert "作坊只同意到 180 元，不能再低。" in answer.text
    kept = await items(sessions, show)
    assert [item.show_price_fen for item in kept] == [18000, 100]


async def test_the_fair_suggestion_is_a_draft_that_nobody_saved(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    first, second, _ = products
    async with browser(settings) as web:
        path = await opened(web, sessions, show, first)
        typed = row(0, second, minutes="110", talking_points="我写的")
        page = (await web.submit(path, typed | {"suggest": "1"})).text
        assert order(page) == ["平安竖匾", "莲花梅瓣盘", "福字圆挂"]
        assert "补了 2 件" in page
        assert "我写的</textarea>" in page
        assert "data-unsaved" in page
        page = (await web.submit(path, row(0, second, minutes="116") | {"suggest": "1"})).text
        assert order(page) == ["平安竖匾"]
        assert "没有补：" in page
    assert [item.product_id for item in await items(sessions, show)] == [first.id]


async def test_an_unfair_order_asks_for_a_reason_in_the_form(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    first, second, third = products
    async with sessions() as session:
        station = await session.get_one(Station, first.station_id)
    await make_product(sessions, await make_workshop(sessions, station, "李家木雕"))
    host = await host_of(sessions, show)
    at = datetime.now(UTC)
    async with sessions.begin() as session:
        airing = await session.scalar(select(Airing).where(Airing.show_id == show.id))
        assert airing is not None
        airing.started_at = at - timedelta(hours=2)
        await end_show(session, host, show.id, at)
        when = {"starts_at": at, "ends_at": at + timedelta(hours=1)}
        draft = await schedule_show(session, host, {"title": "下一场", **when}, at)
    async with browser(settings) as web:
        path = await opened(web, sessions, draft, first)
        assert "为什么这样排" not in web.page
        rows = {**row(0, second), **row(1, third), "save": "1"}
        answer = await web.submit(path, rows)
        assert answer.status_code == 422
        assert "“王家木作”近 90 天讲了 120 分钟，平均一家 60 分钟" in answer.text
        assert 'id="f-order_reason"' in answer.text
        answer = await web.submit(path, rows | {"order_reason": "王家专场"})
        assert answer.status_code == 303
        assert "王家专场" in (await web.get(path)).text
    assert len(await items(sessions, draft)) == 2


def value_after(page: str, name: str) -> str:
    """What a hidden field holds."""
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', page)
    assert found is not None, name
    return found[1]
