"""Presses that were kept back: each done once, in order, at the time of the hand."""

import asyncio
from datetime import datetime, timedelta
from itertools import count
from uuid import uuid4

import pytest
from sqlalchemy import select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import NotFound
from catalog.models import AuditEntry, Product, Role
from live import announcements
from live.control import take
from live.models import Airing, Announcement, LineUpItem, Show, Tap
from live.on_air import end_show, show_now
from live.taps import FRESH, OLDEST, Press, TapKind, take_taps
from tests.live.acting import host_of, item_of, member_of, sibling
from tests.making import NOON, act, make_live_show, make_member, make_product, make_station

MINUTE = timedelta(minutes=1)
SCREEN = "a-screen-of-the-host"
_serial = count()


async def on_air(sessions: Sessions, pieces: int = 3) -> tuple[Show, list[int]]:
    """A show on air since noon, and the ids of its line-up's items."""
    products = [await make_product(sessions, name="第1件")]
    for n in range(1, pieces):
        products.append(await sibling(sessions, products[0], name=f"第{n + 1}件"))
    show = await make_live_show(sessions, products)
    return show, [(await item_of(sessions, show, product)).id for product in products]


def press(thing: int, at: datetime, kind: TapKind = TapKind.NOW, client_id: str = "") -> Press:
    return Press(client_id or f"{next(_serial)}-{uuid4()}"[:40], kind, thing, at)


async def send(
    sessions: Sessions,
    show: Show,
    *presses: Press,
    now: datetime,
    actor: Actor | None = None,
    screen: str = SCREEN,
) -> list[str]:
    actor = actor or await host_of(sessions, show)
    async with sessions.begin() as session:
        return await take_taps(session, actor, show.id, screen, presses, now)


async def airings(sessions: Sessions, show: Show) -> list[tuple[int, float, float | None]]:
    """Item, and minutes after noon: from, to."""

    def minutes(at: datetime | None) -> float | None:
        return None if at is None else (at - NOON) / MINUTE

    async with sessions() as session:
        rows = await session.scalars(
            select(Airing).where(Airing.show_id == show.id).order_by(Airing.id)
        )
        return [(a.line_up_item_id, minutes(a.started_at) or 0, minutes(a.ended_at)) for a in rows]


async def taps(sessions: Sessions) -> list[Tap]:
    async with sessions() as session:
        return list(await session.scalars(select(Tap).order_by(Tap.id)))


async def sold_out_at(sessions: Sessions, item_id: int) -> datetime | None:
    async with sessions() as session:
        return (await session.get_one(LineUpItem, item_id)).sold_out_at


async def test_kept_presses_give_airings_the_time_of_the_hand(sessions: Sessions) -> None:
    show, (first, second, third) = await on_air(sessions)
    kept = [press(third, NOON + 9 * MINUTE), press(second, NOON + 4 * MINUTE)]
    assert await send(sessions, show, *kept, now=NOON + 20 * MINUTE) == ["", ""]
    assert await airings(sessions, show) == [(first, 0, 4), (second, 4, 9), (third, 9, None)]
    noted = [(tap.line_up_item_id, tap.at, tap.received_at) for tap in await taps(sessions)]
    assert noted == [
        (second, NOON + 4 * MINUTE, NOON + 20 * MINUTE),
        (third, NOON + 9 * MINUTE, NOON + 20 * MINUTE),
    ]


async def test_a_press_that_comes_again_is_answered_and_not_done_again(
    sessions: Sessions,
) -> None:
    show, (first, second, _) = await on_air(sessions)
    one = press(second, NOON + MINUTE)
    gone = press(999_999, NOON + 2 * MINUTE)
    answers = await send(sessions, show, one, gone, now=NOON + 3 * MINUTE)
    back = press(first, NOON + 5 * MINUTE)
    await send(sessions, show, back, now=NOON + 5 * MINUTE)
    again = await send(sessions, show, gone, one, back, one, now=NOON + 6 * MINUTE)
    assert again == [answers[1], "", "", ""]
    assert answers == ["", "这件已经不在讲解单里了，没有换过去。"]
    assert await airings(sessions, show) == [(first, 0, 1), (second, 1, 5), (first, 5, None)]
    assert len(await taps(sessions)) == 3


