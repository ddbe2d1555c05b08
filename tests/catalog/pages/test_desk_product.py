"""One product at the desk: its facts, its pieces, its photos."""

from pathlib import Path

from sqlalchemy import func, select

from catalog import stock
from catalog.db import Database, Sessions
from catalog.models import Job, Kind, Photo, PhotoState, Product, Role, Stock
from catalog.pages import desk_product
from catalog.photos import render_photo
from media.storage import Storage
from tests.desk import Desk, only, open_desk
from tests.making import NOON, make_product, make_station, make_workshop
from tests.pictures import HUGE_PNG, truncated

EDITORS = only(Role.MANAGER, Role.HOST, Role.ASSISTANT, Role.ORDER_DESK)
CARVING = (Path(__file__).parents[2] / "media" / "carving.jpg").read_bytes()
TYPED = {
    "name": "福字圆挂", "name_en": "", "state": "on_sale", "meaning": "", "wood": "", "size": "",
    "weight_g": "", "price": "268", "floor": "", "work_days": "",
}  # fmt: skip


async def make(desk: Desk, **values: object) -> tuple[Product, str]:
    """A product of the desk's station, and the address of its page."""
    workshop = await make_workshop(desk.sessions, desk.station)
    product = await make_product(desk.sessions, workshop, **values)
    return product, f"/desk/products/{product.id}"


async def on_hand(sessions: Sessions, product: Product) -> int:
    async with sessions() as session:
        return (await session.get_one(Stock, product.id)).on_hand


async def photos(sessions: Sessions) -> list[Photo]:
    async with sessions() as session:
        return list(await session.scalars(select(Photo).order_by(Photo.id)))


def upload(data: bytes, name: str = "carving.jpg") -> dict[str, tuple[str, bytes, str]]:
    return {"photo": (name, data, "image/jpeg")}


