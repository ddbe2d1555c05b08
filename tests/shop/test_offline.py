"""Money by hand: one writes it down, another decides; what else may happen to the order meanwhile."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from catalog.access import Actor
from catalog.db import Database, Sessions
from catalog.errors import Invalid, NotAllowed, NotFound, SecondPersonNeeded
from catalog.models import Role
from media.storage import Storage
from shop.context import Shop
from shop.errors import WrongOrderState
from shop.models import (
    OfflineReceipt,
    Order,
    OrderState,
    Payment,
    PaymentState,
    ReceiptState,
    Refund,
    RefundState,
)
from shop.offline import confirm_refund, receipt_photo, record_refund
from shop.paying import close_dead_orders, open_payment, send_refund
from shop.payments.gateway import SessionState
from shop.payments.offline_gateway import told_of
from shop.settle import REFUND_JOB, settle
from tests.making import NOON, act, make_member, make_product, make_station
from tests.pictures import HUGE_PNG
from tests.shop.cashing import (
    DEAD,
    SOON,
    STORE,
    cash_shop,
    clerk,
    confirm,
    deeds,
    hold_ends,
    open_till,
    open_troubles,
    picture,
    receipts,
    reject,
    take,
)
from tests.shop.sales import (
    entries,
    figures,
    hold_of,
    is_expired,
    is_paid,
    jobs,
    look,
    order,
    pay,
    refunds,
    settle_as,
    want,
)

DAY = timedelta(hours=24)


@pytest.fixture
def shop(database: Database) -> Shop:
    return cash_shop(database)


async def two(sessions: Sessions, *, on_hand: int = 3) -> tuple[Order, Actor, Actor]:
    """An order, who records its money, and who may confirm it."""
    product = await make_product(sessions, on_hand=on_hand)
    placed = await order(sessions, want(product))
    return placed, await clerk(sessions, product), await clerk(sessions, product, Role.FINANCE)


async def states(sessions: Sessions, placed: Order) -> tuple[str, list[str]]:
    done = await look(sessions, placed)
    return done.state, [payment.state for payment in done.payments]


async def test_money_is_recorded_by_one_and_confirmed_by_another(
    sessions: Sessions, shop: Shop
) -> None:
    placed, desk, finance = await two(sessions)
    receipt = await take(sessions, desk, placed, way="code", reference=" 4200 0021 ")
    assert (receipt.amount_fen, receipt.way, receipt.reference) == (27_600, "code", "4200 0021")
    assert (receipt.state, receipt.recorded_by) == (ReceiptState.RECORDED, desk.member_id)
    assert await states(sessions, placed) == ("unpaid", ["open", "open"])
    assert await entries(sessions) == []
    assert await open_troubles(sessions) == [("receipt_waiting", f"offline_receipt:{receipt.id}")]

    await confirm(shop, finance, receipt)
    done = await look(sessions, placed)
    assert (done.state, done.paid_at) == (OrderState.PAID, SOON)
    own = done.payments[-1]
    assert (own.gateway, own.state, own.kept) == ("offline", PaymentState.SUCCEEDED, True)
    assert own.intent_id == f"offline-{own.id}"
    assert {cause for cause, *_ in await entries(sessions)} == {f"payment:{own.id}"}
    assert sum(fen for *_, fen in await entries(sessions)) == 0
    (kept,) = await receipts(sessions)
    assert (kept.state, kept.decided_by) == (ReceiptState.CONFIRMED, finance.member_id)
    assert kept.decided_at == SOON
    assert await open_troubles(sessions) == []
    assert await deeds(sessions) == [
        ("receipt.record", desk.member_id),
        ("receipt.confirm", finance.member_id),
    ]


async def test_who_recorded_it_does_not_confirm_it(sessions: Sessions, shop: Shop) -> None:
    placed, _, finance = await two(sessions)
    receipt = await take(sessions, finance, placed)
    with pytest.raises(SecondPersonNeeded):
        await confirm(shop, finance, receipt)
    with pytest.raises(SecondPersonNeeded):
        await reject(sessions, finance, receipt)
    assert await states(sessions, placed) == ("unpaid", ["open", "open"])
    assert [r.state for r in await receipts(sessions)] == [ReceiptState.RECORDED]
    assert await deeds(sessions) == [("receipt.record", finance.member_id)]


async def test_the_database_refuses_one_person_for_both(sessions: Sessions, shop: Shop) -> None:
    placed, desk, finance = await two(sessions)
    refund = await paid_twice(sessions, shop, placed, desk, finance)
    another = await order(sessions, want(placed.work_orders[0].lines[0].product))
    receipt = await take(sessions, desk, another)
    with pytest.raises(IntegrityError, match="two_persons"):
        async with sessions.begin() as session:
            await session.execute(
                update(OfflineReceipt)
                .where(OfflineReceipt.id == receipt.id)
                .values(decided_by=desk.member_id)
            )
    with pytest.raises(IntegrityError, match="two_persons"):
        async with sessions.begin() as session:
            await session.execute(
                update(Refund)
                .where(Refund.id == refund.id)
                .values(recorded_by=desk.member_id, confirmed_by=desk.member_id)
            )


async def test_only_some_may_record_and_fewer_decide(sessions: Sessions, shop: Shop) -> None:
    product = await make_product(sessions)
    placed = await order(sessions, want(product))
    for role in (Role.ASSISTANT, Role.VOLUNTEER):
        with pytest.raises(NotAllowed):
            await take(sessions, await clerk(sessions, product, role), placed)
    receipt = await take(sessions, await clerk(sessions, product, Role.HOST), placed)
    for role in (Role.ORDER_DESK, Role.HOST):
        with pytest.raises(NotAllowed):
            await confirm(shop, await clerk(sessions, product, role), receipt)
    elsewhere = await make_station(sessions, "other")
    stranger = act(await make_member(sessions, elsewhere, Role.MANAGER))
    with pytest.raises(NotFound):
        await confirm(shop, stranger, receipt)
    with pytest.raises(NotFound):
        await reject(sessions, stranger, receipt)
    assert await states(sessions, placed) == ("unpaid", ["open", "open"])


async def test_two_confirm_at_once(sessions: Sessions, shop: Shop) -> None:
    placed, desk, finance = await two(sessions)
    product = placed.work_orders[0].lines[0].product
    manager = await clerk(sessions, product, Role.MANAGER)
    receipt = await take(sessions, desk, placed)
    outcomes = await asyncio.gather(
        *(confirm(shop, who, receipt) for who in (finance, manager)), return_exceptions=True
    )
    assert sorted(isinstance(one, WrongOrderState) for one in outcomes) == [False, True]
    assert len([1 for deed, _ in await deeds(sessions) if deed == "receipt.confirm"]) == 1
    assert len([1 for cause, account, *_ in await entries(sessions) if account == "buyers"]) == 1
    assert await figures(sessions, product) == [(3, 1)]


async def test_one_confirms_while_another_sends_it_back(sessions: Sessions, shop: Shop) -> None:
    placed, desk, finance = await two(sessions)
    manager = await clerk(sessions, placed.work_orders[0].lines[0].product, Role.MANAGER)
    receipt = await take(sessions, desk, placed)
    await asyncio.gather(
        confirm(shop, finance, receipt),
        reject(sessions, manager, receipt),
        return_exceptions=True,
    )
    (decided,) = await receipts(sessions)
    paid = decided.state == ReceiptState.CONFIRMED
    done = await look(sessions, placed)
    assert (done.paid_at is not None) == paid
    assert done.payments[-1].state == (PaymentState.SUCCEEDED if paid else PaymentState.EXPIRED)
    assert len([1 for deed, _ in await deeds(sessions) if deed != "receipt.record"]) == 1


async def decide_naively(
    database: Database, receipt: OfflineReceipt, actor: Actor, state: ReceiptState
) -> None:
    """Look whether it waits, and if so decide: without the order's lock in between."""
    async with database.reading() as session:
        waits = (await session.get_one(OfflineReceipt, receipt.id)).state == ReceiptState.RECORDED
    await asyncio.sleep(0)
    if not waits:
        return
    async with database.writing.begin() as session:
        row = await session.get_one(OfflineReceipt, receipt.id)
        row.state, row.decided_by = state, actor.member_id
        await session.flush()
        payment = await session.get_one(Payment, row.payment_id)
        await settle(session, payment.id, told_of(payment, row), SOON)


