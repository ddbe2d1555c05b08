"""A buyer answers about a new day, on the order's page: by its token, with scripts off."""

from datetime import datetime
from typing import Any

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.access import EVERYONE, allow
from catalog.answers import see_other
from catalog.errors import NotFound
from catalog.forms import read_form, read_number
from shop.dates import cancel_for_date, keep_date
from shop.errors import DateAnswered, WrongWorkOrderState

_ANSWERS = {
    "keep": (keep_date, "好的，等您的这件做好。"),
    "cancel": (cancel_for_date, "取消了，钱在退给您。"),
}


@post("/o/{token:str}/date", opt=allow(EVERYONE), include_in_schema=False)
async def answer(
    request: Request[Any, Any, Any],
    token: FromPath[str],
    session: NamedDependency[AsyncSession],
    now: NamedDependency[datetime],
) -> Redirect:
    """Keep it, or have it all back; then the order as it stands."""
    typed = await read_form(request)
    if typed.get("answer") not in _ANSWERS:
        raise NotFound("answer")
    take, said = _ANSWERS[typed["answer"]]
    try:
        async with session.begin_nested():
            await take(session, token, read_number(typed.get("change", "")) or 0, now)
    except (DateAnswered, WrongWorkOrderState) as refusal:
        return see_other(f"/o/{token}", refusal.text, kind="warn")
    return see_other(f"/o/{token}", said)


ROUTES: list[ControllerRouterHandler] = [answer]
