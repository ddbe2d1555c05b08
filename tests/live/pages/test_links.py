"""Links at the desk: made, listed, retired, drawn and printed."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from sqlalchemy import func, select

from catalog.db import Database, Sessions
from catalog.models import Product, Role
from live.models import Link, Placement, Show
from live.scans import ScanCounter
from tests.live.acting import make_link, member_of, sibling
from tests.live.test_scans import note
from tests.making import make_live_show, make_member, make_product, make_station
from tests.web import Browser, browser, settings_for


@pytest.fixture
async def product(sessions: Sessions) -> Product:
    return await make_product(sessions)


@pytest.fixture
async def show(sessions: Sessions, product: Product) -> Show:
    return await make_live_show(sessions, [product], price_fen=24100)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Any:
    return settings_for(database_url, tmp_path, PUBLIC_URL="https://shop.example")


async def opened(web: Browser, sessions: Sessions, product: Product, path: str) -> str:
    member = await member_of(sessions, product, Role.ORDER_DESK)
    await web.sign_in(member.login)
    return (await web.get(path)).text


async def links(sessions: Sessions) -> list[Link]:
    async with sessions() as session:
        return list(await session.scalars(select(Link).order_by(Link.id)))


async def test_a_link_is_made_found_and_retired(
    sessions: Sessions, product: Product, show: Show, settings: Any
) -> None:
    async with browser(settings) as web:
        await opened(web, sessions, product, "/desk/links")
        assert "还没有商品码" in web.page
        form = {"product": str(product.id), "show": str(show.id), "placement": "video"}
        answer = await web.submit("/desk/links", form)
        (link,) = await links(sessions)
        assert (link.product_id, link.show_id, link.placement) == (
            product.id, show.id, Placement.VIDEO,
        )  # fmt: skip
        assert answer.headers["location"] == f"/desk/links?q={link.code}"
        page = (await web.get(f"/desk/links?q={link.code.lower()}")).text
        assert f'id="retire-{link.code}"' in page
        assert "短视频" in page
        answer = await web.submit(f"/desk/links/{link.code}/retire")
        assert answer.status_code == 303
        page = (await web.get("/desk/links")).text
        assert "停用了" in page
        assert f'id="retire-{link.code}"' not in page
        for picture in (".png", ".svg", "/card.pdf"):
            assert (await web.client.get(f"/desk/links/{link.code}{picture}")).status_code == 410
    assert (await links(sessions))[0].retired_at is not None


async def test_a_bad_link_is_not_made(sessions: Sessions, product: Product, settings: Any) -> None:
    bad = (
        ({"placement": "card"}, 422, "请选择这个码要打开的作品，或者场次。"),
        ({"product": "1", "placement": "wall"}, 422, "请选择用在哪里。"),
        ({"product": "x" * 40, "show": "-1", "placement": "tag"}, 422, "请选择这个码"),
        ({"product": "999999", "placement": "tag"}, 404, "没有找到"),
    )
    async with browser(settings) as web:
        await opened(web, sessions, product, "/desk/links")
        for typed, status, sentence in bad:
            answer = await web.submit("/desk/links", typed)
            assert (answer.status_code, sentence in answer.text) == (status, True), typed
    assert await links(sessions) == []


async def test_scans_stand_beside_each_code(
    database: Database, product: Product, settings: Any
) -> None:
    link = await make_link(database.writing, product)
    counter = ScanCounter(database)
    note(counter, link, 37)
    await counter.flush()
    async with browser(settings) as web:
        page = await opened(web, database.writing, product, "/desk/links")
    assert '<td class="num">37</td>' in page


async def test_the_picture_reads_back_as_the_public_address(
    sessions: Sessions, product: Product, settings: Any
) -> None:
    await make_link(sessions, product)
    async with browser(settings) as web:
        await opened(web, sessions, product, "/desk/links")
        for module, pixels in (("8", 8), ("100000", 40), ("-3", 1)):
            answer = await web.client.get(f"/desk/links/7k3fd.png?module={module}")
            assert answer.headers["content-type"] == "image/png"
            with Image.open(BytesIO(answer.content)) as picture:
                assert picture.width % pixels == 0
                large = picture.convert("L").resize((800, 800))
            (found,) = zxingcpp.read_barcodes(large)
            assert found.text == "HTTPS://SHOP.EXAMPLE/Q/7K3FD"
        answer = await web.client.get("/desk/links/7K3FD.svg")
        assert answer.headers["content-type"].startswith("image/svg+xml")
        assert answer.text.startswith("<svg")
        for file in ("7K3FD.gif", "7K3FD", "ZZZZZ.png", "7K3FD.png.svg", ".png"):
            assert (await web.client.get(f"/desk/links/{file}")).status_code == 404, file
        assert (await web.client.get("/desk/links/7K3FD.png?module=x")).status_code in (400, 422)


async def test_a_card_is_printed_with_or_without_a_photo(
    sessions: Sessions, product: Product, show: Show, settings: Any
) -> None:
    await make_link(sessions, product)
    async with browser(settings) as web:
        await opened(web, sessions, product, "/desk/links")
        answer = await web.client.get("/desk/links/7K3FD/card.pdf")
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF-")
        await web.submit("/desk/links", {"show": str(show.id), "placement": "card"})
        code = (await links(sessions))[-1].code
        assert (await web.client.get(f"/desk/links/{code}/card.pdf")).status_code == 404


async def test_the_line_up_gets_codes_once_and_reading_makes_none(
    sessions: Sessions, product: Product, show: Show, settings: Any
) -> None:
    base = f"/desk/shows/{show.id}"
    async with browser(settings) as web:
        await opened(web, sessions, product, base)
        assert (await web.client.get(f"{base}/tags.pdf")).status_code == 404
        assert await links(sessions) == []
        for _ in range(2):
            assert (await web.submit(f"{base}/links")).status_code == 303
            await web.get(base)
        assert [(link.product_id, link.placement) for link in await links(sessions)] == [
            (None, Placement.CARD),
            (product.id, Placement.OVERLAY),
        ]
        answer = await web.submit(f"{base}/tags")
        assert answer.headers["location"] == f"{base}/tags.pdf"
        sheet = await web.client.get(answer.headers["location"])
        assert sheet.content.startswith(b"%PDF-")
    tag = (await links(sessions))[-1]
    assert (tag.product_id, tag.show_id, tag.placement) == (product.id, show.id, Placement.TAG)


async def test_tags_of_products_without_a_show(
    sessions: Sessions, product: Product, settings: Any
) -> None:
    second = await sibling(sessions, product)
    async with browser(settings) as web:
        await opened(web, sessions, product, "/desk/links")
        for made in (product, second):
            answer = await web.submit("/desk/tags", {"product": str(made.id)})
            assert answer.headers["location"] == f"/desk/tags.pdf?product={made.id}"
        query = f"product={second.id}&product={product.id}&product={2**80}"
        sheet = await web.client.get(f"/desk/tags.pdf?{query}")
        assert sheet.content.startswith(b"%PDF-")
        assert (await web.client.get("/desk/tags.pdf?product=999")).status_code == 404
        answer = await web.submit("/desk/tags", {"product": "x"})
        assert (answer.status_code, "请选择要打印吊牌的作品。" in answer.text) == (422, True)
    assert len(await links(sessions)) == 2


async def test_another_stations_codes_are_not_found(
    sessions: Sessions, product: Product, settings: Any
) -> None:
    await make_link(sessions, product)
    other = await make_member(sessions, await make_station(sessions, "other"), Role.MANAGER)
    async with browser(settings) as web:
        await web.sign_in(other.login)
        await web.get("/desk/links")
        assert "7K3FD" not in web.page
        for path in ("7K3FD.png", "7K3FD.svg", "7K3FD/card.pdf"):
            assert (await web.client.get(f"/desk/links/{path}")).status_code == 404
        assert (await web.client.get(f"/desk/tags.pdf?product={product.id}")).status_code == 404
        assert (await web.submit("/desk/links/7K3FD/retire")).status_code == 404
        await web.get("/desk/links")
        answer = await web.submit("/desk/links", {"product": str(product.id), "placement": "tag"})
        assert answer.status_code == 404
        await web.get("/desk/links")
        assert (await web.submit("/desk/tags", {"product": str(product.id)})).status_code == 404
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Link)) == 1
        assert await session.scalar(select(Link.retired_at)) is None
