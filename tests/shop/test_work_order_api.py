"""Work orders, the ledger and the gateway's events through the JSON interface."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from litestar.testing import AsyncTestClient
from sqlalchemy import func, select

from catalog.db import Sessions
from catalog.models import AuditEntry, Role, Station, Workshop
from shop.gateways import rehearsal_config
from shop.handovers import hand_over
from shop.models import Order, Payment, Posting
from shop.payments.gateway import GatewaySession, SessionState
from shop.settings import Settings
from shop.settle import settle
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.programs import bearer, interface, refused
from tests.shop.test_api import BUYER
from tests.web import settings_for


@dataclass
class Sold:
    """An order of two families' pieces, and the headers of those who deal with it."""

    order: dict[str, Any]
    wang: Workshop
    li: Workshop
    desk: dict[str, str]
    finance: dict[str, str]
    wangs: dict[str, str]
    lis: dict[str, str]
    stranger: dict[str, str]


async def sell(sessions: Sessions, api: AsyncTestClient[Any], *, paid: bool = True) -> Sold:
    station = await make_station(sessions)
    wang = await make_workshop(sessions, station)
    li = await make_workshop(sessions, station, "李家木作")
    items = [
        {"product": (await make_product(sessions, workshop, name=name)).id, "quantity": 1}
        for workshop, name in ((wang, "鲤鱼"), (li, "月亮"))
    ]
    order = (await api.post("/api/orders", json={"items": items, "buyer": BUYER})).json()
    if paid:
        await pay(sessions)
    elsewhere = await make_station(sessions, "elsewhere")

    async def headers(role: Role, workshop: Workshop | None = None) -> dict[str, str]:
        return await bearer(sessions, await make_member(sessions, station, role, workshop))

    return Sold(
        order=order,
        wang=wang,
        li=li,
        desk=await headers(Role.ORDER_DESK),
        finance=await headers(Role.FINANCE),
        wangs=await headers(Role.ARTISAN, wang),
        lis=await headers(Role.ARTISAN, li),
        stranger=await bearer(sessions, await make_member(sessions, elsewhere, Role.MANAGER)),
    )


