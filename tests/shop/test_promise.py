"""The rule of promised dates: worked examples out of the document, and what holds for all queues."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.closures import close, take_back
from catalog.db import Sessions
from catalog.models import Kind, Role
from shop import work_steps
from shop.promise import DAY, Job, Queue, Span, merged, open_day, open_days, queues
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.sales import order, pay, staff, want

TODAY = date(2026, 11, 22)
PAGE = Path(__file__).parents[2] / "docs" / "promises.md"

days = st.integers(min_value=1, max_value=60)
near = st.integers(min_value=-60, max_value=90).map(lambda n: TODAY + n * DAY)
spans = st.lists(st.tuples(near, st.integers(0, 40)).map(lambda s: (s[0], s[0] + s[1] * DAY)))
jobs = st.lists(
    st.builds(
        Job, days=days, begun_on=st.none() | st.integers(0, 60).map(lambda n: TODAY - n * DAY)
    ),
    max_size=8,
)


def examples() -> list[tuple[list[Job], list[Span], int, date]]:
    """The rows of the table in the document."""
    rows = re.findall(
        r"^\| (.+) \| (.+) \| (\d+) \| (\d{4}-\d\d-\d\d) \|$", PAGE.read_text(), re.MULTILINE
    )
    return [
        (_jobs(hand), _spans(closed), int(own), date.fromisoformat(on))
        for hand, closed, own, on in rows
    ]


def _jobs(text: str) -> list[Job]:
    parts = [part.partition(" begun ") for part in text.split("; ") if part != "none"]
    return [Job(int(n), date.fromisoformat(on) if on else None) for n, _, on in parts]


def _spans(text: str) -> list[Span]:
    parts = [part.partition(" to ") for part in text.split("; ") if part != "none"]
    return [(date.fromisoformat(begin), date.fromisoformat(end)) for begin, _, end in parts]


def test_the_documents_examples_are_what_the_rule_gives() -> None:
    rows = examples()
    assert len(rows) == 10
    for in_hand, closed, own, promised in rows:
        assert Queue(in_hand, merged(closed)).promise(own, TODAY) == promised, (
            in_hand,
            closed,
            own,
        )


@given(jobs, spans, days)
def test_a_promise_is_an_open_day_that_leaves_time_for_all_of_the_work(
    in_hand: list[Job], closed: list[Span], own: int
) -> None:
    shut = merged(closed)
    queue = Queue(in_hand, shut)
    promised = queue.promise(own, TODAY)
    assert promised > TODAY
    assert not any(begin <= promised <= end for begin, end in closed)
    work = queue.in_hand(TODAY) + own
    assert open_days(TODAY + DAY, promised + DAY, shut) == work
    by_hand = [TODAY + n * DAY for n in range(1, 3000)]
    by_hand = [d for d in by_hand if not any(begin <= d <= end for begin, end in closed)]
    assert by_hand[work - 1] == promised


@given(jobs, spans, days, days, st.tuples(near, st.integers(0, 40)))
def test_more_work_or_more_closures_never_give_an_earlier_day(
    in_hand: list[Job], closed: list[Span], own: int, more: int, another: tuple[date, int]
) -> None:
    begin, length = another
    shut = merged(closed)
    before = Queue(in_hand, shut).promise(own, TODAY)
    assert Queue(in_hand, shut).promise(own + more, TODAY) > before
    assert Queue([*in_hand, Job(more)], shut).promise(own, TODAY) > before
    longer = merged([*closed, (begin, begin + length * DAY)])
    unbegun = [Job(job.days) for job in in_hand]
    assert Queue(unbegun, longer).promise(own, TODAY) >= Queue(unbegun, shut).promise(own, TODAY)
    assert Queue(in_hand, longer).promise(own, TODAY) >= before


@given(jobs, spans)
def test_a_queue_that_keeps_its_pace_is_projected_for_the_days_it_promised(
    in_hand: list[Job], closed: list[Span]
) -> None:
    """Each is promised behind the others; the next morning, nothing lost, none comes out later."""
    queue = Queue([], merged(closed))
    for job in in_hand:
        on = queue.promise(job.days, TODAY)
        queue.jobs.append(Job(job.days, promised_on=on))
    for job, on in queue.projected(TODAY + DAY):
        assert job.promised_on == on


@given(jobs, spans, days, st.integers(1, 200))
def test_whoever_comes_when_there_was_to_be_room_finds_room(
    in_hand: list[Job], closed: list[Span], own: int, capacity: int
) -> None:
    queue = Queue(in_hand, merged(closed), capacity)
    day = queue.room_from(own, TODAY)
    if day is None:
        assert own > capacity
        return
    assert day > TODAY
    # They work from tomorrow on, one piece after the other, until that day.
    done = open_days(TODAY + DAY, day, queue.closed)
    assert queue.has_room(own, TODAY) or queue.in_hand(TODAY) - done + own <= capacity


def test_a_queue_without_end_is_promised_within_the_calendar() -> None:
    queue = Queue([Job(10**9)])
    assert queue.promise(1, TODAY) == TODAY + timedelta(days=36_500)


def test_days_between_are_counted_without_the_closed_ones() -> None:
    shut = merged([(TODAY, TODAY + DAY), (TODAY + DAY, TODAY + 2 * DAY)])
    assert shut == [(TODAY, TODAY + 2 * DAY)]
    assert open_days(TODAY - DAY, TODAY + 4 * DAY, shut) == 2
    assert open_days(TODAY + DAY, TODAY, shut) == 0
    assert open_day(1, TODAY, shut) == TODAY + 3 * DAY


async def test_a_queue_is_what_is_in_hand_at_the_workshop_and_the_days_of_its_closures(
    sessions: Sessions,
) -> None:
    station = await make_station(sessions)
    workshop, other = [await make_workshop(sessions, station, name) for name in ("王家", "李家")]
    carved = {"kind": Kind.MADE_TO_ORDER, "on_hand": 0}
    plate = await make_product(sessions, workshop, work_days=4, **carved)
    elsewhere = await make_product(sessions, other, work_days=9, **carved)
    finished = await make_product(sessions, workshop, work_days=7)
    desk = act(await make_member(sessions, station, Role.ORDER_DESK))
    made = [await order(sessions, want(plate, n), want(finished)) for n in (1, 2)]
    await order(sessions, want(elsewhere))
    begun = (await pay(sessions, made[0])).work_orders[0]
    async with sessions.begin() as session:
        await work_steps.accept(session, desk, begun.id, NOON)
        await work_steps.start(session, desk, begun.id, NOON)
        week = (TODAY + 2 * DAY, TODAY + 8 * DAY)
        await close(session, desk, workshop.id, *week, "harvest", "", NOON)
        festival = (TODAY + 9 * DAY, TODAY + 9 * DAY)
        await close(session, desk, None, *festival, "festival", "", NOON)
        wrong = await close(session, desk, workshop.id, *week, "other", "", NOON)
        await take_back(session, desk, wrong.id, NOON)
        await close(session, desk, other.id, *week, "illness", "", NOON)
    async with sessions() as session:
        found = await queues(session, [workshop.id, other.id], TODAY)
        assert await queues(session, [], TODAY) == {}
    assert found[workshop.id] == Queue(
        jobs=[
            Job(4, TODAY, begun.id, TODAY + 4 * DAY),
            Job(8, None, made[1].work_orders[0].id, TODAY + 12 * DAY),
        ],
        closed=[(TODAY + 2 * DAY, TODAY + 9 * DAY)],
    )
    assert found[workshop.id].in_hand(TODAY) == 3 + 8
    assert found[other.id].closed == [(week[0], festival[1])]
    # What is ordered now is done after the harvest.
    placed = await order(sessions, want(plate))
    assert placed.work_orders[0].promised_on == TODAY + (15 + 8) * DAY


@pytest.mark.parametrize("state", ["ready", "declined"])
async def test_what_is_made_or_declined_is_not_in_hand(sessions: Sessions, state: str) -> None:
    product = await make_product(sessions, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3)
    placed = await pay(sessions, await order(sessions, want(product)))
    desk = act(await staff(sessions, product))
    async with sessions.begin() as session:
        if state == "ready":
            await work_steps.accept(session, desk, placed.work_orders[0].id, NOON)
            await work_steps.ready(session, desk, placed.work_orders[0].id, NOON)
        else:
            await work_steps.decline(session, desk, placed.work_orders[0].id, "木头裂了", NOON)
    async with sessions() as session:
        assert (await queues(session, [product.workshop_id], TODAY))[product.workshop_id] == Queue()
