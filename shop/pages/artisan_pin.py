"""The PIN before a family's money: set once, asked afterwards."""

from datetime import datetime
from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect, Template
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import ARTISANS, Actor, allow
from catalog.answers import page, see_other
from catalog.errors import Invalid
from catalog.forms import read_form
from shop.context import Shop
from shop.errors import PinLocked
from shop.pin import enter_pin, has_pin, money_is_open, read_new_pin, set_pin
from shop.web.problems import STATUSES
from shop.web.visit import SESSION_COOKIE

type_request = Request[Any, Any, Any]

_PATH = "/workshop/earnings/pin"
_MONEY = "/workshop/earnings"
# What is asked for a PIN first (`shop.web.pin_gate`).
_GATED = (_MONEY, "/workshop/letters")


@get(_PATH, opt=allow(ARTISANS), include_in_schema=False)
async def pin_page(
    request: type_request,
    session: NamedDependency[AsyncSession],
    actor: NamedDependency[Actor],
    now: NamedDependency[datetime],
    next: FromQuery[str] = "",  # noqa: A002
) -> Template | Redirect:
    """Asks for the PIN, or for a new one; where money is open already, on to it."""
    after = _after(next)
    if await money_is_open(session, request.cookies.get(SESSION_COOKIE, ""), now):
        return see_other(after)
    return _ask("enter" if await has_pin(session, actor) else "new", after)


@post(_PATH, opt=allow(ARTISANS), include_in_schema=False)
async def take_pin(
    request: type_request,
    actor: NamedDependency[Actor],
    shop: NamedDependency[Shop],
    now: NamedDependency[datetime],
) -> Template | Redirect:
    """On to the money; or once more, with what was wrong.

    Takes no session: none may be open while a PIN is hashed.
    """
    typed = await read_form(request)
    after, first = _after(typed.get("next", "")), typed.get("first", "")
    browser = request.cookies.get(SESSION_COOKIE, "")
    async with shop.database.reading() as session:
        step = "enter" if await has_pin(session, actor) else "again" if first else "new"
    try:
        if step == "new":
            return _ask("again", after, first=read_new_pin(typed.get("pin")))
        if step == "again":
            await set_pin(shop.database, actor, browser, first, typed.get("pin"), now)
        else:
            await enter_pin(shop.database, actor, browser, typed.get("pin"), now)
    except Invalid as error:
        step = "new" if step == "again" else step
        return _ask(step, after, errors=error.errors, status=422)
    except PinLocked as refusal:
        return _ask("locked", after, status=STATUSES[PinLocked], text=refusal.text)
    return see_other(after)


def _after(wanted: str) -> str:
    return wanted if wanted.startswith(_GATED) else _MONEY


def _ask(
    step: str,
    after: str,
    *,
    first: str = "",
    errors: dict[str, str] | None = None,
    status: int = 200,
    text: str = "",
) -> Template:
    return page(
        "shop/artisan_pin.html",
        status=status,
        step=step,
        next=after,
        first=first,
        errors=errors or {},
        text=text,
    )


ROUTES: list[ControllerRouterHandler] = [pin_page, take_pin]
