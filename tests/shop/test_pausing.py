"""Paused holds: a clock that stands loses nothing and gains nothing."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from catalog.db import Database, Sessions
from catalog.errors import NotFound
from catalog.models import AuditEntry, Product, Role
from live.errors import WrongShowState
from live.models import Show
from live.on_air import end_show
from shop.checkout import place_order
from shop.holding import Wanted
from shop.holds import KEPT, SHOWN, Held, lapse_holds, lock_holds
from shop.models import Hold, HoldState, OrderState
from shop.pausing import (
    LONGEST,
    left_standing,
    pause_holds,
    resume_holds,
    see_to_pauses,
)
from shop.paying import sweep
from tests.live.acting import host_of, sibling
from tests.making import NOON, act, make_live_show, make_member, make_product, make_station
from tests.shop.sales import (
    figures,
    hold,
    hold_of,
    link_to,
    look,
    request_for,
    shop_of,
    staff,
    want,
)

MINUTE = timedelta(minutes=1)
PAUSED = NOON + 5 * MINUTE
"""Holds are made at noon, and the network goes five minutes later."""


async def on_air(sessions: Sessions, *, on_hand: int = 9) -> tuple[Product, Show, str]:
    """A product, the show that is selling it now, and its code there."""
    product = await make_product(sessions, on_hand=on_hand)
    show = await make_live_show(sessions, [product])
    link = await link_to(sessions, product, show, by=await staff(sessions, product))
    return product, show, link.code


async def buy(sessions: Sessions, code: str, at: datetime = NOON, browser: str = "") -> Held:
    return await hold(sessions, Wanted(1, link=code), browser=browser, now=at)


async def pause(sessions: Sessions, show: Show, at: datetime = PAUSED) -> int:
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        return await pause_holds(session, host, show.id, at)


async def resume(sessions: Sessions, show: Show, at: datetime) -> int:
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        return await resume_holds(session, host, show.id, at)


async def clocks(sessions: Sessions, made: Held) -> tuple[timedelta, timedelta]:
    """How long after noon a hold's two clocks end."""
    async with sessions() as session:
        row = await session.get_one(Hold, made.id, populate_existing=True)
        return row.shown_until - NOON, row.expires_at - NOON


async def state_of(sessions: Sessions, made: Held) -> HoldState:
    async with sessions() as session:
        return (await session.get_one(Hold, made.id, populate_existing=True)).state


async def told(sessions: Sessions) -> list[tuple[str, object]]:
    async with sessions() as session:
        entries = await session.scalars(
            select(AuditEntry)
            .where(AuditEntry.action.in_(("show.pause_holds", "show.resume_holds")))
            .order_by(AuditEntry.id)
        )
        return [(entry.action, entry.after) for entry in entries]


async def test_a_hold_is_prolonged_by_exactly_as_long_as_the_pause_was(sessions: Sessions) -> None:
    _, show, code = await on_air(sessions)
    made = await buy(sessions, code)
    assert await pause(sessions, show) == 1
    assert await clocks(sessions, made) == (SHOWN + LONGEST, KEPT + LONGEST)
    assert await resume(sessions, show, PAUSED + timedelta(minutes=7, seconds=3)) == 1
    more = timedelta(minutes=7, seconds=3)
    assert await clocks(sessions, made) == (SHOWN + more, KEPT + more)
    assert await told(sessions) == [
        ("show.pause_holds", {"holds": 1}),
        ("show.resume_holds", {"holds": 1, "seconds": 423}),
    ]


async def test_while_it_stands_neither_sweep_nor_buyer_takes_the_piece(
    database: Database, sessions: Sessions
) -> None:
    product, show, code = await on_air(sessions, on_hand=1)
    made = await buy(sessions, code)
    await pause(sessions, show)
    late = PAUSED + LONGEST - MINUTE
    await see_to_pauses(database, late)
    assert await sweep(shop_of(database), late) == 0
    assert await lapse_holds(database, late, product_id=product.id) == 0
    assert await state_of(sessions, made) == HoldState.ACTIVE
    assert await figures(sessions, product) == [(1, 1)]
    # Five minutes were gone when it was stopped, so ten are left of fifteen.
    await resume(sessions, show, late)
    assert await lapse_holds(database, late + 10 * MINUTE - timedelta(seconds=1)) == 0
    assert await lapse_holds(database, late + 10 * MINUTE) == 1


