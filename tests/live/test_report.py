"""What a show came to, as far as the live side knows it; and its archiving."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from catalog.db import Database, Sessions
from catalog.errors import NotAllowed, NotFound
from catalog.models import AuditEntry, Member, Role
from live.errors import WrongShowState
from live.models import Airing, Show, ShowState
from live.on_air import end_show, show_now
from live.report import Figures, Report, Sold, archive_show, archived_by, report, slices_of
from live.shows import get_show
from tests.live.acting import host_of, item_of, make_link, member_of, sibling
from tests.live.test_windows import at, link_of_show, scan
from tests.making import NOON, act, make_live_show, make_member, make_product, make_station


async def look(
    database: Database,
    show: Show,
    *,
    holds: dict[int, int] | None = None,
    sales: list[Sold] | None = None,
    now: datetime = NOON + timedelta(hours=3),
) -> Report:
    async with database.reading() as session:
        loaded = await get_show(session, show.id)
        return await report(session, loaded, holds or {}, sales or [], now)


def figures(found: Figures) -> dict[str, Any]:
    """The figures that are not nothing."""
    names = Figures.__struct_fields__
    return {name: getattr(found, name) for name in names if getattr(found, name)}


async def end(sessions: Sessions, show: Show, when: datetime) -> None:
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        await end_show(session, host, show.id, when)


async def test_a_show_item_by_item(database: Database) -> None:
    sessions = database.writing
    first = await make_product(sessions)
    second = await sibling(sessions, first, name="荷塘")
    show = await make_live_show(sessions, [first, second])
    host, items = (
        await host_of(sessions, show),
        [await item_of(sessions, show, p) for p in (first, second)],
    )
    # The first is shown twice: 0–5 and 20–22; the second 5–20.
    for item, minute in ((items[1], 5), (items[0], 20)):
        async with sessions.begin() as session:
            await show_now(session, host, show.id, item.id, at(minute))
    await end(sessions, show, at(22))
    own = await make_link(sessions, first, show, "22222")
    other = await make_link(sessions, second, show, "33333")
    whole = await link_of_show(sessions, show)
    # In the first's windows 0–15 and 20–32: three of five.
    await scan(sessions, own, at(0), at(16), at(20), at(31), at(32))
    await scan(sessions, other, at(4), at(29), at(30))
    await scan(sessions, other, at(60), sold_out=True)
    # To the first in its turns 0–5 and 20–32, to the second in 5–20, to none after that.
    await scan(sessions, whole, at(1), at(6), at(25), at(32))
    sales = [
        Sold(first.id, at(2), 2, 53600, refunded=False),
        Sold(first.id, at(40), 1, 26800, refunded=True),
    ]
    found = await look(database, show, holds={first.id: 4, second.id: 1}, sales=sales)
    one, two = found.items
    assert figures(one) == {
        "airtime_seconds": 7 * 60,
        "scans": 5 + 2,
        "scans_in_window": 3 + 2,
        "holds": 4,
        "sold": 3,
        "sold_fen": 80400,
        "refunded": 1,
        "refunded_fen": 26800,
        "kept_fen": 53600,
    }
    assert [(one.started_at, one.ended_at) for one in one.airings] == [
        (at(0), at(5)),
        (at(20), at(22)),
    ]
    # Its window ends at 30: that very moment is outside.
    assert figures(two) == {
        "airtime_seconds": 15 * 60,
        "scans": 4 + 1,
        "scans_in_window": 1 + 1,
        "holds": 1,
        "missed": 1,
    }
    assert figures(found.others) == {"scans": 1}
    assert (found.totals.scans, found.totals.scans_in_window) == (13, 7)
    assert (found.totals.airtime_seconds, found.totals.sold) == (22 * 60, 3)
    [workshop] = found.workshops
    assert (workshop.items, workshop.scans, workshop.kept_fen) == (2, 12, 53600)
    assert found.step_minutes == 1
    assert [(one.at, one.scans) for one in found.timeline if one.scans] == [
        (at(minute), 1) for minute in (0, 1, 4, 6, 16, 20, 25, 29, 30, 31)
    ]
    assert [(one.at, one.sold) for one in found.timeline if one.sold] == [(at(2), 2)]


async def test_what_belongs_to_no_item_is_told_apart(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    stray = await sibling(sessions, product)
    show = await make_live_show(sessions, [product])
    await scan(sessions, await make_link(sessions, stray, show), at(1))
    sales = [Sold(stray.id, at(3), 1, 100, refunded=False)]
    found = await look(database, show, holds={stray.id: 2}, sales=sales)
    assert figures(found.items[0]) == {"airtime_seconds": 3 * 3600}
    both = {"scans": 1, "holds": 2, "sold": 1, "sold_fen": 100, "kept_fen": 100}
    assert figures(found.others) == both
    assert figures(found.totals) == {"airtime_seconds": 3 * 3600, **both}


async def test_a_show_that_is_still_on_air_is_told_so_far(database: Database) -> None:
    product = await make_product(database.writing)
    show = await make_live_show(database.writing, [product])
    link = await make_link(database.writing, product, show)
    await scan(database.writing, link, at(3), at(12.5))
    found = await look(database, show, now=at(4))
    assert figures(found.items[0]) == {
        "airtime_seconds": 240,
        "scans": 2,
        "scans_in_window": 2,
    }
    assert found.items[0].airings[0].ended_at is None


async def test_an_airing_typed_in_afterwards_counts_as_any(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    await end(sessions, show, at(5))
    item = await item_of(sessions, show, product)
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        session.add(
            Airing(
                station_id=show.station_id,
                show_id=show.id,
                line_up_item_id=item.id,
                started_at=at(30),
                ended_at=at(33),
                typed_by=host.member_id,
            )
        )
    await scan(sessions, await make_link(sessions, product, show), at(20), at(42))
    [found] = (await look(database, show)).items
    assert (found.airtime_seconds, found.scans, found.scans_in_window) == (480, 2, 1)


async def test_a_show_that_never_was_on_air(database: Database) -> None:
    product = await make_product(database.writing)
    show = await make_live_show(database.writing, [product])
    async with database.writing.begin() as session:
        row = await session.get_one(Show, show.id)
        row.started_at = None
        for airing in await session.scalars(select(Airing)):
            await session.delete(airing)
    found = await look(database, show)
    assert (figures(found.totals), found.timeline) == ({}, [])


@pytest.mark.parametrize(
    ("minutes", "step", "count"),
    [(20, 1, 21), (46, 1, 47), (47, 2, 24), (120, 5, 25), (720, 30, 25)],
)
def test_slices_begin_at_round_times(minutes: int, step: int, count: int) -> None:
    start = NOON + timedelta(seconds=10)
    length, slices = slices_of(start, start + timedelta(minutes=minutes))
    assert (length, len(slices)) == (timedelta(minutes=step), count)
    assert slices[0].starts_at == NOON
    assert slices[-1].ends_at == start + timedelta(minutes=minutes)


async def test_a_show_is_archived_once_and_by_somebody(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    host = await host_of(sessions, show)
    manager = act(await member_of(sessions, product, Role.MANAGER))
    with pytest.raises(WrongShowState):
        async with sessions.begin() as session:
            await archive_show(session, host, show.id, at(1))
    await end(sessions, show, at(5))
    async with sessions() as session:
        assert await archived_by(session, show.id) is None
    for actor, when in ((host, at(6)), (manager, at(7))):
        async with sessions.begin() as session:
            archived = await archive_show(session, actor, show.id, when)
        assert archived.state == ShowState.REPORTED
    async with sessions() as session:
        assert await archived_by(session, show.id) == (
            (await session.get_one(Member, host.member_id)).name,
            at(6),
        )
        entries = await session.scalars(
            select(AuditEntry).where(AuditEntry.action == "show.report")
        )
        assert [(e.subject_id, e.before, e.after) for e in entries] == [
            (show.id, {"state": "ended"}, {"state": "reported"})
        ]


async def test_who_may_not_archive(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    show = await make_live_show(sessions, [product])
    await end(sessions, show, at(5))
    finance = act(await member_of(sessions, product, Role.FINANCE))
    stranger = act(await make_member(sessions, await make_station(sessions, "other"), Role.HOST))
    for actor, refusal in ((finance, NotAllowed), (stranger, NotFound)):
        with pytest.raises(refusal):
            async with sessions.begin() as session:
                await archive_show(session, actor, show.id, at(6))
    async with sessions() as session:
        assert (await get_show(session, show.id)).state == ShowState.ENDED