async def pay(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        payment = await session.scalar(select(Payment))
        assert payment is not None
        told = GatewaySession(
            id="cs_1",
            url=None,
            state=SessionState.COMPLETE,
            paid=True,
            amount_fen=payment.amount_fen,
            intent_id="pi_1",
            payment_id=payment.id,
        )
        await settle(session, payment.id, told, NOON)


async def test_an_artisan_sees_and_does_only_the_own_work(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with interface(database_url, tmp_path) as api:
        sold = await sell(sessions, api)
        mine, theirs = sold.order["work_orders"]
        listed = (await api.get("/api/work-orders", headers=sold.wangs)).json()
        assert listed["next"] is None
        (work,) = listed["items"]
        assert work == {
            "id": mine["id"],
            "order": sold.order["code"],
            "workshop": {"id": sold.wang.id, "name": "王家木作"},
            "state": "new",
            "lines": mine["lines"],
            "goods_fen": 26800,
            "shipping_fen": 800,
            "carrier": "",
            "tracking": "",
            "promised_on": None,
            "decline_reason": "",
            "ship_to": None,
        }
        for who in (sold.wangs, sold.stranger):
            answer = await api.post(f"/api/work-orders/{theirs['id']}/accept", headers=who)
            refused(answer, 404, "not_found")
        assert (await api.get("/api/work-orders", headers=sold.stranger)).json()["items"] == []
        both = (await api.get("/api/work-orders", headers=sold.desk)).json()["items"]
        assert [item["id"] for item in both] == [theirs["id"], mine["id"]]
        query = f"/api/work-orders?workshop={sold.li.id}&state=new&limit=1"
        assert (await api.get(query, headers=sold.desk)).json()["items"] == [both[0]]
        page = (await api.get("/api/work-orders?limit=1", headers=sold.desk)).json()
        assert page == {"items": [both[0]], "next": theirs["id"]}
        query = f"/api/work-orders?before={page['next']}"
        assert (await api.get(query, headers=sold.desk)).json()["items"] == [both[1]]
        assert (await api.get("/api/work-orders?state=made", headers=sold.desk)).status_code == 422


async def test_every_step_until_delivery_and_who_is_told_the_address(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    address = {
        "name": "王芳",
        "phone": "138****8000",
        "province": "甘肃",
        "city": "兰州",
        "district": "城关",
        "detail": "东岗西路 1 号",
    }
    async with interface(database_url, tmp_path) as api:
        sold = await sell(sessions, api)
        mine = sold.order["work_orders"][0]["id"]
        at = f"/api/work-orders/{mine}"
        refused(await api.post(f"{at}/start", headers=sold.wangs), 409, "wrong_work_order_state")
        for step, state in (("accept", "accepted"), ("start", "making"), ("ready", "ready")):
            answer = await api.post(f"{at}/{step}", headers=sold.wangs)
            assert answer.status_code == 200
            assert (answer.json()["state"], answer.json()["ship_to"]) == (state, address)
        seen = (await api.get("/api/work-orders", headers=sold.finance)).json()["items"]
        assert [item["ship_to"] for item in seen] == [None, None]
        bad = await api.post(
            f"{at}/ship", json={"carrier": "顺丰", "tracking": "？？？？？"}, headers=sold.wangs
        )
        assert list(refused(bad, 422, "invalid")["errors"]) == ["tracking"]
        parcel = {"carrier": "顺丰", "tracking": "sf 1234567"}
        shipped = (await api.post(f"{at}/ship", json=parcel, headers=sold.desk)).json()
        assert (shipped["state"], shipped["carrier"], shipped["tracking"]) == (
            "shipped",
            "顺丰",
            "SF1234567",
        )
        delivered = (await api.post(f"{at}/deliver", headers=sold.wangs)).json()
        assert (delivered["state"], delivered["ship_to"]) == ("delivered", None)
        buyers = (await api.get(f"/api/orders/{sold.order['token']}")).json()["work_orders"]
        assert [(p["state"], p["tracking"]) for p in buyers] == [
            ("delivered", "SF1234567"),
            ("new", ""),
        ]


async def test_a_program_of_the_family_does_not_send_what_it_handed_over(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    parcel = {"carrier": "中通", "tracking": "SF1234567890123"}
    async with interface(database_url, tmp_path) as api:
        sold = await sell(sessions, api)
        mine = sold.order["work_orders"][0]["id"]
        at = f"/api/work-orders/{mine}"
        for step in ("accept", "ready"):
            await api.post(f"{at}/{step}", headers=sold.wangs)
        async with sessions() as session:
            station = await session.get_one(Station, sold.wang.station_id)
        taker = act(await make_member(sessions, station, Role.MANAGER))
        async with sessions.begin() as session:
            await hand_over(session, taker, sold.wang.id, [mine], "王奶奶", "1", "", "", NOON)
        answer = await api.post(f"{at}/ship", json=parcel, headers=sold.wangs)
        refused(answer, 409, "wrong_work_order_state")
        [stands] = (await api.get("/api/work-orders", headers=sold.wangs)).json()["items"]
        assert (stands["state"], stands["tracking"]) == ("ready", "")
        # The desk's program is not asked about the odd number either.
        shipped = (await api.post(f"{at}/ship", json=parcel, headers=sold.desk)).json()
        assert (shipped["state"], shipped["carrier"]) == ("shipped", "中通")


async def test_declining_gives_back_one_part_and_the_ledger_says_so(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with interface(database_url, tmp_path) as api:
        sold = await sell(sessions, api)
        mine, theirs = sold.order["work_orders"]
        at = f"/api/work-orders/{theirs['id']}/decline"
        bare = await api.post(at, json={"reason": " "}, headers=sold.lis)
        assert list(refused(bare, 422, "invalid")["errors"]) == ["reason"]
        declined = await api.post(at, json={"reason": "手受伤了"}, headers=sold.lis)
        assert (declined.json()["state"], declined.json()["decline_reason"]) == (
            "declined",
            "手受伤了",
        )
        order = (await api.get(f"/api/orders/{sold.order['token']}")).json()
        assert order["payments"][0]["refunds"] == [
            {"state": "requested", "amount_fen": 27600, "work_order": theirs["id"]}
        ]

        wangs = (await api.get("/api/ledger", headers=sold.wangs)).json()
        assert (wangs["balance_fen"], wangs["next"]) == (27600, None)
        assert [entry["amount_fen"] for entry in wangs["items"]] == [800, 26800]
        assert wangs["items"][0] == {
            "id": wangs["items"][0]["id"],
            "at": "2026-11-22T04:00:00Z",
            "kind": "sale",
            "account": "workshop",
            "workshop": {"id": sold.wang.id, "name": "王家木作"},
            "order": sold.order["code"],
            "work_order": mine["id"],
            "amount_fen": 800,
        }
        other = await api.get(f"/api/ledger?workshop={sold.li.id}", headers=sold.wangs)
        refused(other, 404, "not_found")
        lis = (await api.get(f"/api/ledger?workshop={sold.li.id}", headers=sold.finance)).json()
        assert lis["balance_fen"] == 0
        assert [entry["amount_fen"] for entry in lis["items"]] == [-27600, 800, 26800]
        station = (await api.get("/api/ledger", headers=sold.finance)).json()
        assert station["balance_fen"] == 27600
        assert sum(entry["amount_fen"] for entry in station["items"]) == 0
        page = (await api.get("/api/ledger?limit=1", headers=sold.wangs)).json()
        assert page["items"] == wangs["items"][:1]
        rest = await api.get(f"/api/ledger?before={page['next']}", headers=sold.wangs)
        assert rest.json()["items"] == wangs["items"][1:]
        nothing = (await api.get("/api/ledger", headers=sold.stranger)).json()
        assert nothing == {"items": [], "balance_fen": 0, "next": None}


async def test_an_unpaid_order_is_not_yet_work(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with interface(database_url, tmp_path) as api:
        sold = await sell(sessions, api, paid=False)
        assert (await api.get("/api/work-orders", headers=sold.wangs)).json()["items"] == []
        at = f"/api/work-orders/{sold.order['work_orders'][0]['id']}/accept"
        refused(await api.post(at, headers=sold.wangs), 404, "not_found")
        refused(await api.post(at, headers=sold.desk), 409, "wrong_work_order_state")


async def test_a_signed_event_pays_the_order_once(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    settings = settings_for(database_url, tmp_path)
    async with interface(database_url, tmp_path) as api:
        sold = await sell(sessions, api, paid=False)
        async with sessions() as session:
            payment = await session.scalar(select(Payment))
        assert payment is not None
        body = _event(payment)
        signed = {"Stripe-Signature": _signature(settings, body)}
        for told, headers in ((body, {}), (body + b" ", signed), (body, {"Stripe-Signature": "x"})):
            answer = await api.post("/webhooks/stripe", content=told, headers=headers)
            refused(answer, 400, "bad_signature")
        huge = await api.post("/webhooks/stripe", content=b"a" * 300_000, headers=signed)
        refused(huge, 413, "too_large")
        assert (await api.get(f"/api/orders/{sold.order['token']}")).json()["state"] == "unpaid"
        for _ in range(2):
            taken = await api.post("/webhooks/stripe", content=body, headers=signed)
            assert (taken.status_code, taken.json()) == (200, {"received": True})
        order = (await api.get(f"/api/orders/{sold.order['token']}")).json()
        assert (order["state"], order["payments"][0]["state"]) == ("paid", "succeeded")
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Posting)) == 1
        assert await session.scalar(select(Order.paid_at)) is not None


def _event(payment: Payment) -> bytes:
    told = {
        "id": "cs_1",
        "object": "checkout.session",
        "url": None,
        "status": "complete",
        "payment_status": "paid",
        "amount_total": payment.amount_fen,
        "currency": "cny",
        "payment_intent": "pi_1",
        "client_reference_id": str(payment.id),
        "metadata": {"payment_id": str(payment.id)},
    }
    event = {
        "id": "evt_1",
        "object": "event",
        "type": "checkout.session.completed",
        "created": 1_700_000_000,
        "data": {"object": told},
    }
    return json.dumps(event).encode()


def _signature(settings: Settings, body: bytes) -> str:
    stamp = int(datetime.now(UTC).timestamp())
    secret = rehearsal_config(settings).webhook_secret.encode()
    mark = hmac.new(secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={mark}"


async def test_the_whole_number_is_asked_for_and_each_time_written_down(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with interface(database_url, tmp_path) as api:
        sold = await sell(sessions, api)
        at = f"/api/work-orders/{sold.order['work_orders'][0]['id']}"
        # The family sees it from when it takes the work until the parcel has arrived.
        refused(await api.post(f"{at}/phone", headers=sold.wangs), 403, "not_allowed")
        await api.post(f"{at}/accept", headers=sold.wangs)
        for who in (sold.lis, sold.stranger):
            refused(await api.post(f"{at}/phone", headers=who), 404, "not_found")
        refused(await api.post(f"{at}/phone", headers=sold.finance), 403, "not_allowed")
        for who in (sold.wangs, sold.desk):
            answer = await api.post(f"{at}/phone", headers=who)
            assert (answer.status_code, answer.json()) == (200, {"phone": "13800138000"})
        async with sessions() as session:
            query = select(AuditEntry).where(AuditEntry.action == "order.phone_seen")
            seen = list(await session.scalars(query.order_by(AuditEntry.id)))
            order = await session.scalar(select(Order))
        assert order is not None
        assert [(e.subject, e.subject_id, e.channel, e.on_behalf_of) for e in seen] == [
            ("orders", order.id, "api", None)
        ] * 2
