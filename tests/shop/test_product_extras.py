"""What is like a product: only what can be had, the family and the price first."""

from catalog.db import Sessions
from catalog.models import Kind, ProductState, Station, Workshop
from shop.product_extras import alike, on_offer
from shop.product_view import view_by_id
from tests.live.acting import sibling
from tests.making import NOON, make_live_show, make_product, make_workshop
from tests.shop.pages.buyer import change


async def test_family_craft_and_price_decide_and_nothing_that_is_gone(sessions: Sessions) -> None:
    product = await make_product(sessions, price_fen=20000)
    async with sessions() as session:
        station = await session.get_one(Station, product.station_id)
        workshop = await session.get_one(Workshop, product.workshop_id)
    same_craft = await make_workshop(sessions, station, "李家木作")
    other_craft = await make_workshop(sessions, station, "柳编坊")
    closed = await make_workshop(sessions, station, "歇了")
    for row, values in (
        (workshop, {"craft": "木雕"}),
        (same_craft, {"craft": "木雕"}),
        (other_craft, {"craft": "柳编"}),
        (closed, {"active": False}),
    ):
        await change(sessions, row, **values)
    await make_product(sessions, other_craft, name="柳编近价", price_fen=20100)
    await make_product(sessions, same_craft, name="同艺近价", price_fen=24000)
    await sibling(sessions, product, name="自家近价", price_fen=39000)
    await sibling(sessions, product, name="自家更近", price_fen=19000)
    await sibling(sessions, product, name="自家远价", price_fen=90000)
    await sibling(
        sessions, product, name="自家定做", price_fen=30000, kind=Kind.MADE_TO_ORDER, on_hand=0
    )
    await sibling(sessions, product, name="卖完了", on_hand=0)
    await sibling(sessions, product, name="下架了", state=ProductState.OFF)
    await make_product(sessions, closed, name="歇了的")
    async with sessions() as session:
        view = await view_by_id(session, product.id, NOON)
        found = await alike(session, view, NOON, most=9)
    assert [one.name for one in found] == [
        "自家更近", "自家定做", "自家近价", "同艺近价", "自家远价", "柳编近价",
    ]  # fmt: skip


async def test_what_is_on_offer_begins_with_the_show(sessions: Sessions) -> None:
    one = await make_product(sessions, name="甲")
    two = await sibling(sessions, one, name="乙")
    await sibling(sessions, one, name="丙")
    gone = await sibling(sessions, one, name="丁", on_hand=0)
    show = await make_live_show(sessions, [two, one, gone])
    async with sessions() as session:
        found = await on_offer(session, one.station_id, show.id, NOON)
        without = await on_offer(session, one.station_id, None, NOON, most=2)
    assert [p.name for p in found] == ["乙", "甲", "丙"]
    assert [p.name for p in without] == ["丙", "乙"]
