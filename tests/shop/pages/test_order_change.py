"""A buyer changes their mind on the order page: what is offered, confirmed, and said afterwards."""

from datetime import timedelta
from pathlib import Path

import pytest

from catalog.access import Actor
from catalog.db import Sessions
from catalog.models import Kind, Product
from shop import requests, work_steps
from shop.models import Order, WorkOrder
from shop.undo import undo_step
from tests.making import act, make_product, make_station, make_workshop, this_moment
from tests.shop.pages.buyer import NASTY, change, minutes_ago, phone, value_of, words
from tests.shop.sales import figures, look, order, pay, refunds, staff, two_workshops, want


async def sold(sessions: Sessions, *products: Product) -> tuple[Order, Actor]:
    """A paid order, and a manager."""
    wanted = (want(product) for product in products)
    placed = await pay(sessions, await order(sessions, *wanted, now=minutes_ago(1)))
    return placed, act(await staff(sessions, products[0]))


async def step(sessions: Sessions, actor: Actor, part: WorkOrder, *names: str) -> None:
    for name in names:
        facts = ("顺丰", "SF1234567890") if name == "ship" else ()
        async with sessions.begin() as session:
            await getattr(work_steps, name)(session, actor, part.id, *facts, this_moment())


async def test_a_part_is_cancelled_after_a_second_look(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    one, two = await two_workshops(sessions)
    placed, _ = await sold(sessions, one, two)
    path, part = f"/o/{placed.token}", placed.work_orders[0]
    async with phone(database_url, tmp_path) as web:
        page = (await web.get(path)).text
        assert words(page).count("作坊动工以前可以取消，钱全部退给您。") == 2
        assert f'href="{path}/change?part={part.id}"' in page
        asks = words((await web.get(f"{path}/change?part={part.id}")).text)
        assert "这一份不要了？ 作坊还没有动工。" in asks
        assert "寄费 ¥8 退给您 ¥276" in asks
        assert "取消，退 ¥276" in asks
        assert await refunds(sessions) == []
        answer = await web.submit(f"{path}/cancel", {"part": str(part.id)})
        done = words((await web.get(answer.headers["location"])).text)
        again = await web.submit(f"{path}/cancel", {"part": str(part.id)})
        gone = await web.client.get(f"{path}/change?part={part.id}", follow_redirects=False)
    assert answer.status_code == again.status_code == gone.status_code == 303
    assert gone.headers["location"] == path
    assert "取消了，钱在退给您。" in done
    assert "已经取消。 退款 ¥276： 已经登记，马上交给付款平台。不用您做什么。" in done
    assert done.count("作坊动工以前可以取消") == 1
    assert [refund.amount_fen for refund in await refunds(sessions)] == [27600]


async def test_work_that_began_while_the_buyer_thought_is_not_cancelled(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    placed, manager = await sold(sessions, await make_product(sessions))
    path, part = f"/o/{placed.token}", placed.work_orders[0]
    async with phone(database_url, tmp_path) as web:
        await web.get(f"{path}/change?part={part.id}")
        await step(sessions, manager, part, "accept", "start")
        answer = await web.submit(f"{path}/cancel", {"part": str(part.id)})
        said = words((await web.get(answer.headers["location"])).text)
    assert "作坊已经动工，不能直接取消了。可以申请取消，由社工站和作坊商量。" in said
    assert "申请取消" in said
    assert await refunds(sessions) == []


async def test_a_cancel_is_asked_for_answered_and_read(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    placed, manager = await sold(sessions, await make_product(sessions))
    path, part = f"/o/{placed.token}", placed.work_orders[0]
    await step(sessions, manager, part, "accept", "start")
    form = {"part": str(part.id), "kind": "cancel"}
    async with phone(database_url, tmp_path) as web:
        asks = words((await web.get(f"{path}/change?part={part.id}")).text)
        assert "申请取消 作坊已经动工了。" in asks
        empty = await web.submit(f"{path}/ask", {**form, "reason": " "})
        long = await web.submit(f"{path}/ask", {**form, "reason": NASTY * 9})
        assert (empty.status_code, long.status_code) == (422, 422)
        assert "请填写原因。" in words(empty.text)
        assert value_of(long.text, "reason") == NASTY * 9
        assert "<script>alert" not in long.text
        answer = await web.submit(f"{path}/ask", {**form, "reason": "买重了"})
        page = (await web.get(answer.headers["location"])).text
        assert "您申请了取消， 等社工站答复。答复以前作坊可能还在做。" in words(page)
        async with sessions.begin() as session:
            (asked,) = await requests.requests_of(session, placed.id)
            await requests.refuse(session, manager, asked.id, f"名字都刻好了{NASTY}", this_moment())
        page = (await web.get(path)).text
    assert "您申请的取消，社工站没有同意： 名字都刻好了<script>" in words(page)
    assert "<script>alert" not in page
    assert "不取消了" not in page


async def test_a_request_is_withdrawn(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    placed, manager = await sold(sessions, await make_product(sessions))
    path, part = f"/o/{placed.token}", placed.work_orders[0]
    await step(sessions, manager, part, "accept", "start")
    async with sessions.begin() as session:
        asked = await requests.ask(
            session, placed.token, part.id, "cancel", "买重了", this_moment()
        )
    async with phone(database_url, tmp_path) as web:
        await web.get(path)
        answer = await web.submit(f"{path}/withdraw", {"request": str(asked.id)})
        said = words((await web.get(answer.headers["location"])).text)
        bad = await web.submit(f"{path}/withdraw", {"request": "x"})
    assert "撤回了，一切照旧。" in said
    assert "您申请了取消" not in said
    assert bad.status_code == 404


async def test_who_asked_need_not_wait_when_the_work_has_not_begun_after_all(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    placed, manager = await sold(sessions, await make_product(sessions))
    path, part = f"/o/{placed.token}", placed.work_orders[0]
    await step(sessions, manager, part, "accept", "start")
    async with sessions.begin() as session:
        await requests.ask(session, placed.token, part.id, "cancel", "买重了", this_moment())
    async with phone(database_url, tmp_path) as web:
        waiting = words((await web.get(path)).text)
        async with sessions.begin() as session:
            await undo_step(session, manager, part.id, "start", this_moment())
        free = words((await web.get(path)).text)
        asks = words((await web.get(f"{path}/change?part={part.id}")).text)
        await web.submit(f"{path}/cancel", {"part": str(part.id)})
        done = words((await web.get(path)).text)
    shortcut = "作坊又说还没有动工：不用等答复，现在就可以取消，钱全部退给您。"
    for page in (waiting, free):
        assert "您申请了取消， 等社工站答复。" in page
        assert "不取消了" in page
    assert (shortcut in waiting, shortcut in free) == (False, True)
    assert "这一份不要了？ 作坊还没有动工。" in asks
    assert ("您申请了取消" in done, shortcut in done, "不取消了" in done) == (False, False, False)
    assert [refund.amount_fen for refund in await refunds(sessions)] == [27600]


async def test_a_return_is_offered_with_its_last_day_and_told_where_to(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    placed, manager = await sold(sessions, product)
    path, part = f"/o/{placed.token}", placed.work_orders[0]
    await step(sessions, manager, part, "accept", "ship")
    async with phone(database_url, tmp_path) as web:
        coming = words((await web.get(path)).text)
        await step(sessions, manager, part, "deliver")
        until = (this_moment() + timedelta(hours=8)).date() + timedelta(days=7)
        page = words((await web.get(path)).text)
        asks = words((await web.get(f"{path}/change?part={part.id}")).text)
        answer = await web.submit(f"{path}/ask", {"part": str(part.id), "kind": "return"})
        waiting = words((await web.get(answer.headers["location"])).text)
        async with sessions.begin() as session:
            (asked,) = await requests.requests_of(session, placed.id)
            await requests.agree(session, manager, asked.id, "请寄到：红崖村 1 号", this_moment())
        agreed = words((await web.get(path)).text)
        async with sessions.begin() as session:
            await requests.arrived(session, manager, asked.id, False, this_moment())
        done = words((await web.get(path)).text)
    assert "已经寄出，不能取消了。签收第二天起 7 天内可以退货。" in coming
    assert f"{until.month}月{until.day}日以前（含当天）可以退货。" in page
    assert "寄回的邮费由您出" in asks
    assert "退给您 ¥268" in asks
    assert "您申请了退货， 等社工站答复。先不要寄，等社工站告诉您寄到哪里。" in waiting
    assert "社工站同意退货。 请寄到：红崖村 1 号" in agreed
    assert "退回来的东西收到了。" in done
    assert "退款 ¥268：" in done
    assert await figures(sessions, product) == [(3, 0)]


async def test_what_was_made_to_order_says_why_it_can_not_come_back(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    workshop = await make_workshop(sessions, await make_station(sessions))
    finished = await make_product(sessions, workshop, name="鲤鱼")
    carved = await make_product(
        sessions, workshop, name="竖匾", kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=2
    )
    both, manager = await sold(sessions, finished, carved)
    only, _ = await sold(sessions, carved)
    for placed in (both, only):
        await change(sessions, placed, custom_agreed_at=this_moment())
        await step(sessions, manager, placed.work_orders[0], "accept", "ship", "deliver")
    part = both.work_orders[0]
    async with phone(database_url, tmp_path) as web:
        asks = words((await web.get(f"/o/{both.token}/change?part={part.id}")).text)
        said = words((await web.get(f"/o/{only.token}")).text)
    assert "鲤鱼 × 1 ¥268 退给您 ¥268" in asks
    assert "这一份里有定做的，不在内。" in asks
    assert "定做的作品，下单时您勾选过“不支持七天无理由退货”，不能无理由退。" in said
    assert "申请退货" not in said


@pytest.mark.parametrize("kind", ["cancel", "return"])
async def test_what_can_not_be_asked_now_is_answered_with_why(
    sessions: Sessions, database_url: str, tmp_path: Path, kind: str
) -> None:
    placed, _ = await sold(sessions, await make_product(sessions))
    path, part = f"/o/{placed.token}", placed.work_orders[0]
    async with phone(database_url, tmp_path) as web:
        await web.get(path)
        answer = await web.submit(
            f"{path}/ask", {"part": str(part.id), "kind": kind, "reason": "不要了"}
        )
        said = words((await web.get(answer.headers["location"])).text)
    assert "作坊还没有动工，不用申请，直接取消就行。" in said
    async with sessions() as session:
        assert await requests.requests_of(session, placed.id) == []


async def test_an_unpaid_order_is_given_up_or_says_why_not(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    placed = await order(sessions, want(product), now=minutes_ago(1))
    path = f"/o/{placed.token}"
    async with phone(database_url, tmp_path) as web:
        page = (await web.get(path)).text
        assert f'href="{path}/change"' in page
        asks = words((await web.get(f"{path}/change")).text)
        assert "不要了，取消订单？ 还没有收您的钱。" in asks
        # Nobody answers for the gateway of this shop, so nobody knows whether money will come.
        answer = await web.submit(f"{path}/cancel")
        away = words((await web.get(answer.headers["location"])).text)
        await pay(sessions, placed)
        gone = await web.client.get(f"{path}/change", follow_redirects=False)
    assert "付款平台暂时没有应答，还不知道钱会不会到，所以先不取消。" in away
    assert (gone.status_code, gone.headers["location"]) == (303, path)
    assert (await look(sessions, placed)).state == "paid"


async def test_a_token_or_a_part_of_somebody_else_is_not_found(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    (mine, _), (other, _) = [await sold(sessions, product) for _ in range(2)]
    theirs = str(other.work_orders[0].id)
    async with phone(database_url, tmp_path) as web:
        await web.get(f"/o/{mine.token}/change?part={mine.work_orders[0].id}")
        form = web.page
        answers = [
            await web.get(f"/o/{mine.token}/change?part={theirs}"),
            await web.get(f"/o/{mine.token}/change?part=x"),
            await web.get(f"/o/{'x' * 32}/change"),
        ]
        for path, values in (
            (f"/o/{mine.token}/cancel", {"part": theirs}),
            (f"/o/{mine.token}/cancel", {"part": "x"}),
            (f"/o/{'x' * 32}/cancel", {}),
            (f"/o/{mine.token}/ask", {"part": theirs, "kind": "cancel", "reason": "要"}),
            (f"/o/{mine.token}/ask", {"kind": "cancel", "reason": "要"}),
        ):
            web.page = form
            answers.append(await web.submit(path, values))
    assert [answer.status_code for answer in answers] == [404] * 8
    assert await refunds(sessions) == []
