"""What all rules of the machine stand on: the world that they change, and how they change it."""

import asyncio
import functools
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from sqlalchemy import Select, text

from catalog.chain import head_of
from catalog.db import Base, Database
from catalog.errors import Refusal
from catalog.models import Kind, Product, Role
from live.models import Link, Show, ShowState
from media.storage import Storage
from shop.context import Shop
from shop.payments.gateway import Gateway, GatewayRefused, GatewayUnavailable
from shop.payments.offline_gateway import OFFLINE, OfflineGateway
from tests.machine import family_invariants, invariants
from tests.machine.bank import Bank
from tests.making import NOON, act, make_member, make_product, make_station, make_workshop
from tests.shop.sales import GATEWAY

T = TypeVar("T")
M = TypeVar("M", bound="World")

NEWEST = st.integers(0, 7)
"""Which of several: 0 is the newest of them."""

DONE, NOTHING = "done", "nothing there"


class NothingThereError(Exception):
    """There is none of what the rule is about."""


class Broken(AssertionError):
    """Something is not as it must be."""


def act_as(*needs: str, **given: Any) -> Callable[[Callable[..., Awaitable[None]]], Any]:
    """A rule that runs an asynchronous method, where there is any of what it `needs`.

    What the shop refuses is an answer, not a fault.
    """

    def decorate(work: Callable[..., Awaitable[None]]) -> Any:
        @functools.wraps(work)
        def take(self: "World", **values: Any) -> None:
            self.do(work.__name__, lambda: work(self, **values))

        ready: Any = rule(**given)(take)  # type: ignore[no-untyped-call]
        if needs:
            ready = precondition(lambda self: any(self.there[what] for what in needs))(ready)
        return ready

    return decorate


_STATES = (
    "holds",
    "orders",
    "payments",
    "work_orders",
    "refunds",
    "buyer_requests",
    "payouts",
    "offline_receipts",
    "shows",
    "waiters",
    "date_changes",
)
_COUNTED = {
    "jobs": "outbox",
    "orders": "orders",
    "handovers": "handovers",
    "stages": "stage_photos",
    "closures": "closures WHERE removed_at IS NULL",
}
_BY_HAND = """
    SELECT 'by hand', COUNT(*) FROM refunds r JOIN payments p ON p.id = r.payment_id
    WHERE r.state = 'failed' OR (r.state <> 'succeeded'
        AND (p.gateway = 'offline' OR r.recorded_by IS NOT NULL))"""
_THERE = text(
    " UNION ALL ".join(
        [f"SELECT '{table} ' || state, COUNT(*) FROM {table} GROUP BY state" for table in _STATES]  # noqa: S608
        + [f"SELECT '{name}', COUNT(*) FROM {rows}" for name, rows in _COUNTED.items()]  # noqa: S608
        + [_BY_HAND]
    )
)


class World(RuleBasedStateMachine):
    """One station with two families and five products; a shop, its bank, and the time."""

    url: ClassVar[str]
    counted: ClassVar[Counter[tuple[str, str]]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = NOON
        self.broken = False
        self.sealed = 0
        self.jobs_seen: list[tuple[int, str, dict[str, int]]] = []
        self.shows: list[Show] = []
        self.links: list[Link] = []
        self.orders: list[str] = []
        self.there: Counter[str] = Counter()
        self.runner = asyncio.Runner()
        self.runner.run(self._begin())

    async def _begin(self) -> None:
        self.database = Database.connect(self.url)
        await self._empty()
        self.bank = Bank(clock=lambda: self.now)
        gateways: dict[str, Gateway] = {
            GATEWAY: self.bank,
            OFFLINE: OfflineGateway(self.database, "http://shop"),
        }
        self.shop = Shop(self.database, gateways, GATEWAY, "http://shop")
        self.storage = Storage.open("memory:///")
        self.writing = self.database.writing
        await self._people()
        await self._things()

    async def _empty(self) -> None:
        tables = [table.name for table in Base.metadata.sorted_tables]
        async with self.database.writing.begin() as session:
            if session.get_bind().dialect.name == "postgresql":
                await session.execute(
                    text(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
                )
                return
            await session.execute(text("PRAGMA defer_foreign_keys = ON"))
            for name in reversed(tables):
                await session.execute(text(f"DELETE FROM {name}"))  # noqa: S608
            await session.execute(text("DELETE FROM sqlite_sequence"))

    async def _people(self) -> None:
        self.station = await make_station(self.writing)
        self.families = [
            await make_workshop(self.writing, self.station, name)
            for name in ("王家木作", "李家木雕")
        ]
        roles = (Role.MANAGER, Role.FINANCE, Role.ORDER_DESK, Role.HOST)
        self.manager, self.finance, self.desk, self.host = [
            act(await make_member(self.writing, self.station, role)) for role in roles
        ]
        self.artisans = [
            act(await make_member(self.writing, self.station, Role.ARTISAN, family))
            for family in self.families
        ]

    async def _things(self) -> None:
        first, second = self.families
        self.products: list[Product] = [
            await make_product(self.writing, second, on_hand=4, price_fen=1001),
            await make_product(self.writing, first, on_hand=5, price_fen=333, kept_at_station=True),
            await make_product(self.writing, first, on_hand=1, kind=Kind.ONE_OF_A_KIND),
            await make_product(
                self.writing, second, on_hand=0, kind=Kind.MADE_TO_ORDER, work_days=5
            ),
        ]

    # For rules

    def do(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Take one step, and count how it ended."""
        try:
            self.run(work())
            ended = DONE
        except NothingThereError:
            ended = NOTHING
        except (Refusal, GatewayUnavailable, GatewayRefused) as refusal:
            ended = type(refusal).__name__
        except BaseException:
            self.broken = True
            raise
        self.counted[name, ended] += 1

    def run(self, work: Awaitable[T]) -> T:
        async def until_done() -> T:
            return await work

        return self.runner.run(until_done())

    def pick(self, some: Sequence[T], n: int) -> T:
        """One of some, counted from the newest."""
        if not some:
            raise NothingThereError
        return some[-1 - n % len(some)]

    async def found(self, query: Select[Any]) -> list[Any]:
        """The rows, oldest first."""
        async with self.database.reading() as session:
            return list((await session.scalars(query)).unique())

    async def one(self, query: Select[Any], n: int) -> Any:
        return self.pick(await self.found(query), n)

    async def must_hold(self) -> None:
        """Raises Broken when anything is not as it must be."""
        async with self.database.reading() as session:
            found = await invariants.faults(session, self.bank, self.sealed)
            found += await family_invariants.faults(session)
            self.sealed, _ = await head_of(session, self.station.id)
            self.there = Counter(dict((await session.execute(_THERE)).all()))
        self.there.update(
            payable=len(self.bank.payable()),
            untold=sum(not message.told for message in self.bank.messages),
            told=len(self.bank.messages),
            pending=len(self.bank.pending()),
            seen=len(self.jobs_seen),
            forgotten=sum(till.forgotten for till in self.bank.tills.values()),
            no_show=all(show.state == ShowState.ENDED for show in self.shows),
        )
        if found:
            self.broken = True
            raise Broken("; ".join(found))
