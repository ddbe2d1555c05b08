"""Every step of a work order until the parcel is signed for, and who may see it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from catalog.access import Actor
from catalog.db import Database, Sessions
from catalog.errors import Invalid, NotAllowed, NotFound
from catalog.models import AuditEntry, Kind, Product, Role, Station, StockMovement, Workshop
from shop import work_orders, work_steps
from shop.errors import WrongWorkOrderState
from shop.ledger import balance_fen
from shop.models import Order, OrderState, WorkOrder, WorkOrderState
from shop.settle import REFUND_JOB
from tests.making import (
    NOON,
    act,
    make_member,
    make_product,
    make_station,
    make_workshop,
)
from tests.shop.sales import (
    entries,
    expire,
    figures,
    jobs,
    look,
    order,
    pay,
    refunds,
    staff,
    two_workshops,
    want,
)

PARCEL = ("顺丰", "SF1234567890")
STEPS: dict[str, tuple[object, ...]] = {
    "accept": (),
    "start": (),
    "ready": (),
    "ship": PARCEL,
    "deliver": (),
    "decline": ("木头裂了",),
    "cancel": ("买家不要了",),
}

Step = Callable[..., Awaitable[WorkOrder]]


async def take(sessions: Sessions, actor: Actor, work_order: WorkOrder, *names: str) -> WorkOrder:
    """One step after the other, each in a transaction of its own."""
    for name in names:
        step: Step = getattr(work_steps, name)
        async with sessions.begin() as session:
            work_order = await step(session, actor, work_order.id, *STEPS[name], NOON)
    return work_order


async def paid(sessions: Sessions, *products: Product, quantity: int = 1) -> tuple[Order, Actor]:
    """A paid order of all the products, and a manager of their station."""
    placed = await order(sessions, *(want(product, quantity) for product in products))
    return await pay(sessions, placed), act(await staff(sessions, products[0]))


async def artisan(sessions: Sessions, product: Product) -> Actor:
    async with sessions() as session:
        station = await session.get_one(Station, product.station_id)
        workshop = await session.get_one(Workshop, product.workshop_id)
    return act(await make_member(sessions, station, Role.ARTISAN, workshop))


async def movements(sessions: Sessions, product: Product) -> list[tuple[int, str]]:
    async with sessions() as session:
        rows = await session.scalars(
            select(StockMovement)
            .where(StockMovement.product_id == product.id)
            .order_by(StockMovement.id)
        )
        return [(row.change, row.reason) for row in rows]


async def audit(sessions: Sessions) -> list[AuditEntry]:
    async with sessions() as session:
        rows = await session.scalars(
            select(AuditEntry)
            .where(AuditEntry.action.startswith("work_order."))
            .order_by(AuditEntry.id)
        )
        return list(rows)


async def test_the_way_of_a_work_order(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, _ = await paid(sessions, product, quantity=2)
    maker = await artisan(sessions, product)
    part = placed.work_orders[0]
    expected = ["accepted", "making", "ready", "shipped", "delivered"]
    for name, state in zip(list(STEPS)[:5], expected, strict=True):
        assert (await take(sessions, maker, part, name)).state == state
        assert (await take(sessions, maker, part, name)).state == state
        kept = 1 if state in ("shipped", "delivered") else 3
        assert await figures(sessions, product) == [(kept, kept - 1 if kept == 3 else 0)]
    done = await look(sessions, placed)
    part = done.work_orders[0]
    assert done.state == OrderState.COMPLETED
    assert (part.carrier, part.tracking) == PARCEL
    assert [part.accepted_at, part.shipped_at, part.delivered_at] == [NOON] * 3
    assert await movements(sessions, product) == [(3, "新上架"), (-2, "寄出")]
    assert [entry.action for entry in await audit(sessions)] == [
        f"work_order.{name}" for name in list(STEPS)[:5]
    ]


AFTER = {
    "new": (),
    "accepted": ("accept",),
    "making": ("accept", "start"),
    "ready": ("accept", "ready"),
    "shipped": ("accept", "ship"),
    "delivered": ("accept", "ship", "deliver"),
    "declined": ("decline",),
    "cancelled": ("cancel",),
}
MAY_FOLLOW = {
    "new": {"accept", "decline", "cancel"},
    "accepted": {"accept", "start", "ready", "ship", "decline", "cancel"},
    "making": {"start", "ready", "ship"},
    "ready": {"ready", "ship"},
    "shipped": {"ship", "deliver"},
    "delivered": {"deliver"},
    "declined": {"decline"},
    "cancelled": {"cancel"},
}


async def refused(sessions: Sessions, actor: Actor, part: WorkOrder) -> set[str]:
    """The steps that may not follow; each is tried and undone."""
    found = set()
    for name, facts in STEPS.items():
        step: Step = getattr(work_steps, name)
        async with sessions() as session:
            try:
                await step(session, actor, part.id, *facts, NOON)
            except WrongWorkOrderState:
                found.add(name)
    return found


async def test_every_step_that_may_not_follow_is_refused(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=9)
    for state, way in AFTER.items():
        placed, manager = await paid(sessions, product)
        part = await take(sessions, manager, placed.work_orders[0], *way)
        assert (await look(sessions, placed)).work_orders[0].state == state
        assert await refused(sessions, manager, part) == STEPS.keys() - MAY_FOLLOW[state]


async def test_nothing_follows_what_is_unpaid_or_expired(sessions: Sessions) -> None:
    product = await make_product(sessions)
    manager = act(await staff(sessions, product))
    placed = await order(sessions, want(product))
    assert await refused(sessions, manager, placed.work_orders[0]) == set(STEPS)
    with pytest.raises(WrongWorkOrderState) as refusal:
        await take(sessions, manager, placed.work_orders[0], "accept")
    assert refusal.value.text == "这张工单还没有付款，不能接。"
    await expire(sessions, placed)
    assert await refused(sessions, manager, placed.work_orders[0]) == set(STEPS) - {"cancel"}
    assert await audit(sessions) == []


async def test_the_reason_of_a_refusal_is_told(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=9)
    for way, name, text in (
        ((), "ship", "先接下这张工单，再寄出。"),
        (("accept",), "deliver", "还没有寄出，不能标记签收。"),
        (("accept", "start"), "decline", "已经动工，不能再说接不了。"),
        (("accept", "ship"), "accept", "这张工单已经走过这一步了。"),
        (("decline",), "accept", "这张工单已经说了接不了，钱在退给买家。"),
        (("cancel",), "accept", "这张工单已经取消。"),
        (("decline",), "cancel", "这家作坊已经说了接不了，这部分的钱在退给买家。"),
        (
            ("accept", "ready"),
            "cancel",
            "作坊已经做好，不能直接取消了。可以申请取消，由社工站和作坊商量。",
        ),
    ):
        placed, manager = await paid(sessions, product)
        part = await take(sessions, manager, placed.work_orders[0], *way)
        with pytest.raises(WrongWorkOrderState) as refusal:
            await take(sessions, manager, part, name)
        assert refusal.value.text == text


async def test_a_parcel_needs_a_carrier_and_a_number(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, manager = await paid(sessions, product)
    part = await take(sessions, manager, placed.work_orders[0], "accept")
    for carrier, number, field in (
        ("", "SF1234567890", "carrier"),
        ("顺" * 31, "SF1234567890", "carrier"),
        ("顺丰", "", "tracking"),
        ("顺丰", "1234", "tracking"),
        ("顺丰", "单号12345", "tracking"),
        ("顺丰", "-----", "tracking"),
        ("顺丰", "1" * 41, "tracking"),
        ("顺丰", "١٢٣٤٥٦", "tracking"),
    ):
        with pytest.raises(Invalid) as refusal:
            async with sessions.begin() as session:
                await work_steps.ship(session, manager, part.id, carrier, number, NOON)
        assert list(refusal.value.errors) == [field]
    assert await figures(sessions, product) == [(3, 1)]
    async with sessions.begin() as session:
        sent = await work_steps.ship(session, manager, part.id, " 顺丰 ", "sf 1234-567 890", NOON)
    assert (sent.carrier, sent.tracking) == ("顺丰", "SF1234-567890")


async def test_a_decline_gives_back_exactly_its_part(sessions: Sessions) -> None:
    low, high = await two_workshops(sessions)
    placed, manager = await paid(sessions, low, high, quantity=2)
    kept, given_up = placed.work_orders
    before = await entries(sessions)
    for _ in range(2):
        await take(sessions, manager, given_up, "decline")
    (refund,) = await refunds(sessions)
    assert (refund.amount_fen, refund.work_order_id) == (2 * 26800 + 800, given_up.id)
    assert (refund.payment_id, refund.reason) == (placed.payments[0].id, "木头裂了")
    assert (await entries(sessions))[len(before) :] == [
        (f"decline:{given_up.id}", "workshop", given_up.workshop_id, -54400),
        (f"decline:{given_up.id}", "buyers", None, 54400),
    ]
    assert [job.args for job in await jobs(sessions, REFUND_JOB)] == [{"refund_id": refund.id}]
    done = await look(sessions, placed)
    assert done.state == OrderState.PAID
    assert [(part.state, part.decline_reason) for part in done.work_orders] == [
        ("new", ""),
        ("declined", "木头裂了"),
    ]
    async with sessions() as session:
        assert await balance_fen(session, kept.workshop_id) == 54400
        assert await balance_fen(session, given_up.workshop_id) == 0
    assert await figures(sessions, low, high) == [(1, 0), (3, 2)]
    assert await movements(sessions, low) == [(3, "新上架"), (-2, "接不了")]


async def test_an_order_ends_with_its_last_work_order(sessions: Sessions) -> None:
    low, high = await two_workshops(sessions, on_hand=9)
    for first, second, state in (
        (("accept", "ship", "deliver"), ("decline",), OrderState.COMPLETED),
        (("decline",), ("accept", "ship", "deliver"), OrderState.COMPLETED),
        (("decline",), ("decline",), OrderState.CANCELLED),
    ):
        placed, manager = await paid(sessions, low, high)
        await take(sessions, manager, placed.work_orders[0], *first)
        assert (await look(sessions, placed)).state == OrderState.PAID
        await take(sessions, manager, placed.work_orders[1], *second)
        assert (await look(sessions, placed)).state == state
    assert sum(fen for *_, fen in await entries(sessions)) == 0


async def test_a_decline_needs_a_reason(sessions: Sessions) -> None:
    placed, manager = await paid(sessions, await make_product(sessions))
    for reason in ("", " \u200b", None, "木" * 201):
        with pytest.raises(Invalid) as refusal:
            async with sessions.begin() as session:
                await work_steps.decline(session, manager, placed.work_orders[0].id, reason, NOON)
        assert list(refusal.value.errors) == ["reason"]
    assert await refunds(sessions) == []


async def test_what_is_carved_leaves_no_stock(sessions: Sessions) -> None:
    product = await make_product(sessions, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3)
    for way in (("accept", "start", "ready", "ship"), ("decline",)):
        placed, manager = await paid(sessions, product)
        await take(sessions, manager, placed.work_orders[0], *way)
    assert await figures(sessions, product) == [(0, 0)]
    assert await movements(sessions, product) == []


async def seen(sessions: Sessions, actor: Actor, **wanted: Any) -> list[int]:
    async with sessions() as session:
        return [part.id for part in await work_orders.list_work_orders(session, actor, **wanted)]


async def test_artisans_see_their_own_work_once_it_is_paid_for(sessions: Sessions) -> None:
    low, high = await two_workshops(sessions, on_hand=9)
    done, manager = await paid(sessions, low, high)
    waiting = await order(sessions, want(low))
    expired = await expire(sessions, await order(sessions, want(low)))
    maker = await artisan(sessions, low)
    own = next(part for part in done.work_orders if part.workshop_id == low.workshop_id)
    other = next(part for part in done.work_orders if part is not own)
    assert await seen(sessions, maker) == [own.id]
    assert await seen(sessions, maker, workshop_id=high.workshop_id) == []
    for part in (other, waiting.work_orders[0], expired.work_orders[0]):
        with pytest.raises(NotFound):
            await take(sessions, maker, part, "accept")
        async with sessions() as session:
            with pytest.raises(NotFound):
                await work_orders.work_order_for(session, maker, part.id)
    every = [part.id for one in (done, waiting, expired) for part in one.work_orders]
    assert await seen(sessions, manager) == sorted(every, reverse=True)
    assert await seen(sessions, manager, workshop_id=high.workshop_id) == [other.id]
    assert await seen(sessions, manager, states=(WorkOrderState.NEW,), most=1) == [own.id]
    assert await seen(sessions, manager, before=own.id) == [other.id]


async def test_other_stations_and_other_roles_do_nothing(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, _ = await paid(sessions, product)
    theirs = await make_product(
        sessions, await make_workshop(sessions, await make_station(sessions, "other"))
    )
    stranger = act(await staff(sessions, theirs))
    assert await seen(sessions, stranger) == []
    with pytest.raises(NotFound):
        await take(sessions, stranger, placed.work_orders[0], "accept")
    for role in (Role.HOST, Role.ASSISTANT, Role.FINANCE, Role.VOLUNTEER):
        with pytest.raises(NotAllowed):
            await take(
                sessions, act(await staff(sessions, product, role)), placed.work_orders[0], "accept"
            )
    assert (await look(sessions, placed)).work_orders[0].state == WorkOrderState.NEW
    assert await audit(sessions) == []


async def test_the_trail_says_who_did_it_and_for_whom(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, manager = await paid(sessions, product)
    maker = await artisan(sessions, product)
    part = await take(sessions, maker, placed.work_orders[0], "accept")
    await take(sessions, manager, part, "ship")
    first, second = await audit(sessions)
    assert (first.member_id, first.on_behalf_of, first.channel) == (maker.member_id, None, "web")
    assert (first.before, first.after) == ({"state": "new"}, {"state": "accepted"})
    assert (second.member_id, second.on_behalf_of) == (manager.member_id, product.workshop_id)
    assert (second.subject, second.subject_id) == ("work_orders", part.id)
    assert second.after == {"state": "shipped", "carrier": PARCEL[0], "tracking": PARCEL[1]}


async def test_two_declines_at_once_give_the_money_back_once(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, manager = await paid(sessions, product)
    maker = await artisan(sessions, product)
    part = placed.work_orders[0]
    await asyncio.gather(*(take(sessions, who, part, "decline") for who in (manager, maker) * 2))
    assert len(await refunds(sessions)) == 1
    assert len(await audit(sessions)) == 1
    assert await figures(sessions, product) == [(2, 0)]


async def decline_naively(database: Database, part: WorkOrder, looked: asyncio.Barrier) -> bool:
    """Look, and then do it: what a step under the order's lock must not be."""
    async with database.reading() as session:
        state = (await session.get_one(WorkOrder, part.id)).state
    await looked.wait()
    if state == WorkOrderState.DECLINED:
        return False
    async with database.writing.begin() as session:
        (await session.get_one(WorkOrder, part.id)).state = WorkOrderState.DECLINED
    return True


