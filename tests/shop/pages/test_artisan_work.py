"""A family's work on its phone: from a new work order to a parcel on its way, or a no."""

from pathlib import Path

import pytest
from httpx import Response
from sqlalchemy import func, select

from catalog.db import Database, Sessions
from catalog.models import Kind
from shop import ledger
from shop.models import Refund, WorkOrderState
from tests.making import BUYER, make_product, make_station
from tests.shop.pages.family import (
    Family,
    make_family,
    order_paid,
    order_unpaid,
    stock_now,
    work_order_now,
)
from tests.web import Browser, browser, settings_for

PRIVATE = (BUYER["name"], BUYER["phone"], BUYER["detail"], BUYER["district"])
PARCEL = {"carrier": "邮政快递", "tracking": "98765 43210 123"}


async def send(web: Browser, path: str, values: dict[str, str] | None = None) -> Response:
    """Send a form whether or not the page that is open still has it, as an old tab may."""
    await web.get("/workshop/earnings")
    return await web.submit(path, values)


async def press(web: Browser, path: str, step: str, **values: str) -> str:
    """Press a step's button; the message that the next page shows."""
    answer = await send(web, f"{path}/{step}", values)
    assert (answer.status_code, answer.headers.get("location")) == (303, path), answer.text
    page = (await web.get(path)).text
    return page.split('role="status">', 1)[1].split("<", 1)[0]


async def test_a_made_piece_goes_from_new_to_shipped(
    sessions: Sessions, database: Database, database_url: str, tmp_path: Path, family: Family
) -> None:
    product = await make_product(
        sessions, family.workshop, name="平安竖匾", kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7
    )
    work_order = await order_paid(sessions, (product, 1))
    path = f"/workshop/work-orders/{work_order.id}"
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        assert f'href="{path}"' in web.page
        assert "有 1 单新活等您回话" in web.page
        page = (await web.get(path)).text
        for words in (
            "有人要您做",
            "平安竖匾",
            "甘肃兰州的买家",
            "¥268",
            "¥8",
            "11月29日",
            "接，我能做",
            "换个日子",
        ):
            assert words in page
        assert not any(word in page for word in PRIVATE)
        assert await press(web, path, "accept") == "好，您接下了。"
        assert "开始做" in web.page
        assert not any(word in web.page for word in PRIVATE)
        assert await press(web, path, "start") == "记下了，您慢慢做。"
        assert "做好了吗？" in web.page
        assert not any(word in web.page for word in PRIVATE)
        assert await press(web, path, "ready") == "好，可以寄了。"
        assert all(word in web.page for word in PRIVATE if word != BUYER["phone"])
        assert BUYER["phone"] not in web.page
        assert BUYER["phone"] in (await send(web, f"{path}/phone")).text
        page = (await web.get(f"{path}/ship")).text
        assert "哪家快递寄的？" in page
        assert await press(web, path, "ship", **PARCEL) == "寄出了，单号也告诉买家了。"
        assert "9876543210123" in web.page
        assert not any(word in web.page for word in PRIVATE)
    kept = await work_order_now(database, work_order.id)
    assert (kept.state, kept.carrier, kept.tracking) == (
        WorkOrderState.SHIPPED,
        "邮政快递",
        "9876543210123",
    )


async def test_finished_pieces_are_packed_and_leave_the_stock_when_sent(
    sessions: Sessions, database: Database, database_url: str, tmp_path: Path, family: Family
) -> None:
    product = await make_product(sessions, family.workshop, on_hand=3)
    work_order = await order_paid(sessions, (product, 2))
    path = f"/workshop/work-orders/{work_order.id}"
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        page = (await web.get(path)).text
        assert "有人买了您的" in page
        assert "福字圆挂 2 件" in page
        assert "接，我能寄" in page
        assert "换个日子" not in page
        await press(web, path, "accept")
        assert "包好了吗？" in web.page
        assert await stock_now(database, product) == (3, 2)
        await press(web, path, "ready")
        await press(web, path, "ship", **PARCEL)
    assert await stock_now(database, product) == (1, 0)


