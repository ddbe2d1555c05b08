"""A station that is getting ready: strangers look at nothing and buy nothing, its own people do."""

from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select, update

from catalog.db import Database, Sessions
from catalog.errors import NotOpen
from catalog.models import Product, Role, Station, Workshop
from live.models import Link
from shop.buying import hold_pieces, order_pieces
from shop.checkout import OrderRequest, read_buyer
from shop.holding import Wanted
from shop.models import Hold, Order
from shop.signin import new_api_token
from shop.waiting import join_line
from tests.desk import open_desk
from tests.making import (
    BUYER,
    NOON,
    make_live_show,
    make_member,
    make_product,
    make_station,
    make_workshop,
)
from tests.shop.sales import (
    GATEWAY,
    figures,
    hold,
    link_to,
    order,
    request_for,
    shop_of,
    staff,
    want,
)
from tests.web import browser, settings_for

CLOSED = "zhongxing社工站还在准备，没有开张。"


async def shut(sessions: Sessions, station_id: int) -> None:
    async with sessions.begin() as session:
        await session.execute(update(Station).where(Station.id == station_id).values(is_open=False))


async def kept(sessions: Sessions) -> tuple[int, int]:
    """How many holds and orders there are."""
    async with sessions() as session:
        holds = await session.scalar(select(func.count()).select_from(Hold))
        orders = await session.scalar(select(func.count()).select_from(Order))
        return holds or 0, orders or 0


async def coded(sessions: Sessions, product: Product) -> Link:
    return await link_to(sessions, product, by=await staff(sessions, product))


