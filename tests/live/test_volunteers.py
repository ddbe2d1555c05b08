"""Helping hands: asked for, signed up, never more than wanted, and the minutes confirmed."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid, NotAllowed, NotFound, Refusal
from catalog.models import AuditEntry, Role, Station
from catalog.spans import Span
from live.errors import NoPlaceLeft, WrongShowState
from live.models import Show, ShowState, SignUp
from live.scheduling import schedule_show
from live.volunteers import (
    Help,
    by_member,
    called_for,
    cancel,
    confirm,
    duration,
    help_at,
    hours,
    length_of,
    set_roles,
    sign_up,
    unconfirmed,
)
from tests.making import NOON, act, make_member, make_station

HOUR = timedelta(hours=1)
NOVEMBER = Span(date(2026, 11, 1), date(2026, 11, 30))
AFTER = NOON + 4 * HOUR


@dataclass
class Scene:
    """A show at one o'clock that asks for two at the camera and one to pack."""

    sessions: Sessions
    station: Station
    host: Actor
    show: Show

    async def helper(self) -> Actor:
        return act(await make_member(self.sessions, self.station, Role.VOLUNTEER))

    async def sign_up(self, actor: Actor, role: str = "camera") -> SignUp:
        async with self.sessions.begin() as session:
            return await sign_up(session, actor, self.show.id, role, NOON)

    async def places(self) -> dict[str, tuple[int, list[int]]]:
        """How many are wanted in each role, and which members have signed up."""
        async with self.sessions() as session:
            found = await help_at(session, self.show.id)
        return {h.role: (h.wanted, [row.member_id for row in h.sign_ups]) for h in found}

    async def put(self, **values: Any) -> None:
        async with self.sessions.begin() as session:
            show = await session.get_one(Show, self.show.id)
            for name, value in values.items():
                setattr(show, name, value)

    async def refused(
        self, error: type[Refusal], act_: Callable[[AsyncSession], Coroutine[Any, Any, Any]]
    ) -> Refusal:
        """That it is refused, and leaves places and audit trail as they were."""
        before = (await self.places(), await self.told())
        with pytest.raises(error) as refused:
            async with self.sessions.begin() as session:
                await act_(session)
        assert (await self.places(), await self.told()) == before
        return refused.value

    async def told(self) -> list[tuple[str, Any, Any]]:
        wanted = ("show.roles", "sign_up.make", "sign_up.cancel", "sign_up.confirm")
        query = select(AuditEntry.action, AuditEntry.before, AuditEntry.after)
        query = query.where(AuditEntry.action.in_(wanted)).order_by(AuditEntry.id)
        async with self.sessions() as session:
            return [(action, b, a) for action, b, a in await session.execute(query)]


@pytest.fixture
async def scene(sessions: Sessions) -> Scene:
    station = await make_station(sessions)
    host = act(await make_member(sessions, station, Role.HOST))
    when = {"starts_at": NOON + HOUR, "ends_at": NOON + 3 * HOUR}
    async with sessions.begin() as session:
        show = await schedule_show(session, host, {"title": "专场", **when}, NOON)
        wanted = {"camera": "2", "packing": 1, "runner": "", "other": "0"}
        await set_roles(session, host, show.id, wanted, NOON)
    return Scene(sessions, station, host, show)


async def test_a_show_asks_for_hands_and_members_sign_up(scene: Scene) -> None:
    one, two = await scene.helper(), await scene.helper()
    mine = await scene.sign_up(one)
    again = await scene.sign_up(one)
    assert again.id == mine.id
    await scene.sign_up(scene.host)
    await scene.sign_up(two, "packing")
    assert await scene.places() == {
        "camera": (2, [one.member_id, scene.host.member_id]),
        "packing": (1, [two.member_id]),
    }
    show = scene.show.id
    assert await scene.told() == [
        ("show.roles", {}, {"camera": 2, "packing": 1}),
        ("sign_up.make", None, {"show_id": show, "role": "camera"}),
        ("sign_up.make", None, {"show_id": show, "role": "camera"}),
        ("sign_up.make", None, {"show_id": show, "role": "packing"}),
    ]


async def test_never_more_than_wanted_and_one_role_for_each(scene: Scene) -> None:
    one, late = await scene.helper(), await scene.helper()
    await scene.sign_up(one, "packing")
    full = await scene.refused(
        NoPlaceLeft, lambda s: sign_up(s, late, scene.show.id, "packing", NOON)
    )
    assert full.text == "打包的人刚刚满了。看看别的活，或者别的场次。"
    second = await scene.refused(
        WrongShowState, lambda s: sign_up(s, one, scene.show.id, "camera", NOON)
    )
    assert second.text == "您已经报了这一场的打包。想换的话，先取消。"
    for role in ("runner", "fly", ""):
        await scene.refused(NotFound, lambda s, r=role: sign_up(s, late, scene.show.id, r, NOON))


