"""What buyers do: hold, order, pay, look, and change their mind."""

from collections.abc import Collection
from enum import IntEnum

from hypothesis import strategies as st
from sqlalchemy import select

from catalog.models import Kind
from live.models import Link
from shop import cancelling, requests
from shop.buying import hold_pieces, let_go, order_pieces
from shop.checkout import OrderRequest, get_order, read_buyer
from shop.holding import Wanted
from shop.models import (
    BuyerRequest,
    Hold,
    Order,
    OrderState,
    Payment,
    PaymentState,
    RequestKind,
    Waiter,
    WorkOrder,
    WorkOrderState,
)
from shop.paying import close_payment, hear_of_payment, look_at_payment, open_payment
from shop.payments.offline_gateway import OFFLINE
from shop.switching import pay_by
from shop.waiting import join_line, leave_line
from shop.wallets import Way
from tests.machine.base import NEWEST, World, act_as
from tests.making import BUYER
from tests.shop.sales import GATEWAY

BROWSERS = st.sampled_from(["b1", "b2", "b3", ""])
PHONES = st.sampled_from(["13800138001", "13800138002", "13800138003"])
# Which products, and how many of each.
CARTS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 2)), min_size=1, max_size=3)
GATEWAYS = st.sampled_from([GATEWAY, GATEWAY, GATEWAY, OFFLINE])
WAYS = st.sampled_from([(GATEWAY, "alipay"), (GATEWAY, "card"), (OFFLINE, "")])


class HowFar(IntEnum):
    """How far a buyer goes in one step."""

    ORDERED = 0
    OPENED = 1
    PAID = 2
    SETTLED = 3


HOW_FAR = st.sampled_from([HowFar.SETTLED, HowFar.PAID, HowFar.OPENED, HowFar.ORDERED])
ASKABLE = {
    RequestKind.CANCEL: (WorkOrderState.MAKING, WorkOrderState.READY),
    RequestKind.RETURN: (WorkOrderState.DELIVERED,),
}
Cart = list[tuple[int, int]]