async def test_the_naive_way_sends_back_what_is_paid(database: Database) -> None:
    sessions = database.writing
    placed, desk, finance = await two(sessions)
    receipt = await take(sessions, desk, placed)
    await asyncio.gather(
        decide_naively(database, receipt, finance, ReceiptState.CONFIRMED),
        decide_naively(database, receipt, finance, ReceiptState.REJECTED),
    )
    (decided,) = await receipts(sessions)
    assert decided.state == ReceiptState.REJECTED
    assert (await look(sessions, placed)).state == OrderState.PAID


async def test_the_pieces_wait_for_the_second_person_for_a_day(
    sessions: Sessions, shop: Shop
) -> None:
    placed, desk, finance = await two(sessions)
    product = placed.work_orders[0].lines[0].product
    receipt = await take(sessions, desk, placed)
    assert (await hold_of(sessions, placed)).expires_at == SOON + DAY
    await close_dead_orders(shop, SOON + DAY - timedelta(minutes=1))
    assert await states(sessions, placed) == ("unpaid", ["open", "open"])
    # Even after the day: money that is in the till is not nothing.
    await close_dead_orders(shop, SOON + DAY)
    assert (await states(sessions, placed))[0] == "unpaid"
    assert await figures(sessions, product) == [(3, 1)]
    await confirm(shop, finance, receipt, SOON + 2 * DAY)
    assert (await look(sessions, placed)).state == OrderState.PAID
    assert await figures(sessions, product) == [(3, 1)]


