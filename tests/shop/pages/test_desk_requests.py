"""What buyers ask, as the desk reads and answers it."""

from pathlib import Path

from catalog.db import Sessions
from catalog.models import Kind, Role
from shop import requests, work_steps
from shop.models import BuyerRequest, Order, RequestState
from tests.desk import Desk, only, open_desk
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.pages.buyer import NASTY, value_of, words
from tests.shop.sales import figures, look, order, pay, refunds, want

VIEWERS = only(Role.MANAGER, Role.ORDER_DESK)
LIST = "/desk/requests"


async def ask(desk: Desk, kind: str, reason: str = "") -> tuple[BuyerRequest, Order]:
    """A buyer's request about a part with a finished and a made-to-order line."""
    workshop = await make_workshop(desk.sessions, desk.station)
    finished = await make_product(desk.sessions, workshop, name="鲤鱼")
    carved = await make_product(
        desk.sessions, workshop, name="竖匾", kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=2
    )
    placed = await pay(desk.sessions, await order(desk.sessions, want(finished, 2), want(carved)))
    manager = act(await make_member(desk.sessions, desk.station, Role.MANAGER))
    part = placed.work_orders[0].id
    async with desk.sessions.begin() as session:
        (await session.get_one(Order, placed.id)).custom_agreed_at = NOON
        await work_steps.accept(session, manager, part, NOON)
        if kind == "cancel":
            await work_steps.start(session, manager, part, NOON)
        else:
            await work_steps.ship(session, manager, part, "顺丰", "SF1234567890", NOON)
            await work_steps.deliver(session, manager, part, NOON)
        asked = await requests.ask(session, placed.token, part, kind, reason, NOON)
    return asked, placed


async def state(sessions: Sessions, asked: BuyerRequest) -> RequestState:
    async with sessions() as session:
        return (await session.get_one(BuyerRequest, asked.id)).state


async def test_requests_are_for_the_order_desk_and_of_one_station(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await desk.enter(Role.ORDER_DESK)
        empty = words((await desk.web.get(LIST)).text)
        none_over = words((await desk.web.get(f"{LIST}?closed=1")).text)
        asked, placed = await ask(desk, "cancel", f"买重了{NASTY}")
        path = f"{LIST}/{asked.id}"
        assert await desk.statuses(LIST) == VIEWERS
        assert await desk.statuses(path) == VIEWERS
        await desk.enter(Role.MANAGER)
        page = (await desk.web.get(LIST)).text
        await desk.web.get(path)
        await desk.enter(Role.FINANCE)
        await desk.web.get("/desk")
        for answer in ("agree", "refuse", "arrived"):
            sent = await desk.web.submit(f"{path}/{answer}", {"words": "好"})
            assert sent.status_code == 403
            await desk.web.get("/desk")
        order_page = words((await desk.web.get(f"/desk/orders/{placed.code}")).text)
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        assert (await desk.web.get(path)).status_code == 404
    assert "没有在等的申请" in empty
    assert "还没有答复过的申请" in none_over
    assert "申请取消 鲤鱼 ×2、竖匾 ×1" in words(page)
    assert "¥812" in words(page)
    assert "<script>alert" not in page
    assert "买家申请取消：买重了" in order_page
    assert await state(sessions, asked) == RequestState.ASKED


async def test_a_cancel_is_agreed_to_with_words(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        asked, placed = await ask(desk, "cancel", "买重了")
        path = f"{LIST}/{asked.id}"
        await desk.enter(Role.ORDER_DESK)
        said = words((await desk.web.get(path)).text)
        assert "买家说： 买重了" in said
        assert "¥812 马上退给买家，工单取消。先和作坊说好。" in said
        for answer in ("agree", "refuse"):
            wrong = await desk.web.submit(f"{path}/{answer}", {"words": "长" * 201})
            assert wrong.status_code == 422
            assert "给买家的话最多 200 个字，现在有 201 个。" in words(wrong.text)
            assert ("长" * 201 in wrong.text, 'href="#f-' + answer in wrong.text) == (True, True)
        done = await desk.web.submit(f"{path}/agree", {"words": "和作坊说好了"})
        after = words((await desk.web.get(done.headers["location"])).text)
        late = await desk.web.submit(f"{path}/refuse", {"words": "不行"})
        over = words((await desk.web.get(f"{LIST}?closed=1")).text)
        history = words((await desk.web.get(f"/desk/orders/{placed.code}")).text)
    assert "答复了：同意。" in after
    assert "站里的答复： 和作坊说好了" in after
    assert (late.status_code, "这个申请已经同意了。" in words(late.text)) == (409, True)
    assert "申请取消" in over
    assert "买家 申请：买重了" in history
    assert "order_desk 同意申请：和作坊说好了" in history
    assert [refund.amount_fen for refund in await refunds(sessions)] == [81200]
    assert (await look(sessions, placed)).work_orders[0].state == "cancelled"


async def test_a_return_is_agreed_to_with_an_address_and_counted_in_when_it_is_here(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        asked, placed = await ask(desk, "return")
        path = f"{LIST}/{asked.id}"
        await desk.enter(Role.ORDER_DESK)
        page = (await desk.web.get(path)).text
        assert value_of(page, "words") == "请寄到：甘肃zhongxing社工站，电话 09370000000。"
        assert "买家没有说原因，七天无理由退货不用说。" in words(page)
        assert "竖匾 ×1 · 定做，不能无理由退" in words(page)
        assert "买家寄到以后退 ¥536" in words(page)
        await desk.web.submit(f"{path}/agree", {"words": "寄到站里"})
        waiting = words((await desk.web.get(path)).text)
        assert "看过没有弄坏，再点。 ¥536 马上退给买家" in waiting
        assert "同意，等寄回" in words((await desk.web.get(LIST)).text)
        answer = await desk.web.submit(f"{path}/arrived", {"our_fault": "1"})
        again = await desk.web.submit(f"{path}/arrived", {})
        done = words((await desk.web.get(path)).text)
    assert (answer.status_code, again.status_code) == (303, 303)
    assert "收到退货，钱退给买家。" in done
    assert [refund.amount_fen for refund in await refunds(sessions)] == [53600 + 800]
    finished = next(line.product for line in placed.work_orders[0].lines if line.name == "鲤鱼")
    assert await figures(sessions, finished) == [(3, 0)]


async def test_what_has_left_meanwhile_says_so(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        asked, placed = await ask(desk, "cancel", "买重了")
        manager = act(await desk.enter(Role.MANAGER))
        path = f"{LIST}/{asked.id}"
        await desk.web.get(path)
        async with sessions.begin() as session:
            part = placed.work_orders[0].id
            await work_steps.ship(session, manager, part, "顺丰", "SF1234567890", NOON)
        answer = await desk.web.submit(f"{path}/agree", {"words": "好"})
        nonsense = await desk.web.submit(f"{path}/perhaps", {"words": "好"})
    assert (answer.status_code, nonsense.status_code) == (409, 404)
    assert "已经寄出，不能取消了。" in words(answer.text)
    assert await state(sessions, asked) == RequestState.ASKED
    assert await refunds(sessions) == []
