"""Promised dates that change: who is told, what the buyer may answer, and what is refused."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid, NotFound, NotTakenBack
from catalog.models import AuditEntry, Kind, Role, Station, Workshop
from shop import work_steps
from shop.dates import (
    accept_with_date,
    agreed_on,
    cancel_for_date,
    change_date,
    changes_of,
    keep_date,
    questions_of,
    undo_change,
)
from shop.errors import DateAnswered, WrongWorkOrderState
from shop.ledger import balance_fen
from shop.models import (
    BuyerRequest,
    DateChange,
    Notice,
    Order,
    OrderState,
    RequestKind,
    RequestState,
    WorkOrder,
    WorkOrderState,
)
from shop.requests import ask
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.sales import entries, look, order, pay, refunds, want

TODAY = date(2026, 11, 22)
DAY = timedelta(days=1)
PROMISED = TODAY + 5 * DAY
LATER, LATEST = TODAY + 9 * DAY, TODAY + 12 * DAY


@dataclass
class Sale:
    """A paid order for a piece of five days, its desk and its family's artisan."""

    sessions: Sessions
    order: Order
    desk: Actor
    artisan: Actor
    workshop: Workshop

    @property
    def part(self) -> WorkOrder:
        return self.order.work_orders[0]

    async def change(self, new_on: date, why: str = "木头没干", **more: object) -> DateChange:
        actor = more.get("actor", self.artisan)
        assert actor is None or isinstance(actor, Actor)
        async with self.sessions.begin() as session:
            return await change_date(session, actor, self.part.id, new_on, why, NOON)

    async def step(self, *names: str) -> None:
        for name in names:
            facts = {"ship": ("顺丰", "SF1234567890"), "decline": ("木头裂了",)}.get(name, ())
            async with self.sessions.begin() as session:
                await getattr(work_steps, name)(session, self.desk, self.part.id, *facts, NOON)

    async def now(self) -> tuple[str, date | None, list[str]]:
        """The work order's state and day, and the states of its changes."""
        part = (await look(self.sessions, self.order)).work_orders[0]
        async with self.sessions() as session:
            changes = await changes_of(session, [part.id])
        return part.state.value, part.promised_on, [one.state.value for one in changes]

    async def calls(self) -> list[str]:
        """What is still to be told about dates."""
        async with self.sessions() as session:
            query = select(Notice.text).where(
                Notice.kind.startswith("date_"), Notice.done_at.is_(None)
            )
            return list(await session.scalars(query.order_by(Notice.id)))


@pytest.fixture
async def sale(sessions: Sessions) -> Sale:
    station = await make_station(sessions)
    workshop = await make_workshop(sessions, station)
    product = await make_product(
        sessions, workshop, name="竖匾", kind=Kind.MADE_TO_ORDER, on_hand=0, work_days=5
    )
    placed = await pay(sessions, await order(sessions, want(product)))
    assert placed.work_orders[0].promised_on == PROMISED
    desk = act(await make_member(sessions, station, Role.ORDER_DESK))
    artisan = act(await make_member(sessions, station, Role.ARTISAN, workshop))
    return Sale(sessions, placed, desk, artisan, workshop)


async def test_a_later_day_holds_at_once_and_its_buyer_is_asked(sale: Sale) -> None:
    change = await sale.change(LATER)
    assert (change.was_on, change.now_on, change.why) == (PROMISED, LATER, "木头没干")
    assert await sale.now() == ("new", LATER, ["asked"])
    assert await sale.calls() == [
        "您订的竖匾要到12月1日才能做好，原来说的是11月27日。可以等，也可以取消，全额退款。"
    ]
    async with sale.sessions() as session:
        entry = await session.scalar(
            select(AuditEntry).where(AuditEntry.action == "date_change.make")
        )
    assert entry is not None
    assert (entry.subject_id, entry.member_id) == (change.id, sale.artisan.member_id)
    assert entry.before == {"promised_on": "2026-11-27"}
    assert entry.after == {"promised_on": "2026-12-01", "why": "木头没干"}


async def test_a_buyer_who_keeps_it_is_asked_no_more(sale: Sale) -> None:
    change = await sale.change(LATER)
    for _ in range(2):
        async with sale.sessions.begin() as session:
            await keep_date(session, sale.order.token, change.id, NOON)
    assert await sale.now() == ("new", LATER, ["kept"])
    assert await sale.calls() == []
    with pytest.raises(DateAnswered, match="可以等"):
        async with sale.sessions.begin() as session:
            await cancel_for_date(session, sale.order.token, change.id, NOON)
    assert await sale.now() == ("new", LATER, ["kept"])
    assert await refunds(sale.sessions) == []