async def test_strangers_get_no_hold_and_no_order(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    link = await coded(sessions, product)
    held = await hold(sessions, want(product))
    await shut(sessions, product.station_id)
    shop, before = shop_of(database), await figures(sessions, product)
    elsewhere = product.station_id + 1
    for wanted in (want(product), Wanted(1, link.code.lower()), Wanted("1", None, str(product.id))):
        for of_station in (None, elsewhere):
            with pytest.raises(NotOpen) as refused:
                await hold_pieces(shop, (wanted,), "", NOON, of_station)
            assert refused.value.text.startswith(CLOSED)
        with pytest.raises(NotOpen):
            await order_pieces(shop, request_for(wanted), "", NOON)
    of_hold = OrderRequest(read_buyer(BUYER), GATEWAY, hold=held.token)
    with pytest.raises(NotOpen):
        await order_pieces(shop, of_hold, "", NOON)
    assert await kept(sessions) == (1, 0)
    assert await figures(sessions, product) == before


async def test_its_own_people_buy_to_try_things_out(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    await shut(sessions, product.station_id)
    shop = shop_of(database)
    made = await hold_pieces(shop, (want(product),), "", NOON, product.station_id)
    assert await figures(sessions, product) == [(3, 1)]
    await order_pieces(shop, request_for(want(product)), "", NOON, product.station_id)
    assert made.token
    assert await kept(sessions) == (2, 1)


async def test_another_station_sells_on(database: Database) -> None:
    sessions = database.writing
    closed = await make_product(sessions)
    other = await make_workshop(sessions, await make_station(sessions, "quanshan"))
    product = await make_product(sessions, other)
    await shut(sessions, closed.station_id)
    shop = shop_of(database)
    await hold_pieces(shop, (want(product),), "", NOON)
    with pytest.raises(NotOpen):
        await hold_pieces(shop, (want(product), want(closed)), "", NOON)
    assert await kept(sessions) == (1, 0)


async def test_there_is_no_line_before_it_opens(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions, on_hand=1)
    await hold(sessions, want(product), browser="b1")
    await shut(sessions, product.station_id)
    with pytest.raises(NotOpen):
        async with sessions.begin() as session:
            await join_line(session, product.id, "", BUYER["phone"], "b2", NOON)


async def test_strangers_see_a_page_that_says_so_and_their_orders(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    link = await coded(sessions, product)
    show = await make_live_show(sessions, [product])
    placed = await order(sessions, want(product))
    held = await hold(sessions, want(product), browser="b1")
    async with sessions() as session:
        workshop = await session.get_one(Workshop, product.workshop_id)
        station = await session.get_one(Station, product.station_id)
    shown = [
        "/",
        f"/stations/{station.slug}",
        "/workshops",
        f"/workshops/{workshop.slug}",
        f"/products/{product.slug}",
        f"/Q/{link.code}",
        f"/shows/{show.id}",
    ]
    await shut(sessions, station.id)
    async with browser(settings_for(database_url, tmp_path)) as web:
        for path in (*shown, f"/checkout/{held.token}"):
            answer = await web.get(path)
            if path.startswith("/checkout"):
                # Its time is over by the clock of the machine: it is told that, or that it is shut.
                assert answer.status_code == 409, path
                continue
            assert (answer.status_code, CLOSED in answer.text) == (409, True), path
            assert product.name not in answer.text
        assert (await web.get(f"/o/{placed.token}")).status_code == 200
        assert (await web.get(f"/rules/{station.id}")).status_code == 200
        refused = await api_hold(web.client, product)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not_open")
        await web.get("/sign-in")
        bought = {"product": str(product.id), "quantity": "1"}
        answer = await web.submit("/holds", bought)
        assert (answer.status_code, CLOSED in answer.text) == (409, True)
        assert await kept(sessions) == (2, 1)

        manager = await make_member(sessions, station, Role.MANAGER)
        await web.sign_in(manager.login)
        for path in shown:
            answer = await web.get(path)
            assert (answer.status_code, CLOSED in answer.text) == (200, False), path
        await web.get(f"/products/{product.slug}")
        assert (await web.submit("/holds", bought)).status_code == 303
        assert await kept(sessions) == (3, 1)


async def test_programs_find_nothing_of_it_either(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    shop, other = [await make_station(sessions, slug) for slug in ("zhongxing", "quanshan")]
    shown = []
    for station in (shop, other):
        product = await make_product(sessions, await make_workshop(sessions, station))
        shown.append((product, await make_live_show(sessions, [product])))
    await shut(sessions, shop.id)
    (product, show), (open_product, open_show) = shown
    ones = [f"/api/products/{product.id}", *(f"/api/shows/{show.id}{of}" for of in ("", "/board"))]
    lists = {
        "/api/products": (product.id, open_product.id),
        "/api/shows": (show.id, open_show.id),
        "/api/workshops": (product.workshop_id, open_product.workshop_id),
    }
    tokens = []
    for station in (shop, other):
        member = await make_member(sessions, station, Role.MANAGER)
        async with sessions.begin() as session:
            tokens.append(await new_api_token(session, member, "test", NOON))
    own, others = ({"Authorization": f"Bearer {token}"} for token in tokens)
    async with browser(settings_for(database_url, tmp_path)) as web:
        for path, (closed_id, open_id) in lists.items():
            for query, headers, ids in (
                ("", {}, [open_id]),
                (f"?station={shop.id}", {}, []),
                (f"?station={shop.id}", others, []),
                ("", others, [open_id]),
                ("", own, [closed_id]),
            ):
                answer = (await web.client.get(path + query, headers=headers)).json()
                assert [item["id"] for item in answer["items"]] == ids, (path, query)
        for path in (*ones, f"/api/shows/{show.id}/events"):
            for headers in ({}, others):
                refused = await web.client.get(path, headers=headers)
                assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not_open")
        for path in ones:
            assert (await web.client.get(path, headers=own)).status_code == 200, path


async def test_pages_of_its_shows_do_not_follow(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    link = await link_to(sessions, product, show, by=await staff(sessions, product))
    await shut(sessions, product.station_id)
    async with browser(settings_for(database_url, tmp_path)) as web:
        for path in (
            f"/shows/{show.id}/events",
            f"/shows/{show.id}/products/{product.id}/events?link={link.code}",
        ):
            answer = await web.get(path)
            assert (answer.status_code, CLOSED in answer.text) == (409, True), path


async def api_hold(client: httpx.AsyncClient, product: Product) -> httpx.Response:
    items = [{"product": product.id, "quantity": 1}]
    return await client.post("/api/holds", json={"items": items})


async def test_the_manager_fills_it_in_and_opens(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        await shut(sessions, desk.station.id)
        await desk.enter(Role.MANAGER)
        page = await desk.web.get("/desk/station")
        assert page.status_code == 200
        typed = {"business_name": "重兴镇社会工作服务站", "is_open": "1"}
        answer = await desk.web.submit("/desk/station/business", typed)
        assert answer.status_code == 422
        for said in ("请填写统一社会信用代码。", "请填写投诉电话。", "重兴镇社会工作服务站"):
            assert said in answer.text
        whole = {**typed, "exempt": "1", "complaints_phone": "0937-1234567"}
        answer = await desk.web.submit("/desk/station/business", whole)
        assert answer.status_code == 303
        assert "外面的人可以买了。" in (await desk.web.get("/desk/station")).text
        desk.web.client.cookies.clear()
        front = (await desk.web.get("/")).text
        for said in (
            "重兴镇社会工作服务站",
            "依法不需要办理市场主体登记",
            '<a href="tel:0937-1234567">投诉电话 0937-1234567</a>',
            f'href="/rules/{desk.station.id}"',
        ):
            assert said in front
        assert "beian.miit.gov.cn" not in front


async def test_every_public_page_names_who_sells(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    product = await make_product(sessions)
    link = await coded(sessions, product)
    placed = await order(sessions, want(product))
    async with sessions.begin() as session:
        facts = {
            "business_name": "重兴镇社会工作服务站",
            "icp": "陇ICP备12345678号-1",
            "rules_url": "https://rules.example/our",
        }
        await session.execute(update(Station).values(**facts))
    async with browser(settings_for(database_url, tmp_path)) as web:
        for path in ("/", f"/products/{product.slug}", f"/Q/{link.code}", f"/o/{placed.token}"):
            text = (await web.get(path)).text
            assert "重兴镇社会工作服务站" in text, path
            assert (
                '<a href="https://beian.miit.gov.cn/" rel="noreferrer">陇ICP备12345678号-1</a>'
                in text
            )
            assert 'href="https://rules.example/our"' in text, path
