"""What the console sends and fetches by itself."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from httpx import Response
from sqlalchemy import func, select

from catalog.access import SHOW_VIEWERS
from catalog.db import Sessions
from catalog.models import FamilyFact, Role
from live.models import LineUpItem, Show, Tap
from live.on_air import end_show
from live.taps import MOST_TAPS
from shop.web.visit import CSRF_HEADER
from tests.desk import Desk, only, open_desk
from tests.live.acting import item_of, sibling
from tests.making import (
    NOON,
    act,
    make_live_show,
    make_product,
    make_station,
    make_workshop,
)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def desk(sessions: Sessions, database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        yield desk


async def on_air(desk: Desk) -> tuple[Show, LineUpItem]:
    """A show on air, and the second piece of its line-up."""
    workshop = await make_workshop(desk.sessions, desk.station)
    first = await make_product(desk.sessions, workshop, name="福字圆挂")
    second = await sibling(desk.sessions, first, name="驼铃方屏")
    show = await make_live_show(desk.sessions, [first, second])
    return show, await item_of(desk.sessions, show, second)


async def post(desk: Desk, show: Show, body: object, token: str | None = None) -> Response:
    page = (await desk.web.get("/desk/shows")).text
    fresh = page.partition('name="csrf" value="')[2][:64]
    return await desk.web.client.post(
        f"/desk/shows/{show.id}/taps", json=body, headers={CSRF_HEADER: token or fresh}
    )


def press(item: LineUpItem, **other: Any) -> dict[str, Any]:
    at = datetime.now(UTC).isoformat()
    return {"client_id": "one", "kind": "now", "item": item.id, "at": at, **other}


async def count(desk: Desk) -> int:
    async with desk.sessions() as session:
        return await session.scalar(select(func.count()).select_from(Tap)) or 0


async def test_presses_in_outcomes_out(desk: Desk) -> None:
    show, item = await on_air(desk)
    await desk.enter(Role.HOST)
    answer = await post(desk, show, [press(item), press(item, client_id="two") | {"item": 999}])
    assert answer.status_code == 200
    assert answer.json() == [
        {"client_id": "one", "outcome": ""},
        {"client_id": "two", "outcome": "这件已经不在讲解单里了，没有换过去。"},
    ]
    assert await count(desk) == 2


@pytest.mark.parametrize(
    "odd",
    [
        {"client_id": ""},
        {"client_id": "x" * 41},
        {"client_id": "一"},
        {"client_id": "a\x00b"},
        {"kind": "end"},
        {"item": 0},
        {"item": -1},
        {"item": 2**63},
        {"at": "soon"},
        {"at": "2026-11-22T12:00:00"},
        {"at": "9999-12-31T23:59:59+00:00"},
    ],
)
async def test_what_no_console_sends_has_an_answer_of_its_own(
    desk: Desk, odd: dict[str, Any]
) -> None:
    show, item = await on_air(desk)
    await desk.enter(Role.HOST)
    wrong = press(item, client_id="wrong") | odd
    answer = await post(desk, show, [wrong, press(item)])
    assert answer.status_code == 200
    assert [bool(one["outcome"]) for one in answer.json()] == [True, False]
    assert await count(desk) == 1


async def test_what_is_no_list_or_too_long_changes_nothing(desk: Desk) -> None:
    show, item = await on_air(desk)
    await desk.enter(Role.HOST)
    many = [press(item, client_id=str(n)) for n in range(MOST_TAPS + 1)]
    wrong: list[Any] = [{"taps": []}, "now", [1], [{"kind": "now"}], many]
    for body in wrong:
        assert (await post(desk, show, body)).status_code == 422
    assert (await post(desk, show, many[:-1])).status_code == 200
    assert await count(desk) == MOST_TAPS


async def test_only_who_is_on_air_at_this_station_presses(desk: Desk) -> None:
    show, item = await on_air(desk)
    await desk.enter(Role.HOST)
    assert (await post(desk, show, [press(item)], token="0" * 64)).status_code == 403
    await desk.enter(Role.FINANCE)
    assert (await post(desk, show, [press(item)])).status_code == 403
    await desk.enter(Role.HOST, await make_station(desk.sessions, "other"))
    assert (await post(desk, show, [press(item)])).status_code == 404
    assert await count(desk) == 0


async def test_the_spare_pieces_are_the_console_with_each_piece_shown(desk: Desk) -> None:
    show, item = await on_air(desk)
    path = f"/desk/shows/{show.id}/console/spare"
    assert await desk.statuses(path) == only(*SHOW_VIEWERS)
    await desk.enter(Role.HOST)
    spare = (await desk.web.get(path)).json()
    assert len(spare) == 2
    assert set(spare[str(item.id)]) == {"piece", "talk", "controls"}
    assert "<h1>驼铃方屏</h1>" in spare[str(item.id)]["piece"]
    assert "这是最后一件" in spare[str(item.id)]["controls"]
    await desk.enter(Role.HOST, await make_station(desk.sessions, "other"))
    assert (await desk.web.get(path)).status_code == 404


async def test_each_spare_piece_tells_of_its_own_family_and_of_no_other(desk: Desk) -> None:
    products = []
    for family in ("王家", "李家"):
        workshop = await make_workshop(desk.sessions, desk.station, family)
        products.append(await make_product(desk.sessions, workshop, name=f"{family}的方盒"))
        async with desk.sessions.begin() as session:
            session.add(
                FamilyFact(
                    station_id=desk.station.id,
                    workshop_id=workshop.id,
                    text=f"{family}三代做木匠。",
                    on_air=True,
                    made_at=NOON,
                )
            )
    show = await make_live_show(desk.sessions, products)
    host = await desk.enter(Role.HOST)
    path = f"/desk/shows/{show.id}/console/spare"
    for _ in ("on air", "ended"):
        spare = (await desk.web.get(path)).json()
        for item, own, other in zip(show.items, ("王家", "李家"), ("李家", "王家"), strict=True):
            talk = spare[str(item.id)]["talk"]
            assert (f"{own}三代" in talk, f"{other}三代" in talk) == (True, False)
        async with desk.sessions.begin() as session:
            await end_show(session, act(host), show.id, NOON)


async def test_the_worker_is_a_script_that_stands_above_its_consoles(desk: Desk) -> None:
    await desk.enter(Role.HOST)
    answer = await desk.web.get("/desk/shows/worker.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "{{" not in answer.text
