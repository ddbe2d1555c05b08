"""The ledger: what does not balance is not written, and nothing is written twice."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from catalog.db import Sessions
from catalog.models import Station, Workshop
from shop.ledger import Entry, balance_fen, list_entries, post
from shop.models import Posting
from tests.making import NOON, make_station, make_workshop


async def write(sessions: Sessions, station: Station, cause: str, *entries: Entry) -> None:
    async with sessions.begin() as session:
        await post(
            session,
            station_id=station.id,
            cause=cause,
            kind="sale",
            order_id=None,
            entries=entries,
            now=NOON,
        )


async def balance(sessions: Sessions, workshop: Workshop) -> int:
    async with sessions() as session:
        return await balance_fen(session, workshop.id)


async def postings(sessions: Sessions) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(Posting)) or 0


async def test_a_balance_is_the_sum_of_its_entries(sessions: Sessions) -> None:
    station = await make_station(sessions)
    one = await make_workshop(sessions, station, "王家木作")
    two = await make_workshop(sessions, station, "李家木雕")
    assert await balance(sessions, one) == 0
    to_one, to_two = Entry("workshop", 700, one.id), Entry("workshop", 300, two.id)
    await write(sessions, station, "payment:1", Entry("buyers", -1000), to_one, to_two)
    back = Entry("workshop", -200, one.id)
    await write(sessions, station, "refund:1", back, Entry("buyers", 200))
    assert [await balance(sessions, workshop) for workshop in (one, two)] == [500, 300]
    await write(
        sessions,
        station,
        "payment:2",
        Entry("buyers", -(10**15)),
        Entry("workshop", 10**15, one.id),
    )
    assert await balance(sessions, one) == 10**15 + 500


async def test_what_does_not_balance_is_refused(sessions: Sessions) -> None:
    station = await make_station(sessions)
    for sides in ([Entry("buyers", 1)], [Entry("buyers", -2), Entry("unplaced", 1)]):
        with pytest.raises(ValueError, match="payment:1 does not balance"):
            await write(sessions, station, "payment:1", *sides)
    assert await postings(sessions) == 0


async def test_one_cause_is_posted_once(sessions: Sessions) -> None:
    station = await make_station(sessions)
    sides = [Entry("buyers", -5), Entry("unplaced", 5)]
    await write(sessions, station, "payment:1", *sides)
    with pytest.raises(IntegrityError):
        await write(sessions, station, "payment:1", *sides)
    assert await postings(sessions) == 1


async def test_an_entry_of_nothing_is_refused(sessions: Sessions) -> None:
    station = await make_station(sessions)
    with pytest.raises(IntegrityError):
        await write(sessions, station, "payment:1", Entry("buyers", 0), Entry("unplaced", 0))
    assert await postings(sessions) == 0


async def test_entries_are_listed_newest_first_by_station_and_family(sessions: Sessions) -> None:
    station, other = await make_station(sessions), await make_station(sessions, "other")
    family = await make_workshop(sessions, station)
    await write(sessions, station, "a", Entry("buyers", -1), Entry("workshop", 1, family.id))
    await write(sessions, station, "b", Entry("buyers", -2), Entry("unplaced", 2))
    await write(sessions, other, "c", Entry("buyers", -3), Entry("unplaced", 3))
    async with sessions() as session:
        every = await list_entries(session, station.id, None)
        own = await list_entries(session, station.id, family.id)
        older = await list_entries(session, station.id, None, before=every[1].id)
    assert [(e.posting.cause, e.amount_fen) for e in every] == [
        ("b", 2),
        ("b", -2),
        ("a", 1),
        ("a", -1),
    ]
    assert [e.amount_fen for e in own] == [1]
    assert [e.amount_fen for e in older] == [1, -1]
