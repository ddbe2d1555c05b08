"""Photos: taken in, rendered by a job that may run twice, taken off."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from catalog.access import Actor
from catalog.db import Database, Sessions
from catalog.errors import Invalid, NotFound
from catalog.models import Job, Photo, PhotoState, Product, Role, Station
from catalog.photos import MOST_PHOTOS, add_photo, remove_photo, render_photo
from catalog.products import get_product
from media.photos import PhotoFault
from media.storage import Storage
from tests.making import NOON, act, make_member, make_product
from tests.pictures import HUGE_PNG, truncated

CARVING = (Path(__file__).parents[1] / "media" / "carving.jpg").read_bytes()


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.open(f"file://{tmp_path}/files")


async def make(sessions: Sessions) -> tuple[Product, Actor]:
    product = await make_product(sessions)
    async with sessions() as session:
        station = await session.get_one(Station, product.station_id)
    return product, act(await make_member(sessions, station, Role.MANAGER))


async def add(
    sessions: Sessions, storage: Storage, product: Product, actor: Actor, data: bytes
) -> Photo:
    async with sessions.begin() as session:
        product = await get_product(session, product.id)
        return await add_photo(session, storage, actor, product, data, NOON)


async def jobs(sessions: Sessions) -> list[Job]:
    async with sessions() as session:
        return list(await session.scalars(select(Job).order_by(Job.id)))


async def test_a_photo_waits_then_shows_and_its_job_may_run_twice(
    database: Database, sessions: Sessions, storage: Storage
) -> None:
    product, manager = await make(sessions)
    photo = await add(sessions, storage, product, manager, CARVING)
    assert photo.state == PhotoState.WAITING
    assert await storage.get(photo.original_key) == CARVING
    [job] = await jobs(sessions)
    assert (job.name, job.args) == ("catalog.render_photo", {"photo_id": photo.id})
    for _ in range(2):
        await render_photo(database, storage, job.id, photo.id, NOON)
        async with sessions() as session:
            assert (await session.get_one(Photo, photo.id)).state == PhotoState.READY
        assert await jobs(sessions) == []
    for size in "sml":
        for extension in ("avif", "webp", "jpg"):
            assert await storage.exists(f"photos/{photo.folder}/{size}.{extension}")


async def test_a_photo_that_can_not_be_decoded_fails_with_its_reason(
    database: Database, sessions: Sessions, storage: Storage
) -> None:
    product, manager = await make(sessions)
    photo = await add(sessions, storage, product, manager, truncated(CARVING))
    [job] = await jobs(sessions)
    await render_photo(database, storage, job.id, photo.id, NOON)
    async with sessions() as session:
        failed = await session.get_one(Photo, photo.id)
    assert (failed.state, failed.problem) == (PhotoState.FAILED, PhotoFault.TRUNCATED)
    assert await jobs(sessions) == []


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "照片是空的，请重新选一张。"),
        ("不是照片".encode(), "这个文件不是照片。请选 JPEG、HEIC、PNG 或 WebP 照片。"),
        (HUGE_PNG, "照片的尺寸太大了，最多一亿一千万像素。"),
    ],
)
async def test_what_is_no_photo_is_refused_and_not_kept(
    sessions: Sessions, storage: Storage, tmp_path: Path, data: bytes, error: str
) -> None:
    product, manager = await make(sessions)
    with pytest.raises(Invalid) as refusal:
        await add(sessions, storage, product, manager, data)
    assert refusal.value.errors == {"photo": error}
    async with sessions() as session:
        assert await session.scalar(select(func.count(Photo.id))) == 0
    assert await jobs(sessions) == []
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


async def test_a_product_has_room_for_so_many_photos(sessions: Sessions, storage: Storage) -> None:
    product, manager = await make(sessions)
    for _ in range(MOST_PHOTOS):
        await add(sessions, storage, product, manager, CARVING)
    with pytest.raises(Invalid) as refusal:
        await add(sessions, storage, product, manager, CARVING)
    assert refusal.value.errors == {"photo": "一件作品最多 12 张照片。"}


async def test_a_photo_taken_off_leaves_its_job_nothing_to_do(
    database: Database, sessions: Sessions, storage: Storage
) -> None:
    product, manager = await make(sessions)
    photo = await add(sessions, storage, product, manager, CARVING)
    async with sessions.begin() as session:
        await remove_photo(session, manager, await get_product(session, product.id), photo.id, NOON)
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await remove_photo(
                session, manager, await get_product(session, product.id), photo.id, NOON
            )
    [job] = await jobs(sessions)
    await render_photo(database, storage, job.id, photo.id, NOON)
    assert await jobs(sessions) == []