@pytest.mark.parametrize(
    ("pressed", "sent", "aired"),
    [
        (-3, 2, 0),
        (0, 600, 0),
        (420, 600, 420),
        (600, 600, 600),
        (3300, 600, 600),
    ],
    ids=["before the show", "at its start", "then", "now", "in the future"],
)
async def test_the_time_of_the_hand_stays_between_the_shows_start_and_now(
    sessions: Sessions, pressed: int, sent: int, aired: int
) -> None:
    show, (first, second, _) = await on_air(sessions)
    one = press(second, NOON + timedelta(seconds=pressed))
    assert await send(sessions, show, one, now=NOON + timedelta(seconds=sent)) == [""]
    at = aired / 60
    assert await airings(sessions, show) == [(first, 0, at), (second, at, None)]


async def test_a_press_kept_since_before_the_show_is_not_done(sessions: Sessions) -> None:
    show, (first, second, _) = await on_air(sessions)
    early = press(second, NOON - timedelta(seconds=1))
    (outcome,) = await send(sessions, show, early, now=NOON + FRESH)
    assert outcome == "北京时间 12:00 另一块屏已经换到“第1件”，这一下没有再算。"
    assert await airings(sessions, show) == [(first, 0, None)]


async def test_what_was_pressed_half_a_day_ago_is_refused(sessions: Sessions) -> None:
    show, (first, second, _) = await on_air(sessions)
    old = press(second, NOON + MINUTE)
    (outcome,) = await send(sessions, show, old, now=NOON + MINUTE + OLDEST + timedelta(seconds=1))
    assert outcome == "这是 12 小时以前按的，没有算。"
    assert await airings(sessions, show) == [(first, 0, None)]
    assert [tap.outcome for tap in await taps(sessions)] == [outcome]


async def test_a_press_that_another_screen_overtook_is_not_done(sessions: Sessions) -> None:
    show, (first, second, third) = await on_air(sessions)
    async with sessions.begin() as session:
        await show_now(session, await host_of(sessions, show), show.id, third, NOON + 8 * MINUTE)
    late = [press(second, NOON + 5 * MINUTE), press(third, NOON + 6 * MINUTE)]
    answers = await send(sessions, show, *late, now=NOON + 9 * MINUTE)
    assert answers == ["北京时间 12:08 另一块屏已经换到“第3件”，这一下没有再算。", ""]
    assert await airings(sessions, show) == [(first, 0, 8), (third, 8, None)]


async def test_screens_whose_clocks_differ_a_little_take_turns(sessions: Sessions) -> None:
    show, (first, second, third) = await on_air(sessions)
    await send(sessions, show, press(second, NOON + 5 * MINUTE), now=NOON + 5 * MINUTE)
    behind = NOON + 5 * MINUTE - timedelta(seconds=3)
    answers = await send(sessions, show, press(third, behind), now=NOON + 5 * MINUTE)
    assert answers == [""]
    assert await airings(sessions, show) == [(first, 0, 5), (second, 5, 5), (third, 5, None)]


async def test_after_the_shows_end_a_press_is_told_so(sessions: Sessions) -> None:
    show, (_, second, _) = await on_air(sessions)
    async with sessions.begin() as session:
        await end_show(session, await host_of(sessions, show), show.id, NOON + 3 * MINUTE)
    kept = [
        press(second, NOON + 2 * MINUTE),
        press(second, NOON + 2 * MINUTE, TapKind.SOLD_OUT),
    ]
    answers = await send(sessions, show, *kept, now=NOON + 4 * MINUTE)
    assert answers == [
        "这一场没有在直播，不能切换正在讲的作品。",
        "这一场没有在直播，不用记“已售”。",
    ]
    assert await sold_out_at(sessions, second) is None


async def test_who_is_not_in_control_any_more_is_told_who_is(sessions: Sessions) -> None:
    show, (first, second, _) = await on_air(sessions)
    await send(sessions, show, press(first, NOON + MINUTE), now=NOON + MINUTE)
    async with sessions() as session:
        product = await session.get_one(
            Product, (await session.get_one(LineUpItem, first)).product_id
        )
    helper = act(await member_of(sessions, product, Role.ASSISTANT))
    async with sessions.begin() as session:
        await take(session, helper, show.id, "another-screen-entirely", NOON + 5 * MINUTE)
    kept = [press(second, NOON + 4 * MINUTE), press(second, NOON + 4 * MINUTE, TapKind.SOLD_OUT)]
    answers = await send(sessions, show, *kept, now=NOON + 5 * MINUTE)
    assert answers == ["现在是assistant在控制，刚才那一下没有算。要自己来，先点“接过来”。"] * 2
    assert await airings(sessions, show) == [(first, 0, None)]
    assert await sold_out_at(sessions, second) is None


