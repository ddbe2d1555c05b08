"""What a family has earned, on its phone."""

from litestar import get
from litestar.di import NamedDependency
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ARTISANS, Actor, allow
from catalog.answers import page
from catalog.errors import NotFound
from shop import ledger
from shop.earnings import list_earnings


@get("/workshop/earnings", opt=allow(ARTISANS), include_in_schema=False)
async def earnings(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> Template:
    """What the family is owed, and what it is made up of."""
    if actor.workshop_id is None:
        raise NotFound("workshop")
    return page(
        "shop/artisan_earnings.html",
        owed_fen=await ledger.balance_fen(session, actor.workshop_id),
        entries=await list_earnings(session, actor.station_id, actor.workshop_id),
    )


ROUTES: list[ControllerRouterHandler] = [earnings]