async def test_what_is_sent_back_goes_back_to_its_own_clock(sessions: Sessions, shop: Shop) -> None:
    placed, desk, finance = await two(sessions)
    receipt = await take(sessions, desk, placed)
    with pytest.raises(Invalid, match="原因"):
        await reject(sessions, finance, receipt, reason=" ")
    await reject(sessions, finance, receipt)
    assert (await hold_of(sessions, placed)).expires_at == DEAD
    assert await states(sessions, placed) == ("unpaid", ["open", "expired"])
    (decided,) = await receipts(sessions)
    assert (decided.state, decided.reason) == (ReceiptState.REJECTED, "账上没有")
    assert await open_troubles(sessions) == []
    with pytest.raises(WrongOrderState, match="退回"):
        await confirm(shop, finance, receipt)
    again = await take(sessions, desk, placed, reference="收据 002")
    await confirm(shop, finance, again)
    assert (await states(sessions, placed))[0] == "paid"


async def test_what_is_sent_back_after_its_own_clock_expires(
    sessions: Sessions, database: Database
) -> None:
    shop = cash_shop(database)
    placed, desk, finance = await two(sessions)
    product = placed.work_orders[0].lines[0].product
    receipt = await take(sessions, desk, placed)
    await settle_as(sessions, placed.payments[0], is_expired(placed.payments[0]), DEAD)
    assert await states(sessions, placed) == ("unpaid", ["expired", "open"])
    assert await figures(sessions, product) == [(3, 1)]
    await reject(sessions, finance, receipt, DEAD)
    assert await states(sessions, placed) == ("expired", ["expired", "expired"])
    assert await figures(sessions, product) == [(3, 0)]
    assert await close_dead_orders(shop, DEAD + DAY) == 0


