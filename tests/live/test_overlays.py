"""Overlays: one address for each channel, what it may show, and which show it follows."""

import asyncio
import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from catalog.access import Actor
from catalog.audit import list_entries
from catalog.db import Database, Sessions
from catalog.errors import Invalid, NotFound
from catalog.models import Role, Station
from live.models import Overlay, Policy, Show, Side
from live.on_air import end_show
from live.overlays import (
    make_overlay,
    note_seen,
    overlay_by_token,
    overlay_for,
    overlays_of,
    revoke,
    set_policy,
    set_side,
    show_on,
)
from tests.live.acting import host_of, sibling
from tests.making import NOON, act, make_live_show, make_member, make_product, make_station


@pytest.fixture
async def station(sessions: Sessions) -> Station:
    return await make_station(sessions)


@pytest.fixture
async def host(sessions: Sessions, station: Station) -> Actor:
    return act(await make_member(sessions, station, Role.HOST))


async def stranger(sessions: Sessions) -> Actor:
    return act(await make_member(sessions, await make_station(sessions, "other"), Role.MANAGER))


async def made(sessions: Sessions, actor: Actor, channel: str = "抖音") -> tuple[Overlay, str]:
    async with sessions.begin() as session:
        return await make_overlay(session, actor, NOON, channel=channel)


async def actions(sessions: Sessions, actor: Actor, overlay: Overlay) -> list[str]:
    async with sessions() as session:
        told = await list_entries(session, actor.station_id, {"overlays": [overlay.id]})
    return [one.entry.action for one in told]


async def test_of_the_token_only_the_hash_is_kept(sessions: Sessions, host: Actor) -> None:
    overlay, token = await made(sessions, host)
    assert len(token) == 32
    async with sessions() as session:
        found = await overlay_by_token(session, token)
        assert (found.id, found.channel, found.policy, found.side) == (
            overlay.id, "抖音", Policy.QR, Side.RIGHT,
        )  # fmt: skip
        assert found.token_hash == hashlib.sha256(token.encode()).hexdigest()
        for wrong in ("", token[:-1], found.token_hash, "\ud800", "x" * 5000):
            with pytest.raises(NotFound):
                await overlay_by_token(session, wrong)
    assert await actions(sessions, host, overlay) == ["overlay.make"]


async def test_what_is_typed_wrong_is_named_and_nothing_is_made(
    sessions: Sessions, host: Actor
) -> None:
    async with sessions.begin() as session:
        with pytest.raises(Invalid) as refused:
            await make_overlay(session, host, NOON, channel="电视", policy="all", side="top")
    assert refused.value.errors == {
        "channel": "请选择平台。",
        "policy": "请选择画面上放什么。",
        "side": "请选择放在哪边。",
    }
    async with sessions() as session:
        assert await overlays_of(session, host.station_id) == []


async def test_a_channel_has_one_until_it_is_revoked(sessions: Sessions, host: Actor) -> None:
    first, _ = await made(sessions, host)
    with pytest.raises(Invalid) as refused:
        await made(sessions, host)
    assert refused.value.errors == {
        "channel": "抖音已经有一个在用的地址。地址丢了的话，先停用旧的。"
    }
    other, _ = await made(sessions, host, "快手")
    async with sessions.begin() as session:
        await revoke(session, host, first.id, NOON)
    second, _ = await made(sessions, host)
    async with sessions() as session:
        assert [o.id for o in await overlays_of(session, host.station_id)] == [other.id, second.id]


async def test_two_who_ask_at_once_make_one(sessions: Sessions, host: Actor) -> None:
    asked = await asyncio.gather(*(made(sessions, host) for _ in range(4)), return_exceptions=True)
    assert sorted(isinstance(answer, Invalid) for answer in asked) == [False, True, True, True]


async def test_the_naive_way_makes_two(sessions: Sessions, database: Database, host: Actor) -> None:
    both_have_looked = asyncio.Barrier(2)

    async def naively(token_hash: str) -> None:
        async with database.reading() as session:
            assert await overlays_of(session, host.station_id) == []
        await both_have_looked.wait()
        async with sessions.begin() as session:
            session.add(
                Overlay(
                    station_id=host.station_id,
                    channel="抖音",
                    token_hash=token_hash,
                    created_at=NOON,
                )
            )

    await asyncio.gather(naively("a"), naively("b"))
    async with sessions() as session:
        assert len(await overlays_of(session, host.station_id)) == 2