@pytest.mark.parametrize(
    "steps", [(), ("accept",), ("accept", "start"), ("accept", "start", "ready")]
)
async def test_a_buyer_who_cancels_has_it_all_back_however_far_it_is(
    sale: Sale, steps: tuple[str, ...]
) -> None:
    change = await sale.change(LATER)
    await sale.step(*steps)
    for _ in range(2):
        async with sale.sessions.begin() as session:
            await cancel_for_date(session, sale.order.token, change.id, NOON)
    assert await sale.now() == ("cancelled", LATER, ["cancelled"])
    assert (await look(sale.sessions, sale.order)).state == OrderState.CANCELLED
    (refund,) = await refunds(sale.sessions)
    assert (refund.cause, refund.amount_fen) == (f"cancel:{sale.part.id}", 26800 + 800)
    assert sum(fen for *_, fen in await entries(sale.sessions)) == 0
    async with sale.sessions() as session:
        assert await balance_fen(session, sale.workshop.id) == 0
    with pytest.raises(DateAnswered):
        async with sale.sessions.begin() as session:
            await keep_date(session, sale.order.token, change.id, NOON)


async def test_what_is_sent_can_not_be_answered_any_more(sale: Sale) -> None:
    change = await sale.change(LATER)
    await sale.step("accept", "ship")
    for answer in (keep_date, cancel_for_date):
        with pytest.raises(WrongWorkOrderState, match="已经寄出"):
            async with sale.sessions.begin() as session:
                await answer(session, sale.order.token, change.id, NOON)
    assert await sale.now() == ("shipped", LATER, ["asked"])
    assert await refunds(sale.sessions) == []
    shipped = await look(sale.sessions, sale.order)
    async with sale.sessions() as session:
        assert await questions_of(session, shipped) == {sale.part.id: None}


async def test_a_newer_day_takes_the_place_of_the_question(sale: Sale) -> None:
    first = await sale.change(LATER)
    second = await sale.change(LATEST)
    assert await sale.now() == ("new", LATEST, ["superseded", "asked"])
    assert (second.was_on, second.now_on) == (LATER, LATEST)
    assert await sale.calls() == [
        "您订的竖匾要到12月4日才能做好，原来说的是12月1日。可以等，也可以取消，全额退款。"
    ]
    with pytest.raises(DateAnswered, match="日子又变了"):
        async with sale.sessions.begin() as session:
            await keep_date(session, sale.order.token, first.id, NOON)
    # A day between the one agreed to and the one told last is still later than was agreed to.
    third = await sale.change(LATER)
    assert await sale.now() == ("new", LATER, ["superseded", "superseded", "asked"])
    async with sale.sessions() as session:
        assert agreed_on(await changes_of(session, [sale.part.id]), third.now_on) == PROMISED


async def test_a_day_no_later_than_was_agreed_to_is_only_told(sale: Sale) -> None:
    await sale.change(LATER)
    await sale.change(PROMISED - DAY)
    assert await sale.now() == ("new", PROMISED - DAY, ["superseded", "kept"])
    assert await sale.calls() == ["好消息：您订的竖匾11月26日就能做好，不用等到12月1日。"]
    # From now on this is what was agreed to.
    await sale.change(PROMISED)
    assert await sale.now() == ("new", PROMISED, ["superseded", "kept", "asked"])