async def test_who_cancels_makes_room_and_may_come_back(scene: Scene) -> None:
    one, two = await scene.helper(), await scene.helper()
    mine = await scene.sign_up(one, "packing")
    for _ in range(2):
        async with scene.sessions.begin() as session:
            await cancel(session, one, mine.id, NOON)
    await scene.sign_up(two, "packing")
    await scene.refused(NoPlaceLeft, lambda s: sign_up(s, one, scene.show.id, "packing", NOON))
    theirs = (await scene.places())["packing"]
    assert theirs == (1, [two.member_id])
    async with scene.sessions.begin() as session:
        row = await session.scalar(select(SignUp).where(SignUp.member_id == two.member_id))
        assert row is not None
        await cancel(session, scene.host, row.id, NOON)
    back = await scene.sign_up(one, "packing")
    assert back.id == mine.id
    assert [action for action, _, _ in await scene.told()] == [
        "show.roles", "sign_up.make", "sign_up.cancel", "sign_up.make", "sign_up.cancel",
        "sign_up.make",
    ]  # fmt: skip


async def test_one_cancels_for_oneself_and_those_who_plan_for_all(scene: Scene) -> None:
    one, two = await scene.helper(), await scene.helper()
    mine = await scene.sign_up(one)
    far = act(
        await make_member(scene.sessions, await make_station(scene.sessions, "far"), Role.HOST)
    )
    await scene.refused(NotAllowed, lambda s: cancel(s, two, mine.id, NOON))
    await scene.refused(NotFound, lambda s: cancel(s, far, mine.id, NOON))
    await scene.refused(NotFound, lambda s: cancel(s, scene.host, 999_999, NOON))
    for asked in (
        lambda s: sign_up(s, far, scene.show.id, "camera", NOON),
        lambda s: set_roles(s, far, scene.show.id, {}, NOON),
        lambda s: confirm(s, far, scene.show.id, {}, AFTER),
    ):
        await scene.refused(NotFound, asked)


async def test_nobody_comes_or_goes_once_it_has_started(scene: Scene) -> None:
    one, two = await scene.helper(), await scene.helper()
    mine = await scene.sign_up(one)
    show = scene.show.id

    async def closed(now: Any) -> None:
        await scene.refused(WrongShowState, lambda s: sign_up(s, two, show, "camera", now))
        await scene.refused(WrongShowState, lambda s: cancel(s, one, mine.id, now))

    # Late, and not on air yet: whoever can come may.
    async with scene.sessions.begin() as session:
        late = await sign_up(session, two, show, "packing", NOON + 2 * HOUR)
        await cancel(session, two, late.id, NOON + 2 * HOUR)
    await closed(NOON + 3 * HOUR)
    for state in (ShowState.LIVE, ShowState.ENDED, ShowState.REPORTED):
        await scene.put(state=state)
        await closed(NOON + HOUR)


async def test_what_is_asked_for_changes_but_not_below_who_has_signed_up(scene: Scene) -> None:
    one, two = await scene.helper(), await scene.helper()
    await scene.sign_up(one)
    await scene.sign_up(two)
    gone = await scene.sign_up(await scene.helper(), "packing")
    async with scene.sessions.begin() as session:
        await cancel(session, scene.host, gone.id, NOON)
        await set_roles(session, scene.host, scene.show.id, {"camera": 3, "runner": "1"}, NOON)
    assert await scene.places() == {
        "camera": (3, [one.member_id, two.member_id]), "runner": (1, []),
    }  # fmt: skip
    show = scene.show.id
    for typed, field in (
        ({"camera": "1"}, "camera"),
        ({"runner": "1"}, "camera"),
        ({"camera": 2, "runner": "21"}, "runner"),
        ({"camera": 2, "runner": "-1"}, "runner"),
        ({"camera": 2, "other": "许多"}, "other"),
    ):
        refusal = await scene.refused(
            Invalid, lambda s, t=typed: set_roles(s, scene.host, show, t, NOON)
        )
        assert isinstance(refusal, Invalid)
        assert list(refusal.errors) == [field]
    await scene.put(state=ShowState.ENDED)
    await scene.refused(
        WrongShowState, lambda s: set_roles(s, scene.host, show, {"camera": 5}, NOON)
    )


