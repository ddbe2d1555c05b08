"""The station's own settings: the payment code that buyers scan, and the words beside it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import MANAGERS, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid
from catalog.forms import read_file, read_form
from catalog.pages.desk_product import MOST_UPLOAD
from catalog.workshops import station_by_id
from media.storage import Storage
from shop.context import Shop
from shop.pay_code import change_pay_code

_PATH = "/desk/station"


@get(_PATH, opt=allow(MANAGERS), include_in_schema=False)
async def station_page(
    session: NamedDependency[AsyncSession], actor: NamedDependency[Actor]
) -> Template:
    """What buyers see of the payment code."""
    return await _page(session, actor)


@post(
    f"{_PATH}/pay-code",
    opt=allow(MANAGERS),
    include_in_schema=False,
    request_max_body_size=MOST_UPLOAD,
)
async def set_pay_code(
    request: Request[Any, Any, Any],
    actor: NamedDependency[Actor],
    shop: NamedDependency[Shop],
    storage: NamedDependency[Storage],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Save the words, and the picture if one was chosen. Takes no session while it is drawn."""
    typed, picture = await read_form(request), await read_file(request, "photo")
    remove = typed.get("remove") == "1"
    try:
        async with shop.database.writing.begin() as session:
            station = await change_pay_code(
                session, storage, actor, typed.get("note"), picture, now, remove=remove
            )
    except Invalid as error:
        async with shop.database.reading() as session:
            return await _page(session, actor, typed, error.errors)
    said = "买家可以扫码付给社工站了。" if station.pay_code_key else "买家看不到收款码。"
    return see_other(_PATH, f"已保存。{said}")


async def _page(
    session: AsyncSession,
    actor: Actor,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Template:
    own = await station_by_id(session, actor.station_id)
    return page(
        "shop/desk_station.html",
        status=422 if errors else 200,
        own=own,
        form={"note": own.pay_note, **(typed or {})},
        errors=errors or {},
    )


ROUTES: list[ControllerRouterHandler] = [station_page, set_pay_code]
