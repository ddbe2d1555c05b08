"""Fair airtime: who had how much, whom the rule puts next, and when it asks why not."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid
from catalog.models import AuditEntry, Kind, Product, ProductState, Role, Station, Workshop
from catalog.products import change_product
from catalog.workshops import change_workshop
from live.fairness import WINDOW, Airtime, airtimes, average, departures, far_ahead, suggest
from live.lineup import put_line_up
from live.models import Show
from live.on_air import end_show, show_now, start_show
from live.scheduling import change_show, schedule_show
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop

DAY = timedelta(days=1)


class Town:
    """A station with three families, each with two products."""

    def __init__(self, sessions: Sessions, host: Actor, products: dict[str, Product]) -> None:
        self.sessions = sessions
        self.host = host
        self.products = products

    async def hold(
        self, slots: Sequence[tuple[str, int]], start: datetime, *, rehearsal: bool = False
    ) -> Show:
        """A show in which these were shown for so many minutes each, one after the other."""
        show = await self.plan(slots, start, rehearsal=rehearsal)
        async with self.sessions.begin() as session:
            await start_show(session, self.host, show.id, start)
            at = start
            for item, (_, minutes) in zip(show.items, slots, strict=True):
                await show_now(session, self.host, show.id, item.id, at)
                at += timedelta(minutes=minutes)
            return await end_show(session, self.host, show.id, at)

    async def plan(
        self, slots: Sequence[tuple[str, int]], start: datetime, *, rehearsal: bool = False
    ) -> Show:
        when = {"starts_at": start, "ends_at": start + timedelta(hours=4), "rehearsal": rehearsal}
        rows = [{"product": self.products[name].id, "minutes": n} for name, n in slots]
        async with self.sessions.begin() as session:
            show = await schedule_show(session, self.host, {"title": "专场", **when}, start)
            return await put_line_up(session, self.host, show.id, rows, start)

    async def times(self) -> list[tuple[str, int, int, int, int]]:
        async with self.sessions() as session:
            found = await airtimes(session, self.host.station_id, NOON)
        return [(t.name, t.minutes, t.slots, t.planned_minutes, t.planned_slots) for t in found]

    async def suggested(self, minutes: int, *chosen: tuple[str, int], most: int = 100) -> str:
        """Names of what would fill so many minutes, five each."""
        line_up = [(self.products[name].id, n) for name, n in chosen]
        async with self.sessions() as session:
            found = await suggest(session, self.host.station_id, line_up, minutes, 5, most, NOON)
        names = {product.id: name for name, product in self.products.items()}
        return " ".join(names[product_id] for product_id in found)


@pytest.fixture
async def town(sessions: Sessions) -> Town:
    station = await make_station(sessions)
    host = act(await make_member(sessions, station, Role.HOST))
    products = {}
    for family in ("王", "李", "赵"):
        workshop = await make_workshop(sessions, station, f"{family}家")
        for n in (1, 2):
            product = await make_product(sessions, workshop, name=f"{family}{n}", on_hand=2)
            products[f"{family}{n}"] = product
    return Town(sessions, host, products)


async def test_nobody_was_on_air_yet(town: Town) -> None:
    assert await town.times() == [(f"{family}家", 0, 0, 0, 0) for family in ("王", "李", "赵")]
    assert await town.suggested(20) == "王1 李1 赵1 王2"


async def test_minutes_and_slots_come_from_airings_and_plans_stand_apart(town: Town) -> None:
    await town.hold([("王1", 30), ("王2", 10), ("李1", 20), ("赵1", 5)], NOON - DAY)
    await town.hold([("李1", 15)], NOON - 2 * DAY)
    await town.hold([("赵1", 100)], NOON - 3 * DAY, rehearsal=True)
    await town.plan([("赵1", 7), ("赵2", 8)], NOON + DAY)
    await town.plan([("赵1", 60)], NOON + 2 * DAY, rehearsal=True)
    assert await town.times() == [
        ("王家", 40, 2, 0, 0),
        ("李家", 35, 2, 0, 0),
        ("赵家", 5, 1, 15, 2),
    ]


async def test_a_piece_that_the_host_came_back_to_is_one_slot(
    sessions: Sessions, town: Town
) -> None:
    show = await town.plan([("王1", 30), ("李1", 30)], NOON - DAY)
    first, second = [item.id for item in show.items]
    async with sessions.begin() as session:
        await start_show(session, town.host, show.id, NOON - DAY)
        for minutes, item in ((10, second), (15, first), (21, second)):
            at = NOON - DAY + timedelta(minutes=minutes)
            await show_now(session, town.host, show.id, item, at)
        await end_show(session, town.host, show.id, NOON - DAY + timedelta(minutes=30))
    assert (await town.times())[:2] == [("王家", 16, 1, 0, 0), ("李家", 14, 1, 0, 0)]


async def test_what_lies_outside_the_window_does_not_count(sessions: Sessions, town: Town) -> None:
    await town.hold([("王1", 60)], NOON - WINDOW - timedelta(minutes=40))
    await town.hold([("李1", 60)], NOON - WINDOW - timedelta(hours=2))
    live = await town.plan([("赵1", 60)], NOON - timedelta(minutes=25))
    async with sessions.begin() as session:
        await start_show(session, town.host, live.id, NOON - timedelta(minutes=25))
    assert [(name, minutes) for name, minutes, *_ in await town.times()] == [
        ("赵家", 25),
        ("王家", 20),
        ("李家", 0),
    ]


async def test_the_least_shown_come_first_and_what_is_chosen_counts(town: Town) -> None:
    await town.hold([("王1", 12), ("李1", 10), ("赵1", 3)], NOON - DAY)
    # 赵 has 3, 8, 13; 李 10, 15; 王 12, 17.
    assert await town.suggested(30) == "赵2 赵1 李2 王2 李1 王1"
    assert await town.suggested(30, ("赵2", 15)) == "李2 王2 李1"
    assert await town.suggested(15, ("赵2", 15)) == ""
    assert await town.suggested(14, ("赵2", 5)) == "赵1"
    assert await town.suggested(30, most=2) == "赵2 赵1"


async def test_of_a_family_what_was_shown_longest_ago_comes_first(town: Town) -> None:
    await town.hold([("王2", 5), ("李1", 5), ("赵1", 5)], NOON - 5 * DAY)
    await town.hold([("王1", 5), ("李2", 5), ("赵2", 5)], NOON - 2 * DAY)
    assert await town.suggested(30) == "王2 李1 赵1 王1 李2 赵2"


async def test_what_can_not_be_had_is_not_suggested(sessions: Sessions, town: Town) -> None:
    async with sessions() as session:
        wang = await session.get_one(Workshop, town.products["王1"].workshop_id)
    carved = await make_product(sessions, wang, name="定", kind=Kind.MADE_TO_ORDER, on_hand=0)
    town.products["定"] = carved
    rows = [{"product": town.products["王1"].id, "allotment": 2}]
    when = {"starts_at": NOON + DAY, "ends_at": NOON + DAY + timedelta(hours=1)}
    async with sessions.begin() as session:
        show = await schedule_show(session, town.host, {"title": "别的场", **when}, NOON)
        await put_line_up(session, town.host, show.id, rows, NOON)
        await change_product(
            session, town.host, town.products["王2"].id, {"state": ProductState.OFF}, NOON
        )
        zhao = town.products["赵1"].workshop_id
        await change_workshop(session, town.host, zhao, {"active": False}, NOON)
    assert await town.suggested(60) == "定 李1 李2"


async def test_another_stations_time_and_products_stay_out(sessions: Sessions, town: Town) -> None:
    other = await make_workshop(sessions, await make_station(sessions, "other"), "外站")
    await make_product(sessions, other)
    assert len(await town.times()) == 3
    assert len((await town.suggested(1000)).split()) == 6


def had(name: str, minutes: int, *, in_turn: bool = True) -> Airtime:
    return Airtime(ord(name), name, in_turn, minutes, 0, 0, 0)


def test_far_ahead_is_half_as_much_again_and_thirty_minutes() -> None:
    for minutes, others, ahead in (
        ((95), (30, 30, 30), True),
        ((69), (30, 30, 30), False),
        ((30), (0, 0, 0), False),
        ((40), (0, 0, 0), True),
        ((500), (450, 450, 450), False),
        ((0), (0, 0, 0), False),
    ):
        times = [had("甲", minutes), *(had(n, m) for n, m in zip("乙丙丁", others, strict=True))]
        assert far_ahead(times[0], average(times)) is ahead, (minutes, others)


def test_a_departure_is_more_than_a_share_for_who_is_far_ahead() -> None:
    times = [had("甲", 120), had("乙", 30), had("丙", 30)]
    far, near = ord("甲"), ord("乙")
    assert departures(times, [(far, 20), (near, 5), (near, 5)]) == []
    assert departures(times, [(near, 20), (near, 20), (far, 5)]) == []
    assert departures(times, [(far, 5), (far, 5), (near, 20)]) == []
    (found,) = departures(times, [(far, 6), (far, 5), (near, 20)])
    assert (found.name, found.minutes, found.average, found.wanted, found.share) == (
        "甲", 120, 60, 11, 10,
    )  # fmt: skip
    assert departures(times[:1], [(far, 6), (far, 5)]) == []
    only_one_in_turn = [times[0], had("乙", 30, in_turn=False)]
    assert departures(only_one_in_turn, [(far, 6), (far, 5)]) == []


async def test_an_unfair_order_is_saved_with_a_reason_that_the_audit_trail_keeps(
    sessions: Sessions, town: Town
) -> None:
    await town.hold([("王1", 60), ("王2", 60), ("李1", 10)], NOON - DAY)
    show = await town.plan([], NOON + DAY)
    rows = [{"product": town.products[name].id} for name in ("王1", "王2", "李1")]

    async def save(reason: str | None) -> None:
        async with sessions.begin() as session:
            await put_line_up(session, town.host, show.id, rows, NOON, order_reason=reason)

    with pytest.raises(Invalid) as refused:
        await save(" ")
    assert refused.value.errors == {
        "order_reason": "“王家”近 90 天讲了 120 分钟，平均一家 43 分钟；"
        "这一场又排了 10 分钟，平分是 5 分钟。请写一句为什么这样排。"
    }
    async with sessions() as session:
        assert (await session.get_one(Show, show.id)).order_reason == ""
    await save("王家专场")
    async with sessions() as session:
        assert (await session.get_one(Show, show.id)).order_reason == "王家专场"
        entry = await session.scalar(
            select(AuditEntry)
            .where(AuditEntry.action == "show.line_up")
            .order_by(AuditEntry.id.desc())
            .limit(1)
        )
    assert entry is not None
    assert (entry.before, entry.after) == (
        {"products": [], "reason": ""},
        {"products": [row["product"] for row in rows], "reason": "王家专场"},
    )
    # Who is not asked leaves the reason as it was; a fair order needs none.
    await save(None)
    rows.pop(0)
    await save("")
    async with sessions() as session:
        assert (await session.get_one(Show, show.id)).order_reason == ""


async def test_on_air_and_in_a_rehearsal_nobody_is_asked(sessions: Sessions, town: Town) -> None:
    await town.hold([("王1", 60), ("王2", 60)], NOON - DAY)
    rows = [{"product": town.products[name].id} for name in ("王1", "王2")]
    shows = [await town.plan([("王1", 5)], NOON + n * DAY) for n in (1, 2)]
    async with sessions.begin() as session:
        await start_show(session, town.host, shows[0].id, NOON)
        await change_show(session, town.host, shows[1].id, {"rehearsal": True}, NOON)
        for show in shows:
            await put_line_up(session, town.host, show.id, rows, NOON, order_reason="")
    async with sessions() as session:
        station = await session.get_one(Station, town.host.station_id)
        assert len(await airtimes(session, station.id, NOON)) == 3