async def test_the_page_is_for_those_who_edit_the_catalog_of_its_station(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        product, path = await make(desk)
        assert await desk.statuses(path) == EDITORS
        await desk.enter(Role.FINANCE)
        await desk.web.get("/desk")
        assert (await desk.web.submit(path, TYPED)).status_code == 403
        await desk.enter(Role.MANAGER, await make_station(sessions, "other"))
        await desk.web.get("/desk")
        assert (await desk.web.get(path)).status_code == 404
        await desk.web.get("/desk")
        for form, values in (
            (path, {**TYPED, "name": "x"}),
            (f"{path}/stock", {"change": "1", "reason": "x"}),
            (f"{path}/photos/1/remove", {}),
        ):
            assert (await desk.web.submit(form, values)).status_code == 404
            await desk.web.get("/desk")
        answer = await desk.web.submit(f"{path}/photos", files=upload(CARVING))
        assert answer.status_code == 404
        assert (await desk.web.get(f"/desk/products/{'9' * 30}")).status_code == 404
        async with sessions() as session:
            assert (await session.get_one(Product, product.id)).name == "福字圆挂"
        assert (await on_hand(sessions, product), await photos(sessions)) == (3, [])


async def test_a_change_is_saved_or_comes_back(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        product, path = await make(desk)
        await desk.enter(Role.MANAGER)
        await desk.web.get(path)
        answer = await desk.web.submit(path, {**TYPED, "price": "268.50", "floor": "200"})
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        async with sessions() as session:
            saved = await session.get_one(Product, product.id)
        assert (saved.price_fen, saved.floor_fen) == (26850, 20000)
        answer = await desk.web.submit(path, {**TYPED, "name": " ", "price": "-1", "floor": "😀"})
        assert answer.status_code == 422
        for kept in ('value="-1"', 'value="😀"', "请填写名称。", "价格不能是负数。"):
            assert kept in answer.text
        answer = await desk.web.submit(path, {**TYPED, "kind": "made_to_order"})
        assert "作品的做法定了以后不能改" in answer.text
        async with sessions() as session:
            kept_row = await session.get_one(Product, product.id)
        assert (kept_row.name, kept_row.price_fen, kept_row.kind) == ("福字圆挂", 26850, Kind.BATCH)


async def test_pieces_are_counted_and_promises_kept(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        product, path = await make(desk, on_hand=3)
        async with sessions.begin() as session:
            await stock.hold(session, product.id, 2)
        await desk.enter(Role.ORDER_DESK)
        await desk.web.get(path)
        refused = [
            ("-2", "碰坏了", 409, "有些件已经答应了买家，库存不能比这更少。"),
            ("", "", 422, "件数要填整数。"),
            ("1000000000", "x", 422, "件数要在 -9999 到 9999 之间。"),
            ("1", "长" * 81, 422, "原因最多 80 个字，现在有 81 个。"),
            ("<i>", "🪵", 422, "件数要填整数。"),
        ]
        for change, reason, status, error in refused:
            answer = await desk.web.submit(f"{path}/stock", {"change": change, "reason": reason})
            assert answer.status_code == status
            assert error in answer.text
            assert f'value="{change.replace("<i>", "&lt;i&gt;")}"' in answer.text
            assert f'value="{reason}"' in answer.text
            assert await on_hand(sessions, product) == 3
        answer = await desk.web.submit(f"{path}/stock", {"change": "-1", "reason": "碰坏了"})
        assert answer.status_code == 303
        page = (await desk.web.get(path)).text
        assert "已记下，现有 2 件。" in page
        assert page.index("碰坏了</span>") < page.index("新上架")
        assert await on_hand(sessions, product) == 2


async def test_what_is_carved_to_order_has_no_stock_to_count(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        _, path = await make(desk, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=7)
        await desk.enter(Role.MANAGER)
        page = await desk.web.get(path)
        assert "定做的作品没有现货，不用记库存。做一件要 7 天。" in page.text
        assert f'action="{path}/stock"' not in page.text
        answer = await desk.web.submit(f"{path}/stock", {"change": "1", "reason": "x"})
        assert answer.status_code == 422


async def test_a_photo_waits_shows_and_is_taken_off(
    database: Database, sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        _, path = await make(desk)
        await desk.enter(Role.HOST)
        await desk.web.get(path)
        answer = await desk.web.submit(f"{path}/photos", files=upload(CARVING))
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert "正在处理，过几秒刷新" in (await desk.web.get(path)).text
        [photo] = await photos(sessions)
        storage = Storage.open(f"file://{tmp_path}/data/files")
        async with sessions() as session:
            job = (await session.scalars(select(Job))).one()
        await render_photo(database, storage, job.id, photo.id, NOON)
        page = (await desk.web.get(path)).text
        assert f"封面 · {photo.width}×{photo.height}" in page
        assert f"/photos/{photo.folder}/m.jpg" in page
        assert "把这张照片拿下来？" in page
        answer = await desk.web.submit(f"{path}/photos/{photo.id}/remove")
        assert answer.status_code == 303
        assert "还没有照片" in (await desk.web.get(path)).text
        assert (await desk.web.submit(f"{path}/photos/{photo.id}/remove")).status_code == 404
        assert await photos(sessions) == []


async def test_a_photo_that_could_not_be_rendered_says_why(
    database: Database, sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        _, path = await make(desk)
        await desk.enter(Role.MANAGER)
        await desk.web.get(path)
        await desk.web.submit(f"{path}/photos", files=upload(truncated(CARVING)))
        [photo] = await photos(sessions)
        storage = Storage.open(f"file://{tmp_path}/data/files")
        async with sessions() as session:
            job = (await session.scalars(select(Job))).one()
        await render_photo(database, storage, job.id, photo.id, NOON)
        assert (await photos(sessions))[0].state == PhotoState.FAILED
        assert "照片没有传完整，请重新传一次。" in (await desk.web.get(path)).text


async def test_what_is_no_photo_is_answered_in_place(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        _, path = await make(desk)
        await desk.enter(Role.MANAGER)
        await desk.web.get(path)
        refused = [
            (upload("只是文字".encode()), "这个文件不是照片。"),
            (upload(b""), "照片是空的，请重新选一张。"),
            (upload(CARVING[:200]), "照片没有传完整，请重新传一次。"),
            (upload(HUGE_PNG, "huge.png"), "照片的尺寸太大了，最多一亿一千万像素。"),
            ({"photo": ("", b"", "application/octet-stream")}, "请先选一张照片。"),
        ]
        for files, error in refused:
            answer = await desk.web.submit(f"{path}/photos", files=files)
            assert answer.status_code == 422
            assert f'id="f-photo-error">{error}' in answer.text
            assert "福字圆挂" in answer.text
        async with sessions() as session:
            assert await session.scalar(select(func.count(Job.id))) == 0
        assert await photos(sessions) == []


async def test_a_photo_of_51_megabytes_is_told_so_and_one_beyond_is_cut_off(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        _, path = await make(desk)
        await desk.enter(Role.MANAGER)
        await desk.web.get(path)
        answer = await desk.web.submit(f"{path}/photos", files=upload(CARVING + bytes(51_000_000)))
        assert answer.status_code == 422
        assert "照片太大了，最大 50 MB。" in answer.text
        data = CARVING + bytes(desk_product.MOST_UPLOAD)
        answer = await desk.web.submit(f"{path}/photos", files=upload(data))
        assert answer.status_code == 413
        assert "照片最大 50 MB" in answer.text
        assert await photos(sessions) == []


async def test_whether_pieces_are_kept_at_the_station_is_a_box_to_tick(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        product, path = await make(desk)
        await desk.enter(Role.ASSISTANT)
        await desk.web.get(path)
        for typed, kept in (({"kept_at_station": "1"}, True), ({}, False)):
            await desk.web.submit(path, {**TYPED, **typed})
            async with sessions() as session:
                assert (await session.get_one(Product, product.id)).kept_at_station is kept
            page = (await desk.web.get(path)).text
            assert ('name="kept_at_station" value="1" checked' in page) is kept
