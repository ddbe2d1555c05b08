"""What was written on paper: real times, one thing at a time, and no piece twice."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from catalog.db import Sessions
from catalog.errors import Invalid, NotFound
from catalog.models import AuditEntry, Kind, Product, Role, StockMovement
from live.errors import WrongShowState
from live.models import Airing, Show, ShowState
from live.on_air import end_show, show_now
from live.typed_in import type_in
from tests.desk import only, open_desk
from tests.live.acting import host_of, item_of, pieces, sibling
from tests.making import (
    NOON,
    act,
    make_live_show,
    make_member,
    make_product,
    make_station,
    make_workshop,
)
from tests.shop.sales import hold, want

LATER = NOON + timedelta(hours=3)
"""Three in the afternoon in Beijing: the show that began at noon is over."""


async def a_show(
    sessions: Sessions, *, over: bool = True, allotment: int = 0, **values: Any
) -> tuple[Show, list[Product]]:
    """A show of two pieces that began at noon, and ended at two unless it is still on."""
    first = await make_product(sessions, name="第1件", **values)
    products = [first, await sibling(sessions, first, name="第2件")]
    show = await make_live_show(sessions, products, allotment=allotment)
    if over:
        async with sessions.begin() as session:
            ended = NOON + timedelta(hours=2)
            show = await end_show(session, await host_of(sessions, show), show.id, ended)
    return show, products


async def row(
    sessions: Sessions, show: Show, product: Product, begin: str, end: str, airing: object = ""
) -> dict[str, str]:
    item = await item_of(sessions, show, product)
    day = "2026-11-22T"
    return {"id": str(airing), "item": str(item.id), "from": day + begin, "to": day + end}


async def sale(
    sessions: Sessions, show: Show, product: Product, count: object, seen: object = ""
) -> dict[str, str]:
    item = await item_of(sessions, show, product)
    return {"item": str(item.id), "pieces": str(count), "seen": str(seen)}


async def write_down(
    sessions: Sessions,
    show: Show,
    airings: list[dict[str, str]],
    sales: list[dict[str, str]] | None = None,
    now: datetime = LATER,
) -> None:
    host = await host_of(sessions, show)
    async with sessions.begin() as session:
        await type_in(session, host, show.id, airings, sales or [], now)


async def refused(
    sessions: Sessions,
    show: Show,
    airings: list[dict[str, str]],
    sales: list[dict[str, str]] | None = None,
    now: datetime = LATER,
) -> dict[str, str]:
    before = await airings_of(sessions, show)
    with pytest.raises(Invalid) as refusal:
        await write_down(sessions, show, airings, sales, now)
    assert await airings_of(sessions, show) == before
    return refusal.value.errors


async def airings_of(sessions: Sessions, show: Show) -> list[tuple[int, str, str, bool]]:
    """Id, from, to in Beijing's time, and whether it was typed in."""

    def clock(at: datetime | None) -> str:
        return "" if at is None else f"{at + timedelta(hours=8):%H:%M:%S}"

    async with sessions() as session:
        rows = await session.scalars(
            select(Airing).where(Airing.show_id == show.id).order_by(Airing.started_at)
        )
        return [(a.id, clock(a.started_at), clock(a.ended_at), bool(a.typed_by)) for a in rows]


async def test_what_the_console_noted_is_put_right_and_the_rest_stands_behind_it(
    sessions: Sessions,
) -> None:
    show, (first, second) = await a_show(sessions)
    ((noted, *_),) = await airings_of(sessions, show)
    await write_down(
        sessions,
        show,
        [
            await row(sessions, show, first, "12:00", "12:20", noted),
            await row(sessions, show, second, "12:20", "13:05"),
            {"id": "", "item": "", "from": "", "to": ""},
            await row(sessions, show, first, "13:05", "14:00"),
        ],
    )
    assert [rest for _, *rest in await airings_of(sessions, show)] == [
        ["12:00:00", "12:20:00", True],
        ["12:20:00", "13:05:00", True],
        ["13:05:00", "14:00:00", True],
    ]
    async with sessions() as session:
        entry = await session.scalar(select(AuditEntry).where(AuditEntry.action == "show.type_in"))
    assert entry is not None
    assert (entry.subject_id, entry.member_id) == (show.id, show.host_id)
    assert entry.before is not None
    assert entry.after is not None
    assert (len(entry.before["airings"]), len(entry.after["airings"])) == (1, 3)