async def test_late_money_is_taken_while_the_piece_is_free(sessions: Sessions, shop: Shop) -> None:
    placed, desk, finance = await two(sessions)
    await settle_as(sessions, placed.payments[0], is_expired(placed.payments[0]), DEAD)
    receipt = await take(sessions, desk, placed, now=DEAD)
    done = await confirm(shop, finance, receipt, DEAD)
    assert done.state == OrderState.PAID
    product = placed.work_orders[0].lines[0].product
    assert await figures(sessions, product) == [(3, 1)]


async def test_late_money_for_what_is_gone_is_handed_back_by_two(
    sessions: Sessions, shop: Shop
) -> None:
    placed, desk, finance = await two(sessions, on_hand=1)
    product = placed.work_orders[0].lines[0].product
    await settle_as(sessions, placed.payments[0], is_expired(placed.payments[0]), DEAD)
    await pay(sessions, await order(sessions, want(product), now=DEAD), DEAD)
    receipt = await take(sessions, desk, placed, now=DEAD)
    assert (await confirm(shop, finance, receipt, DEAD)).state == OrderState.EXPIRED
    (refund,) = await refunds(sessions)
    assert (refund.amount_fen, refund.state) == (27_600, RefundState.REQUESTED)

    (job,) = await jobs(sessions, REFUND_JOB)
    await send_refund(shop, job.id, refund.id, DEAD)
    (asked,) = await refunds(sessions)
    assert (asked.state, asked.gateway_id) == (
        RefundState.PENDING,
        f"offline-refund-{refund.id}-1",
    )
    assert ("refund_by_hand", f"refund:{refund.id}") in await open_troubles(sessions)
    assert await jobs(sessions, REFUND_JOB) == []

    with pytest.raises(WrongOrderState, match="先登记"):
        await handed_back(sessions, finance, refund)
    async with sessions.begin() as session:
        await record_refund(session, finance, refund.id, "转账 77", DEAD)
    with pytest.raises(SecondPersonNeeded):
        await handed_back(sessions, finance, refund)
    async with sessions.begin() as session:
        await record_refund(session, desk, refund.id, "转账 78", DEAD)
    await handed_back(sessions, finance, refund)
    (done,) = await refunds(sessions)
    assert (done.state, done.reference, done.done_at) == (RefundState.SUCCEEDED, "转账 78", DEAD)
    assert (done.recorded_by, done.confirmed_by) == (desk.member_id, finance.member_id)
    assert ("refund_by_hand", f"refund:{refund.id}") not in await open_troubles(sessions)
    assert sum(fen for *_, fen in await entries(sessions)) == 0
    with pytest.raises(WrongOrderState, match="已经退了"):
        await handed_back(sessions, finance, refund)
    assert (await deeds(sessions))[-3:] == [
        ("refund.record", finance.member_id),
        ("refund.record", desk.member_id),
        ("refund.confirm", finance.member_id),
    ]


async def handed_back(sessions: Sessions, actor: Actor, refund: Refund) -> None:
    async with sessions.begin() as session:
        await confirm_refund(session, actor, refund.id, DEAD)


async def test_two_confirm_a_refund_at_once(sessions: Sessions, shop: Shop) -> None:
    placed, desk, finance = await two(sessions)
    manager = await clerk(sessions, placed.work_orders[0].lines[0].product, Role.MANAGER)
    refund = await paid_twice(sessions, shop, placed, desk, finance)
    async with sessions.begin() as session:
        await record_refund(session, desk, refund.id, "77", DEAD)
    outcomes = await asyncio.gather(
        *(handed_back(sessions, who, refund) for who in (finance, manager)),
        return_exceptions=True,
    )
    assert sorted(isinstance(one, WrongOrderState) for one in outcomes) == [False, True]
    assert [d for d, _ in await deeds(sessions)].count("refund.confirm") == 1


