"""A rehearsal as buyers and programs meet it: it says what it is, is in no list, takes no money."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from catalog.db import Sessions
from catalog.models import Product, Role
from live.models import Link, Show
from shop.models import HoldState, Order
from tests.live.acting import make_link, member_of
from tests.making import BUYER, make_product
from tests.programs import bearer, interface, refused
from tests.shop.pages.buyer import holds, minutes_ago, phone, words
from tests.shop.sales import figures, hold
from tests.shop.test_rehearsal_rule import by, rehearse
from tests.web import browser, settings_for

SAYS = "这是彩排，不收钱，也不发货。"
STRIPE_KEYS = {"STRIPE_API_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_1"}


async def on_air(sessions: Sessions) -> tuple[Product, Show, Link]:
    product = await make_product(sessions)
    show = await rehearse(sessions, product)
    return product, show, await make_link(sessions, product, show)


async def orders(sessions: Sessions) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(Order)) or 0


async def test_who_has_the_address_sees_what_it_is_and_nobody_else_sees_it(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product, show, link = await on_air(sessions)
    async with phone(database_url, tmp_path) as web:
        scanned = (await web.get(f"/Q/{link.code}")).text
        there = words((await web.get(f"/shows/{show.id}")).text)
        plain = (await web.get(f"/products/{product.slug}")).text
        lists = [(await web.get(path)).text for path in ("/", "/c")]
    assert SAYS in words(scanned)
    assert f'href="/products/{product.slug}"' in scanned
    assert SAYS in there
    assert "彩排" not in plain
    for page in lists:
        assert "周日专场" not in page


async def test_programs_find_a_rehearsal_only_for_their_own_station(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product, show, _ = await on_air(sessions)
    member = await member_of(sessions, product, Role.HOST)
    async with interface(database_url, tmp_path) as api:
        strangers = (await api.get("/api/shows")).json()
        own = (await api.get("/api/shows", headers=await bearer(sessions, member))).json()
        named = await api.get(f"/api/shows/{show.id}")
    assert strangers["items"] == []
    assert [one["id"] for one in own["items"]] == [show.id]
    assert named.json()["rehearsal"] is True


async def test_a_real_till_refuses_with_a_page_and_keeps_the_hold(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product, _, link = await on_air(sessions)
    held = await hold(sessions, by(link), now=minutes_ago(1))
    async with browser(settings_for(database_url, tmp_path, **STRIPE_KEYS)) as web:
        await web.get(f"/checkout/{held.token}")
        typed: dict[str, Any] = {**BUYER, "way": "card"}
        answer = await web.submit(f"/checkout/{held.token}", typed)
        assert answer.status_code == 409
        assert SAYS in words(answer.text)
        assert f'href="/products/{product.slug}"' in answer.text
        assert (await holds(sessions))[0].state == HoldState.ACTIVE
        assert (await holds(sessions))[0].expires_at == held.expires_at
        released = await web.submit(f"/checkout/{held.token}/release")
        assert released.status_code == 303
    assert await orders(sessions) == 0
    assert await figures(sessions, product) == [(3, 0)]


@pytest.mark.parametrize("stripe", [True, False])
async def test_programs_are_told_why(
    sessions: Sessions, database_url: str, tmp_path: Path, stripe: bool
) -> None:
    product, _, link = await on_air(sessions)
    more = STRIPE_KEYS if stripe else {}
    async with browser(settings_for(database_url, tmp_path, PORT="9", **more)) as program:
        api = program.client
        held = (
            await api.post("/api/holds", json={"items": [{"link": link.code, "quantity": 1}]})
        ).json()
        body = {"hold": held["token"], "buyer": _BUYER}
        real = body if stripe else {**body, "gateway": "offline"}
        answer = await api.post("/api/orders", json=real)
        refused(answer, 409, "rehearsal_show")
        assert answer.json()["detail"] == SAYS
        assert await orders(sessions) == 0
        assert await figures(sessions, product) == [(3, 1)]
        if not stripe:
            placed = await api.post("/api/orders", json=body)
            assert (placed.status_code, placed.json()["state"]) == (201, "unpaid")


async def test_an_order_made_in_rehearsal_has_no_page_for_real_money(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    _, _, link = await on_air(sessions)
    async with interface(database_url, tmp_path) as api:
        items = [{"link": link.code, "quantity": 1}]
        order = (await api.post("/api/orders", json={"items": items, "buyer": _BUYER})).json()
    async with phone(database_url, tmp_path) as web:
        answer = await web.get(f"/o/{order['token']}/offline")
    assert answer.url.path == f"/o/{order['token']}"
    assert SAYS in words(answer.text)


_BUYER = {
    "name": BUYER["name"],
    "phone": BUYER["phone"],
    "address": {name: BUYER[name] for name in ("province", "city", "district", "detail")},
}
