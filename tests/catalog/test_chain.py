"""The audit chain: whole after all that people do, and broken by whoever meddles with it."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import select, text

from catalog import chain
from catalog.access import Actor
from catalog.audit import record
from catalog.chain import Break, digest_at, head_of, verify
from catalog.db import Sessions
from catalog.models import AuditEntry, Role, Station, Workshop
from tests.making import NOON, act, make_member, make_station, make_workshop


async def make_actor(sessions: Sessions, slug: str = "zhongxing") -> tuple[Actor, Workshop]:
    station = await make_station(sessions, slug)
    manager = act(await make_member(sessions, station, Role.MANAGER))
    return manager, await make_workshop(sessions, station)


async def do(
    sessions: Sessions, by: tuple[Actor, Workshop], *actions: str, **more: Any
) -> list[AuditEntry]:
    """One transaction with an entry for each action."""
    actor, workshop = by
    async with sessions.begin() as session:
        for action in actions:
            record(session, actor, action, workshop, NOON, **more)
    return await entries(sessions, actor.station_id)


async def entries(sessions: Sessions, station_id: int) -> list[AuditEntry]:
    async with sessions() as session:
        query = select(AuditEntry).where(AuditEntry.station_id == station_id)
        return list(await session.scalars(query.order_by(AuditEntry.id)))


async def broken(sessions: Sessions, station_id: int, from_seq: int = 1) -> Break | None:
    async with sessions() as session:
        return await verify(session, station_id, from_seq)


async def meddle(sessions: Sessions, *statements: str) -> None:
    async with sessions.begin() as session:
        for statement in statements:
            await session.execute(text(statement))


async def test_entries_join_the_chain_in_the_order_of_writing(sessions: Sessions) -> None:
    by = await make_actor(sessions)
    station_id = by[0].station_id
    assert await broken(sessions, station_id) is None
    await do(sessions, by, "a", "b")
    found = await do(sessions, by, "c")
    assert [(entry.seq, entry.action) for entry in found] == [(1, "a"), (2, "b"), (3, "c")]
    assert len({entry.digest for entry in found}) == 3
    async with sessions() as session:
        assert await head_of(session, station_id) == (3, found[-1].digest)
        assert await digest_at(session, station_id, 2) == found[1].digest
        assert await digest_at(session, station_id, 0) == chain.START
        assert await digest_at(session, station_id, 4) is None
    assert await broken(sessions, station_id) is None
    assert await broken(sessions, station_id, from_seq=3) is None


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 6])
async def test_a_chain_longer_than_a_batch_is_gone_through_whole(
    sessions: Sessions, batch: int
) -> None:
    by = await make_actor(sessions)
    await do(sessions, by, *"abcde")
    async with sessions() as session:
        assert await verify(session, by[0].station_id, batch=batch) is None
    await meddle(sessions, "UPDATE audit_entries SET action = 'x' WHERE seq = 4")
    async with sessions() as session:
        assert await verify(session, by[0].station_id, batch=batch) == Break(4, "changed")


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["UPDATE audit_entries SET action = 'x' WHERE seq = 2"], Break(2, "changed")),
        (["UPDATE audit_entries SET member_id = NULL WHERE seq = 3"], Break(3, "changed")),
        (["""UPDATE audit_entries SET after = '{"a": 2}' WHERE seq = 1"""], Break(1, "changed")),
        (
            ["UPDATE audit_entries SET at = '2026-01-01 00:00:00' WHERE seq = 2"],
            Break(2, "changed"),
        ),
        (["DELETE FROM audit_entries WHERE seq = 1"], Break(1, "missing")),
        (["DELETE FROM audit_entries WHERE seq = 3"], Break(3, "missing")),
        (["DELETE FROM audit_entries WHERE seq = 4"], Break(4, "missing")),
        (["DELETE FROM audit_entries"], Break(1, "missing")),
        (
            [
                "DELETE FROM audit_entries WHERE seq = 2",
                "UPDATE audit_entries SET seq = seq - 1 WHERE seq = 3",
                "UPDATE audit_entries SET seq = seq - 1 WHERE seq = 4",
                "UPDATE audit_heads SET seq = 3",
            ],
            Break(2, "changed"),
        ),
        (
            [
                "UPDATE audit_entries SET seq = -2 WHERE seq = 2",
                "UPDATE audit_entries SET seq = 2 WHERE seq = 3",
                "UPDATE audit_entries SET seq = 3 WHERE seq = -2",
            ],
            Break(2, "changed"),
        ),
        (
            [
                "DELETE FROM audit_entries WHERE seq = 4",
                "UPDATE audit_heads SET seq = 3",
            ],
            Break(3, "head"),
        ),
        (["UPDATE audit_entries SET seq = NULL WHERE seq = 4"], Break(4, "missing")),
        (["DELETE FROM audit_heads"], Break(1, "unsealed")),
    ],
)
async def test_meddling_shows_where_it_was_done(
    sessions: Sessions, statements: list[str], found: Break
) -> None:
    by = await make_actor(sessions)
    await do(sessions, by, *"abcd", after={"a": 1})
    await meddle(sessions, *statements)
    assert await broken(sessions, by[0].station_id) == found


@pytest.mark.parametrize(
    ("seq", "found"), [(None, Break(2, "unsealed")), (3, Break(3, "unsealed"))]
)
async def test_an_entry_slipped_in_shows(sessions: Sessions, seq: int | None, found: Break) -> None:
    by = await make_actor(sessions)
    await do(sessions, by, *"ab")
    async with sessions.begin() as session:
        session.add(
            AuditEntry(
                station_id=by[0].station_id,
                at=NOON,
                channel="web",
                action="forged",
                subject="workshops",
                subject_id=1,
                seq=seq,
                digest="0" * 64,
            )
        )
    assert await broken(sessions, by[0].station_id) == found
    # And the next honest entry neither takes its place nor hides it.
    if seq is None:
        await do(sessions, by, "c")
        assert await broken(sessions, by[0].station_id) == Break(3, "unsealed")


async def test_a_tail_cut_off_with_its_head_shows_only_in_a_copy_of_the_head(
    sessions: Sessions,
) -> None:
    by = await make_actor(sessions)
    await do(sessions, by, *"abc")
    async with sessions() as session:
        kept = await head_of(session, by[0].station_id)
    await meddle(
        sessions,
        "DELETE FROM audit_entries WHERE seq = 3",
        "UPDATE audit_heads SET seq = 2, digest = (SELECT digest FROM audit_entries WHERE seq = 2)",
    )
    assert await broken(sessions, by[0].station_id) is None
    await do(sessions, by, "other")
    assert await broken(sessions, by[0].station_id) is None
    async with sessions() as session:
        assert await digest_at(session, by[0].station_id, kept[0]) != kept[1]


async def test_what_is_rolled_back_leaves_no_gap(sessions: Sessions) -> None:
    by = await make_actor(sessions)
    actor, workshop = by
    async with sessions.begin() as session:
        record(session, actor, "kept", workshop, NOON)
        undone = await session.begin_nested()
        record(session, actor, "undone", workshop, NOON)
        await session.flush()
        await undone.rollback()
        async with session.begin_nested():
            record(session, actor, "kept too", workshop, NOON)
    async with sessions() as session:
        record(session, actor, "rolled back", workshop, NOON)
        await session.flush()
        await session.rollback()
        record(session, actor, "last", workshop, NOON)
        await session.commit()
    found = await entries(sessions, actor.station_id)
    assert [(e.seq, e.action) for e in found] == [(1, "kept"), (2, "kept too"), (3, "last")]
    assert await broken(sessions, actor.station_id) is None


async def test_one_session_may_commit_more_than_once(sessions: Sessions) -> None:
    actor, workshop = await make_actor(sessions)
    async with sessions() as session:
        for action in "abc":
            record(session, actor, action, workshop, NOON)
            await session.commit()
    assert [entry.seq for entry in await entries(sessions, actor.station_id)] == [1, 2, 3]
    assert await broken(sessions, actor.station_id) is None


async def test_two_stations_in_one_transaction_have_a_chain_each(sessions: Sessions) -> None:
    first, second = await make_actor(sessions), await make_actor(sessions, "other")
    async with sessions.begin() as session:
        for action, (actor, workshop) in zip("abcd", (second, first) * 2, strict=True):
            record(session, actor, action, workshop, NOON)
    for (actor, _), actions in ((first, "bd"), (second, "ac")):
        found = await entries(sessions, actor.station_id)
        assert [(entry.seq, entry.action) for entry in found] == list(enumerate(actions, 1))
        assert await broken(sessions, actor.station_id) is None


async def test_many_at_once_keep_the_chain_whole(sessions: Sessions) -> None:
    first, second = await make_actor(sessions), await make_actor(sessions, "other")

    async def both(number: int) -> None:
        order = (first, second) if number % 2 else (second, first)
        async with sessions.begin() as session:
            for actor, workshop in order:
                record(session, actor, f"do {number}", workshop, NOON)
                await session.flush()
                await asyncio.sleep(0)

    await asyncio.gather(*(both(number) for number in range(12)))
    for actor, _ in (first, second):
        found = await entries(sessions, actor.station_id)
        assert sorted(entry.seq or 0 for entry in found) == list(range(1, 13))
        assert await broken(sessions, actor.station_id) is None


async def test_an_entry_is_the_same_read_back_however_it_was_given(sessions: Sessions) -> None:
    actor, workshop = await make_actor(sessions)
    tibet = timezone(timedelta(hours=6))
    odd: dict[Any, Any] = {
        10: "ten",
        9: "nine",
        "role": Role.MANAGER,
        "tuple": (1, 2.0, 1e300, -0.0, None, True),
        "deep": {"b": [{"z": 1, "a": "凿子 🪵 \u2028"}], "a": {}},
        "long": 2**63 - 1,
    }
    told = {"before": 1}
    async with sessions.begin() as session:
        at = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=tibet)
        record(session, actor, "odd", workshop, at, before=odd, after=told)
        await session.flush()
        told["before"] = 2
        record(session, actor, "round", workshop, datetime(2026, 1, 1, tzinfo=UTC), after={})
    assert await broken(sessions, actor.station_id) is None
    first, second = await entries(sessions, actor.station_id)
    assert first.at == datetime(2026, 11, 22, 4, 0, 0, 123456, tzinfo=UTC)
    assert (first.after, second.before, second.after) == ({"before": 1}, None, {})


async def test_the_digest_is_the_same_on_every_database(sessions: Sessions) -> None:
    """So that a station moved from one to the other keeps its chain."""
    actor, workshop = await make_actor(sessions)
    assert (actor.station_id, actor.member_id, workshop.id) == (1, 1, 1)
    [entry] = await do(sessions, (actor, workshop), "x", after={"价": 1.5, "a": [None, "é"]})
    assert entry.digest == ("e7bc51086564812a1c6b6593d1022c29983fa266a0b1b099dee569c40e3a3205")


async def test_an_untouched_station_has_a_whole_chain(sessions: Sessions) -> None:
    station: Station = await make_station(sessions)
    assert await broken(sessions, station.id) is None
    async with sessions() as session:
        assert await head_of(session, station.id) == (0, chain.START)
