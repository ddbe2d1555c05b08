"""Which scans belong to which airing, to the very moment."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.db import Database, Sessions
from live.models import Link, Scan, Show
from live.windows import (
    TAIL,
    Spell,
    scans_in,
    scans_in_windows,
    scans_of_show_in_turns,
    turns,
    windows,
)
from tests.live.acting import make_link, sibling
from tests.making import NOON, make_live_show, make_product

TICK = timedelta(microseconds=1)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def spell(key: int, begins: float, ends: float) -> Spell:
    return Spell(key, at(begins), at(ends))


async def scan(sessions: Sessions, link: Link, *moments: datetime, sold_out: bool = False) -> None:
    """Scans of a link, at these moments."""
    async with sessions.begin() as session:
        session.add_all(
            Scan(
                station_id=link.station_id,
                link_id=link.id,
                show_id=link.show_id,
                product_id=link.product_id,
                at=moment,
                sold_out=sold_out,
            )
            for moment in moments
        )


async def link_of_show(sessions: Sessions, show: Show, code: str = "99999") -> Link:
    """The show's own code."""
    async with sessions.begin() as session:
        link = Link(station_id=show.station_id, code=code, show_id=show.id, created_at=NOON)
        session.add(link)
    return link


def test_a_window_ends_ten_minutes_after_the_airing() -> None:
    assert windows([spell(1, 0, 5)]) == [spell(1, 0, 15)]


def test_windows_of_a_piece_shown_again_soon_are_one() -> None:
    shown = [spell(1, 0, 5), spell(2, 5, 8), spell(1, 15, 16), spell(1, 26.5, 30)]
    assert windows(shown) == [spell(1, 0, 26), spell(1, 26.5, 40), spell(2, 5, 18)]


def test_a_window_within_another_does_not_shorten_it() -> None:
    assert windows([spell(1, 0, 60), spell(1, 5, 6)]) == [spell(1, 0, 70)]


def test_a_turn_ends_when_the_next_begins() -> None:
    shown = [spell(1, 0, 5), spell(2, 5, 8), spell(1, 40, 41)]
    assert turns(shown) == [spell(1, 0, 5), spell(2, 5, 18), spell(1, 40, 51)]


def test_nothing_was_shown() -> None:
    assert windows([]) == []
    assert turns([]) == []


SPELLS = st.lists(
    st.builds(
        lambda key, begins, length: spell(key, begins, begins + length),
        st.integers(1, 3),
        st.integers(0, 120),
        st.integers(0, 30),
    ),
    max_size=8,
)


@given(SPELLS, st.integers(0, 170))
def test_a_moment_is_in_a_window_exactly_when_an_airing_was_near(
    shown: list[Spell], minute: int
) -> None:
    moment = at(minute)
    near = {s.key for s in shown if s.starts_at <= moment < s.ends_at + TAIL}
    inside = [s.key for s in windows(shown) if s.covers(moment)]
    assert sorted(inside) == sorted(near)


@given(SPELLS, st.integers(0, 170))
def test_a_moment_is_in_one_turn_at_most_that_of_the_airing_begun_last(
    shown: list[Spell], minute: int
) -> None:
    moment = at(minute)
    begun = [s for s in shown if s.starts_at <= moment]
    latest = max((s.starts_at for s in begun), default=None)
    last = [s for s in begun if s.starts_at == latest]
    inside = [s.key for s in turns(shown) if s.covers(moment)]
    assert inside in ([], *([s.key] for s in last))
    assert bool(inside) == bool(last and moment < last[-1].ends_at + TAIL)


async def test_a_scan_at_either_end_of_a_window(database: Database) -> None:
    product = await make_product(database.writing)
    show = await make_live_show(database.writing, [product])
    link = await make_link(database.writing, product, show)
    moments = [at(0) - TICK, at(0), at(5), at(5) + TAIL - TICK, at(5) + TAIL]
    await scan(database.writing, link, *moments)
    async with database.reading() as session:
        found = await scans_in_windows(session, show.id, windows([spell(product.id, 0, 5)]))
        none = await scans_in_windows(session, show.id, [])
    assert (found, none) == ({product.id: 3}, {})


async def test_a_scan_counts_for_its_own_piece_and_show_alone(database: Database) -> None:
    sessions = database.writing
    first = await make_product(sessions)
    second = await sibling(sessions, first)
    show = await make_live_show(sessions, [first, second])
    own = await make_link(sessions, first, show, "22222")
    tag = await make_link(sessions, first, None, "33333")
    other = await make_link(sessions, second, show, "44444")
    for link, times in ((own, 2), (tag, 3), (other, 5)):
        await scan(sessions, link, *[at(1)] * times)
    shown = [spell(first.id, 0, 5)]
    async with database.reading() as session:
        assert await scans_in_windows(session, show.id, windows(shown)) == {first.id: 2}
        assert await scans_in_windows(session, show.id + 1, windows(shown)) == {}
        assert await scans_of_show_in_turns(session, show.id, turns(shown)) == {}
        assert await scans_in(session, show.id, [spell(7, 0, 2), spell(8, 2, 3)]) == {7: 7}


async def test_a_scan_of_the_show_goes_to_the_piece_on_the_screen(database: Database) -> None:
    sessions = database.writing
    first = await make_product(sessions)
    second = await sibling(sessions, first)
    show = await make_live_show(sessions, [first, second])
    link = await link_of_show(sessions, show)
    # Of the first, at the change to the second, in its tail, at the tail's end.
    await scan(sessions, link, at(4.9), at(5), at(8), at(18) - TICK, at(18))
    shown = [spell(first.id, 0, 5), spell(second.id, 5, 8)]
    async with database.reading() as session:
        found = await scans_of_show_in_turns(session, show.id, turns(shown))
    assert found == {first.id: 1, second.id: 3}


@pytest.mark.parametrize("count", [1999, 2001, 4500])
async def test_any_number_of_spells_can_be_asked_for(database: Database, count: int) -> None:
    product = await make_product(database.writing)
    show = await make_live_show(database.writing, [product])
    link = await make_link(database.writing, product, show)
    await scan(database.writing, link, at(0), at(count - 1))
    spells = [spell(n, n, n + 1) for n in range(count)]
    async with database.reading() as session:
        assert await scans_in(session, show.id, spells) == {0: 1, count - 1: 1}