async def test_minutes_are_confirmed_after_the_show_and_may_be_put_right(scene: Scene) -> None:
    one, two = await scene.helper(), await scene.helper()
    first, second = await scene.sign_up(one), await scene.sign_up(two, "packing")
    show = scene.show.id
    typed: dict[int, object] = {first.id: "150", second.id: ""}
    early = NOON + 2 * HOUR
    await scene.refused(WrongShowState, lambda s: confirm(s, scene.host, show, typed, early))
    await scene.put(state=ShowState.ENDED)
    for wrong in ("1441", "-1", "两小时", "1.5"):
        refusal = await scene.refused(
            Invalid, lambda s, w=wrong: confirm(s, scene.host, show, {first.id: w}, early)
        )
        assert isinstance(refusal, Invalid)
        assert list(refusal.errors) == [f"minutes-{first.id}"]
    for _ in range(2):
        async with scene.sessions.begin() as session:
            await confirm(session, scene.host, show, typed, AFTER)
    async with scene.sessions() as session:
        (told,) = await hours(session, scene.station.id, NOVEMBER)
        waiting = await unconfirmed(session, scene.station.id, AFTER)
    assert (told.member.id, told.role, told.minutes) == (one.member_id, "camera", 150)
    assert (told.confirmed_by, told.confirmed_at) == ("host", AFTER)
    assert [each.id for each in waiting] == [show]
    manager = act(await make_member(scene.sessions, scene.station, Role.MANAGER))
    async with scene.sessions.begin() as session:
        await confirm(session, manager, show, {first.id: "", second.id: "0"}, AFTER + HOUR)
    async with scene.sessions() as session:
        (told,) = await hours(session, scene.station.id, NOVEMBER)
        assert (told.member.id, told.minutes, told.confirmed_by) == (two.member_id, 0, "manager")
    about = {"member_id": one.member_id, "show_id": show}
    assert [entry for entry in await scene.told() if entry[0] == "sign_up.confirm"] == [
        ("sign_up.confirm", {"minutes": None}, {"minutes": 150, **about}),
        ("sign_up.confirm", {"minutes": 150}, {"minutes": None, **about}),
        ("sign_up.confirm", {"minutes": None}, {"minutes": 0, **about, "member_id": two.member_id}),
    ]


async def test_hours_are_told_by_days_by_person_and_by_station(scene: Scene) -> None:
    one, two = await scene.helper(), await scene.helper()
    rows = [await scene.sign_up(one), await scene.sign_up(two)]
    await scene.put(state=ShowState.ENDED)
    async with scene.sessions.begin() as session:
        minutes = {rows[0].id: 30, rows[1].id: 90}
        await confirm(session, scene.host, scene.show.id, minutes, AFTER)
    december = Span(date(2026, 12, 1), date(2026, 12, 31))
    async with scene.sessions() as session:
        found = await hours(session, scene.station.id, NOVEMBER)
        assert [one.minutes for one in found] == [30, 90]
        assert [(m.id, times, total) for m, times, total in by_member(found)] == [
            (two.member_id, 1, 90), (one.member_id, 1, 30),
        ]  # fmt: skip
        own = await hours(session, scene.station.id, NOVEMBER, one.member_id)
        assert [each.minutes for each in own] == [30]
        assert await hours(session, scene.station.id, december) == []
        assert await hours(session, scene.station.id + 1, NOVEMBER) == []
        assert await unconfirmed(session, scene.station.id, AFTER) == []


async def test_a_show_that_never_went_on_air_is_confirmed_when_its_time_is_over(
    scene: Scene,
) -> None:
    row = await scene.sign_up(await scene.helper())
    async with scene.sessions() as session:
        assert await unconfirmed(session, scene.station.id, NOON + 2 * HOUR) == []
        assert len(await unconfirmed(session, scene.station.id, NOON + 3 * HOUR)) == 1
    async with scene.sessions.begin() as session:
        await confirm(session, scene.host, scene.show.id, {row.id: "0"}, NOON + 3 * HOUR)


async def test_shows_that_ask_for_hands_are_listed_until_they_start(scene: Scene) -> None:
    one = await scene.helper()
    mine = await scene.sign_up(one)
    far = act(
        await make_member(scene.sessions, await make_station(scene.sessions, "far"), Role.HOST)
    )
    async with scene.sessions() as session:
        (called,) = await called_for(session, one, NOON)
        assert (called.show.id, called.show.host.name) == (scene.show.id, "host")
        assert called.mine is not None
        assert called.mine.id == mine.id
        assert [(each.name, each.missing) for each in called.help] == [("摄像", 1), ("打包", 1)]
        assert await called_for(session, one, NOON + 3 * HOUR) == []
        assert await called_for(session, far, NOON) == []
    await scene.put(state=ShowState.LIVE)
    async with scene.sessions() as session:
        assert await called_for(session, one, NOON) == []


def test_minutes_are_told_as_people_say_them() -> None:
    assert [duration(m) for m in (0, 59, 60, 150)] == [
        "0 分钟", "59 分钟", "1 小时", "2 小时 30 分钟",
    ]  # fmt: skip
    show = Show(starts_at=NOON, ends_at=NOON + 2 * HOUR)
    assert length_of(show) == 120
    show.started_at, show.ended_at = NOON + HOUR, NOON + HOUR + timedelta(minutes=95)
    assert length_of(show) == 95
    assert Help("camera", 1, ()).missing == 1