async def test_what_was_not_touched_keeps_its_seconds_and_its_author(sessions: Sessions) -> None:
    show, (first, second) = await a_show(sessions, over=False)
    host = await host_of(sessions, show)
    at = NOON + timedelta(minutes=20, seconds=25)
    async with sessions.begin() as session:
        await show_now(session, host, show.id, (await item_of(sessions, show, second)).id, at)
    (noted, *_), _ = await airings_of(sessions, show)
    await write_down(sessions, show, [await row(sessions, show, first, "12:00", "12:20", noted)])
    assert [rest for _, *rest in await airings_of(sessions, show)] == [
        ["12:00:00", "12:20:25", False],
        ["12:20:25", "", False],
    ]


async def test_paper_knows_no_seconds_and_need_not(sessions: Sessions) -> None:
    show, (first, second) = await a_show(sessions, over=False)
    host = await host_of(sessions, show)
    item = await item_of(sessions, show, second)
    async with sessions.begin() as session:
        await end_show(session, host, show.id, NOON + timedelta(minutes=20, seconds=25))
    ((noted, *_),) = await airings_of(sessions, show)
    await write_down(
        sessions,
        show,
        [
            await row(sessions, show, first, "12:00", "12:20", noted),
            await row(sessions, show, second, "12:20", "12:40"),
        ],
    )
    assert [rest for _, *rest in await airings_of(sessions, show)] == [
        ["12:00:00", "12:20:25", False],
        ["12:20:25", "12:40:00", True],
    ]
    assert item.show_id == show.id


@pytest.mark.parametrize(
    ("begin", "end", "field", "said"),
    [
        ("13:30", "14:10", "from", "和12:00–14:00的“第1件”重叠了。同一时间只讲一件。"),
        ("14:10", "14:10", "to", "讲完的时间要在开讲之后。"),
        ("14:10", "14:05", "to", "讲完的时间要在开讲之后。"),
        ("14:10", "15:01", "to", "这个时间还没有到。"),
        ("15:30", "15:40", "from", "这个时间还没有到。"),
        ("", "14:40", "from", "请填写开讲的时间。"),
    ],
)
async def test_a_time_that_can_not_be_is_told_at_its_field(
    sessions: Sessions, begin: str, end: str, field: str, said: str
) -> None:
    show, (first, second) = await a_show(sessions)
    ((noted, *_),) = await airings_of(sessions, show)
    typed = await row(sessions, show, second, begin, end)
    if not begin:
        typed["from"] = ""
    rows = [await row(sessions, show, first, "12:00", "14:00", noted), typed]
    assert await refused(sessions, show, rows) == {f"airings.1.{field}": said}


async def test_another_day_is_no_time_of_this_show(sessions: Sessions) -> None:
    show, (_, second) = await a_show(sessions)
    typed = await row(sessions, show, second, "23:50", "23:59")
    yesterday = {k: v.replace("11-22", "11-21") for k, v in typed.items()}
    found = await refused(sessions, show, [yesterday])
    assert found == {"airings.0.from": "要在这一场的那一天：11月22日。"}
    tomorrow = {k: v.replace("11-22", "11-23") for k, v in typed.items()}
    found = await refused(sessions, show, [tomorrow], now=NOON + timedelta(days=3))
    assert found == {"airings.0.from": "要在这一场的那一天：11月22日。"}


