"""The station's own settings: who sells here, whether it is open, the payment code, the rules."""

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
from catalog.forms import read_file, read_form, yuan_input
from catalog.pages.desk_product import MOST_UPLOAD
from catalog.workshops import station_by_id
from media.storage import Storage
from shop.business import EXEMPT, FIELDS, change_business
from shop.context import Shop
from shop.pay_code import change_pay_code
from shop.selling_rules import change_rules

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


@post(f"{_PATH}/selling", opt=allow(MANAGERS), include_in_schema=False)
async def set_selling(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """What is asked for before something is sold, and the yearly sum that is told of."""
    typed = await read_form(request)
    try:
        async with session.begin_nested():
            await change_rules(session, actor, typed, now)
    except Invalid as error:
        ticked = typed.get("review_products", "")
        return await _page(session, actor, {**typed, "review_products": ticked}, error.errors)
    return see_other(_PATH, "已保存。")


@post(f"{_PATH}/business", opt=allow(MANAGERS), include_in_schema=False)
async def set_business(
    request: Request[Any, Any, Any],
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """Who sells here, and whether strangers may buy."""
    typed = await read_form(request)
    try:
        station = await change_business(session, actor, typed, now)
    except Invalid as error:
        ticks = {name: typed.get(name) == "1" for name in ("exempt", "is_open")}
        return await _page(session, actor, {**typed, **ticks}, error.errors)
    said = "外面的人可以买了。" if station.is_open else "外面的人现在看不到作品。"
    return see_other(_PATH, f"已保存。{said}")


async def _page(
    session: AsyncSession,
    actor: Actor,
    typed: Mapping[str, object] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Template:
    own = await station_by_id(session, actor.station_id)
    return page(
        "shop/desk_station.html",
        status=422 if errors else 200,
        own=own,
        form={
            **{name: getattr(own, name) for name in FIELDS},
            "credit_code": "" if own.credit_code == EXEMPT else own.credit_code,
            "exempt": own.credit_code == EXEMPT,
            "is_open": own.is_open,
            "note": own.pay_note,
            "review_products": own.review_products,
            "alert_turnover": yuan_input(own.alert_turnover_fen),
            **(typed or {}),
        },
        errors=errors or {},
    )


ROUTES: list[ControllerRouterHandler] = [station_page, set_pay_code, set_selling, set_business]
