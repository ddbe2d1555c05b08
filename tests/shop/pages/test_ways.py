"""How a buyer may pay, as the browser at hand allows."""

from datetime import UTC, datetime
from pathlib import Path

import zxingcpp
from PIL import Image
from sqlalchemy import select, update

from catalog.db import Sessions
from catalog.models import Product, Station
from shop.models import Order, Payment
from tests.making import BUYER, make_product
from tests.shop.cashing import clerk, take
from tests.shop.pages.buyer import change, minutes_ago, phone, words
from tests.shop.sales import hold, look, order, pay, want
from tests.shop.test_wallets import BROWSERS
from tests.web import Browser

WECHAT, ALIPAY, DOUYIN = BROWSERS[0][0], BROWSERS[7][0], BROWSERS[10][0]
SAFARI = BROWSERS[13][0]


async def with_code(sessions: Sessions, product: Product) -> None:
    """The product's station has a payment code."""
    async with sessions.begin() as session:
        await session.execute(
            update(Station)
            .where(Station.id == product.station_id)
            .values(pay_code_key="photos/c0de/m.jpg", pay_note="收款人显示“某某社工站”。")
        )


def called(web: Browser, user_agent: str) -> None:
    web.client.headers["User-Agent"] = user_agent


async def payments(sessions: Sessions) -> list[Payment]:
    async with sessions() as session:
        return list(await session.scalars(select(Payment).order_by(Payment.id)))


