"""The line-up: pieces fenced and given back, rows refused, removals."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid, NotFound, OutOfStock
from catalog.models import Claim, Kind, Product, ProductState, Role, Station, Stock
from catalog.products import change_product
from live.lineup import put_line_up
from live.models import LineUpItem, Link, Show
from live.on_air import end_show
from live.scheduling import schedule_show
from live.shows import show_for
from tests.live.acting import host_of, item_of, make_link, pieces, sibling, take_pieces
from tests.making import (
    NOON,
    act,
    make_live_show,
    make_member,
    make_product,
    make_station,
    make_workshop,
)


async def station_of(sessions: Sessions, product: Product) -> Station:
    async with sessions() as session:
        return await session.get_one(Station, product.station_id)


async def make_show(sessions: Sessions, product: Product) -> tuple[Actor, Show]:
    """A draft of the product's station, and its host."""
    host = act(await make_member(sessions, await station_of(sessions, product), Role.HOST))
    when = {"starts_at": NOON, "ends_at": NOON + timedelta(hours=2)}
    async with sessions.begin() as session:
        return host, await schedule_show(session, host, {"title": "专场", **when}, NOON)


async def put(sessions: Sessions, actor: Actor, show: Show, *rows: dict[str, Any]) -> Show:
    async with sessions.begin() as session:
        return await put_line_up(session, actor, show.id, rows, NOON)


async def kept(sessions: Sessions, actor: Actor, show: Show) -> list[tuple[Any, ...]]:
    async with sessions() as session:
        found = await show_for(session, actor, show.id)
    return [
        (i.product_id, i.show_price_fen, i.allotment, i.allotment_left, i.minutes)
        for i in found.items
    ]


async def test_rows_are_kept_in_their_order_with_all_that_was_typed(sessions: Sessions) -> None:
    first = await make_product(sessions, on_hand=5)
    second = await sibling(sessions, first)
    host, show = await make_show(sessions, first)
    await put(
        sessions,
        host,
        show,
        {"product": second.id, "minutes": "7"},
        {
            "product": str(first.id),
            "show_price": " ¥241.50 ",
            "allotment": "2",
            "talking_points": "一块整板\n没有拼缝",
            "do_not_say": "老料",
            "speaker": " 小李 ",
        },
    )
    assert await kept(sessions, host, show) == [
        (second.id, None, 0, 0, 7),
        (first.id, 24150, 2, 2, 5),
    ]
    item = await item_of(sessions, show, first)
    said = (item.talking_points, item.do_not_say, item.speaker)
    assert said == ("一块整板\n没有拼缝", "老料", "小李")
    await put(sessions, host, show, {"product": first.id}, {"product": second.id})
    assert [row[0] for row in await kept(sessions, host, show)] == [first.id, second.id]
    assert (await item_of(sessions, show, first)).id == item.id