async def test_sold_out_and_taken_back_while_the_network_was_away(sessions: Sessions) -> None:
    show, (_, second, third) = await on_air(sessions)
    kept = [
        press(second, NOON + MINUTE, TapKind.SOLD_OUT),
        press(third, NOON + 2 * MINUTE, TapKind.SOLD_OUT),
        press(second, NOON + 2 * MINUTE, TapKind.UNDO_SOLD_OUT),
    ]
    assert await send(sessions, show, *kept, now=NOON + 6 * MINUTE) == ["", "", ""]
    assert await sold_out_at(sessions, second) is None
    assert await sold_out_at(sessions, third) == NOON + 2 * MINUTE


async def test_what_was_read_out_meanwhile(sessions: Sessions) -> None:
    show, (first, *_) = await on_air(sessions)
    sold = announcements.Sold(first, 1, "王芳", "兰州市", NOON + MINUTE)
    async with sessions.begin() as session:
        await announcements.add_all(session, [sold])
    async with sessions() as session:
        told = (await session.scalars(select(Announcement))).one()
    kept = [
        press(told.id, NOON + 2 * MINUTE, TapKind.READ_OUT),
        press(999_999, NOON + 2 * MINUTE, TapKind.READ_OUT),
    ]
    answers = await send(sessions, show, *kept, now=NOON + 6 * MINUTE)
    assert answers == ["", "这一条已经不在了，没有算。"]
    async with sessions() as session:
        assert (await session.get_one(Announcement, told.id)).read_at == NOON + 2 * MINUTE


async def test_one_refused_press_does_not_undo_the_others(sessions: Sessions) -> None:
    show, (first, second, third) = await on_air(sessions)
    kept = [
        press(second, NOON + MINUTE),
        press(999_999, NOON + 2 * MINUTE),
        press(third, NOON + 3 * MINUTE),
    ]
    answers = await send(sessions, show, *kept, now=NOON + 4 * MINUTE)
    assert [bool(answer) for answer in answers] == [False, True, False]
    assert await airings(sessions, show) == [(first, 0, 1), (second, 1, 3), (third, 3, None)]


async def test_another_stations_show_is_not_there(sessions: Sessions) -> None:
    show, (_, second, _) = await on_air(sessions)
    stranger = act(await make_member(sessions, await make_station(sessions, "other"), Role.HOST))
    with pytest.raises(NotFound):
        await send(sessions, show, press(second, NOON + MINUTE), now=NOON + MINUTE, actor=stranger)
    assert await taps(sessions) == []


async def test_each_press_that_changed_something_is_in_the_audit_trail(sessions: Sessions) -> None:
    show, (_, second, _) = await on_air(sessions)
    kept = [press(second, NOON + MINUTE), press(999_999, NOON + 2 * MINUTE)]
    await send(sessions, show, *kept, now=NOON + 4 * MINUTE)
    async with sessions() as session:
        entries = await session.scalars(select(AuditEntry).where(AuditEntry.action == "show.now"))
        assert [(entry.at, entry.after) for entry in entries] == [
            (NOON + MINUTE, {"line_up_item": second})
        ]


# Two tabs that send the same presses at once


def there_and_back(items: list[int]) -> list[Press]:
    """Six presses that go there and back: each that is done twice leaves an airing more."""
    return [press(items[n % 2], NOON + (n + 1) * MINUTE) for n in range(1, 7)]


async def test_two_tabs_that_send_the_same_presses_do_each_once(sessions: Sessions) -> None:
    show, items = await on_air(sessions, 2)
    kept, now = there_and_back(items), NOON + 10 * MINUTE
    answers = await asyncio.gather(*(send(sessions, show, *kept, now=now) for _ in range(4)))
    assert answers == [[""] * 6] * 4
    assert len(await airings(sessions, show)) == 1 + 6
    assert len(await taps(sessions)) == 6


async def test_naive_tabs_do_each_twice(sessions: Sessions) -> None:
    """The twin looks first whether a press was done, and then does it."""
    show, items = await on_air(sessions, 2)
    host = await host_of(sessions, show)
    kept = there_and_back(items)
    both_have_looked, in_turn = asyncio.Barrier(2), asyncio.Lock()

    async def naive() -> None:
        done = {tap.client_id for tap in await taps(sessions)}
        await both_have_looked.wait()
        async with in_turn:
            for one in [press for press in kept if press.client_id not in done]:
                async with sessions.begin() as session:
                    await show_now(session, host, show.id, one.thing, one.at)

    await asyncio.gather(naive(), naive())
    assert len(await airings(sessions, show)) == 1 + 12
