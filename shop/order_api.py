"""A buyer's change of mind for programs: cancel at once, or ask the desk. The token is the key."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.interface import FOR_ALL, BodyId, problems
from shop import requests
from shop.cancelling import cancel
from shop.checkout import get_order
from shop.context import Shop
from shop.models import BuyerRequest, RequestKind, RequestState
from shop.sheet import read_many
from shop.views import OrderView

TokenPath = Annotated[str, PathParameter(max_length=60)]


class CancelBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to cancel: one work order, or (left out) all of the order that can be cancelled."""

    work_order: BodyId | None = None


class RequestBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the desk is asked for. A cancel needs a `reason`, a return does not."""

    work_order: BodyId
    kind: RequestKind
    reason: str = ""


class RequestView(msgspec.Struct, kw_only=True):
    """What a buyer asked of the desk, and what it answered: for a return, where to send it."""

    id: int
    work_order: int
    kind: RequestKind
    state: RequestState
    reason: str
    answer: str
    asked_at: datetime
    decided_at: datetime | None
    done_at: datetime | None

    @classmethod
    def of(cls, request: BuyerRequest) -> "RequestView":
        return cls(
            id=request.id,
            work_order=request.work_order_id,
            kind=request.kind,
            state=request.state,
            reason=request.reason,
            answer=request.answer,
            asked_at=request.asked_at,
            decided_at=request.decided_at,
            done_at=request.done_at,
        )


class ChangeController(Controller):
    path = "/api/orders/{token:str}"
    tags = ("buying",)
    security = FOR_ALL

    @post(
        "/cancel",
        opt=allow(EVERYONE),
        responses=problems(401, 404, 409, 413, 422, 503),
        status_code=200,
        summary="Cancel before work begins",
    )
    async def cancel(
        self,
        token: TokenPath,
        data: JSONBody[CancelBody],
        shop: NamedDependency[Shop],
        now: NamedDependency[datetime],
    ) -> OrderView:
        """Goods and postage of what is cancelled go back the way the money came.

        An unpaid order is closed at its gateway first: 503 `payment_not_closed` when that does
        not answer. 409 `wrong_work_order_state` once work has begun: ask the desk instead.
        """
        await cancel(shop, token, data.work_order, now)
        return OrderView.of(await shop.together(read_many, token))

    @get(
        "/requests",
        opt=allow(EVERYONE),
        responses=problems(401, 404, 422),
        summary="What was asked",
    )
    async def asked(
        self,
        token: TokenPath,
        session: NamedDependency[AsyncSession],
    ) -> list[RequestView]:
        """All that was asked about an order, oldest first, with the desk's answers."""
        order = await get_order(session, token)
        return [RequestView.of(row) for row in await requests.requests_of(session, order.id)]

    @post(
        "/requests",
        opt=allow(EVERYONE),
        responses=problems(401, 404, 409, 413, 422),
        summary="Ask to cancel or to return",
    )
    async def ask(
        self,
        token: TokenPath,
        data: JSONBody[RequestBody],
        session: NamedDependency[AsyncSession],
        now: NamedDependency[datetime],
    ) -> RequestView:
        """The desk answers. Asking again for the same finds the request that stands.

        409 `wrong_work_order_state` where it can not be asked now, with the reason: work has not
        begun, the seven days are over, or it was made to order and agreed to as such.
        """
        asked = await requests.ask(session, token, data.work_order, data.kind, data.reason, now)
        return RequestView.of(asked)


ROUTES: list[ControllerRouterHandler] = [ChangeController]
