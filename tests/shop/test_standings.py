"""The board against the rows it is made of, reckoned once more by hand, after whatever happens."""

import random
from contextlib import aclosing, suppress
from datetime import datetime, timedelta

import msgspec
import pytest
from sqlalchemy import select

from catalog.db import Database, Sessions
from catalog.errors import OutOfStock
from catalog.models import Product, Stock
from live.board import BoardItem, board, feed_boards
from live.boards import Boards
from live.models import LineUpItem, Link, Show
from live.nudges import Nudges
from shop.errors import NoLine, PieceHeld
from shop.holding import Wanted
from shop.holds import lapse_holds
from shop.line import WAITS
from shop.models import Hold, HoldLine, HoldState, Order, OrderState, Waiter, WaiterState
from shop.standings import standings
from shop.waiting import join_line, leave_line
from tests.live.acting import sibling
from tests.making import NOON, make_live_show, make_product
from tests.shop.sales import expire, hold, link_to, order, pay, staff, want

STEPS = 40

Figures = tuple[int | None, int, int, int, datetime | None, int]
"""Free, held, sold, fen, held until, waiting."""


async def reckoned(sessions: Sessions, show: Show, now: datetime) -> list[Figures]:
    """The figures of each item, from every row that has to do with it."""
    async with sessions() as session:
        found = []
        items = select(LineUpItem).where(LineUpItem.show_id == show.id)
        for item in await session.scalars(items.order_by(LineUpItem.position)):
            stock = await session.get_one(Stock, item.product_id)
            lines = list(
                await session.execute(
                    select(HoldLine, Hold, Order.state)
                    .join(Hold, Hold.id == HoldLine.hold_id)
                    .outerjoin(Order, Order.hold_id == Hold.id)
                    .where(HoldLine.product_id == item.product_id)
                )
            )
            own = [row for row in lines if row.HoldLine.line_up_item_id == item.id]
            unpaid = [
                (line, its.expires_at)
                for line, its, ordered in lines
                if its.state == HoldState.ACTIVE
                or (its.state == HoldState.ORDERED and ordered == OrderState.UNPAID)
            ]
            sold = [
                (line.quantity, line.unit_fen)
                for line, _, ordered in own
                if ordered == OrderState.PAID
            ]
            waiters = await session.scalars(
                select(Waiter).where(Waiter.product_id == item.product_id)
            )
            found.append(
                (
                    stock.on_hand - stock.held + item.allotment_left,
                    sum(line.quantity for line, _ in unpaid if line.line_up_item_id == item.id),
                    sum(quantity for quantity, _ in sold),
                    sum(quantity * fen for quantity, fen in sold),
                    min((until for _, until in unpaid if until > now), default=None),
                    sum(
                        waiter.state == WaiterState.WAITING and waiter.created_at > now - WAITS
                        for waiter in waiters
                    ),
                )
            )
        return found


def told(item: BoardItem) -> Figures:
    return item.free, item.holds, item.sold, item.sold_fen, item.held_until, item.waiting


class Town:
    """Buyers who do at random what buyers do."""

    def __init__(self, database: Database, products: list[Product], links: list[Link]) -> None:
        self.now = NOON
        self._database, self._sessions = database, database.writing
        self._products, self._links = products, links
        self._orders: list[Order] = []
        self._waiters: list[Waiter] = []

    async def do(self, dice: random.Random) -> None:
        """One thing, whether it succeeds or is refused."""
        what = dice.choice((self.hold, self.hold, self.order, self.pay, self.let_go, self.wait))
        self.now += timedelta(minutes=dice.choice((0, 1, 5, 20)))
        with suppress(OutOfStock, PieceHeld, NoLine):
            await what(dice)

    def _wanted(self, dice: random.Random) -> Wanted:
        """By the show's link mostly, and sometimes past the show."""
        n = dice.randrange(len(self._links))
        if dice.random() < 0.2:
            return want(self._products[n])
        return Wanted(dice.choice((1, 1, 2)), self._links[n].code)

    async def hold(self, dice: random.Random) -> None:
        await hold(self._sessions, self._wanted(dice), now=self.now)

    async def order(self, dice: random.Random) -> None:
        self._orders.append(await order(self._sessions, self._wanted(dice), now=self.now))

    async def pay(self, dice: random.Random) -> None:
        if self._orders:
            placed = self._orders.pop(dice.randrange(len(self._orders)))
            await dice.choice((pay, pay, expire))(self._sessions, placed, self.now)

    async def let_go(self, dice: random.Random) -> None:
        if self._waiters and dice.random() < 0.5:
            async with self._sessions.begin() as session:
                await leave_line(session, self._waiters.pop().token)
        await lapse_holds(self._database, self.now)

    async def wait(self, dice: random.Random) -> None:
        n = dice.randrange(len(self._products))
        phone = f"138{dice.randrange(10**8):08d}"
        async with self._sessions.begin() as session:
            product, code = self._products[n], self._links[n].code
            self._waiters.append(await join_line(session, product.id, code, phone, phone, self.now))


@pytest.mark.parametrize("seed", range(4))
async def test_the_board_is_the_database_whatever_happens(database: Database, seed: int) -> None:
    sessions, dice = database.writing, random.Random(seed)
    feed_boards(database, standings)
    first = await make_product(sessions, on_hand=4)
    products = [first, await sibling(sessions, first, on_hand=2)]
    show = await make_live_show(sessions, products, allotment=1, price_fen=24100)
    manager = await staff(sessions, first)
    links = [await link_to(sessions, product, show, by=manager) for product in products]
    town, nudges, boards = Town(database, products, links), Nudges(database), Boards(database)
    nudges.listen(boards.look_again)
    async with aclosing(boards.watch(show.id)) as watch:
        await anext(watch)
        for _ in range(STEPS):
            await town.do(dice)
            async with database.reading() as session:
                latest = await board(session, show.id, town.now)
            assert [told(item) for item in latest.items] == await reckoned(sessions, show, town.now)
        assert sum(item.sold for item in latest.items) > 0

        async with database.reading() as session:
            at_last = msgspec.json.encode(await board(session, show.id))
        while await anext(watch) != at_last:
            pass