async def test_policy_and_side_are_changed_with_a_trace(sessions: Sessions, host: Actor) -> None:
    overlay, token = await made(sessions, host)
    for _ in range(2):
        async with sessions.begin() as session:
            await set_policy(session, host, overlay.id, "price", NOON)
            await set_side(session, host, overlay.id, Side.LEFT, NOON)
    async with sessions() as session:
        found = await overlay_by_token(session, token)
        told = await list_entries(session, host.station_id, {"overlays": [overlay.id]})
    assert (found.policy, found.side) == (Policy.PRICE, Side.LEFT)
    assert [(one.entry.action, one.entry.before, one.entry.after) for one in told[1:]] == [
        (
            "overlay.policy",
            {"channel": "抖音", "policy": "qr", "side": "right"},
            {"channel": "抖音", "policy": "price", "side": "right"},
        ),
        (
            "overlay.side",
            {"channel": "抖音", "policy": "price", "side": "right"},
            {"channel": "抖音", "policy": "price", "side": "left"},
        ),
    ]


async def test_a_policy_that_there_is_not_changes_nothing(sessions: Sessions, host: Actor) -> None:
    overlay, token = await made(sessions, host)
    async with sessions.begin() as session:
        with pytest.raises(Invalid):
            await set_policy(session, host, overlay.id, "everything", NOON)
        with pytest.raises(Invalid):
            await set_side(session, host, overlay.id, "middle", NOON)
    async with sessions() as session:
        found = await overlay_by_token(session, token)
    assert (found.policy, found.side) == (Policy.QR, Side.RIGHT)
    assert await actions(sessions, host, overlay) == ["overlay.make"]


async def test_another_stations_overlay_is_not_there(sessions: Sessions, host: Actor) -> None:
    overlay, token = await made(sessions, host)
    other = await stranger(sessions)
    async with sessions.begin() as session:
        for refused in (
            set_policy(session, other, overlay.id, "price", NOON),
            set_side(session, other, overlay.id, "left", NOON),
            revoke(session, other, overlay.id, NOON),
            overlay_for(session, other, overlay.id),
            overlay_for(session, host, 2**63),
        ):
            with pytest.raises(NotFound):
                await refused
    async with sessions() as session:
        found = await overlay_by_token(session, token)
    assert (found.policy, found.side, found.revoked_at) == (Policy.QR, Side.RIGHT, None)


async def test_a_revoked_one_stays_revoked(sessions: Sessions, host: Actor) -> None:
    overlay, token = await made(sessions, host)
    for later in (0, 1):
        async with sessions.begin() as session:
            await revoke(session, host, overlay.id, NOON + timedelta(hours=later))
    async with sessions.begin() as session:
        with pytest.raises(NotFound):
            await set_policy(session, host, overlay.id, "price", NOON)
        with pytest.raises(NotFound):
            await overlay_for(session, host, overlay.id)
        found = await overlay_by_token(session, token)
        assert (found.revoked_at, found.policy) == (NOON, Policy.QR)
    assert await actions(sessions, host, overlay) == ["overlay.make", "overlay.revoke"]


async def on(sessions: Sessions, overlay: Overlay) -> int | None:
    async with sessions() as session:
        return await show_on(session, overlay)


async def started(sessions: Sessions, show: Show, channels: list[str], minute: int) -> None:
    async with sessions.begin() as session:
        values = {"channels": channels, "started_at": NOON + timedelta(minutes=minute)}
        await session.execute(update(Show).where(Show.id == show.id).values(values))


async def test_it_follows_the_latest_show_on_its_channel(sessions: Sessions) -> None:
    product = await make_product(sessions)
    first = await make_live_show(sessions, [product])
    host = await host_of(sessions, first)
    douyin, kuaishou = [(await made(sessions, host, name))[0] for name in ("抖音", "快手")]
    # No channels are all channels.
    assert (await on(sessions, douyin), await on(sessions, kuaishou)) == (first.id, first.id)

    second = await make_live_show(sessions, [await sibling(sessions, product, name="平安竖匾")])
    await started(sessions, second, ["快手", "视频号"], 5)
    assert (await on(sessions, douyin), await on(sessions, kuaishou)) == (first.id, second.id)
    await started(sessions, first, [], 10)
    assert (await on(sessions, douyin), await on(sessions, kuaishou)) == (first.id, first.id)

    async with sessions.begin() as session:
        await end_show(session, host, first.id, NOON)
    assert (await on(sessions, douyin), await on(sessions, kuaishou)) == (None, second.id)


async def test_another_stations_show_is_not_followed(sessions: Sessions) -> None:
    await make_live_show(sessions, [await make_product(sessions)])
    overlay, _ = await made(sessions, await stranger(sessions))
    assert await on(sessions, overlay) is None


async def test_it_is_noted_as_seen_once_a_minute(sessions: Sessions, host: Actor) -> None:
    overlay, _ = await made(sessions, host)
    seen = []
    for seconds in (0, 59, 60, 61):
        async with sessions.begin() as session:
            await note_seen(session, overlay.id, NOON + timedelta(seconds=seconds))
        async with sessions() as session:
            at = await session.scalar(select(Overlay.seen_at).where(Overlay.id == overlay.id))
        assert at is not None
        seen.append((at - NOON).total_seconds())
    assert seen == [0, 0, 60, 60]
