"""The HTTP interface of the rehearsal service, spoken without a client's help."""

import asyncio

import pytest
from granian.constants import Interfaces
from granian.server.embed import Server

from shop.payments.rehearsal.app import create_app
from shop.payments.rehearsal.config import NotARehearsalKey, RehearsalConfig

LINE = {
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "cny",
    "line_items[0][price_data][unit_amount]": "100",
    "line_items[0][price_data][product_data][name]": "桃木小羊",
}
GOOD = LINE | {
    "mode": "payment",
    "success_url": "https://shop.example/o/1",
    "payment_method_options[wechat_pay][client]": "web",
}
SESSIONS = "/v1/checkout/sessions"


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1", "sk_test_of_a_real_account", ""])
def test_only_a_rehearsal_key_will_do(config: RehearsalConfig, key: str) -> None:
    with pytest.raises(NotARehearsalKey, match="sk_test_rehearsal"):
        RehearsalConfig(
            store_path=config.store_path,
            api_key=key,
            webhook_url=config.webhook_url,
            webhook_secret=config.webhook_secret,
            base_url=config.base_url,
        )


def test_a_config_does_not_show_its_secrets(config: RehearsalConfig) -> None:
    assert config.api_key not in repr(config)
    assert config.webhook_secret not in repr(config)


@pytest.mark.parametrize("given", [None, "Bearer sk_test_rehearsal_2", "Basic x", "Bearer"])
async def test_no_answer_without_the_key(till, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    answer = await till.browser.post(f"{till.base_url}{SESSIONS}", data=GOOD, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"mode": "subscription"}, None, "mode"),
        ({"mode": ""}, "parameter_missing", "mode"),
        ({"success_url": ""}, "parameter_missing", "success_url"),
        ({"success_url": "javascript:alert(1)"}, "url_invalid", "success_url"),
        ({"cancel_url": "http://[broken"}, "url_invalid", "cancel_url"),
        ({"cancel_url": "https://a.example/\r\nX: y"}, "url_invalid", "cancel_url"),
        ({"sucess_url": "x"}, "parameter_unknown", "sucess_url"),
        ({"line_items[0][quantity]": "-1"}, "parameter_invalid_integer", "line_items[0][quantity]"),
        ({"line_items[0][quantity]": "0"}, "amount_too_small", "line_items"),
        ({"line_items[0][quantity]": "1000000"}, "amount_too_large", "line_items"),
        (
            {"line_items[0][price_data][currency]": "usd"},
            None,
            "line_items[0][price_data][currency]",
        ),
        ({"metadata[rehearsal]": "dance"}, None, "metadata[rehearsal]"),
        ({"metadata[note]": "x" * 501}, None, "metadata[note]"),
        ({f"metadata[{n}]": "x" for n in range(51)}, None, "metadata"),
        (
            {"payment_method_options[wechat_pay][client]": ""},
            "parameter_missing",
            "payment_method_options[wechat_pay][client]",
        ),
        ({"allowed_payment_method_types[0]": "klarna"}, None, "payment_method_types"),
    ],
)
async def test_a_wrong_parameter_is_named(till, changes: dict, code, param: str) -> None:
    answer = await till.api("POST", SESSIONS, data=GOOD | changes)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert (error.get("code"), error["param"]) == (code, param)
    assert error["message"]


async def test_a_fixed_list_of_methods_went_out_with_an_api_version(till) -> None:
    asked = GOOD | {"payment_method_types[0]": "card"}
    old = {"Stripe-Version": "2026-08-26.dahlia"}
    new = {"Stripe-Version": "2026-10-28.endive"}
    answer = await till.api("POST", SESSIONS, data=asked, headers=old)
    assert answer.json()["payment_method_types"] == ["card"]
    answer = await till.api("POST", SESSIONS, data=asked, headers=new)
    assert answer.json()["error"]["code"] == "payment_method_types_no_longer_supported"


async def test_several_lines_are_one_sum(till) -> None:
    second = {name.replace("[0]", "[1]"): value for name, value in LINE.items()}
    answer = await till.api("POST", SESSIONS, data=GOOD | second | {"line_items[1][quantity]": "3"})
    assert answer.json()["amount_total"] == 400


async def test_a_session_lives_a_day_unless_told_otherwise(till) -> None:
    told = (await till.api("POST", SESSIONS, data=GOOD)).json()
    assert told["expires_at"] - told["created"] == 24 * 60 * 60