async def test_the_naive_way_declines_more_than_once(database: Database) -> None:
    placed, _ = await paid(database.writing, await make_product(database.writing))
    part, looked = placed.work_orders[0], asyncio.Barrier(4)
    tries = (decline_naively(database, part, looked) for _ in range(4))
    assert await asyncio.gather(*tries) == [True] * 4


async def test_decline_and_ship_at_once_one_of_them_wins(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=9)
    for way in (("decline", "ship"), ("ship", "decline")):
        placed, manager = await paid(sessions, product)
        part = await take(sessions, manager, placed.work_orders[0], "accept")
        outcomes = await asyncio.gather(
            *(take(sessions, manager, part, name) for name in way), return_exceptions=True
        )
        (loser,) = [one for one in outcomes if isinstance(one, BaseException)]
        assert isinstance(loser, WrongWorkOrderState)
        done = await look(sessions, placed)
        declined = done.work_orders[0].state == WorkOrderState.DECLINED
        given_back = [one for one in await refunds(sessions) if one.work_order_id == part.id]
        assert len(given_back) == int(declined)
        assert done.state == (OrderState.CANCELLED if declined else OrderState.PAID)
    assert await figures(sessions, product) == [(7, 0)]
    async with sessions() as session:
        sent = await session.scalars(
            select(WorkOrder.id).where(WorkOrder.state == WorkOrderState.SHIPPED)
        )
        assert await balance_fen(session, product.workshop_id) == 27600 * len(list(sent))
