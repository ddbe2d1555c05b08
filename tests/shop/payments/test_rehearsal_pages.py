"""The pay page in a browser without scripts."""

import re

import httpx
import pytest

from shop.payments.gateway import SessionState
from shop.payments.rehearsal.config import Behaviour


async def page(till, session) -> httpx.Response:
    return await till.browser.get(session.url)


async def test_the_page_says_what_is_paid_and_that_it_is_a_rehearsal(till) -> None:
    opened = await till.opened(amount_fen=123_456_08)
    answer = await page(till, opened)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    for text in ("彩排 REHEARSAL", "桃木小羊", "¥123,456.08", "支付宝", "微信支付", "银行卡"):
        assert text in answer.text
    assert "<script" not in answer.text
    assert 'href="http://127.0.0.1:9/checkout/token"' in answer.text
    values = re.findall(r'name="behaviour" value="(\w+)"', answer.text)
    assert values == list(Behaviour)
    assert re.findall(r'value="(\w+)" checked', answer.text) == ["card", "succeed"]


async def test_what_a_seller_writes_is_shown_and_never_run(till) -> None:
    evil = "<script>alert(1)</script>\"'&"
    opened = await till.opened(
        description=evil, cancel_url='http://127.0.0.1:9/"><script>alert(2)</script>'
    )
    text = (await page(till, opened)).text
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;" in text
    answer = await till.browser.get(f"{till.base_url}/pay/<script>alert(3)<%2Fscript>")
    assert "<script" not in answer.text


async def test_a_form_without_choices_pays(till) -> None:
    opened = await till.opened()
    assert (await till.pay(opened)).status_code == 303
    assert (await till.gateway.fetch_session(opened.id)).paid is True


async def test_the_way_back_keeps_letters_of_every_language(till) -> None:
    opened = await till.opened(success_url="http://127.0.0.1:9/订单?s={CHECKOUT_SESSION_ID}")
    answer = await till.pay(opened)
    expected = f"http://127.0.0.1:9/%E8%AE%A2%E5%8D%95?s={opened.id}"
    assert answer.headers["location"] == expected


async def test_a_declined_payment_moves_nothing_and_may_be_tried_again(till) -> None:
    opened = await till.opened()
    answer = await till.pay(opened, behaviour="fail")
    assert answer.status_code == 303
    declined = await till.browser.get(str(answer.url.join(answer.headers["location"])))
    assert "这次没有付成" in declined.text
    assert await till.gateway.fetch_session(opened.id) == opened
    assert (await till.api("GET", "/v1/events")).json()["data"] == []
    assert (await till.pay(opened)).headers["location"].startswith("http://127.0.0.1:9/o/")
    assert (await till.gateway.fetch_session(opened.id)).state is SessionState.COMPLETE


@pytest.mark.parametrize("fields", [{"method": "cash"}, {"behaviour": "dance"}])
async def test_an_unknown_choice_pays_nothing(till, fields: dict) -> None:
    opened = await till.opened()
    assert (await till.pay(opened, **fields)).status_code == 400
    assert (await till.gateway.fetch_session(opened.id)).paid is False


async def test_pages_of_sessions_that_cannot_be_paid(till) -> None:
    unknown = await till.browser.get(f"{till.base_url}/pay/cs_test_x")
    assert (unknown.status_code, "没有这笔付款" in unknown.text) == (404, True)
    opened = await till.opened("key-1")
    await till.pay(opened)
    for answer in (await page(till, opened), await till.pay(opened)):
        assert (answer.status_code, "已经付过了" in answer.text) == (200, True)
    opened = await till.opened("key-2")
    await till.gateway.expire_session(opened.id)
    for answer in (await page(till, opened), await till.pay(opened)):
        assert (answer.status_code, "付款时间已过" in answer.text) == (410, True)


@pytest.mark.parametrize("behaviour", ["silent", "unreachable"])
async def test_who_hears_nothing_finds_the_way_back_to_the_order(till, behaviour: str) -> None:
    opened = await till.opened(cancel_url='http://127.0.0.1:9/o/token?"><script>')
    for answer in (await till.pay(opened, behaviour=behaviour), await page(till, opened)):
        assert answer.status_code == 200
        assert 'href="http://127.0.0.1:9/o/token?&#34;&gt;&lt;script&gt;"' in answer.text


async def test_only_looking_and_paying(till) -> None:
    opened = await till.opened()
    assert (await till.browser.delete(opened.url)).status_code == 404


async def test_a_way_chosen_in_metadata_is_ticked_and_taken(till) -> None:
    asked = {
        "mode": "payment",
        "success_url": "http://127.0.0.1:9/",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "cny",
        "line_items[0][price_data][unit_amount]": "100",
        "line_items[0][price_data][product_data][name]": "x",
        "allowed_payment_method_types[0]": "alipay",
        "metadata[rehearsal]": "fail",
    }
    told = (await till.api("POST", "/v1/checkout/sessions", data=asked)).json()
    text = (await till.browser.get(told["url"])).text
    assert re.findall(r'value="(\w+)" checked', text) == ["alipay", "fail"]
    assert "微信支付" not in text
    answer = await till.browser.post(told["url"])
    assert answer.headers["location"] == "?declined=1"
