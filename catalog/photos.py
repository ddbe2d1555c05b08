"""Photos of products: taken in as a phone sends them, rendered later by a job, served by size."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from catalog import on_sale, outbox
from catalog.access import Actor
from catalog.audit import record
from catalog.db import Database
from catalog.errors import Invalid, NotFound
from catalog.models import Photo, PhotoState, Product, Rendered
from media.photos import BadPhoto, PhotoFacts, PhotoFault, inspect, render
from media.storage import NoSuchFile, Storage

Picture = TypeVar("Picture", bound=Rendered)

MOST_PHOTOS = 12
RENDER_JOB = "catalog.render_photo"

# A sentence for each way in which a file is no photo; the person still has the rest of the form.
SENTENCES = {
    PhotoFault.EMPTY: "照片是空的，请重新选一张。",
    PhotoFault.TOO_MANY_BYTES: "照片太大了，最大 50 MB。",
    PhotoFault.NOT_A_PICTURE: "这个文件不是照片。请选 JPEG、HEIC、PNG 或 WebP 照片。",
    PhotoFault.TOO_MANY_PIXELS: "照片的尺寸太大了，最多一亿一千万像素。",
    PhotoFault.TRUNCATED: "照片没有传完整，请重新传一次。",
}


@dataclass(frozen=True, slots=True)
class ShownPhoto:
    """A rendered photo, with what `ui.photo` asks of one."""

    folder: str
    width: int
    height: int
    ready: bool = True

    @property
    def base(self) -> str:
        return f"/photos/{self.folder}"


@dataclass(frozen=True, slots=True)
class Original:
    """An upload that is kept and found good, not yet a photo of anything.

    `folder` is the name under which it and its renditions stand.
    """

    folder: str
    facts: PhotoFacts

    @property
    def key(self) -> str:
        """Where the upload itself is kept, for nobody to see."""
        return _key(self.folder)


async def add_photo(
    session: AsyncSession,
    storage: Storage,
    actor: Actor,
    product: Product,
    data: bytes,
    now: datetime,
) -> Photo:
    """Keep the original, and write down that it must be rendered.

    `product` was loaded with its photos. Raises Invalid for a file that is no photo, before
    anything is kept. A file whose row does not commit stays behind under a name nobody knows.
    """
    _must_have_room(product)
    original = await keep_original(storage, data, secrets.token_hex(12))
    return await attach_photo(session, actor, product, original, now)


async def keep_original(storage: Storage, data: bytes, folder: str) -> Original:
    """Store an upload privately, in place of an earlier one of that name. Raises Invalid."""
    facts = _inspect(data)
    await storage.put(_key(folder), data, facts.media_type)
    return Original(folder, facts)


async def kept_original(storage: Storage, folder: str) -> Original | None:
    """The upload that was kept under `folder` before; None when there is none."""
    try:
        return Original(folder, _inspect(await storage.get(_key(folder))))
    except NoSuchFile:
        return None


def _key(folder: str) -> str:
    return f"originals/{folder}"


def _inspect(data: bytes) -> PhotoFacts:
    try:
        return inspect(data)
    except BadPhoto as error:
        raise Invalid({"photo": SENTENCES[error.reason]}) from error


def _must_have_room(product: Product) -> None:
    if len(_shown(product)) >= MOST_PHOTOS:
        raise Invalid({"photo": f"一件作品最多 {MOST_PHOTOS} 张照片。"})


def _shown(product: Product) -> list[Photo]:
    return [photo for photo in product.photos if photo.state != PhotoState.FAILED]


async def attach_photo(
    session: AsyncSession, actor: Actor, product: Product, original: Original, now: datetime
) -> Photo:
    """Make a kept upload the last photo of `product`, which was loaded with its photos.

    Photos that could not be rendered make way for it. Raises Invalid when there are too many,
    IntegrityError when the upload is a photo already.
    """
    _must_have_room(product)
    photo = Photo(
        station_id=product.station_id,
        product_id=product.id,
        position=len(_shown(product)),
        folder=original.folder,
        original_key=original.key,
        width=original.facts.width,
        height=original.facts.height,
        created_at=now,
    )
    session.add(photo)
    await session.flush()
    for failed in (p for p in product.photos if p.state == PhotoState.FAILED):
        await remove_photo(session, actor, product, failed.id, now)
    product.changed_at = now
    await on_sale.photo_added(session, actor, product, now)
    outbox.add(session, RENDER_JOB, now, photo_id=photo.id)
    record(
        session,
        actor,
        "photo.add",
        photo,
        now,
        after={"product_id": product.id},
        workshop_id=product.workshop_id,
    )
    return photo


async def remove_photo(
    session: AsyncSession, actor: Actor, product: Product, photo_id: int, now: datetime
) -> None:
    """Take a photo off its product. Its files stay until the keeping rules take them."""
    photo = next((p for p in product.photos if p.id == photo_id), None)
    if photo is None:
        raise NotFound(f"photo {photo_id}")
    record(
        session,
        actor,
        "photo.remove",
        photo,
        now,
        before={"product_id": product.id, "folder": photo.folder},
        workshop_id=product.workshop_id,
    )
    await session.delete(photo)
    product.changed_at = now


async def render_photo(
    database: Database, storage: Storage, job_id: int, photo_id: int, now: datetime
) -> None:
    """Write a photo's renditions to the file store and mark it ready, or failed with its reason.

    Safe to repeat: the same files are written again.
    """
    problem = await write_missing(database, storage, Photo, photo_id)
    async with database.writing.begin() as session:
        photo = await mark_rendered(session, job_id, Photo, photo_id, problem)
        if photo is not None:
            product = await session.get_one(Product, photo.product_id)
            product.changed_at = now


async def write_missing(
    database: Database, storage: Storage, model: type[Picture], photo_id: int
) -> str:
    """Write the renditions of a picture that waits for them; what was wrong with it, or "".

    No transaction is open while pixels are worked on, which takes seconds for a picture of 100
    megapixels.
    """
    async with database.reading() as session:
        photo = await session.get(model, photo_id)
    if photo is None or photo.state != PhotoState.WAITING:
        return ""
    return await _write_renditions(storage, photo.folder, photo.original_key)


async def mark_rendered(
    session: AsyncSession, job_id: int, model: type[Picture], photo_id: int, problem: str
) -> Picture | None:
    """Take the job and note what came of it; None for a job that is done, or a photo that is gone."""
    if not await outbox.take(session, job_id):
        return None
    photo = await session.get(model, photo_id)
    if photo is not None:
        photo.state = PhotoState.FAILED if problem else PhotoState.READY
        photo.problem = problem
    return photo


async def _write_renditions(storage: Storage, folder: str, original_key: str) -> str:
    """Write what pages show of a kept upload; returns "", or the reason why it is no photo."""
    try:
        for rendition in render(await storage.get(original_key)):
            key = f"photos/{folder}/{rendition.name}.{rendition.extension}"
            await storage.put(key, rendition.data, rendition.media_type)
    except BadPhoto as error:
        return error.reason.value
    return ""


async def printable_photo(storage: Storage, photos: Sequence[Photo]) -> bytes | None:
    """The first photo that is ready, as a JPEG for paper; None when there is none."""
    ready = next((photo for photo in photos if photo.ready), None)
    if ready is None:
        return None
    try:
        return await storage.get(f"photos/{ready.folder}/m.jpg")
    except NoSuchFile:
        return None
