"""A family stops when nothing of it is open; before that it is told what is."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from catalog.db import Sessions
from catalog.errors import NotAllowed, NotFound
from catalog.models import Member, Product, ProductState, Role, Station, Workshop
from shop.errors import OpenWork
from shop.models import WorkOrder
from shop.stopping import go_on, open_work, stop, take_no_more
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.sales import hold, is_paid, order, settle_as, want


@pytest.fixture
async def station(sessions: Sessions) -> Station:
    return await make_station(sessions)


@pytest.fixture
async def family(sessions: Sessions, station: Station) -> Workshop:
    return await make_workshop(sessions, station)


@pytest.fixture
async def manager(sessions: Sessions, station: Station) -> Member:
    return await make_member(sessions, station, Role.MANAGER)


async def is_active(sessions: Sessions, family: Workshop) -> bool:
    async with sessions() as session:
        return (await session.get_one(Workshop, family.id)).active


async def try_to_stop(sessions: Sessions, member: Member, family: Workshop) -> str:
    """What is open, "" where it stopped."""
    try:
        async with sessions.begin() as session:
            await stop(session, act(member), family.id, NOON)
    except OpenWork as error:
        return error.text
    return ""


async def test_with_nothing_open_it_stops_and_goes_on(
    sessions: Sessions, family: Workshop, manager: Member
) -> None:
    await make_product(sessions, family)
    assert await try_to_stop(sessions, manager, family) == ""
    assert not await is_active(sessions, family)
    async with sessions.begin() as session:
        await go_on(session, act(manager), family.id, NOON)
    assert await is_active(sessions, family)


async def test_what_is_open_is_told_and_nothing_changes(
    sessions: Sessions, station: Station, family: Workshop, manager: Member
) -> None:
    product = await make_product(sessions, family, on_hand=5)
    other = await make_product(sessions, await make_workshop(sessions, station, "李家"))
    await hold(sessions, want(other))
    await hold(sessions, want(product))
    text = await try_to_stop(sessions, manager, family)
    assert text == "现在还不能停：买家还留着 1 份。"
    unpaid = await order(sessions, want(product))
    text = await try_to_stop(sessions, manager, family)
    assert text == "现在还不能停：1 张工单没有完、买家还留着 1 份。"
    await settle_as(sessions, unpaid.payments[0], is_paid(unpaid.payments[0]))
    text = await try_to_stop(sessions, manager, family)
    assert text == "现在还不能停：1 张工单没有完、买家还留着 1 份、账上还有钱没结清。"
    assert await is_active(sessions, family)
    async with sessions() as session:
        left = await open_work(session, family.id, NOON + timedelta(hours=1))
        part = (await session.scalars(select(WorkOrder))).one()
    assert left.work_orders == ((part.id, unpaid.code, part.state),)
    assert (left.holds, left.payouts, left.owed_fen, left.on_sale) == (0, 0, 27_600, 1)


async def test_no_new_orders_takes_all_off_sale_and_leaves_the_family_open(
    sessions: Sessions, family: Workshop, manager: Member
) -> None:
    up = [await make_product(sessions, family, name=name) for name in ("一", "二")]
    draft = await make_product(sessions, family, name="三", state=ProductState.DRAFT)
    async with sessions.begin() as session:
        assert await take_no_more(session, act(manager), family.id, NOON) == 2
    async with sessions() as session:
        states = {p.id: p.state for p in await session.scalars(select(Product))}
    assert states == {up[0].id: "off", up[1].id: "off", draft.id: "draft"}
    assert await is_active(sessions, family)


async def test_only_the_stations_own_manager(
    sessions: Sessions, station: Station, family: Workshop
) -> None:
    stranger = await make_member(sessions, await make_station(sessions, "b"), Role.MANAGER)
    host = await make_member(sessions, station, Role.HOST)
    for member, refusal in ((stranger, NotFound), (host, NotAllowed)):
        for step in (stop, take_no_more, go_on):
            with pytest.raises(refusal):
                async with sessions.begin() as session:
                    await step(session, act(member), family.id, NOON)
    assert await is_active(sessions, family)
