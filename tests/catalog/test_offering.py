"""One form, one product: also when it is sent twice at the same moment."""

import asyncio
from pathlib import Path

from sqlalchemy import func, select

from catalog.db import Sessions
from catalog.models import Photo, Product, Role, StockMovement
from catalog.offering import folder_of, new_form, offer
from media.storage import Storage
from tests.making import NOON, act, make_member, make_station, make_workshop

CARVING = (Path(__file__).parents[1] / "media" / "carving.jpg").read_bytes()
TYPED = {"name": "月圆挂", "price": "188", "kind": "batch", "stock": "4"}


async def test_of_two_taps_at_once_one_makes_the_product(
    sessions: Sessions, tmp_path: Path
) -> None:
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    artisan = act(await make_member(sessions, station, Role.ARTISAN, workshop))
    storage = Storage.open(f"file://{tmp_path}/files")
    folder = folder_of("a secret", artisan, new_form())

    async def tap() -> int:
        async with sessions.begin() as session:
            return await offer(session, storage, artisan, folder, TYPED, CARVING, NOON)

    first, second = await asyncio.gather(tap(), tap())
    assert first == second
    async with sessions() as session:
        for table in (Product, Photo, StockMovement):
            assert await session.scalar(select(func.count()).select_from(table)) == 1


async def test_a_folder_follows_from_key_member_and_form(sessions: Sessions) -> None:
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    one, other = [
        act(await make_member(sessions, station, Role.ARTISAN, workshop)) for _ in range(2)
    ]
    folders = {
        folder_of("a secret", one, "form"),
        folder_of("a secret", other, "form"),
        folder_of("another", one, "form"),
        folder_of("a secret", one, "other form"),
    }
    assert len(folders) == 4
    assert all(len(folder) == 24 and folder.isalnum() for folder in folders)
    assert folder_of("a secret", one, "form") in folders
