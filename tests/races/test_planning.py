"""Planning in one moment, through two connections to one database: hosts, rooms and last places."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from catalog.access import Actor
from catalog.db import Database, Sessions
from catalog.errors import Invalid
from catalog.models import Role
from live.errors import NoPlaceLeft, OverlappingShow
from live.models import Show, ShowRole, SignUp
from live.scheduling import schedule_show
from live.shows import list_shows
from live.volunteers import help_at, set_roles, sign_up
from tests.making import NOON, act, make_member, make_station

WHEN = {"starts_at": NOON, "ends_at": NOON + timedelta(hours=2)}
PLACES, PEOPLE = 2, 8


@pytest.fixture
async def two(database_url: str) -> AsyncIterator[list[Sessions]]:
    """Two ways to one database, as two processes have them."""
    databases = [Database.connect(database_url) for _ in range(2)]
    yield [database.writing for database in databases]
    for database in databases:
        await database.close()


async def hosts(sessions: Sessions) -> list[Actor]:
    station = await make_station(sessions)
    return [act(await make_member(sessions, station, Role.HOST)) for _ in range(6)]


async def try_to_book(sessions: Sessions, actor: Actor, values: dict[str, Any]) -> bool:
    try:
        async with sessions.begin() as session:
            await schedule_show(session, actor, {"title": "专场", **WHEN, **values}, NOON)
    except OverlappingShow:
        return False
    return True


async def count(sessions: Sessions, model: Any) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


async def test_of_six_hosts_who_want_one_room_at_once_one_gets_it(two: list[Sessions]) -> None:
    outcomes = await asyncio.gather(
        *(
            try_to_book(two[n % 2], host, {"place": "文化站二楼"})
            for n, host in enumerate(await hosts(two[0]))
        )
    )
    assert sorted(outcomes) == [False] * 5 + [True]
    assert await count(two[0], Show) == 1


async def test_looking_without_the_lock_gives_the_room_to_two(two: list[Sessions]) -> None:
    """The twin of the test above: both look, then both write."""
    looked = asyncio.Barrier(2)

    async def naive(sessions: Sessions, host: Actor) -> None:
        async with sessions() as session:
            taken = await list_shows(session, host.station_id)
        await looked.wait()
        if not taken:
            async with sessions.begin() as session:
                facts = {"title": "专场", "place": "文化站二楼", **WHEN}
                session.add(Show(station_id=host.station_id, host_id=host.member_id, **facts))

    first, second, *_ = await hosts(two[0])
    await asyncio.gather(naive(two[0], first), naive(two[1], second))
    assert await count(two[0], Show) == 2


async def call(sessions: Sessions) -> tuple[int, Actor, list[Actor]]:
    """A show that wants `PLACES` at the camera, its host, and `PEOPLE` who would come."""
    station = await make_station(sessions)
    host = act(await make_member(sessions, station, Role.HOST))
    async with sessions.begin() as session:
        show = await schedule_show(session, host, {"title": "专场", **WHEN}, NOON)
        await set_roles(session, host, show.id, {"camera": PLACES}, NOON)
    people = [act(await make_member(sessions, station, Role.VOLUNTEER)) for _ in range(PEOPLE)]
    return show.id, host, people


async def try_to_help(sessions: Sessions, actor: Actor, show_id: int) -> bool:
    try:
        async with sessions.begin() as session:
            await sign_up(session, actor, show_id, "camera", NOON)
    except NoPlaceLeft:
        return False
    return True


async def test_of_eight_who_sign_up_at_once_as_many_come_as_were_wanted(
    two: list[Sessions],
) -> None:
    show_id, _, people = await call(two[0])
    outcomes = await asyncio.gather(
        *(try_to_help(two[n % 2], one, show_id) for n, one in enumerate(people))
    )
    assert sorted(outcomes) == [False] * (PEOPLE - PLACES) + [True] * PLACES
    assert await count(two[0], SignUp) == PLACES


async def test_counting_without_the_lock_takes_more_than_were_wanted(two: list[Sessions]) -> None:
    """The twin of the test above: each counts, then each writes."""
    show_id, _, people = await call(two[0])
    counted = asyncio.Barrier(PEOPLE)

    async def naive(sessions: Sessions, actor: Actor) -> None:
        async with sessions() as session:
            (camera,) = await help_at(session, show_id)
            role = await session.scalar(select(ShowRole).where(ShowRole.show_id == show_id))
        await counted.wait()
        if role is not None and camera.missing > 0:
            async with sessions.begin() as session:
                row = {"station_id": actor.station_id, "member_id": actor.member_id}
                session.add(SignUp(show_role_id=role.id, signed_up_at=NOON, **row))

    await asyncio.gather(*(naive(two[n % 2], one) for n, one in enumerate(people)))
    assert await count(two[0], SignUp) == PEOPLE


async def test_one_who_signs_up_twice_at_once_has_one_place(two: list[Sessions]) -> None:
    show_id, _, people = await call(two[0])
    outcomes = await asyncio.gather(
        *(try_to_help(two[n % 2], people[0], show_id) for n in range(4))
    )
    assert outcomes == [True] * 4
    assert await count(two[0], SignUp) == 1


async def test_fewer_are_wanted_in_the_moment_in_which_many_sign_up(two: list[Sessions]) -> None:
    """Whoever comes first is obeyed: never are there more signed up than wanted."""
    show_id, host, people = await call(two[0])

    async def ask_for_one() -> None:
        with suppress(Invalid):
            async with two[1].begin() as session:
                await set_roles(session, host, show_id, {"camera": 1}, NOON)

    await asyncio.gather(
        *(try_to_help(two[n % 2], one, show_id) for n, one in enumerate(people)), ask_for_one()
    )
    async with two[0]() as session:
        (camera,) = await help_at(session, show_id)
    assert camera.missing == 0
    assert len(camera.sign_ups) == camera.wanted