async def test_a_pause_that_nobody_ends_is_ended_after_half_an_hour(
    database: Database, sessions: Sessions
) -> None:
    _, show, code = await on_air(sessions)
    made = await buy(sessions, code)
    await pause(sessions, show)
    for late in (LONGEST - MINUTE, LONGEST + 40 * MINUTE):
        await see_to_pauses(database, PAUSED + late)
        assert await clocks(sessions, made) == (SHOWN + LONGEST, KEPT + LONGEST)
    async with sessions() as session:
        row = await session.get_one(Hold, made.id)
        assert (await session.get_one(Show, show.id)).holds_paused_at is None
    assert (row.paused_by, row.paused_until) == (None, None)
    assert await resume(sessions, show, PAUSED + 2 * LONGEST) == 0
    assert [action for action, _ in await told(sessions)] == ["show.pause_holds"]


async def test_pressed_late_a_pause_was_half_an_hour_all_the_same(sessions: Sessions) -> None:
    _, show, code = await on_air(sessions)
    made = await buy(sessions, code)
    await pause(sessions, show)
    await resume(sessions, show, PAUSED + 3 * LONGEST)
    assert await clocks(sessions, made) == (SHOWN + LONGEST, KEPT + LONGEST)


async def test_the_end_of_the_show_ends_its_pause(database: Database, sessions: Sessions) -> None:
    _, show, code = await on_air(sessions)
    made = await buy(sessions, code)
    await pause(sessions, show)
    async with sessions.begin() as session:
        await end_show(session, await host_of(sessions, show), show.id, PAUSED + 4 * MINUTE)
    await see_to_pauses(database, PAUSED + 4 * MINUTE + timedelta(seconds=25))
    assert await clocks(sessions, made) == (SHOWN + 4 * MINUTE, KEPT + 4 * MINUTE)


async def test_who_buys_during_the_pause_has_their_whole_time_after_it(
    database: Database, sessions: Sessions
) -> None:
    _, show, code = await on_air(sessions)
    await pause(sessions, show)
    made = await buy(sessions, code, PAUSED + MINUTE)
    # The clock of a new hold runs until the next sweep.
    await see_to_pauses(database, PAUSED + MINUTE + timedelta(seconds=30))
    await see_to_pauses(database, PAUSED + 2 * MINUTE)
    late = PAUSED + 20 * MINUTE
    assert await sweep(shop_of(database), late) == 0
    await resume(sessions, show, late)
    left = late - NOON - timedelta(seconds=30)
    assert await clocks(sessions, made) == (left + SHOWN, left + KEPT)


async def test_only_open_holds_of_this_show_are_stopped(
    database: Database, sessions: Sessions
) -> None:
    product, show, code = await on_air(sessions)
    other = await sibling(sessions, product, name="平安竖匾")
    mine = await buy(sessions, code)
    elsewhere = await hold(sessions, want(other))
    without_link = await hold(sessions, want(product))
    over = await buy(sessions, code, NOON - KEPT)
    assert await pause(sessions, show) == 1
    assert await clocks(sessions, mine) == (SHOWN + LONGEST, KEPT + LONGEST)
    for untouched in (elsewhere, without_link):
        assert await clocks(sessions, untouched) == (SHOWN, KEPT)
    assert await clocks(sessions, over) == (SHOWN - KEPT, timedelta())
    assert await lapse_holds(database, PAUSED) == 1


