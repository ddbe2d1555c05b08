"""A buyer's order page, in every state it may be found in."""

from pathlib import Path

from sqlalchemy import delete

import shop
from catalog.db import Sessions
from catalog.models import Kind, Role
from shop import work_steps
from shop.models import RefundState, SignInTry, WorkOrder
from tests.making import act, make_product, this_moment
from tests.shop.pages.buyer import NASTY, change, minutes_ago, phone, value_of, words
from tests.shop.sales import (
    expire,
    is_paid,
    order,
    pay,
    refunds,
    second_payment,
    settle_as,
    staff,
    two_workshops,
    want,
)


async def test_an_unpaid_order_can_be_paid_until_its_time_is_over(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7)
    placed = await order(sessions, want(product), now=minutes_ago(1))
    path = f"/o/{placed.token}"
    async with phone(database_url, tmp_path) as web:
        page = await web.get(path)
        answer = await web.submit(f"{path}/pay")
        told = words((await web.get(answer.headers["location"])).text)
        await change(sessions, placed, expires_at=minutes_ago(1))
        late = words((await web.get(path)).text)
    promised = placed.work_orders[0].promised_on
    assert promised is not None
    said = words(page.text)
    assert "还没付款" in said
    assert "付款以后，这家作坊马上会知道。" in said
    assert f"{promised.month}月{promised.day}日 前做好" in said
    assert "去付款 ¥276" in said
    assert f'data-countdown="{placed.expires_at.isoformat()}"' in page.text
    assert answer.headers["location"] == path
    assert "付款服务暂时没有应答" in told
    assert "付款时间过了" in late
    assert "去付款" not in late


