"""The console: what the host reads, and the fragments that keep it true."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from httpx import ASGITransport, AsyncClient, Response
from litestar import Litestar
from sqlalchemy import update

from catalog.db import Sessions
from catalog.models import Product, Role
from live.announcements import Sold, add_all
from live.control import take
from live.marks import UNDO_WITHIN
from live.models import LineUpItem, Show, ShowState
from live.on_air import REOPEN_WITHIN, end_show, show_now
from live.overlays import make_overlay
from live.pages.console import PARTS
from live.shows import get_show
from shop.signin import new_api_token, sign_in
from tests.live.acting import host_of, item_of, make_link, member_of, sibling, take_pieces
from tests.making import NOON, PASSWORD, make_live_show, make_member, make_product, make_station
from tests.web import Browser, application, browser, settings_for


@pytest.fixture
async def products(sessions: Sessions) -> list[Product]:
    first = await make_product(sessions, on_hand=2)
    return [first, await sibling(sessions, first, name="平安竖匾")]


@pytest.fixture
async def show(sessions: Sessions, products: list[Product]) -> Show:
    return await make_live_show(sessions, products, price_fen=24100)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Any:
    return settings_for(database_url, tmp_path)


async def opened(web: Browser, sessions: Sessions, show: Show, role: Role, product: Product) -> str:
    member = await member_of(sessions, product, role)
    await web.sign_in(member.login)
    return (await web.get(f"/desk/shows/{show.id}/console")).text


async def press(web: Browser, show: Show, what: str, **values: object) -> Response:
    """Press a button of the console that was last got; the answer, with the console it leads to."""
    path = f"/desk/shows/{show.id}"
    answer = await web.submit(f"{path}/{what}", {k: str(v) for k, v in values.items()})
    if answer.status_code == 303:
        assert answer.headers["location"] == f"{path}/console"
        await web.get(f"{path}/console")
    return answer


async def kept(sessions: Sessions, show: Show) -> Show:
    async with sessions() as session:
        return await get_show(session, show.id)


async def test_the_console_shows_now_and_next_with_their_keys(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    await make_link(sessions, products[0], show)
    second = await item_of(sessions, show, products[1])
    async with browser(settings) as web:
        page = await opened(web, sessions, show, Role.ASSISTANT, products[0])
        assert "<h1>福字圆挂</h1>" in page
        assert "¥241" in page
        assert "还有 2 件" in page
        assert "下一件：平安竖匾" in page
        for key in "2SMKNQF":
            assert (f'data-key="{key}"' in page) == (key != "N"), key
        assert f'id="seat-{second.id}" data-key="2"' in page
        assert "7 K 3 F D" in page
        assert 'data-tap="now"' in page
        assert (await press(web, show, "now", item=second.id)).status_code == 303
        assert "<h1>平安竖匾</h1>" in web.page
        assert "这是最后一件" in web.page
        assert 'data-key="J"' in web.page
        assert "您在控制" in web.page


async def test_a_volunteer_reads_along_without_buttons(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    async with browser(settings) as web:
        page = await opened(web, sessions, show, Role.VOLUNTEER, products[0])
        assert "<h1>福字圆挂</h1>" in page
        assert "data-tap" in page
        assert "go-next" not in page
        assert set(re.findall(r'data-key="(.)"', page)) == {"F"}
        item = show.items[1].id
        for what in ("now", "sold-out", "sold-out/undo", "read", "policy", "control", "reopen"):
            await web.get(f"/desk/shows/{show.id}/console")
            assert (await press(web, show, what, item=item)).status_code == 403, what
    after = await kept(sessions, show)
    assert (after.now_item_id, after.controller_id) == (show.now_item_id, None)


async def test_an_ended_show_says_so_and_may_be_taken_up_again(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    async with sessions.begin() as session:
        await end_show(session, await host_of(sessions, show), show.id, datetime.now(UTC))
    async with browser(settings) as web:
        page = await opened(web, sessions, show, Role.MANAGER, products[0])
        assert "这一场已经结束" in page
        assert set(re.findall(r'data-key="(.)"', page)) == {"F", "Q"}
        answer = await press(web, show, "now", item=show.items[1].id)
        assert (answer.status_code, "这一场没有在直播" in answer.text) == (409, True)
        answer = await press(web, show, "sold-out", item=show.items[1].id)
        assert (answer.status_code, "不用记“已售”" in answer.text) == (409, True)
        assert (await press(web, show, "reopen")).status_code == 303
        assert "<h1>福字圆挂</h1>" in web.page
        assert "您在控制" in web.page
        assert (await kept(sessions, show)).state == ShowState.LIVE
        async with sessions.begin() as session:
            ended = update(Show).values(
                state=ShowState.ENDED, ended_at=datetime.now(UTC) - REOPEN_WITHIN
            )
            await session.execute(ended)
        assert "go-reopen" not in (await web.get(f"/desk/shows/{show.id}/console")).text
        answer = await press(web, show, "reopen")
        assert (answer.status_code, "两个小时以上" in answer.text) == (409, True)
    assert (await kept(sessions, show)).state == ShowState.ENDED


async def test_before_the_show_the_first_piece_is_there_to_be_read(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    async with sessions.begin() as session:
        await session.execute(
            update(Show).values(state=ShowState.READY, started_at=None, now_item_id=None)
        )
    async with browser(settings) as web:
        page = await opened(web, sessions, show, Role.HOST, products[0])
    assert "开播先讲这一件" in page
    assert "<h1>福字圆挂</h1>" in page
    assert "go-start" in page
    assert set(re.findall(r'data-key="(.)"', page)) == {"F", "Q"}


async def test_who_does_not_control_is_refused_until_they_take_over(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    first, second = [item.id for item in show.items]
    async with browser(settings) as host, browser(settings) as other:
        await opened(host, sessions, show, Role.HOST, products[0])
        assert (await press(host, show, "now", item=second)).status_code == 303
        page = await opened(other, sessions, show, Role.ASSISTANT, products[0])
        assert "host在控制" in page
        assert "接过来" in page
        assert "go-next" not in page
        for what in ("now", "sold-out", "sold-out/undo"):
            answer = await press(other, show, what, item=first)
            assert answer.status_code == 409
            assert "现在是host在控制，刚才那一下没有算。" in answer.text
        answer = await other.submit(f"/desk/shows/{show.id}/end")
        assert answer.status_code == 403
        after = await kept(sessions, show)
        assert (after.now_item_id, after.items[0].sold_out_at) == (second, None)
        await other.get(f"/desk/shows/{show.id}/console")
        assert (await press(other, show, "control")).status_code == 303
        assert (await press(other, show, "now", item=first)).status_code == 303
        await host.get(f"/desk/shows/{show.id}/console")
        assert "assistant在控制" in host.page
        answer = await host.submit(f"/desk/shows/{show.id}/end")
        assert (answer.status_code, "assistant在控制" in answer.text) == (409, True)
    after = await kept(sessions, show)
    assert (after.now_item_id, after.state) == (first, ShowState.LIVE)


async def test_programs_are_not_bound_to_a_controller(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    member = await member_of(sessions, products[0], Role.ASSISTANT)
    async with sessions.begin() as session:
        token = await new_api_token(session, member, "test", NOON)
    async with browser(settings) as web:
        await opened(web, sessions, show, Role.HOST, products[0])
        await press(web, show, "now", item=show.items[1].id)
        answer = await web.client.post(
            f"/api/shows/{show.id}/now",
            json={"lineup_item": show.items[0].id},
            headers={"Authorization": f"Bearer {token}"},
        )
    assert answer.status_code == 200
    assert (await kept(sessions, show)).now_item_id == show.items[0].id


async def test_sold_out_by_hand_is_undone_at_a_touch_and_later_from_the_list(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    item = show.items[0].id
    link = await make_link(sessions, products[0], show)
    async with browser(settings) as web:
        await opened(web, sessions, show, Role.ASSISTANT, products[0])
        assert (await press(web, show, "sold-out", item=item)).status_code == 303
        assert 'id="undo" class="button button-danger" data-key="U"' in web.page
        assert f'id="again-{item}"' in web.page
        assert 'data-key="S"' not in web.page
        buyer = (await web.get(f"/Q/{link.code}")).text
        assert "卖完" in buyer
        assert 'action="/holds"' not in buyer
        await web.get(f"/desk/shows/{show.id}/console")
        assert (await press(web, show, "sold-out/undo", item=item)).status_code == 303
        assert 'data-key="S"' in web.page
        await press(web, show, "sold-out", item=item)
        async with sessions.begin() as session:
            await session.execute(update(LineUpItem).values(sold_out_at=NOON - UNDO_WITHIN))
        await web.get(f"/desk/shows/{show.id}/console")
        assert 'data-key="U"' not in web.page
        assert f'id="again-{item}"' in web.page
        assert (await press(web, show, "sold-out/undo", item=item)).status_code == 303
    assert (await kept(sessions, show)).items[0].sold_out_at is None


async def test_sales_are_read_out_the_oldest_by_its_key(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    sold = [
        Sold(show.items[0].id, n, name, "兰州市", NOON) for n, name in ((2, "王芳"), (1, "<i>"))
    ]
    async with sessions.begin() as session:
        await add_all(session, sold)
    async with browser(settings) as web:
        page = await opened(web, sessions, show, Role.ASSISTANT, products[0])
        assert "兰州的 王* 买下 <strong>福字圆挂</strong> ×2" in page
        assert "王芳" not in page
        first, second = [int(n) for n in re.findall(r'id="read-(\d+)"', page)]
        assert f'id="read-{first}" class="button" data-key="N"' in page
        assert (await press(web, show, "read", announcement=first)).status_code == 303
        assert f'id="read-{second}" class="button" data-key="N"' in web.page
        assert f'id="unread-{first}"' in web.page
        assert (await press(web, show, "read/undo", announcement=first)).status_code == 303
        assert f'id="read-{first}" class="button" data-key="N"' in web.page
        assert (await press(web, show, "read", announcement=999_999)).status_code == 404


async def test_a_channel_s_policy_changes_at_one_touch_whoever_controls(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        overlay, _ = await make_overlay(session, host, NOON, channel="抖音")
        await take(session, host, show.id, "host" * 5, datetime.now(UTC))
    async with browser(settings) as web:
        page = await opened(web, sessions, show, Role.ASSISTANT, products[0])
        assert "抖音 · 二维码和价格" in page
        answer = await press(web, show, "policy", overlay=overlay.id, policy="spoken")
        assert (answer.status_code, "抖音 · 只报码" in web.page) == (303, True)
        answer = await press(web, show, "policy", overlay=overlay.id, policy="loud")
        assert answer.status_code == 409
        assert (await press(web, show, "policy", overlay=999_999, policy="qr")).status_code == 404


async def test_an_assistant_steers_and_moves_no_money(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    member = await member_of(sessions, products[0], Role.ASSISTANT)
    async with browser(settings) as web:
        await web.sign_in(member.login)
        for path in (
            "/desk/work-orders/1/answer", "/desk/work-orders/1/cancel", "/desk/requests/1/agree",
            "/desk/requests/1/arrived", "/desk/refunds/1/record", "/desk/refunds/1/confirm",
            "/desk/receipts/1/confirm", "/desk/receipts/1/reject", "/desk/troubles/1/retry",
            "/desk/money/payouts/1/paid", "/desk/orders/X/settle", "/desk/orders/X/receipt",
            f"/desk/shows/{show.id}/end", f"/desk/shows/{show.id}/reopen",
        ):  # fmt: skip
            await web.get(f"/desk/shows/{show.id}/console")
            assert (await web.submit(path)).status_code == 403, path
        await web.get(f"/desk/shows/{show.id}/console")
        assert (await press(web, show, "now", item=show.items[1].id)).status_code == 303
    assert (await kept(sessions, show)).state == ShowState.LIVE


async def test_another_station_finds_no_console(
    sessions: Sessions, show: Show, settings: Any
) -> None:
    other = await make_member(sessions, await make_station(sessions, "other"), Role.MANAGER)
    async with browser(settings) as web:
        await web.sign_in(other.login)
        for what in ("now", "sold-out", "sold-out/undo", "read", "policy", "control", "reopen"):
            await web.get("/desk/shows/new")
            values = {"item": show.items[1].id, "overlay": 1, "policy": "qr"}
            assert (await press(web, show, what, **values)).status_code == 404, what
    assert (await kept(sessions, show)).controller_id is None


async def test_the_market_is_asked_about_and_leads_back_to_the_console(
    sessions: Sessions, products: list[Product], show: Show, settings: Any
) -> None:
    link = await make_link(sessions, products[0], show)
    market = f"/desk/products/{products[0].id}/market"
    async with browser(settings) as buyer, browser(settings) as web:
        await buyer.get(f"/Q/{link.code}")
        held = await buyer.submit("/holds", {"link": link.code, "quantity": "1"})
        assert held.status_code == 303, held.text
        await opened(web, sessions, show, Role.ASSISTANT, products[0])
        assert f'href="{market}?show={show.id}"' in web.page
        await web.get(f"{market}?show={show.id}")
        assert "1 位买家正留着" in web.page
        answer = await web.submit(market, {"seen": "2", "pieces": "9", "show": str(show.id)})
        assert (answer.status_code, "最多 2 件" in answer.text) == (422, True)
        answer = await web.submit(market, {"seen": "2", "pieces": "2", "show": str(show.id)})
        assert answer.headers["location"] == f"/desk/shows/{show.id}/console"
        page = (await web.get(answer.headers["location"])).text
        assert "集市卖了 2 件，库存减好了。1 位买家留着的放掉了" in page
        assert "卖完了" in page
        answer = await buyer.client.get(held.headers["location"])
        assert (answer.status_code, "刚刚在集市上卖给了别人" in answer.text) == (409, True)
        answer = await web.submit(market, {"seen": "2", "pieces": "2"})
        assert (answer.status_code, "现在有 0 件" in answer.text) == (422, True)


@asynccontextmanager
async def listening(app: Litestar, path: str, cookie: str) -> AsyncIterator[asyncio.Queue[bytes]]:
    """The bytes of an event stream as they come; clients for tests wait for an answer's end."""
    chunks: asyncio.Queue[bytes] = asyncio.Queue()
    gone = asyncio.Event()

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
        else:
            chunks.put_nowait(message["body"])

    scope: Any = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": path, "raw_path": path.encode(), "root_path": "",
        "query_string": b"", "headers": [(b"cookie", cookie.encode())],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "extensions": {},
    }  # fmt: skip
    answer = asyncio.create_task(app(scope, receive, send))
    try:
        yield chunks
    finally:
        gone.set()
        await answer


