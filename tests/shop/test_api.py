"""Holds, orders and reports through the JSON interface: a whole purchase by a program."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from httpx import ASGITransport, AsyncClient
from sqlalchemy import func, select

from catalog.db import Sessions
from catalog.models import Role, Stock
from live.links import add_link
from live.models import Placement
from shop.models import Hold, HoldState, Order
from tests.making import (
    NOON,
    act,
    make_live_show,
    make_member,
    make_product,
    make_station,
    make_workshop,
)
from tests.programs import bearer, interface, refused
from tests.serving import free_port
from tests.web import application, settings_for

BUYER: dict[str, Any] = {
    "name": "王芳",
    "phone": "138 0013 8000",
    "address": {
        "province": "甘肃省",
        "city": "兰州",
        "district": "城关",
        "detail": "东岗西路 1 号",
    },
}


async def free_and_held(sessions: Sessions, product_id: int) -> tuple[int, int]:
    async with sessions() as session:
        stock = await session.get_one(Stock, product_id)
    return stock.free, stock.held


async def count(sessions: Sessions, model: type[Hold] | type[Order]) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


async def test_a_purchase_from_the_scanned_code_to_the_order(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station = await make_station(sessions)
    wang = await make_workshop(sessions, station)
    li = await make_workshop(sessions, station, "李家木作")
    carp = await make_product(sessions, wang, name="鲤鱼", on_hand=3)
    moon = await make_product(sessions, li, name="月亮", on_hand=3)
    show = await make_live_show(sessions, [carp], allotment=2, price_fen=19900)
    member = await make_member(sessions, station, Role.HOST)
    async with sessions.begin() as session:
        link = await add_link(
            session,
            act(member),
            product_id=carp.id,
            show_id=show.id,
            placement=Placement.OVERLAY,
            now=NOON,
        )
    async with interface(database_url, tmp_path) as api:
        items = [{"link": link.code.lower(), "quantity": 2}, {"product": moon.id, "quantity": 1}]
        held = await api.post("/api/holds", json={"items": items})
        assert held.status_code == 201
        hold = held.json()
        assert hold["lines"] == [
            {
                "product": carp.id,
                "name": "鲤鱼",
                "quantity": 2,
                "unit_fen": 19900,
                "workshop": {"id": wang.id, "name": "王家木作"},
            },
            {
                "product": moon.id,
                "name": "月亮",
                "quantity": 1,
                "unit_fen": 26800,
                "workshop": {"id": li.id, "name": "李家木作"},
            },
        ]
        assert hold["total_fen"] == 2 * 19900 + 26800
        left = datetime.fromisoformat(hold["expires_at"]) - datetime.now(UTC)
        assert timedelta(minutes=11) < left <= timedelta(minutes=12)

        placed = await api.post("/api/orders", json={"hold": hold["token"], "buyer": BUYER})
        assert placed.status_code == 201
        order = placed.json()
        assert (order["state"], order["pay_url"]) == ("unpaid", None)
        assert (order["goods_fen"], order["shipping_fen"]) == (66600, 1600)
        assert order["total_fen"] == 68200
        assert [
            (part["workshop"]["id"], part["state"], part["shipping_fen"], part["lines"])
            for part in order["work_orders"]
        ] == [
            (wang.id, "waiting", 800, [_line(carp.id, "鲤鱼", 2, 19900)]),
            (li.id, "waiting", 800, [_line(moon.id, "月亮", 1, 26800)]),
        ]
        seen = await api.get(f"/api/orders/{order['token']}")
        assert seen.json() == order
        assert [payment["state"] for payment in order["payments"]] == ["open"]
        for private in ("王芳", "13800138000", "东岗西路"):
            assert private not in seen.text

        again = await api.post("/api/orders", json={"hold": hold["token"], "buyer": BUYER})
        assert again.json() == order
        host = await bearer(sessions, member)
        report = (await api.get(f"/api/reports/shows/{show.id}", headers=host)).json()
        assert report["items"][0]["holds"] == 1
        refused(await api.get("/api/orders/nobody-has-this"), 404, "not_found")
        assert (await api.get("/api/orders/%00")).status_code == 404
    assert await free_and_held(sessions, carp.id) == (1, 2)
    assert await free_and_held(sessions, moon.id) == (2, 1)


def _line(product: int, name: str, quantity: int, unit_fen: int) -> dict[str, Any]:
    return {"product": product, "name": name, "quantity": quantity, "unit_fen": unit_fen}


async def test_two_buyers_and_one_piece(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=1)
    body = {"items": [{"product": product.id, "quantity": 1}]}
    async with together(database_url, tmp_path) as api:
        answers = await asyncio.gather(*(api.post("/api/holds", json=body) for _ in range(2)))
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    assert won.status_code == 201
    assert "留到" in refused(lost, 409, "out_of_stock")["detail"]
    assert await free_and_held(sessions, product.id) == (0, 1)
    assert await count(sessions, Hold) == 1


@asynccontextmanager
async def together(database_url: str, folder: Path) -> AsyncIterator[AsyncClient]:
    """A client that can ask twice at once; it and the application share the test's event loop."""
    with application(settings_for(database_url, folder, PORT=str(free_port()))) as app:
        door = AsyncClient(transport=ASGITransport(app), base_url="http://testserver")
        async with app.lifespan(), door as client:
            yield client


