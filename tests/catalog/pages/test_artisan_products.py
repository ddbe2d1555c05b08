"""A family's products on its phone: photo first, and nothing that was typed or sent is lost."""

import re
import struct
import zlib
from io import BytesIO
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image
from sqlalchemy import func, select

from catalog.db import Database, Sessions
from catalog.models import (
    Job,
    Photo,
    PhotoState,
    Product,
    ProductState,
    Role,
    Station,
    Stock,
    StockMovement,
    Workshop,
)
from catalog.photos import RENDER_JOB, render_photo
from catalog.products import get_product
from media.storage import Storage
from shop.settings import Settings
from tests.making import NOON, make_member, make_product, make_station, make_workshop
from tests.web import Browser, browser, settings_for

CARVING = (Path(__file__).parents[2] / "media" / "carving.jpg").read_bytes()
NEW = "/workshop/products/new"
TYPED = {"name": "月圆挂", "price": "188.5", "kind": "batch", "stock": "4", "work_days": ""}


def heic() -> bytes:
    """A photo as an iPhone sends it, on its side."""
    picture = Image.new("RGB", (640, 480), "#8a5a2b")
    exif = Image.Exif()
    exif[274] = 6
    file = BytesIO()
    pillow_heif.from_pillow(picture).save(file, exif=exif.tobytes())
    return file.getvalue()


def vast_png() -> bytes:
    """A PNG of a few bytes that says it is 100,000 pixels wide and as high."""
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\x00" * 64)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def upload(data: bytes, name: str = "IMG_0001.jpg") -> dict[str, tuple[str, bytes, str]]:
    return {"photo": (name, data, "image/jpeg")}


@pytest.fixture
async def workshop(sessions: Sessions) -> Workshop:
    return await make_workshop(sessions, await make_station(sessions))


@pytest.fixture
async def login(sessions: Sessions, workshop: Workshop) -> str:
    """The login of the workshop's artisan."""
    station = await _station(sessions, workshop)
    return (await make_member(sessions, station, Role.ARTISAN, workshop)).login


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return settings_for(database_url, tmp_path)


async def counted(database: Database) -> tuple[int, int, int, int]:
    """How many products, photos, stock movements and jobs there are."""
    async with database.reading() as session:
        products, photos, moves, jobs = [
            await session.scalar(select(func.count()).select_from(table))
            for table in (Product, Photo, StockMovement, Job)
        ]
    return products, photos, moves, jobs


async def _station(sessions: Sessions, workshop: Workshop) -> Station:
    async with sessions() as session:
        return await session.get_one(Station, workshop.station_id)


async def _on_hand(database: Database, product: Product) -> int:
    async with database.reading() as session:
        return (await session.get_one(Stock, product.id)).on_hand