async def test_an_allotment_leaves_free_stock_and_comes_back(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    host, show = await make_show(sessions, product)
    for allotment, held in ((2, 2), (5, 5), (1, 1), (0, 0), (3, 3)):
        await put(sessions, host, show, {"product": product.id, "allotment": allotment})
        assert await pieces(sessions, product) == (5, held)
    await put(sessions, host, show)
    assert await pieces(sessions, product) == (5, 0)
    assert await kept(sessions, host, show) == []


async def test_no_show_gets_more_than_is_free(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=3)
    other = await sibling(sessions, product, on_hand=3)
    host, show = await make_show(sessions, product)
    await put(sessions, host, show, {"product": product.id, "allotment": 1})
    with pytest.raises(Invalid) as refused:
        await put(
            sessions,
            host,
            show,
            {"product": other.id, "allotment": 2},
            {"product": product.id, "allotment": 4},
        )
    assert refused.value.errors == {
        "items.1.allotment": "没有这么多空闲的件可以留给这一场，最多留 3 件。"
    }
    assert await pieces(sessions, product) == (3, 1)
    assert await pieces(sessions, other) == (3, 0)
    assert await kept(sessions, host, show) == [(product.id, None, 1, 1, 5)]


async def test_of_two_shows_that_want_the_last_pieces_one_gets_them(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=3)
    shows = [await make_show(sessions, product) for _ in range(2)]

    async def want_two(host: Actor, show: Show) -> bool:
        try:
            await put(sessions, host, show, {"product": product.id, "allotment": 2})
        except Invalid:
            return False
        return True

    assert sorted(await asyncio.gather(*(want_two(*s) for s in shows))) == [False, True]
    assert await pieces(sessions, product) == (3, 2)


async def test_the_end_of_the_show_gives_unsold_pieces_back(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    show = await make_live_show(sessions, [product], allotment=4)
    code = (await make_link(sessions, product, show)).code
    async with sessions.begin() as session:
        await take_pieces(session, code, 1)
    assert await pieces(sessions, product) == (5, 4)
    async with sessions.begin() as session:
        await end_show(session, await host_of(sessions, show), show.id, NOON)
    assert await pieces(sessions, product) == (5, 1)
    assert (await item_of(sessions, show, product)).allotment_left == 0


async def test_an_allotment_does_not_shrink_below_what_is_promised(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    show = await make_live_show(sessions, [product], allotment=3)
    host = await host_of(sessions, show)
    code = (await make_link(sessions, product, show)).code
    async with sessions.begin() as session:
        await take_pieces(session, code, 2)
    with pytest.raises(Invalid) as refused:
        await put(sessions, host, show, {"product": product.id, "allotment": 1})
    assert refused.value.errors == {
        "items.0.allotment": "已经卖出或预留了 2 件，留货不能比这更少。"
    }
    await put(sessions, host, show, {"product": product.id, "allotment": 2})
    assert await pieces(sessions, product) == (5, 2)
    assert await kept(sessions, host, show) == [(product.id, None, 2, 0, 5)]


async def test_what_was_shown_or_bought_stays_in_the_line_up(sessions: Sessions) -> None:
    shown = await make_product(sessions)
    bought = await sibling(sessions, shown, name="平安竖匾")
    neither = await sibling(sessions, shown)
    show = await make_live_show(sessions, [shown, bought, neither], allotment=1)
    host = await host_of(sessions, show)
    code = (await make_link(sessions, bought, show)).code
    async with sessions.begin() as session:
        await take_pieces(session, code, 1)
    whole = [{"product": p.id, "allotment": 1} for p in (shown, bought, neither)]
    for rows, name in ((whole[1:], "福字圆挂"), (whole[::2], "平安竖匾")):
        with pytest.raises(Invalid) as refused:
            await put(sessions, host, show, *rows)
        assert refused.value.errors == {"items": f"“{name}”已经讲过或卖过，不能从讲解单里拿掉。"}
    assert len(await kept(sessions, host, show)) == 3
    await put(sessions, host, show, *whole[:2])
    assert await pieces(sessions, neither) == (3, 0)


async def test_rows_that_can_not_be_are_refused_each_at_its_field(sessions: Sessions) -> None:
    good = await make_product(sessions, floor_fen=20050)
    off = await sibling(sessions, good, name="旧作")
    carved = await sibling(sessions, good, kind=Kind.MADE_TO_ORDER, on_hand=0)
    foreign = await make_product(
        sessions, await make_workshop(sessions, await make_station(sessions, "other"))
    )
    host, show = await make_show(sessions, good)
    async with sessions.begin() as session:
        await change_product(session, host, off.id, {"state": ProductState.OFF}, NOON)
    with pytest.raises(Invalid) as refused:
        await put(
            sessions,
            host,
            show,
            {
                "product": good.id,
                "show_price": "200.49",
                "minutes": "0",
                "do_not_say": "长" * 201,
                "speaker": "李" * 41,
            },
            {"product": good.id},
            {"product": off.id},
            {"product": carved.id, "allotment": 1, "show_price": "free"},
            {"product": foreign.id},
            {"product": "DROP TABLE"},
            {"product": 2**62},
        )
    assert refused.value.errors == {
        "items.0.show_price": "不能低于作坊的底价 200.50 元。",
        "items.0.minutes": "分钟要在 1 到 240 之间。",
        "items.0.do_not_say": "不说的话最多 200 个字，现在有 201 个。",
        "items.0.speaker": "谁讲最多 40 个字，现在有 41 个。",
        "items.1.product": "“福字圆挂”排了两次。",
        "items.2.product": "“旧作”没有在售，先上架再排。",
        "items.3.allotment": "定做的作品没有现货，不用留。",
        "items.3.show_price": "直播价要填数字，比如 268 或 268.50。",
        "items.4.product": "没有这件作品，或者它是别的站的。",
        "items.5.product": "作品要填整数。",
        "items.6.product": "没有这件作品，或者它是别的站的。",
    }
    assert await kept(sessions, host, show) == []


async def test_five_hundred_rows_are_too_many(sessions: Sessions) -> None:
    product = await make_product(sessions)
    host, show = await make_show(sessions, product)
    with pytest.raises(Invalid) as refused:
        await put(sessions, host, show, *[{"product": product.id}] * 500)
    assert refused.value.errors == {"items": "一场最多 100 件作品。"}


async def test_another_stations_manager_does_not_find_the_line_up(sessions: Sessions) -> None:
    product = await make_product(sessions)
    host, show = await make_show(sessions, product)
    other = act(await make_member(sessions, await make_station(sessions, "other"), Role.MANAGER))
    with pytest.raises(NotFound):
        await put(sessions, other, show, {"product": product.id})
    assert await kept(sessions, host, show) == []


async def test_buyers_and_an_editor_never_wait_on_each_other_in_a_circle(
    sessions: Sessions,
) -> None:
    product = await make_product(sessions, on_hand=40)
    show = await make_live_show(sessions, [product])
    host = await host_of(sessions, show)
    code = (await make_link(sessions, product, show)).code

    async def buy() -> None:
        async with sessions.begin() as session:
            await take_pieces(session, code, 1)

    async def edit(allotment: int) -> None:
        try:
            await put(sessions, host, show, {"product": product.id, "allotment": allotment})
        except (Invalid, OutOfStock):
            return

    await asyncio.gather(*(buy() if n % 2 else edit(n // 2) for n in range(30)))
    async with sessions() as session:
        holding = await session.scalar(select(func.sum(LineUpItem.holding)))
    item = await item_of(sessions, show, product)
    used = item.allotment - item.allotment_left
    assert holding == 15
    assert await pieces(sessions, product) == (40, 15 - used + item.allotment)


async def test_a_refusal_says_how_many_are_free(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=5)
    host, show = await make_show(sessions, product)
    other_host, other = await make_show(sessions, product)
    await put(sessions, host, show, {"product": product.id, "allotment": 3})
    for actor, whose, wanted, said in (
        (host, show, 6, "没有这么多空闲的件可以留给这一场，最多留 5 件。"),
        (other_host, other, 3, "没有这么多空闲的件可以留给这一场，最多留 2 件。"),
    ):
        with pytest.raises(Invalid) as refused:
            await put(sessions, actor, whose, {"product": product.id, "allotment": wanted})
        assert refused.value.errors == {"items.0.allotment": said}
    await put(sessions, host, show, {"product": product.id, "allotment": 5})
    with pytest.raises(Invalid) as refused:
        await put(sessions, other_host, other, {"product": product.id, "allotment": 1})
    assert refused.value.errors == {"items.0.allotment": "没有空闲的件可以留给这一场。"}
    assert await pieces(sessions, product) == (5, 5)


async def test_numbers_that_can_not_be_are_refused_as_typed_and_as_sent(
    sessions: Sessions,
) -> None:
    product = await make_product(sessions)
    host, show = await make_show(sessions, product)
    for row, field, said in (
        ({"minutes": 0}, "minutes", "分钟要在 1 到 240 之间。"),
        ({"minutes": "0"}, "minutes", "分钟要在 1 到 240 之间。"),
        ({"minutes": -5}, "minutes", "分钟要在 1 到 240 之间。"),
        ({"show_price_fen": -1}, "show_price_fen", "直播价要大于 0。"),
        ({"show_price_fen": 0}, "show_price_fen", "直播价要大于 0。"),
        ({"show_price": "-1"}, "show_price", "直播价不能是负数。"),
        ({"show_price": "0"}, "show_price", "直播价要大于 0。"),
        ({"allotment": 10**9}, "allotment", "留货要在 0 到 9999 之间。"),
        ({"allotment": "1000000000"}, "allotment", "留货要在 0 到 9999 之间。"),
        ({"allotment": -1}, "allotment", "留货要在 0 到 9999 之间。"),
    ):
        with pytest.raises(Invalid) as refused:
            await put(sessions, host, show, {"product": product.id, **row})
        assert refused.value.errors == {f"items.0.{field}": said}, row
    assert await kept(sessions, host, show) == []
    assert await pieces(sessions, product) == (3, 0)


async def race_for_the_last(
    sessions: Sessions,
    fence: Callable[[Actor, Show, Product], Awaitable[bool]],
    buy: Callable[[str], Awaitable[bool]],
) -> tuple[int, tuple[int, int]]:
    """Two editors fence and a buyer takes one and the same piece; how many got it, and the stock."""
    product = await make_product(sessions, on_hand=1)
    live = await make_live_show(sessions, [product])
    code = (await make_link(sessions, product, live)).code
    shows = [await make_show(sessions, product) for _ in range(2)]
    got = await asyncio.gather(buy(code), *(fence(host, show, product) for host, show in shows))
    return sum(got), await pieces(sessions, product)


async def test_two_editors_and_a_buyer_share_one_piece(sessions: Sessions) -> None:
    async def fence(host: Actor, show: Show, product: Product) -> bool:
        try:
            await put(sessions, host, show, {"product": product.id, "allotment": 1})
        except Invalid:
            return False
        return True

    async def buy(code: str) -> bool:
        try:
            async with sessions.begin() as session:
                await take_pieces(session, code, 1)
        except OutOfStock:
            return False
        return True

    assert await race_for_the_last(sessions, fence, buy) == (1, (1, 1))


async def test_the_naive_way_all_three_get_it(sessions: Sessions) -> None:
    """Read, think, write back: everybody has read before anyone writes."""
    all_read = asyncio.Barrier(3)

    async def take(product_id: int) -> bool:
        async with sessions() as session:
            held = (await session.get_one(Stock, product_id)).held
        await all_read.wait()
        async with sessions.begin() as session:
            row = await session.get_one(Stock, product_id)
            if held >= row.on_hand:
                return False
            row.held = held + 1
        return True

    async def fence(host: Actor, show: Show, product: Product) -> bool:
        return await take(product.id)

    async def buy(code: str) -> bool:
        async with sessions() as session:
            link = await session.scalar(select(Link).where(Link.code == code))
        assert link is not None
        assert link.product_id is not None
        return await take(link.product_id)

    assert await race_for_the_last(sessions, fence, buy) == (3, (1, 1))


async def test_what_nobody_has_proven_is_not_in_the_talking_points(sessions: Sessions) -> None:
    product = await make_product(sessions)
    host, show = await make_show(sessions, product)
    row = {"product": product.id, "talking_points": "百年老料", "do_not_say": "“非遗”"}
    with pytest.raises(Invalid) as refused:
        await put(sessions, host, show, row)
    assert list(refused.value.errors) == ["items.0.talking_points"]
    assert refused.value.errors["items.0.talking_points"].startswith("“老料”要有凭证")
    assert await kept(sessions, host, show) == []
    manager = await make_member(sessions, await station_of(sessions, product), Role.MANAGER)
    proof = {"station_id": product.station_id, "product_id": product.id, "proof": "看过"}
    proof |= {"made_by": host.member_id, "made_at": NOON}
    both = {"confirmed_by": manager.id, "confirmed_at": NOON}
    async with sessions.begin() as session:
        session.add_all([Claim(phrase="老料", **proof, **both), Claim(phrase="百年", **proof)])
    with pytest.raises(Invalid) as refused:
        await put(sessions, host, show, row)
    assert refused.value.errors["items.0.talking_points"].startswith("“百年”要有凭证")
    await put(sessions, host, show, {**row, "talking_points": "榆木老料"})
    assert len(await kept(sessions, host, show)) == 1
