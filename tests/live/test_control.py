"""One screen controls a show; of two who press at once one is obeyed."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import NotFound
from catalog.models import AuditEntry, Product, Role
from live.control import SILENT, Control, control_of, must_control, still_here, take
from live.errors import NotController
from live.models import Airing, Show
from live.on_air import end_show, show_now
from live.shows import get_show
from tests.live.acting import host_of, member_of, sibling
from tests.making import NOON, act, make_live_show, make_member, make_product, make_station

SECOND = timedelta(seconds=1)
LAPTOP, PHONE = "laptop" * 4, "phone" * 4


@pytest.fixture
async def product(sessions: Sessions) -> Product:
    return await make_product(sessions)


@pytest.fixture
async def show(sessions: Sessions, product: Product) -> Show:
    return await make_live_show(sessions, [product, await sibling(sessions, product)])


async def assistant(sessions: Sessions, product: Product) -> Actor:
    return act(await member_of(sessions, product, Role.ASSISTANT))


async def press(
    sessions: Sessions, actor: Actor, show: Show, screen: str, now: datetime = NOON
) -> None:
    async with sessions.begin() as session:
        await must_control(session, actor, show.id, screen, now)


async def look(
    sessions: Sessions, actor: Actor, show: Show, screen: str, now: datetime = NOON
) -> Control:
    async with sessions() as session:
        return await control_of(session, actor, await get_show(session, show.id), screen, now)


async def trail(sessions: Sessions) -> list[tuple[int | None, int | None]]:
    async with sessions() as session:
        found = select(AuditEntry).where(AuditEntry.action == "show.control")
        entries = list(await session.scalars(found.order_by(AuditEntry.id)))
    return [
        (e.before["controller"], e.after["controller"]) for e in entries if e.before and e.after
    ]


async def test_the_first_press_takes_control_and_others_are_refused(
    sessions: Sessions, product: Product, show: Show
) -> None:
    host, other = await host_of(sessions, show), await assistant(sessions, product)
    assert await look(sessions, host, show, LAPTOP) == Control("", mine=False, silent=True)
    await press(sessions, host, show, LAPTOP)
    await press(sessions, host, show, LAPTOP, NOON + SECOND)
    with pytest.raises(NotController) as refusal:
        await press(sessions, other, show, PHONE, NOON + SECOND)
    assert refusal.value.text == "现在是host在控制，刚才那一下没有算。要自己来，先点“接过来”。"
    with pytest.raises(NotController) as refusal:
        await press(sessions, host, show, PHONE, NOON + SECOND)
    assert refusal.value.who == "您的另一块屏"
    seen = await look(sessions, other, show, PHONE, NOON + SECOND)
    assert (seen, seen.open) == (Control("host", mine=False, silent=False), False)
    assert (await look(sessions, host, show, LAPTOP, NOON)).mine
    assert await trail(sessions) == [(None, host.member_id)]


async def test_a_take_over_is_in_the_trail_and_turns_the_tables(
    sessions: Sessions, product: Product, show: Show
) -> None:
    host, other = await host_of(sessions, show), await assistant(sessions, product)
    await press(sessions, host, show, LAPTOP)
    async with sessions.begin() as session:
        await take(session, other, show.id, PHONE, NOON)
    await press(sessions, other, show, PHONE)
    with pytest.raises(NotController, match="assistant"):
        await press(sessions, host, show, LAPTOP)
    assert await trail(sessions) == [
        (None, host.member_id),
        (host.member_id, other.member_id),
    ]


async def test_who_is_silent_for_more_than_a_minute_is_followed_by_whoever_presses(
    sessions: Sessions, product: Product, show: Show
) -> None:
    host, other = await host_of(sessions, show), await assistant(sessions, product)
    await press(sessions, host, show, LAPTOP)
    async with sessions.begin() as session:
        # Too soon to be written, and another's screen: neither keeps control alive.
        await still_here(session, host, show.id, LAPTOP, NOON + 5 * SECOND)
        await still_here(session, other, show.id, PHONE, NOON + 50 * SECOND)
    with pytest.raises(NotController):
        await press(sessions, other, show, PHONE, NOON + SILENT)
    async with sessions.begin() as session:
        await still_here(session, host, show.id, LAPTOP, NOON + SILENT)
    with pytest.raises(NotController):
        await press(sessions, other, show, PHONE, NOON + SILENT + SECOND)
    late = NOON + 2 * SILENT + SECOND
    assert (await look(sessions, other, show, PHONE, late)).open
    await press(sessions, other, show, PHONE, late)
    assert (await look(sessions, other, show, PHONE, late)).mine


async def test_a_show_that_is_over_is_controlled_by_nobody(
    sessions: Sessions, product: Product, show: Show
) -> None:
    host, other = await host_of(sessions, show), await assistant(sessions, product)
    await press(sessions, host, show, LAPTOP)
    async with sessions.begin() as session:
        await end_show(session, host, show.id, NOON)
    await press(sessions, other, show, PHONE)
    async with sessions() as session:
        assert (await get_show(session, show.id)).controller_id == host.member_id


async def test_another_station_finds_no_show_to_control(sessions: Sessions, show: Show) -> None:
    stranger = act(await make_member(sessions, await make_station(sessions, "other"), Role.HOST))
    for asked in (must_control, take):
        with pytest.raises(NotFound):
            async with sessions.begin() as session:
                await asked(session, stranger, show.id, LAPTOP, NOON)
    async with sessions() as session:
        assert (await get_show(session, show.id)).controller_id is None


async def pin(sessions: Sessions, actor: Actor, show: Show, screen: str, item: int) -> bool:
    try:
        async with sessions.begin() as session:
            await must_control(session, actor, show.id, screen, NOON)
            await show_now(session, actor, show.id, item, NOON)
    except NotController:
        return False
    return True


async def test_of_two_assistants_who_pin_at_once_one_is_obeyed(
    sessions: Sessions, product: Product, show: Show
) -> None:
    one, other = await assistant(sessions, product), await assistant(sessions, product)
    first, second = [item.id for item in show.items]
    outcomes = await asyncio.gather(
        *(
            pin(sessions, actor, show, screen, item)
            for actor, screen, item in ((one, LAPTOP, second), (other, PHONE, first))
            for _ in range(2)
        )
    )
    assert sorted(outcomes) == [False, False, True, True]
    async with sessions() as session:
        kept = await get_show(session, show.id)
        open_airings = await session.scalars(select(Airing).where(Airing.ended_at.is_(None)))
        assert [airing.line_up_item_id for airing in open_airings] == [kept.now_item_id]
    assert kept.now_item_id == (second if outcomes[0] else first)
    assert len(await trail(sessions)) == 1


async def test_looking_before_taking_alone_would_obey_both(
    sessions: Sessions, product: Product, show: Show
) -> None:
    """The twin of the test above, without the lock: both find nobody in control, then both press."""
    one, other = await assistant(sessions, product), await assistant(sessions, product)
    looked = asyncio.Barrier(2)

    async def naive(actor: Actor, screen: str) -> bool:
        found = await look(sessions, actor, show, screen)
        await looked.wait()
        if not found.open:
            return False
        async with sessions.begin() as session:
            await session.execute(
                update(Show)
                .where(Show.id == show.id)
                .values(controller_id=actor.member_id, controller_key=screen, controller_at=NOON)
            )
        return True

    outcomes = await asyncio.gather(naive(one, LAPTOP), naive(other, PHONE))
    assert outcomes == [True, True]