async def fragments(chunks: "asyncio.Queue[bytes]", wanted: set[str]) -> dict[str, str]:
    """Read until each part in `wanted` has come."""
    found: dict[str, str] = {}
    async with asyncio.timeout(20):
        while not wanted <= found.keys():
            for line in (await chunks.get()).decode().splitlines():
                if line.startswith("data: "):
                    found |= msgspec.json.decode(line[6:], type=dict[str, str])
    return found


@pytest.fixture
async def app(settings: Any) -> AsyncIterator[Litestar]:
    """The application in the test's own loop."""
    with application(settings) as app:
        yield app
        await app.state.shop.close()


async def test_what_changes_is_sent_as_fragments_and_the_rest_is_left_alone(
    sessions: Sessions, products: list[Product], show: Show, app: Litestar
) -> None:
    link = await make_link(sessions, products[0], show)
    second = await item_of(sessions, show, products[1])
    host = await host_of(sessions, show)
    login = (await member_of(sessions, products[0], Role.HOST)).login
    token, _ = await sign_in(
        app.state.shop.database, login, PASSWORD, "127.0.0.1", datetime.now(UTC)
    )
    path, cookie = f"/desk/shows/{show.id}/console", f"xb_session={token}"
    async with AsyncClient(transport=ASGITransport(app), base_url="http://x") as client:
        page = (await client.get(path, headers={"Cookie": cookie})).text
    boards = app.state.boards
    async with listening(app, f"{path}/events", cookie) as chunks:
        whole = await fragments(chunks, set(PARTS))
        for part, html in whole.items():
            assert f'id="{part}"' in html
            if part not in ("pace", "lineup", "piece"):
                assert html.strip() in page, part
        async with sessions.begin() as session:
            await take_pieces(session, link.code, 2)
        await boards.nudge(show.id)
        changed = await fragments(chunks, {"figures", "piece", "lineup"})
        assert "都有人在付款" in changed["piece"]
        assert "预留中" in changed["lineup"]
        assert not {"controls", "talk", "state", "feed"} & changed.keys()
        async with sessions.begin() as session:
            await take(session, host, show.id, "another screen", datetime.now(UTC))
            await add_all(session, [Sold(second.id, 1, "王芳", "兰州", NOON)])
        changed = await fragments(chunks, {"state", "controls", "feed", "feed-count"})
        assert "host在控制" in changed["state"]
        assert "go-next" not in changed["controls"]
        assert "兰州的 王*" in changed["feed"]
        async with sessions.begin() as session:
            await show_now(session, host, show.id, second.id, NOON)
        await boards.nudge(show.id)
        changed = await fragments(chunks, {"piece", "controls", "talk"})
        assert "平安竖匾" in changed["piece"]
        assert "figures" not in changed
    assert boards._tasks == {}
