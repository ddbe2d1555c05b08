"""What a show has shown: each piece once, slips left out, and what a scan a moment late meant."""

from datetime import datetime, timedelta

from sqlalchemy import event, insert

from catalog.db import Database, Sessions
from catalog.models import Kind, Product, ProductState
from live.earlier import MOST_AIRINGS, Shown, earlier, marks_of, shown_on, today
from live.models import Airing, Show, ShowState
from live.on_air import end_show, show_now
from tests.live.acting import host_of, item_of, sibling
from tests.making import NOON, make_live_show, make_product, make_station, make_workshop
from tests.shop.pages.buyer import change
from tests.shop.sales import link_to, staff


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


async def switch(sessions: Sessions, show: Show, product: Product, minutes: float) -> None:
    """Another piece is shown, so many minutes after the show began with its first."""
    item, host = await item_of(sessions, show, product), await host_of(sessions, show)
    async with sessions.begin() as session:
        await show_now(session, host, show.id, item.id, after(minutes))


async def shown(sessions: Sessions, show: Show) -> tuple[Shown, ...]:
    async with sessions() as session:
        return (await shown_on(session, [show.id]))[show.id]


async def three(sessions: Sessions) -> list[Product]:
    first = await make_product(sessions, name="甲")
    return [
        first,
        await sibling(sessions, first, name="乙"),
        await sibling(sessions, first, name="丙"),
    ]


def names(found: tuple[Shown, ...]) -> list[str]:
    return [one.name for one in found]


async def test_each_piece_stands_once_the_latest_first(sessions: Sessions) -> None:
    one, two, six = await three(sessions)
    show = await make_live_show(sessions, [one, two, six], allotment=1, price_fen=20000)
    await switch(sessions, show, two, 5)
    await switch(sessions, show, one, 9)
    found = await shown(sessions, show)
    assert [(s.name, s.at, s.until, s.times) for s in found] == [
        ("甲", after(9), None, 2),
        ("乙", after(5), after(9), 1),
    ]
    assert [(s.price_fen, s.was_fen, s.free, s.sold) for s in found] == [(20000, 26800, 3, 0)] * 2
    assert found[1].href("7K3FD") == f"/products/{two.slug}?link=7K3FD"
    assert found[1].minutes_ago(after(9) + timedelta(seconds=59)) == 4


async def test_a_slip_of_the_hand_is_no_airing_and_parts_none(sessions: Sessions) -> None:
    one, two, six = await three(sessions)
    show = await make_live_show(sessions, [one, two, six])
    await switch(sessions, show, two, 5)
    await switch(sessions, show, one, 5.05)
    await switch(sessions, show, six, 8)
    found = await shown(sessions, show)
    assert [(s.name, s.at, s.times) for s in found] == [("丙", after(8), 1), ("甲", NOON, 1)]


async def test_right_after_a_switch_the_scan_may_have_meant_the_one_before(
    sessions: Sessions,
) -> None:
    one, two, six = await three(sessions)
    show = await make_live_show(sessions, [one, two, six])
    await switch(sessions, show, two, 5)
    await switch(sessions, show, six, 10)
    found = await shown(sessions, show)
    at_once = earlier(found, six.id, after(10.4))
    assert (names(at_once.just), names(at_once.before), at_once.now) == (["乙"], ["甲"], None)
    late = earlier(found, six.id, after(10.5))
    assert (names(late.just), names(late.before)) == ([], ["乙", "甲"])
    by_hand = earlier(found, one.id, after(10.1))
    assert by_hand.now is not None
    assert (by_hand.now.name, names(by_hand.just), names(by_hand.before)) == ("丙", [], ["乙"])


async def test_both_pieces_of_two_quick_switches_are_kept_in_sight(sessions: Sessions) -> None:
    one, two, six = await three(sessions)
    show = await make_live_show(sessions, [one, two, six])
    await switch(sessions, show, two, 5)
    await switch(sessions, show, six, 5.25)
    beside = earlier(await shown(sessions, show), six.id, after(5.4))
    assert (names(beside.just), beside.before) == (["乙", "甲"], ())


async def test_after_the_end_the_normal_price_and_no_fence_hold(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=4)
    show = await make_live_show(sessions, [product], allotment=2, price_fen=100)
    async with sessions.begin() as session:
        await end_show(session, await host_of(sessions, show), show.id, after(30))
    (found,) = await shown(sessions, show)
    assert (found.price_fen, found.was_fen, found.free, found.until) == (26800, None, 4, after(30))


