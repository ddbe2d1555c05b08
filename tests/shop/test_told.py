"""What a family did not agree to is told nowhere: every page, paper and answer is looked through."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog.db import Sessions
from catalog.models import FamilyFact, Maker, Product, Role, Workshop
from live.console import traces
from live.models import Show
from live.overlays import make_overlay
from shop import work_steps
from shop.models import PieceCard
from tests.desk import Desk, open_desk
from tests.live.acting import host_of, make_link
from tests.making import (
    NOON,
    act,
    make_live_show,
    make_member,
    make_product,
    make_station,
    make_workshop,
)
from tests.shop.sales import order, pay, want

ON_PAGE = {"爷爷十四岁学木匠。", "两处都说的。", "王爷爷"}
ON_AIR = {"冬天围着炉子雕花。", "两处都说的。", "王师傅"}
NOWHERE = {"没问过的事。", "奶奶身上有病。", "拿下来的话。", "从前写的介绍。", "王小妹", "只会打磨"}


async def tell(sessions: Sessions, family: Workshop) -> None:
    whose = {"station_id": family.station_id, "workshop_id": family.id}
    both = {"on_page": True, "on_air": True}
    async with sessions.begin() as session:
        (await session.get_one(Workshop, family.id)).story = "从前写的介绍。"
        session.add_all(
            FamilyFact(text=text, made_at=NOON, **whose, **values)
            for text, values in (
                ("爷爷十四岁学木匠。", {"on_page": True}),
                (
                    "冬天围着炉子雕花。",
                    {"on_air": True, "agreed_on": NOON.date(), "witness": "老魏"},
                ),
                ("两处都说的。", both),
                ("没问过的事。", {}),
                ("奶奶身上有病。", {"delicate": True}),
                ("拿下来的话。", {**both, "removed_at": NOON}),
            )
        )
        session.add_all(
            Maker(name=name, about=about, on_page=on_page, on_air=on_air, **whose)
            for name, about, on_page, on_air in (
                ("王爷爷", "", True, False),
                ("王师傅", "", False, True),
                ("王小妹", "只会打磨", False, False),
            )
        )


@pytest.fixture
async def desk(sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        yield desk


@pytest.fixture
async def product(sessions: Sessions, desk: Desk) -> Product:
    family = await make_workshop(sessions, desk.station)
    await tell(sessions, family)
    return await make_product(sessions, family, wood="榆木")


@pytest.fixture
async def show(sessions: Sessions, product: Product) -> Show:
    show = await make_live_show(sessions, [product])
    await make_link(sessions, product, show)
    return show


def found(text: str, words: set[str]) -> set[str]:
    return {word for word in words if word in text}


async def text_of(desk: Desk, path: str, folder: Path) -> str:
    """What stands on a page, in an answer, or on paper."""
    answer = await desk.web.get(path)
    assert answer.status_code == 200, path
    if answer.headers["content-type"] != "application/pdf":
        return answer.text
    (folder / "paper.pdf").write_bytes(answer.content)
    read = ["pdftotext", "-raw", str(folder / "paper.pdf"), "-"]
    said = await asyncio.to_thread(subprocess.run, read, check=True, capture_output=True)
    return "".join(said.stdout.decode().split())


async def finished_card(sessions: Sessions, desk: Desk, product: Product) -> tuple[int, str]:
    """A work order that is ready, and the code of its piece's card."""
    paid = await pay(sessions, await order(sessions, want(product)))
    part, manager = paid.work_orders[0], await make_member(sessions, desk.station, Role.MANAGER)
    async with sessions.begin() as session:
        await work_steps.accept(session, act(manager), part.id, NOON)
        await work_steps.ready(session, act(manager), part.id, NOON)
    async with sessions() as session:
        code = (await session.scalars(select(PieceCard.code))).one()
    return part.id, code


async def test_public_pages_tell_what_was_agreed_for_the_page(
    sessions: Sessions, desk: Desk, product: Product, show: Show, tmp_path: Path
) -> None:
    _, code = await finished_card(sessions, desk, product)
    async with sessions.begin() as session:
        _, token = await make_overlay(session, await host_of(sessions, show), NOON, channel="抖音")
    family = f"/workshops/w{product.workshop_id}"
    told = {}
    for path in (
        "/",
        "/workshops",
        family,
        f"/products/{product.slug}",
        "/Q/7K3FD",
        f"/shows/{show.id}",
        f"/p/{code}",
        f"/overlay/{token}",
        "/api/workshops",
        "/api/products",
        f"/api/products/{product.id}",
        "/api/shows",
    ):
        text = await text_of(desk, path, tmp_path)
        assert found(text, NOWHERE | (ON_AIR - ON_PAGE)) == set(), path
        told[path] = found(text, ON_PAGE)
    assert told[family] == ON_PAGE
    assert told["/api/workshops"] == ON_PAGE
    assert told[f"/p/{code}"] == {"王爷爷"}
    assert "这家的几位师傅" in (await desk.web.get(family)).text


async def test_console_and_paper_tell_what_was_agreed_for_on_air(
    sessions: Sessions, desk: Desk, product: Product, show: Show, tmp_path: Path
) -> None:
    part, _ = await finished_card(sessions, desk, product)
    await desk.enter(Role.HOST)
    console = f"/desk/shows/{show.id}/console"
    told = {}
    for path, may in (
        (console, ON_AIR),
        (f"/desk/shows/{show.id}/pack.pdf", ON_AIR),
        (f"/desk/shows/{show.id}", ON_AIR),
        (f"/desk/shows/{show.id}/line-up", ON_AIR),
        ("/desk/links/7K3FD/card.pdf", ON_PAGE),
        (f"/desk/work-orders/{part}/cards.pdf", ON_PAGE),
        (f"/desk/workshops/{product.workshop_id}/facts", ON_AIR | ON_PAGE),
    ):
        text = await text_of(desk, path, tmp_path)
        # Names are the desk's business; what is told of the family is not.
        names = {"王小妹", "只会打磨"} if path.endswith("/facts") else set()
        assert found(text, NOWHERE | ((ON_PAGE | ON_AIR) - may)) - names == set(), path
        told[path] = found(text, may)
    assert told[console] == ON_AIR
    page = (await desk.web.get(console)).text
    assert "11月22日同意，老魏在场" in page
    assert "没有记下谁同意的" in page
    assert "这家的几位师傅" in page


async def test_a_yes_taken_back_makes_consoles_look_again(
    sessions: Sessions, product: Product, show: Show
) -> None:
    async def seen() -> object:
        async with sessions() as session:
            return await traces(session, show.id)

    before = await seen()
    assert await seen() == before
    for table, name in ((FamilyFact, FamilyFact.text == "两处都说的。"), (Maker, Maker.on_air)):
        async with sessions.begin() as session:
            (await session.scalars(select(table).where(name))).one().on_air = False
        assert await seen() != before
        before = await seen()
    other = await make_product(
        sessions, await make_workshop(sessions, await make_station(sessions, "other"))
    )
    async with sessions() as session:
        family = await session.get_one(Workshop, other.workshop_id)
    await tell(sessions, family)
    assert await seen() == before
