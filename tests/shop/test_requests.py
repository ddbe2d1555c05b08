"""What buyers ask of the desk: work already begun, and the seven days after the parcel came."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from catalog.access import Actor
from catalog.db import Database, Sessions
from catalog.errors import Invalid, NotAllowed, NotFound
from catalog.models import AuditEntry, Kind, Product, Role, StockMovement
from shop import requests, work_steps
from shop.errors import WrongRequestState, WrongWorkOrderState
from shop.ledger import balance_fen
from shop.models import (
    BuyerRequest,
    Order,
    OrderLine,
    OrderState,
    RequestState,
    WorkOrder,
    WorkOrderState,
)
from shop.requests import agree, arrived, ask, choices_of, list_requests, refuse, withdraw
from tests.making import NOON, act, make_product, make_station, make_workshop
from tests.shop.sales import (
    entries,
    figures,
    look,
    order,
    pay,
    refunds,
    staff,
    want,
)

SIGNED = datetime(2026, 11, 2, 15, 50, tzinfo=UTC)
"""Monday, ten to midnight in Beijing."""
LAST = datetime(2026, 11, 9, 15, 59, 59, tzinfo=UTC)
"""The last second of the seventh day after it."""

WAY = {
    "making": ("accept", "start"),
    "ready": ("accept", "ready"),
    "shipped": ("accept", "ship"),
    "delivered": ("accept", "ship", "deliver"),
}
AT_ONCE = 4

Doing = Callable[..., Awaitable[Any]]


async def do(sessions: Sessions, what: Doing, *facts: Any, now: datetime = NOON) -> Any:
    """One act in a transaction of its own."""
    async with sessions.begin() as session:
        return await what(session, *facts, now)


async def step(
    sessions: Sessions, actor: Actor, part: WorkOrder, name: str, now: datetime = NOON
) -> None:
    facts = ("顺丰", "SF1234567890") if name == "ship" else ()
    await do(sessions, getattr(work_steps, name), actor, part.id, *facts, now=now)


async def sold(
    sessions: Sessions,
    *products: Product,
    state: str = "making",
    quantity: int = 1,
    ticked: bool = False,
    now: datetime = NOON,
) -> tuple[Order, Actor]:
    """An order of products of one family, so far along, and a manager."""
    wanted = (want(product, quantity) for product in products)
    placed = await pay(sessions, await order(sessions, *wanted, now=now), now)
    manager = act(await staff(sessions, products[0]))
    if ticked:
        async with sessions.begin() as session:
            (await session.get_one(Order, placed.id)).custom_agreed_at = now
    for name in WAY[state]:
        await step(sessions, manager, placed.work_orders[0], name, now)
    return await look(sessions, placed), manager


async def asked(
    sessions: Sessions,
    placed: Order,
    kind: str = "return",
    reason: str = "",
    now: datetime = NOON,
) -> BuyerRequest:
    part = placed.work_orders[0]
    found: BuyerRequest = await do(sessions, ask, placed.token, part.id, kind, reason, now=now)
    return found


async def stands(sessions: Sessions, request: BuyerRequest) -> tuple[str, str]:
    async with sessions() as session:
        row = await session.get_one(BuyerRequest, request.id)
        return row.state, row.answer


async def actions(sessions: Sessions) -> list[tuple[str, str, int | None]]:
    """(action, channel, member) of all that was done with requests."""
    async with sessions() as session:
        rows = await session.scalars(
            select(AuditEntry).where(AuditEntry.subject == "buyer_requests").order_by(AuditEntry.id)
        )
        return [(row.action, row.channel, row.member_id) for row in rows]


async def possible(sessions: Sessions, placed: Order, now: datetime = NOON) -> requests.Choice:
    async with sessions() as session:
        found = await choices_of(session, await look(sessions, placed), now)
    return found[placed.work_orders[0].id]


@pytest.mark.parametrize("state", ["making", "ready"])
async def test_agreeing_to_a_cancel_refunds_the_whole_part_at_once(
    sessions: Sessions, state: str
) -> None:
    product = await make_product(sessions)
    placed, manager = await sold(sessions, product, state=state, quantity=2)
    request = await asked(sessions, placed, "cancel", "买重了")
    assert (request.state, request.reason, request.asked_at) == ("asked", "买重了", NOON)
    assert await figures(sessions, product) == [(3, 2)]
    for _ in range(2):
        await do(sessions, agree, manager, request.id, "和作坊说好了")
    assert await stands(sessions, request) == (RequestState.AGREED, "和作坊说好了")
    done = await look(sessions, placed)
    assert (done.state, done.work_orders[0].state) == ("cancelled", "cancelled")
    (refund,) = await refunds(sessions)
    assert (refund.cause, refund.amount_fen) == (f"cancel:{done.work_orders[0].id}", 54400)
    assert await figures(sessions, product) == [(3, 0)]
    assert await actions(sessions) == [
        ("request.ask", "buyer", None),
        ("request.agree", "web", manager.member_id),
    ]


async def test_a_refusal_gives_its_reason_and_changes_nothing_else(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, manager = await sold(sessions, product)
    request = await asked(sessions, placed, "cancel", "买重了")
    for words in ("", " ", None, "木" * 201):
        with pytest.raises(Invalid) as refusal:
            await do(sessions, refuse, manager, request.id, words)
        assert list(refusal.value.errors) == ["words"]
    await do(sessions, refuse, manager, request.id, "已经刻好了名字")
    assert await stands(sessions, request) == (RequestState.REFUSED, "已经刻好了名字")
    assert (await look(sessions, placed)).work_orders[0].state == WorkOrderState.MAKING
    assert await refunds(sessions) == []
    for late in (agree, withdraw):
        who: Any = manager if late is agree else placed.token
        facts = ("好",) if late is agree else ()
        with pytest.raises(WrongRequestState):
            await do(sessions, late, who, request.id, *facts)
    again = await asked(sessions, placed, "cancel", "还是不想要")
    assert again.id != request.id


async def test_a_parcel_that_has_left_is_not_called_off(sessions: Sessions) -> None:
    placed, manager = await sold(sessions, await make_product(sessions))
    request = await asked(sessions, placed, "cancel", "买重了")
    await step(sessions, manager, placed.work_orders[0], "ship")
    with pytest.raises(WrongWorkOrderState) as refusal:
        await do(sessions, agree, manager, request.id, "好")
    assert refusal.value.text == "已经寄出，不能取消了。"
    assert await stands(sessions, request) == (RequestState.ASKED, "")
    assert await refunds(sessions) == []


async def test_asking_again_finds_the_request_that_stands(sessions: Sessions) -> None:
    placed, _ = await sold(sessions, await make_product(sessions))
    first = await asked(sessions, placed, "cancel", "买重了")
    again = await asked(sessions, placed, "cancel", "真的买重了")
    assert (again.id, again.reason) == (first.id, "买重了")
    with pytest.raises(WrongWorkOrderState):
        await asked(sessions, placed, "return")


async def test_a_buyer_may_withdraw_and_ask_again(sessions: Sessions) -> None:
    placed, manager = await sold(sessions, await make_product(sessions), state="delivered")
    first = await asked(sessions, placed)
    for _ in range(2):
        await do(sessions, withdraw, placed.token, first.id)
    assert await stands(sessions, first) == (RequestState.WITHDRAWN, "")
    second = await asked(sessions, placed)
    await do(sessions, agree, manager, second.id, "寄到站里")
    await do(sessions, withdraw, placed.token, second.id)
    with pytest.raises(WrongRequestState):
        await do(sessions, arrived, manager, second.id, False)
    assert await refunds(sessions) == []
    for token, number in (("x" * 32, second.id), (placed.token, 10**9)):
        with pytest.raises(NotFound):
            await do(sessions, withdraw, token, number)


async def test_what_was_asked_must_make_sense(sessions: Sessions) -> None:
    placed, _ = await sold(sessions, await make_product(sessions))
    part = placed.work_orders[0]
    for kind, reason, field in (
        ("swap", "换一个", "kind"),
        (None, "", "kind"),
        ("cancel", "", "reason"),
        ("cancel", "木" * 201, "reason"),
    ):
        with pytest.raises(Invalid) as refusal:
            await do(sessions, ask, placed.token, part.id, kind, reason)
        assert list(refusal.value.errors) == [field]
    with pytest.raises(NotFound):
        await do(sessions, ask, "x" * 32, part.id, "cancel", "不要了")
    with pytest.raises(NotFound):
        await do(sessions, ask, placed.token, 10**9, "cancel", "不要了")


async def test_before_work_begins_there_is_nothing_to_ask(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed = await pay(sessions, await order(sessions, want(product)))
    with pytest.raises(WrongWorkOrderState) as refusal:
        await asked(sessions, placed, "cancel", "不要了")
    assert refusal.value.text == "作坊还没有动工，不用申请，直接取消就行。"
    with pytest.raises(WrongWorkOrderState):
        await asked(sessions, placed, "return")


async def test_a_return_gives_back_the_price_and_the_pieces(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, manager = await sold(sessions, product, state="delivered", quantity=2)
    before = await entries(sessions)
    request = await asked(sessions, placed)
    with pytest.raises(WrongRequestState) as refusal:
        await do(sessions, arrived, manager, request.id, False)
    assert refusal.value.text == "这个申请还没有答复，先同意，再记收到。"
    await do(sessions, agree, manager, request.id, "请寄到：红崖村社工站")
    assert await refunds(sessions) == []
    assert await figures(sessions, product) == [(1, 0)]
    for _ in range(2):
        await do(sessions, arrived, manager, request.id, False)
    assert await stands(sessions, request) == (RequestState.DONE, "请寄到：红崖村社工站")
    (refund,) = await refunds(sessions)
    assert (refund.cause, refund.amount_fen) == (f"return:{request.id}", 53600)
    assert (refund.reason, refund.work_order_id) == ("退货", placed.work_orders[0].id)
    assert (await entries(sessions))[len(before) :] == [
        (f"return:{request.id}", "workshop", product.workshop_id, -53600),
        (f"return:{request.id}", "buyers", None, 53600),
    ]
    assert await figures(sessions, product) == [(3, 0)]
    async with sessions() as session:
        moved = await session.execute(
            select(StockMovement.change, StockMovement.reason).order_by(StockMovement.id)
        )
        assert [tuple(row) for row in moved] == [(3, "新上架"), (-2, "寄出"), (2, "退货")]
        assert await balance_fen(session, product.workshop_id) == 800
    assert (await look(sessions, placed)).state == OrderState.COMPLETED
    with pytest.raises(WrongWorkOrderState):
        await asked(sessions, placed)


async def test_where_it_is_our_fault_the_postage_goes_back_too(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, manager = await sold(sessions, product, state="delivered")
    request = await asked(sessions, placed, reason="裂了")
    await do(sessions, agree, manager, request.id, "寄到站里")
    await do(sessions, arrived, manager, request.id, True)
    assert [refund.amount_fen for refund in await refunds(sessions)] == [27600]
    async with sessions() as session:
        assert await balance_fen(session, product.workshop_id) == 0
    assert sum(fen for *_, fen in await entries(sessions)) == 0


async def test_the_station_s_share_is_undone_line_by_line_to_the_fen(sessions: Sessions) -> None:
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    plaque = await make_product(sessions, workshop, price_fen=3333)
    board = await make_product(
        sessions, workshop, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3, price_fen=9999
    )
    placed = await order(sessions, want(plaque, 2), want(board))
    async with sessions.begin() as session:
        for line in placed.work_orders[0].lines:
            row = await session.get_one(OrderLine, line.id)
            row.fee_fen = 333 if row.product_id == plaque.id else 500
        (await session.get_one(Order, placed.id)).custom_agreed_at = NOON
    await pay(sessions, placed)
    manager = act(await staff(sessions, plaque))
    for name in WAY["delivered"]:
        await step(sessions, manager, placed.work_orders[0], name)
    before = await entries(sessions)
    request = await asked(sessions, placed)
    await do(sessions, agree, manager, request.id, "寄到站里")
    await do(sessions, arrived, manager, request.id, True)
    assert (await entries(sessions))[len(before) :] == [
        (f"return:{request.id}", "workshop", workshop.id, 333 - 6666 - 800),
        (f"return:{request.id}", "station", None, -333),
        (f"return:{request.id}", "buyers", None, 7466),
    ]
    assert [refund.amount_fen for refund in await refunds(sessions)] == [7466]
    async with sessions() as session:
        assert await balance_fen(session, workshop.id) == 9999 - 500
    assert await figures(sessions, plaque) == [(3, 0)]


async def test_the_seven_days_begin_on_the_day_after_signing(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=9)
    placed, _ = await sold(sessions, product, state="delivered", now=SIGNED)
    choice = await possible(sessions, placed, LAST)
    assert (choice.kind, choice.amount_fen, str(choice.until)) == ("return", 26800, "2026-11-09")
    late = LAST + timedelta(seconds=1)
    with pytest.raises(WrongWorkOrderState) as refusal:
        await asked(sessions, placed, now=late)
    assert refusal.value.text == ("11月9日是退货的最后一天，已经过了。做工有毛病请打电话给社工站。")
    assert (await possible(sessions, placed, late)).kind is None
    request = await asked(sessions, placed, now=LAST)
    assert request.asked_at == LAST


async def test_on_its_way_it_says_that_it_may_be_sent_back_later(sessions: Sessions) -> None:
    placed, _ = await sold(sessions, await make_product(sessions), state="shipped")
    with pytest.raises(WrongWorkOrderState) as refusal:
        await asked(sessions, placed)
    assert refusal.value.text == "已经寄出，不能取消了。签收第二天起 7 天内可以退货。"


async def test_what_was_made_to_order_is_excepted_only_where_the_buyer_ticked(
    sessions: Sessions,
) -> None:
    carved = {"kind": Kind.MADE_TO_ORDER, "on_hand": 0, "work_days": 3}
    product = await make_product(sessions, **carved)
    ticked, _ = await sold(sessions, product, state="delivered", ticked=True)
    with pytest.raises(WrongWorkOrderState) as refusal:
        await asked(sessions, ticked)
    assert "定做的作品" in refusal.value.text
    assert "不支持七天无理由退货" in refusal.value.text
    placed, manager = await sold(sessions, product, state="delivered")
    request = await asked(sessions, placed)
    await do(sessions, agree, manager, request.id, "寄到站里")
    await do(sessions, arrived, manager, request.id, False)
    assert [refund.amount_fen for refund in await refunds(sessions)] == [26800]
    assert await figures(sessions, product) == [(0, 0)]


async def test_of_a_parcel_with_both_kinds_only_the_finished_go_back(sessions: Sessions) -> None:
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    finished = await make_product(sessions, workshop)
    carved = await make_product(
        sessions, workshop, kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=3, price_fen=50000
    )
    placed, _ = await sold(sessions, finished, carved, state="delivered", ticked=True)
    choice = await possible(sessions, placed)
    assert [line.product_id for line in choice.lines] == [finished.id]
    assert (choice.kind, choice.amount_fen) == ("return", 26800)
    assert "定做的作品" in choice.why_not


async def test_a_family_that_was_paid_carries_what_it_owes(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=9)
    placed, manager = await sold(sessions, product, state="delivered")
    async with sessions.begin() as session:
        await requests.ledger.post(
            session,
            station_id=placed.station_id,
            cause="payout:1",
            kind="payout",
            order_id=None,
            entries=[
                requests.ledger.Entry("workshop", -27600, product.workshop_id),
                requests.ledger.Entry("paid_out", 27600),
            ],
            now=NOON,
        )
    request = await asked(sessions, placed)
    await do(sessions, agree, manager, request.id, "寄到站里")
    await do(sessions, arrived, manager, request.id, False)
    async with sessions() as session:
        assert await balance_fen(session, product.workshop_id) == -26800
    await sold(sessions, product)
    async with sessions() as session:
        assert await balance_fen(session, product.workshop_id) == 800


async def test_the_desk_sees_what_waits_the_longest_waiting_first(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=9)
    orders = [(await sold(sessions, product, state="delivered"))[0] for _ in range(3)]
    manager = act(await staff(sessions, product))
    first, second, third = [await asked(sessions, one) for one in orders]
    await do(sessions, agree, manager, first.id, "寄到站里")
    await do(sessions, refuse, manager, second.id, "弄坏了")
    stranger = act(await staff(sessions, await make_product(sessions, await _elsewhere(sessions))))
    async with sessions() as session:
        waiting = await list_requests(session, manager.station_id)
        over = await list_requests(session, manager.station_id, closed=True)
        assert [row.id for row in waiting] == [first.id, third.id]
        assert [row.id for row in over] == [second.id]
        assert await list_requests(session, stranger.station_id) == []
    with pytest.raises(NotFound):
        await do(sessions, agree, stranger, third.id, "好")
    for role in set(Role) - {Role.MANAGER, Role.ORDER_DESK, Role.ARTISAN}:
        with pytest.raises(NotAllowed):
            await do(sessions, agree, act(await staff(sessions, product, role)), third.id, "好")
    assert await stands(sessions, third) == (RequestState.ASKED, "")


async def _elsewhere(sessions: Sessions) -> Any:
    return await make_workshop(sessions, await make_station(sessions, "other"))


async def test_a_cancel_has_nothing_that_could_arrive(sessions: Sessions) -> None:
    placed, manager = await sold(sessions, await make_product(sessions))
    request = await asked(sessions, placed, "cancel", "买重了")
    with pytest.raises(WrongRequestState):
        await do(sessions, arrived, manager, request.id, False)


async def test_two_at_the_desk_and_the_buyer_at_once_one_of_them_wins(sessions: Sessions) -> None:
    product = await make_product(sessions, on_hand=9)
    placed, manager = await sold(sessions, product)
    request = await asked(sessions, placed, "cancel", "买重了")
    outcomes = await asyncio.gather(
        *(do(sessions, agree, manager, request.id, "好") for _ in range(AT_ONCE)),
        *(do(sessions, refuse, manager, request.id, "不行") for _ in range(AT_ONCE)),
        *(do(sessions, withdraw, placed.token, request.id) for _ in range(AT_ONCE)),
        return_exceptions=True,
    )
    lost = [one for one in outcomes if isinstance(one, BaseException)]
    assert len(lost) == 2 * AT_ONCE
    assert all(isinstance(one, WrongRequestState) for one in lost)
    agreed = (await stands(sessions, request))[0] == RequestState.AGREED
    ended = (await look(sessions, placed)).work_orders[0].state
    assert ended == (WorkOrderState.CANCELLED if agreed else WorkOrderState.MAKING)
    assert len(await refunds(sessions)) == int(agreed)
    assert len(await actions(sessions)) == 2


async def test_a_parcel_that_arrives_twice_is_refunded_once(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, manager = await sold(sessions, product, state="delivered")
    request = await asked(sessions, placed)
    await do(sessions, agree, manager, request.id, "寄到站里")
    await asyncio.gather(
        *(do(sessions, arrived, manager, request.id, False) for _ in range(AT_ONCE))
    )
    assert [refund.amount_fen for refund in await refunds(sessions)] == [26800]
    assert await figures(sessions, product) == [(3, 0)]


async def test_agreeing_and_sending_at_once_one_of_them_wins(sessions: Sessions) -> None:
    product = await make_product(sessions)
    placed, manager = await sold(sessions, product)
    request = await asked(sessions, placed, "cancel", "买重了")
    part = placed.work_orders[0]
    outcomes = await asyncio.gather(
        do(sessions, agree, manager, request.id, "好"),
        step(sessions, manager, part, "ship"),
        return_exceptions=True,
    )
    (lost,) = [one for one in outcomes if isinstance(one, BaseException)]
    assert isinstance(lost, WrongWorkOrderState)
    ended = (await look(sessions, placed)).work_orders[0].state
    assert (ended == WorkOrderState.CANCELLED) == bool(await refunds(sessions))
    assert await figures(sessions, product) == (
        [(3, 0)] if ended == WorkOrderState.CANCELLED else [(2, 0)]
    )


async def arrive_naively(database: Database, request: BuyerRequest) -> bool:
    """Look, and then do it: what an arrival under the order's lock must not be."""
    async with database.reading() as session:
        state = (await session.get_one(BuyerRequest, request.id)).state
    await asyncio.sleep(0)
    if state == RequestState.DONE:
        return False
    async with database.writing.begin() as session:
        (await session.get_one(BuyerRequest, request.id)).state = RequestState.DONE
    return True


async def test_the_naive_way_pays_for_one_parcel_more_than_once(database: Database) -> None:
    sessions = database.writing
    placed, manager = await sold(sessions, await make_product(sessions), state="delivered")
    request = await asked(sessions, placed)
    await do(sessions, agree, manager, request.id, "寄到站里")
    assert sum(await asyncio.gather(*(arrive_naively(database, request) for _ in range(4)))) > 1
