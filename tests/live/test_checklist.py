"""The checklist: what it sees, what people tick, and what it stops."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import NotFound
from catalog.models import AuditEntry, Kind, Product, ProductState
from catalog.products import change_product
from catalog.stock import change as change_stock
from live.checklist import BY_HAND, faults, points, tick, untick
from live.errors import NotReady, WrongShowState
from live.lineup import put_line_up
from live.links import link_line_up, retire_link
from live.models import CheckMark, Link, Overlay, Show, ShowState
from live.on_air import end_show, start_show
from live.scheduling import change_show
from live.shows import lock_show, show_for
from tests.live.acting import see_overlay, settle_points, sibling
from tests.live.test_lineup import make_show, put
from tests.making import NOON, make_product

DAY = timedelta(hours=24)
TICKS = {key: fault for key, (_, fault) in BY_HAND.items()}
NO_OVERLAY = {"overlay": "还没有画面地址"}


async def lacking(sessions: Sessions, host: Actor, show: Show) -> dict[str, str]:
    async with sessions() as session:
        return faults(await points(session, await show_for(session, host, show.id), NOON))


async def lined_up(sessions: Sessions, product: Product) -> tuple[Actor, Show]:
    host, show = await make_show(sessions, product)
    return host, await put(sessions, host, show, {"product": product.id, "minutes": 120})


async def state_of(sessions: Sessions, show: Show) -> ShowState:
    async with sessions() as session:
        return (await session.get_one(Show, show.id)).state


async def test_an_empty_show_lacks_a_line_up_an_overlay_and_every_tick(sessions: Sessions) -> None:
    host, show = await make_show(sessions, await make_product(sessions))
    assert await lacking(sessions, host, show) == {
        "line_up": "讲解单还是空的", **NO_OVERLAY, **TICKS,
    }  # fmt: skip


async def test_what_the_program_sees_of_the_line_up(sessions: Sessions) -> None:
    product = await make_product(sessions, floor_fen=20000)
    off = await sibling(sessions, product, name="旧作")
    gone = await sibling(sessions, product, name="卖完了", on_hand=1)
    carved = await sibling(sessions, product, kind=Kind.MADE_TO_ORDER, on_hand=0)
    fenced = await sibling(sessions, product, on_hand=1)
    host, show = await make_show(sessions, product)
    await put(
        sessions,
        host,
        show,
        {"product": product.id, "minutes": 60, "show_price_fen": 20000},
        {"product": off.id, "minutes": 60},
        {"product": gone.id, "minutes": 1},
        {"product": carved.id},
        {"product": fenced.id, "allotment": 1},
    )
    async with sessions.begin() as session:
        await link_line_up(session, host, show.id, NOON)
        await change_product(session, host, off.id, {"state": ProductState.OFF}, NOON)
        await change_product(session, host, product.id, {"floor_fen": 20001}, NOON)
        await change_stock(session, host, gone, -1, "盘点", NOON)
        code = await session.scalar(select(Link.code).where(Link.product_id == carved.id))
        assert code is not None
        await retire_link(session, host, code, NOON)
    assert await lacking(sessions, host, show) == {
        "minutes": "讲解单比这一场长 11 分钟",
        "on_sale": "“旧作”没有在售",
        "pieces": "“卖完了”没有货",
        "prices": "“福字圆挂”低于作坊的底价，作坊还没有同意",
        "codes": "“福字圆挂”还没有商品码",
        **NO_OVERLAY,
        **TICKS,
    }
    word = {"given_by": "王师傅", "way": "wechat", "price_fen": 20000}
    row = {"product": product.id, "show_price_fen": 20000, "consent": word}
    async with sessions.begin() as session:
        await change_product(session, host, off.id, {"state": ProductState.ON_SALE}, NOON)
        rows: list[dict[str, Any]] = [
            row,
            *({"product": p.id, "minutes": 1} for p in (off, carved, fenced)),
        ]
        await put_line_up(session, host, show.id, rows, NOON)
    said = await lacking(sessions, host, show)
    assert said == {"codes": "“福字圆挂”还没有商品码", **NO_OVERLAY, **TICKS}


async def test_many_products_are_named_by_the_first_three(sessions: Sessions) -> None:
    products = [await make_product(sessions, name="甲")]
    for name in "乙丙丁":
        products.append(await sibling(sessions, products[0], name=name))
    host, show = await make_show(sessions, products[0])
    await put(sessions, host, show, *({"product": p.id} for p in products))
    assert (await lacking(sessions, host, show))["codes"] == "“甲”“乙”“丙”等 4 件还没有商品码"


async def test_an_overlay_counts_for_a_day_and_until_it_is_revoked(sessions: Sessions) -> None:
    host, show = await make_show(sessions, await make_product(sessions))
    overlay = await see_overlay(sessions, show.station_id, NOON - DAY - timedelta(seconds=1))
    for seen_at, revoked_at, fault in (
        (overlay.seen_at, None, "画面超过 24 小时没有打开过"),
        (NOON - DAY, None, None),
        (None, None, "画面还没有打开过"),
        (NOON, NOON, "还没有画面地址"),
    ):
        async with sessions.begin() as session:
            row = await session.get_one(Overlay, overlay.id)
            row.seen_at, row.revoked_at = seen_at, revoked_at
        assert (await lacking(sessions, host, show)).get("overlay") == fault


async def test_a_tick_says_who_and_when_and_is_taken_back(sessions: Sessions) -> None:
    host, show = await make_show(sessions, await make_product(sessions))
    for at in (NOON, NOON + DAY):
        async with sessions.begin() as session:
            locked = await lock_show(session, host, show.id)
            await tick(session, host, locked, "stock_counted", at)
    async with sessions() as session:
        found = await points(session, await show_for(session, host, show.id), NOON)
    point = next(point for point in found if point.key == "stock_counted")
    assert point.mark is not None
    assert (point.mark.member.name, point.mark.at, point.stale) == (host.name, NOON, False)
    await put(sessions, host, show)
    for _ in range(2):
        async with sessions.begin() as session:
            locked = await lock_show(session, host, show.id)
            await untick(session, host, locked, "stock_counted", NOON)
    assert (await lacking(sessions, host, show))["stock_counted"] == "实物还没有清点"
    async with sessions() as session:
        entries = await session.scalars(
            select(AuditEntry).where(AuditEntry.action.like("show.%tick")).order_by(AuditEntry.id)
        )
        told = [(e.action, (e.before or e.after or {})["point"]) for e in entries]
    assert told == [("show.tick", "stock_counted"), ("show.untick", "stock_counted")]


async def test_a_line_up_that_changed_after_the_tick_is_pointed_out(sessions: Sessions) -> None:
    product = await make_product(sessions)
    host, show = await lined_up(sessions, product)
    await settle_points(sessions, show.id, NOON)
    async with sessions.begin() as session:
        later = NOON + timedelta(minutes=1)
        await put_line_up(session, host, show.id, [{"product": product.id}], later)
    async with sessions() as session:
        found = await points(session, await show_for(session, host, show.id), NOON)
    assert {point.key for point in found if point.stale} == set(BY_HAND)
    assert faults(found) == {}


async def test_two_who_tick_at_once_leave_one_tick(sessions: Sessions) -> None:
    host, show = await make_show(sessions, await make_product(sessions))

    async def press() -> None:
        async with sessions.begin() as session:
            await tick(session, host, await lock_show(session, host, show.id), "compliance", NOON)

    await asyncio.gather(*(press() for _ in range(6)))
    async with sessions() as session:
        assert await session.scalar(select(func.count(CheckMark.id))) == 1


async def test_points_that_are_not_ticked_by_hand_and_shows_that_are_over(
    sessions: Sessions,
) -> None:
    host, show = await lined_up(sessions, await make_product(sessions))
    for key in ("overlay", "", "nonsense"):
        with pytest.raises(NotFound):
            async with sessions.begin() as session:
                await tick(session, host, await lock_show(session, host, show.id), key, NOON)
    async with sessions.begin() as session:
        await start_show(session, host, show.id, NOON)
        await end_show(session, host, show.id, NOON)
    with pytest.raises(WrongShowState):
        async with sessions.begin() as session:
            await tick(session, host, await lock_show(session, host, show.id), "compliance", NOON)
    async with sessions() as session:
        assert await session.scalar(select(func.count(CheckMark.id))) == 0


async def test_ready_waits_for_every_point(sessions: Sessions) -> None:
    host, show = await lined_up(sessions, await make_product(sessions))
    values = {"state": "ready", "title": "改了名"}
    with pytest.raises(NotReady) as refused:
        async with sessions.begin() as session:
            await change_show(session, host, show.id, values, NOON)
    assert refused.value.reasons == {
        "codes": "“福字圆挂”还没有商品码", **NO_OVERLAY, **TICKS,
    }  # fmt: skip
    assert refused.value.text.startswith("标记准备好还差 6 处：“福字圆挂”还没有商品码；")
    async with sessions() as session:
        kept = await session.get_one(Show, show.id)
        assert (kept.state, kept.title) == (ShowState.DRAFT, "专场")
    await settle_points(sessions, show.id, NOON)
    async with sessions.begin() as session:
        await change_show(session, host, show.id, {"state": "ready"}, NOON)
    assert await state_of(sessions, show) == ShowState.READY


async def test_who_is_asked_starts_only_with_a_reason_and_it_is_kept(sessions: Sessions) -> None:
    host, show = await lined_up(sessions, await make_product(sessions))
    for nothing in ("", "  \n"):
        with pytest.raises(NotReady) as refused:
            async with sessions.begin() as session:
                await start_show(session, host, show.id, NOON, despite=nothing)
        assert list(refused.value.reasons) == ["codes", "overlay", *BY_HAND]
    assert await state_of(sessions, show) == ShowState.DRAFT
    async with sessions.begin() as session:
        await start_show(session, host, show.id, NOON, despite=" 停电了，用手机播 ")
    assert await told_of_start(sessions) == {
        "open": ["codes", "overlay", *BY_HAND],
        "despite": "停电了，用手机播",
    }


async def test_a_program_that_was_not_asked_starts_and_the_points_are_noted(
    sessions: Sessions,
) -> None:
    host, show = await lined_up(sessions, await make_product(sessions))
    async with sessions.begin() as session:
        await start_show(session, host, show.id, NOON)
    assert await told_of_start(sessions) == {
        "open": ["codes", "overlay", *BY_HAND],
        "despite": "",
    }


async def test_when_all_is_settled_nobody_is_asked(sessions: Sessions) -> None:
    host, show = await lined_up(sessions, await make_product(sessions))
    await settle_points(sessions, show.id, NOON)
    async with sessions.begin() as session:
        await start_show(session, host, show.id, NOON, despite="")
    assert await told_of_start(sessions) is None
    assert await state_of(sessions, show) == ShowState.LIVE


async def test_a_rehearsal_is_ready_and_starts_with_nothing_but_a_line_up(
    sessions: Sessions,
) -> None:
    host, show = await lined_up(sessions, await make_product(sessions))
    async with sessions.begin() as session:
        await change_show(session, host, show.id, {"rehearsal": True, "state": "ready"}, NOON)
        await start_show(session, host, show.id, NOON, despite="")
    assert await told_of_start(sessions) is None
    assert await state_of(sessions, show) == ShowState.LIVE


async def told_of_start(sessions: Sessions) -> object:
    async with sessions() as session:
        (entry,) = await session.scalars(
            select(AuditEntry).where(AuditEntry.action == "show.start")
        )
    return entry.after
