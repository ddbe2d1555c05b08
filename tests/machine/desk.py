"""What the station's people and the families do with orders, pieces and shows."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from catalog import stock
from catalog.access import Actor
from catalog.models import Product
from live.lineup import put_line_up
from live.links import add_link
from live.models import Placement
from live.on_air import end_show, start_show
from live.scheduling import schedule_show
from shop import requests, work_steps
from shop.errors import WrongPayoutState
from shop.models import BuyerRequest, RequestKind, RequestState, WorkOrder, WorkOrderState
from tests.machine.base import NEWEST, act_as
from tests.machine.money import MoneyDesk

STEPS = st.sampled_from(["accept", "start", "ready", "ship", "deliver", "decline", "cancel"])
BY_WHOM = st.sampled_from(["desk", "family", "family", "other family"])
MORE: dict[str, tuple[str, ...]] = {
    "ship": ("顺丰", "SF123456"),
    "decline": ("没有木料",),
    "cancel": ("买家来电",),
}
NEXT = {
    WorkOrderState.NEW: "accept",
    WorkOrderState.ACCEPTED: "start",
    WorkOrderState.MAKING: "ready",
    WorkOrderState.READY: "ship",
    WorkOrderState.SHIPPED: "deliver",
}
ALLOTMENTS = st.lists(st.integers(0, 2), min_size=3, max_size=3)


class Desk(MoneyDesk):
    """The rules of desk, families and hosts."""

    @act_as("orders paid", n=NEWEST, name=STEPS, who=BY_WHOM)
    async def step(self, n: int, name: str, who: str) -> None:
        """A step of a work order that may take it, if there is one; else of any."""
        parts = await self.found(select(WorkOrder).order_by(WorkOrder.id))
        part = self.pick([one for one in parts if work_steps.may_take(one, name)] or parts, n)
        await self.take_step(part, name, self._who(part, who))

    @act_as("work_orders new", n=NEWEST)
    async def send_and_deliver(self, n: int) -> None:
        """The whole way of a work order, so that there is something to return and to pay out."""
        parts = await self.found(select(WorkOrder).order_by(WorkOrder.id))
        part = self.pick([one for one in parts if work_steps.may_take(one, "accept")], n)
        for name in ("accept", "ship", "deliver"):
            await self.take_step(part, name, self.manager)

    @act_as("orders paid", n=NEWEST)
    async def go_on(self, n: int) -> None:
        """A family takes the step that usually comes next."""
        parts = await self.found(select(WorkOrder).order_by(WorkOrder.id))
        part = self.pick([one for one in parts if one.state in NEXT], n)
        await self.take_step(part, NEXT[part.state], self._who(part, "family"))

    async def take_step(self, part: WorkOrder, name: str, actor: Actor) -> None:
        step = getattr(work_steps, name)
        async with self.writing.begin() as session:
            await step(session, actor, part.id, *MORE.get(name, ()), self.now)

    def _who(self, part: WorkOrder, who: str) -> Actor:
        if who == "desk":
            return self.desk
        own = part.workshop_id == self.families[0].id
        return self.artisans[own == (who != "family")]

    @act_as("buyer_requests asked", n=NEWEST, agreed=st.booleans())
    async def answer(self, n: int, agreed: bool) -> None:
        request = await self._request(RequestState.ASKED, n)
        answer = requests.agree if agreed else requests.refuse
        async with self.writing.begin() as session:
            await answer(session, self.desk, request, "好的", self.now)

    @act_as("buyer_requests agreed", n=NEWEST, our_fault=st.booleans())
    async def return_arrives(self, n: int, our_fault: bool) -> None:
        request = await self._request(RequestState.AGREED, n)
        async with self.writing.begin() as session:
            await requests.arrived(session, self.desk, request, our_fault, self.now)

    @act_as(
        "work_orders delivered", n=NEWEST, our_fault=st.booleans(), days=st.sampled_from([1, 9])
    )
    async def send_back(self, n: int, our_fault: bool, days: int) -> None:
        """The whole way of a return: with nine days for the parcel, its family may be paid first."""
        parts = await self.found(
            select(WorkOrder)
            .where(WorkOrder.state == WorkOrderState.DELIVERED)
            .options(joinedload(WorkOrder.order))
            .order_by(WorkOrder.id)
        )
        part = self.pick(parts, n)
        async with self.writing.begin() as session:
            asked = await requests.ask(
                session, part.order.token, part.id, RequestKind.RETURN, "", self.now
            )
            await requests.agree(session, self.desk, asked.id, "寄回站里", self.now)
        self.now += timedelta(days=days)
        if days > 1:
            with suppress(WrongPayoutState):
                await self.hand_over_all()
        async with self.writing.begin() as session:
            await requests.arrived(session, self.desk, asked.id, our_fault, self.now)

    async def _request(self, state: RequestState, n: int) -> int:
        """A request that waits for this, if there is one; else any."""
        asked = await self.found(select(BuyerRequest).order_by(BuyerRequest.id))
        waiting = [
            one
            for one in asked
            if one.state == state
            and (state == RequestState.ASKED or one.kind == RequestKind.RETURN)
        ]
        found: int = self.pick(waiting or asked, n).id
        return found

    @act_as(product=st.integers(0, 2), change=st.sampled_from([-2, -1, 1, 2]))
    async def count(self, product: int, change: int) -> None:
        async with self.writing.begin() as session:
            row = await session.get_one(Product, self.products[product].id)
            await stock.change(session, self.manager, row, change, "盘点", self.now)

    @act_as("no_show", allotments=ALLOTMENTS, on_air=st.booleans())
    async def plan_show(self, allotments: list[int], on_air: bool) -> None:
        """A show with links to its products, on air at once or not yet."""
        when = {"starts_at": self.now, "ends_at": self.now + timedelta(hours=2)}
        async with self.writing.begin() as session:
            show = await schedule_show(session, self.host, {"title": "专场", **when}, self.now)
            await put_line_up(session, self.host, show.id, self._rows(allotments), self.now)
            links = [
                await add_link(
                    session,
                    self.host,
                    product_id=product.id,
                    show_id=show.id,
                    placement=Placement.CARD,
                    now=self.now,
                )
                for product in self.products
            ]
        self.shows.append(show)
        self.links += links
        if on_air:
            await self._turn(start_show)

    @act_as("shows draft", "shows live", allotments=ALLOTMENTS)
    async def plan_again(self, allotments: list[int]) -> None:
        show = self.pick(self.shows, 0)
        async with self.writing.begin() as session:
            await put_line_up(session, self.host, show.id, self._rows(allotments), self.now)

    @act_as("shows draft")
    async def start_show(self) -> None:
        await self._turn(start_show)

    @act_as("shows live")
    async def end_show(self) -> None:
        await self._turn(end_show)

    async def _turn(self, turn: Any) -> None:
        show = self.pick(self.shows, 0)
        async with self.writing.begin() as session:
            self.shows[-1] = await turn(session, self.host, show.id, self.now)

    def _rows(self, allotments: list[int]) -> list[dict[str, Any]]:
        """Finished pieces with the allotments given, then what is made to order."""
        return [
            {"product": product.id, "allotment": allotment, "show_price_fen": 499}
            for product, allotment in zip(self.products, [*allotments, 0], strict=True)
        ]