async def test_a_repeated_key_gets_the_first_answer_word_for_word(till) -> None:
    headers = {"Idempotency-Key": "k1"}
    answers = await asyncio.gather(
        *(till.api("POST", SESSIONS, data=GOOD, headers=headers) for _ in range(5))
    )
    assert len({answer.content for answer in answers}) == 1
    assert [a.headers.get("idempotent-replayed") for a in answers].count("true") == 4
    changed = GOOD | {"line_items[0][quantity]": "2"}
    answer = await till.api("POST", SESSIONS, data=changed, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "idempotency_error"


async def test_a_refused_form_does_not_use_up_its_key(till) -> None:
    headers = {"Idempotency-Key": "k1"}
    answer = await till.api("POST", SESSIONS, data=GOOD | {"mode": "x"}, headers=headers)
    assert answer.status_code == 400
    answer = await till.api("POST", SESSIONS, data=GOOD, headers=headers)
    assert answer.status_code == 200


async def test_a_refusal_by_the_state_of_things_is_kept_with_its_key(till) -> None:
    paid = await till.paid(behaviour="refund_fails")
    asked = {"payment_intent": paid.intent_id, "amount": "12800"}
    first = await till.api("POST", "/v1/refunds", data=asked, headers={"Idempotency-Key": "r1"})
    assert first.json()["status"] == "pending"
    headers = {"Idempotency-Key": "r2"}
    refused = await till.api("POST", "/v1/refunds", data=asked, headers=headers)
    assert refused.json()["error"]["code"] == "charge_already_refunded"
    till.clock.advance(seconds=6)
    again = await till.api("POST", "/v1/refunds", data=asked, headers=headers)
    assert (again.status_code, again.content) == (400, refused.content)
    fresh = await till.api("POST", "/v1/refunds", data=asked, headers={"Idempotency-Key": "r3"})
    assert fresh.json()["status"] == "pending"


async def test_an_overlong_key_and_an_overlong_body(till) -> None:
    answer = await till.api("POST", SESSIONS, data=GOOD, headers={"Idempotency-Key": "k" * 256})
    assert answer.json()["error"]["type"] == "idempotency_error"
    answer = await till.api("POST", SESSIONS, data={"mode": "x" * 300_000})
    assert answer.status_code == 413
    answer = await till.api("POST", SESSIONS, data={f"a{n}": "1" for n in range(501)})
    assert answer.json()["error"]["message"] == "The request has too many parameters."


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/customers"),
        ("POST", "/v1/customers"),
        ("DELETE", "/v1/refunds/re_1"),
        ("GET", "/v1/charges/ch_1"),
        ("GET", "/v1"),
        ("GET", "/elsewhere"),
    ],
)
async def test_what_is_not_there(till, method: str, path: str) -> None:
    assert (await till.api(method, path)).status_code == 404


async def test_events_are_listed_newest_first_in_pages(till) -> None:
    await till.paid("key-1")
    await till.gateway.expire_session((await till.opened("key-2")).id)
    await till.told(2)
    first = (await till.api("GET", "/v1/events", params={"limit": "1"})).json()
    assert first["has_more"] is True
    assert [event["type"] for event in first["data"]] == ["checkout.session.expired"]
    after = {"limit": "1", "starting_after": first["data"][0]["id"]}
    second = (await till.api("GET", "/v1/events", params=after)).json()
    assert second["has_more"] is False
    assert [event["type"] for event in second["data"]] == ["checkout.session.completed"]
    only = {"type": "checkout.session.completed"}
    assert (await till.api("GET", "/v1/events", params=only)).json()["data"] == second["data"]
    for wrong in ({"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"starting_after": "evt_1"}):
        assert (await till.api("GET", "/v1/events", params=wrong)).status_code in (400, 404)


async def test_an_event_names_the_key_of_the_request_that_caused_it(till) -> None:
    session = await till.opened("key-1")
    headers = {"Idempotency-Key": "close-1"}
    await till.api("POST", f"{SESSIONS}/{session.id}/expire", headers=headers)
    (event,) = (await till.api("GET", "/v1/events")).json()["data"]
    assert event["request"] == {"id": None, "idempotency_key": "close-1"}


async def test_behind_a_server_that_keeps_its_prefix_in_the_path(unserved, port: int) -> None:
    service = create_app(unserved.config)
    server = Server(
        service,
        port=port,
        interface=Interfaces.ASGINL,
        url_path_prefix="/rehearsal",
        log_enabled=False,
    )
    async with service.lifespan():
        task = asyncio.create_task(server.serve())
        opened = await unserved.opened()
        assert (await unserved.browser.get(opened.url)).status_code == 200
        server.stop()
        await task


async def test_a_session_expires_by_the_clock(till) -> None:
    opened = await till.opened()
    await till.later(minutes=31)
    (event,) = await till.told(1)
    assert (event.type, event.session.id) == ("checkout.session.expired", opened.id)
    told = (await till.api("GET", f"{SESSIONS}/{opened.id}")).json()
    assert (told["status"], told["payment_status"], told["url"]) == ("expired", "unpaid", None)
    answer = await till.pay(opened)
    assert answer.status_code == 410
    assert (await till.gateway.fetch_session(opened.id)).paid is False
