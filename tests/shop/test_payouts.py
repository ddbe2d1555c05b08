"""Payouts: what may be paid, two persons, once, and never what went back to a buyer meanwhile."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from catalog.access import Actor
from catalog.audit import list_entries
from catalog.db import Sessions
from catalog.errors import Invalid, NotAllowed, NotFound
from catalog.models import Product, Role, Station, Workshop
from media.storage import Storage
from shop import ledger, payouts, work_steps
from shop.earnings import Totals, totals
from shop.errors import WrongPayoutState
from shop.fees import STATION, add_rule
from shop.models import LedgerEntry, Payout, PayoutLine, PayoutRun, PayoutState, Posting
from shop.payable import Standing, account_fen, standings
from shop.payouts import Proof
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.money import give_back, pay_out, rename, sell
from tests.shop.pages.family import make_family, order_paid

TODAY = date(2026, 11, 22)
DAY = timedelta(days=1)
PAID = Proof(reference="20261122001")
PHOTO = Path(__file__).parent.parent / "media" / "carving.jpg"


@dataclass
class Money:
    """A station with two families, a manager and a bookkeeper."""

    sessions: Sessions
    station: Station
    workshop: Workshop
    other: Workshop
    carving: Product
    box: Product
    manager: Actor
    finance: Actor

    async def standing(self, workshop: Workshop | None = None, day: date = TODAY) -> Standing:
        whose = (workshop or self.workshop).id
        async with self.sessions() as session:
            return (await standings(session, self.station.id, day, whose))[whose]

    async def draft(self, now: datetime = NOON) -> PayoutRun:
        async with self.sessions.begin() as session:
            return await payouts.draft_run(session, self.finance, now)

    async def approve(self, run: PayoutRun) -> None:
        async with self.sessions.begin() as session:
            await payouts.approve_run(session, self.manager, run.id, NOON)

    async def pay(self, payout: Payout, proof: Proof = PAID, now: datetime = NOON) -> None:
        async with self.sessions.begin() as session:
            await payouts.mark_paid(session, self.finance, payout.id, proof, now)

    async def cancel(self, payout: Payout) -> None:
        async with self.sessions.begin() as session:
            await payouts.cancel_payout(session, self.manager, payout.id, NOON)

    async def approved(self) -> PayoutRun:
        run = await self.draft()
        await self.approve(run)
        return run

    async def look(self, run: PayoutRun) -> PayoutRun:
        async with self.sessions() as session:
            return await payouts.run_for(session, self.manager, run.id)

    async def payouts_of(self, workshop: Workshop) -> list[Payout]:
        query = select(Payout).where(Payout.workshop_id == workshop.id).order_by(Payout.id)
        async with self.sessions() as session:
            return list(await session.scalars(query))

    async def entries(self, kind: str) -> list[tuple[str, str, int | None, int]]:
        query = (
            select(Posting.cause, LedgerEntry.account, LedgerEntry.workshop_id)
            .add_columns(LedgerEntry.amount_fen)
            .join(LedgerEntry, LedgerEntry.posting_id == Posting.id)
            .where(Posting.kind == kind)
            .order_by(LedgerEntry.id)
        )
        async with self.sessions() as session:
            return [tuple(row) for row in await session.execute(query)]


@pytest.fixture
async def money(sessions: Sessions) -> Money:
    station = await make_station(sessions)
    one = await make_workshop(sessions, station, "王家木作")
    two = await make_workshop(sessions, station, "李家木雕")
    return Money(
        sessions,
        station,
        one,
        two,
        await make_product(sessions, one),
        await make_product(sessions, two, name="茶盘"),
        act(await make_member(sessions, station, Role.MANAGER)),
        act(await make_member(sessions, station, Role.FINANCE)),
    )


async def test_money_waits_until_its_day_in_beijing(money: Money) -> None:
    await sell(money.sessions, money.carving, fee_bp=500)
    await sell(money.sessions, money.carving, payable_on=TODAY + DAY)
    await sell(money.sessions, money.carving, goods_fen=5000, payable_on=TODAY)
    found = await money.standing()
    # 268 - 5 % = 254.60, and 8 yuan of postage for each.
    assert found.balance_fen == 26260 + 27600 + 5800
    assert (found.payable_fen, found.waiting_fen, found.carried_fen) == (5800, 53860, 0)
    assert (found.next_on, found.undated_fen) == (TODAY + DAY, 26260)
    # 15:59 UTC is the last minute of the day in Beijing.
    evening = datetime.combine(TODAY, NOON.timetz()).replace(hour=15, minute=59)
    async with money.sessions.begin() as session:
        run = await payouts.draft_run(session, money.finance, evening)
        assert [one.amount_fen for one in run.payouts] == [5800]
        assert run.until == TODAY
    assert (await money.standing(day=TODAY + DAY)).payable_fen == 33400


async def test_a_run_pays_each_family_once_and_its_lines_say_what_for(money: Money) -> None:
    await rename(money.sessions, money.workshop, pay_way="bank", pay_to="工行 6222 王")
    order = await sell(money.sessions, money.carving, money.box, payable_on=TODAY, fee_bp=500)
    run = await money.draft()
    await rename(money.sessions, money.workshop, pay_way="wechat", pay_to="别的账户")
    run = await money.look(run)
    assert [(one.way, one.pay_to, one.amount_fen) for one in run.payouts] == [
        ("bank", "工行 6222 王", 26260),
        ("cash", "", 26260),
    ]
    async with money.sessions() as session:
        lines = await session.scalars(select(PayoutLine).order_by(PayoutLine.id))
        assert [(line.work_order_id, line.amount_fen) for line in lines] == [
            (part.id, 26260) for part in order.work_orders
        ]
    await money.approve(run)
    await money.pay(run.payouts[0])
    assert (await money.look(run)).state == PayoutState.APPROVED
    await money.pay(run.payouts[0], Proof(reference="another"))
    await money.pay(run.payouts[1], Proof(witness="赵主任", receipt_key="receipts/1"))
    run = await money.look(run)
    assert run.state == PayoutState.PAID
    assert [one.reference or one.witness for one in run.payouts] == ["20261122001", "赵主任"]
    first, second = (one.id for one in run.payouts)
    assert await money.entries("payout") == [
        (f"payout:{first}", "workshop", money.workshop.id, -26260),
        (f"payout:{first}", "bank", None, 26260),
        (f"payout:{second}", "workshop", money.other.id, -26260),
        (f"payout:{second}", "cash", None, 26260),
    ]
    assert (await money.standing()).balance_fen == 0
    with pytest.raises(WrongPayoutState, match="现在没有可以结的钱。"):
        await money.draft()


async def test_the_maker_of_a_run_can_not_approve_it(money: Money) -> None:
    await sell(money.sessions, money.carving, payable_on=TODAY)
    run = await money.draft()
    money.manager, manager = money.finance, money.manager
    with pytest.raises(WrongPayoutState, match="不能自己批准"):
        await money.approve(run)
    assert (await money.look(run)).approved_by is None
    with pytest.raises(WrongPayoutState, match="还没有批准"):
        await money.pay(run.payouts[0])
    approve_own = update(PayoutRun).values(approved_by=PayoutRun.made_by)
    async with money.sessions() as session:
        with pytest.raises(IntegrityError):
            await session.execute(approve_own)
    money.manager = manager
    await money.approve(run)
    await money.approve(run)
    found = await money.look(run)
    assert (found.state, found.approved_by) == (PayoutState.APPROVED, manager.member_id)
    assert [one.state for one in found.payouts] == [PayoutState.APPROVED]
    async with money.sessions() as session:
        told = await list_entries(session, money.station.id, {"payout_runs": [run.id]})
    assert [one.entry.action for one in told] == ["payout_run.draft", "payout_run.approve"]


async def test_only_manager_and_finance_handle_money(money: Money) -> None:
    await sell(money.sessions, money.carving, payable_on=TODAY)
    money.finance = act(await make_member(money.sessions, money.station, Role.ORDER_DESK))
    with pytest.raises(NotAllowed):
        await money.draft()
    stranger = await make_station(money.sessions, "other")
    money.finance = act(await make_member(money.sessions, stranger, Role.FINANCE))
    with pytest.raises(WrongPayoutState):
        await money.draft()
    money.finance = money.manager
    run = await money.draft()
    money.manager = act(await make_member(money.sessions, stranger, Role.MANAGER))
    with pytest.raises(NotFound):
        await money.approve(run)
    with pytest.raises(NotFound):
        await money.cancel(run.payouts[0])


async def test_a_cancelled_payout_frees_its_money(money: Money) -> None:
    await sell(money.sessions, money.carving, money.box, payable_on=TODAY)
    run = await money.draft()
    await money.cancel(run.payouts[0])
    await money.cancel(run.payouts[0])
    again = await money.draft()
    assert [one.workshop_id for one in again.payouts] == [money.workshop.id]
    await money.cancel(run.payouts[1])
    assert (await money.look(run)).state == PayoutState.CANCELLED
    await money.approve(again)
    await money.pay(again.payouts[0])
    with pytest.raises(WrongPayoutState, match="已经付了，不能取消"):
        await money.cancel(again.payouts[0])
    with pytest.raises(WrongPayoutState, match="已经取消了"):
        await money.pay(run.payouts[0])
    with pytest.raises(WrongPayoutState, match="付过或者取消了"):
        await money.approve(run)
    assert len(await money.entries("payout")) == 2


async def test_what_was_refunded_since_the_draft_is_not_paid(money: Money) -> None:
    order = await sell(money.sessions, money.carving, payable_on=TODAY)
    await sell(money.sessions, money.carving, goods_fen=10000, payable_on=TODAY)
    run = await money.approved()
    await give_back(money.sessions, order.work_orders[0])
    said = "这笔是 ¥384，可是后来有退款，这家现在只能结 ¥108。"
    with pytest.raises(WrongPayoutState, match=said):
        await money.pay(run.payouts[0])
    assert await money.entries("payout") == []
    assert (await money.look(run)).payouts[0].state == PayoutState.APPROVED
    await money.cancel(run.payouts[0])
    assert [one.amount_fen for one in (await money.approved()).payouts] == [10800]


async def test_a_refund_after_the_payout_is_carried_to_the_next(money: Money) -> None:
    order = await sell(money.sessions, money.carving, payable_on=TODAY, fee_bp=500)
    await money.pay((await money.approved()).payouts[0])
    await give_back(money.sessions, order.work_orders[0])
    found = await money.standing()
    assert (found.balance_fen, found.payable_fen, found.carried_fen) == (-26260, -26260, 26260)
    with pytest.raises(WrongPayoutState):
        await money.draft()
    next_one = await sell(money.sessions, money.carving, goods_fen=30000, payable_on=TODAY)
    run = await money.approved()
    assert run.payouts[0].amount_fen == 30800 - 26260
    async with money.sessions() as session:
        payout = await payouts.payout_for(session, money.manager, run.payouts[0].id)
    assert [(line.work_order_id, line.amount_fen) for line in payout.lines] == [
        (order.work_orders[0].id, -26260),
        (next_one.work_orders[0].id, 30800),
    ]
    await money.pay(run.payouts[0])
    found = await money.standing()
    assert (found.balance_fen, found.due, found.waiting) == (0, [], [])


async def test_from_a_real_sale_to_the_payout(sessions: Sessions) -> None:
    family = await make_family(sessions)
    product = await make_product(sessions, family.workshop)
    maker, other = [
        act(await make_member(sessions, family.station, Role.MANAGER)) for _ in range(2)
    ]
    async with sessions.begin() as session:
        await add_rule(session, maker, {"percent": "2.5"}, NOON)
    sold = await order_paid(sessions, (product, 1))
    who = act(family.artisan)
    async with sessions.begin() as session:
        await work_steps.accept(session, who, sold.id, NOON)
        await work_steps.ship(session, who, sold.id, "邮政快递", "SF9876543210", NOON)
        await work_steps.deliver(session, who, sold.id, NOON)
    for day, payable in ((7, 0), (8, 26800 + 800 - 670)):
        async with sessions() as session:
            found = await standings(session, family.station.id, TODAY + day * DAY)
        assert found[family.workshop.id].payable_fen == payable
    assert await pay_out(sessions, maker, other, NOON + 8 * DAY) == [26930]
    async with sessions() as session:
        assert await totals(session, family.workshop.id) == Totals(
            sold_fen=27600, fee_fen=-670, paid_fen=-26930
        )
        assert await account_fen(session, family.station.id, STATION) == 670


async def lift(money: Money, yuan: str, reason: str = "家里有病人", *, seen: int = 0) -> None:
    async with money.sessions.begin() as session:
        seen = seen or await payouts.newest_entry(session, money.workshop.id)
        typed = (yuan, reason)
        await payouts.lift_debt(session, money.manager, money.workshop.id, typed, seen, NOON)


async def test_the_fund_takes_over_a_debt_once_and_never_more_than_it(money: Money) -> None:
    order = await sell(money.sessions, money.carving, payable_on=TODAY)
    await money.pay((await money.approved()).payouts[0])
    await give_back(money.sessions, order.work_orders[0])
    with pytest.raises(Invalid) as refused:
        await lift(money, "276.01", "")
    assert set(refused.value.errors) == {"amount", "reason"}
    async with money.sessions() as session:
        seen = await payouts.newest_entry(session, money.workshop.id)
    await lift(money, "100", seen=seen)
    with pytest.raises(WrongPayoutState, match="刚刚有变化"):
        await lift(money, "100", seen=seen)
    assert await money.entries("correction") == [
        (f"correction:{money.workshop.id}:{seen}", "fund", None, -10000),
        (f"correction:{money.workshop.id}:{seen}", "workshop", money.workshop.id, 10000),
    ]
    assert (await money.standing()).carried_fen == 17600
    await sell(money.sessions, money.carving, goods_fen=20000, payable_on=TODAY)
    run = await money.draft()
    async with money.sessions() as session:
        lines = (await payouts.payout_for(session, money.manager, run.payouts[0].id)).lines
        fund = await account_fen(session, money.station.id, payouts.FUND)
        told = await list_entries(session, money.station.id, {"workshops": [money.workshop.id]})
    assert [(line.work_order_id is None, line.amount_fen) for line in lines] == [
        (False, -27600),
        (False, 20800),
        (True, 10000),
    ]
    assert (run.payouts[0].amount_fen, fund) == (3200, -10000)
    assert told[-1].entry.after == {"amount_fen": 10000, "reason": "家里有病人"}
    with pytest.raises(Invalid, match="最多 0 元"):
        await lift(money, "1")
    money.manager = money.finance
    with pytest.raises(NotAllowed):
        await lift(money, "1")


async def test_cash_needs_a_witness_and_the_signed_receipt(money: Money, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    storage = Storage.open(folder.as_uri())
    cash, bank = Payout(way="cash"), Payout(way="bank")

    async def refused(payout: Payout, typed: dict[str, str], photo: bytes | None) -> set[str]:
        with pytest.raises(Invalid) as found:
            await payouts.read_proof(storage, payout, typed, photo, by=money.finance)
        return set(found.value.errors)

    assert await refused(bank, {"witness": "赵主任"}, None) == {"reference"}
    assert await refused(cash, {"reference": "1"}, None) == {"witness", "photo"}
    assert await refused(cash, {"witness": money.finance.name}, b"x") == {"witness"}
    assert await refused(cash, {"witness": "赵主任"}, b"no picture") == {"photo"}
    assert list(folder.iterdir()) == []
    typed, photo = {"witness": "赵主任"}, PHOTO.read_bytes()
    proof = await payouts.read_proof(storage, cash, typed, photo, by=money.finance)
    assert proof.witness == "赵主任"
    assert await storage.get(proof.receipt_key) == photo
    typed = {"reference": " 2026 "}
    assert (await payouts.read_proof(storage, bank, typed, None, by=money.finance)) == Proof("2026")


async def test_two_runs_at_once_pay_each_family_once(money: Money) -> None:
    await sell(money.sessions, money.carving, money.box, payable_on=TODAY)

    async def try_it() -> bool:
        with suppress(WrongPayoutState):
            await money.draft()
            return True
        return False

    assert sorted(await asyncio.gather(*(try_it() for _ in range(6)))) == [False] * 5 + [True]
    for workshop in (money.workshop, money.other):
        assert [one.amount_fen for one in await money.payouts_of(workshop)] == [27600]


async def test_who_looks_first_and_writes_later_pays_a_family_twice(money: Money) -> None:
    """The naive twin of the test above and of the one below: it shows that they can see it."""
    await sell(money.sessions, money.carving, payable_on=TODAY)
    looked = asyncio.Barrier(2)

    async def pay_naively(name: str) -> None:
        due = (await money.standing()).payable_fen
        await looked.wait()
        async with money.sessions.begin() as session:
            sides = [
                ledger.Entry("workshop", -due, money.workshop.id),
                ledger.Entry("cash", due),
            ]
            await ledger.post(
                session,
                station_id=money.station.id,
                cause=f"naive:{name}",
                kind="payout",
                order_id=None,
                entries=sides,
                now=NOON,
            )

    await asyncio.gather(pay_naively("one"), pay_naively("two"))
    assert (await money.standing()).balance_fen == -27600


async def test_a_payout_marked_paid_by_two_at_once_is_posted_once(money: Money) -> None:
    await sell(money.sessions, money.carving, payable_on=TODAY)
    payout = (await money.approved()).payouts[0]
    await asyncio.gather(*(money.pay(payout, Proof(reference=str(n))) for n in range(4)))
    assert len(await money.entries("payout")) == 2
    assert (await money.standing()).balance_fen == 0


async def test_the_database_holds_one_open_payout_a_family(money: Money) -> None:
    await sell(money.sessions, money.carving, payable_on=TODAY)
    run = await money.draft()
    facts = {"station_id": money.station.id, "run_id": run.id, "way": "cash"}
    async with money.sessions() as session:
        session.add(Payout(workshop_id=money.workshop.id, amount_fen=1, **facts))
        with pytest.raises(IntegrityError):
            await session.flush()
    async with money.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Payout)) == 1