class Buyers(World):
    """The rules of buyers."""

    @act_as(cart=CARTS, browser=BROWSERS, on_show=st.booleans())
    async def hold(self, cart: Cart, browser: str, on_show: bool) -> None:
        await hold_pieces(self.shop, self._wanted(cart, on_show), browser, self.now)

    @act_as("holds active", n=NEWEST)
    async def release(self, n: int) -> None:
        hold = await self.one(select(Hold.token).order_by(Hold.id), n)
        await let_go(self.shop, hold, self.now)

    @act_as(
        "holds active",
        "orders unpaid",
        product=st.sampled_from([2, 2, 0, 1]),
        browser=BROWSERS,
        phone=PHONES,
        on_show=st.sampled_from([0, 0, 1]),
    )
    async def join_line(self, product: int, browser: str, phone: str, on_show: int) -> None:
        link = self._link(product) if on_show else None
        product_id, code = self.products[product].id, link.code if link else ""
        async with self.writing.begin() as session:
            await join_line(session, product_id, code, phone, browser, self.now)

    @act_as("waiters waiting", n=NEWEST)
    async def leave_line(self, n: int) -> None:
        waiter = await self.one(select(Waiter).order_by(Waiter.id), n)
        async with self.writing.begin() as session:
            await leave_line(session, waiter.token)

    @act_as(
        "holds active",
        "holds pay_first",
        n=NEWEST,
        phone=PHONES,
        gateway=GATEWAYS,
        browser=BROWSERS,
    )
    async def order_hold(self, n: int, phone: str, gateway: str, browser: str) -> None:
        # Also of those whose turn in line has come.
        hold = await self.one(select(Hold.token).order_by(Hold.id), n)
        asked = self._asked(phone, gateway, hold=hold)
        await self._order(asked, browser)

    @act_as(cart=CARTS, browser=BROWSERS, phone=PHONES, key=st.sampled_from([None, "k1", "k2"]))
    async def order_items(self, cart: Cart, browser: str, phone: str, key: str | None) -> None:
        asked = self._asked(phone, GATEWAY, items=self._wanted(cart, on_show=False), key=key)
        await self._order(asked, browser)

    @act_as("orders unpaid", n=NEWEST)
    async def open_payment(self, n: int) -> None:
        await open_payment(self.shop, await self.order(n))

    @act_as("orders unpaid", n=NEWEST, way=WAYS)
    async def pay_another_way(self, n: int, way: tuple[str, str]) -> None:
        gateway, method = way
        methods = (method,) if method else ()
        wanted = Way("any", gateway, methods, "", "")
        await pay_by(self.shop, self.pick(self.orders, n), wanted, self.now)

    @act_as("payable", n=NEWEST)
    async def pay(self, n: int) -> None:
        self.bank.pay(self.pick(self.bank.payable(), n))

    @act_as("orders unpaid", n=NEWEST, method=st.sampled_from(["alipay", "card"]))
    async def pay_twice(self, n: int, method: str) -> None:
        """By the way that was open, and once more by another."""
        order = await self.order(n)
        await open_payment(self.shop, order)
        await pay_by(self.shop, order.token, Way("any", GATEWAY, (method,), "", ""), self.now)
        ours = {payment.id for payment in (await self.order(n)).payments}
        for till in self.bank.payable():
            if till.request.payment_id in ours:
                self.bank.pay(till)

    @act_as(cart=CARTS, browser=BROWSERS, phone=PHONES, on_show=st.booleans(), how_far=HOW_FAR)
    async def buy(
        self, cart: Cart, browser: str, phone: str, on_show: bool, how_far: HowFar
    ) -> None:
        """The usual way in one step, so that much has been bought to go on with."""
        asked = self._asked(phone, GATEWAY, items=self._wanted(cart, on_show))
        await self._order(asked, browser)
        if how_far >= HowFar.OPENED:
            await open_payment(self.shop, await self.order(0))
        if how_far >= HowFar.PAID:
            self.bank.pay(self.pick(self.bank.payable(), 0))
        if how_far >= HowFar.SETTLED:
            await look_at_payment(self.shop, (await self.order(0)).payments[-1].id, self.now)

    @act_as("orders", n=NEWEST)
    async def come_back(self, n: int) -> None:
        await hear_of_payment(self.shop, await self.order(n), self.now)

    @act_as("payments open", n=NEWEST)
    async def look_at(self, n: int) -> None:
        await look_at_payment(self.shop, await self._payment(n), self.now)

    @act_as("payments open", n=NEWEST)
    async def close(self, n: int) -> None:
        """What cancelling does, and a confirmed receipt; at any time it may go no further."""
        open_ones = select(Payment.id).where(Payment.state == PaymentState.OPEN)
        unpaid = open_ones.join(Order).where(Order.state == OrderState.UNPAID)
        await close_payment(self.shop, await self.one(unpaid.order_by(Payment.id), n), self.now)

    @act_as("orders unpaid", "orders paid", n=NEWEST)
    async def cancel(self, n: int) -> None:
        await cancelling.cancel(self.shop, self.pick(self.orders, n), None, self.now)

    @act_as("orders paid", n=NEWEST)
    async def cancel_part(self, n: int) -> None:
        part, token = await self._part(n)
        await cancelling.cancel(self.shop, token, part, self.now)

    @act_as(
        "work_orders making",
        "work_orders ready",
        "work_orders delivered",
        n=NEWEST,
        kind=st.sampled_from(RequestKind),
    )
    async def ask(self, n: int, kind: RequestKind) -> None:
        """About work that has begun, or a parcel that has come, where there is one."""
        part, token = await self._part(n, ASKABLE[kind])
        async with self.writing.begin() as session:
            await requests.ask(session, token, part, kind, "改主意了", self.now)

    @act_as("buyer_requests asked", "buyer_requests agreed", n=NEWEST)
    async def withdraw(self, n: int) -> None:
        request = await self.one(select(BuyerRequest).order_by(BuyerRequest.id), n)
        async with self.writing.begin() as session:
            token = (await session.get_one(Order, request.order_id)).token
            await requests.withdraw(session, token, request.id, self.now)

    async def order(self, n: int) -> Order:
        async with self.database.reading() as session:
            return await get_order(session, self.pick(self.orders, n))

    async def _payment(self, n: int) -> int:
        found: int = await self.one(select(Payment.id).order_by(Payment.id), n)
        return found

    async def _part(self, n: int, states: Collection[WorkOrderState] = ()) -> tuple[int, str]:
        """A work order, in one of these states if there is one, and its order's token."""
        parts = await self.found(select(WorkOrder).order_by(WorkOrder.id))
        part = self.pick([one for one in parts if one.state in states] or parts, n)
        (order,) = await self.found(select(Order).where(Order.id == part.order_id))
        return part.id, order.token

    def _wanted(self, cart: Cart, on_show: bool) -> tuple[Wanted, ...]:
        return tuple(
            Wanted(quantity, link=link.code) if link else Wanted(quantity, product=product.id)
            for product, quantity, link in (
                (self.products[n], quantity, self._link(n) if on_show else None)
                for n, quantity in cart
            )
        )

    def _link(self, product: int) -> Link | None:
        """The link of a product in the latest show."""
        found = [one for one in self.links if one.product_id == self.products[product].id]
        return found[-1] if found else None

    def _asked(
        self,
        phone: str,
        gateway: str,
        *,
        hold: str | None = None,
        items: tuple[Wanted, ...] = (),
        key: str | None = None,
    ) -> OrderRequest:
        carved = {one.id for one in self.products if one.kind == Kind.MADE_TO_ORDER}
        return OrderRequest(
            read_buyer({**BUYER, "phone": phone}),
            gateway,
            hold=hold,
            items=items,
            key=key,
            custom_agreed=any(one.product in carved for one in items),
        )

    async def _order(self, asked: OrderRequest, browser: str) -> None:
        placed = await order_pieces(self.shop, asked, browser, self.now)
        if placed.token not in self.orders:
            self.orders.append(placed.token)