async def paid_twice(
    sessions: Sessions, shop: Shop, placed: Order, desk: Actor, finance: Actor
) -> Refund:
    """Another payment came while the cash waited for its second person: the cash goes back."""
    receipt = await take(sessions, desk, placed)
    await settle_as(sessions, placed.payments[0], is_paid(placed.payments[0]))
    await confirm(shop, finance, receipt)
    (refund,) = await refunds(sessions)
    return refund


async def test_a_refund_that_a_gateway_makes_is_not_made_by_hand(
    sessions: Sessions, shop: Shop
) -> None:
    placed, desk, finance = await two(sessions)
    done = await pay(sessions, placed)
    refund = Refund(
        station_id=done.station_id,
        payment_id=done.payments[0].id,
        cause="test:1",
        amount_fen=100,
        created_at=NOON,
    )
    async with sessions.begin() as session:
        session.add(refund)
    with pytest.raises(WrongOrderState, match="付款平台"):
        async with sessions.begin() as session:
            await record_refund(session, desk, refund.id, "1", DEAD)
    async with sessions.begin() as session:
        row = await session.get_one(Refund, refund.id)
        row.state, row.gateway_id = RefundState.FAILED, "re_1"
    async with sessions.begin() as session:
        taken = await record_refund(session, desk, refund.id, "1", DEAD)
        assert (taken.state, taken.gateway_id) == (RefundState.PENDING, None)
    await handed_back(sessions, finance, refund)
    (kept,) = await refunds(sessions)
    assert kept.state == RefundState.SUCCEEDED


async def test_what_is_typed_is_checked_and_nothing_is_kept(sessions: Sessions) -> None:
    placed, desk, _ = await two(sessions)
    for values, field in (
        ({"way": "bank"}, "way"),
        ({"reference": " "}, "reference"),
        ({"reference": "长" * 61}, "reference"),
        ({"photo": b"<svg/>"}, "photo"),
        ({"photo": HUGE_PNG}, "photo"),
    ):
        with pytest.raises(Invalid) as refused:
            await take(sessions, desk, placed, **values)
        assert list(refused.value.errors) == [field]
    assert await receipts(sessions) == []
    assert await states(sessions, placed) == ("unpaid", ["open"])
    assert (await hold_of(sessions, placed)).expires_at == DEAD


async def test_one_transfer_is_not_taken_for_two_orders(sessions: Sessions) -> None:
    placed, desk, finance = await two(sessions)
    product = placed.work_orders[0].lines[0].product
    another = await order(sessions, want(product))
    first = await take(sessions, desk, placed, way="code", reference="4200002118")
    with pytest.raises(Invalid, match=placed.code):
        await take(sessions, desk, another, way="code", reference="4200002118")
    with pytest.raises(WrongOrderState, match="登记过"):
        await take(sessions, desk, placed, way="code", reference="4200002119")
    await reject(sessions, finance, first)
    await take(sessions, desk, another, way="code", reference="4200002118")


async def test_the_photo_is_kept_privately_and_shown_to_few(sessions: Sessions) -> None:
    placed, desk, finance = await two(sessions)
    product = placed.work_orders[0].lines[0].product
    storage = Storage.open(STORE)
    receipt = await take(sessions, desk, placed, photo=picture("HEIF"), storage=storage)
    assert receipt.photo_key.startswith("receipts/")
    host = await clerk(sessions, product, Role.HOST)
    elsewhere = await make_station(sessions, "other")
    stranger = act(await make_member(sessions, elsewhere, Role.FINANCE))
    async with sessions() as session:
        shown, kind = await receipt_photo(session, storage, finance, receipt.id)
        assert (kind, shown[:2]) == ("image/jpeg", b"\xff\xd8")
        with pytest.raises(NotAllowed):
            await receipt_photo(session, storage, host, receipt.id)
        with pytest.raises(NotFound):
            await receipt_photo(session, storage, stranger, receipt.id)


