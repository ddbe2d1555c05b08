"""A family's weekly letters, on its own screen."""

from litestar import get
from litestar.di import NamedDependency
from litestar.response import Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ARTISANS, Actor, allow
from catalog.answers import page
from shop.letters import aloud, own_letters, parts, sums
from shop.web.pin_gate import ask_pin


@get("/workshop/letters", opt=allow(ARTISANS), guards=[ask_pin], include_in_schema=False)
async def letters_page(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> Template:
    """The latest letter whole, the earlier ones below it."""
    found = await own_letters(session, actor)
    return page(
        "shop/artisan_letters.html",
        letters=[(one, sums(one.facts), parts(one.facts)) for one in found],
        said="".join(aloud(found[0])) if found else "",
    )


ROUTES: list[ControllerRouterHandler] = [letters_page]