async def test_the_steps_of_each_workshop_are_told(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    one, two = await two_workshops(sessions)
    placed = await pay(sessions, await order(sessions, want(one), want(two, 2)))
    desk = act(await staff(sessions, one, Role.ORDER_DESK))
    sent, declined = placed.work_orders
    async with phone(database_url, tmp_path) as web:
        fresh = words((await web.get(f"/o/{placed.token}")).text)
        async with sessions.begin() as session:
            await work_steps.accept(session, desk, sent.id, this_moment())
            await work_steps.decline(session, desk, declined.id, f"料裂了{NASTY}", this_moment())
        async with sessions.begin() as session:
            await work_steps.ship(session, desk, sent.id, "顺丰", "sf 1234567890", this_moment())
        page = (await web.get(f"/o/{placed.token}")).text
        async with sessions.begin() as session:
            await work_steps.deliver(session, desk, sent.id, this_moment())
        done = words((await web.get(f"/o/{placed.token}")).text)
    assert "已经付款 ¥820 收到了" in fresh
    assert fresh.count("已经告诉这家作坊，等他们接单。") == 2
    assert "还没付款" not in fresh
    said = words(page)
    assert "顺丰 SF1234567890" in said
    assert 'href="https://www.sf-express.com/chn/sc/waybill/waybill-detail/SF1234567890"' in page
    assert '<li aria-current="step">签收</li>' in page
    assert "这家作坊这次接不了，这部分的钱退给您。原因：料裂了<script>" in said
    assert "<script>alert" not in page
    assert "都签收了" in done


async def test_each_state_of_a_refund_is_told_in_words(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    placed = await pay(sessions, await order(sessions, want(product)))
    desk = act(await staff(sessions, product))
    async with sessions.begin() as session:
        await work_steps.decline(session, desk, placed.work_orders[0].id, "料裂了", this_moment())
    (refund,) = await refunds(sessions)
    told = {
        RefundState.REQUESTED: "退款 ¥276： 已经登记，马上交给付款平台。不用您做什么。",
        RefundState.PENDING: "退款 ¥276： 付款平台正在办，办好就退回您付款的账户。不用您做什么。",
        RefundState.SUCCEEDED: "退款 ¥276： 钱已经从我们这里退出，原路退回您付款的账户，"
        "支付宝、微信一般 1–3 天到账，银行卡 5–10 天。",
        RefundState.FAILED: "退款 ¥276： 退款没有成功。工作人员会给您打电话，不用您做什么。",
    }
    async with phone(database_url, tmp_path) as web:
        for state, sentence in told.items():
            await change(sessions, refund, state=state)
            said = words((await web.get(f"/o/{placed.token}")).text)
            assert "已经取消 这笔订单没有做成，钱退给您。" in said
            assert sentence in said
        await change(sessions, refund, state=RefundState.SUCCEEDED)
        for method, sentence in (
            ("alipay", "支付宝一般 1–3 天到账。"),
            ("wechat_pay", "微信一般 1–3 天到账。"),
            ("card", "银行卡一般 5–10 天到账。"),
        ):
            await change(sessions, placed.payments[0], method=method)
            assert sentence in words((await web.get(f"/o/{placed.token}")).text)
        await change(sessions, placed.payments[0], gateway="offline")
        by_hand = {
            RefundState.REQUESTED: "您是直接付给社工站的，工作人员会打电话，用同样的办法退给您。",
            RefundState.PENDING: "社工站正在退，等第二位工作人员核对。",
            RefundState.SUCCEEDED: "社工站已经把钱退给您了。没有收到，请打电话来。",
            RefundState.FAILED: "退款没有成功。工作人员会给您打电话，不用您做什么。",
        }
        for state, sentence in by_hand.items():
            await change(sessions, refund, state=state)
            assert sentence in words((await web.get(f"/o/{placed.token}")).text)


async def test_an_expired_order_says_whether_there_is_money_to_come_back(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=1)
    placed = await expire(sessions, await order(sessions, want(product)))
    async with phone(database_url, tmp_path) as web:
        unpaid = words((await web.get(f"/o/{placed.token}")).text)
        other = await pay(sessions, await order(sessions, want(product)))
        late = await second_payment(sessions, placed)
        await settle_as(sessions, late, is_paid(late))
        refunded = words((await web.get(f"/o/{placed.token}")).text)
        twice = await second_payment(sessions, other)
        await settle_as(sessions, twice, is_paid(twice))
        paid_twice = words((await web.get(f"/o/{other.token}")).text)
    assert "没有付款，已经过期 作品已经放回去了，没有收您的钱。" in unpaid
    assert "您的钱到得晚了，作品已经没有了，全部退给您。 退款 ¥276：" in refunded
    assert "已经付款" in paid_twice
    assert "这是多付的一次，您要的作品不受影响。" in paid_twice


async def test_the_address_is_covered_until_the_phone_s_last_digits_are_typed(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    placed = await order(sessions, want(product), now=minutes_ago(1))
    path = f"/o/{placed.token}"
    secret = ("王芳", "东岗西路", "13800138000")
    async with phone(database_url, tmp_path) as web:
        covered = (await web.get(path)).text
        assert not any(word in covered for word in secret)
        for typed in ("8001", "800", "13800138000", NASTY, "😀" * 500):
            await _forget_tries(sessions)
            answer = await web.submit(f"{path}/address", {"last4": typed})
            assert answer.status_code == 422
            assert "和下单时的手机号对不上" in words(answer.text)
            assert value_of(answer.text, "last4") == typed
            assert "<script>alert" not in answer.text
            assert not any(word in answer.text for word in secret[:2])
        for typed in ("8000", " ８０００ "):
            shown = await web.submit(f"{path}/address", {"last4": typed})
            assert shown.status_code == 200
            assert "王芳，138****8000，甘肃兰州城关东岗西路 1 号" in words(shown.text)
            await web.get(path)


async def _forget_tries(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(delete(SignInTry))


async def test_after_five_wrong_digits_the_address_stays_covered(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    placed = await order(sessions, want(await make_product(sessions)), now=minutes_ago(1))
    path = f"/o/{placed.token}"
    async with phone(database_url, tmp_path) as web:
        await web.get(path)
        for _ in range(5):
            assert (await web.submit(f"{path}/address", {"last4": ""})).status_code == 422
        answer = await web.submit(f"{path}/address", {"last4": "8000"})
    assert answer.status_code == 429
    assert "已经错了 5 次。为了您的地址安全，请过一小时再试" in words(answer.text)
    assert "东岗西路" not in answer.text


async def test_back_from_the_gateway_the_page_waits_while_nobody_knows(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    placed = await order(sessions, want(product), now=minutes_ago(1))
    path = f"/o/{placed.token}/paid"
    # A session that only the gateway, which is away, can tell about.
    await change(sessions, placed.payments[0], session_id="cs_test_1")
    async with phone(database_url, tmp_path) as web:
        first = (await web.get(path)).text
        later = (await web.get(f"{path}?n=3")).text
        last = (await web.get(f"{path}?n=99")).text
        junk = (await web.get(f"{path}?n=abc")).text
        await pay(sessions, placed)
        known = await web.client.get(path, follow_redirects=False)
    assert "付款结果还没到，请稍等" in words(first)
    assert f'http-equiv="refresh" content="2;url={path}?n=1"' in first
    assert f'http-equiv="refresh" content="5;url={path}?n=4"' in later
    assert 'http-equiv="refresh"' not in last
    assert f"{path}?n=1" in junk
    assert (known.status_code, known.headers["location"]) == (303, f"/o/{placed.token}")


async def test_a_paid_order_is_not_paid_again(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    placed = await order(sessions, want(product), now=minutes_ago(1))
    path = f"/o/{placed.token}"
    async with phone(database_url, tmp_path) as web:
        await web.get(path)
        await pay(sessions, placed)
        answer = await web.submit(f"{path}/pay")
        page = words((await web.get(answer.headers["location"])).text)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert "这笔订单现在不用付款。" in page


async def test_a_token_one_letter_off_says_nothing_more(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    placed = await order(sessions, want(product), now=minutes_ago(1))
    off = placed.token[:-1] + ("A" if placed.token[-1] != "A" else "B")
    async with phone(database_url, tmp_path) as web:
        await web.get(f"/o/{placed.token}")
        form = web.page
        answers = [await web.get(f"/o/{off}"), await web.get(f"/o/{off}/paid")]
        for path, values in ((f"/o/{off}/pay", {}), (f"/o/{off}/address", {"last4": "8000"})):
            web.page = form
            answers.append(await web.submit(path, values))
        none = await web.get("/o/" + "x" * 2000)
    assert [answer.status_code for answer in [*answers, none]] == [404] * 5
    said = {words(answer.text) for answer in [*answers, none]}
    assert said == {"没有找到这一页 没有找到。 回到首页 代码 404"}


def test_every_state_of_a_work_order_has_words() -> None:
    template = Path(shop.__file__).parent / "templates/shop/order.html"
    text = template.read_text(encoding="utf-8")
    for state in WorkOrder.state.type.enums:  # type: ignore[attr-defined]
        assert f'"{state}":' in text
