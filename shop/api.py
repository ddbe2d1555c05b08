"""Holds, orders, the ledger and reports for programs."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, JSONBody, PathParameter
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import (
    EVERYONE,
    MONEY_VIEWERS,
    REPORT_VIEWERS,
    Actor,
    allow,
)
from catalog.errors import Invalid
from catalog.interface import (
    FOR_ALL,
    MEMBERS_ONLY,
    Before,
    Limit,
    PathId,
    QueryId,
    faults_as,
    problems,
)
from live.report import Report
from shop.buying import hold_pieces, order_pieces
from shop.checkout import Buyer, OrderRequest, read_buyer
from shop.context import Shop
from shop.errors import PaymentUnavailable, WrongOrderState
from shop.holding import Wanted
from shop.languages import language_of
from shop.paying import open_payment
from shop.reports import show_report
from shop.sheet import OrderSheet, read_many
from shop.statement import Statement, statement
from shop.views import (
    BuyerBody,
    HoldBody,
    HoldView,
    OrderBody,
    OrderView,
    WantedItem,
)

# A program holds for many buyers: it keeps each hold by its token, not by a browser's cookie.
_NO_BROWSER = ""

_BUYER_FIELDS = {
    "name": "buyer.name",
    "phone": "buyer.phone",
    **{field: f"buyer.address.{field}" for field in ("province", "city", "district", "detail")},
}


class HoldController(Controller):
    path = "/api/holds"
    tags = ("buying",)

    @post(
        opt=allow(EVERYONE),
        security=FOR_ALL,
        responses=problems(401, 404, 409, 410, 413, 422),
        summary="Hold pieces",
    )
    async def hold(
        self,
        data: JSONBody[HoldBody],
        shop: NamedDependency[Shop],
        asker: NamedDependency[Actor | None],
    ) -> HoldView:
        """Promises everything asked for until `expires_at`, at frozen prices, or nothing.

        Answers 409 `out_of_stock` when too few pieces are free, 409 `not_open` while the station
        is getting ready, and 410 for a retired link.
        """
        own = asker.station_id if asker else None
        return HoldView.of(
            await hold_pieces(shop, _wanted(data.items), _NO_BROWSER, datetime.now(UTC), own)
        )


class OrderController(Controller):
    path = "/api/orders"
    tags = ("buying",)

    @post(
        opt=allow(EVERYONE),
        security=FOR_ALL,
        responses=problems(401, 404, 409, 410, 413, 422),
        summary="Place an order",
    )
    async def place(
        self,
        data: JSONBody[OrderBody],
        shop: NamedDependency[Shop],
        asker: NamedDependency[Actor | None],
        idempotency_key: Annotated[
            str | None,
            HeaderParameter(
                name="Idempotency-Key",
                min_length=1,
                max_length=100,
                description="Any text of the asker's own, new for each order. Asking again with "
                "the same key and body finds the same order; another body is refused.",
            ),
        ] = None,
        accept_language: Annotated[
            str,
            HeaderParameter(
                name="Accept-Language",
                description="The buyer is told by message in Chinese, or in English where this "
                "likes it better.",
            ),
        ] = "",
    ) -> OrderView:
        """An unpaid order; the buyer pays at `pay_url`.

        `pay_url` is null when the payment service does not answer. The order stands all the
        same: ask again with the same key. Answers 409 `out_of_stock` or `hold_expired`, and
        422 `idempotency_key_reused` for a key that came with another body.
        """
        with faults_as(**_BUYER_FIELDS):
            buyer = _buyer(data.buyer)
        language = language_of(accept_language)
        asked = _request(shop, data, buyer, idempotency_key, language)
        own = asker.station_id if asker else None
        order = await order_pieces(shop, asked, _NO_BROWSER, datetime.now(UTC), own)
        await _open(shop, order)
        return OrderView.of(order)

    @get(
        "/{token:str}",
        opt=allow(EVERYONE),
        security=FOR_ALL,
        responses=problems(401, 404, 422),
        summary="One order",
    )
    async def order(
        self,
        token: Annotated[str, PathParameter(max_length=60)],
        shop: NamedDependency[Shop],
    ) -> OrderView:
        """How it stands. The token is the key to it; nothing is told about the buyer."""
        return OrderView.of(await shop.together(read_many, token))


def _wanted(items: list[WantedItem]) -> tuple[Wanted, ...]:
    return tuple(
        Wanted(quantity=item.quantity, link=item.link, product=item.product) for item in items
    )


def _buyer(body: BuyerBody) -> Buyer:
    address = body.address
    return read_buyer(
        {
            "name": body.name,
            "phone": body.phone,
            "province": address.province,
            "city": address.city,
            "district": address.district,
            "detail": address.detail,
        }
    )


def _request(
    shop: Shop, body: OrderBody, buyer: Buyer, key: str | None, language: str
) -> OrderRequest:
    if body.hold is not None and body.items:
        raise Invalid({"items": "预留和作品只能给一样。"})
    return OrderRequest(
        buyer=buyer,
        gateway=shop.gateway_name(body.gateway),
        hold=body.hold,
        items=_wanted(body.items),
        key=key,
        custom_agreed=body.custom_agreed,
        likeness_agreed=body.likeness_agreed,
        language=language,
    )


async def _open(shop: Shop, order: OrderSheet) -> None:
    try:
        await open_payment(shop, order)
    except (PaymentUnavailable, WrongOrderState):
        # The order stands, or was paid since it was first asked for: either way it is the answer.
        return


@get(
    "/api/ledger",
    opt=allow(MONEY_VIEWERS),
    security=MEMBERS_ONLY,
    responses=problems(401, 403, 404, 422),
    tags=["money"],
    summary="Ledger entries and the balance",
)
async def ledger(
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    workshop: QueryId = None,
    before: Before = None,
    limit: Limit = 50,
) -> Statement:
    """Newest first: of one workshop, or of the whole station. Artisans see their own only."""
    return await statement(session, actor, workshop, before=before, most=limit)


@get(
    "/api/reports/shows/{show_id:int}",
    opt=allow(REPORT_VIEWERS),
    security=MEMBERS_ONLY,
    responses=problems(401, 403, 404, 422),
    tags=["reports"],
    summary="What a show came to",
)
async def report(
    show_id: PathId,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Report:
    """For each line-up item when it was shown, and the scans, holds and sales that followed."""
    return await show_report(session, actor, show_id, now)


ROUTES: list[ControllerRouterHandler] = [
    HoldController,
    OrderController,
    ledger,
    report,
]