async def test_the_form_offers_what_the_browser_can_do(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    held = await hold(sessions, want(product), now=minutes_ago(1))
    said = {}
    async with phone(database_url, tmp_path) as web:
        for name, user_agent in (("wechat", WECHAT), ("douyin", DOUYIN), ("safari", SAFARI)):
            called(web, user_agent)
            said[name] = (await web.get(f"/checkout/{held.token}")).text
        await with_code(sessions, product)
        called(web, DOUYIN)
        said["douyin, by code"] = (await web.get(f"/checkout/{held.token}")).text
    assert 'value="alipay"' not in said["wechat"]
    assert "想用支付宝？微信里打不开。点右上角的“···”，选“在浏览器打开”。" in words(said["wechat"])
    assert "会出一个微信码，这台手机扫不了自己" in words(said["wechat"])
    assert said["safari"].count('type="radio" name="way"') == 3
    assert 'value="alipay" checked' in said["safari"]
    # One way needs no choosing.
    assert 'type="radio" name="way"' not in said["douyin"]
    assert '<input type="hidden" name="way" value="card">' in said["douyin"]
    assert "抖音里打不开" in words(said["douyin"])
    assert 'value="offline" checked' in said["douyin, by code"]


async def test_the_choice_is_what_the_order_is_paid_by(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=9)
    await with_code(sessions, product)
    went = {}
    async with phone(database_url, tmp_path) as web:
        called(web, SAFARI)
        for key in ("offline", "wechat_pay", "card"):
            web.client.cookies.clear()
            held = await hold(sessions, want(product), now=minutes_ago(1))
            await web.get(f"/checkout/{held.token}")
            answer = await web.submit(f"/checkout/{held.token}", {**BUYER, "way": key})
            assert answer.status_code == 303
            went[key] = answer.headers["location"]
    found = await payments(sessions)
    assert [(row.gateway, row.methods) for row in found] == [
        ("offline", []),
        ("rehearsal", ["wechat_pay"]),
        ("rehearsal", ["card"]),
    ]
    assert went["offline"].endswith("/offline")
    assert went["wechat_pay"].endswith("/screen")


async def test_a_way_that_cannot_succeed_here_is_not_taken(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    held = await hold(sessions, want(product), now=minutes_ago(1))
    placed = await order(sessions, want(product), now=minutes_ago(1))
    async with phone(database_url, tmp_path) as web:
        called(web, WECHAT)
        await web.get(f"/checkout/{held.token}")
        for key in ("alipay", "gold"):
            answer = await web.submit(f"/checkout/{held.token}", {**BUYER, "way": key})
            assert answer.status_code == 422
            assert "请选一种付款方式。" in words(answer.text)
            again = await web.submit(f"/o/{placed.token}/way", {"way": key})
            assert again.headers["location"] == f"/o/{placed.token}"
    assert len(await payments(sessions)) == 1


async def test_the_order_page_lets_the_buyer_choose_again(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    await with_code(sessions, product)
    placed = await order(sessions, want(product), now=minutes_ago(1))
    path = f"/o/{placed.token}"
    async with phone(database_url, tmp_path) as web:
        called(web, SAFARI)
        page = (await web.get(path)).text
        assert page.count('type="radio" name="way"') == 4
        assert f'action="{path}/way"' in page
        assert (await web.submit(f"{path}/way", {"way": "offline"})).headers["location"] == (
            f"{path}/offline"
        )
        assert (await web.submit(f"{path}/way", {"way": "wechat_pay"})).headers["location"] == (
            f"{path}/screen"
        )
        # Port 9 is never listened on.
        here = await web.submit(f"{path}/way", {"way": "wechat_pay", "here": "1"})
        assert here.headers["location"] == path
        assert "付款服务暂时没有应答" in words((await web.get(path)).text)
        called(web, DOUYIN)
        assert "抖音里打不开" in words((await web.get(path)).text)


async def test_the_own_code_is_shown_with_the_sum_to_the_fen(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, price_fen=26850)
    placed = await order(sessions, want(product), now=minutes_ago(1))
    path = f"/o/{placed.token}/offline"
    async with phone(database_url, tmp_path) as web:
        without = words((await web.get(path)).text)
        await with_code(sessions, product)
        page = (await web.get(path)).text
        receipt = await take(
            sessions, await clerk(sessions, product), placed, now=datetime.now(UTC)
        )
        waiting = words((await web.get(path)).text)
        order_said = words((await web.get(f"/o/{placed.token}")).text)
    assert "社工站还没有放收款码。" in without
    assert "09370000000" in without
    assert '<span class="copyable">276.50</span>' in page
    assert f'<strong class="big copyable">{placed.code}</strong>' in page
    assert '<img src="/photos/c0de/m.jpg"' in page
    assert "收款人显示“某某社工站”。" in words(page)
    assert f'data-countdown="{placed.expires_at.isoformat()}"' in page
    assert receipt.amount_fen == 27_650
    assert "收款记下了，正在核对" in waiting
    assert "不用再付" in waiting
    assert "276.50" in waiting
    assert "备注里写" not in waiting
    assert "收款记下了，正在核对" in order_said
    assert "去付款" not in order_said


async def test_nobody_is_asked_to_pay_after_the_time_or_twice(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    await with_code(sessions, product)
    placed = await order(sessions, want(product), now=minutes_ago(1))
    path = f"/o/{placed.token}"
    async with phone(database_url, tmp_path) as web:
        await change(sessions, placed, expires_at=minutes_ago(1))
        late = await web.get(f"{path}/offline")
        assert "请不要再付" in words(late.text)
        assert "/photos/c0de" not in late.text
        screen = await web.client.get(f"{path}/screen", follow_redirects=False)
        assert screen.headers["location"] == path
        await pay(sessions, placed)
        for page in ("offline", "screen"):
            answer = await web.client.get(f"{path}/{page}", follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, path)
        for page in ("offline", "screen"):
            assert (await web.get(f"/o/nobody/{page}")).status_code == 404
        await web.get(path)
        assert (await web.submit("/o/nobody/way", {"way": "card"})).status_code == 404
    assert len((await look(sessions, placed)).payments) == 1


async def test_a_second_screen_opens_the_order_from_the_code(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    placed = await order(sessions, want(product), now=minutes_ago(1))
    async with phone(database_url, tmp_path) as web:
        called(web, WECHAT)
        page = (await web.get(f"/o/{placed.token}/screen")).text
        address = f"{web.client.base_url}".rstrip("/") + f"/o/{placed.token}"
    assert address in words(page)
    assert "在这台手机上显示" in words(page)
    assert read_code(page) == address
    assert isinstance(placed, Order)


def read_code(page: str) -> str:
    """What the drawn code of a page says, its path painted as a browser would."""
    start = page.index("<svg xmlns")
    drawing = page[start : page.index("</svg>", start)]
    side = int(drawing.partition('viewBox="0 0 ')[2].partition(" ")[0])
    picture = Image.new("L", (side, side), 255)
    for run in drawing.partition('<path d="')[2].partition('"')[0].split("M")[1:]:
        x, _, rest = run.partition(" ")
        y, _, width = rest.partition("h")
        for n in range(int(width.partition("v")[0])):
            picture.putpixel((int(x) + n, int(y)), 0)
    (found,) = zxingcpp.read_barcodes(
        picture.resize((side * 6, side * 6), Image.Resampling.NEAREST)
    )
    return str(found.text)
