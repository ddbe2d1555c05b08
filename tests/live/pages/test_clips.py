"""Short videos at the desk: made, listed with what came by each, changed, taken out of use."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from catalog.access import CATALOG_EDITORS, SHOW_VIEWERS
from catalog.db import Database, Sessions
from catalog.models import Product, Role
from live.models import Airing, Clip, Link, Placement
from live.on_air import end_show
from live.scans import ScanCounter
from shop.holding import Wanted
from tests.desk import Desk, only, open_desk
from tests.live.acting import host_of
from tests.live.test_scans import note
from tests.making import (
    NOON,
    make_live_show,
    make_member,
    make_product,
    make_station,
    make_workshop,
)
from tests.shop.pages.buyer import NASTY, words
from tests.shop.sales import order, pay


@pytest.fixture
async def desk(sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(sessions, database_url, tmp_path) as opened:
        yield opened


async def product_at(desk: Desk) -> Product:
    return await make_product(desk.sessions, await make_workshop(desk.sessions, desk.station))


async def clips(sessions: Sessions) -> list[Clip]:
    async with sessions() as session:
        return list(await session.scalars(select(Clip).order_by(Clip.id)))


async def link_of(sessions: Sessions, clip: Clip) -> Link:
    async with sessions() as session:
        return await session.get_one(Link, clip.link_id)


async def test_who_may_see_and_who_may_make(desk: Desk) -> None:
    assert await desk.statuses("/desk/clips") == only(*SHOW_VIEWERS)
    assert await desk.statuses("/desk/clips/new") == only(*CATALOG_EDITORS)
    await desk.enter(Role.FINANCE)
    page = (await desk.web.get("/desk/clips")).text
    assert "还没有短视频" in words(page)
    assert "/desk/clips/new" not in page


async def test_a_clip_is_made_from_an_airing_and_counts_for_itself(
    desk: Desk, database: Database
) -> None:
    sessions, product = desk.sessions, await product_at(desk)
    show = await make_live_show(sessions, [product])
    async with sessions.begin() as session:
        host = await host_of(sessions, show)
        await end_show(session, host, show.id, NOON.replace(minute=5))
        airing = await session.scalar(select(Airing.id))
    await desk.enter(Role.HOST)
    assert (
        f'href="/desk/clips/new?product={product.id}"'
        in (await desk.web.get("/desk/clips/new?q=福字")).text
    )
    form = (await desk.web.get(f"/desk/clips/new?airing={airing}")).text
    assert f'<option value="{airing}" selected>11月22日 12:00:00–12:05:00 周日专场' in form
    typed = {"product": product.id, "title": NASTY[:60], "channel": "抖音", "airing": airing}
    typed |= {"file_url": 'https://v.example/"><script>', "cut_from": "12:01", "cut_to": "12:02"}
    answer = await desk.web.submit("/desk/clips/new", typed)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/clips")
    (clip,) = await clips(sessions)
    link = await link_of(sessions, clip)
    assert (link.placement, link.product_id, link.show_id) == (Placement.VIDEO, product.id, None)
    counter = ScanCounter(database)
    note(counter, link, 37)
    await counter.flush()
    await pay(sessions, await order(sessions, Wanted(quantity=2, link=link.code)))
    await order(sessions, Wanted(quantity=1, link=link.code))
    page = (await desk.web.get("/desk/clips")).text
    assert "<script>" not in page.partition("<main")[2]
    assert 'rel="noopener noreferrer"' in page
    said = words(page)
    assert f"11月22日 12:01–12:02 {link.code} 37 1 2 ¥536 PNG SVG 改 停用…" in said
    for kind in ("png", "svg"):
        assert f"/desk/links/{link.code}.{kind}" in page


async def test_what_was_typed_stays_when_it_can_not_be_used(desk: Desk) -> None:
    product = await product_at(desk)
    await desk.enter(Role.HOST)
    await desk.web.get(f"/desk/clips/new?product={product.id}")
    typed = {"product": product.id, "title": "好片子", "file_url": "ftp://v.example/1"}
    answer = await desk.web.submit("/desk/clips/new", typed)
    assert answer.status_code == 422
    assert "文件地址要以 http:// 或 https:// 开头" in words(answer.text)
    assert 'value="好片子"' in answer.text
    assert 'value="ftp://v.example/1"' in answer.text
    answer = await desk.web.submit("/desk/clips/new", {"title": "没有作品"})
    assert answer.status_code == 404
    assert await clips(desk.sessions) == []


async def test_a_clip_is_changed_and_its_code_taken_out_of_use(desk: Desk) -> None:
    product = await product_at(desk)
    await desk.enter(Role.MANAGER)
    await desk.web.get(f"/desk/clips/new?product={product.id}")
    await desk.web.submit("/desk/clips/new", {"product": product.id, "title": "旧的"})
    (clip,) = await clips(desk.sessions)
    edit = f"/desk/clips/{clip.id}/edit"
    assert 'value="旧的"' in (await desk.web.get(edit)).text
    answer = await desk.web.submit(edit, {"title": ""})
    assert (answer.status_code, "请填写标题。" in answer.text) == (422, True)
    assert (await desk.web.submit(edit, {"title": "新的"})).status_code == 303
    assert (await clips(desk.sessions))[0].title == "新的"
    await desk.web.get("/desk/clips")
    assert (await desk.web.submit(f"/desk/clips/{clip.id}/retire")).status_code == 303
    assert (await link_of(desk.sessions, clip)).retired_at is not None
    said = words((await desk.web.get("/desk/clips")).text)
    assert "停用了 改" in said
    assert "PNG" not in said


async def test_another_stations_are_not_there(desk: Desk) -> None:
    product = await product_at(desk)
    await desk.enter(Role.MANAGER)
    await desk.web.get(f"/desk/clips/new?product={product.id}")
    await desk.web.submit("/desk/clips/new", {"product": product.id, "title": "我们的"})
    (clip,) = await clips(desk.sessions)
    elsewhere = await make_station(desk.sessions, "other")
    await desk.become(await make_member(desk.sessions, elsewhere, Role.MANAGER))
    assert "我们的" not in (await desk.web.get("/desk/clips")).text
    for path in (f"/desk/clips/new?product={product.id}", f"/desk/clips/{clip.id}/edit"):
        assert (await desk.web.get(path)).status_code == 404
    for path in (f"/desk/clips/{clip.id}/edit", f"/desk/clips/{clip.id}/retire"):
        await desk.web.get("/desk/clips")
        assert (await desk.web.submit(path, {"title": "x"})).status_code == 404
    async with desk.sessions() as session:
        assert await session.scalar(select(func.count()).where(Link.retired_at.is_not(None))) == 0
