"""The clock of a show against its plan: the worked examples of docs/console.md."""

from datetime import timedelta

import pytest

from catalog.db import Sessions
from live.on_air import end_show, reopen_show, show_now
from live.pace import Aired, Pace, aired, clock, pace
from tests.live.acting import host_of, sibling
from tests.making import NOON, make_live_show, make_product

PLAN = {1: 5, 2: 8, 3: 4}


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def spans(*shown: tuple[int, float, float | None]) -> list[Aired]:
    return [
        Aired(item, NOON + minutes(start), None if end is None else NOON + minutes(end))
        for item, start, end in shown
    ]


def at(now: float, *shown: tuple[int, float, float | None]) -> Pace:
    found = pace(PLAN, spans(*shown), NOON + minutes(now))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("now", "shown", "on", "behind", "text", "over_at"),
    [
        # Within its own time an item is late for nobody.
        (3.2, [(1, 0, None)], "3:12 / 5:00", 0, "准点", 17),
        # Over its time, the minutes count as they pass.
        (9, [(1, 0, None)], "9:00 / 5:00", 4, "慢 4 分钟", 21),
        # What took longer stays with the show; what was shorter makes up for it.
        (10, [(1, 0, 9), (2, 9, None)], "1:00 / 8:00", 4, "慢 4 分钟", 21),
        (14, [(1, 0, 9), (2, 9, 13), (3, 13, None)], "1:00 / 4:00", 0, "准点", 17),
        (3, [(1, 0, 2), (2, 2, None)], "1:00 / 8:00", -3, "快 3 分钟", 14),
        # An item that was skipped is still to come, wherever it stands.
        (6, [(1, 0, 5), (3, 5, None)], "1:00 / 4:00", 0, "准点", 17),
        # Taken up again, an item goes on where it was left.
        (6, [(1, 0, 4), (2, 4, 5), (1, 5, None)], "5:00 / 5:00", -7, "快 7 分钟", 10),
        # Nothing runs between the end of a show and its going on.
        (65, [(1, 0, 5), (2, 5, 9), (2, 64, None)], "5:00 / 8:00", 0, "准点", 72),
        # Less than a minute is no news.
        (5.9, [(1, 0, None)], "5:54 / 5:00", 0.9, "准点", 17.9),
    ],
)
def test_worked_examples(
    now: float,
    shown: list[tuple[int, float, float | None]],
    on: str,
    behind: float,
    text: str,
    over_at: float,
) -> None:
    found = at(now, *shown)
    assert (found.on_text, found.text) == (on, text)
    assert (found.behind, found.over_at) == (minutes(behind), NOON + minutes(over_at))
    assert found.since == NOON + minutes(now) - found.on


def test_nothing_is_on_nothing_runs() -> None:
    assert pace(PLAN, [], NOON) is None
    assert pace(PLAN, spans((1, 0, 5)), NOON + minutes(9)) is None
    assert pace({2: 8}, spans((1, 0, None)), NOON) is None


def test_a_clock_that_runs_ahead_counts_nothing() -> None:
    assert at(-1, (1, 0, None)).on_text == "0:00 / 5:00"


def test_a_speaker_counts_hours_in_minutes() -> None:
    assert [clock(minutes(n)) for n in (0, 0.5, 75)] == ["0:00", "0:30", "75:00"]


async def test_the_pace_comes_from_the_airings_of_a_real_show(sessions: Sessions) -> None:
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product, await sibling(sessions, product)])
    host = await host_of(sessions, show)
    first, second = [item.id for item in show.items]
    async with sessions.begin() as session:
        await show_now(session, host, show.id, second, NOON + minutes(7))
    async with sessions.begin() as session:
        await end_show(session, host, show.id, NOON + minutes(9))
    async with sessions.begin() as session:
        await reopen_show(session, host, show.id, NOON + minutes(30))
    async with sessions() as session:
        shown = await aired(session, show.id)
    assert [airing.item_id for airing in shown] == [first, second, second]
    found = pace(dict.fromkeys((first, second), 5), shown, NOON + minutes(31))
    assert found is not None
    assert (found.on_text, found.text) == ("3:00 / 5:00", "慢 2 分钟")