async def test_what_is_marked_sold_out_is_not_free_and_what_is_not_yet_shown_is_not_told(
    sessions: Sessions,
) -> None:
    one, two, six = await three(sessions)
    carved = await sibling(sessions, one, kind=Kind.MADE_TO_ORDER, on_hand=0, name="丁")
    show = await make_live_show(sessions, [one, two, six, carved])
    for n, product in enumerate((two, six, carved), 1):
        await switch(sessions, show, product, n)
    await change(sessions, await item_of(sessions, show, one), sold_out_at=NOON)
    await change(sessions, two, state=ProductState.DRAFT)
    await change(sessions, six, state=ProductState.OFF)
    found = {s.name: (s.free, s.for_sale) for s in await shown(sessions, show)}
    assert found == {"甲": (0, True), "丙": (3, False), "丁": (None, True)}
    await change(sessions, six, state=ProductState.REVIEW)
    assert {s.name for s in await shown(sessions, show)} == {"甲", "丁"}


async def test_several_shows_are_asked_about_with_one_query(database: Database) -> None:
    sessions = database.writing
    product = await make_product(sessions)
    others = await sibling(sessions, product)
    shows = [await make_live_show(sessions, [one]) for one in (product, others)]
    asked: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    engines = [engine.sync_engine for engine in database.engines]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", count)
    async with database.reading() as session:
        found = await shown_on(session, [show.id for show in shows] + [999])
    for engine in engines:
        event.remove(engine, "before_cursor_execute", count)
    assert [len(found[show.id]) for show in shows] == [1, 1]
    assert found[999] == ()
    assert len([statement for statement in asked if "airings" in statement]) == 1
    async with database.reading() as session:
        marks = await marks_of(session, shows[0].id)
    assert [mark.item_id for mark in marks.values()] == list(marks)


async def test_a_show_that_goes_on_and_on_hides_nothing_of_a_quiet_one(sessions: Sessions) -> None:
    busy, quiet = [
        await make_live_show(sessions, [await make_product(sessions, workshop, name=name)])
        for name in ("甲", "乙")
        for workshop in [await make_workshop(sessions, await make_station(sessions, name))]
    ]
    one = {"show_id": busy.id, "station_id": busy.station_id, "line_up_item_id": busy.items[0].id}
    spans = [
        {**one, "started_at": after(n), "ended_at": after(n + 0.5)}
        for n in range(1, MOST_AIRINGS + 1)
    ]
    async with sessions.begin() as session:
        await session.execute(insert(Airing), spans)
    async with sessions() as session:
        found = await shown_on(session, [busy.id, quiet.id])
    assert [names(found[show.id]) for show in (busy, quiet)] == [["甲"], ["乙"]]


async def test_today_has_what_is_on_air_first_and_what_begins_before_midnight(
    sessions: Sessions,
) -> None:
    product = await make_product(sessions)
    live = await make_live_show(sessions, [product])
    coming, tomorrow = [await make_live_show(sessions, [product]) for _ in range(2)]
    await change(sessions, coming, state=ShowState.READY, starts_at=after(300), ends_at=after(400))
    await change(
        sessions, tomorrow, state=ShowState.READY, starts_at=after(1000), ends_at=after(1100)
    )
    code = (await link_to(sessions, None, live, by=await staff(sessions, product))).code
    async with sessions() as session:
        found = await today(session, product.station_id, after(200))
    assert [(one.show.id, one.code, names(one.shown)) for one in found] == [
        (live.id, code, ["福字圆挂"]),
        (coming.id, "", []),
    ]


async def test_an_airing_written_in_afterwards_counts(sessions: Sessions) -> None:
    one, two, _ = await three(sessions)
    show = await make_live_show(sessions, [one, two])
    item, host = await item_of(sessions, show, two), await host_of(sessions, show)
    async with sessions.begin() as session:
        session.add(
            Airing(
                station_id=show.station_id,
                show_id=show.id,
                line_up_item_id=item.id,
                started_at=after(-9),
                ended_at=after(-3),
                typed_by=host.member_id,
            )
        )
    assert names(await shown(sessions, show)) == ["甲", "乙"]
