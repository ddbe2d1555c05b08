"""Whatever happens in whatever order: postings balance, and no family can be paid what it is not owed."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from catalog.access import Actor
from catalog.db import Sessions
from catalog.errors import Invalid
from catalog.models import Product, Role, Workshop
from shop import payouts
from shop.errors import WrongPayoutState
from shop.models import LedgerEntry, Payout, PayoutLine, PayoutState, WorkOrder
from shop.payable import Standing, standings
from shop.payouts import Proof
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.money import give_back, sell

MONEY = st.integers(1, 50_000)
WHICH = st.integers(0, 5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("sell"), MONEY, st.sampled_from([0, 333, 500, 10_000])),
        st.tuples(st.sampled_from(["deliver", "give_back", "pay", "cancel"]), WHICH, WHICH),
        st.tuples(st.sampled_from(["draft", "approve"]), WHICH, WHICH),
        st.tuples(st.just("lift"), MONEY, WHICH),
        st.tuples(st.just("days"), st.integers(1, 9), WHICH),
    ),
    max_size=24,
)


class World:
    """A station with two families, and everything that may happen to their money."""

    def __init__(
        self, sessions: Sessions, products: list[Product], maker: Actor, other: Actor
    ) -> None:
        self.sessions, self.products = sessions, products
        self.maker, self.other = maker, other
        self.now = NOON
        self.parts: list[WorkOrder] = []
        self.returned: set[int] = set()

    async def take(self, step: str, number: int, more: int) -> None:
        with suppress(WrongPayoutState, Invalid):
            await getattr(self, f"_{step}")(number, more)

    async def _sell(self, fen: int, fee_bp: int) -> None:
        order = await sell(
            self.sessions, *self.products, goods_fen=fen, fee_bp=fee_bp, now=self.now
        )
        self.parts += order.work_orders

    async def _deliver(self, number: int, _more: int) -> None:
        if number < len(self.parts):
            async with self.sessions.begin() as session:
                part = await session.get_one(WorkOrder, self.parts[number].id)
                part.payable_on = self.now.date() + timedelta(days=number % 3)

    async def _give_back(self, number: int, _more: int) -> None:
        if number < len(self.parts) and number not in self.returned:
            self.returned.add(number)
            await give_back(self.sessions, self.parts[number], self.now)

    async def _days(self, number: int, _more: int) -> None:
        self.now += timedelta(days=number)

    async def _draft(self, _number: int, _more: int) -> None:
        async with self.sessions.begin() as session:
            await payouts.draft_run(session, self.maker, self.now)

    async def _approve(self, _number: int, _more: int) -> None:
        for run in await self._runs():
            async with self.sessions.begin() as session:
                await payouts.approve_run(session, self.other, run, self.now)

    async def _pay(self, number: int, _more: int) -> None:
        for payout in (await self.payouts())[number:][:1]:
            async with self.sessions.begin() as session:
                await payouts.mark_paid(session, self.maker, payout.id, Proof("1"), self.now)

    async def _cancel(self, number: int, _more: int) -> None:
        for payout in (await self.payouts())[number:][:1]:
            async with self.sessions.begin() as session:
                await payouts.cancel_payout(session, self.maker, payout.id, self.now)

    async def _lift(self, fen: int, number: int) -> None:
        whose = self.products[number % 2].workshop_id
        async with self.sessions.begin() as session:
            seen = await payouts.newest_entry(session, whose)
            typed = (f"{fen // 100}.{fen % 100:02d}", "难处")
            await payouts.lift_debt(session, self.other, whose, typed, seen, self.now)

    async def _runs(self) -> list[int]:
        async with self.sessions() as session:
            found = await payouts.list_runs(session, self.maker.station_id)
        return [run.id for run in found if run.state == PayoutState.DRAFTED]

    async def payouts(self) -> list[Payout]:
        query = select(Payout).where(Payout.station_id == self.maker.station_id)
        async with self.sessions() as session:
            return list(await session.scalars(query.order_by(Payout.id.desc())))

    async def check(self) -> None:
        """What must hold after every step."""
        async with self.sessions() as session:
            found = await standings(session, self.maker.station_id, self.now.date())
            fen = func.sum(LedgerEntry.amount_fen)
            by_posting = select(fen).group_by(LedgerEntry.posting_id).having(fen != 0)
            assert list(await session.scalars(by_posting)) == []
            lines = func.sum(PayoutLine.amount_fen)
            wrong = (
                select(Payout.id)
                .join(PayoutLine, PayoutLine.payout_id == Payout.id)
                .group_by(Payout.id, Payout.amount_fen)
                .having(lines != Payout.amount_fen)
            )
            assert list(await session.scalars(wrong)) == []
        for standing in found.values():
            await self._check_family(standing)

    async def _check_family(self, standing: Standing) -> None:
        assert standing.payable_fen <= standing.balance_fen
        assert standing.carried_fen == max(0, -standing.payable_fen)
        assert all(part.amount_fen > 0 for part in standing.waiting)
        earned = [
            part.goods_fen + part.shipping_fen - part.lines[0].fee_fen
            for number, part in enumerate(self.parts)
            if part.workshop_id == standing.workshop.id and number not in self.returned
        ]
        paid = [
            payout.amount_fen
            for payout in await self.payouts()
            if payout.workshop_id == standing.workshop.id and payout.state == PayoutState.PAID
        ]
        async with self.sessions() as session:
            query = select(func.sum(LedgerEntry.amount_fen)).where(
                LedgerEntry.workshop_id == standing.workshop.id,
                LedgerEntry.work_order_id.is_(None),
                LedgerEntry.amount_fen > 0,
            )
            lifted = int(await session.scalar(query) or 0)
        assert standing.balance_fen == sum(earned) - sum(paid) + lifted


async def make_world(sessions: Sessions, name: str) -> World:
    station = await make_station(sessions, name)
    families: list[Workshop] = [await make_workshop(sessions, station) for _ in range(2)]
    products = [await make_product(sessions, family) for family in families]
    people = [act(await make_member(sessions, station, Role.MANAGER)) for _ in range(2)]
    return World(sessions, products, *people)


_worlds = iter(range(10**6))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
async def test_money_stays_whole_whatever_happens(
    sessions: Sessions, steps: list[tuple[str, int, int]]
) -> None:
    world = await make_world(sessions, f"s{next(_worlds)}")
    for step in steps:
        await world.take(*step)
        await world.check()


async def test_a_long_story_on_both_databases(sessions: Sessions) -> None:
    world = await make_world(sessions, "long")
    story = [
        ("sell", 26800, 500), ("sell", 333, 333), ("deliver", 0, 0), ("deliver", 2, 0),
        ("draft", 0, 0), ("approve", 0, 0), ("pay", 0, 0), ("give_back", 0, 0), ("days", 8, 0),
        ("draft", 0, 0), ("lift", 5000, 0), ("deliver", 1, 0), ("days", 2, 0), ("draft", 0, 0),
        ("approve", 0, 0), ("give_back", 1, 0), ("pay", 0, 0), ("pay", 1, 0), ("cancel", 0, 0),
        ("sell", 50000, 0), ("deliver", 4, 0), ("deliver", 5, 0), ("days", 9, 0), ("draft", 0, 0),
        ("approve", 0, 0), ("pay", 0, 0), ("pay", 1, 0),
    ]  # fmt: skip
    for step in story:
        await world.take(*step)
        await world.check()
    first, second = (product.workshop_id for product in world.products)
    told = [(one.workshop_id, one.amount_fen, one.state) for one in await world.payouts()]
    # 30662 is 508 yuan of the last sale and 11.22 of the second, less 262.60 that went back after
    # it had been paid, of which the fund took 50 over.
    assert told == [
        (second, 50800, PayoutState.PAID),
        (first, 30662, PayoutState.PAID),
        (second, 26260, PayoutState.CANCELLED),
        (first, 26260, PayoutState.PAID),
    ]
