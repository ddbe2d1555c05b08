"""The families' pages."""

import re
from pathlib import Path

from catalog.db import Sessions
from catalog.models import FamilyFact, Maker, ProductState, Registration, Role
from catalog.products import add_product
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.pages.buyer import NASTY, change, phone, words


async def test_all_families_are_listed_but_those_that_closed(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with phone(database_url, tmp_path) as web:
        assert "还没有作坊" in words((await web.get("/workshops")).text)
        station = await make_station(sessions)
        open_one = await make_workshop(sessions, station, "王家木作")
        closed = await make_workshop(sessions, station, "关了的")
        await change(sessions, closed, active=False)
        page = (await web.get("/workshops?cart=p1*2")).text
        gone = await web.get(f"/workshops/{closed.slug}")
        none = await web.get("/workshops/nobody")
    assert f'href="/workshops/{open_one.slug}?cart=p1*2"' in page
    assert "关了的" not in page
    assert (gone.status_code, none.status_code) == (404, 404)


async def test_a_family_tells_of_itself_and_what_it_sells(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    await make_product(sessions, workshop, name="在卖的")
    await make_product(sessions, workshop, name="没好的", state=ProductState.DRAFT)
    await make_product(sessions, await make_workshop(sessions, station, "别家"), name="别家的")
    await change(sessions, workshop, craft="木雕", story="从前写的。", phone="13900000000")
    whose = {"station_id": station.id, "workshop_id": workshop.id, "made_at": NOON}
    async with sessions.begin() as session:
        session.add_all(
            FamilyFact(text=text, on_page=on_page, on_air=True, **whose)
            for text, on_page in (("爷爷教的。", True), (NASTY, True), ("没答应的。", False))
        )
        session.add(Maker(station_id=station.id, workshop_id=workshop.id, name="李", on_page=False))
        session.add(
            Maker(station_id=station.id, workshop_id=workshop.id, name="王<b>", about=NASTY)
        )
    async with phone(database_url, tmp_path) as web:
        page = (await web.get(f"/workshops/{workshop.slug}?cart=<b>")).text
    said = words(page)
    assert "王家木作 红崖村 · 木雕 爷爷教的。" in said
    assert f"做活的人 王<b> {NASTY} 这家的一位师傅" in said
    assert not {"没答应的。", "从前写的。"} & set(said.split())
    assert "<script>alert" not in page
    assert "<b>" not in page
    assert "13900000000" not in page
    assert re.findall(r'tile-text"><span class="name">([^<]*)', page) == ["在卖的"]
    assert "cart=" not in page


async def test_a_family_with_nothing_to_sell_and_one_with_much(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    manager = act(await make_member(sessions, station, Role.MANAGER))
    path: str | None = f"/workshops/{workshop.slug}?cart=p1*2"
    found: list[str] = []
    async with phone(database_url, tmp_path) as web:
        assert "现在没有在卖的作品" in words((await web.get(str(path))).text)
        async with sessions.begin() as session:
            for n in range(14):
                facts = {"name": f"第{n}件", "kind": "batch", "price_fen": 100, "stock": 1}
                await add_product(session, manager, facts | {"workshop_id": workshop.id}, NOON)
        while path:
            page = (await web.get(path)).text.replace("&amp;", "&")
            found += re.findall(r'tile-text"><span class="name">([^<]*)', page)
            further = re.search(r'href="([^"]*cart=p1\*2&before=[^"]*)"', page)
            path = further[1] if further else None
    assert found == [f"第{n}件" for n in reversed(range(14))]


async def test_a_family_says_by_what_right_it_sells(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    workshop = await make_workshop(sessions, await make_station(sessions))
    said = []
    async with phone(database_url, tmp_path) as web:
        for way, number in (("unknown", ""), ("exempt", ""), ("licence", "92620321MA7ABCDX1K")):
            way_of = Registration(way)
            await change(sessions, workshop, registration=way_of, registration_no=number)
            said.append(words((await web.get(f"/workshops/{workshop.slug}")).text))
    exempt, licence = "个人销售家庭手工业产品", "统一社会信用代码 92620321MA7ABCDX1K"
    assert [(exempt in text, licence in text) for text in said] == [
        (False, False),
        (True, False),
        (False, True),
    ]


async def test_two_stations_families_are_kept_apart(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    first, second = [await make_station(sessions, slug) for slug in ("hongya", "quanshan")]
    wang = await make_workshop(sessions, first, "王家木作")
    sun = await make_workshop(sessions, second, "孙家剪纸")
    await make_product(sessions, sun, name="窗花")
    async with phone(database_url, tmp_path) as web:
        page = words((await web.get("/workshops")).text)
        assert "hongya社工站 王 王家木作 红崖村 quanshan社工站 孙 孙家剪纸" in page
        page = (await web.get(f"/workshops/{sun.slug}")).text
        assert ("quanshan社工站" in page, "hongya社工站" in page) == (True, False)
        await change(sessions, sun, slug=wang.slug)
        choice = (await web.get(f"/workshops/{wang.slug}")).text
        assert "您找哪一家" in choice
        for station, family, other in ((first, wang, sun), (second, sun, wang)):
            path = f"/stations/{station.slug}/workshops/{wang.slug}"
            assert f'href="{path}"' in choice
            page = words((await web.get(path)).text)
            assert (family.name in page, other.name in page) == (True, False)
        assert (await web.get(f"/stations/nowhere/workshops/{wang.slug}")).status_code == 404
        # Nobody chooses what is not open yet.
        await change(sessions, second, is_open=False)
        page = (await web.get(f"/workshops/{wang.slug}")).text
        assert ("您找哪一家" in page, "hongya社工站" in page, sun.name in page) == (
            False, True, False,
        )  # fmt: skip
        assert sun.name not in (await web.get("/workshops")).text
        await change(sessions, first, is_open=False)
        assert (await web.get(f"/workshops/{wang.slug}")).status_code == 409