def form_name(page: str) -> str:
    found = re.search(r'name="form" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def only_product(database: Database) -> Product:
    async with database.reading() as session:
        return await get_product(session, (await session.scalars(select(Product.id))).one())


async def render_all(database: Database, settings: Settings) -> None:
    async with database.reading() as session:
        jobs = list(await session.scalars(select(Job).where(Job.name == RENDER_JOB)))
    for job in jobs:
        storage = Storage.open(settings.storage_url)
        await render_photo(database, storage, job.id, job.args["photo_id"], NOON)


async def test_a_photo_and_a_few_words_make_a_product(
    database: Database, settings: Settings, workshop: Workshop, login: str
) -> None:
    async with browser(settings) as web:
        await web.sign_in(login)
        assert "还没有作品" in (await web.get("/workshop/products")).text
        await web.get(NEW)
        typed = {**TYPED, "form": form_name(web.page)}
        answer = await web.submit(NEW, typed, files=upload(heic(), "IMG_0001.HEIC"))
        product = await only_product(database)
        path = f"/workshop/products/{product.id}"
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        page = (await web.get(path)).text
        assert "作品放上去了，买家看得到了。" in page
        assert "照片收到了，正在整理" in page
        await render_all(database, settings)
        base = (await only_product(database)).photos[0].base
        assert f"{base}/m.jpg" in (await web.get(path)).text
        assert (await web.get(f"{base}/m.jpg")).headers["content-type"] == "image/jpeg"
        page = (await web.get("/workshop/products")).text
        assert "月圆挂" in page
        assert "¥188.50" in page
        assert "现有 4 件" in page
    photo = product.photos[0]
    assert (product.workshop_id, product.kind, product.price_fen) == (workshop.id, "batch", 18850)
    assert (product.state, product.stock.on_hand) == (ProductState.ON_SALE, 4)
    assert (photo.width, photo.height) == (480, 640)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "照片是空的"),
        (b"not a picture at all", "这个文件不是照片"),
        (CARVING[:40], "照片没有传完整"),
        (vast_png(), "照片的尺寸太大了"),
    ],
    ids=["empty", "text", "truncated", "vast"],
)
async def test_a_bad_photo_is_answered_beside_it_and_the_words_stay(
    database: Database, settings: Settings, login: str, data: bytes, sentence: str
) -> None:
    async with browser(settings) as web:
        await web.sign_in(login)
        await web.get(NEW)
        typed = {**TYPED, "form": form_name(web.page)}
        answer = await web.submit(NEW, typed, files=upload(data))
        assert answer.status_code == 422
        assert sentence in re.search(r'id="f-photo-error">([^<]*)', answer.text)[1]  # type: ignore[index]
        for words in ('value="月圆挂"', 'value="188.5"', 'value="batch" checked', 'value="4"'):
            assert words in answer.text
        assert "照片已收到" not in answer.text
        assert await counted(database) == (0, 0, 0, 0)
        answer = await web.submit(NEW, typed, files=upload(CARVING))
        assert answer.status_code == 303
    assert await counted(database) == (1, 1, 1, 1)


async def test_a_good_photo_is_kept_while_the_words_are_put_right(
    database: Database, settings: Settings, login: str
) -> None:
    async with browser(settings) as web:
        await web.sign_in(login)
        await web.get(NEW)
        typed = {**TYPED, "form": form_name(web.page), "price": "-1", "stock": str(10**9)}
        # Three megabytes more than any other form may hold.
        answer = await web.submit(NEW, typed, files=upload(CARVING + bytes(3_000_000)))
        assert answer.status_code == 422
        assert "价格不能是负数。" in answer.text
        assert "件数要在 1 到 9999 之间。" in answer.text
        assert "照片已收到" in answer.text
        assert form_name(answer.text) == typed["form"]
        assert await counted(database) == (0, 0, 0, 0)
        answer = await web.submit(NEW, {**typed, "price": "188", "stock": "4"})
        assert answer.status_code == 303
    product = await only_product(database)
    assert (product.price_fen, product.photos[0].width) == (
        18800,
        Image.open(BytesIO(CARVING)).width,
    )


async def test_another_members_form_does_not_lead_to_the_photo(
    sessions: Sessions, database: Database, settings: Settings, workshop: Workshop, login: str
) -> None:
    station = await _station(sessions, workshop)
    neighbour = await make_member(sessions, station, Role.ARTISAN, workshop)
    async with browser(settings) as web:
        await web.sign_in(login)
        await web.get(NEW)
        typed = {**TYPED, "form": form_name(web.page), "price": ""}
        assert "照片已收到" in (await web.submit(NEW, typed, files=upload(CARVING))).text
    async with browser(settings) as web:
        await web.sign_in(neighbour.login)
        await web.get(NEW)
        for form in (typed["form"], "", "../../etc", "originals/0.jpg", "照" * 500):
            answer = await web.submit(NEW, {**TYPED, "form": form})
            assert answer.status_code == 422
            assert "请先给作品拍一张照片。" in answer.text
    assert await counted(database) == (0, 0, 0, 0)


async def test_a_form_sent_twice_makes_one_product(
    database: Database, settings: Settings, login: str
) -> None:
    async with browser(settings) as web:
        await web.sign_in(login)
        await web.get(NEW)
        typed = {**TYPED, "form": form_name(web.page)}
        first = await web.submit(NEW, typed, files=upload(CARVING))
        again = await web.submit(NEW, typed, files=upload(CARVING))
        assert first.headers["location"] == again.headers["location"]
        assert await counted(database) == (1, 1, 1, 1)
        path = f"{first.headers['location']}/photos"
        await web.get(path)
        photo = {"form": form_name(web.page)}
        for _ in range(2):
            answer = await web.submit(path, photo, files=upload(CARVING))
            assert (answer.status_code, answer.headers["location"]) == (
                303,
                first.headers["location"],
            )
    assert await counted(database) == (1, 2, 1, 2)