async def test_an_order_that_is_being_paid_is_only_ever_prolonged(sessions: Sessions) -> None:
    _, show, code = await on_air(sessions)
    async with sessions.begin() as session:
        placed = await place_order(session, request_for(Wanted(1, link=code)), "", NOON)
    order = await look(sessions, placed)
    payment_ends, kept = order.payments[0].expires_at, (await hold_of(sessions, order)).expires_at
    await pause(sessions, show)
    await resume(sessions, show, PAUSED + 9 * MINUTE)
    after = await look(sessions, placed)
    assert (await hold_of(sessions, after)).expires_at == kept + 9 * MINUTE
    assert after.payments[0].expires_at == payment_ends
    assert (after.state, after.expires_at) == (OrderState.UNPAID, order.expires_at)


async def test_a_hold_ordered_during_the_pause_keeps_the_end_that_its_order_gave_it(
    sessions: Sessions,
) -> None:
    _, show, code = await on_air(sessions)
    made = await buy(sessions, code)
    await pause(sessions, show)
    await order_it(sessions, made, PAUSED + 3 * MINUTE)
    await resume(sessions, show, PAUSED + 4 * MINUTE)
    _, kept = await clocks(sessions, made)
    assert NOON + kept == PAUSED + 3 * MINUTE + timedelta(minutes=34)


async def order_it(sessions: Sessions, made: Held, at: datetime) -> None:
    async with sessions.begin() as session:
        await place_order(session, request_for(hold=made.token), "", at)


async def test_pressing_twice_or_again_gives_nobody_more_time(sessions: Sessions) -> None:
    _, show, code = await on_air(sessions)
    made = await buy(sessions, code)
    for n in range(4):
        at = PAUSED + n * MINUTE
        assert await pause(sessions, show, at) == 1
        assert await pause(sessions, show, at) == 1
        assert await resume(sessions, show, at) == 1
        assert await resume(sessions, show, at) == 0
    assert await clocks(sessions, made) == (SHOWN, KEPT)
    assert len(await told(sessions)) == 8


async def test_a_cart_of_two_shows_stands_while_either_pauses(
    database: Database, sessions: Sessions
) -> None:
    product, show, code = await on_air(sessions)
    other = await sibling(sessions, product, name="平安竖匾")
    second = await make_live_show(sessions, [other])
    link = await link_to(sessions, other, second, by=await staff(sessions, other))
    made = await hold(sessions, Wanted(1, link=code), Wanted(1, link=link.code))
    await pause(sessions, show)
    assert await pause(sessions, second, PAUSED + 2 * MINUTE) == 0
    await resume(sessions, show, PAUSED + 6 * MINUTE)
    assert await clocks(sessions, made) == (SHOWN + 6 * MINUTE, KEPT + 6 * MINUTE)
    await see_to_pauses(database, PAUSED + 6 * MINUTE)
    await resume(sessions, second, PAUSED + 10 * MINUTE)
    assert await clocks(sessions, made) == (SHOWN + 10 * MINUTE, KEPT + 10 * MINUTE)


async def test_only_a_show_on_air_pauses_and_only_for_its_own_station(sessions: Sessions) -> None:
    _, show, code = await on_air(sessions)
    made = await buy(sessions, code)
    stranger = act(await make_member(sessions, await make_station(sessions, "other"), Role.HOST))
    for change in (pause_holds, resume_holds):
        with pytest.raises(NotFound):
            async with sessions.begin() as session:
                await change(session, stranger, show.id, PAUSED)
    async with sessions.begin() as session:
        await end_show(session, await host_of(sessions, show), show.id, PAUSED)
    with pytest.raises(WrongShowState):
        await pause(sessions, show)
    assert await clocks(sessions, made) == (SHOWN, KEPT)
    assert await told(sessions) == []


async def test_a_buyer_sees_what_is_left_while_the_clock_stands(sessions: Sessions) -> None:
    _, show, code = await on_air(sessions)
    made = await buy(sessions, code)

    async def seen() -> timedelta | None:
        async with sessions() as session:
            return await left_standing(session, await session.get_one(Hold, made.id))

    assert await seen() is None
    await pause(sessions, show)
    assert await seen() == 7 * MINUTE
    await resume(sessions, show, PAUSED + MINUTE)
    assert await seen() is None


# What happens at once. Each has a naive twin that loses what the real one keeps.


