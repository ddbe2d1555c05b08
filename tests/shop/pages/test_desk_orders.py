"""Orders at the desk."""

from pathlib import Path

from catalog.db import Sessions
from catalog.models import Role
from shop import work_steps
from shop.models import Order, OrderState, Payment
from tests.desk import Desk, only, open_desk
from tests.making import BUYER, NOON, act, make_member, make_product, make_station, make_workshop
from tests.serving import free_port
from tests.shop.sales import expire, order, pay, want

VIEWERS = only(Role.MANAGER, Role.HOST, Role.ORDER_DESK, Role.FINANCE)


async def place(desk: Desk, **buyer: str) -> Order:
    workshop = await make_workshop(desk.sessions, desk.station)
    product = await make_product(desk.sessions, workshop, on_hand=9)
    return await order(desk.sessions, want(product), buyer={**BUYER, **buyer})


async def test_orders_are_for_those_who_deal_with_them(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        placed = await place(desk)
        path = f"/desk/orders/{placed.code}"
        assert await desk.statuses("/desk/orders") == VIEWERS
        assert await desk.statuses(path) == VIEWERS
        await desk.enter(Role.ASSISTANT)
        await desk.web.get("/desk")
        assert (await desk.web.submit(f"{path}/settle")).status_code == 403
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        assert placed.code not in (await desk.web.get("/desk/orders")).text
        await desk.web.get("/desk")
        assert (await desk.web.submit(f"{path}/settle")).status_code == 404
        for unknown in (path, "/desk/orders/22222222", "/desk/orders/%F0%9F%A6%A2"):
            assert (await desk.web.get(unknown)).status_code == 404


async def test_the_list_is_searched_and_paged(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.ORDER_DESK)
        assert "还没有订单" in (await desk.web.get("/desk/orders")).text
        first = await place(desk, name="李强 🪵 <b>")
        second = await place(desk, phone="13912345678")
        for query, codes in (
            ("q=李强", [first.code]),
            ("q=5678", [second.code]),
            (f"q={second.code.lower()}", [second.code]),
            ("state=unpaid&day=2026-11-22", [first.code, second.code]),
            ("state=paid", []),
            ("day=2026-11-21", []),
            ("state=x&day=0001-01-01&before=x&q=%00", [first.code, second.code]),
            ("day=tomorrow&before=-1", [first.code, second.code]),
        ):
            page = await desk.web.get(f"/desk/orders?{query}")
            assert page.status_code == 200
            assert [c for c in (first.code, second.code) if f"<strong>{c}<" in page.text] == codes
        assert "李强 🪵 &lt;b&gt;" in (await desk.web.get("/desk/orders")).text
        assert "没有找到" in (await desk.web.get("/desk/orders?q=没有的")).text


async def test_older_orders_are_on_the_next_page(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        product = await make_product(sessions, workshop, on_hand=99)
        placed = [await order(sessions, want(product)) for _ in range(51)]
        await desk.enter(Role.FINANCE)
        page = (await desk.web.get("/desk/orders?state=unpaid")).text
        assert f"<strong>{placed[0].code}<" not in page
        next_page = f"/desk/orders?state=unpaid&amp;before={placed[1].id}"
        assert f'href="{next_page}"' in page
        page = (await desk.web.get(next_page.replace("&amp;", "&"))).text
        assert f"<strong>{placed[0].code}<" in page
        assert 'href="/desk/orders?state=unpaid"' in page


async def test_an_order_shows_its_money_its_parcels_and_who_did_what(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        placed = await pay(sessions, await place(desk))
        staff = act(await make_member(sessions, desk.station, Role.ORDER_DESK))
        part = placed.work_orders[0]
        async with sessions.begin() as session:
            await work_steps.accept(session, staff, part.id, NOON)
            await work_steps.decline(session, staff, part.id, "病了 <b>", NOON)
        await desk.enter(Role.FINANCE)
        page = (await desk.web.get(f"/desk/orders/{placed.code}")).text
        for text in (
            "王芳", "甘肃 兰州 城关", "东岗西路 1 号", "福字圆挂 ×1", "已取消", "¥276", "−276", "+276",
            "接不了：病了 &lt;b&gt;", "order_desk</strong> 替 王家木作 说接不了", "要退", "138****8000",
        ):  # fmt: skip
            assert text in page
        assert "13800138000" not in page
        assert "看一下付款" not in page
        await desk.enter(Role.ORDER_DESK)
        page = (await desk.web.get(f"/desk/orders/{placed.code}")).text
        assert "138****8000" in page
        assert "13800138000" not in page


async def test_looking_at_a_payment_that_is_not_there_changes_nothing(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        unpaid, over = await place(desk), await expire(sessions, await place(desk))
        await desk.enter(Role.HOST)
        assert "看一下付款" in (await desk.web.get(f"/desk/orders/{unpaid.code}")).text
        for placed, said in (
            (unpaid, "问过了：买家还没有付款。"),
            (over, "这笔订单没有在等的付款。"),
        ):
            path = f"/desk/orders/{placed.code}"
            answer = await desk.web.submit(f"{path}/settle")
            assert (answer.status_code, answer.headers["location"]) == (303, path)
            page = await desk.web.get(path)
            assert said in page.text
            async with sessions() as session:
                assert (await session.get_one(Order, placed.id)).state == placed.state


async def test_a_gateway_that_does_not_answer_is_told_in_place(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    port = str(free_port())
    async with open_desk(sessions, database_url, tmp_path, PORT=port) as desk:
        placed = await place(desk)
        async with sessions.begin() as session:
            payment = await session.get_one(Payment, placed.payments[0].id)
            payment.session_id = "cs_test_nobody_answers"
        await desk.enter(Role.MANAGER)
        path = f"/desk/orders/{placed.code}"
        await desk.web.get(path)
        answer = await desk.web.submit(f"{path}/settle")
        assert answer.status_code == 503
        assert "付款服务暂时没有应答，什么都没有变。" in answer.text
        assert placed.code in answer.text
        async with sessions() as session:
            assert (await session.get_one(Order, placed.id)).state == OrderState.UNPAID