async def test_a_button_pressed_twice_does_its_work_once(
    sessions: Sessions, database: Database, database_url: str, tmp_path: Path, family: Family
) -> None:
    product = await make_product(sessions, family.workshop, on_hand=3)
    work_order = await order_paid(sessions, (product, 1))
    path = f"/workshop/work-orders/{work_order.id}"
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        for step, values in (("accept", {}), ("ready", {}), ("ship", PARCEL)):
            await press(web, path, step, **values)
            await press(web, path, step, **values)
        answer = await send(web, f"{path}/ready")
        assert answer.status_code == 409
        assert "这张工单已经走过这一步了。" in answer.text
        assert "9876543210123" in answer.text
    assert await stock_now(database, product) == (2, 0)


async def test_a_wrong_parcel_number_is_asked_again_with_what_was_typed(
    sessions: Sessions, database: Database, database_url: str, tmp_path: Path, family: Family
) -> None:
    product = await make_product(sessions, family.workshop)
    work_order = await order_paid(sessions, (product, 1))
    path = f"/workshop/work-orders/{work_order.id}"
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        await press(web, path, "accept")
        await press(web, path, "ready")
        typed = {"carrier": "顺丰", "tracking": "单号<123>"}
        answer = await send(web, f"{path}/ship", typed)
        assert answer.status_code == 422
        assert "快递单号只有数字和字母" in answer.text
        assert 'value="单号&lt;123&gt;"' in answer.text
        assert 'value="顺丰" checked' in answer.text
        answer = await send(web, f"{path}/ship", {"tracking": "9876543210123"})
        assert answer.status_code == 422
        assert "请填写快递公司。" in answer.text
    kept = await work_order_now(database, work_order.id)
    assert (kept.state, kept.carrier, kept.tracking) == (WorkOrderState.READY, "", "")


async def test_saying_no_asks_why_then_once_more_and_gives_the_money_back_once(
    sessions: Sessions, database: Database, database_url: str, tmp_path: Path, family: Family
) -> None:
    product = await make_product(sessions, family.workshop, on_hand=3)
    work_order = await order_paid(sessions, (product, 2))
    path = f"/workshop/work-orders/{work_order.id}"
    why = {"reason": "other", "other": "摔裂了"}
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        assert "还会再问您一次" in (await web.get(f"{path}/decline")).text
        for typed in ({}, {"reason": "other", "other": " "}):
            answer = await send(web, f"{path}/decline", typed)
            assert answer.status_code == 422
            assert "请填写原因。" in answer.text
        answer = await send(web, f"{path}/decline", why)
        assert answer.status_code == 200
        for words in ("真的寄不了吗？", "这一步收不回来", "¥544", "摔裂了", "tel:09370000000"):
            assert words in answer.text
        assert (await work_order_now(database, work_order.id)).state == WorkOrderState.NEW
        sure = {"reason": "摔裂了", "sure": "yes"}
        assert await press(web, path, "decline", **sure) == "知道了，这一单您不用管了。"
        await press(web, path, "decline", **sure)
        assert "您说了：摔裂了" in web.page
        for gone in ("accept", "undo/accept"):
            answer = await send(web, f"{path}/{gone}")
            assert answer.status_code == 409
    async with database.reading() as session:
        assert await session.scalar(select(func.sum(Refund.amount_fen))) == 54400
        assert await ledger.balance_fen(session, family.workshop.id) == 0
    assert await stock_now(database, product) == (1, 0)


async def test_a_slip_of_the_finger_is_taken_back(
    sessions: Sessions, database: Database, database_url: str, tmp_path: Path, family: Family
) -> None:
    product = await make_product(sessions, family.workshop, on_hand=3)
    work_order = await order_paid(sessions, (product, 1))
    path = f"/workshop/work-orders/{work_order.id}"
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        await press(web, path, "accept")
        assert "点错了，还没接" in web.page
        await press(web, path, "ready")
        assert "点错了，还没包好" in web.page
        answer = await send(web, f"{path}/undo/accept")
        assert (answer.status_code, "收不回了" in answer.text) == (409, True)
        assert await press(web, path, "undo/ready") == "收回了，还没做好。"
        assert await press(web, path, "undo/accept") == "收回了，这一单还等您回话。"
        assert "接不接？" in web.page
        assert (await send(web, f"{path}/undo/ship")).status_code == 404
    kept = await work_order_now(database, work_order.id)
    assert (kept.state, kept.accepted_at, kept.ready_at) == (WorkOrderState.NEW, None, None)