async def naive_resume(sessions: Sessions, show: Show, made: Held, wait: asyncio.Event) -> None:
    """Looks, thinks, and writes back what it thought."""
    async with sessions() as session:
        row = await session.get_one(Hold, made.id)
        until = row.expires_at - (LONGEST - 4 * MINUTE)
    await wait.wait()
    async with sessions.begin() as session:
        await session.execute(update(Hold).where(Hold.id == made.id).values(expires_at=until))
        await session.execute(update(Show).where(Show.id == show.id).values(holds_paused_at=None))


async def test_a_naive_resume_shortens_the_hold_of_who_orders_meanwhile(sessions: Sessions) -> None:
    _, show, code = await on_air(sessions)
    made = await buy(sessions, code)
    await pause(sessions, show)
    ordered = asyncio.Event()
    resuming = asyncio.create_task(naive_resume(sessions, show, made, ordered))
    await asyncio.sleep(0)
    await order_it(sessions, made, PAUSED + 4 * MINUTE)
    ordered.set()
    await resuming
    _, kept = await clocks(sessions, made)
    assert NOON + kept < PAUSED + 4 * MINUTE + timedelta(minutes=34)


async def test_resume_and_orders_at_once_leave_each_hold_one_of_two_right_ends(
    sessions: Sessions,
) -> None:
    _, show, code = await on_air(sessions)
    held = [await buy(sessions, code, browser=f"browser-{n}-aaaaaaaaaa") for n in range(6)]
    await pause(sessions, show)
    at = PAUSED + 4 * MINUTE
    await asyncio.gather(
        *(order_it(sessions, made, at) for made in held[:3]),
        resume(sessions, show, at),
        *(order_it(sessions, made, at) for made in held[3:]),
    )
    ends = [(await clocks(sessions, made))[1] for made in held]
    assert ends == [at - NOON + timedelta(minutes=34)] * 6


async def test_two_who_resume_at_once_do_it_once(sessions: Sessions) -> None:
    _, show, code = await on_air(sessions)
    made = await buy(sessions, code)
    await pause(sessions, show)
    at = PAUSED + 4 * MINUTE
    run = await asyncio.gather(*(resume(sessions, show, at) for _ in range(4)))
    assert sorted(run) == [0, 0, 0, 1]
    assert await clocks(sessions, made) == (SHOWN + 4 * MINUTE, KEPT + 4 * MINUTE)


async def test_resume_against_the_sweep_loses_no_hold(
    database: Database, sessions: Sessions
) -> None:
    """Each has a minute left when it is stopped, and all of it when it runs again."""
    product, show, code = await on_air(sessions)
    held = [await buy(sessions, code) for _ in range(5)]
    await pause(sessions, show, NOON + KEPT - MINUTE)
    at = NOON + KEPT + 20 * MINUTE
    await asyncio.gather(
        sweep(shop_of(database), at), resume(sessions, show, at), sweep(shop_of(database), at)
    )
    assert {await state_of(sessions, made) for made in held} == {HoldState.ACTIVE}
    assert {(await clocks(sessions, made))[1] for made in held} == {at + MINUTE - NOON}
    assert await figures(sessions, product) == [(9, 5)]


async def test_a_pause_that_only_notes_its_time_loses_them(
    database: Database, sessions: Sessions
) -> None:
    """The naive twin: nothing is moved until somebody resumes."""
    product, _, code = await on_air(sessions)
    held = [await buy(sessions, code) for _ in range(5)]
    at = NOON + KEPT + 20 * MINUTE

    async def naive_resume_all() -> None:
        async with sessions.begin() as session:
            for token, one in (await lock_holds(session, [made.token for made in held])).items():
                if one.state == HoldState.ACTIVE:
                    later = one.expires_at + 21 * MINUTE
                    await session.execute(
                        update(Hold).where(Hold.token == token).values(expires_at=later)
                    )

    await sweep(shop_of(database), at)
    await naive_resume_all()
    assert {await state_of(sessions, made) for made in held} == {HoldState.LAPSED}
    assert await figures(sessions, product) == [(9, 0)]
