"""Work orders for programs: listed, and taken step by step."""

from datetime import datetime
from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import WORK_ORDER_ACTORS, WORK_ORDER_VIEWERS, Actor, allow
from catalog.interface import (
    MEMBERS_ONLY,
    Before,
    Limit,
    PathId,
    QueryId,
    paged,
    problems,
)
from shop import phones, work_orders, work_steps
from shop.models import WorkOrderState
from shop.views import Decline, Parcel, PhoneView, WorkOrderPage, WorkOrderView


class WorkOrderController(Controller):
    path = "/api/work-orders"
    tags = ("work orders",)
    security = MEMBERS_ONLY

    @get(
        opt=allow(WORK_ORDER_VIEWERS), responses=problems(401, 403, 422), summary="List work orders"
    )
    async def work_orders(
        self,
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        in_state: Annotated[WorkOrderState | None, QueryParameter(name="state")] = None,
        workshop: QueryId = None,
        before: Before = None,
        limit: Limit = 50,
    ) -> WorkOrderPage:
        """Newest first; artisans see their own workshop's, once paid for."""
        found = await work_orders.list_work_orders(
            session,
            actor,
            states=None if in_state is None else (in_state,),
            workshop_id=workshop,
            before=before,
            most=limit + 1,
        )
        rows, following = paged(found, limit)
        return WorkOrderPage([WorkOrderView.seen_by(actor, row) for row in rows], following)

    @post(
        "/{work_order_id:int}/accept",
        opt=allow(WORK_ORDER_ACTORS),
        responses=problems(401, 403, 404, 409, 422),
        status_code=200,
        summary="Accept",
    )
    async def accept(
        self,
        work_order_id: PathId,
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> WorkOrderView:
        """The workshop takes the work. Repeating a step changes nothing; 409 out of turn."""
        return WorkOrderView.seen_by(
            actor, await work_steps.accept(session, actor, work_order_id, now)
        )

    @post(
        "/{work_order_id:int}/decline",
        opt=allow(WORK_ORDER_ACTORS),
        responses=problems(401, 403, 404, 409, 413, 422),
        status_code=200,
        summary="Decline",
    )
    async def decline(
        self,
        work_order_id: PathId,
        data: JSONBody[Decline],
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> WorkOrderView:
        """Exactly its goods and postage go back to the buyer; the order's other parts stay."""
        return WorkOrderView.seen_by(
            actor, await work_steps.decline(session, actor, work_order_id, data.reason, now)
        )

    @post(
        "/{work_order_id:int}/start",
        opt=allow(WORK_ORDER_ACTORS),
        responses=problems(401, 403, 404, 409, 422),
        status_code=200,
        summary="Start making",
    )
    async def start(
        self,
        work_order_id: PathId,
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> WorkOrderView:
        return WorkOrderView.seen_by(
            actor, await work_steps.start(session, actor, work_order_id, now)
        )

    @post(
        "/{work_order_id:int}/ready",
        opt=allow(WORK_ORDER_ACTORS),
        responses=problems(401, 403, 404, 409, 422),
        status_code=200,
        summary="Ready to send",
    )
    async def ready(
        self,
        work_order_id: PathId,
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> WorkOrderView:
        return WorkOrderView.seen_by(
            actor, await work_steps.ready(session, actor, work_order_id, now)
        )

    @post(
        "/{work_order_id:int}/ship",
        opt=allow(WORK_ORDER_ACTORS),
        responses=problems(401, 403, 404, 409, 413, 422),
        status_code=200,
        summary="Sent",
    )
    async def ship(
        self,
        work_order_id: PathId,
        data: JSONBody[Parcel],
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> WorkOrderView:
        """The parcel is with the carrier; its pieces leave the stock."""
        return WorkOrderView.seen_by(
            actor,
            await work_steps.ship(session, actor, work_order_id, data.carrier, data.tracking, now),
        )

    @post(
        "/{work_order_id:int}/deliver",
        opt=allow(WORK_ORDER_ACTORS),
        responses=problems(401, 403, 404, 409, 422),
        status_code=200,
        summary="Delivered",
    )
    async def deliver(
        self,
        work_order_id: PathId,
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> WorkOrderView:
        """The buyer has signed for it."""
        return WorkOrderView.seen_by(
            actor, await work_steps.deliver(session, actor, work_order_id, now)
        )

    @post(
        "/{work_order_id:int}/phone",
        opt=allow(WORK_ORDER_VIEWERS),
        responses=problems(401, 403, 404, 422),
        status_code=200,
        summary="The buyer's number",
    )
    async def phone(
        self,
        work_order_id: PathId,
        session: NamedDependency[AsyncSession],
        actor: NamedDependency[Actor],
        now: NamedDependency[datetime],
    ) -> PhoneView:
        """The whole number, for members with the right, and the family while it sends the parcel.

        Each time is written down. 403 `not_allowed` for all others.
        """
        work_order = await work_orders.work_order_for(session, actor, work_order_id)
        return PhoneView(phones.see_parcel_phone(session, actor, work_order, now))


ROUTES: list[ControllerRouterHandler] = [WorkOrderController]
