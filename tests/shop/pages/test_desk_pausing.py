"""The console's pause button, and what a buyer reads while the clock stands."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog.db import Sessions
from catalog.models import Role, Station
from live.models import Show
from shop.holding import Wanted
from shop.models import Hold
from tests.desk import Desk, open_desk
from tests.making import make_live_show, make_product, make_station, make_workshop
from tests.shop.sales import hold, link_to, staff


@pytest.fixture
async def desk(sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        yield desk


async def on_air(desk: Desk) -> tuple[Show, Hold]:
    """A show on air and a hold that somebody has just made by its code."""
    workshop = await make_workshop(desk.sessions, desk.station)
    product = await make_product(desk.sessions, workshop)
    show = await make_live_show(desk.sessions, [product])
    link = await link_to(desk.sessions, product, show, by=await staff(desk.sessions, product))
    made = await hold(desk.sessions, Wanted(1, link=link.code), now=datetime.now(UTC))
    async with desk.sessions() as session:
        return show, await session.get_one(Hold, made.id)


async def fresh(desk: Desk, made: Hold) -> Hold:
    async with desk.sessions() as session:
        return await session.get_one(Hold, made.id)


async def test_the_buttons_stop_the_clocks_and_let_them_run(desk: Desk) -> None:
    show, made = await on_air(desk)
    path = f"/desk/shows/{show.id}"
    await desk.enter(Role.ASSISTANT)
    await desk.web.get("/desk/shows")
    answer = await desk.web.submit(f"{path}/pause")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}/console")
    assert (await fresh(desk, made)).paused_by == show.id
    checkout = (await desk.web.get(f"/checkout/{made.token}")).text
    assert "您的时间先停在这里" in checkout
    assert "data-countdown" not in checkout
    await desk.web.get("/desk/shows")
    answer = await desk.web.submit(f"{path}/resume")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}/console")
    assert (await fresh(desk, made)).paused_by is None
    checkout = (await desk.web.get(f"/checkout/{made.token}")).text
    assert "您的时间先停在这里" not in checkout
    assert "data-countdown" in checkout


async def test_only_who_is_on_air_at_this_station_pauses(desk: Desk) -> None:
    show, made = await on_air(desk)
    other: Station = await make_station(desk.sessions, "other")
    path = f"/desk/shows/{show.id}/pause"
    for role, station, status in (
        (Role.FINANCE, None, 403),
        (Role.VOLUNTEER, None, 403),
        (Role.HOST, other, 404),
    ):
        await desk.enter(role, station)
        await desk.web.get("/desk/shows")
        assert (await desk.web.submit(path)).status_code == status
    await desk.enter(Role.HOST)
    assert (await desk.web.client.post(path)).status_code == 403
    assert (await fresh(desk, made)).paused_by is None