@pytest.mark.parametrize(
    ("new_on", "fault"),
    [
        (PROMISED, "现在答应的就是这一天。"),
        (TODAY - DAY, "这一天已经过去了。"),
        (TODAY + 366 * DAY, "太远了，最多一年以后。"),
    ],
)
async def test_a_day_that_makes_no_sense_changes_nothing(
    sale: Sale, new_on: date, fault: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await sale.change(new_on, "字" * 201)
    assert refused.value.errors == {
        "new_on": fault,
        "why": "原因最多 200 个字，现在有 201 个。",
    }
    assert await sale.now() == ("new", PROMISED, [])
    assert await sale.calls() == []


@pytest.mark.parametrize("steps", [("accept", "ready"), ("accept", "ship"), ("decline",)])
async def test_what_is_made_sent_or_off_has_no_day_to_change(
    sale: Sale, steps: tuple[str, ...]
) -> None:
    await sale.step(*steps)
    with pytest.raises(WrongWorkOrderState):
        await sale.change(LATER)
    assert (await sale.now())[1:] == (PROMISED, [])


async def test_a_family_takes_the_work_for_a_day_of_its_own(sale: Sale) -> None:
    async with sale.sessions.begin() as session:
        part = await accept_with_date(session, sale.artisan, sale.part.id, LATER, "", NOON)
    assert part.state == WorkOrderState.ACCEPTED
    assert await sale.now() == ("accepted", LATER, ["asked"])


async def test_the_promised_day_itself_is_simply_accepted(sale: Sale) -> None:
    async with sale.sessions.begin() as session:
        await accept_with_date(session, sale.artisan, sale.part.id, PROMISED, "", NOON)
    assert await sale.now() == ("accepted", PROMISED, [])
    assert await sale.calls() == []


async def test_with_a_day_that_is_refused_nothing_is_accepted(sale: Sale) -> None:
    with pytest.raises(Invalid):
        async with sale.sessions.begin() as session:
            await accept_with_date(session, sale.artisan, sale.part.id, TODAY - DAY, "", NOON)
    assert await sale.now() == ("new", PROMISED, [])


async def test_a_finished_piece_may_be_given_a_day_too(sessions: Sessions) -> None:
    product = await make_product(sessions, name="福字圆挂")
    placed = await pay(sessions, await order(sessions, want(product)))
    async with sessions() as session:
        station = await session.get_one(Station, product.station_id)
    desk = act(await make_member(sessions, station, Role.MANAGER))
    async with sessions.begin() as session:
        change = await change_date(session, desk, placed.work_orders[0].id, LATER, "人在外地", NOON)
        assert (change.was_on, change.state) == (None, "asked")
        notice = await session.scalar(select(Notice).where(Notice.kind == "date_changed"))
    assert notice is not None
    assert notice.text.startswith("您订的福字圆挂要到12月1日才能做好，原来说的是尽快寄出。")
    async with sessions.begin() as session:
        await undo_change(session, desk, change.id, NOON)
    assert (await look(sessions, placed)).work_orders[0].promised_on is None


async def test_a_slip_is_undone_within_the_day(sale: Sale) -> None:
    change = await sale.change(LATER)
    soon = NOON + timedelta(hours=24, microseconds=-1)
    for _ in range(2):
        async with sale.sessions.begin() as session:
            await undo_change(session, sale.artisan, change.id, soon)
    assert await sale.now() == ("new", PROMISED, ["undone"])
    assert await sale.calls() == [
        "您订的竖匾还是11月27日前做好，前面说的12月1日不算了，不用您做什么。"
    ]
    with pytest.raises(DateAnswered, match="不算了"):
        async with sale.sessions.begin() as session:
            await cancel_for_date(session, sale.order.token, change.id, NOON)


async def test_with_the_slip_undone_the_question_before_it_stands_again(sale: Sale) -> None:
    first = await sale.change(LATER)
    slip = await sale.change(LATEST)
    async with sale.sessions.begin() as session:
        await undo_change(session, sale.artisan, slip.id, NOON)
    assert await sale.now() == ("new", LATER, ["asked", "undone"])
    async with sale.sessions.begin() as session:
        await cancel_for_date(session, sale.order.token, first.id, NOON)
    assert await sale.now() == ("cancelled", LATER, ["cancelled", "undone"])


async def test_what_was_answered_or_is_a_day_old_is_not_undone(sale: Sale) -> None:
    change = await sale.change(LATER)
    late = NOON + timedelta(hours=24)
    with pytest.raises(NotTakenBack):
        async with sale.sessions.begin() as session:
            await undo_change(session, sale.artisan, change.id, late)
    async with sale.sessions.begin() as session:
        await keep_date(session, sale.order.token, change.id, NOON)
    with pytest.raises(NotTakenBack):
        async with sale.sessions.begin() as session:
            await undo_change(session, sale.artisan, change.id, NOON)
    assert await sale.now() == ("new", LATER, ["kept"])


async def test_a_request_to_cancel_that_waits_is_over_with_the_cancel(sale: Sale) -> None:
    await sale.step("accept", "start")
    async with sale.sessions.begin() as session:
        asked = await ask(
            session, sale.order.token, sale.part.id, RequestKind.CANCEL, "不要了", NOON
        )
    change = await sale.change(LATER)
    async with sale.sessions.begin() as session:
        await cancel_for_date(session, sale.order.token, change.id, NOON)
    async with sale.sessions() as session:
        request = await session.get_one(BuyerRequest, asked.id)
        assert request.state == RequestState.WITHDRAWN
    assert len(await refunds(sale.sessions)) == 1


async def test_the_program_changes_a_day_in_its_own_name(sale: Sale) -> None:
    change = await sale.change(LATER, "", actor=None)
    assert change.made_by is None
    async with sale.sessions() as session:
        entry = await session.scalar(
            select(AuditEntry).where(AuditEntry.action == "date_change.make")
        )
    assert entry is not None
    assert (entry.member_id, entry.channel) == (None, "program")


async def test_others_have_no_say(sale: Sale) -> None:
    station = await make_station(sale.sessions, "other")
    stranger = act(await make_member(sale.sessions, station, Role.MANAGER))
    with pytest.raises(NotFound):
        await sale.change(LATER, actor=stranger)
    change = await sale.change(LATER)
    with pytest.raises(NotFound):
        async with sale.sessions.begin() as session:
            await undo_change(session, stranger, change.id, NOON)
    for token, change_id in (("nobodys", change.id), (sale.order.token, change.id + 1)):
        for answer in (keep_date, cancel_for_date):
            with pytest.raises(NotFound):
                async with sale.sessions.begin() as session:
                    await answer(session, token, change_id, NOON)
    assert await sale.now() == ("new", LATER, ["asked"])