async def test_one_piece_twice_at_once_and_every_other_fault_are_told_together(
    sessions: Sessions,
) -> None:
    show, (first, second) = await a_show(sessions)
    rows = [
        await row(sessions, show, second, "14:10", "14:30"),
        await row(sessions, show, second, "14:20", "14:40"),
        {**await row(sessions, show, first, "14:41", "14:42"), "item": "999999"},
    ]
    sales = [await sale(sessions, show, first, "两件"), await sale(sessions, show, second, 4)]
    assert await refused(sessions, show, rows, sales) == {
        "airings.1.from": "和14:10–14:30的同一件重叠了。同一时间只讲一件。",
        "airings.2.item": "请选择讲的是哪一件。",
        "sales.0.pieces": "卖出的件数要填整数。",
        "sales.1.pieces": "现在只有 3 件，记不了这么多。",
    }
    assert await pieces(sessions, first) == (3, 0)


async def test_what_is_being_shown_now_is_the_consoles_business(sessions: Sessions) -> None:
    show, (first, second) = await a_show(sessions, over=False)
    ((now_on, *_),) = await airings_of(sessions, show)
    rows = [
        {**await row(sessions, show, first, "11:00", "11:10"), "id": str(now_on)},
        await row(sessions, show, second, "11:40", "12:30"),
    ]
    assert await refused(sessions, show, rows) == {
        "airings.1.to": "12:00 起正在讲“第1件”，要在那以前讲完。"
    }


async def test_what_the_console_noted_can_not_be_emptied(sessions: Sessions) -> None:
    show, _ = await a_show(sessions)
    ((noted, *_),) = await airings_of(sessions, show)
    found = await refused(sessions, show, [{"id": str(noted), "item": "", "from": "", "to": ""}])
    assert list(found) == ["airings.0.from"]


# Pieces sold for cash


async def test_what_was_sold_for_cash_leaves_stock_with_a_reason(sessions: Sessions) -> None:
    show, (first, second) = await a_show(sessions)
    sales = [
        await sale(sessions, show, first, 2, 3),
        await sale(sessions, show, second, ""),
    ]
    await write_down(sessions, show, [], sales)
    assert await pieces(sessions, first) == (1, 0)
    assert await pieces(sessions, second) == (3, 0)
    async with sessions() as session:
        moved = await session.scalars(
            select(StockMovement).where(
                StockMovement.product_id == first.id, StockMovement.change < 0
            )
        )
        assert [(m.change, m.reason, m.member_id) for m in moved] == [
            (-2, "“周日专场”现金卖出，纸上补记", show.host_id)
        ]


async def test_a_form_that_is_sent_twice_counts_once(sessions: Sessions) -> None:
    show, (first, _) = await a_show(sessions)
    for _ in range(2):
        await write_down(sessions, show, [], [await sale(sessions, show, first, 2, 3)])
    assert await pieces(sessions, first) == (1, 0)


async def test_while_on_air_the_shows_own_pieces_go_first(sessions: Sessions) -> None:
    show, (first, _) = await a_show(sessions, over=False, allotment=2)
    await write_down(sessions, show, [], [await sale(sessions, show, first, 1)])
    assert await pieces(sessions, first) == (2, 1)
    item = await item_of(sessions, show, first)
    assert (item.allotment, item.allotment_left) == (1, 1)
    await write_down(sessions, show, [], [await sale(sessions, show, first, 2)])
    assert await pieces(sessions, first) == (0, 0)


async def test_more_than_there_are_is_refused_with_all_else(sessions: Sessions) -> None:
    show, (first, second) = await a_show(sessions)
    rows = [await row(sessions, show, second, "14:10", "14:30")]
    sales = [await sale(sessions, show, second, 1), await sale(sessions, show, first, 4)]
    found = await refused(sessions, show, rows, sales)
    assert found == {"sales.1.pieces": "现在只有 3 件，记不了这么多。"}
    assert await pieces(sessions, first) == (3, 0)
    assert await pieces(sessions, second) == (3, 0)