async def test_cash_for_an_order_with_an_open_session_closes_that_session(
    database: Database, tmp_path: Path
) -> None:
    sessions = database.writing
    placed, desk, finance = await two(sessions)
    async with open_till(tmp_path) as gateway:
        shop = cash_shop(database, gateway)
        await open_payment(shop, placed)
        session_id = str((await look(sessions, placed)).payments[0].session_id)
        receipt = await take(sessions, desk, placed)
        assert (await gateway.fetch_session(session_id)).state == SessionState.OPEN
        await confirm(shop, finance, receipt)
        assert (await gateway.fetch_session(session_id)).state == SessionState.EXPIRED
    assert await states(sessions, placed) == ("paid", ["expired", "succeeded"])
    assert await figures(sessions, placed.work_orders[0].lines[0].product) == [(3, 1)]


async def test_money_that_comes_by_the_open_session_all_the_same_goes_back(
    sessions: Sessions, shop: Shop
) -> None:
    """The other gateway is away when the cash is confirmed, and its buyer pays again."""
    placed, desk, finance = await two(sessions)
    receipt = await take(sessions, desk, placed)
    await confirm(shop, finance, receipt)
    assert await states(sessions, placed) == ("paid", ["open", "succeeded"])
    await settle_as(sessions, placed.payments[0], is_paid(placed.payments[0]))
    done = await look(sessions, placed)
    assert [payment.kept for payment in done.payments] == [False, True]
    (refund,) = await refunds(sessions)
    assert (refund.payment_id, refund.amount_fen) == (placed.payments[0].id, 27_600)
    assert sum(fen for *_, fen in await entries(sessions)) == 0
    assert await figures(sessions, placed.work_orders[0].lines[0].product) == [(3, 1)]


async def test_the_end_of_the_first_payment_does_not_free_the_pieces(
    sessions: Sessions, shop: Shop
) -> None:
    placed, desk, finance = await two(sessions, on_hand=1)
    product = placed.work_orders[0].lines[0].product
    receipt = await take(sessions, desk, placed)
    await hold_ends(sessions, placed, NOON)
    await settle_as(sessions, placed.payments[0], is_expired(placed.payments[0]), DEAD)
    assert await states(sessions, placed) == ("unpaid", ["expired", "open"])
    assert await close_dead_orders(shop, DEAD) == 0
    assert await figures(sessions, product) == [(1, 1)]
    await confirm(shop, finance, receipt, DEAD)
    assert (await states(sessions, placed))[0] == "paid"


async def test_another_payment_comes_while_the_second_person_is_awaited(
    sessions: Sessions, shop: Shop
) -> None:
    placed, desk, finance = await two(sessions)
    refund = await paid_twice(sessions, shop, placed, desk, finance)
    done = await look(sessions, placed)
    assert done.state == OrderState.PAID
    assert [payment.kept for payment in done.payments] == [True, False]
    assert (refund.payment_id, refund.state) == (done.payments[-1].id, RefundState.REQUESTED)
    assert f"refund:{refund.id}" in {cause for cause, *_ in await entries(sessions)}
    assert sum(fen for *_, fen in await entries(sessions)) == 0
    with pytest.raises(WrongOrderState, match="已经付过"):
        await take(sessions, desk, placed)


async def test_the_hold_of_a_rejected_late_receipt_stays_lapsed(
    sessions: Sessions, shop: Shop
) -> None:
    placed, desk, finance = await two(sessions)
    await settle_as(sessions, placed.payments[0], is_expired(placed.payments[0]), DEAD)
    before = await hold_of(sessions, placed)
    receipt = await take(sessions, desk, placed, now=DEAD)
    await reject(sessions, finance, receipt, DEAD)
    after = await hold_of(sessions, placed)
    assert (after.state, after.expires_at) == (before.state, before.expires_at)
    assert await states(sessions, placed) == ("expired", ["expired", "expired"])