async def test_work_that_has_begun_can_not_be_declined(
    sessions: Sessions, database: Database, database_url: str, tmp_path: Path, family: Family
) -> None:
    product = await make_product(
        sessions, family.workshop, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7
    )
    work_order = await order_paid(sessions, (product, 1))
    path = f"/workshop/work-orders/{work_order.id}"
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        await web.get(path)
        answer = await send(web, f"{path}/start")
        assert answer.status_code == 409
        assert "先接下这张工单，再开始做。" in answer.text
        assert "接，我能做" in answer.text
        await press(web, path, "accept")
        await press(web, path, "start")
        assert f'href="{path}/decline"' not in web.page
        answer = await send(web, f"{path}/decline", {"reason": "这阵子忙不过来"})
        assert answer.status_code == 409
        assert "已经动工，不能再说接不了。" in answer.text
        for form in ("decline", "ship"):
            answer = await web.client.get(f"{path}/{form}", follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, path)
    kept = await work_order_now(database, work_order.id)
    assert (kept.state, kept.decline_reason) == (WorkOrderState.MAKING, "")


@pytest.mark.parametrize("whose", ["another family's", "not paid for"])
async def test_what_is_not_the_familys_to_make_is_not_there(
    sessions: Sessions,
    database: Database,
    database_url: str,
    tmp_path: Path,
    family: Family,
    whose: str,
) -> None:
    if whose == "not paid for":
        product = await make_product(sessions, family.workshop)
        work_order = (await order_unpaid(sessions, (product, 1))).work_orders[0]
    else:
        neighbours = await make_family(sessions, family.station, "李家木雕")
        product = await make_product(sessions, neighbours.workshop)
        work_order = await order_paid(sessions, (product, 1))
    before = work_order.state
    path = f"/workshop/work-orders/{work_order.id}"
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        assert "现在没有要做的" in web.page
        assert "福字圆挂" not in web.page
        for form in ("", "/ship", "/decline"):
            assert (await web.client.get(f"{path}{form}")).status_code == 404
        values = {"reason": "没有了", **PARCEL}
        for step in ("accept", "start", "ready", "ship", "decline"):
            assert (await send(web, f"{path}/{step}", values)).status_code == 404
        # A form that would come back must not show it either.
        assert (await send(web, f"{path}/ship", {})).status_code == 404
        assert (await send(web, f"{path}/decline", {})).status_code == 404
    kept = await work_order_now(database, work_order.id)
    assert (kept.state, kept.tracking, kept.decline_reason) == (before, "", "")
    assert await stock_now(database, product) == (3, 1)


async def test_new_work_stands_first_and_then_what_is_due_first(
    sessions: Sessions, database_url: str, tmp_path: Path, family: Family
) -> None:
    product = await make_product(
        sessions, family.workshop, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=2
    )
    ids = [(await order_paid(sessions, (product, 1))).id for _ in range(3)]
    async with browser(settings_for(database_url, tmp_path)) as web:
        await web.sign_in(family.artisan.login)
        for taken in (ids[1], ids[0]):
            await press(web, f"/workshop/work-orders/{taken}", "accept")
        page = (await web.get("/workshop")).text
        places = [page.index(f'"/workshop/work-orders/{i}"') for i in (ids[2], ids[0], ids[1])]
        assert places == sorted(places)
        assert "有 1 单新活等您回话" in page


async def test_another_stations_artisan_and_a_stranger_see_nothing(
    sessions: Sessions, database_url: str, tmp_path: Path, family: Family
) -> None:
    product = await make_product(sessions, family.workshop)
    work_order = await order_paid(sessions, (product, 1))
    elsewhere = await make_family(sessions, await make_station(sessions, "elsewhere"))
    path = f"/workshop/work-orders/{work_order.id}"
    async with browser(settings_for(database_url, tmp_path)) as web:
        answer = await web.client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={path}")
        await web.sign_in(elsewhere.artisan.login)
        assert (await web.client.get(path)).status_code == 404
        assert (await web.client.get(f"/workshop/work-orders/{2**64}")).status_code == 404
