"""The page of one sold piece, which the code on its card opens."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.answers import page
from shop.making import STAGES
from shop.provenance import piece_by_code


@get(["/P/{code:str}", "/p/{code:str}"], opt=allow(EVERYONE), include_in_schema=False)
async def piece(code: FromPath[str], session: NamedDependency[AsyncSession]) -> Template:
    """Genuine, and sold; who made it, of what, how. Nothing is told of its buyer."""
    found = await piece_by_code(session, code)
    return page("shop/piece.html", station=found.station, piece=found, stages=STAGES)


ROUTES: list[ControllerRouterHandler] = [piece]
