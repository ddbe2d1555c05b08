"""A buyer's whole number on a family's phone, to be copied onto the parcel."""

from datetime import datetime

from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ARTISANS, Actor, allow
from catalog.answers import page
from shop import work_orders
from shop.phones import see_parcel_phone


@post(
    "/workshop/work-orders/{work_order_id:int}/phone", opt=allow(ARTISANS), include_in_schema=False
)
async def parcel_phone(
    work_order_id: FromPath[int],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template:
    """Where the parcel goes, with the number; that somebody looked is written down."""
    work_order = await work_orders.work_order_for(session, actor, work_order_id)
    number = see_parcel_phone(session, actor, work_order, now)
    return page("shop/artisan_phone.html", work_order=work_order, number=number)


ROUTES: list[ControllerRouterHandler] = [parcel_phone]
