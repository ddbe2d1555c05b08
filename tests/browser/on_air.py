"""A show on air with an overlay, for the tests that look at it in a browser."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from catalog.access import Actor
from catalog.db import Database
from catalog.models import Job, Kind, Product
from catalog.photos import RENDER_JOB, add_photo, render_photo
from catalog.products import get_product
from live.models import Overlay, Show
from live.overlays import make_overlay
from media.storage import Storage
from tests.live.acting import host_of, make_link, sibling
from tests.making import NOON, make_live_show, make_product
from tests.web import settings_for

CARVING = Path(__file__).parents[1] / "media" / "carving.jpg"
PUBLIC_URL = "https://shop.zhongxing.example.cn"
CODE = "7K3FD"
SAYS = f"HTTPS://SHOP.ZHONGXING.EXAMPLE.CN/Q/{CODE}"


@dataclass(frozen=True)
class OnAir:
    """Two pieces, the first with a photo and being shown; `path` is the overlay's address."""

    show: Show
    products: list[Product]
    host: Actor
    overlay: Overlay
    path: str


async def go_on_air(database: Database, folder: Path) -> OnAir:
    """A show on air in an installation that keeps its files in `folder`, as `served` does."""
    sessions = database.writing
    first = await make_product(sessions, kind=Kind.ONE_OF_A_KIND, on_hand=1, wood="核桃木")
    second = await sibling(sessions, first, name="平安竖匾")
    show = await make_live_show(sessions, [first, second])
    host = await host_of(sessions, show)
    await make_link(sessions, first, show, CODE)
    await make_link(sessions, second, show, "8M4GT")
    await add_carving(database, folder, first, host)
    async with sessions.begin() as session:
        overlay, token = await make_overlay(session, host, NOON, channel="抖音")
    return OnAir(show, [first, second], host, overlay, f"/overlay/{token}")


async def add_carving(database: Database, folder: Path, product: Product, actor: Actor) -> None:
    """A photo that is ready to show."""
    storage = Storage.open(settings_for(database.url, folder).storage_url)
    async with database.writing.begin() as session:
        loaded = await get_product(session, product.id)
        photo = await add_photo(session, storage, actor, loaded, CARVING.read_bytes(), NOON)
        job = await session.scalar(select(Job.id).where(Job.name == RENDER_JOB))
    assert job is not None
    await render_photo(database, storage, job, photo.id, NOON)