async def test_what_buyers_were_promised_is_not_sold_again(sessions: Sessions) -> None:
    show, (first, _) = await a_show(sessions)
    await hold(sessions, want(first, 2))
    found = await refused(sessions, show, [], [await sale(sessions, show, first, 2)])
    assert found == {"sales.0.pieces": "现在只有 1 件能记成卖出，另有 2 件已经答应了买家。"}
    assert await pieces(sessions, first) == (3, 2)


async def test_what_is_carved_to_order_has_no_pieces(sessions: Sessions) -> None:
    show, (first, _) = await a_show(sessions, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3)
    found = await refused(sessions, show, [], [await sale(sessions, show, first, 1)])
    assert found == {"sales.0.pieces": "定做的没有现货，不用记。"}


async def test_only_shows_of_the_own_station_that_are_on_air_or_over(sessions: Sessions) -> None:
    show, (_, second) = await a_show(sessions)
    rows = [await row(sessions, show, second, "14:10", "14:30")]
    stranger = act(await make_member(sessions, await make_station(sessions, "other"), Role.HOST))
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await type_in(session, stranger, show.id, rows, [], LATER)
    for state in (ShowState.READY, ShowState.REPORTED):
        async with sessions.begin() as session:
            (await session.get_one(Show, show.id)).state = state
        with pytest.raises(WrongShowState):
            await write_down(sessions, show, rows)
    assert len(await airings_of(sessions, show)) == 1


# The page


async def test_the_form_comes_back_with_all_that_was_typed(
    sessions: Sessions, database_url: str, tmp_path: Path
) -> None:
    async with open_desk(sessions, database_url, tmp_path) as desk:
        workshop = await make_workshop(sessions, desk.station)
        product = await make_product(sessions, workshop, name="驼铃方屏")
        show = await make_live_show(sessions, [product])
        ended = NOON + timedelta(hours=2)
        async with sessions.begin() as session:
            await end_show(session, await host_of(sessions, show), show.id, ended)
        path = f"/desk/shows/{show.id}/typed-in"
        assert await desk.statuses(path) == only(Role.MANAGER, Role.HOST, Role.ASSISTANT)
        await desk.enter(Role.HOST)
        form = (await desk.web.get(path)).text
        assert 'value="2026-11-22T12:00"' in form
        assert "3 件" in form
        item = str((await item_of(sessions, show, product)).id)
        ((noted, *_),) = await airings_of(sessions, show)
        typed = {
            "airings.0.id": str(noted),
            "airings.0.item": item,
            "airings.0.from": "2026-11-22T12:00",
            "airings.0.to": "2026-11-22T13:00",
            "airings.1.id": "",
            "airings.1.item": item,
            "airings.1.from": "2026-11-22T12:40",
            "airings.1.to": "2026-11-22T13:30",
            "airings.2.id": "",
            "airings.2.item": "",
            "airings.2.from": "2026-11-22T12:00",
            "airings.2.to": "2026-11-22T12:00",
            "sales.0.item": item,
            "sales.0.pieces": "9",
            "sales.0.seen": "3",
        }
        more = await desk.web.submit(path, {**typed, "more": "1"})
        assert more.status_code == 200
        assert 'value="2026-11-22T13:30"' in more.text
        assert 'name="airings.6.item"' in more.text
        answer = await desk.web.submit(path, typed)
        assert answer.status_code == 422
        for kept in ("和12:00–13:00的同一件重叠了", 'value="2026-11-22T13:30"', 'value="9"'):
            assert kept in answer.text
        right = {**typed, "airings.1.from": "2026-11-22T13:00", "sales.0.pieces": "1"}
        answer = await desk.web.submit(path, right)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/shows/{show.id}")
        assert await pieces(sessions, product) == (2, 0)
        assert [rest for _, *rest in await airings_of(sessions, show)] == [
            ["12:00:00", "13:00:00", True],
            ["13:00:00", "13:30:00", True],
        ]
        assert (await desk.web.get(path)).text.count("纸上补记") >= 3
        other = await make_station(sessions, "other")
        await desk.enter(Role.HOST, other)
        assert (await desk.web.get(path)).status_code == 404
