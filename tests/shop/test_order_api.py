"""A change of mind through the JSON interface: the same services, the same refusals."""

from pathlib import Path

from catalog.access import Actor
from catalog.db import Sessions
from catalog.models import Kind
from shop import requests, work_steps
from shop.checkout import get_order
from tests.making import act, make_product, this_moment
from tests.programs import interface, refused
from tests.shop.sales import figures, look, order, pay, refunds, staff, two_workshops, want


async def take(sessions: Sessions, actor: Actor, part_id: int, *names: str) -> None:
    for name in names:
        facts = ("顺丰", "SF1234567890") if name == "ship" else ()
        async with sessions.begin() as session:
            await getattr(work_steps, name)(session, actor, part_id, *facts, this_moment())


async def test_one_part_or_all_of_an_order_is_cancelled(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    one, two = await two_workshops(sessions)
    placed = await pay(sessions, await order(sessions, want(one), want(two)))
    path = f"/api/orders/{placed.token}/cancel"
    first = placed.work_orders[0].id
    async with interface(database_url, tmp_path) as api:
        answer = await api.post(path, json={"work_order": first})
        assert answer.status_code == 200
        part = answer.json()
        assert part["state"] == "paid"
        assert [one["state"] for one in part["work_orders"]] == ["cancelled", "new"]
        assert part["payments"][0]["refunds"] == [
            {"state": "requested", "amount_fen": 27600, "work_order": first}
        ]
        for _ in range(2):
            whole = (await api.post(path, json={})).json()
            assert whole["state"] == "cancelled"
        refused(await api.post("/api/orders/nobody/cancel", json={}), 404, "not_found")
        refused(await api.post(path, json={"work_order": 10**9}), 404, "not_found")
        refused(await api.post(path, json={"part": first}), 422, "invalid")
    assert [refund.amount_fen for refund in await refunds(sessions)] == [27600, 27600]
    assert await figures(sessions, one, two) == [(3, 0), (3, 0)]


async def test_what_has_begun_is_asked_of_the_desk(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    placed = await pay(sessions, await order(sessions, want(product)))
    desk, part = act(await staff(sessions, product)), placed.work_orders[0].id
    base = f"/api/orders/{placed.token}"
    body = {"work_order": part, "kind": "cancel", "reason": "买重了"}
    async with interface(database_url, tmp_path) as api:
        early = refused(
            await api.post(f"{base}/requests", json=body), 409, "wrong_work_order_state"
        )
        assert early["detail"] == "作坊还没有动工，不用申请，直接取消就行。"
        await take(sessions, desk, part, "accept", "start")
        late = await api.post(f"{base}/cancel", json={"work_order": part})
        refused(late, 409, "wrong_work_order_state")
        silent = await api.post(f"{base}/requests", json={"work_order": part, "kind": "cancel"})
        assert refused(silent, 422, "invalid")["errors"] == {"reason": "请填写原因。"}
        refused(await api.post(f"{base}/requests", json={**body, "kind": "swap"}), 422, "invalid")
        answer = await api.post(f"{base}/requests", json=body)
        again = await api.post(f"{base}/requests", json={**body, "reason": "真的"})
        async with sessions.begin() as session:
            await requests.refuse(session, desk, answer.json()["id"], "刻好了", this_moment())
        told = (await api.get(f"{base}/requests")).json()
        refused(await api.get("/api/orders/nobody/requests"), 404, "not_found")
    assert (answer.status_code, again.status_code) == (201, 201)
    assert again.json() == answer.json()
    asked = answer.json()
    assert {name: asked[name] for name in ("work_order", "kind", "state", "reason", "answer")} == {
        "work_order": part,
        "kind": "cancel",
        "state": "asked",
        "reason": "买重了",
        "answer": "",
    }
    assert [(row["state"], row["answer"]) for row in told] == [("refused", "刻好了")]
    assert await refunds(sessions) == []


async def test_what_is_not_paid_is_not_cancelled_while_nobody_knows_of_its_money(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    placed = await order(sessions, want(await make_product(sessions)))
    path = f"/api/orders/{placed.token}/cancel"
    async with interface(database_url, tmp_path) as api:
        refused(await api.post(path, json={}), 503, "payment_not_closed")
        part = {"work_order": placed.work_orders[0].id}
        refused(await api.post(path, json=part), 409, "wrong_order_state")
    assert (await look(sessions, placed)).state == "unpaid"


async def test_a_program_says_what_the_buyer_ticked(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=2)
    buyer = {
        "name": "王芳",
        "phone": "13800138000",
        "address": {"province": "甘肃", "city": "兰州", "detail": "东岗西路 1 号"},
    }
    body = {"items": [{"product": product.id, "quantity": 1}], "buyer": buyer}
    kept = []
    async with interface(database_url, tmp_path) as api:
        for ticked in (True, False):
            answer = await api.post("/api/orders", json={**body, "custom_agreed": ticked})
            assert answer.status_code == 201, answer.text
            async with sessions() as session:
                placed = await get_order(session, answer.json()["token"])
            kept.append((placed.custom_agreed_at is not None, placed.likeness_agreed_at))
    assert kept == [(True, None), (False, None)]
