"""The whole machine: all rules, what must hold after each, and the quiet at the end."""

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, run_state_machine_as_test
from sqlalchemy import or_, select

from catalog.models import Job
from live.models import ShowState
from shop import behind, offline, overdue, reconcile, refunds, reminding
from shop.models import (
    Hold,
    HoldState,
    OfflineReceipt,
    Order,
    OrderState,
    Payment,
    PaymentState,
    ReceiptState,
    Refund,
    RefundState,
    WorkOrder,
    WorkOrderState,
)
from shop.paying import sweep
from shop.payments.offline_gateway import OFFLINE
from tests.machine.bank import Mood, RefundMood
from tests.machine.base import Broken
from tests.machine.buyers import Buyers, HowFar
from tests.machine.families import Families
from tests.machine.machinery import Machinery

AFTERWARDS = 3 * 24 * 60
"""Minutes in which everything that has an end comes to it."""


class Machine(Buyers, Machinery, Families):
    """Buyers, families, desk, bank and clock, in any order."""

    @initialize(paid=st.integers(0, 2), sent=st.booleans(), carved=st.integers(0, 2))
    def before(self, paid: int, sent: bool, carved: int) -> None:
        """Something was sold already, so that there are not only empty tables to look at."""
        for n in range(paid):
            who = {"browser": f"b{n}", "phone": f"1380013800{n}"}
            self.buy(cart=[(0, 1), (1, 1)], on_show=False, how_far=HowFar.SETTLED, **who)
        if paid and sent:
            self.send_and_deliver(n=0)
        for n in range(carved):
            who = {"browser": f"b{n}", "phone": f"1380013800{n}"}
            self.buy(cart=[(3, 1)], on_show=False, how_far=HowFar.SETTLED, **who)
        if carved:
            self.go_on(n=0)

    @invariant()
    def all_holds(self) -> None:
        self.run(self.must_hold())
        self.run(self.sold_as_promised())

    def teardown(self) -> None:
        try:
            if not self.broken:
                self.quiet()
        finally:
            self.runner.run(self.database.close())
            self.runner.close()

    def quiet(self) -> None:
        """The bank answers, people decide, time goes by: then nothing is stranded."""
        self.bank.mood, self.bank.refund_mood = Mood.UP, RefundMood.AT_ONCE
        self.run(self._decide_receipts())
        for _ in range(5):
            self.time_passes(minutes=AFTERWARDS)
            self.run(self._go_on())
        if self.shows and self.shows[-1].state == ShowState.LIVE:
            self.end_show()
        self.run(self.must_hold())
        self.run(self.doctor_finds_nothing())
        self.run(self._nothing_is_stranded())

    async def _decide_receipts(self) -> None:
        waiting = select(OfflineReceipt.id).where(OfflineReceipt.state == ReceiptState.RECORDED)
        for n, receipt in enumerate(await self.found(waiting)):
            if n % 2:
                async with self.writing.begin() as session:
                    await offline.reject_receipt(session, self.finance, receipt, "没有", self.now)
            else:
                await offline.confirm_receipt(self.shop, self.finance, receipt, self.now)

    async def _go_on(self) -> None:
        """All that happens by itself, and what the desk's troubles ask for."""
        await sweep(self.shop, self.now)
        await overdue.look_at_overdue(self.shop, self.now)
        await reminding.see_to_unanswered(self.database, self.now)
        await behind.look_each_morning(self.database, self.now)
        for back in self.bank.pending():
            self.bank.end(back)
        await self.tell([message for message in self.bank.messages if not message.told], True)
        await reconcile.nightly(self.shop, self.now)
        await self._decide_unreachable()
        await self._give_back()
        for job in await self.found(select(Job).order_by(Job.id)):
            await self.work(job.id, job.name, job.args)

    async def _decide_unreachable(self) -> None:
        forgotten = [till.id for till in self.bank.tills.values() if till.forgotten]
        for payment in await self.found(
            select(Payment).where(
                Payment.state == PaymentState.OPEN, Payment.session_id.in_(forgotten)
            )
        ):
            async with self.writing.begin() as session:
                await overdue.decide_no_money(session, self.finance, payment.id, self.now)

    async def _give_back(self) -> None:
        """Failed refunds are asked for again, and what came by hand goes back by hand."""
        for refund in await self.found(select(Refund).where(Refund.state == RefundState.FAILED)):
            async with self.writing.begin() as session:
                await refunds.retry_refund(session, self.desk, refund.id, self.now)
        by_hand = (
            select(Refund)
            .join(Payment)
            .where(
                Refund.state == RefundState.PENDING,
                or_(Payment.gateway == OFFLINE, Refund.recorded_by.is_not(None)),
            )
        )
        for refund in await self.found(by_hand):
            async with self.writing.begin() as session:
                await offline.record_refund(session, self.desk, refund.id, "退", self.now)
            async with self.writing.begin() as session:
                await offline.confirm_refund(session, self.finance, refund.id, self.now)

    async def _nothing_is_stranded(self) -> None:
        questions = {
            "hold": select(Hold.id).where(Hold.state == HoldState.ACTIVE),
            "answer": select(WorkOrder.id).where(WorkOrder.state == WorkOrderState.NEW),
            "order": select(Order.id).where(Order.state == OrderState.UNPAID),
            "payment": select(Payment.id).where(Payment.state == PaymentState.OPEN),
            "refund": select(Refund.id).where(Refund.state != RefundState.SUCCEEDED),
            "job": select(Job.id),
        }
        left = {what: await self.found(query) for what, query in questions.items()}
        if any(left.values()):
            raise Broken(f"left behind: { {what: ids for what, ids in left.items() if ids} }")
        for till in self.bank.tills.values():
            if till.intent_id is not None and till.paid_at is not None:
                await self._is_in_the_books(till.id)

    async def _is_in_the_books(self, session_id: str) -> None:
        found = await self.found(select(Payment).where(Payment.session_id == session_id))
        if [payment.state for payment in found] != [PaymentState.SUCCEEDED]:
            raise Broken(f"money at the bank that is not in the books: {session_id}")


def run_on(url: str, *, examples: int, steps: int, seed: int | None = None) -> None:
    """Run the machine on an empty database; without a seed every run is the same."""

    class Here(Machine):
        pass

    Here.url = url
    if seed is not None:
        hypothesis.seed(seed)(Here)
    run_state_machine_as_test(
        Here,
        settings=hypothesis.settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=seed is None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )
