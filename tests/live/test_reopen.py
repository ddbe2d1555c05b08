"""A show that was ended by mistake goes on, for two hours, with its airings and what is still free."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from catalog import stock
from catalog.db import Sessions
from catalog.errors import NotFound
from catalog.models import AuditEntry, Product, Role
from live.errors import OverlappingShow, WrongShowState
from live.lineup import put_line_up
from live.models import Airing, Show, ShowState
from live.on_air import REOPEN_WITHIN, end_show, reopen_show, show_now
from live.scheduling import schedule_show
from tests.live.acting import host_of, item_of, make_link, pieces, sibling, take_pieces
from tests.making import NOON, act, make_live_show, make_member, make_product, make_station

MINUTE = timedelta(minutes=1)
ENDED = NOON + 30 * MINUTE


@pytest.fixture
async def product(sessions: Sessions) -> Product:
    return await make_product(sessions, on_hand=6)


@pytest.fixture
async def show(sessions: Sessions, product: Product) -> Show:
    """Ended half an hour after noon, while its second item was on; one piece of five was taken."""
    second = await sibling(sessions, product, on_hand=0)
    show = await make_live_show(sessions, [product])
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        rows = [{"product": product.id, "allotment": 5}, {"product": second.id}]
        show = await put_line_up(session, host, show.id, rows, NOON)
    link = await make_link(sessions, product, show)
    async with sessions.begin() as session:
        await take_pieces(session, link.code, 1)
    async with sessions.begin() as session:
        await show_now(session, host, show.id, show.items[1].id, NOON + 9 * MINUTE)
    async with sessions.begin() as session:
        return await end_show(session, host, show.id, ENDED)


async def reopen(sessions: Sessions, show: Show, now: timedelta) -> Show:
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        return await reopen_show(session, host, show.id, ENDED + now)


async def test_it_goes_on_with_what_was_on_and_keeps_its_airings(
    sessions: Sessions, show: Show
) -> None:
    for _ in range(2):
        again = await reopen(sessions, show, 20 * MINUTE)
        assert (again.state, again.started_at, again.ended_at) == (ShowState.LIVE, NOON, None)
    first, second = [item.id for item in show.items]
    async with sessions() as session:
        rows = list(await session.scalars(select(Airing).order_by(Airing.id)))
        entry = await session.scalar(select(AuditEntry).where(AuditEntry.action == "show.reopen"))
    spans = [(a.line_up_item_id, a.started_at, a.ended_at) for a in rows]
    assert spans == [
        (first, NOON, NOON + 9 * MINUTE),
        (second, NOON + 9 * MINUTE, ENDED),
        (second, ENDED + 20 * MINUTE, None),
    ]
    assert again.now_item_id == second
    assert entry is not None
    assert entry.before == {"state": "ended", "ended_at": ENDED.isoformat()}
    assert entry.after == {"state": "live", "line_up_item": second, "fenced": 4}


@pytest.mark.parametrize(("lost", "fenced"), [(0, 4), (2, 3), (5, 0)])
async def test_what_is_still_free_of_its_pieces_is_fenced_again(
    sessions: Sessions, product: Product, show: Show, lost: int, fenced: int
) -> None:
    assert await pieces(sessions, product) == (6, 1)
    if lost:
        async with sessions.begin() as session:
            await stock.hold(session, product.id, lost)
    await reopen(sessions, show, MINUTE)
    item = await item_of(sessions, show, product)
    assert (item.allotment_left, item.allotment) == (fenced, fenced + 1)
    assert await pieces(sessions, product) == (6, 1 + lost + fenced)


async def test_after_two_hours_it_is_over(sessions: Sessions, product: Product, show: Show) -> None:
    with pytest.raises(WrongShowState, match="两个小时以上"):
        await reopen(sessions, show, REOPEN_WITHIN)
    assert await pieces(sessions, product) == (6, 1)
    assert (await reopen(sessions, show, REOPEN_WITHIN - MINUTE)).state == ShowState.LIVE


async def test_a_reported_show_and_one_that_never_began_are_not_taken_up(
    sessions: Sessions, show: Show
) -> None:
    for state, said in ((ShowState.REPORTED, "已经归档"), (ShowState.READY, "还没有开播")):
        async with sessions.begin() as session:
            await session.execute(update(Show).values(state=state))
        with pytest.raises(WrongShowState, match=said):
            await reopen(sessions, show, MINUTE)


async def test_a_show_in_its_place_keeps_the_time(sessions: Sessions, show: Show) -> None:
    host = await host_of(sessions, show)
    facts = {"title": "下一场", "starts_at": NOON + 90 * MINUTE, "ends_at": NOON + 150 * MINUTE}
    async with sessions.begin() as session:
        await schedule_show(session, host, facts, NOON)
    with pytest.raises(OverlappingShow, match="下一场"):
        await reopen(sessions, show, MINUTE)


async def test_another_station_does_not_find_it(sessions: Sessions, show: Show) -> None:
    stranger = act(await make_member(sessions, await make_station(sessions, "other"), Role.HOST))
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await reopen_show(session, stranger, show.id, ENDED)
