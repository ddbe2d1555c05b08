"""What the station's people do with money: receipts, refunds, shares and payouts."""

from datetime import timedelta

from hypothesis import strategies as st
from sqlalchemy import select

from shop import fees, offline, overdue, payouts, refunds
from shop.checkout import get_order
from shop.models import (
    OfflineReceipt,
    Payment,
    PaymentState,
    Payout,
    PayoutRun,
    PayoutState,
    ReceiptState,
    Refund,
    RefundState,
)
from shop.payments.offline_gateway import OFFLINE
from shop.payouts import Proof
from tests.machine.base import NEWEST, World, act_as

WAYS = st.sampled_from(["cash", "code"])


class MoneyDesk(World):
    """The rules of money in people's hands."""

    @act_as("orders unpaid", "orders expired", n=NEWEST, way=WAYS)
    async def take_cash(self, n: int, way: str) -> None:
        token = self.pick(self.orders, n)
        async with self.writing.begin() as session:
            order = await get_order(session, token)
            await offline.record_receipt(
                session, self.storage, self.desk, order, way, f"收据 {n}", None, self.now
            )

    @act_as("orders unpaid", n=NEWEST)
    async def pay_in_cash(self, n: int) -> None:
        """Taken by one person and confirmed by another, in one step."""
        token = self.pick(self.orders, n)
        async with self.writing.begin() as session:
            order = await get_order(session, token)
            receipt = await offline.record_receipt(
                session, self.storage, self.desk, order, "cash", "收据", None, self.now
            )
        await offline.confirm_receipt(self.shop, self.finance, receipt.id, self.now)

    @act_as("offline_receipts recorded", n=NEWEST)
    async def confirm_cash(self, n: int) -> None:
        await offline.confirm_receipt(self.shop, self.finance, await self._receipt(n), self.now)

    @act_as("offline_receipts recorded", n=NEWEST)
    async def reject_cash(self, n: int) -> None:
        receipt = await self._receipt(n)
        async with self.writing.begin() as session:
            await offline.reject_receipt(session, self.finance, receipt, "没有到账", self.now)

    async def _receipt(self, n: int) -> int:
        receipts = await self.found(select(OfflineReceipt).order_by(OfflineReceipt.id))
        waiting = [one for one in receipts if one.state == ReceiptState.RECORDED]
        found: int = self.pick(waiting or receipts, n).id
        return found

    @act_as("refunds failed", n=NEWEST)
    async def retry_refund(self, n: int) -> None:
        failed = select(Refund.id).where(Refund.state == RefundState.FAILED).order_by(Refund.id)
        refund = await self.one(failed, n)
        async with self.writing.begin() as session:
            await refunds.retry_refund(session, self.desk, refund, self.now)

    @act_as("by hand", n=NEWEST)
    async def hand_back(self, n: int) -> None:
        refund = await self._by_hand(n)
        async with self.writing.begin() as session:
            await offline.record_refund(session, self.desk, refund, f"退 {n}", self.now)

    @act_as("by hand", n=NEWEST)
    async def confirm_handed_back(self, n: int) -> None:
        refund = await self._by_hand(n)
        async with self.writing.begin() as session:
            await offline.confirm_refund(session, self.finance, refund, self.now)

    async def _by_hand(self, n: int) -> int:
        """A refund that people may give back, if there is one; else any."""
        every = await self.found(select(Refund).order_by(Refund.id))
        cash = set(await self.found(select(Payment.id).where(Payment.gateway == OFFLINE)))
        theirs = [
            one
            for one in every
            if one.state != RefundState.SUCCEEDED
            and (one.payment_id in cash or one.state == RefundState.FAILED or one.recorded_by)
        ]
        found: int = self.pick(theirs or every, n).id
        return found

    @act_as("forgotten", n=NEWEST)
    async def no_money_came(self, n: int) -> None:
        """A person looked at the bank's own pages, where the session is not known."""
        open_ones = select(Payment.id).where(Payment.state == PaymentState.OPEN)
        payment = await self.one(open_ones.order_by(Payment.id), n)
        async with self.writing.begin() as session:
            await overdue.decide_no_money(session, self.finance, payment, self.now)

    @act_as(
        "orders",
        percent=st.sampled_from(["0", "3.33", "10", "100"]),
        family=st.sampled_from([0, 1, None]),
    )
    async def change_share(self, percent: str, family: int | None) -> None:
        whose = "" if family is None else str(self.families[family].id)
        async with self.writing.begin() as session:
            await fees.add_rule(
                session, self.manager, {"workshop": whose, "kind": "", "percent": percent}, self.now
            )

    @act_as("work_orders delivered", days=st.sampled_from([0, 9]))
    async def draft_run(self, days: int) -> None:
        """Now, or when what was delivered can no longer be sent back."""
        self.now += timedelta(days=days)
        async with self.writing.begin() as session:
            await payouts.draft_run(session, self.manager, self.now)

    @act_as("work_orders delivered")
    async def payday(self) -> None:
        """The usual way in one step: nothing can be sent back any more, and all is handed over."""
        self.now += timedelta(days=9)
        await self.hand_over_all()

    async def hand_over_all(self) -> None:
        async with self.writing.begin() as session:
            run = await payouts.draft_run(session, self.manager, self.now)
        async with self.writing.begin() as session:
            await payouts.approve_run(session, self.finance, run.id, self.now)
        for payout in run.payouts:
            async with self.writing.begin() as session:
                await payouts.mark_paid(session, self.manager, payout.id, Proof("88"), self.now)

    @act_as("payouts drafted", n=NEWEST)
    async def approve_run(self, n: int) -> None:
        run = await self.one(select(PayoutRun.id).order_by(PayoutRun.id), n)
        async with self.writing.begin() as session:
            await payouts.approve_run(session, self.finance, run, self.now)

    @act_as("payouts approved", n=NEWEST)
    async def pay_out(self, n: int) -> None:
        payout = await self._payout(PayoutState.APPROVED, n)
        async with self.writing.begin() as session:
            await payouts.mark_paid(session, self.manager, payout, Proof("88"), self.now)

    @act_as("payouts drafted", "payouts approved", n=NEWEST)
    async def cancel_payout(self, n: int) -> None:
        payout = await self._payout(PayoutState.DRAFTED, n)
        async with self.writing.begin() as session:
            await payouts.cancel_payout(session, self.manager, payout, self.now)

    async def _payout(self, state: PayoutState, n: int) -> int:
        every = await self.found(select(Payout).order_by(Payout.id))
        found: int = self.pick([one for one in every if one.state == state] or every, n).id
        return found

    @act_as("payouts paid", family=st.integers(0, 1), yuan=st.sampled_from(["1", "3.30"]))
    async def lift_debt(self, family: int, yuan: str) -> None:
        whose = self.families[family].id
        async with self.writing.begin() as session:
            seen = await payouts.newest_entry(session, whose)
            await payouts.lift_debt(session, self.manager, whose, (yuan, "困难"), seen, self.now)
