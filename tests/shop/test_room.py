"""Limits of work in hand and days away: what is still sold, and what is refused."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from catalog.closures import close, take_back
from catalog.db import Sessions
from catalog.errors import OutOfStock
from catalog.models import Kind, Product, Station, Workshop
from shop.checkout import OrderRequest, Placing, place_order, place_orders, read_buyer
from shop.errors import WorkshopAway, WorkshopFull
from shop.models import Hold, HoldState, Order
from shop.product_view import Situation, view_by_id
from shop.room import Outlook, outlook
from tests.making import BUYER, NOON, act, make_product, make_station, make_workshop
from tests.shop.sales import GATEWAY, expire, figures, hold, order, staff, want

TODAY = date(2026, 11, 22)
DAY = timedelta(days=1)


@pytest.fixture
async def workshop(sessions: Sessions) -> Workshop:
    return await make_workshop(sessions, await make_station(sessions))


async def carved(sessions: Sessions, workshop: Workshop, days: int = 4, **more: Any) -> Product:
    facts = {"name": "竖匾", "kind": Kind.MADE_TO_ORDER, "on_hand": 0, **more}
    return await make_product(sessions, workshop, work_days=days, **facts)


async def limit(sessions: Sessions, workshop: Workshop, days: int) -> None:
    async with sessions.begin() as session:
        found = update(Workshop).where(Workshop.id == workshop.id)
        await session.execute(found.values(capacity_days=days))


async def shut(sessions: Sessions, product: Product, begin: int, end: int) -> int:
    """Close the product's family from one day to another, counted from today."""
    desk = act(await staff(sessions, product))
    days = (TODAY + begin * DAY, TODAY + end * DAY)
    async with sessions.begin() as session:
        return (await close(session, desk, product.workshop_id, *days, "other", "", NOON)).id


async def count(sessions: Sessions, model: Any) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


async def test_a_family_takes_on_as_much_as_it_said_and_no_more(
    sessions: Sessions, workshop: Workshop
) -> None:
    plate = await carved(sessions, workshop)
    await limit(sessions, workshop, 10)
    first = await order(sessions, want(plate, 2))
    assert first.work_orders[0].promised_on == TODAY + 8 * DAY
    with pytest.raises(WorkshopFull) as refused:
        await hold(sessions, want(plate))
    # Two days of what is in hand must be done, then there is room on the third.
    assert refused.value.text == "这家手上的活满了，大约 11月25日以后再来。"
    assert await count(sessions, Hold) == 1
    small = await carved(sessions, workshop, 2)
    second = await order(sessions, want(small))
    assert second.work_orders[0].promised_on == TODAY + 10 * DAY
    # What is given up makes room at once.
    await expire(sessions, first)
    await hold(sessions, want(plate))


async def test_more_than_it_ever_takes_on_is_refused_without_a_day(
    sessions: Sessions, workshop: Workshop
) -> None:
    plate = await carved(sessions, workshop)
    await limit(sessions, workshop, 10)
    with pytest.raises(WorkshopFull, match="一次接不了这么多活"):
        await hold(sessions, want(plate, 3))


async def test_a_hold_keeps_no_days_and_the_order_looks_again(
    sessions: Sessions, workshop: Workshop
) -> None:
    plate, finished = await carved(sessions, workshop), await make_product(sessions, workshop)
    await limit(sessions, workshop, 4)
    slow = await hold(sessions, want(plate), want(finished))
    await order(sessions, want(plate))
    request = OrderRequest(read_buyer(BUYER), GATEWAY, hold=slow.token)
    with pytest.raises(WorkshopFull):
        async with sessions.begin() as session:
            await place_order(session, request, "", NOON)
    assert await count(sessions, Order) == 1


async def test_what_is_refused_with_the_order_keeps_no_pieces(
    sessions: Sessions, workshop: Workshop
) -> None:
    """As pages and programs do it: the answer is a refusal, and the transaction is committed."""
    plate, finished = await carved(sessions, workshop), await make_product(sessions, workshop)
    await limit(sessions, workshop, 4)
    slow = await hold(sessions, want(plate), want(finished))
    await order(sessions, want(plate))
    request = OrderRequest(read_buyer(BUYER), GATEWAY, hold=slow.token)
    async with sessions.begin() as session:
        (answer,) = await place_orders(session, [Placing(request, "", NOON)])
    assert isinstance(answer, WorkshopFull)
    assert await figures(sessions, finished) == [(3, 0)]
    async with sessions() as session:
        assert (await session.get_one(Hold, slow.id)).state == HoldState.RELEASED


async def test_finished_pieces_need_no_room(sessions: Sessions, workshop: Workshop) -> None:
    finished = await make_product(sessions, workshop, work_days=30)
    await limit(sessions, workshop, 1)
    await order(sessions, want(finished))


async def test_what_a_page_says_of_the_days(sessions: Sessions, workshop: Workshop) -> None:
    plate = await carved(sessions, workshop)
    await limit(sessions, workshop, 4)

    async def said() -> Outlook:
        async with sessions() as session:
            return await outlook(session, workshop.id, plate.kind, plate.work_days, NOON)

    assert await said() == Outlook(TODAY + 4 * DAY)
    await order(sessions, want(plate))
    assert await said() == Outlook(None, "这家手上的活满了，大约 11月27日以后再来。")
    await shut(sessions, plate, 0, 3)
    await shut(sessions, plate, 4, 4)
    assert await said() == Outlook(None, "这家这几天歇工，11月27日起再接定做。")


async def test_while_a_family_is_away_only_what_the_station_keeps_is_sold(
    sessions: Sessions, workshop: Workshop
) -> None:
    plate = await carved(sessions, workshop)
    at_home = await make_product(sessions, workshop)
    kept = await make_product(sessions, workshop, kept_at_station="1")
    neighbour = await carved(
        sessions, await make_workshop(sessions, await station_of(sessions, workshop), "李家木雕")
    )
    held = await hold(sessions, want(at_home))
    closed = await shut(sessions, plate, -1, 0)
    for product in (plate, at_home):
        with pytest.raises(WorkshopAway):
            await hold(sessions, want(product))
        with pytest.raises(WorkshopAway):
            await order(sessions, want(product))
        assert await situation(sessions, product) == Situation.AWAY
    assert await figures(sessions, at_home) == [(3, 1)]
    await order(sessions, want(kept), want(neighbour))
    assert await situation(sessions, kept) == Situation.FREE
    # What was held before goes on.
    async with sessions.begin() as session:
        request = OrderRequest(read_buyer(BUYER), GATEWAY, hold=held.token)
        await place_order(session, request, "", NOON)
    desk = act(await staff(sessions, plate))
    async with sessions.begin() as session:
        await take_back(session, desk, closed, NOON)
    assert await situation(sessions, plate) == Situation.TO_ORDER
    await order(sessions, want(plate), want(at_home))


async def test_a_closure_counts_from_midnight_in_beijing_to_midnight(
    sessions: Sessions, workshop: Workshop
) -> None:
    at_home = await make_product(sessions, workshop)
    await shut(sessions, at_home, 1, 1)
    midnight = NOON.replace(hour=16)
    for away, when in (
        (False, midnight - timedelta(seconds=1)),
        (True, midnight),
        (True, midnight + DAY - timedelta(seconds=1)),
        (False, midnight + DAY),
    ):
        async with sessions() as session:
            assert (await view_by_id(session, at_home.id, when)).away is away


async def test_a_festival_closes_all_and_another_station_nothing(
    sessions: Sessions, workshop: Workshop
) -> None:
    plate = await carved(sessions, workshop)
    other = await make_station(sessions, "other")
    elsewhere = await carved(sessions, await make_workshop(sessions, other))
    manager = act(await staff(sessions, plate))
    async with sessions.begin() as session:
        await close(session, manager, None, TODAY, TODAY, "festival", "", NOON)
    with pytest.raises(WorkshopAway):
        await hold(sessions, want(plate))
    await hold(sessions, want(elsewhere))


async def test_sold_out_while_away_is_told_as_away_and_not_as_gone(
    sessions: Sessions, workshop: Workshop
) -> None:
    single = await make_product(sessions, workshop, on_hand=1)
    await order(sessions, want(single))
    with pytest.raises(OutOfStock):
        await hold(sessions, want(single))
    await shut(sessions, single, 0, 0)
    with pytest.raises(WorkshopAway):
        await hold(sessions, want(single))


async def situation(sessions: Sessions, product: Product) -> Situation:
    async with sessions() as session:
        return (await view_by_id(session, product.id, NOON)).situation


async def station_of(sessions: Sessions, workshop: Workshop) -> Station:
    async with sessions() as session:
        return await session.get_one(Station, workshop.station_id)