async def test_one_key_makes_one_order(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=3)
    body = {"items": [{"product": product.id, "quantity": 1}], "buyer": BUYER}
    key = {"Idempotency-Key": "basket-17"}
    async with interface(database_url, tmp_path) as api:
        english = {"Accept-Language": "en-GB,en;q=0.9,zh;q=0.8"}
        first = await api.post("/api/orders", json=body, headers={**key, **english})
        assert first.status_code == 201
        # In another language it is still the same request.
        again = await api.post("/api/orders", json=body, headers=key)
        assert (again.status_code, again.json()) == (201, first.json())
        more = {**body, "items": [{"product": product.id, "quantity": 2}]}
        other = await api.post("/api/orders", json=more, headers=key)
        refused(other, 422, "idempotency_key_reused")
        for bad in ("", "k" * 101):
            answer = await api.post("/api/orders", json=body, headers={"Idempotency-Key": bad})
            assert list(refused(answer, 422, "invalid")["errors"]) == ["idempotency_key"]
    assert await free_and_held(sessions, product.id) == (2, 1)
    async with sessions() as session:
        assert list(await session.scalars(select(Order.language))) == ["en"]


async def test_of_two_requests_at_once_with_one_key_both_get_the_order(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=1)
    body = {"items": [{"product": product.id, "quantity": 1}], "buyer": BUYER}
    key = {"Idempotency-Key": "basket-18"}
    async with together(database_url, tmp_path) as api:
        answers = await asyncio.gather(
            *(api.post("/api/orders", json=body, headers=key) for _ in range(4))
        )
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json()["token"] for answer in answers}) == 1
    assert await free_and_held(sessions, product.id) == (0, 1)
    assert await count(sessions, Order) == 1


async def test_an_order_with_faults_is_refused_and_nothing_is_held(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=3)
    items = [{"product": product.id, "quantity": 1}]
    at = BUYER["address"]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"items": items, "buyer": {**BUYER, "phone": "12345"}}, "buyer.phone"),
        ({"items": items, "buyer": {**BUYER, "name": ""}}, "buyer.name"),
        ({"items": items, "buyer": {"name": "甲", "phone": "1"}}, "buyer.address"),
        (
            {"items": items, "buyer": {**BUYER, "address": {**at, "province": "月球"}}},
            "buyer.address.province",
        ),
        (
            {"items": items, "buyer": {**BUYER, "address": {**at, "zip": "730000"}}},
            "buyer.address.zip",
        ),
        ({"items": items, "buyer": BUYER, "gateway": "barter"}, "gateway"),
        ({"items": items, "hold": "abc", "buyer": BUYER}, "items"),
        ({"hold": "a b", "buyer": BUYER}, "hold"),
        ({"items": [], "buyer": BUYER}, "items"),
        ({"buyer": BUYER}, "items"),
        ({"items": [{"product": product.id, "quantity": 0}], "buyer": BUYER}, "items.0.quantity"),
        ({"items": [{"product": product.id}], "buyer": BUYER}, "items.0.quantity"),
        (
            {"items": [{"product": product.id, "quantity": 2**70}], "buyer": BUYER},
            "items.0.quantity",
        ),
        ({"items": [{"product": "x", "quantity": 1}], "buyer": BUYER}, "items.0.product"),
        ({"items": items}, "buyer"),
    ]
    async with interface(database_url, tmp_path) as api:
        for body, field in wrong:
            answer = await api.post("/api/orders", json=body)
            assert list(refused(answer, 422, "invalid")["errors"]) == [field]
        refused(await api.post("/api/orders", json={"hold": "x", "buyer": BUYER}), 404, "not_found")
        for item in ({"quantity": 1}, {"link": "ZZZZZ", "quantity": 1}, {"link": "\0"}):
            body = {"items": [{"quantity": 1, **item}]}
            refused(await api.post("/api/holds", json=body), 404, "not_found")
    assert await free_and_held(sessions, product.id) == (3, 0)
    assert await count(sessions, Order) == 0


async def test_a_hold_that_ran_out_makes_no_order(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions, on_hand=1)
    body = {"items": [{"product": product.id, "quantity": 1}]}
    async with interface(database_url, tmp_path) as api:
        token = (await api.post("/api/holds", json=body)).json()["token"]
        async with sessions.begin() as session:
            hold = await session.scalar(select(Hold))
            assert hold is not None
            hold.expires_at = NOON - timedelta(minutes=1)
        answer = await api.post("/api/orders", json={"hold": token, "buyer": BUYER})
        refused(answer, 409, "hold_expired")
        # The piece that the dead hold kept goes to the next who asks.
        assert (await api.post("/api/holds", json=body)).status_code == 201
    async with sessions() as session:
        states = list(await session.scalars(select(Hold.state).order_by(Hold.id)))
    assert states == [HoldState.LAPSED, HoldState.ACTIVE]
    assert await count(sessions, Order) == 0