async def test_what_is_missing_is_asked_for_all_at_once(
    database: Database, settings: Settings, login: str
) -> None:
    async with browser(settings) as web:
        await web.sign_in(login)
        await web.get(NEW)
        typed = {"form": form_name(web.page), "kind": "made_to_order"}
        answer = await web.submit(NEW, typed)
        assert answer.status_code == 422
        faults = re.findall(r'id="f-(\w+)-error"', answer.text)
        assert faults == ["photo", "name", "price", "work_days"]
        answer = await web.submit(NEW, {"form": form_name(web.page)})
        faults = re.findall(r'id="f-(\w+)-error"', answer.text)
        assert faults == ["photo", "name", "price", "kind"]
    assert await counted(database) == (0, 0, 0, 0)


async def test_a_photo_cut_short_further_in_is_told_later_and_makes_way_for_a_good_one(
    database: Database, settings: Settings, login: str
) -> None:
    async with browser(settings) as web:
        await web.sign_in(login)
        await web.get(NEW)
        typed = {**TYPED, "form": form_name(web.page)}
        answer = await web.submit(NEW, typed, files=upload(CARVING[: len(CARVING) // 2]))
        path = answer.headers["location"]
        await render_all(database, settings)
        page = (await web.get(path)).text
        assert "有一张照片用不了：照片没有传完整，请重新传一次。" in page
        await web.get(f"{path}/photos")
        photo = {"form": form_name(web.page)}
        await web.submit(f"{path}/photos", photo, files=upload(CARVING))
        await render_all(database, settings)
        assert "用不了" not in (await web.get(path)).text
    photos = (await only_product(database)).photos
    assert [(photo.state, photo.position) for photo in photos] == [(PhotoState.READY, 0)]


async def test_pieces_are_counted_one_by_one_and_a_second_tap_counts_nothing(
    sessions: Sessions, database: Database, settings: Settings, workshop: Workshop, login: str
) -> None:
    product = await make_product(sessions, workshop, on_hand=3)
    path = f"/workshop/products/{product.id}"
    async with browser(settings) as web:
        await web.sign_in(login)
        await web.get(path)
        for _ in range(2):
            answer = await web.submit(f"{path}/stock", {"change": "1", "seen": "3"})
            assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert "记好了，现在有 4 件。" in (await web.get(path)).text
        assert (await web.submit(f"{path}/stock", {"change": "-1"})).status_code == 303
        assert await _on_hand(database, product) == 3
        for change, sentence in (
            (str(10**9), "件数要在 -9999 到 9999 之间。"),
            ("-4", "现有 3 件，改完要在 0 到 9999 之间。"),
            ("0", "请填写增加或减少的件数。"),
            ("几件", "件数要填整数。"),
        ):
            await web.get(path)
            answer = await web.submit(f"{path}/stock", {"change": change, "seen": "3"})
            assert answer.status_code == 422
            assert sentence in answer.text
    async with database.reading() as session:
        moves = await session.execute(
            select(StockMovement.change, StockMovement.reason).order_by(StockMovement.id)
        )
        counted_by_hand = (1, "手艺人自己数的"), (-1, "手艺人自己数的")
        assert [tuple(move) for move in moves] == [(3, "新上架"), *counted_by_hand]


async def test_promised_pieces_can_not_be_counted_away(
    sessions: Sessions, database: Database, settings: Settings, workshop: Workshop, login: str
) -> None:
    product = await make_product(sessions, workshop, on_hand=2)
    async with sessions.begin() as session:
        stock = await session.get_one(Stock, product.id)
        stock.held = 2
    path = f"/workshop/products/{product.id}"
    async with browser(settings) as web:
        await web.sign_in(login)
        page = (await web.get(path)).text
        assert "现有 2 件，其中 2 件有人要了" in page
        answer = await web.submit(f"{path}/stock", {"change": "-1", "seen": "2"})
        assert answer.status_code == 409
        assert "有些件已经答应了买家" in answer.text
        answer = await web.submit(f"{path}/count", {"count": "1", "seen": "2"})
        assert answer.status_code == 409
        assert 'value="1"' in answer.text
    assert await _on_hand(database, product) == 2


async def test_a_new_count_replaces_what_the_page_showed(
    sessions: Sessions, database: Database, settings: Settings, workshop: Workshop, login: str
) -> None:
    product = await make_product(sessions, workshop, on_hand=3)
    path = f"/workshop/products/{product.id}"
    async with browser(settings) as web:
        await web.sign_in(login)
        assert "账上记的是 <strong>3 件</strong>" in (await web.get(f"{path}/count")).text
        for count in ("20", "20", "3"):
            await web.get(f"{path}/count")
            answer = await web.submit(f"{path}/count", {"count": count, "seen": "3"})
            assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert await _on_hand(database, product) == 20
        for count in ("-1", str(10**9), "", "二十"):
            answer = await web.submit(f"{path}/count", {"count": count, "seen": "20"})
            assert answer.status_code == 422
            assert 'id="f-count-error"' in answer.text
    assert await _on_hand(database, product) == 20


async def test_price_and_sale_are_changed_and_a_wrong_price_is_asked_again(
    sessions: Sessions, database: Database, settings: Settings, workshop: Workshop, login: str
) -> None:
    product = await make_product(sessions, workshop, floor_fen=20000)
    path = f"/workshop/products/{product.id}"
    async with browser(settings) as web:
        await web.sign_in(login)
        assert "¥268" in (await web.get(f"{path}/price")).text
        for price, sentence in (
            ("-1", "价格不能是负数。"),
            ("0", "价格要大于 0。"),
            ("便宜点", "价格要填数字，比如 268 或 268.50。"),
            ("199", "不能低于说好的底价 200 元。"),
            ("9999999", "价格太大了"),
        ):
            answer = await web.submit(path, {"price": price})
            assert answer.status_code == 422
            assert sentence in answer.text
            assert f'value="{price}"' in answer.text
        assert (await only_product(database)).price_fen == 26800
        await web.submit(path, {"price": "¥1,288"})
        assert "价格改好了。" in (await web.get(path)).text
        await web.submit(path, {"state": "off"})
        assert "先不卖，买家看不到" in (await web.get(path)).text
        kept = await only_product(database)
        assert (kept.price_fen, kept.state) == (128800, ProductState.OFF)
        await web.submit(path, {"state": "on_sale"})
        assert "正在卖" in (await web.get(path)).text
    assert (await only_product(database)).state == ProductState.ON_SALE


async def test_another_familys_product_is_not_there(
    sessions: Sessions, database: Database, settings: Settings, workshop: Workshop, login: str
) -> None:
    station = await _station(sessions, workshop)
    neighbours = await make_workshop(sessions, station, "李家木雕")
    product = await make_product(sessions, neighbours, on_hand=3)
    before = await counted(database)
    path = f"/workshop/products/{product.id}"
    async with browser(settings) as web:
        await web.sign_in(login)
        assert "福字圆挂" not in (await web.get("/workshop/products")).text
        for form in ("", "/price", "/count", "/photos"):
            assert (await web.client.get(f"{path}{form}")).status_code == 404
        await web.get(NEW)
        await _refused(web, path)
        assert (await web.client.get(f"/workshop/products/{2**64}")).status_code == 404
    kept = await only_product(database)
    assert (kept.price_fen, kept.state, kept.stock.on_hand) == (26800, ProductState.ON_SALE, 3)
    assert await counted(database) == before


async def _refused(web: Browser, path: str) -> None:
    page = web.page
    for form, values in (
        ("", {"price": "1"}),
        ("", {"state": "off"}),
        ("/stock", {"change": "1"}),
        ("/count", {"count": "9", "seen": "3"}),
        ("/photos", {"form": "a"}),
    ):
        web.page = page
        files = upload(CARVING) if form == "/photos" else None
        assert (await web.submit(f"{path}{form}", values, files=files)).status_code == 404
